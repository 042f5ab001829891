//! Where one can walk in a zone: a grid of the map, kept clear of walls, and ways over it.
//!
//! A cell is free when its centre is further from every wall than half a cell's diagonal: then every straight leg between the
//! centres of two free neighbouring cells is free of walls too, and so is a leg of at most [`LEG`] along such a way.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use wod_protocol::map::{Map, Shape};

/// Side of a cell, metres.
const CELL: f64 = 0.4;
/// Distance that a free cell's centre keeps from walls, metres; over half a cell's diagonal.
const CLEARANCE: f64 = 0.29;
/// The longest leg that may cut the corners of a way, metres.
pub(super) const LEG: f64 = 0.55;
/// Ways that are kept for bots with the same goal; further ones are computed anew.
const FIELDS_KEPT: usize = 256;

/// A point in metres, relative to the map's south-west corner.
pub(super) type Spot = [f64; 2];
/// A cell's index.
pub(super) type Cell = u32;

/// A zone's walkable ground.
pub(super) struct Ground {
    columns: usize,
    rows: usize,
    free: Vec<bool>,
    walls: Vec<(Spot, Spot)>,
    pub(super) map: Map,
    fields: Mutex<HashMap<Cell, Arc<Field>>>,
}

/// For every cell, the next one on a shortest way to the goal; itself where there is no way (and at the goal).
pub(super) struct Field(Vec<Cell>);

impl Ground {
    /// Barriers count as walls, open or not: a way through a door may close while a bot is on it.
    pub(super) fn new(map: Map) -> Self {
        let columns = (map.size[0] / CELL).floor().max(1.0) as usize;
        let rows = (map.size[1] / CELL).floor().max(1.0) as usize;
        let shapes = || map.walls.iter().chain(map.barriers.iter().map(|barrier| &barrier.shape));
        let walls: Vec<_> = shapes().flat_map(segments).collect();
        let mut free = vec![true; columns * rows];
        for (a, b) in &walls {
            block_along(&mut free, columns, rows, *a, *b);
        }
        for shape in shapes().filter(|shape| shape.closed) {
            block_inside(&mut free, columns, rows, &shape.points);
        }
        Self { columns, rows, free, walls, map, fields: Mutex::default() }
    }

    pub(super) fn centre(&self, cell: Cell) -> Spot {
        let (column, row) = (cell as usize % self.columns, cell as usize / self.columns);
        [(column as f64 + 0.5) * CELL, (row as f64 + 0.5) * CELL]
    }

    /// The nearest free cell that can be reached in a straight line; none within 8 m.
    pub(super) fn enter(&self, at: Spot) -> Option<Cell> {
        let reach = (8.0 / CELL) as i64;
        let (column, row) = ((at[0] / CELL) as i64, (at[1] / CELL) as i64);
        let mut best: Option<(f64, Cell)> = None;
        for ring in 0..=reach {
            for (dx, dy) in ring_of(ring) {
                let Some(cell) = self.cell(column + dx, row + dy).filter(|cell| self.free[*cell as usize]) else {
                    continue;
                };
                let distance = distance(at, self.centre(cell));
                if best.is_none_or(|(least, _)| distance < least) && self.leg_is_free(at, self.centre(cell)) {
                    best = Some((distance, cell));
                }
            }
            if best.is_some_and(|(least, _)| least < ring as f64 * CELL) {
                break;
            }
        }
        best.map(|(_, cell)| cell)
    }

    /// Whether no wall touches the line between.
    pub(super) fn leg_is_free(&self, a: Spot, b: Spot) -> bool {
        !self.walls.iter().any(|(c, d)| cross(a, b, *c, *d))
    }

