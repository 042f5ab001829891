//! The first edition: schema 1.

use bazaar::{Bazaar, Edition};

struct This;

impl Edition for This {
    const VERSION: &'static str = "1.0.0";
}

wod_zone::export!(Bazaar<This>);
