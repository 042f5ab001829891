//! The world that every run has: three zones of one plane, one of another.

use std::sync::Arc;

use wod_protocol::world::World;

/// Zones' names.
pub(crate) const ZONES: [&str; 4] = ["ny.west", "ny.east", "ny.north", "la.far"];

const FILE: &str = r#"
start = "ny.west"
[ranges]
say = 10.0
shout = 40.0
emote = 20.0
roster_enter = 20.0
roster_leave = 23.0
speed = 8.0
[[zone]]
name = "ny.west"
number = 1
module = "market"
origin = [0, 0]
size = [60, 60]
tick_hz = 10
[[zone]]
name = "ny.east"
number = 2
module = "market"
origin = [60, 0]
size = [60, 60]
tick_hz = 10
[[zone]]
name = "ny.north"
number = 3
module = "market"
origin = [0, 60]
size = [60, 40]
tick_hz = 10
[[zone]]
name = "la.far"
number = 4
module = "market"
origin = [0, 0]
size = [40, 40]
tick_hz = 10
"#;

/// The world file.
///
/// # Panics
/// Never: it is a part of this program, and good.
pub(crate) fn world() -> Arc<World> {
    Arc::new(World::parse(FILE).expect("the file above is good"))
}

/// Bounds `[x0, y0, x1, y1]` of a region's zones.
pub(crate) fn zones_of(world: &World, region: &str) -> Vec<[f64; 4]> {
    let zones = world.zones.iter().filter(|zone| zone.region() == region);
    zones
        .map(|zone| [zone.origin[0], zone.origin[1], zone.origin[0] + zone.size[0], zone.origin[1] + zone.size[1]])
        .collect()
}
