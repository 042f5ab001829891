//! Everything that people can do with goods, at random, in two zones and between them, while hosts die and modules are replaced.
//! Whatever happens, everything is there, and once.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};
use wod_testkit::World;
use wod_zone::goods::{Census, ThingId};

use crate::hall::{BORDER, Hall, NORTH, STEP, census, east, last_told, west};

const PEOPLE: [&str; 3] = ["Ann", "Bob", "Cy"];
/// Lives, and deeds in each.
const LIVES: u32 = 128;
const DEEDS: usize = 120;
/// Trades that must have come about in all of them together; more than twice as many do.
const TRADES: usize = 64;

/// Something that somebody does, or that befalls a zone. Numbers choose among what there is.
#[derive(Debug, Clone)]
enum Deed {
    Ask {
        who: usize,
        whom: usize,
    },
    Offer {
        who: usize,
        whom: usize,
        picks: Vec<(usize, u32)>,
    },
    /// What is on the table, or what was a turn ago.
    Accept {
        who: usize,
        whom: usize,
        late: bool,
    },
    Cancel {
        who: usize,
        whom: usize,
    },
    /// The first so many steps of a whole trade; the last of them in the tick to come.
    Deal {
        who: usize,
        whom: usize,
        given: (usize, u32),
        gotten: (usize, u32),
        steps: usize,
    },
    Give {
        who: usize,
        whom: usize,
        pick: (usize, u32),
    },
    OpenChest(usize),
    CloseChest(usize),
    Take {
        who: usize,
        pick: (usize, u32),
    },
    Put {
        who: usize,
        pick: (usize, u32),
    },
    Cross(usize),
    LoseConnection(usize),
    LogInAgain(usize),
    Crash(usize),
    Restart(usize),
    Swap(usize),
    /// Time passes: what was done until here was done in one tick.
    Ticks(u64),
}

fn deed() -> impl Strategy<Value = Deed> {
    let (who, zone) = (0..PEOPLE.len(), 0..2_usize);
    // Mostly few of what may be single.
    let pick = (0..8_usize, prop_oneof![0..2_u32, 0..12_u32]);
    let pair = (who.clone(), 1..PEOPLE.len()).prop_map(|(who, next)| (who, (who + next) % PEOPLE.len()));
    prop_oneof![
        8 => (pair.clone(), pick.clone(), pick.clone(), 1..=6_usize)
            .prop_map(|((who, whom), given, gotten, steps)| Deed::Deal { who, whom, given, gotten, steps }),
        2 => pair.clone().prop_map(|(who, whom)| Deed::Ask { who, whom }),
        4 => (pair.clone(), prop::collection::vec(pick.clone(), 0..4))
            .prop_map(|((who, whom), picks)| Deed::Offer { who, whom, picks }),
        8 => (pair.clone(), prop::bool::weighted(0.1)).prop_map(|((who, whom), late)| Deed::Accept { who, whom, late }),
        3 => pair.clone().prop_map(|(who, whom)| Deed::Cancel { who, whom }),
        4 => (pair, pick.clone()).prop_map(|((who, whom), pick)| Deed::Give { who, whom, pick }),
        3 => who.clone().prop_map(Deed::OpenChest),
        1 => who.clone().prop_map(Deed::CloseChest),
        3 => (who.clone(), pick.clone()).prop_map(|(who, pick)| Deed::Take { who, pick }),
        3 => (who.clone(), pick).prop_map(|(who, pick)| Deed::Put { who, pick }),
        3 => who.clone().prop_map(Deed::Cross),
        1 => who.clone().prop_map(Deed::LoseConnection),
        1 => who.prop_map(Deed::LogInAgain),
        1 => zone.clone().prop_map(Deed::Crash),
        1 => zone.clone().prop_map(Deed::Restart),
        1 => zone.prop_map(Deed::Swap),
        8 => (1..30_u64).prop_map(Deed::Ticks),
    ]
}

