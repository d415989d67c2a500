//! The objects in hand: what was reserved, how far each object has come, what is parked.
//!
//! An object is locked by being in this table: its records are merged, at most one delivery of it
//! is open, and what arrives meanwhile waits as `later`.

mod deliver;
mod index;
mod reserve;
mod settle;
mod verify;
mod work;

use crate::clock::Moment;
use crate::defect::Broken;
use crate::deletion::is_old;
use crate::id::{ProcessId, RecordId, SaveId};
use crate::ordered::{Map, Set};
use crate::record::{self, Key, Record, Records};
use crate::time::Timestamp;

use index::Index;
pub(crate) use settle::Settle;
pub(crate) use verify::Checked;
pub(crate) use work::{Parked, Stage, Tries, Way, Work};

/// Everything in hand.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lane {
    entries: Map<Key, Entry>,
    /// Where each record in work is.
    placed: Map<RecordId, Key>,
    /// Where each parked record is.
    parked: Map<RecordId, Key>,
    index: Index,
    /// What is done is read again before it is cleared.
    verifies: bool,
    pub(crate) reservations: Map<ProcessId, Reservation>,
    broken: Broken,
}

#[derive(Debug, Clone, Default)]
struct Entry {
    work: Option<Work>,
    parked: Option<Parked>,
    /// Whether the journal has an entry of this object.
    journalled: bool,
}

/// One reservation that is not settled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reservation {
    pub(crate) saved: Saved,
    /// Neither settled nor parked, with their times of change.
    pub(crate) records: Map<RecordId, String>,
}

/// Whether the journal knows a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Saved {
    #[default]
    No,
    Pending(SaveId),
    Yes,
}

impl Lane {
    /// `verifies`: what is done is read again before it is cleared.
    pub(crate) fn new(verifies: bool, broken: Broken) -> Lane {
        Lane { verifies, broken, ..Lane::default() }
    }

    /// Changes an object's work and keeps the index in step.
    pub(crate) fn update<R>(
        &mut self,
        key: &Key,
        change: impl FnOnce(&mut Work) -> R,
    ) -> Option<R> {
        let work = self.entries.get_mut(key)?.work.as_mut()?;
        self.index.change(key, work, false);
        let result = change(work);
        self.index.change(key, work, true);
        Some(result)
    }

    pub(crate) fn work(&self, key: &Key) -> Option<&Work> {
        self.entries.get(key)?.work.as_ref()
    }

    pub(crate) fn set_stage(&mut self, key: &Key, stage: Stage) {
        self.update(key, |work| work.stage = stage);
    }

    /// Puts an object to work; its records are placed.
    pub(crate) fn begin(&mut self, key: Key, work: Work) {
        for id in work.records.keys() {
            self.placed.insert(*id, key.clone());
        }
        self.index.change(&key, &work, true);
        self.entries.change(key, |entry| entry.work = Some(work));
    }

    /// Takes an object out of work; its records are no longer placed.
    pub(crate) fn finish(&mut self, key: &Key) -> Option<Work> {
        let entry = self.entries.get_mut(key)?;
        let work = entry.work.take()?;
        self.index.change(key, &work, false);
        for id in work.records.keys().chain(work.later.keys()) {
            self.placed.remove(id);
        }
        self.drop_empty(key);
        Some(work)
    }

    fn drop_empty(&mut self, key: &Key) {
        if self.entries.get(key).is_some_and(|e| e.work.is_none() && e.parked.is_none()) {
            self.entries.remove(key);
        }
    }

    pub(crate) fn parked(&self, key: &Key) -> Option<&Parked> {
        self.entries.get(key)?.parked.as_ref()
    }

    pub(crate) fn park(&mut self, key: &Key, parked: Parked) {
        for id in parked.records.keys() {
            self.parked.insert(*id, key.clone());
        }
        self.entries.change(key.clone(), |entry| entry.parked = Some(parked));
    }

    pub(crate) fn unpark(&mut self, key: &Key) -> Option<Parked> {
        let parked = self.entries.get_mut(key)?.parked.take()?;
        for id in parked.records.keys() {
            self.parked.remove(id);
        }
        self.drop_empty(key);
        Some(parked)
    }

    /// Whether a parked record is under this reservation.
    pub(crate) fn has_parked_under(&self, process: &ProcessId) -> bool {
        let parked = self.entries.values().filter_map(|entry| entry.parked.as_ref());
        let mut records = parked.flat_map(|parked| parked.records.values());
        records.any(|record| record.process.as_ref() == Some(process))
    }

