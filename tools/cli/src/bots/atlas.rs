//! What the bots of one process have found out together: zones, their ground, and what leads where.
//!
//! The protocol tells a client only about the zone it is in. So scouts walk out over each border and into each portal once;
//! where nothing lies behind a border, the zone answers with a `correct`, which the report counts as a probe.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wod_protocol::client::ZoneInfo;

use super::clock::Dice;
use super::ground::{Cell, Ground, Side, Spot, distance};

/// Longest stretch of a border that counts as one way out, metres.
const STRETCH: f64 = 16.0;

/// Shared by all bots of a process.
#[derive(Default)]
pub(super) struct Atlas(Mutex<BTreeMap<String, Zone>>);

struct Zone {
    /// How many were known before it.
    found: usize,
    region: String,
    bounds: [f64; 4],
    /// Where somebody stood in it: what can't be walked to from here is not used.
    entry: Spot,
    ground: Option<Arc<Ground>>,
    exits: Vec<Exit>,
}

impl Zone {
    /// The next way out for a scout: portals first, because each leads somewhere; then one at a time of each side.
    fn untried(&self) -> Option<usize> {
        let is_tried = |side| self.exits.iter().any(|exit| exit.side == side && exit.leads == Leads::Tried);
        let is_open = |exit: &Exit| exit.leads == Leads::Unknown && (exit.side.is_none() || !is_tried(exit.side));
        let portal = self.exits.iter().position(|exit| exit.side.is_none() && is_open(exit));
        portal.or_else(|| self.exits.iter().position(is_open))
    }
}

/// A way out of a zone.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Exit {
    /// Where to walk first.
    pub(super) cell: Cell,
    /// Where to walk then, straight; relative to the zone's south-west corner.
    pub(super) beyond: Spot,
    side: Option<Side>,
    leads: Leads,
}

#[derive(Debug, Clone, PartialEq)]
enum Leads {
    Unknown,
    /// A scout is on its way.
    Tried,
    To(String),
    Nowhere,
}

/// A way out, by its zone and place in the zone's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExitRef {
    pub(super) zone: String,
    index: usize,
}

/// Where a cluster of bots stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Home {
    pub(super) zone: String,
    pub(super) cell: Cell,
}

impl Atlas {
    /// A bot is in this zone; true when nobody knew of it.
    pub(super) fn enter(&self, info: &ZoneInfo) -> bool {
        let mut zones = self.lock();
        if zones.contains_key(&info.zone) {
            return false;
        }
        let entry = [info.x - info.bounds[0], info.y - info.bounds[1]];
        let found = zones.len();
        let zone =
            Zone { found, region: info.region.clone(), bounds: info.bounds, entry, ground: None, exits: Vec::new() };
        zones.insert(info.zone.clone(), zone);
        true
    }

    /// The zone's map has been read.
    pub(super) fn survey(&self, name: &str, ground: Arc<Ground>) {
        let entry = self.lock().get(name).map(|zone| zone.entry);
        let exits = entry.map(|entry| exits(&ground, entry)).unwrap_or_default();
        let mut zones = self.lock();
        if let Some(zone) = zones.get_mut(name) {
            zone.ground = Some(ground);
            zone.exits = exits;
        }
        join_borders(&mut zones);
    }

    pub(super) fn ground(&self, zone: &str) -> Option<Arc<Ground>> {
        self.lock().get(zone)?.ground.clone()
    }

    /// Whether nothing is left to find out.
    pub(super) fn is_known(&self) -> bool {
        let zones = self.lock();
        let settled = |zone: &Zone| {
            zone.ground.is_some() && zone.exits.iter().all(|exit| !matches!(exit.leads, Leads::Unknown | Leads::Tried))
        };
        !zones.is_empty() && zones.values().all(settled)
    }

    /// For a scout in this zone: a way out that nobody has tried, or the first step to one in another zone.
    pub(super) fn unknown(&self, from: &str) -> Option<ExitRef> {
        let mut zones = self.lock();
        let (target, step) = first_step(&zones, from, |zone| zone.untried().is_some())?;
        if target != from {
            return step;
        }
        let zone = zones.get_mut(from)?;
        let index = zone.untried()?;
        zone.exits[index].leads = Leads::Tried;
        Some(ExitRef { zone: from.to_owned(), index })
    }

    /// The first way out on the shortest route to another zone.
    pub(super) fn toward(&self, from: &str, to: &str) -> Option<ExitRef> {
        let zones = self.lock();
        let target = zones.get(to)?.bounds;
        first_step(&zones, from, |zone| zone.bounds == target)?.1
    }

    /// Any way out of this zone that leads somewhere.
    pub(super) fn any_exit(&self, from: &str, dice: &mut Dice) -> Option<ExitRef> {
        let zones = self.lock();
        let exits = &zones.get(from)?.exits;
        let open: Vec<_> = (0..exits.len()).filter(|index| matches!(exits[*index].leads, Leads::To(_))).collect();
        let index = *open.get(dice.below(open.len()))?;
        Some(ExitRef { zone: from.to_owned(), index })
    }

    pub(super) fn exit(&self, exit: &ExitRef) -> Option<Exit> {
        self.lock().get(&exit.zone)?.exits.get(exit.index).cloned()
    }

