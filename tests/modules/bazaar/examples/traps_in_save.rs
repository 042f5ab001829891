//! Panics when it is to be saved.

use bazaar::{Bazaar, Edition};

struct This;

impl Edition for This {
    const VERSION: &'static str = "1.8.0";

    fn saving() {
        panic!("the ledger is closed")
    }
}

wod_zone::export!(Bazaar<This>);
