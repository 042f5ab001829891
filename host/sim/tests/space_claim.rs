//! Movement claims: honest walkers are never corrected, runners soon are, and nobody gets into or through a wall.

mod space_support;

use space_support::{Chance, at, door, line, maze, rectangle, terrain};
use wod_protocol::bus::MoveClaim;
use wod_protocol::ids::{AttachNo, CorrectionNo, MoveNo, SessionId};
use wod_protocol::map::Shape;
use wod_protocol::units::{Fixed, Pos};
use wod_sim::space::claim::{Allowance, BURST_MS, SAVED_MS, Verdict, Why};
use wod_sim::space::path::{PathFinder, Search, Work};
use wod_sim::space::terrain::Terrain;

const SPEED: f64 = 6.0;
const SPEED_FIXED: Fixed = 6 * 256;
const TICK_MS: u64 = 50;

fn claim(m: u64, at: Pos, received_ms: u64) -> MoveClaim {
    let (session, attach, c) = (SessionId(1), AttachNo(1), CorrectionNo(0));
    MoveClaim { session, attach, m: MoveNo(m), c, at, heading: None, received_ms }
}

/// A walk along a line of points at a speed: where one is after some time.
struct Route {
    points: Vec<(f64, f64)>,
    speed: f64,
}

impl Route {
    fn after(&self, seconds: f64) -> Pos {
        let mut left = seconds * self.speed;
        for leg in self.points.windows(2) {
            let (dx, dy) = (leg[1].0 - leg[0].0, leg[1].1 - leg[0].1);
            let length = libm::hypot(dx, dy);
            if left <= length {
                return at(leg[0].0 + dx * left / length, leg[0].1 + dy * left / length);
            }
            left -= length;
        }
        panic!("the route is long enough");
    }
}

/// Sends a walk through a network with jitter (in order, as TCP does) and a gateway that keeps the latest move of each
/// `flush_ms`, to a zone that judges at its ticks. Answers when (ms of the walk) each refusal was decided, and why.
fn walk(
    terrain: &Terrain,
    route: &Route,
    seconds: f64,
    hz: f64,
    jitter_ms: u64,
    flush_ms: u64,
    seed: u64,
) -> Vec<(u64, Why)> {
    const CONNECTED_MS: u64 = 5_000;
    let mut chance = Chance(seed);
    let mut last_arrival = 0;
    let mut arrivals: Vec<(u64, u64, Pos)> = Vec::new();
    for m in 0..=(seconds * hz) as u64 {
        let sent = m as f64 / hz;
        let arrival = (CONNECTED_MS + (sent * 1000.0) as u64 + chance.below(jitter_ms + 1)).max(last_arrival);
        last_arrival = arrival;
        arrivals.push((arrival, m + 1, route.after(sent)));
    }
    let latest = |entry: &(u64, u64, Pos)| entry.0 / flush_ms;
    let kept = arrivals.chunk_by(|a, b| latest(a) == latest(b)).map(|flush| flush[flush.len() - 1]);
    let mut allowance = Allowance::new(0);
    let mut here = route.after(0.0);
    let mut refusals = Vec::new();
    for (arrival, m, at) in kept {
        let game_ms = (arrival + flush_ms).div_ceil(TICK_MS) * TICK_MS;
        match allowance.judge(terrain, SPEED_FIXED, game_ms, here, &claim(m, at, arrival)) {
            Verdict::Accepted => here = at,
            Verdict::Refused(why) => refusals.push((arrival - CONNECTED_MS, why)),
        }
    }
    refusals
}

/// Blocks with streets between them, and a route around their corners, so many metres off the walls.
fn blocks(off: f64) -> (Terrain, Vec<(f64, f64)>) {
    let walls: Vec<Shape> = (0..4)
        .flat_map(|x| (0..4).map(move |y| rectangle(5.0 + 12.0 * x as f64, 5.0 + 12.0 * y as f64, 8.0, 8.0)))
        .collect();
    let mut route = Vec::new();
    while route.len() < 80 {
        for (x, y) in [(0, 0), (1, 0), (1, 1), (2, 2), (3, 1), (2, 0)] {
            let (west, south) = (5.0 + 12.0 * f64::from(x) - off, 5.0 + 12.0 * f64::from(y) - off);
            let side = 8.0 + 2.0 * off;
            route.extend([
                (west, south),
                (west + side, south),
                (west + side, south + side),
                (west, south + side),
                (west, south),
            ]);
            route.push((west, south));
        }
        route.dedup();
        // Back along the streets' middle lines: the next round begins where this one began.
        let last = route[route.len() - 1];
        route.extend([(last.0, 2.5), (2.5, 2.5), (2.5, 5.0 - off)]);
    }
    (terrain(56.0, walls, vec![]), route)
}

