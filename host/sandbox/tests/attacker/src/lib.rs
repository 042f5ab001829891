//! A hostile zone module. What it does in `tick` is the text of each `admin` event; in `init` and `load` the setting `mode`;
//! in `save` the last `save:MODE` it was told; in `describe` the bytes of [`DESCRIBE_MODE`], which the tests patch in the file.

mod attacks;

use std::cell::RefCell;

use exports::wod::zone::logic::{ConfigKey, Description, Event, Frame, Guest, Setup, Snapshot};
use wod::zone::types::{LogLevel, Value};
use wod::zone::{act, log, progress, random};

wit_bindgen::generate!({ path: "../../../../zone-api/wit", world: "zone" });

struct Attacker;
export!(Attacker);

/// The tests replace the dashes.
#[used]
static DESCRIBE_MODE: [u8; 32] = *b"describe-mode:------------------";

#[derive(Default)]
struct State {
    /// Saved and loaded.
    counter: u64,
    /// Not saved.
    save_mode: String,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

impl Guest for Attacker {
    fn describe() -> Description {
        std::panic::set_hook(Box::new(|info| log::write(LogLevel::Error, &info.to_string(), &[])));
        // SAFETY: a static's address is valid; volatile because the tests change it in the compiled file.
        let mode = unsafe { std::ptr::read_volatile(&DESCRIBE_MODE) };
        let mode = String::from_utf8_lossy(&mode[14..]).trim_end_matches('-').to_owned();
        let mut description = Description {
            name: "attacker".into(),
            version: "0.0.0".into(),
            schema: 1,
            verbs: vec!["poke".into()],
            config: vec![ConfigKey {
                name: "mode".into(),
                about: "what to do in init and load".into(),
                default: Value::Text(String::new()),
            }],
        };
        match mode.as_str() {
            "" => {}
            "verbs" => description.verbs = vec![String::new(); 300],
            "huge" => description.name = "x".repeat(2 << 20),
            other => attacks::run(other, 0),
        }
        description
    }

    fn init(setup: Setup) -> Result<(), String> {
        start(&setup)
    }

    fn tick(frame: Frame, events: Vec<Event>) {
        for (index, event) in events.into_iter().enumerate() {
            progress::at(index as u32);
            match event {
                Event::Admin(asked) => match asked.text.split_once(':') {
                    Some(("save", mode)) => STATE.with_borrow_mut(|state| state.save_mode = mode.into()),
                    Some(("add", number)) => {
                        let number: u64 = number.parse().expect("a number");
                        let counter = STATE.with_borrow_mut(|state| {
                            state.counter += number;
                            state.counter
                        });
                        let random = random::next();
                        let _ = act::reply(asked.request, &format!("{counter} at {} with {random}", frame.tick));
                    }
                    _ => attacks::run(&asked.text, asked.request),
                },
                other => {
                    let _ = act::reply(u64::MAX, &format!("{other:?}"));
                }
            }
        }
    }

    fn save() -> Snapshot {
        let (counter, mode) = STATE.with_borrow(|state| (state.counter, state.save_mode.clone()));
        let bytes = match mode.split_once('=') {
            Some(("size", bytes)) => vec![7; bytes.parse().expect("a number")],
            _ if mode.is_empty() => counter.to_le_bytes().to_vec(),
            _ => {
                attacks::run(&mode, 0);
                Vec::new()
            }
        };
        Snapshot { schema: 1, bytes }
    }

    fn load(setup: Setup, snapshot: Snapshot) -> Result<(), String> {
        let bytes = snapshot.bytes.try_into().map_err(|_| "not 8 bytes")?;
        STATE.with_borrow_mut(|state| state.counter = u64::from_le_bytes(bytes));
        start(&setup)
    }
}

fn start(setup: &Setup) -> Result<(), String> {
    let mode = setup.config.iter().find_map(|(name, value)| match value {
        Value::Text(mode) if name == "mode" => Some(mode.as_str()),
        _ => None,
    });
    match mode.unwrap_or_default() {
        "" => Ok(()),
        "refuse" => Err("not in this zone".into()),
        attack => {
            attacks::run(attack, 0);
            Ok(())
        }
    }
}
