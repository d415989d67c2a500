//! Several consumers may hold two copies of one object: after a done it is read again, and nothing of
//! it is cleared before that shows what was delivered.

use crate::change::State;
use crate::defect::Defect;
use crate::lane::{Checked, Tries};
use crate::machine::Machine;
use crate::record::Key;

impl Machine {
    /// A change was judged done.
    pub(crate) fn done(&mut self, key: &Key) {
        let attempts = self.config.retry.attempts;
        let skips = self.has(Defect::NoSecondReading);
        let verifies = self.lane.update(key, |work| {
            let verifies = work.delivered.is_some() && !skips;
            if verifies {
                work.tries = Tries::new(0, attempts);
                work.verify();
            }
            verifies
        });
        if verifies != Some(true) {
            self.settle_done(key);
        }
    }

    /// An object was read.
    pub(crate) fn has_read(&mut self, key: &Key, state: State, data: Option<String>) {
        let (now, first) = (self.now(), self.config.retry.first_delay);
        if self.lane.read(key, state, data, now, first) == Some(Checked::Same) {
            self.settle_done(key);
        }
    }
}
