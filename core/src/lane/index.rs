//! The objects in hand by stage, so that no step looks through all of them.

use super::{Lane, Stage, Work};
use crate::clock::Moment;
use crate::id::RecordId;
use crate::ordered::Set;
use crate::record::Key;

/// The objects by stage, oldest record first.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    pub(super) unread: Set<(RecordId, Key)>,
    pub(super) ready: Set<(RecordId, Key)>,
    /// Those of them whose records the portal freed.
    pub(super) emptied: Set<Key>,
    pub(super) waiting: Set<(Moment, Key)>,
    pub(super) resting: Set<(Moment, Key)>,
    pub(super) errors_due: Set<Key>,
    pub(super) looking: Set<Key>,
    pub(super) delivered: u64,
    pub(super) working: u64,
    /// Records of objects that wait for a time, not for work.
    pub(super) idle_records: u64,
    /// Objects at rest after their `error`.
    pub(super) aside: u64,
    /// Objects that are done.
    pub(super) done: u64,
    /// Those of them that are being read.
    pub(super) verifying: u64,
}

impl Index {
    pub(super) fn change(&mut self, key: &Key, work: &Work, add: bool) {
        fn flip<T: Ord>(set: &mut Set<T>, item: T, add: bool) {
            if add {
                set.insert(item);
            } else {
                set.remove(&item);
            }
        }
        let count = |number: &mut u64, by: u64| {
            *number = if add { number.saturating_add(by) } else { number.saturating_sub(by) };
        };
        count(&mut self.working, 1);
        if work.is_aside() {
            count(&mut self.aside, 1);
        }
        if work.done {
            count(&mut self.done, 1);
            if matches!(work.stage, Stage::Unread | Stage::Reading) {
                count(&mut self.verifying, 1);
            }
        }
        if work.is_idle() {
            count(&mut self.idle_records, work.size());
        }
        if matches!(work.stage, Stage::Ready { .. }) && work.records.is_empty() {
            flip(&mut self.emptied, key.clone(), add);
        }
        let at = |key: &Key| (work.anchor(), key.clone());
        match &work.stage {
            Stage::Unread => flip(&mut self.unread, at(key), add),
            Stage::Ready { .. } => flip(&mut self.ready, at(key), add),
            Stage::Waiting { until } => flip(&mut self.waiting, (*until, key.clone()), add),
            Stage::Resting { until } => flip(&mut self.resting, (*until, key.clone()), add),
            Stage::ErrorDue => flip(&mut self.errors_due, key.clone(), add),
            Stage::Looking => flip(&mut self.looking, key.clone(), add),
            Stage::Delivered(_) => count(&mut self.delivered, 1),
            Stage::Reading | Stage::Intent => {}
        }
    }
}

impl Lane {
    pub(crate) fn unread(&self) -> impl Iterator<Item = &Key> {
        self.index.unread.iter().map(|(_, key)| key)
    }

    pub(crate) fn ready(&self) -> impl Iterator<Item = &Key> {
        self.index.ready.iter().map(|(_, key)| key)
    }

    pub(crate) fn errors_due(&self) -> impl Iterator<Item = &Key> {
        self.index.errors_due.iter()
    }

    pub(crate) fn has_unread(&self) -> bool {
        !self.index.unread.is_empty()
    }

    pub(crate) fn is_looking(&self) -> bool {
        !self.index.looking.is_empty()
    }

    pub(crate) fn delivered(&self) -> u64 {
        self.index.delivered
    }

    /// Objects in hand, parked ones aside.
    pub(crate) fn working(&self) -> u64 {
        self.index.working
    }

    /// Whether some object can be delivered before anything new is reserved. What is with the user's
    /// code is no such object: it may hang.
    pub(crate) fn has_something_to_try(&self) -> bool {
        let aside = self.index.aside.saturating_add(self.index.done);
        self.index.working > aside.saturating_add(self.index.delivered)
    }

    /// Whether the object is on its way to the user's code: not done nor at rest after its `error`,
    /// and not there already.
    pub(crate) fn is_to_be_tried(&self, key: &Key) -> bool {
        let is_there = |work: &Work| matches!(work.stage, Stage::Delivered(_));
        self.work(key).is_some_and(|work| !work.done && !work.is_aside() && !is_there(work))
    }

    /// Records of objects that are being worked on or are with the user's code.
    pub(crate) fn busy_records(&self) -> u64 {
        (self.placed.len() as u64).saturating_sub(self.index.idle_records)
    }

    pub(crate) fn idle_records(&self) -> u64 {
        self.index.idle_records
    }

    pub(crate) fn next_retry(&self) -> Option<Moment> {
        self.index.waiting.first().map(|(until, _)| *until)
    }

    pub(crate) fn next_rest(&self) -> Option<Moment> {
        self.index.resting.first().map(|(until, _)| *until)
    }
}
