//! A zone module of zone-api 1.1: answers every `admin` event with how light it is, and tells of every `dusk`.

use exports::wod::zone::logic::{Description, Event, Frame, Guest, Setup, Snapshot};
use wod::zone::{act, query};

wit_bindgen::generate!({ path: "wit", world: "zone" });

struct Growth;
export!(Growth);

impl Guest for Growth {
    fn describe() -> Description {
        Description { name: "growth".into(), version: "1.1.0".into(), schema: 1, verbs: Vec::new(), config: Vec::new() }
    }

    fn init(_setup: Setup) -> Result<(), String> {
        Ok(())
    }

    fn tick(_frame: Frame, events: Vec<Event>) {
        for event in events {
            let (request, answer) = match event {
                Event::Admin(asked) => (asked.request, format!("it is {} light", query::daylight())),
                Event::Other((name, json)) if name == "dusk" => (0, format!("it is {json} light still")),
                _ => continue,
            };
            act::reply(request, &answer).expect("the test's host takes every reply");
        }
    }

    fn save() -> Snapshot {
        Snapshot { schema: 1, bytes: Vec::new() }
    }

    fn load(_setup: Setup, _snapshot: Snapshot) -> Result<(), String> {
        Ok(())
    }
}
