//! Schema 1, and reads what the second edition saves: a rollback to it carries the state back.

use bazaar::{Bazaar, Edition};

struct This;

impl Edition for This {
    const VERSION: &'static str = "1.1.0";
    const READS: &'static [u32] = &[2];
}

wod_zone::export!(Bazaar<This>);
