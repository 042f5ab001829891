//! Never comes to an end with reading what another edition saved.

use bazaar::{Bazaar, Edition};

struct This;

impl Edition for This {
    const VERSION: &'static str = "1.5.0";

    fn loading() {
        loop {
            std::hint::black_box(());
        }
    }
}

wod_zone::export!(Bazaar<This>);
