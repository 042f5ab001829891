//! Takes longer in a tick than any module may.

use bazaar::{Bazaar, Edition};

struct This;

impl Edition for This {
    const VERSION: &'static str = "1.2.0";

    fn beat() {
        for step in 0..1_000_000_000_u64 {
            std::hint::black_box(step);
        }
    }
}

wod_zone::export!(Bazaar<This>);
