//! What a reading says, and whether it is what was delivered before.

use super::{Lane, Stage, Work};
use crate::change::State;
use crate::clock::Moment;
use crate::fingerprint::Fingerprint;
use crate::record::{Key, Record};
use crate::time::Millis;

/// A second difference in a row waits at least so long, however short the first delay of retries is.
const LEAST_DELAY: Millis = Millis::seconds(1);
const LONGEST_DELAY: Millis = Millis::seconds(3_600);

/// What a reading has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checked {
    /// The object goes on to the user's code, now or later.
    On,
    /// It was judged done and is as it was delivered.
    Same,
}

impl Lane {
    /// A reading has an answer; `None` when none was expected.
    pub(crate) fn read(
        &mut self,
        key: &Key,
        state: State,
        data: Option<String>,
        now: Moment,
        first: Millis,
    ) -> Option<Checked> {
        self.update(key, |work| {
            if work.stage != Stage::Reading {
                return None;
            }
            (work.tries.unreadable, work.tries.strikes) = (0, 0);
            if !work.done {
                work.stage = Stage::Ready { state, data };
                return Some(Checked::On);
            }
            if work.delivered == Fingerprint::of(state, data.as_deref()) {
                return Some(Checked::Same);
            }
            work.differs(state, data, now, first);
            Some(Checked::On)
        })?
    }

    /// The portal's records in hand; without those that `event.offline.error` may have moved.
    pub(crate) fn reserved(&self, registers: bool) -> impl Iterator<Item = &Record> {
        let entries = self.entries.values();
        entries.flat_map(move |entry| {
            let work = entry.work.as_ref().filter(|work| !work.registered);
            let work = work.map(|work| work.records.values().chain(work.later.values()));
            let parked = entry.parked.as_ref().filter(|_| !registers);
            let parked = parked.map(|parked| parked.records.values());
            let records = work.into_iter().flatten().chain(parked.into_iter().flatten());
            records.filter(|record| record.process.is_some())
        })
    }

    /// Whether anything that is done is being read again.
    pub(crate) fn is_verifying(&self) -> bool {
        self.index.verifying > 0
    }

    /// Whether the object was judged done and only has to be read again.
    pub(crate) fn is_done(&self, key: &Key) -> bool {
        self.work(key).is_some_and(|work| work.done)
    }
}

impl Work {
    /// Judged done: to be read again.
    pub(crate) fn verify(&mut self) {
        self.done = true;
        self.stage = Stage::Unread;
    }

    /// It is no longer what was delivered, so it is delivered again, read once more where a record has
    /// arrived that says why. Without one it goes out as it was read the first time, and after growing
    /// delays then.
    fn differs(&mut self, state: State, data: Option<String>, now: Moment, first: Millis) {
        self.done = false;
        self.overtaken = self.effect();
        if !self.later.is_empty() {
            self.stage = Stage::Unread;
            self.differed = 0;
        } else if let Some(times) = self.differed.checked_sub(1) {
            let delay = first.max(LEAST_DELAY).doubled(times, LONGEST_DELAY);
            self.stage = Stage::Waiting { until: now.plus(delay) };
            self.differed = self.differed.saturating_add(1);
        } else {
            self.stage = Stage::Ready { state, data };
            self.differed = 1;
            return;
        }
        self.join();
    }
}
