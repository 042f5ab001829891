//! Schema 2, and no way there from schema 1.

use ledger::{Edition, Ledger};

#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Forgetful {}

impl Edition for Forgetful {
    const SCHEMA: u32 = 2;
}

wod_zone::export!(Ledger<Forgetful>);
