//! Which host a zone belongs on: decided by every host for itself from the same figures, and carried out by leases alone.
//!
//! A host's rank for a zone: first whether the world file wants it there (`hosts`, `apart_from`), then whether it is of the
//! zone's region, then how much of its workers' time is free. Load is measured tick time; a zone counts for
//! [`LEAST_LOAD`] at least, so that idle zones spread too.

use std::cmp::Reverse;

use wod_protocol::ids::{HostId, ZoneNo};
use wod_protocol::registry::HostLoad;
use wod_protocol::world::{World, Zone};

/// What an idle zone counts for, per mille of a worker.
const LEAST_LOAD: u32 = 5;
/// Worker time, per mille, by which two hosts' loads must differ for a zone to move: at least this, and more than twice what
/// the zone itself would change. Over it a host gives zones away, under it nothing moves to and fro.
const MARGIN: u32 = 100;
/// Per mille of its workers' time over which a host is full: it gives zones away to whoever has more room, whatever the margin.
const FULL: u32 = 800;

/// How far a host is from where the world file and the region want a zone; less is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tier {
    unwanted: bool,
    crowded: bool,
    foreign: bool,
}

impl Tier {
    /// Nothing speaks against it.
    pub(crate) fn is_at_home(self) -> bool {
        self == Self { unwanted: false, crowded: false, foreign: false }
    }
}

/// A zone to be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) zone: ZoneNo,
    pub(crate) to: HostId,
}

/// How `host` suits a zone.
pub(crate) fn tier(world: &World, zone: &Zone, host: &HostLoad) -> Tier {
    let runs = |number: ZoneNo| host.zones.iter().any(|load| load.zone == number);
    let apart = |a: &Zone, b: &Zone| a.number != b.number && a.apart_from.contains(&b.name);
    let crowded = world.zones.iter().any(|other| runs(other.number) && (apart(zone, other) || apart(other, zone)));
    Tier {
        unwanted: !zone.hosts.is_empty() && !zone.hosts.contains(&host.host),
        crowded,
        foreign: !host.region.is_empty() && host.region != zone.region(),
    }
}

/// The hosts that may take a zone, best first.
pub(crate) fn ranking<'a>(world: &World, zone: &Zone, hosts: &'a [HostLoad]) -> Vec<(Tier, &'a HostLoad)> {
    let mut ranked: Vec<_> =
        hosts.iter().filter(|host| !host.draining).map(|host| (tier(world, zone, host), host)).collect();
    ranked.sort_by_key(|(tier, host)| (*tier, Reverse(room(host)), &host.host));
    ranked
}

/// What `me` should give away now, if anything: everything, one after the other, while it drains; what is better placed
/// elsewhere; and the densest zone that evens loads out.
pub(crate) fn next_move(world: &World, me: &HostId, hosts: &[HostLoad]) -> Option<Move> {
    let mine = hosts.iter().find(|host| host.host == *me)?;
    let mut zones = mine.zones.clone();
    // The densest first: what relieves most.
    zones.sort_by_key(|load| (Reverse((load.load, load.players)), load.zone));
    let others: Vec<HostLoad> = hosts.iter().filter(|host| host.host != *me).cloned().collect();
    zones.iter().find_map(|load| {
        let zone = world.zone(load.zone)?;
        let (there, best) = *ranking(world, zone, &others).first()?;
        let here = tier(world, zone, &without(mine, load.zone));
        let wanted = mine.draining || there < here || (there == here && evens_out(mine, best, weight(load.load)));
        wanted.then(|| Move { zone: load.zone, to: best.host.clone() })
    })
}

/// Whether moving so much load from one host to the other brings them closer together, and by enough.
fn evens_out(from: &HostLoad, to: &HostLoad, moved: u32) -> bool {
    let share = |load: u32, host: &HostLoad| load / host.workers.max(1);
    let (here, there) = (total(from), total(to));
    let better = share(here, from) > share(there + moved, to);
    let apart = share(here, from).saturating_sub(share(there, to));
    let full = share(here, from) > FULL && share(there + moved, to) < FULL;
    // The last zone of a host stays: it has all of it already.
    from.zones.len() > 1 && better && (full || apart > MARGIN.max(2 * share(moved, from)) || by_count(from, to))
}

/// Idle zones spread by their number: one more than twice as many is too many.
fn by_count(from: &HostLoad, to: &HostLoad) -> bool {
    let idle = |host: &HostLoad| total(host) <= MARGIN * host.workers.max(1);
    idle(from) && idle(to) && from.zones.len() > 2 * to.zones.len() + 1
}

fn room(host: &HostLoad) -> i64 {
    i64::from(1000 * host.workers.max(1)) - i64::from(total(host))
}

fn total(host: &HostLoad) -> u32 {
    host.zones.iter().map(|zone| weight(zone.load)).sum()
}

/// What a zone of that load counts for.
pub(crate) fn weight(load: u32) -> u32 {
    load.max(LEAST_LOAD)
}

