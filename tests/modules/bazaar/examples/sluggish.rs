//! Stays within its time, but takes many times that of the first edition.

use bazaar::{Bazaar, Edition};

struct This;

impl Edition for This {
    const VERSION: &'static str = "1.3.0";

    fn beat() {
        for step in 0..36_000_000_u64 {
            std::hint::black_box(step);
        }
    }
}

wod_zone::export!(Bazaar<This>);
