//! Wall segments in buckets, so that a leg is only tested against those on its way.

use wod_protocol::map::{Map, Shape};
use wod_protocol::units::{Bounds, Fixed, Pos, UNITS_PER_METRE, to_fixed};

use super::geometry::{cross, segments_nearer, segments_touch};

/// Side of a bucket, unless the map would need too many.
const BUCKET: i64 = 8 * UNITS_PER_METRE as i64;
/// Most buckets, and most entries of them: beyond, buckets are larger.
const MAX_BUCKETS: i64 = 65_536;
const MAX_ENTRIES: usize = 4_000_000;

/// Segments in one bucket that are few.
const FEW: u32 = 64;

/// Which outline a segment belongs to: the map's walls in order, then its barriers.
pub(super) type ShapeNo = u32;

/// All outlines of a map, as segments in the region's plane.
#[derive(Debug)]
pub(super) struct Walls {
    bounds: Bounds,
    /// In order of shape.
    segments: Vec<Segment>,
    outlines: Vec<Outline>,
    cell: i64,
    columns: i64,
    rows: i64,
    cells: Lists,
    /// Segments of closed outlines by row of buckets, in order of shape.
    solids: Lists,
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    a: Pos,
    b: Pos,
    shape: ShapeNo,
}

/// An outline's corners, without repetitions.
#[derive(Debug)]
pub(super) struct Outline {
    pub(super) corners: Vec<Pos>,
    pub(super) solid: bool,
}

impl Walls {
    pub(super) fn new(map: &Map, bounds: Bounds) -> Self {
        let shapes = map.walls.iter().chain(map.barriers.iter().map(|barrier| &barrier.shape));
        let outlines: Vec<Outline> = shapes.map(|shape| Outline::new(shape, bounds)).collect();
        let segments = (0..).zip(&outlines).flat_map(|(shape, outline)| outline.segments(shape)).collect();
        let mut walls = Self {
            bounds,
            segments,
            outlines,
            cell: BUCKET,
            columns: 0,
            rows: 0,
            cells: Lists::default(),
            solids: Lists::default(),
        };
        walls.choose_buckets();
        walls.cells = Lists::build((walls.columns * walls.rows) as usize, |put| {
            for (index, segment) in (0..).zip(&walls.segments) {
                walls.buckets(segment.a, segment.b, 0, |bucket| {
                    put(bucket, index);
                    false
                });
            }
        });
        walls.solids = Lists::build(walls.rows as usize, |put| {
            for (index, segment) in (0..).zip(&walls.segments) {
                if walls.outlines[segment.shape as usize].solid {
                    let (low, high) = (segment.a.y.min(segment.b.y), segment.a.y.max(segment.b.y));
                    for row in walls.row(low)..=walls.row(high) {
                        put(row as usize, index);
                    }
                }
            }
        });
        walls
    }

    /// How many times longer than usual a test may take, because so many walls stand so close: 1 on any sensible map.
    pub(super) fn crowding(&self) -> u32 {
        let lengths = self.cells.starts.windows(2).map(|pair| pair[1] - pair[0]);
        lengths.max().unwrap_or(0) / FEW + 1
    }

    pub(super) fn outlines(&self) -> &[Outline] {
        &self.outlines
    }

    /// Whether the closed leg from `a` to `b` touches a segment of a shape that counts. Buckets near `a` are looked at first.
    pub(super) fn touched(&self, a: Pos, b: Pos, mut counts: impl FnMut(ShapeNo) -> bool) -> bool {
        self.any(a, b, 0, |segment| segments_touch(a, b, segment.a, segment.b) && counts(segment.shape))
    }

    /// Whether the leg comes nearer than `radius` to a segment of a shape that counts.
    pub(super) fn grazed(&self, a: Pos, b: Pos, radius: Fixed, mut counts: impl FnMut(ShapeNo) -> bool) -> bool {
        self.any(a, b, radius, |segment| segments_nearer(a, b, segment.a, segment.b, radius) && counts(segment.shape))
    }

    /// Visits the segments in the buckets around a point, some more than once.
    pub(super) fn around(&self, at: Pos, radius: Fixed, mut visit: impl FnMut(ShapeNo, Pos, Pos)) {
        self.any(at, at, radius, |segment| {
            visit(segment.shape, segment.a, segment.b);
            false
        });
    }

    /// Whether the point lies in the interior of a solid that counts (where its winding number is not 0). A point on an outline
    /// may count as either.
    pub(super) fn in_solid(&self, at: Pos, mut counts: impl FnMut(ShapeNo) -> bool) -> bool {
        let mut current = None;
        let mut winding = 0;
        for index in self.solids.list(self.row(at.y) as usize) {
            let Segment { a, b, shape } = self.segments[*index as usize];
            if current != Some(shape) {
                if winding != 0 && current.is_some_and(&mut counts) {
                    return true;
                }
                (current, winding) = (Some(shape), 0);
            }
            if a.y <= at.y && b.y > at.y && cross(a, b, at) > 0 {
                winding += 1;
            } else if a.y > at.y && b.y <= at.y && cross(a, b, at) < 0 {
                winding -= 1;
            }
        }
        winding != 0 && current.is_some_and(counts)
    }

