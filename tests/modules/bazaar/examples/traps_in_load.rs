//! Panics where it should read what another edition saved.

use bazaar::{Bazaar, Edition};

struct This;

impl Edition for This {
    const VERSION: &'static str = "1.4.0";

    fn loading() {
        panic!("the scales are broken")
    }
}

wod_zone::export!(Bazaar<This>);
