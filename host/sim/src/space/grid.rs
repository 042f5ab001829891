//! Who is near: a uniform grid over a zone's bounds.

use std::hash::{BuildHasherDefault, Hasher};

use indexmap::IndexMap;
use wod_protocol::ids::EntityId;
use wod_protocol::units::{Bounds, Fixed, Pos, UNITS_PER_METRE};

/// Most cells of a grid; larger cells are taken for larger bounds.
const MAX_CELLS: i64 = 65_536;

/// Positions of a zone's entities, by cell. Rebuilt from the entities, never stored. Answers do not depend on the order in
/// which entities were put in.
#[derive(Debug, Clone)]
pub struct Grid {
    bounds: Bounds,
    cell: i64,
    columns: i64,
    rows: i64,
    cells: Vec<Vec<Spot>>,
    spots: IndexMap<EntityId, Index, BuildHasherDefault<IdHasher>>,
}

/// A query's row, ordered by distance, then id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Near {
    /// Squared, (1/256 m)².
    pub distance_squared: i64,
    /// Who.
    pub id: EntityId,
    /// Where.
    pub at: Pos,
}

#[derive(Debug, Clone, Copy)]
struct Spot {
    id: EntityId,
    at: Pos,
}

#[derive(Debug, Clone, Copy)]
struct Index {
    cell: u32,
    slot: u32,
}

impl Grid {
    /// An empty grid with cells of this side (1/256 m, at least 1 m; larger when the bounds would need too many).
    pub fn new(bounds: Bounds, cell: Fixed) -> Self {
        let side = |min: Fixed, max: Fixed| (i64::from(max) - i64::from(min)).max(1);
        let (width, height) = (side(bounds.min.x, bounds.max.x), side(bounds.min.y, bounds.max.y));
        let mut cell = i64::from(cell.max(UNITS_PER_METRE));
        let count = |side: i64, cell: i64| (side - 1) / cell + 1;
        while count(width, cell) * count(height, cell) > MAX_CELLS {
            cell *= 2;
        }
        let (columns, rows) = (count(width, cell), count(height, cell));
        let cells = vec![Vec::new(); (columns * rows) as usize];
        Self { bounds, cell, columns, rows, cells, spots: IndexMap::default() }
    }

    /// Puts an entity in, or moves it. Positions outside the bounds (ghosts) are kept in the nearest cell.
    pub fn put(&mut self, id: EntityId, at: Pos) {
        let (column, row) = self.cell_of(at);
        let cell = (row * self.columns + column) as u32;
        if let Some(index) = self.spots.get(&id) {
            if index.cell == cell {
                self.cells[cell as usize][index.slot as usize].at = at;
                return;
            }
            self.remove(id);
        }
        let spots = &mut self.cells[cell as usize];
        self.spots.insert(id, Index { cell, slot: spots.len() as u32 });
        spots.push(Spot { id, at });
    }

    /// Takes an entity out; false: it was not in.
    pub fn remove(&mut self, id: EntityId) -> bool {
        let Some(index) = self.spots.swap_remove(&id) else { return false };
        let spots = &mut self.cells[index.cell as usize];
        spots.swap_remove(index.slot as usize);
        if let Some(moved) = spots.get(index.slot as usize) {
            self.spots[&moved.id].slot = index.slot;
        }
        true
    }

    /// Where an entity is.
    pub fn position(&self, id: EntityId) -> Option<Pos> {
        let index = self.spots.get(&id)?;
        Some(self.cells[index.cell as usize][index.slot as usize].at)
    }

    /// How many entities there are.
    pub fn len(&self) -> usize {
        self.spots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.spots.is_empty()
    }

    /// Everybody at most `radius` away who passes the filter, nearest first, into `out` (cleared first).
    pub fn within(&self, center: Pos, radius: Fixed, filter: impl FnMut(EntityId) -> bool, out: &mut Vec<Near>) {
        self.collect(center, radius, filter, out);
        out.sort_unstable();
    }

