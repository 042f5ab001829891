//! Loads, and panics at its first event.

use bazaar::{Bazaar, Edition};

struct This;

impl Edition for This {
    const VERSION: &'static str = "1.6.0";

    fn started() {
        panic!("the shutters are stuck")
    }
}

wod_zone::export!(Bazaar<This>);
