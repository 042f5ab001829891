//! `wod zone run`: one zone in a world of its own in this process; what is saved is built and swapped in at once.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use wod_host::signature::Trust;
use wod_protocol::client::TagValue;
use wod_protocol::ids::{ZoneName, ZoneNo};
use wod_protocol::map::Map;
use wod_protocol::world::{Ranges, World, Zone as ZoneRules};

use super::bench::setting;
use super::build::build_one;
use super::crates;
use crate::commands::dev::{Play, play};
use crate::config::{Flags, Role};
use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use crate::watch::Sources;

/// The zone's region, and that of its twin, where its portals lead.
const REGIONS: [&str; 2] = ["home", "away"];
/// Where the web client lies in the repository.
const PAGE: &str = "gateway/web/dist";

/// Arguments of `wod zone run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of a zone [default: here]
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Where players connect, and the page is
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:7700")]
    listen: SocketAddr,
    /// Where operators connect
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:7701")]
    admin: SocketAddr,
    /// Open the page in a browser
    #[arg(long)]
    open: bool,
    /// Go on with the world of the last time [default: begin it anew]
    #[arg(long)]
    keep: bool,
    /// A setting of the module other than its default; several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, TagValue)>,
    /// Folder of the world and what is built [default: target/zone-run/<module>]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Folder of the built web client [default: gateway/web/dist, here or where this program was built]
    #[arg(long, value_name = "DIR")]
    web: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let zones = crates::zones_by_manifest(&self.dir)?;
        let [zone] = &zones[..] else {
            let names: Vec<&str> = zones.iter().map(|zone| zone.module.as_str()).collect();
            return Err(Failure::text(Exit::Usage, format!("several zones are there: {}", names.join(", ")))
                .hint("name the folder of one; `wod dev --watch DIR` runs a whole world of them"));
        };
        let data = self.data.unwrap_or_else(|| Path::new("target/zone-run").join(&zone.module));
        let modules = data.join("modules");
        let built = build_one(&self.dir, &modules, true)?;
        let map = wod_map::read(&zone.map).context("the map has changed while it was built")?;
        let mut settings = Flags::default().settings(Role::Dev)?;
        (settings.listen, settings.admin, settings.redis) = (self.listen, self.admin, None);
        (settings.data, settings.modules) = (data, modules);
        settings.web = self.web.or(settings.web).or_else(page_near_program);
        if settings.web.is_none() {
            eprintln!(
                "warning: there is no web client at {PAGE}: `npm run build` in gateway/web makes it, --web names it"
            );
        }
        let world = Arc::new(world(&zone.module, &map, self.set));
        output::line(format_args!(
            "{} is built into {}; its zone is {}{}.",
            zone.module,
            built.file.display(),
            world.start,
            world.zones.get(1).map(|twin| format!(", its portals lead to its twin {}", twin.name)).unwrap_or_default()
        ));
        let map_folder = zone.map.parent().map(Path::to_owned).filter(|folder| !folder.as_os_str().is_empty());
        let sources = Sources { dir: self.dir, also: map_folder.into_iter().collect() };
        play(Play {
            settings,
            world,
            trust: Trust::Anybody,
            fresh: !self.keep,
            sources: Some(sources),
            open: self.open,
        })
    }
}

/// The zone; and once more somewhere else, if it has portals, for a zone has no way to itself.
fn world(module: &str, map: &Map, config: Vec<(String, TagValue)>) -> World {
    let names = REGIONS.map(|region| ZoneName::from(format!("{region}.{module}")));
    let [here, there] = &names;
    let zone = |number: u16, name: &ZoneName, beyond: &ZoneName| ZoneRules {
        name: name.clone(),
        number: ZoneNo(number),
        module: module.to_owned(),
        origin: [0.0, 0.0],
        size: map.size,
        tick_hz: 20,
        players: 1000,
        portals: map.portals.iter().map(|portal| (portal.name.clone(), beyond.to_string())).collect(),
        hosts: Vec::new(),
        apart_from: Vec::new(),
        config: config.iter().cloned().collect(),
    };
    let mut zones = vec![zone(1, here, there)];
    if !map.portals.is_empty() {
        zones.push(zone(2, there, here));
    }
    World { start: here.clone(), ranges: Ranges::default(), zones }
}

/// Of the repository that this program was built in.
fn page_near_program() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    program.ancestors().map(|folder| folder.join(PAGE)).find(|page| page.join("index.html").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wod_protocol::map::Portal;

    #[test]
    fn the_world_of_one_zone_has_its_maps_size_and_a_twin_where_portals_lead() {
        let mut map = Map::empty(30.0, 20.0);
        let settings = || vec![("pace".to_owned(), TagValue::Int(2))];
        assert_eq!(world("old-docks", &map, settings()).zones.len(), 1);
        map.portals.push(Portal { name: "train".into(), at: [1.0, 1.0], radius: 1.0 });
        let world = world("old-docks", &map, settings());
        assert!(world.check().is_ok(), "{:?}", world.check());
        let [here, there] = &world.zones[..] else { panic!("{world:?}") };
        assert_eq!((here.name.as_str(), here.size), ("home.old-docks", [30.0, 20.0]));
        assert_eq!(
            (here.portals["train"].as_str(), there.portals["train"].as_str()),
            ("away.old-docks", "home.old-docks")
        );
        assert_eq!(here.config["pace"], TagValue::Int(2));
    }
}