fn without(host: &HostLoad, zone: ZoneNo) -> HostLoad {
    let zones = host.zones.iter().filter(|load| load.zone != zone).copied().collect();
    HostLoad { zones, ..host.clone() }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says more by panicking")]
mod tests {
    use wod_protocol::registry::ZoneLoad;

    use super::*;

    fn world(more: &str) -> World {
        let zone = |number: u32, region: &str| {
            let x = number * 100;
            format!(
                "[[zone]]\nname = \"{region}.z{number}\"\nnumber = {number}\nmodule = \"m\"\norigin = [{x}, 0]\nsize = [50, 50]\n"
            )
        };
        let zones: String = (1..=6).map(|number| zone(number, if number < 5 { "nyc" } else { "la" })).collect();
        World::parse(&format!("start = \"nyc.z1\"\n{zones}{more}")).unwrap()
    }

    fn host(name: &str, region: &str, zones: &[(u16, u32)]) -> HostLoad {
        let zones =
            zones.iter().map(|(zone, load)| ZoneLoad { zone: ZoneNo(*zone), load: *load, players: 0 }).collect();
        HostLoad { host: name.into(), region: region.into(), workers: 1, draining: false, zones, modules: Vec::new() }
    }

    fn names(ranked: &[(Tier, &HostLoad)]) -> Vec<String> {
        ranked.iter().map(|(_, host)| host.host.to_string()).collect()
    }

    fn moved(world: &World, hosts: &[HostLoad]) -> Option<(u16, String)> {
        next_move(world, &"a".into(), hosts).map(|Move { zone, to }| (zone.0, to.to_string()))
    }

    #[test]
    fn a_zone_goes_to_its_region_first_and_there_to_whoever_has_most_room() {
        let hosts = [host("a", "la", &[]), host("b", "nyc", &[(1, 700)]), host("c", "nyc", &[(2, 100), (3, 100)])];
        let world = world("");
        assert_eq!(names(&ranking(&world, world.zone(ZoneNo(4)).unwrap(), &hosts)), ["c", "b", "a"]);
        assert_eq!(names(&ranking(&world, world.zone(ZoneNo(5)).unwrap(), &hosts)), ["a", "c", "b"]);
    }

    #[test]
    fn pins_and_anti_affinity_count_before_regions() {
        let more = "[[zone]]\nname = \"nyc.z7\"\nnumber = 7\nmodule = \"m\"\norigin = [900, 0]\nsize = [50, 50]\nhosts = [\"a\"]\n\
                    [[zone]]\nname = \"nyc.z8\"\nnumber = 8\nmodule = \"m\"\norigin = [990, 0]\nsize = [50, 50]\napart_from = [\"nyc.z1\"]\n";
        let world = world(more);
        let hosts = [host("a", "la", &[(5, 900)]), host("b", "nyc", &[(1, 10)])];
        assert_eq!(names(&ranking(&world, world.zone(ZoneNo(7)).unwrap(), &hosts)), ["a", "b"]);
        assert_eq!(names(&ranking(&world, world.zone(ZoneNo(8)).unwrap(), &hosts)), ["a", "b"]);
        let together = [host("a", "", &[(1, 10), (8, 10)]), host("b", "", &[])];
        assert_eq!(moved(&world, &together), Some((1, "b".into())), "one of the two that shall be apart");
    }

    #[test]
    fn the_densest_zone_moves_that_evens_loads_out_and_then_nothing_does() {
        let world = world("");
        let before = [host("a", "", &[(1, 500), (2, 250), (3, 20)]), host("b", "", &[(4, 10)])];
        assert_eq!(moved(&world, &before), Some((2, "b".into())), "moving the densest would only turn it round");
        let after = [host("a", "", &[(1, 500), (3, 20)]), host("b", "", &[(2, 250), (4, 190)])];
        assert_eq!(moved(&world, &after), None);
        assert_eq!(next_move(&world, &"b".into(), &after), None, "nothing moves to and fro");
        assert_eq!(
            moved(&world, &[host("a", "", &[(1, 950)]), host("b", "", &[])]),
            None,
            "it has a host to itself already"
        );
    }

    #[test]
    fn a_new_host_takes_its_share_of_idle_zones_and_gives_none_back() {
        let world = world("");
        let mut hosts = [host("a", "", &[(1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0)]), host("b", "", &[])];
        let mut moves = 0;
        while let Some(Move { zone, .. }) = next_move(&world, &"a".into(), &hosts) {
            hosts[0].zones.retain(|load| load.zone != zone);
            hosts[1].zones.push(ZoneLoad { zone, load: 0, players: 0 });
            moves += 1;
        }
        assert_eq!(moves, 2);
        assert_eq!(next_move(&world, &"b".into(), &hosts), None);
    }

    #[test]
    fn a_draining_host_gives_everything_away_and_gets_nothing() {
        let world = world("");
        let mut hosts = [host("a", "nyc", &[(1, 0)]), host("b", "la", &[(5, 900)])];
        assert_eq!(moved(&world, &hosts), None, "a host of the region is better, however full");
        hosts[0].draining = true;
        assert_eq!(moved(&world, &hosts), Some((1, "b".into())));
        hosts[1].draining = true;
        assert_eq!(moved(&world, &hosts), None, "there is nobody to take it");
    }
}
