//! The two schemas of the saved state.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use wod_zone::Npc;

use crate::{Bazaar, Stall};

/// Schema 1: each stall has its items.
#[derive(Serialize, Deserialize)]
pub struct One {
    stalls: Vec<Stall>,
    people: Vec<Npc>,
}

/// Schema 2: each item has its stall.
#[derive(Serialize, Deserialize)]
pub struct Two {
    keepers: Vec<Npc>,
    /// By item, which of the keepers.
    shelf: BTreeMap<u64, usize>,
    people: Vec<Npc>,
}

impl<E> From<&Bazaar<E>> for One {
    fn from(bazaar: &Bazaar<E>) -> Self {
        Self { stalls: bazaar.stalls.clone(), people: bazaar.people.clone() }
    }
}

impl<E> From<&Bazaar<E>> for Two {
    fn from(bazaar: &Bazaar<E>) -> Self {
        let shelf =
            |(index, stall): (usize, &Stall)| stall.items.iter().map(move |item| (*item, index)).collect::<Vec<_>>();
        Self {
            keepers: bazaar.stalls.iter().map(|stall| stall.keeper).collect(),
            shelf: bazaar.stalls.iter().enumerate().flat_map(shelf).collect(),
            people: bazaar.people.clone(),
        }
    }
}

impl<E> From<One> for Bazaar<E> {
    fn from(One { stalls, people }: One) -> Self {
        Self { stalls, people, edition: std::marker::PhantomData }
    }
}

impl<E> From<Two> for Bazaar<E> {
    fn from(Two { keepers, shelf, people }: Two) -> Self {
        let mut stalls: Vec<Stall> =
            keepers.into_iter().map(|keeper| Stall { keeper, items: BTreeSet::new() }).collect();
        for (item, stall) in shelf {
            stalls[stall].items.insert(item);
        }
        Self { stalls, people, edition: std::marker::PhantomData }
    }
}
