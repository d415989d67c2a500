//! The objects in hand: what was reserved, how far each object has come, what is parked.
//!
//! An object is locked by being in this table: its records are merged, at most one delivery of it
//! is open, and what arrives meanwhile waits as `later`.

mod deliver;
mod reserve;
mod settle;

use std::collections::{BTreeMap, BTreeSet};

use crate::change::{Origin, State};
use crate::clock::Moment;
use crate::id::{BatchId, ProcessId, RecordId, SaveId};
use crate::record::{self, Key, Record, Records};

pub(crate) use settle::Settle;

/// Everything in hand.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lane {
    entries: BTreeMap<Key, Entry>,
    /// Where each record in work is.
    placed: BTreeMap<RecordId, Key>,
    /// Where each parked record is.
    parked: BTreeMap<RecordId, Key>,
    index: Index,
    pub(crate) reservations: BTreeMap<ProcessId, Reservation>,
}

/// The objects by stage, oldest record first.
#[derive(Debug, Clone, Default)]
struct Index {
    unread: BTreeSet<(RecordId, Key)>,
    ready: BTreeSet<(RecordId, Key)>,
    waiting: BTreeSet<(Moment, Key)>,
    resting: BTreeSet<(Moment, Key)>,
    errors_due: BTreeSet<Key>,
    looking: BTreeSet<Key>,
    delivered: u64,
    working: u64,
    /// Records of objects that wait for a time, not for work.
    idle_records: u64,
    /// Objects at rest after their `error`.
    aside: u64,
}

#[derive(Debug, Clone, Default)]
struct Entry {
    work: Option<Work>,
    parked: Option<Parked>,
    /// Whether the journal has an entry of this object.
    journalled: bool,
}

/// A change that failed for good; its records stay reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parked {
    pub(crate) records: Records,
    pub(crate) attempts: u32,
}

/// An object on its way to the user's code.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    /// What the present attempt stands for.
    pub(crate) records: Records,
    /// What arrived since its data was asked for.
    pub(crate) later: Records,
    pub(crate) stage: Stage,
    pub(crate) tries: Tries,
    pub(crate) origin: Origin,
    pub(crate) way: Way,
    /// It has been through `event.offline.error`: it is parked if it fails again.
    pub(crate) registered: bool,
    /// When its rest after that ended.
    pub(crate) rested_by: Moment,
}

/// How often the user's code, and the portal, failed on an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tries {
    pub(crate) failed: u32,
    /// With so many failures it is rejected.
    pub(crate) most: u32,
    pub(crate) unreadable: u32,
    /// Failures since the user's code last succeeded at anything, and when that was.
    pub(crate) suspect: u32,
    pub(crate) suspect_since: u64,
    /// At most so many changes in the batch that it is delivered in.
    pub(crate) companions: u32,
}

/// How an object is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// With others of its kind, where the kind has such a method.
    Many,
    /// By itself: a list left it out, or could not be had.
    One,
}

/// How far an object has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    Unread,
    Reading,
    Ready {
        state: State,
        data: Option<String>,
    },
    Delivered(BatchId),
    Waiting {
        until: Moment,
    },
    /// Rejected; the journal does not know yet that `error` will be sent.
    Intent,
    /// `error` may be sent.
    ErrorDue,
    /// `error` was sent; nothing of the object moves before this moment.
    Resting {
        until: Moment,
    },
    /// The rest is over; the error lane is to be looked at.
    Looking,
}

/// One reservation that is not settled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reservation {
    pub(crate) saved: Saved,
    /// Neither settled nor parked, with their times of change.
    pub(crate) records: BTreeMap<RecordId, String>,
}

/// Whether the journal knows a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Saved {
    #[default]
    No,
    Pending(SaveId),
    Yes,
}

impl Work {
    pub(crate) fn new(records: Records, attempts: u32) -> Work {
        Work {
            origin: record::origin(&records),
            records,
            later: Records::new(),
            stage: Stage::Unread,
            tries: Tries::new(0, attempts),
            way: Way::Many,
            registered: false,
            rested_by: Moment(0),
        }
    }

    fn anchor(&self) -> RecordId {
        self.records.keys().next().copied().unwrap_or(RecordId(0))
    }

    fn size(&self) -> u64 {
        (self.records.len() + self.later.len()) as u64
    }

    /// Everything that arrived joins: the next reading comes after all of it.
    pub(crate) fn join(&mut self) {
        self.records.append(&mut self.later);
    }

    fn is_idle(&self) -> bool {
        matches!(self.stage, Stage::Waiting { .. }) || self.is_aside()
    }