/// Straight connections between corners of different blocks must not cut blocks: walk the streets instead.
fn street_route(terrain: &Terrain, wanted: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut paths = PathFinder::new();
    let mut route = vec![wanted[0]];
    for next in wanted {
        let from = route[route.len() - 1];
        let mut way = Vec::new();
        let found = paths.find(terrain, at(from.0, from.1), at(next.0, next.1), &mut Work(1 << 20), &mut way);
        assert_eq!(found, Search::Found);
        let corner = at(0.0, 0.0);
        let metres = |p: Pos| (f64::from(p.x - corner.x) / 256.0, f64::from(p.y - corner.y) / 256.0);
        route.extend(way.into_iter().map(metres));
    }
    route.dedup();
    route
}

#[test]
fn a_minute_of_walking_round_corners_with_jitter_is_never_corrected() {
    for off in [0.01, 0.1, 0.35] {
        let (terrain, wanted) = blocks(off);
        let route = Route { points: street_route(&terrain, &wanted), speed: SPEED };
        for seed in 0..10 {
            for (hz, jitter, flush) in
                [(5.0, 0, 10), (10.0, 200, 10), (20.0, 200, 10), (20.0, 200, 50), (60.0, 200, 50)]
            {
                let refusals = walk(&terrain, &route, 60.0, hz, jitter, flush, seed);
                assert_eq!(refusals, [], "{off} m off the walls, {hz} Hz, seed {seed}");
            }
        }
    }
}

#[test]
fn one_and_a_half_times_the_speed_is_corrected_within_a_second() {
    let terrain = terrain(200.0, vec![], vec![]);
    for hz in [5.0, 10.0, 20.0, 60.0] {
        let route = Route { points: vec![(5.0, 5.0), (195.0, 195.0)], speed: 1.5 * SPEED };
        let refusals = walk(&terrain, &route, 3.0, hz, 0, 50, 1);
        let (first, why) = refusals[0];
        assert!(first <= 1000 && why == Why::TooFast, "{hz} Hz: {why:?} after {first} ms");
    }
}

/// Length of the shortest way, metres.
fn way(terrain: &Terrain, from: Pos, to: Pos) -> f64 {
    let mut way = Vec::new();
    let found = PathFinder::new().find(terrain, from, to, &mut Work(1 << 20), &mut way);
    assert_eq!(found, Search::Found);
    let metres = |a: Pos, b: Pos| (a.distance_squared(b) as f64).sqrt() / 256.0;
    way.iter().fold((0.0, from), |(sum, here), next| (sum + metres(here, *next), *next)).0
}

#[test]
fn ten_thousand_random_claims_lead_nobody_into_or_through_a_wall() {
    let mut walls = maze(5, 8, 5.0);
    walls.extend([rectangle(12.0, 12.0, 1.5, 1.5), rectangle(31.0, 6.0, 2.0, 3.0)]);
    let mut terrain = terrain(40.0, walls, vec![door("gate", line(&[(0.0, 20.0), (40.0, 20.5)]), true)]);
    let mut chance = Chance(3);
    let mut here = chance.free_point(&terrain, 40.0);
    let mut allowance = Allowance::new(0);
    let (mut accepted, mut refused) = (0, 0);
    for m in 1..=10_000 {
        if m % 1000 == 0 {
            terrain.set_barrier("gate", chance.below(2) == 0);
            here = terrain.nearest_free(here).expect("the map has free ground");
        }
        let reach = if chance.below(10) == 0 { 20_000 } else { 300 };
        let mut shift = || chance.below(2 * reach) as i32 - reach as i32;
        let there = Pos { x: here.x + shift(), y: here.y + shift() };
        match allowance.judge(&terrain, SPEED_FIXED, m * 100, here, &claim(m, there, m * 100)) {
            Verdict::Accepted => {
                assert!(terrain.is_free(there));
                let way = way(&terrain, here, there);
                // What she can have saved buys 2.4 m round the bare corners; ways keep 0.3 m off each.
                assert!(way <= 4.0, "{way} m around");
                (here, accepted) = (there, accepted + 1);
            }
            Verdict::Refused(_) => refused += 1,
        }
    }
    assert!(accepted > 1000 && refused > 1000, "{accepted} accepted, {refused} refused");
}

#[test]
fn a_walk_round_a_corner_of_which_only_the_ends_arrive_is_paid_by_its_length() {
    let terrain = terrain(40.0, vec![line(&[(20.0, 0.0), (20.0, 20.0)])], vec![]);
    let judge = |south: f64, after_ms: u64| {
        let (west, east) = (at(19.9, 20.0 - south), at(20.1, 20.0 - south));
        let mut allowance = Allowance::new(0);
        for (m, ms) in [(1, 1000), (2, 2000)] {
            assert_eq!(allowance.judge(&terrain, SPEED_FIXED, ms, west, &claim(m, west, ms)), Verdict::Accepted);
        }
        let between = after_ms / 50;
        let now = 2000 + after_ms;
        let over = allowance.judge(&terrain, SPEED_FIXED, now, west, &claim(2 + between, east, now));
        if over == Verdict::Accepted {
            // What the way cost is gone.
            let again = allowance.judge(&terrain, SPEED_FIXED, now, east, &claim(3 + between, west, now));
            assert_eq!(again == Verdict::Accepted, south < 0.5);
        }
        over
    };
    assert_eq!(judge(0.3, 50), Verdict::Accepted, "0.7 m");
    assert_eq!(judge(1.0, 50), Verdict::Accepted, "2.1 m");
    assert_eq!(judge(1.5, 50), Verdict::Refused(Why::Wall), "3.1 m");
    assert_eq!(judge(2.0, 800), Verdict::Accepted, "4.1 m in the time of 15 moves that were dropped");
    assert_eq!(judge(5.0, 1200), Verdict::Refused(Why::Wall), "10 m");
}

