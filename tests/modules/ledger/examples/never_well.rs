//! Panics whenever the hour strikes: a host would have shelved it long ago.

use ledger::{Edition, Ledger};

#[derive(Default, serde::Serialize, serde::Deserialize)]
struct NeverWell {}

impl Edition for NeverWell {
    fn strike() {
        panic!("the clock has stopped")
    }
}

wod_zone::export!(Ledger<NeverWell>);
