//! Watches a life: checks the promises as it goes, and notes rare situations.

mod calls;

use b24_offline_core::{Batch, Change, Origin, Reply, State};
use std::collections::{BTreeMap, BTreeSet};

use crate::journal::Journal;
use crate::law::{Breach, Law};
use crate::marks::{Mark, Marks};

/// An object: kind and id.
pub(crate) type Object = (String, String);

/// The rest after an `error` (F31).
const REST: u64 = 60_000;
/// The least pause after a refused request.
const PAUSE: u64 = 400;

/// What one machine was seen to do.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    pub(crate) marks: Marks,
    pub(crate) breach: Option<Breach>,
    /// The last change of each parked object.
    parked_last: BTreeMap<Object, (String, u64)>,
    /// Parked records of an object that was done, until it is parked again.
    passed: BTreeMap<Object, BTreeSet<u64>>,
    /// Records that were judged done.
    pub(crate) judged: BTreeSet<u64>,
    /// Objects that are parked, with all their records.
    pub(crate) parked: BTreeMap<Object, BTreeSet<u64>>,
    /// Objects with the user's code.
    pub(crate) open: BTreeMap<Object, String>,
    /// What was last delivered of an object.
    last: BTreeMap<Object, Seen>,
    /// Since the last done of an object.
    retries: BTreeMap<Object, u32>,
    /// How often changes were tried is not known for sure any more.
    attempts_unknown: bool,
    rests: BTreeMap<String, u64>,
    /// Calls that must not be repeated: an `error` of a record, a write.
    once: BTreeSet<String>,
    /// The outcome of a `get` is unknown since this call.
    unknown_since: Option<u64>,
    /// The last call that swept and was answered.
    swept: u64,
    limited: BTreeMap<String, u64>,
    paused_until: u64,
    /// Records that other consumers left: reserved, reserved as errors, free as errors.
    pub(crate) orphans: BTreeSet<u64>,
    pub(crate) errored_orphans: BTreeSet<u64>,
    pub(crate) dark: BTreeSet<u64>,
    pub(crate) redriven: BTreeSet<Object>,
    /// What other consumers, alive, hold until when.
    pub(crate) leased: BTreeMap<u64, u64>,
    registered: BTreeSet<Object>,
    gone: BTreeSet<Object>,
    waited: BTreeSet<Object>,
}

#[derive(Debug, Clone)]
struct Seen {
    key: String,
    ids: BTreeSet<u64>,
    attempt: u32,
    origin: Origin,
}

/// The records of an idempotency key.
pub(crate) fn ids_of(key: &str) -> BTreeSet<u64> {
    key.split(',').filter_map(|part| part.split('@').next()?.parse().ok()).collect()
}

/// The last change of an idempotency key: when, and which record.
fn last_of(key: &str) -> (String, u64) {
    let records = key.split('#').next().unwrap_or_default().split(',');
    let last = records.filter_map(|record| {
        let (id, at) = record.split_once('@')?;
        Some((at.to_owned(), id.parse().ok()?))
    });
    last.max().unwrap_or_default()
}

pub(crate) fn object_of(change: &Change) -> Object {
    // a change without a rule is an object of its own
    let own = if change.object.id.is_empty() { change.key.clone() } else { String::new() };
    (change.object.kind.clone(), format!("{}{own}", change.object.id))
}

/// Whether an answer leaves open what became of the call.
pub(crate) fn is_clean(reply: &Reply) -> bool {
    match reply {
        Reply::Answer { body, .. } => body.starts_with("{\"result\":") && body.ends_with('}'),
        Reply::NotSent(_) | Reply::Unknown { .. } => false,
    }
}

impl Witness {
    pub(crate) fn broken(&mut self, law: Law, what: impl Into<String>) {
        self.breach.get_or_insert_with(|| Breach::new(law, what));
    }

    /// The machine is killed: what it knew by heart is gone.
    pub(crate) fn crashed(&mut self, durable: bool) {
        self.open.clear();
        (self.unknown_since, self.swept) = (None, 0);
        self.limited.clear();
        self.paused_until = 0;
        // what was judged last is perhaps not in the journal
        self.attempts_unknown = true;
        if !durable {
            self.parked.clear();
            self.retries.clear();
        }
    }

    pub(crate) fn rests_forgotten(&mut self) {
        self.rests.clear();
    }

    /// An older journal may count attempts that have long been settled.
    pub(crate) fn attempts_forgotten(&mut self) {
        self.attempts_unknown = true;
    }

    /// A batch goes to the user's code.
    pub(crate) fn delivered(&mut self, batch: &Batch, journal: Option<&Journal>, now: u64) {
        for change in &batch.changes {
            let object = object_of(change);
            let ids = ids_of(&change.key);
            let unknown = |id: &&u64| journal.is_some_and(|journal| !journal.names(**id));
            if let Some(id) = ids.iter().find(unknown) {
                let what = format!("record {id} of {object:?} was delivered before it was saved");
                self.broken(Law::WriteAhead, what);
            }
            if self.open.insert(object.clone(), change.key.clone()).is_some() {
                self.broken(Law::NoRegress, format!("two deliveries of {object:?} at once"));
            }
            let held = |id: &&u64| self.leased.get(*id).is_some_and(|until| now < *until);
            if let Some(id) = ids.iter().find(held) {
                let what = format!("record {id} was taken from a consumer that is alive");
                self.broken(Law::OrphanBound, what);
            }
            let entry = format!("object/{}/{}", change.object.kind, change.object.id);
            if self.rests.get(&entry).is_some_and(|until| now < *until) {
                let what = format!("{object:?} was delivered within 60 s of its error");
                self.broken(Law::BothLanes, what);
            }
            self.note_delivery(&object, change, ids);
        }
    }

