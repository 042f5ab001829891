//! A tick of space allocates nothing once its buffers have grown.
#![expect(unsafe_code, reason = "counting allocations takes a global allocator")]

mod space_support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use space_support::{Chance, at, bounds, rectangle, terrain};
use wod_protocol::bus::MoveClaim;
use wod_protocol::ids::{AttachNo, CorrectionNo, EntityId, MoveNo, SessionId, Token};
use wod_protocol::units::Pos;
use wod_sim::space::claim::Allowance;
use wod_sim::space::grid::Grid;
use wod_sim::space::mover::{Aim, Body, Movers, Steps};
use wod_sim::space::path::{PathFinder, Work};
use wod_sim::space::roster::{Changes, Reach, Roster, Sensors};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are the system's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_tick_of_two_hundred_walkers_allocates_nothing() {
    const SIDE: f64 = 150.0;
    const COUNT: u64 = 200;
    let walls = (0..5).flat_map(|x| {
        (0..5).map(move |y| rectangle(10.0 + 28.0 * f64::from(x), 10.0 + 28.0 * f64::from(y), 15.0, 15.0))
    });
    let terrain = terrain(SIDE, walls.collect(), vec![]);
    let mut chance = Chance(1);
    let mut grid = Grid::new(bounds(SIDE, SIDE), 16 * 256);
    let mut places: Vec<Pos> = (0..COUNT).map(|_| chance.free_point(&terrain, SIDE)).collect();
    let mut rosters = vec![Roster::default(); COUNT as usize];
    let mut allowances = vec![Allowance::new(0); COUNT as usize];
    let (mut sensors, mut movers) = (Sensors::default(), Movers::default());
    let (mut paths, mut steps) = (PathFinder::new(), Steps::default());
    let (mut changes, mut near, mut sensed) = (Changes::default(), Vec::new(), Vec::new());
    for (number, place) in (0..COUNT).zip(&places) {
        grid.put(EntityId(number), *place);
        sensors.set(EntityId(number), 10 * 256);
        // To and fro between two places, for ever: followers of each other.
        let target = EntityId((number + 1) % COUNT);
        movers.order(EntityId(number), Token(number), Aim::Follow { target, distance: 256 });
    }
    let reach = Reach { enter: 60 * 256, leave: 66 * 256, cap: 64 };
    let mut tick = |number: u64| {
        let mut work = Work::PER_TICK;
        let body = |id: EntityId| Some(Body { at: places[id.0 as usize], speed: 4 * 256 });
        movers.step(&terrain, &mut paths, &mut work, 50, body, &mut steps);
        for (id, at, _) in &steps.moved {
            let claim = MoveClaim {
                session: SessionId(id.0),
                attach: AttachNo(1),
                m: MoveNo(number),
                c: CorrectionNo(0),
                at: *at,
                heading: None,
                received_ms: number * 50,
            };
            allowances[id.0 as usize].judge(&terrain, 6 * 256, number * 50, places[id.0 as usize], &claim);
            places[id.0 as usize] = *at;
            grid.put(*id, *at);
        }
        sensed.clear();
        sensors.update(&grid, |_| true, &mut changes, &mut sensed);
        for (number, roster) in (0..).zip(&mut rosters) {
            let at = places[number as usize];
            roster.update(reach, &grid, at, |id| id != EntityId(number), &mut changes);
            grid.nearest(at, 20, |_| true, &mut near);
        }
    };
    let mut quiet = 0;
    for number in 1..=600 {
        let before = ALLOCATIONS.with(Cell::get);
        tick(number);
        let allocated = ALLOCATIONS.with(Cell::get) - before;
        // Buffers grow in the beginning, and when a place is more crowded, or a way longer, than any before.
        assert!(number < 400 || allocated < 20, "{allocated} allocations in tick {number}");
        quiet += u32::from(allocated == 0);
    }
    assert!(quiet > 300, "{quiet} of 600 ticks allocated nothing");
    assert!(places.iter().any(|place| *place != at(0.0, 0.0)));
}