    /// Free cells around this one; a diagonal only where both its sides are free.
    pub(super) fn neighbours(&self, cell: Cell) -> impl Iterator<Item = Cell> {
        const AROUND: [(i64, i64); 8] = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)];
        let (column, row) = ((cell as usize % self.columns) as i64, (cell as usize / self.columns) as i64);
        let is_free = move |dx, dy| self.cell(column + dx, row + dy).filter(|cell| self.free[*cell as usize]);
        AROUND.into_iter().filter_map(move |(dx, dy)| {
            let straight = dx == 0 || dy == 0;
            let sides_free = straight || (is_free(dx, 0).is_some() && is_free(0, dy).is_some());
            is_free(dx, dy).filter(|_| sides_free)
        })
    }

    /// Ways from everywhere to this cell.
    pub(super) fn field(&self, goal: Cell) -> Arc<Field> {
        if let Some(field) = self.lock_fields().get(&goal) {
            return field.clone();
        }
        let field = Arc::new(self.compute_field(goal));
        let mut fields = self.lock_fields();
        if fields.len() >= FIELDS_KEPT {
            fields.clear();
        }
        fields.insert(goal, field.clone());
        field
    }

    fn lock_fields(&self) -> std::sync::MutexGuard<'_, HashMap<Cell, Arc<Field>>> {
        // A cache: whatever a panicking thread left in it is whole.
        self.fields.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn compute_field(&self, goal: Cell) -> Field {
        let mut next: Vec<Cell> = (0..self.free.len() as Cell).collect();
        let mut seen = vec![false; self.free.len()];
        let mut edge = VecDeque::from([goal]);
        seen[goal as usize] = true;
        while let Some(cell) = edge.pop_front() {
            for neighbour in self.neighbours(cell) {
                if !std::mem::replace(&mut seen[neighbour as usize], true) {
                    next[neighbour as usize] = cell;
                    edge.push_back(neighbour);
                }
            }
        }
        Field(next)
    }

    /// Free cells with a way to `from`, at most one per square of `spacing` metres, each at least `spacing` from the others.
    pub(super) fn spread(&self, from: Cell, spacing: f64) -> Vec<Cell> {
        let field = self.field(from);
        let mut chosen: Vec<Cell> = Vec::new();
        let stride = (2.0 / CELL) as usize;
        for row in (stride / 2..self.rows).step_by(stride) {
            for column in (stride / 2..self.columns).step_by(stride) {
                let cell = (row * self.columns + column) as Cell;
                let spot = self.centre(cell);
                if field.leads(cell, from) && chosen.iter().all(|other| distance(self.centre(*other), spot) >= spacing)
                {
                    chosen.push(cell);
                }
            }
        }
        chosen
    }

    /// Cells at the map's edge where one could walk out: one in the middle of every free stretch of at most `stretch` metres,
    /// with the side it lies on.
    pub(super) fn edges(&self, stretch: f64) -> Vec<(Cell, Side)> {
        let longest = (stretch / CELL).max(1.0) as usize;
        let mut edges = Vec::new();
        for side in Side::ALL {
            let length = if side.is_horizontal() { self.columns } else { self.rows };
            let mut run: Vec<Cell> = Vec::new();
            for index in 0..=length {
                let cell =
                    (index < length).then(|| self.edge_cell(side, index)).filter(|cell| self.free[*cell as usize]);
                run.extend(cell);
                if (cell.is_none() || run.len() == longest) && !run.is_empty() {
                    edges.push((run[run.len() / 2], side));
                    run.clear();
                }
            }
        }
        edges
    }

    fn edge_cell(&self, side: Side, index: usize) -> Cell {
        let (column, row) = match side {
            Side::West => (0, index),
            Side::East => (self.columns - 1, index),
            Side::South => (index, 0),
            Side::North => (index, self.rows - 1),
        };
        (row * self.columns + column) as Cell
    }

    fn cell(&self, column: i64, row: i64) -> Option<Cell> {
        let inside = (0..self.columns as i64).contains(&column) && (0..self.rows as i64).contains(&row);
        inside.then(|| (row * self.columns as i64 + column) as Cell)
    }
}

impl Field {
    /// The next cell on the way; none at the goal, or where there is no way.
    pub(super) fn next(&self, cell: Cell) -> Option<Cell> {
        Some(self.0[cell as usize]).filter(|next| *next != cell)
    }

    /// Whether there is a way from this cell to the field's goal.
    pub(super) fn leads(&self, cell: Cell, goal: Cell) -> bool {
        cell == goal || self.next(cell).is_some()
    }
}

/// A side of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Side {
    West,
    East,
    South,
    North,
}

impl Side {
    pub(super) const ALL: [Self; 4] = [Self::West, Self::East, Self::South, Self::North];

    fn is_horizontal(self) -> bool {
        matches!(self, Self::South | Self::North)
    }

    /// The unit vector that leads out.
    pub(super) fn out(self) -> Spot {
        match self {
            Self::West => [-1.0, 0.0],
            Self::East => [1.0, 0.0],
            Self::South => [0.0, -1.0],
            Self::North => [0.0, 1.0],
        }
    }
}

pub(super) fn distance(a: Spot, b: Spot) -> f64 {
    ((a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)).sqrt()
}

fn segments(shape: &Shape) -> impl Iterator<Item = (Spot, Spot)> {
    let closing = shape.closed.then(|| (shape.points[shape.points.len() - 1], shape.points[0]));
    shape.points.windows(2).map(|pair| (pair[0], pair[1])).chain(closing)
}

fn block_along(free: &mut [bool], columns: usize, rows: usize, a: Spot, b: Spot) {
    let range = |low: f64, high: f64, count: usize| {
        let first = ((low - CLEARANCE) / CELL - 0.5).floor().max(0.0) as usize;
        let last = ((high + CLEARANCE) / CELL + 0.5).ceil().max(0.0) as usize;
        first..last.min(count)
    };
    for row in range(a[1].min(b[1]), a[1].max(b[1]), rows) {
        for column in range(a[0].min(b[0]), a[0].max(b[0]), columns) {
            let centre = [(column as f64 + 0.5) * CELL, (row as f64 + 0.5) * CELL];
            if distance_to_segment(centre, a, b) <= CLEARANCE {
                free[row * columns + column] = false;
            }
        }
    }
}