/// Two zones and the people in them.
struct Port {
    zones: [World; 2],
    /// Which zone each is in.
    place: [usize; PEOPLE.len()],
    /// Each thing and who had it, as they were counted last.
    known: Vec<(ThingId, String)>,
    traded: usize,
}

impl Port {
    fn open() -> Self {
        let mut zones = [west().start(), east().start()];
        for name in PEOPLE {
            zones[0].player(name).waits(0.2);
        }
        let mut port = Self { zones, place: [0; PEOPLE.len()], known: Vec::new(), traded: 0 };
        let now = port.census();
        port.note(&now);
        port
    }

    fn zone_of(&mut self, who: usize) -> &mut World {
        &mut self.zones[self.place[who]]
    }

    /// Everything in both zones.
    fn census(&mut self) -> Census {
        let [west, east] = &mut self.zones;
        let mut all = census(west);
        all.add_all(census(east));
        assert!(
            all.doubled().is_empty(),
            "{:?} are there twice:\n{all}\n{}",
            all.doubled(),
            self.zones[0].transcript()
        );
        all
    }

    fn note(&mut self, census: &Census) {
        self.known = census.things().iter().map(|(id, counted)| (*id, counted.holder.clone())).collect();
    }

    /// One of the things that this holder had when they were counted; of none, anybody's.
    fn pick(&self, holder: &str, (index, count): (usize, u32)) -> Value {
        let hers: Vec<ThingId> =
            self.known.iter().filter(|(_, had)| had.starts_with(holder)).map(|(id, _)| *id).collect();
        let id = hers.get(index % hers.len().max(1)).copied().unwrap_or(self.known[index % self.known.len()].0);
        if count == 0 { json!({ "id": id }) } else { json!({ "id": id, "count": count }) }
    }

    fn picks(&self, holder: &str, picks: &[(usize, u32)]) -> Value {
        Value::Array(picks.iter().map(|pick| self.pick(holder, *pick)).collect())
    }

    /// A verb in the tick to come, if she sees whom or what it is for.
    fn does(&mut self, who: usize, verb: &str, target: &str, args: &Value) {
        let person = self.zone_of(who).player(PEOPLE[who]);
        if person.sees(target) {
            person.sends(verb, target, args);
        }
    }

    fn tick(&mut self, ticks: u64) {
        for _ in 0..ticks {
            self.zones.iter_mut().for_each(World::tick);
        }
        // Who has crossed goes on over there.
        for (who, name) in PEOPLE.into_iter().enumerate() {
            if !self.zones[self.place[who]].players().iter().any(|player| player == name) {
                let [west, east] = &mut self.zones;
                let (from, to) = if self.place[who] == 0 { (west, east) } else { (east, west) };
                from.run(0.2);
                assert!(from.hand_over(name, to), "{name} is nowhere");
                self.place[who] = 1 - self.place[who];
            }
        }
    }

