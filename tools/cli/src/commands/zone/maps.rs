//! What is checked of maps when they are packed, besides what their reader checks: that one can get everywhere, and that they
//! and the world file lead into each other. Every finding tells file and line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use toml::Spanned;
use wod_map::{Drawn, MapFault, SpotKind};
use wod_protocol::units::{Bounds, Pos};
use wod_protocol::world::{World, Zone};
use wod_sim::space::path::{PathFinder, Search, Work};
use wod_sim::space::terrain::Terrain;

/// A module's map as it was drawn.
pub(super) struct ModuleMap {
    pub(super) module: String,
    pub(super) file: PathBuf,
    pub(super) drawn: Drawn,
}

impl ModuleMap {
    pub(super) fn read(module: &str, file: &Path) -> anyhow::Result<Self> {
        Ok(Self { module: module.to_owned(), file: file.to_owned(), drawn: wod_map::read_drawn(file)? })
    }

    /// What nobody can get to, all barriers open. Perhaps it is meant to be: somebody behind a window.
    pub(super) fn cut_off(&self) -> Vec<MapFault> {
        let Drawn { map, spots } = &self.drawn;
        let [width, height] = map.size;
        let mut terrain =
            Terrain::new(map, Bounds { min: Pos::from_metres(0.0, 0.0), max: Pos::from_metres(width, height) });
        terrain.restore_barriers([]);
        let at = |[x, y]: [f64; 2]| terrain.nearest_free(Pos::from_metres(x, y));
        let mut finder = PathFinder::new();
        let mut leads = |from: [f64; 2], to: [f64; 2]| {
            let Some((from, to)) = at(from).zip(at(to)) else { return false };
            finder.find(&terrain, from, to, &mut Work::PER_TICK.clone(), &mut Vec::new()) == Search::Found
        };
        let mut faults = Vec::new();
        for spot in spots.iter().filter(|spot| spot.kind != SpotKind::Spawn) {
            if !map.spawns.iter().any(|spawn| leads(*spawn, spot.at)) {
                let text = format!(
                    "{}: there is no way here from any spawn point, all barriers open: leave a gap, or move it",
                    spot.title
                );
                faults.push(MapFault { line: spot.line, text });
            }
        }
        faults
    }
}

/// Checks that the maps and the world file fit: sizes, and that every portal leads to a place that is there.
///
/// # Errors
/// When the world file can't be read, or with everything that does not fit, one finding a line.
pub(super) fn check_world(file: &Path, maps: &[ModuleMap]) -> anyhow::Result<()> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("can't read the world file {}", file.display()))?;
    let world = World::parse(&text).with_context(|| format!("the world file {}", file.display()))?;
    let lines = WorldLines::read(&text).with_context(|| format!("the world file {}", file.display()))?;
    let check = Check { file, maps, world: &world, lines: &lines };
    let findings: Vec<String> = world.zones.iter().flat_map(|zone| check.zone(zone)).collect();
    if findings.is_empty() {
        return Ok(());
    }
    bail!("maps and world file don't fit, {} fault(s):\n  {}", findings.len(), findings.join("\n  "));
}

struct Check<'a> {
    file: &'a Path,
    maps: &'a [ModuleMap],
    world: &'a World,
    lines: &'a WorldLines,
}

impl Check<'_> {
    fn zone(&self, zone: &Zone) -> Vec<String> {
        let Some(ModuleMap { file, drawn, .. }) = self.map_of(zone) else { return Vec::new() };
        let (name, map) = (zone.name.as_str(), &drawn.map);
        let here = |line: u32| format!("{}:{line}: zone `{name}`", self.file.display());
        let mut findings = Vec::new();
        if zone.size != map.size {
            let [[ours, our_height], [theirs, their_height]] = [zone.size, map.size];
            findings.push(format!(
                "{}: its size is {ours} x {our_height} m, its map {} has {theirs} x {their_height} m: make them equal",
                here(self.lines.zone(name)),
                file.display()
            ));
        }
        for spot in drawn.spots.iter().filter(|spot| spot.kind == SpotKind::Portal) {
            if !zone.portals.contains_key(&spot.name) {
                findings.push(format!(
                    "{}:{}: {}: leads nowhere: give zone `{name}` in {} a destination, portals = {{ {} = \"ZONE/PLACE\" }}",
                    file.display(),
                    spot.line,
                    spot.title,
                    self.file.display(),
                    spot.name
                ));
            }
        }
        for (portal, destination) in &zone.portals {
            let line = self.lines.portal(name, portal);
            if !map.portals.iter().any(|drawn| drawn.name == *portal) {
                findings.push(format!("{}: its map {} has no portal `{portal}`: draw it", here(line), file.display()));
            }
            findings
                .extend(self.destination(destination).map(|why| format!("{}: portal `{portal}`: {why}", here(line))));
        }
        findings
    }

    /// Why a destination is none; what lies in a zone whose map is not among these is not known.
    fn destination(&self, destination: &str) -> Option<String> {
        let (zone, place) = destination.split_once('/')?;
        let ModuleMap { file, drawn, .. } = self.map_of(self.world.zone_named(zone)?)?;
        let is_there = drawn.map.places.iter().any(|known| known.name == place);
        (!is_there).then(|| format!("leads to `{destination}`, but {} has no place `{place}`: draw it", file.display()))
    }

    fn map_of(&self, zone: &Zone) -> Option<&ModuleMap> {
        self.maps.iter().find(|map| map.module == zone.module)
    }
}

