//! Which of this host's workers ticks a zone: decided from the same measured loads by which hosts are compared. A zone that takes most
//! of a worker gets it for itself, the others are evened out. A zone changes its worker between two ticks, with all it has.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wod_protocol::ids::ZoneNo;

use crate::host::Host;
use crate::placement::weight;

/// How often it is looked whether a zone should sit elsewhere.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// It moves when that has been wanted for this long without a break.
const SETTLED: Duration = Duration::from_secs(2);
/// And stays then for this long at least.
const REST: Duration = Duration::from_secs(10);

/// Per mille of a worker's time over which a zone is dense: its ticks are so long that others beside it begin theirs late.
const DENSE: u32 = 500;
/// Until it takes less than this, nobody comes to it.
const STILL_DENSE: u32 = 400;
/// A worker to which those beside a dense zone go is not filled beyond this.
const FULL: u32 = 800;
/// Over this a worker gives zones away even to one that a dense zone has for itself.
const OVERFULL: u32 = 950;
/// Two workers' loads differ by more than this, and by more than twice what the zone itself takes, before it moves to even them out.
const MARGIN: u32 = 100;

/// A zone, the worker that ticks it, and how much of the worker's time it takes, per mille.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seated {
    pub(crate) zone: ZoneNo,
    pub(crate) seat: usize,
    pub(crate) load: u32,
}

/// Until cancelled. Only for hosts with several workers.
pub(crate) async fn run(host: Arc<Host>, workers: usize, stop: CancellationToken) {
    let mut wishes = Wishes::default();
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(look.tick()).await.is_some() {
        for (zone, to) in wishes.due(workers, &host.seated(), Instant::now()) {
            if let Some(port) = host.port(zone) {
                tracing::info!(%zone, from = port.seat(), to, "the zone goes to another worker");
                metrics::counter!("wod_zone_reseats_total").increment(1);
                port.reseat(to);
            }
        }
    }
}

/// The worker for a zone that has just come.
pub(crate) fn free(workers: usize, zones: &[Seated]) -> usize {
    let floor = Floor::new(workers, zones);
    let best = (0..workers).min_by_key(|seat| (floor.is_taken(*seat), floor.total(*seat)));
    best.expect("a host has at least one worker")
}

/// Zones that should sit elsewhere, and since when.
#[derive(Default)]
struct Wishes {
    since: BTreeMap<ZoneNo, Instant>,
    moved: BTreeMap<ZoneNo, Instant>,
}

impl Wishes {
    /// Zones that should change their worker now, and to which.
    fn due(&mut self, workers: usize, zones: &[Seated], now: Instant) -> Vec<(ZoneNo, usize)> {
        self.moved.retain(|_, at| now.duration_since(*at) < REST);
        let mut wanted = plan(workers, zones, &self.moved);
        self.since.retain(|zone, _| wanted.contains_key(zone));
        wanted.retain(|zone, _| now.duration_since(*self.since.entry(*zone).or_insert(now)) >= SETTLED);
        self.moved.extend(wanted.keys().map(|zone| (*zone, now)));
        wanted.into_iter().collect()
    }
}

/// Where zones should sit that should sit elsewhere; those that `rest` stay.
fn plan(workers: usize, zones: &[Seated], rest: &BTreeMap<ZoneNo, Instant>) -> BTreeMap<ZoneNo, usize> {
    let mut floor = Floor::new(workers, zones);
    let mut moves = BTreeMap::new();
    // Each zone moves once at most.
    while let Some((zone, to)) = floor.next(|zone| moves.contains_key(&zone) || rest.contains_key(&zone)) {
        floor.seat(zone, to);
        moves.insert(zone, to);
    }
    moves
}

/// The zones of each worker, the densest first.
struct Floor {
    seats: Vec<Vec<(u32, ZoneNo)>>,
}

impl Floor {
    fn new(workers: usize, zones: &[Seated]) -> Self {
        let mut seats = vec![Vec::new(); workers];
        for Seated { zone, seat, load } in zones {
            if let Some(seat) = seats.get_mut(*seat) {
                seat.push((weight(*load), *zone));
            }
        }
        seats.iter_mut().for_each(|seat| sort(seat));
        Self { seats }
    }

    fn total(&self, seat: usize) -> u32 {
        self.seats[seat].iter().map(|(load, _)| load).sum()
    }

    fn densest(&self, seat: usize) -> u32 {
        self.seats[seat].first().map_or(0, |(load, _)| *load)
    }

    /// A dense zone has it for itself.
    fn is_taken(&self, seat: usize) -> bool {
        let densest = self.densest(seat);
        densest >= DENSE || densest >= STILL_DENSE && self.seats[seat].len() == 1
    }

    fn next(&self, stays: impl Fn(ZoneNo) -> bool) -> Option<(ZoneNo, usize)> {
        self.isolating(&stays).or_else(|| self.evening(&stays))
    }

    /// From beside a dense zone to where there is room.
    fn isolating(&self, stays: &impl Fn(ZoneNo) -> bool) -> Option<(ZoneNo, usize)> {
        let dense = (0..self.seats.len()).filter(|seat| self.densest(*seat) >= DENSE);
        let mut beside = dense.flat_map(|seat| &self.seats[seat][1..]).filter(|(_, zone)| !stays(*zone));
        beside.find_map(|(load, zone)| {
            let open = (0..self.seats.len()).filter(|seat| !self.is_taken(*seat) && self.total(*seat) + load <= FULL);
            Some((*zone, open.min_by_key(|seat| self.total(*seat))?))
        })
    }

