//! What happens later by itself.

use std::collections::BTreeMap;

use crate::fault::Deed;
use crate::php::Php;
use crate::portal::Caller;

/// Something that waits for its time.
#[derive(Clone, Debug)]
pub(crate) enum Errand {
    /// A request that is executed late or once more; its answer goes nowhere.
    Request { method: String, params: Php, caller: Caller },
    /// People or a robot do something.
    Deed(Deed),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Schedule {
    errands: BTreeMap<(u64, u64), Errand>,
    count: u64,
}

impl Schedule {
    pub(crate) fn add(&mut self, due: u64, errand: Errand) {
        self.count += 1;
        self.errands.insert((due, self.count), errand);
    }

    pub(crate) fn next(&self) -> Option<u64> {
        self.errands.keys().next().map(|(due, _)| *due)
    }

    /// The first errand that is due at `now`.
    pub(crate) fn take(&mut self, now: u64) -> Option<(u64, Errand)> {
        let (key, _) = self.errands.first_key_value().filter(|((due, _), _)| *due <= now)?;
        let key = *key;
        Some((key.0, self.errands.remove(&key)?))
    }
}