/// Blocks the cells inside a polygon, a row at a time: between its first and second edge, its third and fourth, and so on.
fn block_inside(free: &mut [bool], columns: usize, rows: usize, corners: &[Spot]) {
    let mut hits: Vec<f64> = Vec::new();
    for row in 0..rows {
        let y = (row as f64 + 0.5) * CELL;
        hits.clear();
        for (a, b) in corners.iter().zip(corners.iter().cycle().skip(1)) {
            if (a[1] > y) != (b[1] > y) {
                hits.push(a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]));
            }
        }
        hits.sort_by(f64::total_cmp);
        for pair in hits.chunks_exact(2) {
            let first = (pair[0] / CELL - 0.5).ceil().max(0.0) as usize;
            let last = (pair[1] / CELL - 0.5).floor();
            for column in first..=(last.max(-1.0) + 1.0) as usize {
                let x = (column as f64 + 0.5) * CELL;
                if column < columns && x >= pair[0] && x <= pair[1] {
                    free[row * columns + column] = false;
                }
            }
        }
    }
}

fn distance_to_segment(p: Spot, a: Spot, b: Spot) -> f64 {
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let length_squared = dx * dx + dy * dy;
    let t = if length_squared == 0.0 { 0.0 } else { ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length_squared };
    let t = t.clamp(0.0, 1.0);
    distance(p, [a[0] + t * dx, a[1] + t * dy])
}

/// Whether segment `ab` touches segment `cd`.
fn cross(a: Spot, b: Spot, c: Spot, d: Spot) -> bool {
    let side = |p: Spot, q: Spot, r: Spot| (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
    let (abc, abd, cda, cdb) = (side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b));
    let within = |p: Spot, q: Spot, r: Spot| {
        r[0] >= p[0].min(q[0]) && r[0] <= p[0].max(q[0]) && r[1] >= p[1].min(q[1]) && r[1] <= p[1].max(q[1])
    };
    (abc * abd < 0.0 && cda * cdb < 0.0)
        || (abc == 0.0 && within(a, b, c))
        || (abd == 0.0 && within(a, b, d))
        || (cda == 0.0 && within(c, d, a))
        || (cdb == 0.0 && within(c, d, b))
}

/// Offsets whose larger part is `ring`.
fn ring_of(ring: i64) -> impl Iterator<Item = (i64, i64)> {
    (-ring..=ring)
        .flat_map(move |dx| (-ring..=ring).map(move |dy| (dx, dy)))
        .filter(move |(dx, dy)| dx.abs().max(dy.abs()) == ring)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    /// 20 × 20 m with a wall across the middle that leaves a door of 1 m, and a solid block.
    fn ground() -> Ground {
        let mut map = Map::empty(20.0, 20.0);
        let line = |points: &[Spot]| Shape { points: points.to_vec(), closed: false };
        map.walls.push(line(&[[0.0, 10.0], [14.0, 10.0]]));
        map.walls.push(line(&[[15.0, 10.0], [20.0, 10.0]]));
        map.walls.push(Shape { points: vec![[3.0, 3.0], [7.0, 3.0], [7.0, 7.0], [3.0, 7.0]], closed: true });
        Ground::new(map)
    }

    #[test]
    fn a_way_leads_through_the_door_and_every_leg_of_it_is_free() {
        let ground = ground();
        let (from, to) = (ground.enter([1.0, 1.0]).unwrap(), ground.enter([1.0, 19.0]).unwrap());
        let field = ground.field(to);
        let (mut cell, mut steps) = (from, 0);
        while let Some(next) = field.next(cell) {
            assert!(ground.leg_is_free(ground.centre(cell), ground.centre(next)));
            cell = next;
            steps += 1;
            assert!(steps < 1000, "the way ends");
        }
        assert_eq!(cell, to);
    }

    #[test]
    fn nobody_enters_a_solid_block_and_the_nearest_free_cell_is_found() {
        let ground = ground();
        assert!(ground.enter([5.0, 5.0]).is_none(), "every line out of the block touches its walls");
        let cell = ground.enter([2.9, 5.0]).unwrap();
        assert!(ground.centre(cell)[0] < 3.0);
    }

    #[test]
    fn clusters_keep_their_distance_and_can_be_reached() {
        let ground = ground();
        let from = ground.enter([1.0, 1.0]).unwrap();
        let chosen = ground.spread(from, 8.0);
        assert!(chosen.len() >= 4, "{}", chosen.len());
        for (index, a) in chosen.iter().enumerate() {
            assert!(chosen[..index].iter().all(|b| distance(ground.centre(*a), ground.centre(*b)) >= 8.0));
        }
    }

    #[test]
    fn every_free_stretch_of_the_edge_is_a_way_out() {
        let sides: Vec<_> = ground().edges(100.0).into_iter().map(|(_, side)| side).collect();
        let count = |wanted| sides.iter().filter(|side| **side == wanted).count();
        assert_eq!(Side::ALL.map(count), [2, 2, 1, 1], "the wall in the middle cuts west and east in two");
    }
}