    /// From a busy worker to the least busy.
    fn evening(&self, stays: &impl Fn(ZoneNo) -> bool) -> Option<(ZoneNo, usize)> {
        let mut busiest: Vec<usize> = (0..self.seats.len()).filter(|seat| self.seats[*seat].len() > 1).collect();
        busiest.sort_by_key(|seat| Reverse(self.total(*seat)));
        busiest.into_iter().find_map(|from| {
            let here = self.total(from);
            let open = (0..self.seats.len()).filter(|seat| !self.is_taken(*seat) || here > OVERFULL);
            let to = open.min_by_key(|seat| self.total(*seat))?;
            let apart = here.saturating_sub(self.total(to));
            let relieves = |(load, zone): &&(u32, ZoneNo)| !stays(*zone) && apart > MARGIN.max(2 * load);
            self.seats[from].iter().find(relieves).map(|(_, zone)| (*zone, to))
        })
    }

    fn seat(&mut self, zone: ZoneNo, to: usize) {
        let mut moved = Vec::new();
        for seat in &mut self.seats {
            moved.extend(seat.extract_if(.., |(_, number)| *number == zone));
        }
        self.seats[to].extend(moved);
        sort(&mut self.seats[to]);
    }
}

fn sort(seat: &mut [(u32, ZoneNo)]) {
    seat.sort_by_key(|(load, zone)| (Reverse(*load), *zone));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Zones 1, 2, … of each worker, by their loads.
    fn seated(workers: &[&[u32]]) -> Vec<Seated> {
        let loads = workers.iter().enumerate().flat_map(|(seat, loads)| loads.iter().map(move |load| (seat, *load)));
        (1..).zip(loads).map(|(zone, (seat, load))| Seated { zone: ZoneNo(zone), seat, load }).collect()
    }

    fn planned(workers: &[&[u32]]) -> Vec<(u16, usize)> {
        let moves = plan(workers.len(), &seated(workers), &BTreeMap::new());
        moves.into_iter().map(|(zone, to)| (zone.0, to)).collect()
    }

    /// After the plan there is nothing to plan, also when everything takes a little more or less.
    fn is_settled_after(workers: &[&[u32]]) {
        let mut zones = seated(workers);
        for (zone, to) in plan(workers.len(), &zones, &BTreeMap::new()) {
            let moved = zones.iter_mut().find(|seated| seated.zone == zone);
            moved.expect("one of them").seat = to;
        }
        for percent in [93, 100, 107] {
            let shaken: Vec<Seated> =
                zones.iter().map(|seated| Seated { load: seated.load * percent / 100, ..*seated }).collect();
            assert_eq!(plan(workers.len(), &shaken, &BTreeMap::new()), BTreeMap::new(), "{percent} % of {zones:?}");
        }
    }

    #[test]
    fn others_leave_a_dense_zone_for_a_worker_with_room() {
        assert_eq!(planned(&[&[600, 50, 40], &[30]]), [(2, 1), (3, 1)]);
        is_settled_after(&[&[600, 50, 40], &[30]]);
    }

    #[test]
    fn of_two_dense_zones_one_moves() {
        assert_eq!(planned(&[&[700, 650], &[]]), [(2, 1)]);
        assert_eq!(planned(&[&[950, 900], &[10]]), [(2, 1)], "one is all that it can be relieved of");
        is_settled_after(&[&[950, 900], &[10]]);
    }

    #[test]
    fn where_there_is_no_room_a_dense_zone_shares() {
        assert_eq!(planned(&[&[600, 200], &[400, 350]]), []);
        assert_eq!(planned(&[&[600, 100], &[600, 50]]), [], "it would come back");
        assert_eq!(planned(&[&[600], &[250; 5]]), [(2, 0)], "more than its worker has");
        is_settled_after(&[&[600], &[250; 5]]);
    }

    #[test]
    fn others_are_evened_out_and_then_stay() {
        assert_eq!(planned(&[&[200, 200, 100], &[]]), [(1, 1)]);
        assert_eq!(planned(&[&[200, 100], &[200]]), [], "moving the smaller would only turn it round");
        is_settled_after(&[&[200, 200, 100], &[]]);
        is_settled_after(&[&[0; 60], &[0], &[]]);
    }

    #[test]
    fn one_worker_keeps_everything() {
        assert_eq!(planned(&[&[900, 600, 100]]), []);
    }

    #[test]
    fn a_zone_that_comes_gets_the_least_busy_worker_that_no_dense_zone_has() {
        assert_eq!(free(3, &seated(&[&[450], &[300, 300], &[300, 310]])), 1);
        assert_eq!(free(2, &seated(&[&[0, 0], &[0]])), 1);
        assert_eq!(free(2, &seated(&[&[950], &[600]])), 1);
    }

    #[test]
    fn a_passing_peak_moves_nothing_and_who_has_moved_stays() {
        let (calm, peak) = (seated(&[&[100, 50], &[60]]), seated(&[&[600, 50], &[60]]));
        let mut wishes = Wishes::default();
        let begin = Instant::now();
        let mut look = |second: u64, zones: &[Seated]| wishes.due(2, zones, begin + Duration::from_secs(second));
        for second in 0..20 {
            assert_eq!(look(second, if second % 2 == 0 { &peak } else { &calm }), []);
        }
        assert_eq!(look(20, &peak), []);
        assert_eq!(look(21, &peak), []);
        assert_eq!(look(22, &peak), [(ZoneNo(2), 1)]);
        let turned = seated(&[&[300], &[600, 50]]);
        let mut moved = turned.clone();
        moved[1].zone = ZoneNo(3);
        moved[2].zone = ZoneNo(2);
        for second in 23..32 {
            assert_eq!(look(second, &moved), [], "it has only just come");
        }
        assert_eq!(look(32, &moved), []);
        assert_eq!(look(34, &moved), [(ZoneNo(2), 0)]);
    }
}