/// Where in the world file everything is.
struct WorldLines {
    zones: BTreeMap<String, u32>,
    portals: BTreeMap<(String, String), u32>,
}

impl WorldLines {
    fn read(text: &str) -> Result<Self, toml::de::Error> {
        #[derive(Deserialize)]
        struct File {
            #[serde(default)]
            zone: Vec<ZoneTable>,
        }
        #[derive(Deserialize)]
        struct ZoneTable {
            name: Spanned<String>,
            #[serde(default)]
            portals: BTreeMap<String, Spanned<String>>,
        }
        let line = |value: &Spanned<String>| text[..value.span().start].matches('\n').count() as u32 + 1;
        let mut lines = Self { zones: BTreeMap::new(), portals: BTreeMap::new() };
        for ZoneTable { name, portals } in toml::from_str::<File>(text)?.zone {
            lines.zones.insert(name.get_ref().clone(), line(&name));
            for (portal, destination) in portals {
                lines.portals.insert((name.get_ref().clone(), portal), line(&destination));
            }
        }
        Ok(lines)
    }

    fn zone(&self, name: &str) -> u32 {
        self.zones.get(name).copied().unwrap_or(1)
    }

    fn portal(&self, zone: &str, portal: &str) -> u32 {
        let key = (zone.to_owned(), portal.to_owned());
        self.portals.get(&key).copied().unwrap_or_else(|| self.zone(zone))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    /// A map of 20 × 10 m, a wall across it from north to south at x = 10 m with a gap of so many pixels in the south.
    fn map(dir: &Path, gap: u32, objects: &str) -> ModuleMap {
        let file = dir.join("docks.tmx");
        let wall = 320 - gap;
        let text = format!(
            r#"<map version="1.10" orientation="orthogonal" width="20" height="10" tilewidth="32" tileheight="32" infinite="0">
<objectgroup id="1" name="all">
<object id="1" type="spawn" x="64" y="64"><point/></object>
<object id="2" type="wall" x="320" y="0"><polyline points="0,0 0,{wall}"/></object>
{objects}
</objectgroup>
</map>"#
        );
        std::fs::write(&file, text).unwrap();
        ModuleMap::read("docks", &file).unwrap()
    }

    const BAR: &str = r#"<object id="3" name="bar" type="place" x="480" y="64"><point/></object>"#;
    const TRAIN: &str = r#"<object id="4" name="train" type="portal" x="96" y="96"><properties><property name="radius" type="float" value="2"/></properties><point/></object>"#;

    #[test]
    fn a_gap_of_any_width_is_a_way_and_a_whole_wall_is_none() {
        let dir = tempfile::tempdir().unwrap();
        assert!(map(dir.path(), 4, BAR).cut_off().is_empty());
        let faults = map(dir.path(), 0, BAR).cut_off();
        assert_eq!((faults.len(), faults[0].line), (1, 5));
        assert!(faults[0].text.contains("object 3 `bar` in layer `all`: there is no way here"), "{}", faults[0].text);
    }

    #[test]
    fn an_open_barrier_is_a_way() {
        let dir = tempfile::tempdir().unwrap();
        let door =
            r#"<object id="5" name="door" type="barrier" x="320" y="256"><polyline points="0,0 0,64"/></object>"#;
        assert!(map(dir.path(), 64, &format!("{BAR}\n{door}")).cut_off().is_empty());
    }

    fn world(dir: &Path, zone: &str) -> PathBuf {
        let file = dir.join("world.toml");
        let text = format!(
            "start = \"nyc.docks\"\n[[zone]]\nname = \"nyc.docks\"\nnumber = 1\nmodule = \"docks\"\norigin = [0, 0]\n{zone}\n"
        );
        std::fs::write(&file, text).unwrap();
        file
    }

    #[test]
    fn doors_to_nowhere_are_errors_with_file_and_line() {
        let dir = tempfile::tempdir().unwrap();
        let maps = [map(dir.path(), 4, &format!("{BAR}\n{TRAIN}"))];
        let check = |zone: &str| check_world(&world(dir.path(), zone), &maps).map_err(|error| error.to_string());
        assert_eq!(check("size = [20, 10]\nportals = { train = \"nyc.docks/bar\" }"), Ok(()));
        let finds = |zone: &str, expected: &str| {
            let error = check(zone).unwrap_err();
            assert!(error.contains("1 fault(s)") && error.contains(expected), "{error}");
        };
        finds("size = [20, 10]", "docks.tmx:6: object 4 `train` in layer `all`: leads nowhere");
        finds(
            "size = [20, 12]\nportals = { train = \"nyc.docks\" }",
            "world.toml:3: zone `nyc.docks`: its size is 20 x 12 m",
        );
        finds(
            "size = [20, 10]\nportals = { train = \"nyc.docks/pier\" }",
            "world.toml:8: zone `nyc.docks`: portal `train`: leads to `nyc.docks/pier`, but",
        );
        finds(
            "size = [20, 10]\nportals = { train = \"nyc.docks\", boat = \"nyc.docks\" }",
            "world.toml:8: zone `nyc.docks`: its map",
        );
    }

    #[test]
    fn a_world_that_does_not_run_the_module_says_nothing_of_its_map() {
        let dir = tempfile::tempdir().unwrap();
        let maps = [ModuleMap { module: "other".into(), ..map(dir.path(), 4, TRAIN) }];
        assert!(check_world(&world(dir.path(), "size = [30, 10]"), &maps).is_ok());
        assert!(check_world(&dir.path().join("none.toml"), &maps).is_err());
    }
}