    pub(crate) fn parked_keys(&self) -> Vec<Key> {
        let parked = self.entries.iter().filter(|(_, entry)| entry.parked.is_some());
        parked.map(|(key, _)| key.clone()).collect()
    }

    pub(crate) fn parked_count(&self) -> u64 {
        self.entries.values().filter(|entry| entry.parked.is_some()).count() as u64
    }

    pub(crate) fn is_journalled(&self, key: &Key) -> bool {
        self.entries.get(key).is_some_and(|entry| entry.journalled)
    }

    pub(crate) fn set_journalled(&mut self, key: &Key, journalled: bool) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.journalled = journalled;
        }
    }

    /// Moves on what has waited or rested long enough.
    pub(crate) fn wake(&mut self, now: Moment) {
        while let Some((until, key)) = self.index.waiting.first().cloned() {
            if until > now {
                break;
            }
            self.set_stage(&key, Stage::Unread);
        }
        while let Some((until, key)) = self.index.resting.first().cloned() {
            if until > now {
                break;
            }
            self.update(&key, |work| {
                work.stage = Stage::Looking;
                work.rested_by = until;
            });
        }
    }

    /// The newest record of an object that was delivered, or is about to be.
    pub(crate) fn newest(&self, key: &Key) -> Option<RecordId> {
        let entry = self.entries.get(key)?;
        let records = entry.work.iter().map(|work| &work.records);
        let records = records.chain(entry.parked.iter().map(|parked| &parked.records));
        records.filter_map(record::newest).max()
    }

    pub(crate) fn is_in_hand(&self, id: RecordId) -> bool {
        self.placed.contains_key(&id) || self.parked.contains_key(&id)
    }

    /// Every record in work or parked.
    fn records(&self) -> impl Iterator<Item = &Record> {
        self.entries.values().flat_map(|entry| {
            let work = entry.work.iter().flat_map(|w| w.records.values().chain(w.later.values()));
            work.chain(entry.parked.iter().flat_map(|parked| parked.records.values()))
        })
    }

    /// Records in work and parked ones that are under a reservation.
    pub(crate) fn reserved_in_hand(&self) -> u64 {
        self.records().filter(|record| record.process.is_some()).count() as u64
    }

    /// Records in work that reach the age at which they must be in the journal, and are not yet.
    pub(crate) fn ageing(&self, portal: Timestamp) -> Vec<(Key, Record)> {
        let placed = self.placed.iter().filter_map(|(id, key)| Some((key, self.known(*id)?)));
        placed
            .filter(|(_, record)| !record.kept && is_old(&record.changed_at, portal))
            .map(|(key, record)| (key.clone(), record.clone()))
            .collect()
    }

    /// Says whether the journal's entry of a record goes when what is in hand of it is done.
    pub(crate) fn set_kept(&mut self, id: RecordId, kept: bool) {
        let Some(key) = self.placed.get(&id).cloned() else { return };
        self.update(&key, |work| {
            for records in [&mut work.records, &mut work.later] {
                if let Some(record) = records.get_mut(&id) {
                    record.kept = kept;
                }
            }
        });
    }

    /// Whether a record is in hand, in work or parked, as it was at this time of its change.
    pub(crate) fn has(&self, id: RecordId, changed_at: &str) -> bool {
        self.known(id).is_some_and(|known| known.changed_at == changed_at)
    }

    /// An older record of a parked object is cleared: a newer one stands for it.
    pub(crate) fn forget_parked(&mut self, process: &ProcessId, id: RecordId) {
        let Some(entry) = self.parked.get(&id).and_then(|key| self.entries.get_mut(key)) else {
            return;
        };
        let Some(parked) = entry.parked.as_mut() else { return };
        if parked.records.get(&id).is_some_and(|record| record.process.as_ref() == Some(process)) {
            parked.records.remove(&id);
            self.parked.remove(&id);
        }
    }

    /// The record, if this ID is in hand: in work or parked.
    fn known(&self, id: RecordId) -> Option<&Record> {
        if let Some(work) = self.placed.get(&id).and_then(|key| self.work(key)) {
            return work.records.get(&id).or_else(|| work.later.get(&id));
        }
        self.parked(self.parked.get(&id)?)?.records.get(&id)
    }

    /// Whether this very record is in hand.
    pub(crate) fn holds(&self, id: RecordId, process: &ProcessId, changed_at: &str) -> bool {
        self.known(id).is_some_and(|known| {
            known.process.as_ref() == Some(process) && known.changed_at == changed_at
        })
    }

    /// Takes a record out of wherever it is, because the portal has freed and changed it; `true` when the
    /// journal has an entry that was to go with it.
    fn displace(&mut self, id: RecordId) -> bool {
        let kept = self.known(id).is_some_and(|record| record.kept);
        if let Some(process) = self.known(id).and_then(|record| record.process.clone()) {
            self.release(&process, id);
        }
        if let Some(key) = self.placed.remove(&id) {
            self.update(&key, |work| {
                work.records.remove(&id);
                work.later.remove(&id);
            });
        }
        let entry = self.parked.remove(&id).and_then(|key| self.entries.get_mut(&key));
        if let Some(parked) = entry.and_then(|entry| entry.parked.as_mut()) {
            parked.records.remove(&id);
        }
        kept
    }

    /// A record is settled, parked or gone: its reservation need not remember it.
    pub(crate) fn release(&mut self, process: &ProcessId, id: RecordId) {
        if let Some(reservation) = self.reservations.get_mut(process) {
            reservation.records.remove(&id);
        }
    }

    pub(crate) fn confirm_saved(&mut self, process: &ProcessId, save: Option<SaveId>) {
        let saved = save.map_or(Saved::Yes, Saved::Pending);
        if let Some(reservation) = self.reservations.get_mut(process)
            && reservation.saved == saved
        {
            reservation.saved = Saved::Yes;
        }
    }

    /// Reservations of which nothing is left; they are forgotten.
    pub(crate) fn settled_reservations(&mut self) -> Vec<ProcessId> {
        let settled: Vec<ProcessId> = self
            .reservations
            .iter()
            .filter(|(_, reservation)| reservation.records.is_empty())
            .map(|(process, _)| process.clone())
            .collect();
        for process in &settled {
            self.reservations.remove(process);
        }
        settled
    }

    /// Every reservation that a record in hand is under.
    pub(crate) fn processes(&self) -> Set<ProcessId> {
        let mut processes: Set<ProcessId> = self.reservations.keys().cloned().collect();
        let mut add = |records: &Records| {
            for record in records.values() {
                processes.extend(record.process.clone());
            }
        };
        for entry in self.entries.values() {
            if let Some(work) = &entry.work {
                add(&work.records);
                add(&work.later);
            }
            if let Some(parked) = &entry.parked {
                add(&parked.records);
            }
        }
        processes
    }

    /// The user's code is down: what it has failed at since its last success counts no more.
    pub(crate) fn forgive(&mut self, successes: u64) {
        for entry in self.entries.values_mut() {
            if let Some(work) = &mut entry.work {
                if work.tries.suspect_since == successes {
                    work.tries.failed = work.tries.failed.saturating_sub(work.tries.suspect);
                }
                work.tries.suspect = 0;
            }
        }
    }

    /// The user's code works again: batches need not be small any more.
    pub(crate) fn reunite(&mut self) {
        for work in self.entries.values_mut().filter_map(|entry| entry.work.as_mut()) {
            work.tries.companions = u32::MAX;
        }
    }

    /// A reading has no answer: it is to be done again, after what has arrived meanwhile.
    pub(crate) fn unread_again(&mut self, key: &Key) {
        self.update(key, |work| {
            if work.stage == Stage::Reading {
                work.join();
                work.stage = Stage::Unread;
            }
        });
    }

    /// The error lane was looked at in a round sent at that moment: what had rested until then is
    /// driven again, with everything that has arrived.
    pub(crate) fn looked(&mut self, sent: Moment) {
        let looking: Vec<Key> = self.index.looking.iter().cloned().collect();
        for key in looking {
            self.update(&key, |work| {
                if work.rested_by <= sent {
                    work.join();
                    work.stage = Stage::Unread;
                }
            });
        }
    }

    /// Whether a record of the object's tells of its deletion.
    pub(crate) fn was_deleted(&self, key: &Key) -> bool {
        self.work(key).is_some_and(|work| record::tell_of_deletion(&work.records))
    }
}

#[cfg(feature = "view")]
#[path = "view/lane.rs"]
mod view;

#[cfg(test)]
mod tests;