    fn any(&self, a: Pos, b: Pos, margin: Fixed, mut hit: impl FnMut(&Segment) -> bool) -> bool {
        self.buckets(a, b, margin, |bucket| {
            self.cells.list(bucket).iter().any(|index| hit(&self.segments[*index as usize]))
        })
    }

    /// Visits, from `a` to `b`, every bucket that the segment, `margin` thick on each side, may touch; true stops, and is
    /// returned. Two segments that share a point share a bucket.
    fn buckets(&self, a: Pos, b: Pos, margin: Fixed, mut visit: impl FnMut(usize) -> bool) -> bool {
        let margin = i64::from(margin);
        let local =
            |at: Pos| (i64::from(at.x) - i64::from(self.bounds.min.x), i64::from(at.y) - i64::from(self.bounds.min.y));
        let ((ax, ay), (bx, by)) = (local(a), local(b));
        let column = |x: i64| x.div_euclid(self.cell).clamp(0, self.columns - 1);
        let row = |y: i64| y.div_euclid(self.cell).clamp(0, self.rows - 1);
        let (west, east) = (ax.min(bx), ax.max(bx));
        let (dx, dy) = (bx - ax, by - ay);
        let (first, last) = (column(west - margin), column(east + margin));
        for step in 0..=last - first {
            let at = if dx >= 0 { first + step } else { last - step };
            // The part of the segment over this column; the outermost columns also hold what lies beyond.
            let from = if at == first { west } else { (at * self.cell - margin).clamp(west, east) };
            let to = if at == last { east } else { ((at + 1) * self.cell + margin).clamp(west, east) };
            let (low, high) = if dx == 0 {
                (ay.min(by), ay.max(by))
            } else {
                let (num_from, num_to) = (dy * (from - ax) * dx.signum(), dy * (to - ax) * dx.signum());
                let floor = num_from.min(num_to).div_euclid(dx.abs());
                let ceil = -(-num_from.max(num_to)).div_euclid(dx.abs());
                (ay + floor, ay + ceil)
            };
            for y in row(low - margin)..=row(high + margin) {
                if visit((y * self.columns + at) as usize) {
                    return true;
                }
            }
        }
        false
    }

    fn row(&self, y: Fixed) -> i64 {
        (i64::from(y) - i64::from(self.bounds.min.y)).div_euclid(self.cell).clamp(0, self.rows - 1)
    }

    /// Doubles the buckets' side until their number and the number of entries (estimated from boxes) are within limits.
    fn choose_buckets(&mut self) {
        let side = |min: Fixed, max: Fixed| (i64::from(max) - i64::from(min)).max(1);
        let width = side(self.bounds.min.x, self.bounds.max.x);
        let height = side(self.bounds.min.y, self.bounds.max.y);
        loop {
            (self.columns, self.rows) = ((width - 1) / self.cell + 1, (height - 1) / self.cell + 1);
            let entries: i64 = self
                .segments
                .iter()
                .map(|Segment { a, b, .. }| {
                    let spread = (i64::from(a.x) - i64::from(b.x)).abs() + (i64::from(a.y) - i64::from(b.y)).abs();
                    spread / self.cell * 2 + 2
                })
                .sum();
            let few_enough = self.columns * self.rows <= MAX_BUCKETS && entries <= MAX_ENTRIES as i64;
            if few_enough || self.columns * self.rows == 1 {
                return;
            }
            self.cell *= 2;
        }
    }
}

impl Outline {
    fn new(shape: &Shape, bounds: Bounds) -> Self {
        let place = |[x, y]: [f64; 2]| Pos {
            x: bounds.min.x.saturating_add(to_fixed(x)).clamp(bounds.min.x, bounds.max.x),
            y: bounds.min.y.saturating_add(to_fixed(y)).clamp(bounds.min.y, bounds.max.y),
        };
        let mut corners: Vec<Pos> = shape.points.iter().copied().map(place).collect();
        corners.dedup();
        while shape.closed && corners.len() > 1 && corners.first() == corners.last() {
            corners.pop();
        }
        Self { corners, solid: shape.closed }
    }

    /// A single corner, left when all others were the same, is a segment of no length.
    fn segments(&self, shape: ShapeNo) -> impl Iterator<Item = Segment> {
        let count = self.corners.len();
        let pairs = if self.solid || count == 1 { count } else { count - 1 };
        (0..pairs).map(move |i| Segment { a: self.corners[i], b: self.corners[(i + 1) % count], shape })
    }
}

/// Many lists in two allocations.
#[derive(Debug, Default)]
struct Lists {
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// `fill` is called twice and must put the same (list, item) pairs both times.
    fn build(lists: usize, fill: impl Fn(&mut dyn FnMut(usize, u32))) -> Self {
        let mut starts = vec![0; lists + 1];
        fill(&mut |list, _| starts[list + 1] += 1);
        for list in 0..lists {
            starts[list + 1] += starts[list];
        }
        let mut ends = starts.clone();
        let mut items = vec![0; starts[lists] as usize];
        fill(&mut |list, item| {
            items[ends[list] as usize] = item;
            ends[list] += 1;
        });
        Self { starts, items }
    }

    fn list(&self, list: usize) -> &[u32] {
        &self.items[self.starts[list] as usize..self.starts[list + 1] as usize]
    }
}