    fn note_delivery(&mut self, object: &Object, change: &Change, ids: BTreeSet<u64>) {
        let before = self.last.get(object);
        let grew = before.is_some_and(|seen| {
            change.attempt > seen.attempt && ids.is_superset(&seen.ids) && ids != seen.ids
        });
        self.marks.met_if(Mark::RetryJoined, grew);
        // under Shared a key names the data as well
        let differed = before.is_some_and(|seen| {
            let records = |key: &str| key.split('#').next().map(str::to_owned);
            seen.key != change.key && records(&seen.key) == records(&change.key)
        });
        self.marks.met_if(Mark::SecondReading, differed && change.key.contains('#'));
        self.marks.met_if(Mark::Merged, ids.len() > 1 && !grew);
        self.marks.met_if(Mark::NewerWaited, self.waited.remove(object));
        match change.state {
            State::Gone => {
                self.gone.insert(object.clone());
                self.marks.met(Mark::Gone);
            }
            State::Unread => self.marks.met(Mark::Unread),
            State::Present => self.marks.met_if(Mark::BackAgain, self.gone.remove(object)),
        }
        let seen =
            Seen { key: change.key.clone(), ids, attempt: change.attempt, origin: change.origin };
        self.last.insert(object.clone(), seen);
    }

    /// New records of an object appear while its delivery is open, or while it rests.
    pub(crate) fn changed(&mut self, kind: &str, id: &str, now: u64) {
        let object = (kind.to_owned(), id.to_owned());
        if self.open.contains_key(&object) {
            self.waited.insert(object);
        }
        let entry = format!("object/{kind}/{id}");
        let rests = self.rests.get(&entry).is_some_and(|until| now < *until);
        self.marks.met_if(Mark::ChangedAtRest, rests);
    }

    /// A change is safe in the other system.
    pub(crate) fn done(&mut self, change: &Change, hung: bool) {
        let ids = ids_of(&change.key);
        self.marks.met_if(Mark::OrphanDone, ids.iter().any(|id| self.orphans.contains(id)));
        let errored = ids.iter().any(|id| self.errored_orphans.contains(id));
        self.marks.met_if(Mark::ErroredOrphanDone, errored);
        self.marks.met_if(Mark::DarkObject, ids.iter().any(|id| self.dark.contains(id)));
        self.marks.met_if(Mark::HungOthersDone, hung);
    }

    /// The machine is told that a change is done.
    pub(crate) fn told_done(&mut self, change: &Change) {
        let object = object_of(change);
        let ids = ids_of(&change.key);
        self.open.remove(&object);
        self.retries.remove(&object);
        let last = self.parked_last.get(&object);
        // a record that was lost for a while says nothing of what was parked after it
        let parked_later = last.is_some_and(|last| *last > last_of(&change.key));
        if !parked_later && let Some(parked) = self.parked.remove(&object) {
            self.parked_last.remove(&object);
            self.marks.met_if(Mark::ParkedLaterDone, ids.iter().any(|id| !parked.contains(id)));
            self.judged.extend(&parked);
            // under Shared it is final when the object was read again before the clear
            if change.key.contains('#') {
                self.passed.insert(object.clone(), parked);
            }
        }
        self.marks.met_if(Mark::Redriven, self.redriven.remove(&object));
        self.marks.met_if(Mark::RegisteredDone, self.registered.remove(&object));
        self.judged.extend(ids);
    }

    pub(crate) fn failed(&mut self, change: &Change, rejected: bool) {
        let object = object_of(change);
        self.open.remove(&object);
        if !rejected {
            *self.retries.entry(object).or_default() += 1;
        }
    }

    pub(crate) fn is_registered(&mut self, object: Object) {
        self.marks.met(Mark::Registered);
        self.registered.insert(object);
    }

    /// A change is parked. `most` is how often it may be tried.
    pub(crate) fn is_parked(&mut self, object: Object, key: &str, reason: &str, most: u32) {
        let object = match object {
            (kind, id) if id.is_empty() => (kind, key.to_owned()),
            object => object,
        };
        self.marks.met(Mark::Parked);
        let origin = self.last.get(&object).map(|seen| seen.origin);
        let driven_again = origin == Some(Origin::Redriven);
        let registered = self.registered.remove(&object);
        self.marks.met_if(Mark::RegisteredParked, registered && driven_again);
        self.marks.met_if(Mark::RedrivenParked, self.redriven.remove(&object));
        if reason.contains("used up") {
            self.marks.met(Mark::UsedUp);
            let retries = self.retries.get(&object).copied().unwrap_or(0);
            if retries < most && !registered && !self.attempts_unknown {
                let what = format!("{object:?} was parked after {retries} of {most} attempts");
                self.broken(Law::Isolation, what);
            }
        }
        let ids = ids_of(key);
        let passed = self.passed.remove(&object);
        let last = self.parked_last.entry(object.clone()).or_default();
        *last = last_of(key).max(std::mem::take(last));
        let again = self.parked.entry(object).or_default();
        again.extend(passed.into_iter().flatten());
        self.marks.met_if(Mark::ParkedAgain, !again.is_empty());
        again.extend(ids);
    }
}
