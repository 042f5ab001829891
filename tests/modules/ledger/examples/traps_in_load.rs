//! Panics where it should read what another edition saved.

use ledger::{Edition, Ledger};
use wod_zone::Result;

#[derive(Default, serde::Serialize, serde::Deserialize)]
struct TrapsInLoad {}

impl Edition for TrapsInLoad {
    const SCHEMA: u32 = 2;

    fn migrate(_schema: u32, _bytes: &[u8]) -> Result<Ledger<Self>> {
        panic!("the ink has run")
    }
}

wod_zone::export!(Ledger<TrapsInLoad>);