    /// Somebody went out there and is in another zone now; none: nothing lies behind it.
    pub(super) fn resolve(&self, exit: &ExitRef, led_to: Option<&str>) {
        let mut zones = self.lock();
        let Some(zone) = zones.get_mut(&exit.zone) else { return };
        let Some(side) = zone.exits.get(exit.index).map(|exit| exit.side) else { return };
        match led_to {
            Some(to) => zone.exits[exit.index].leads = Leads::To(to.to_owned()),
            None => {
                zone.exits[exit.index].leads = Leads::Nowhere;
                // One probe a side: neighbours that lie there only in part are found from their own side.
                let same_side =
                    |other: &&mut Exit| side.is_some() && other.side == side && other.leads == Leads::Unknown;
                zone.exits.iter_mut().filter(same_side).for_each(|other| other.leads = Leads::Nowhere);
            }
        }
    }

    /// Whether a scout is on its way there.
    pub(super) fn is_tried(&self, exit: &ExitRef) -> bool {
        self.exit(exit).is_some_and(|exit| exit.leads == Leads::Tried)
    }

    /// A scout did not get there: somebody else may try.
    pub(super) fn give_back(&self, exit: &ExitRef) {
        let mut zones = self.lock();
        let known = zones.get_mut(&exit.zone).and_then(|zone| zone.exits.get_mut(exit.index));
        if let Some(exit) = known.filter(|exit| exit.leads == Leads::Tried) {
            exit.leads = Leads::Unknown;
        }
    }

    /// How many zones have been surveyed.
    pub(super) fn surveyed(&self) -> usize {
        self.lock().values().filter(|zone| zone.ground.is_some()).count()
    }

    /// Places for clusters, `spacing` metres apart, the zones in turn: in the order in which they were found, so that the first place of
    /// each stays where it is in the list.
    pub(super) fn homes(&self, spacing: f64) -> Vec<Home> {
        let mut surveyed: Vec<_> = {
            let zones = self.lock();
            let surveyed =
                |(name, zone): (&String, &Zone)| Some((zone.found, name.clone(), zone.entry, zone.ground.clone()?));
            zones.iter().filter_map(surveyed).collect()
        };
        surveyed.sort_unstable_by_key(|(found, ..)| *found);
        let by_zone: Vec<(String, Vec<Cell>)> = surveyed
            .into_iter()
            .filter_map(|(_, name, entry, ground)| {
                let from = ground.enter(entry)?;
                let cells = ground.spread(from, spacing);
                Some((name, if cells.is_empty() { vec![from] } else { cells }))
            })
            .collect();
        let most = by_zone.iter().map(|(_, cells)| cells.len()).max().unwrap_or(0);
        let turn = |index: usize| {
            by_zone.iter().filter_map(move |(zone, cells)| Some(Home { zone: zone.clone(), cell: *cells.get(index)? }))
        };
        (0..most).flat_map(turn).collect()
    }

    /// Names of the zones seen.
    pub(super) fn zones(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Zone>> {
        // No lock is held over code that can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn exits(ground: &Ground, entry: Spot) -> Vec<Exit> {
    let Some(from) = ground.enter(entry) else { return Vec::new() };
    let field = ground.field(from);
    let mut exits = Vec::new();
    for (cell, side) in ground.edges(STRETCH) {
        let (at, out) = (ground.centre(cell), side.out());
        let beyond = [at[0] + 1.5 * out[0], at[1] + 1.5 * out[1]];
        if field.leads(cell, from) && ground.leg_is_free(at, beyond) {
            exits.push(Exit { cell, beyond, side: Some(side), leads: Leads::Unknown });
        }
    }
    for portal in &ground.map.portals {
        let near = ground.enter(portal.at).filter(|cell| distance(ground.centre(*cell), portal.at) <= portal.radius);
        if let Some(cell) = near.filter(|cell| field.leads(*cell, from)) {
            exits.push(Exit { cell, beyond: portal.at, side: None, leads: Leads::Unknown });
        }
    }
    exits
}

/// Ways out that end in a zone that is known already need no scout.
fn join_borders(zones: &mut BTreeMap<String, Zone>) {
    let planes: Vec<_> = zones.iter().map(|(name, zone)| (name.clone(), zone.region.clone(), zone.bounds)).collect();
    for zone in zones.values_mut() {
        let [x0, y0, ..] = zone.bounds;
        for exit in zone.exits.iter_mut().filter(|exit| exit.side.is_some() && exit.leads == Leads::Unknown) {
            let (x, y) = (x0 + exit.beyond[0], y0 + exit.beyond[1]);
            let holds = |[x0, y0, x1, y1]: [f64; 4]| x >= x0 && x < x1 && y >= y0 && y < y1;
            if let Some((name, ..)) = planes.iter().find(|(_, region, bounds)| *region == zone.region && holds(*bounds))
            {
                exit.leads = Leads::To(name.clone());
            }
        }
    }
}

/// Breadth first over what is known: the nearest zone that is wanted, and the way out of `from` that leads there.
fn first_step(
    zones: &BTreeMap<String, Zone>,
    from: &str,
    wanted: impl Fn(&Zone) -> bool,
) -> Option<(String, Option<ExitRef>)> {
    let mut seen = BTreeSet::from([from.to_owned()]);
    let mut queue = VecDeque::from([(from.to_owned(), None::<ExitRef>)]);
    while let Some((name, step)) = queue.pop_front() {
        let zone = zones.get(&name)?;
        if wanted(zone) {
            return Some((name, step));
        }
        for (index, exit) in zone.exits.iter().enumerate() {
            let Leads::To(to) = &exit.leads else { continue };
            if zones.contains_key(to) && seen.insert(to.clone()) {
                let step = step.clone().or_else(|| Some(ExitRef { zone: name.clone(), index }));
                queue.push_back((to.clone(), step));
            }
        }
    }
    None
}
