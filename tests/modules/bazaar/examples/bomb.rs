//! Takes memory without end.

use bazaar::{Bazaar, Edition};

struct This;

impl Edition for This {
    const VERSION: &'static str = "1.7.0";

    fn beat() {
        loop {
            std::mem::forget(std::hint::black_box(Vec::<u8>::with_capacity(1 << 20)));
        }
    }
}

wod_zone::export!(Bazaar<This>);