    fn act(&mut self, deed: &Deed) {
        match deed {
            Deed::Ask { who, whom } => self.does(*who, "trade", PEOPLE[*whom], &Value::Null),
            Deed::Offer { who, whom, picks } => {
                let wish = json!({ "do": "offer", "things": self.picks(PEOPLE[*who], picks) });
                self.does(*who, "trade", PEOPLE[*whom], &wish);
            }
            Deed::Accept { who, whom, late } => {
                let turn = last_told(self.zone_of(*who), PEOPLE[*who], "trade")["turn"].as_u64().unwrap_or_default();
                let wish = json!({ "do": "accept", "turn": turn.saturating_sub(u64::from(*late)) });
                self.does(*who, "trade", PEOPLE[*whom], &wish);
            }
            Deed::Cancel { who, whom } => self.does(*who, "trade", PEOPLE[*whom], &json!({ "do": "cancel" })),
            Deed::Deal { who, whom, given, gotten, steps } => {
                let deal = [
                    Deed::Ask { who: *who, whom: *whom },
                    Deed::Ask { who: *whom, whom: *who },
                    Deed::Offer { who: *who, whom: *whom, picks: vec![*given] },
                    Deed::Offer { who: *whom, whom: *who, picks: vec![*gotten] },
                    Deed::Accept { who: *who, whom: *whom, late: false },
                    Deed::Accept { who: *whom, whom: *who, late: false },
                ];
                for (step, deed) in deal.iter().take(*steps).enumerate() {
                    if step > 0 {
                        self.tick(2);
                    }
                    self.act(deed);
                }
            }
            Deed::Give { who, whom, pick } => {
                let gift = json!({ "things": self.picks(PEOPLE[*who], &[*pick]) });
                self.does(*who, "give", PEOPLE[*whom], &gift);
            }
            Deed::OpenChest(who) => self.does(*who, "open", "Chest", &Value::Null),
            Deed::CloseChest(who) => self.does(*who, "close", "Chest", &Value::Null),
            Deed::Take { who, pick } => {
                let picks = json!({ "things": self.picks("container", &[*pick]) });
                self.does(*who, "take", "Chest", &picks);
            }
            Deed::Put { who, pick } => {
                let picks = json!({ "things": self.picks(PEOPLE[*who], &[*pick]) });
                self.does(*who, "put", "Chest", &picks);
            }
            Deed::Cross(who) => {
                let over = if self.place[*who] == 0 { BORDER + STEP } else { BORDER - STEP };
                self.zone_of(*who).player(PEOPLE[*who]).steps_to(over, NORTH);
                self.tick(2);
            }
            Deed::LoseConnection(who) => {
                let zone = self.zone_of(*who);
                zone.player(PEOPLE[*who]).loses_connection().comes_back();
                self.tick(1);
            }
            Deed::LogInAgain(who) => {
                let zone = self.zone_of(*who);
                zone.player(PEOPLE[*who]).leaves();
                zone.player(PEOPLE[*who]).waits(0.2);
                self.tick(1);
            }
            Deed::Crash(zone) => self.zones[*zone].crash(),
            Deed::Restart(zone) => self.zones[*zone].restart(),
            Deed::Swap(zone) => self.zones[*zone].swap::<Hall>(),
            Deed::Ticks(ticks) => self.tick(*ticks),
        }
    }

    /// Two players have laid out and agreed on something.
    fn count_trades(&mut self) {
        for zone in &mut self.zones {
            self.traded += zone.ask("log").unwrap().matches("trades with").count();
        }
    }
}

/// How many of each kind, and which single things, there are.
fn sums(census: &Census) -> (BTreeMap<String, u64>, BTreeSet<ThingId>) {
    let kinds: BTreeSet<&String> = census.things().values().map(|counted| &counted.kind).collect();
    let totals = kinds.into_iter().map(|kind| (kind.clone(), census.total(kind))).collect();
    let single = census.things().iter().filter(|(_, counted)| counted.kind != "coin").map(|(id, _)| *id).collect();
    (totals, single)
}

#[test]
fn whatever_people_do_and_whatever_befalls_their_zones_nothing_is_doubled_and_nothing_lost() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: LIVES,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let traded = std::cell::Cell::new(0);
    runner
        .run(&prop::collection::vec(deed(), DEEDS), |deeds| {
            let mut port = Port::open();
            let before = sums(&port.census());
            for deed in &deeds {
                port.act(deed);
                if matches!(deed, Deed::Ticks(_) | Deed::Cross(_) | Deed::Crash(_) | Deed::Swap(_)) {
                    port.tick(1);
                    let now = port.census();
                    prop_assert_eq!(&sums(&now), &before, "after {:?}", deed);
                    port.note(&now);
                }
            }
            port.tick(40);
            prop_assert_eq!(sums(&port.census()), before);
            port.count_trades();
            traded.set(traded.get() + port.traded);
            Ok(())
        })
        .unwrap();
    assert!(traded.get() > TRADES, "{} trades in {LIVES} lives: the test tests too little", traded.get());
}
