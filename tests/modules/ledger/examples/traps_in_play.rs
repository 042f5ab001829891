//! Loads what the first edition saved, and panics when somebody signs.

use ledger::{Edition, Ledger};

#[derive(Default, serde::Serialize, serde::Deserialize)]
struct TrapsInPlay {}

impl Edition for TrapsInPlay {
    fn sign() {
        panic!("the pen is broken")
    }
}

wod_zone::export!(Ledger<TrapsInPlay>);