    /// The `count` nearest who pass the filter, at any distance, nearest first, into `out` (cleared first).
    pub fn nearest(&self, center: Pos, count: usize, mut filter: impl FnMut(EntityId) -> bool, out: &mut Vec<Near>) {
        out.clear();
        if count == 0 {
            return;
        }
        // Beginning at the nearest cell, each round looks twice as far, until enough are certain or all have been seen.
        let inside = self.bounds.clamp(center);
        let outside = center.distance_squared(inside).isqrt();
        let mut radius = outside.saturating_add(self.cell);
        loop {
            let limit = Fixed::try_from(radius).unwrap_or(Fixed::MAX);
            self.collect(center, limit, &mut filter, out);
            if out.len() >= count {
                break;
            }
            if limit == Fixed::MAX || self.covers(center, limit) {
                out.clear();
                let all = self.cells.iter().flatten().filter(|spot| filter(spot.id));
                out.extend(all.map(|spot| Near::new(spot, center)));
                break;
            }
            radius = radius.saturating_mul(2);
        }
        if out.len() > count {
            out.select_nth_unstable(count - 1);
            out.truncate(count);
        }
        out.sort_unstable();
    }

    /// [`Grid::within`], in no particular order.
    pub(super) fn collect(
        &self,
        center: Pos,
        radius: Fixed,
        mut filter: impl FnMut(EntityId) -> bool,
        out: &mut Vec<Near>,
    ) {
        out.clear();
        if radius < 0 {
            return;
        }
        let limit = i64::from(radius) * i64::from(radius);
        let ((west, south), (east, north)) = self.reach(center, radius);
        for row in south..=north {
            let start = (row * self.columns) as usize;
            for spot in self.cells[start + west as usize..=start + east as usize].iter().flatten() {
                let near = Near::new(spot, center);
                if near.distance_squared <= limit && filter(spot.id) {
                    out.push(near);
                }
            }
        }
    }

    /// Everybody at most `radius` away from the nearest point of a rectangle who passes the filter, with that distance, in no particular
    /// order.
    pub(super) fn collect_around(
        &self,
        area: Bounds,
        radius: Fixed,
        mut filter: impl FnMut(EntityId) -> bool,
        out: &mut Vec<Near>,
    ) {
        out.clear();
        let spots = self.spots_around(area, radius);
        out.extend(spots.map(|spot| Near::new(spot, area.clamp(spot.at))).filter(|near| filter(near.id)));
    }

    /// Whether anybody at most `radius` away from a rectangle passes the filter.
    pub fn any_around(&self, area: Bounds, radius: Fixed, mut filter: impl FnMut(EntityId) -> bool) -> bool {
        self.spots_around(area, radius).any(|spot| filter(spot.id))
    }

    fn spots_around(&self, area: Bounds, radius: Fixed) -> impl Iterator<Item = &Spot> {
        let limit = i64::from(radius) * i64::from(radius);
        let least = Pos { x: area.min.x.saturating_sub(radius), y: area.min.y.saturating_sub(radius) };
        let most = Pos { x: area.max.x.saturating_add(radius), y: area.max.y.saturating_add(radius) };
        let ((west, south), (east, north)) = (self.cell_of(least), self.cell_of(most));
        let rows = (south..=north).flat_map(move |row| {
            let start = (row * self.columns) as usize;
            self.cells[start + west as usize..=start + east as usize].iter().flatten()
        });
        rows.filter(move |spot| spot.at.distance_squared(area.clamp(spot.at)) <= limit)
    }

    fn covers(&self, center: Pos, radius: Fixed) -> bool {
        self.reach(center, radius) == ((0, 0), (self.columns - 1, self.rows - 1))
    }

    fn reach(&self, center: Pos, radius: Fixed) -> ((i64, i64), (i64, i64)) {
        let least = Pos { x: center.x.saturating_sub(radius), y: center.y.saturating_sub(radius) };
        let most = Pos { x: center.x.saturating_add(radius), y: center.y.saturating_add(radius) };
        (self.cell_of(least), self.cell_of(most))
    }

    fn cell_of(&self, at: Pos) -> (i64, i64) {
        let index = |at: Fixed, min: Fixed, count: i64| {
            ((i64::from(at) - i64::from(min)).div_euclid(self.cell)).clamp(0, count - 1)
        };
        (index(at.x, self.bounds.min.x, self.columns), index(at.y, self.bounds.min.y, self.rows))
    }
}

impl Near {
    fn new(spot: &Spot, center: Pos) -> Self {
        Self { distance_squared: center.distance_squared(spot.at), id: spot.id, at: spot.at }
    }
}

/// Spreads entity ids, which no client chooses, over a table whose order nobody looks at.
#[derive(Debug, Clone, Copy, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        let spread = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ (spread >> 32);
    }
}
