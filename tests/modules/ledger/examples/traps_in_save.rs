//! Panics when it is to be saved.

use ledger::{Edition, Ledger};
use serde::{Deserialize, Serialize, Serializer};

#[derive(Default, Deserialize)]
struct TrapsInSave {}

impl Serialize for TrapsInSave {
    fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
        panic!("the book is closed")
    }
}

impl Edition for TrapsInSave {}

wod_zone::export!(Ledger<TrapsInSave>);