#[test]
fn a_stall_of_a_second_and_a_half_is_no_offence_whoever_stalls() {
    let terrain = terrain(100.0, vec![], vec![]);
    let route = Route { points: vec![(5.0, 5.0), (95.0, 95.0)], speed: SPEED };
    // The zone's clock stands still for 1.4 s; the claims come at once, with stamps of their own.
    let mut allowance = Allowance::new(0);
    let mut here = route.after(0.0);
    for m in 1..=100_u64 {
        let sent = m * 50;
        let game_ms = sent.saturating_sub(1400);
        let there = route.after(sent as f64 / 1000.0);
        assert_eq!(
            allowance.judge(&terrain, SPEED_FIXED, game_ms, here, &claim(m, there, 700 + sent)),
            Verdict::Accepted
        );
        here = there;
    }
    // The gateway could not send for 1.4 s, and keeps only the latest.
    let there = route.after(5.0 + 1.4);
    assert_eq!(allowance.judge(&terrain, SPEED_FIXED, 7000, here, &claim(128, there, 700 + 6400)), Verdict::Accepted);
}

#[test]
fn stamps_that_run_ahead_earn_no_more_than_the_burst() {
    let terrain = terrain(4000.0, vec![], vec![]);
    let mut allowance = Allowance::new(0);
    let mut here = at(1.0, 1.0);
    let start = here;
    for m in 1..=2000 {
        let there = Pos { x: here.x + 256, ..here };
        // One zone second for each 100 claims, while stamps tell of a second each.
        if allowance.judge(&terrain, SPEED_FIXED, m * 10, here, &claim(m, there, m * 1000)) == Verdict::Accepted {
            here = there;
        }
    }
    let walked = f64::from(here.x - start.x) / 256.0;
    let most = (20.0 + BURST_MS as f64 / 1000.0) * SPEED * 1.02;
    assert!(walked <= most && walked > 0.9 * most, "{walked} m of {most}");
}

#[test]
fn who_stood_still_for_a_minute_has_saved_less_than_half_a_second() {
    let terrain = terrain(100.0, vec![], vec![]);
    let here = at(50.0, 50.0);
    let judge = |metres: f64| {
        let mut allowance = Allowance::new(0);
        assert_eq!(allowance.judge(&terrain, SPEED_FIXED, 0, here, &claim(1, here, 0)), Verdict::Accepted);
        allowance.judge(&terrain, SPEED_FIXED, 60_000, here, &claim(2, at(50.0 + metres, 50.0), 60_000))
    };
    let saved = SAVED_MS as f64 / 1000.0 * SPEED;
    assert_eq!(judge(saved), Verdict::Accepted);
    assert_eq!(judge(0.5 * SPEED + 0.1), Verdict::Refused(Why::TooFast));
}

#[test]
fn a_refusal_says_why() {
    let terrain = terrain(10.0, vec![line(&[(5.0, 0.0), (5.0, 10.0)])], vec![]);
    let judge = |to: Pos| Allowance::new(0).judge(&terrain, SPEED_FIXED, 0, at(4.8, 9.8), &claim(1, to, 0));
    assert_eq!(judge(at(5.2, 9.8)), Verdict::Refused(Why::Wall));
    assert_eq!(judge(at(4.8, 10.0)), Verdict::Refused(Why::OutOfBounds));
    assert_eq!(judge(at(0.8, 9.8)), Verdict::Refused(Why::TooFast));
    assert_eq!(judge(at(4.9, 9.9)), Verdict::Accepted);
    assert_eq!(judge(Pos { x: i32::MIN, y: i32::MAX }), Verdict::Refused(Why::OutOfBounds));
    assert_eq!(
        [Why::TooFast.as_str(), Why::Wall.as_str(), Why::OutOfBounds.as_str()],
        ["too_fast", "wall", "out_of_bounds"]
    );
}

#[test]
fn a_new_attachment_starts_its_stamps_again_and_brings_no_new_purse() {
    let terrain = terrain(100.0, vec![], vec![]);
    let mut allowance = Allowance::new(0);
    let mut here = at(10.0, 10.0);
    let mut walked = 0;
    for attachment in 0..100_u64 {
        allowance.reattached();
        let there = Pos { x: here.x + 500, ..here };
        // Each comes 10 ms after the last, stamped 10 ms after it began.
        let game_ms = attachment * 10;
        if allowance.judge(&terrain, SPEED_FIXED, game_ms, here, &claim(attachment + 1, there, 10)) == Verdict::Accepted
        {
            (here, walked) = (there, walked + 500);
        }
    }
    assert!(walked <= 1500 * 6 * 256 / 1000, "{walked}");
}