    /// Rejected and registered: nothing of the object moves before its rest is over.
    fn is_aside(&self) -> bool {
        match self.stage {
            Stage::Unread
            | Stage::Reading
            | Stage::Ready { .. }
            | Stage::Delivered(_)
            | Stage::Waiting { .. } => false,
            Stage::Intent | Stage::ErrorDue | Stage::Resting { .. } | Stage::Looking => true,
        }
    }

    /// Whether a new record must wait for the next reading.
    fn is_past_reading(&self) -> bool {
        !matches!(self.stage, Stage::Unread | Stage::Waiting { .. })
    }
}

impl Tries {
    pub(crate) fn new(failed: u32, more: u32) -> Tries {
        Tries {
            failed,
            most: failed.saturating_add(more),
            unreadable: 0,
            suspect: 0,
            suspect_since: 0,
            companions: u32::MAX,
        }
    }
}

impl Index {
    fn change(&mut self, key: &Key, work: &Work, add: bool) {
        fn flip<T: Ord>(set: &mut BTreeSet<T>, item: T, add: bool) {
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
        if work.is_idle() {
            count(&mut self.idle_records, work.size());
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
        self.entries.entry(key).or_default().work = Some(work);
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
        self.entries.entry(key.clone()).or_default().parked = Some(parked);
    }

    pub(crate) fn unpark(&mut self, key: &Key) -> Option<Parked> {
        let parked = self.entries.get_mut(key)?.parked.take()?;
        for id in parked.records.keys() {
            self.parked.remove(id);
        }
        self.drop_empty(key);
        Some(parked)
    }

    pub(crate) fn parked_keys(&self) -> Vec<Key> {
        let keys: BTreeSet<&Key> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.parked.is_some())
            .map(|(key, _)| key)
            .collect();
        keys.into_iter().cloned().collect()
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

    /// Whether some object can be delivered before anything new is reserved.
    pub(crate) fn has_something_to_try(&self) -> bool {
        let set_aside = self.index.aside;
        self.index.working > set_aside
    }

    /// Whether the object is on its way to the user's code, not at rest after its `error`.
    pub(crate) fn is_to_be_tried(&self, key: &Key) -> bool {
        self.work(key).is_some_and(|work| !work.is_aside())
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

    /// The record, if this ID is in hand: in work or parked.
    fn known(&self, id: RecordId) -> Option<&Record> {
        if let Some(work) = self.placed.get(&id).and_then(|key| self.work(key)) {
            return work.records.get(&id).or_else(|| work.later.get(&id));
        }
        self.parked(self.parked.get(&id)?)?.records.get(&id)
    }

    /// Takes a record out of wherever it is, because the portal has freed and changed it.
    fn displace(&mut self, id: RecordId) {
        if let Some(process) = self.known(id).map(|record| record.process.clone()) {
            self.release(&process, id);
        }
        if let Some(key) = self.placed.remove(&id) {
            self.update(&key, |work| {
                work.records.remove(&id);
                work.later.remove(&id);
            });
        }
        if let Some(key) = self.parked.remove(&id) {
            if let Some(parked) = self.entries.get_mut(&key).and_then(|e| e.parked.as_mut()) {
                parked.records.remove(&id);
            }
        }
    }

    /// A record is settled, parked or gone: its reservation need not remember it.
    pub(crate) fn release(&mut self, process: &ProcessId, id: RecordId) {
        if let Some(reservation) = self.reservations.get_mut(process) {
            reservation.records.remove(&id);
        }
    }

    pub(crate) fn confirm_saved(&mut self, process: &ProcessId, save: Option<SaveId>) {
        if let Some(reservation) = self.reservations.get_mut(process) {
            if reservation.saved == save.map_or(Saved::Yes, Saved::Pending) {
                reservation.saved = Saved::Yes;
            }
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
    pub(crate) fn processes(&self) -> BTreeSet<ProcessId> {
        let mut processes: BTreeSet<ProcessId> = self.reservations.keys().cloned().collect();
        for entry in self.entries.values() {
            let work = entry.work.iter().flat_map(|w| w.records.values().chain(w.later.values()));
            let parked = entry.parked.iter().flat_map(|parked| parked.records.values());
            processes.extend(work.chain(parked).map(|record| record.process.clone()));
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

    /// A reading has an answer; `stage` is what it says.
    pub(crate) fn read(&mut self, key: &Key, stage: Stage) {
        self.update(key, |work| {
            if work.stage == Stage::Reading {
                work.stage = stage;
                work.tries.unreadable = 0;
            }
        });
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
        for key in self.index.looking.clone() {
            self.update(&key, |work| {
                if work.rested_by <= sent {
                    work.join();
                    work.stage = Stage::Unread;
                }
            });
        }
    }
}
