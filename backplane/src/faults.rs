//! Faults for tests: operations of a [`Backplane`](crate::Backplane) that fail, or take their time, when told to.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::Error;

/// What happens to an operation before it reaches the store.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// It fails as when the store is away.
    Away,
    /// It takes so much longer.
    Slow(Duration),
}

/// Whether a published message is one that gets lost.
pub type IsLost = fn(&[u8]) -> bool;

/// Faults still to come, by operation: the name of the handle's method. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    waiting: Arc<Mutex<BTreeMap<&'static str, VecDeque<Fault>>>>,
    /// Which messages get lost, each kind once.
    lost: Arc<Mutex<Vec<IsLost>>>,
}

impl Faults {
    /// The next `times` calls of that operation meet this fault.
    pub fn add(&self, operation: &'static str, fault: Fault, times: usize) {
        self.waiting.lock().entry(operation).or_default().extend(std::iter::repeat_n(fault, times));
    }

    /// How many faults of that operation are still to come.
    pub fn left(&self, operation: &'static str) -> usize {
        self.waiting.lock().get(operation).map_or(0, VecDeque::len)
    }

    /// The next published message for which this holds gets lost on its way.
    pub fn lose(&self, message: IsLost) {
        self.lost.lock().push(message);
    }

    /// How many messages are still to get lost.
    pub fn still_to_lose(&self) -> usize {
        self.lost.lock().len()
    }

    pub(crate) fn loses(&self, message: &[u8]) -> bool {
        let mut lost = self.lost.lock();
        let one = lost.iter().position(|is_it| is_it(message));
        one.map(|one| lost.remove(one)).is_some()
    }

    pub(crate) async fn meet(&self, operation: &'static str) -> Result<(), Error> {
        let next = self.waiting.lock().get_mut(operation).and_then(VecDeque::pop_front);
        match next {
            Some(Fault::Away) => Err(Error::Away { operation, source: Some("the test wished for it".into()) }),
            Some(Fault::Slow(time)) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
            None => Ok(()),
        }
    }
}
