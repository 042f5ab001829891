//! The first edition: schema 1.

use ledger::{Edition, Ledger};

#[derive(Default, serde::Serialize, serde::Deserialize)]
struct One {}

impl Edition for One {}

wod_zone::export!(Ledger<One>);
