//! The second edition: schema 2, which reads schema 1.

use bazaar::{Bazaar, Edition};

struct This;

impl Edition for This {
    const VERSION: &'static str = "2.0.0";
    const SCHEMA: u32 = 2;
    const READS: &'static [u32] = &[1];
}

wod_zone::export!(Bazaar<This>);
