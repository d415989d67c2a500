//! What is judged done and waits for its `event.offline.clear`: always by explicit ids (F15).

use crate::clock::Moment;
use crate::id::{ProcessId, RecordId};
use crate::ordered::Map;
use crate::record::{Record, Records};

/// A `clear` names at most so many ids: the rest of PHP's variables is room for the others.
const MOST_IDS: usize = 800;

/// Records to be cleared, by reservation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settle {
    due: Map<ProcessId, Map<RecordId, String>>,
    since: Option<Moment>,
    /// A clear of this run, and since the last sweep, was seen to have cleared.
    pub(crate) proven: bool,
}

impl Settle {
    pub(crate) fn add(&mut self, records: &Records, now: Moment) {
        for record in records.values() {
            let Some(process) = record.process.clone() else { continue };
            let changed_at = record.changed_at.clone();
            self.due.change(process, |ids| ids.insert(record.id, changed_at));
            self.since.get_or_insert(now);
        }
    }

    /// Whether this very record is judged done and only waits to be cleared.
    pub(crate) fn is_cleared(&self, record: &Record) -> bool {
        let process = record.process.as_ref();
        process.is_some_and(|process| self.waits(process, record.id, &record.changed_at))
    }

    /// The same of its parts.
    pub(crate) fn waits(&self, process: &ProcessId, id: RecordId, changed_at: &str) -> bool {
        let due = self.due.get(process).and_then(|ids| ids.get(&id));
        due.is_some_and(|due| due == changed_at)
    }

    /// Whether anything of the reservation waits to be cleared.
    pub(crate) fn has(&self, process: &ProcessId) -> bool {
        self.due.contains_key(process)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = RecordId> {
        self.due.values().flat_map(|ids| ids.keys().copied())
    }

    /// Since when something has waited.
    pub(crate) fn since(&self) -> Option<Moment> {
        self.since
    }

    pub(crate) fn processes(&self) -> impl Iterator<Item = &ProcessId> {
        self.due.keys()
    }

    /// The next `clear` calls, each with at least one id.
    pub(crate) fn calls(&self, most: usize) -> Vec<(ProcessId, Vec<RecordId>)> {
        let mut calls = Vec::new();
        for (process, ids) in self.due.iter() {
            let ids: Vec<RecordId> = ids.keys().copied().collect();
            for part in ids.chunks(MOST_IDS) {
                calls.push((process.clone(), part.to_vec()));
            }
        }
        calls.truncate(most);
        calls
    }

    /// The portal has executed a `clear`.
    pub(crate) fn cleared(&mut self, process: &ProcessId, ids: &[RecordId]) {
        if let Some(due) = self.due.get_mut(process) {
            for id in ids {
                due.remove(id);
            }
            if due.is_empty() {
                self.due.remove(process);
            }
        }
        if self.due.is_empty() {
            self.since = None;
        }
    }
}

#[cfg(feature = "view")]
#[path = "../view/settle.rs"]
mod view;
