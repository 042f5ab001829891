//! Panics when Mallory rings.

use bazaar::{Bazaar, Edition};

struct This;

impl Edition for This {
    const VERSION: &'static str = "1.9.0";

    fn used(verb: &str, player: &str) {
        assert!(verb != "ring" || player != "Mallory", "the bell has cracked");
    }
}

wod_zone::export!(Bazaar<This>);
