//! Watches a life: checks the promises as it goes, and notes rare situations.

use b24_offline_core::{Batch, Call, Change, Origin, Reply, State};
use b24_offline_emulator::Outcome;
use std::collections::{BTreeMap, BTreeSet};

use crate::journal::Journal;
use crate::law::{Breach, Law};
use crate::marks::{Mark, Marks};
use crate::wire::{Digest, Named};

/// An object: kind and id.
pub(crate) type Object = (String, String);

/// The rest after an `error` (F31).
const REST: u64 = 60_000;
/// The least pause after a refused request.
const PAUSE: u64 = 400;

/// What one machine was seen to do.
#[derive(Debug)]
pub(crate) struct Witness {
    pub(crate) marks: Marks,
    pub(crate) breach: Option<Breach>,
    /// Records that were judged done.
    judged: BTreeSet<u64>,
    /// Objects that are parked, with all their records.
    pub(crate) parked: BTreeMap<Object, BTreeSet<u64>>,
    /// Objects with the user's code.
    pub(crate) open: BTreeMap<Object, String>,
    /// What was last delivered of an object.
    last: BTreeMap<Object, Seen>,
    /// Since the last done of an object.
    retries: BTreeMap<Object, u32>,
    attempts_known: bool,
    rests: BTreeMap<String, u64>,
    /// Calls that must not be repeated: an `error` of a record, a write.
    once: BTreeSet<String>,
    /// The outcome of a `get` is unknown since this call.
    unknown_since: Option<u64>,
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

impl Default for Witness {
    fn default() -> Witness {
        Witness {
            marks: Marks::default(),
            breach: None,
            judged: BTreeSet::new(),
            parked: BTreeMap::new(),
            open: BTreeMap::new(),
            last: BTreeMap::new(),
            retries: BTreeMap::new(),
            attempts_known: true,
            rests: BTreeMap::new(),
            once: BTreeSet::new(),
            unknown_since: None,
            limited: BTreeMap::new(),
            paused_until: 0,
            orphans: BTreeSet::new(),
            errored_orphans: BTreeSet::new(),
            dark: BTreeSet::new(),
            redriven: BTreeSet::new(),
            leased: BTreeMap::new(),
            registered: BTreeSet::new(),
            gone: BTreeSet::new(),
            waited: BTreeSet::new(),
        }
    }
}

impl Witness {
    pub(crate) fn broken(&mut self, law: Law, what: impl Into<String>) {
        self.breach.get_or_insert_with(|| Breach::new(law, what));
    }

    /// A call is handed out.
    pub(crate) fn called(
        &mut self,
        call: &Call,
        digest: &Digest,
        journal: Option<&Journal>,
        now: u64,
    ) {
        if digest.reserving() > 0 && self.unknown_since.is_some() {
            self.broken(Law::LateSafe, "a get was repeated before a sweep had looked");
        }
        if now < self.paused_until {
            self.broken(Law::Polite, "a request followed a refused one at once");
        }
        let method = |name: &String| self.limited.get(name).is_some_and(|until| now < *until);
        let early = digest.methods.iter().chain([&call.method]).find(|name| method(name)).cloned();
        if let Some(name) = early {
            self.broken(
                Law::Polite,
                format!("{name} was called before its operating time was over"),
            );
        }
        for deletion in &digest.deletions {
            self.deletes(*deletion, journal);
        }
        for clear in &digest.clears {
            self.clears(clear, journal);
        }
        for error in &digest.errors {
            self.errs(error, journal, now);
        }
        for write in &digest.written {
            if !self.once.insert(write.clone()) {
                self.broken(Law::LateSafe, format!("the write {write} was sent twice"));
            }
        }
    }

    fn deletes(&mut self, deletion: (Option<u64>, Option<u64>), journal: Option<&Journal>) {
        let (Some(first), Some(last)) = deletion else {
            self.broken(Law::ClearByName, format!("a deletion without both bounds: {deletion:?}"));
            return;
        };
        self.marks.met(Mark::Deletion);
        let unknown = |id: &u64| !journal.is_some_and(|journal| journal.names(*id));
        if let Some(id) = (first..=last).find(unknown) {
            let what = format!("record {id} was deleted before the journal knew it");
            self.broken(Law::NoEarlyDelete, what);
        }
    }

    fn clears(&mut self, clear: &Named, journal: Option<&Journal>) {
        if clear.ids.is_empty() || !clear.messages.is_empty() || clear.process.is_empty() {
            self.broken(Law::ClearByName, format!("a clear of {} names no ids", clear.process));
        }
        for id in &clear.ids {
            let parked = journal.is_some() && self.parked.values().any(|ids| ids.contains(id));
            if !self.judged.contains(id) && !parked {
                self.broken(Law::NoEarlyDelete, format!("record {id} was cleared and never done"));
            }
        }
    }

    fn errs(&mut self, error: &Named, journal: Option<&Journal>, now: u64) {
        if error.messages.is_empty() || error.process.is_empty() {
            self.broken(Law::ClearByName, "an error names no records");
        }
        let messages: BTreeSet<&String> = error.messages.iter().collect();
        for message in messages {
            let Some(object) = journal.and_then(|journal| journal.registered(message)) else {
                self.broken(Law::WriteAhead, "an error was sent before its intent was durable");
                return;
            };
            self.rests.insert(object.to_owned(), now + REST);
            if !self.once.insert(format!("{} {message}", error.process)) {
                self.broken(Law::LateSafe, format!("the error of {object} was sent twice"));
            }
        }
    }

    /// A call met the portal, or did not.
    pub(crate) fn met(&mut self, digest: &Digest, outcome: &Outcome) {
        let lost = match outcome {
            Outcome::NoAnswer { executed, .. } => *executed,
            Outcome::CutBody { .. } | Outcome::Giant { .. } => true,
            Outcome::Answer { .. } | Outcome::Refused => false,
        };
        if lost {
            let asked = [
                (Mark::GetLost, digest.reserving() > 0),
                (Mark::DeletionLost, !digest.deletions.is_empty()),
                (Mark::ClearLost, !digest.clears.is_empty()),
                (Mark::ErrorLost, !digest.errors.is_empty()),
                (Mark::SweepLost, digest.sweeps > 0),
                (Mark::ReadLost, digest.reads > 0),
                (Mark::WriteLost, digest.writes > 0),
                (Mark::BindLost, digest.binds > 0),
            ];
            asked.into_iter().for_each(|(mark, met)| self.marks.met_if(mark, met));
        }
        match outcome {
            Outcome::CutBody { .. } => self.marks.met(Mark::CutBody),
            Outcome::Giant { .. } => self.marks.met(Mark::GiantAnswer),
            Outcome::Refused => self.marks.met(Mark::Refused),
            Outcome::Answer { status, body, .. } => {
                let html = body.starts_with('<');
                self.marks.met_if(Mark::HtmlAnswer, html);
                self.marks.met_if(Mark::CutJson, !html && !body.ends_with('}'));
                self.marks.met_if(Mark::QueryLimit, *status == 503 && body.contains("QUERY_LIMIT"));
                self.marks.met_if(Mark::Overload, *status == 503 && body.contains("OVERLOAD"));
                self.marks.met_if(Mark::OperatingBatch, *status == 429);
            }
            Outcome::NoAnswer { .. } => {}
        }
        self.marks.met_if(Mark::SweptInPages, digest.sweeps > 2 && digest.gets == 0);
    }

    /// A machine gets the answer to a call.
    pub(crate) fn answered(
        &mut self,
        call: u64,
        method: &str,
        digest: &Digest,
        reply: &Reply,
        now: u64,
    ) {
        let clean = is_clean(reply);
        let (not_sent, body) = match reply {
            Reply::NotSent(_) => (true, ""),
            Reply::Unknown { .. } => (false, ""),
            Reply::Answer { body, .. } => (false, body.as_str()),
        };
        let refused = body.starts_with("{\"error\"") && body.ends_with('}');
        if digest.reserving() > 0 && !clean && !not_sent && !refused {
            self.unknown_since = Some(call);
        }
        if clean && digest.sweeps > 0 && self.unknown_since.is_some_and(|since| call > since) {
            self.unknown_since = None;
        }
        if not_sent || refused || body.contains("\"error\":") {
            for named in &digest.errors {
                for message in &named.messages {
                    self.once.remove(&format!("{} {message}", named.process));
                }
            }
            for write in &digest.written {
                self.once.remove(write);
            }
        }
        if refused && body.contains("QUERY_LIMIT_EXCEEDED") {
            self.paused_until = now + PAUSE;
        }
        if body.contains("OPERATION_TIME_LIMIT") {
            self.limit(method, digest, body, now);
        }
    }

    /// The machine may have given the call up before: its answer bound it to nothing.
    pub(crate) fn in_doubt(&mut self) {
        self.paused_until = 0;
        self.limited.clear();
    }

    fn limit(&mut self, method: &str, digest: &Digest, body: &str, now: u64) {
        let answer: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        let until = now + 990;
        if answer["error"].is_string() {
            self.limited.insert(method.to_owned(), until);
            return;
        }
        let Some(errors) = answer["result"]["result_error"].as_object() else { return };
        for (name, error) in errors {
            let place = name.trim_start_matches('c').parse::<usize>().ok();
            let called = place.and_then(|place| digest.methods.get(place));
            if let (Some(called), true) = (called, error["error"] == "OPERATION_TIME_LIMIT") {
                self.marks.met(Mark::OperatingLimit);
                self.limited.insert(called.clone(), until);
            }
        }
    }

    /// The machine is killed: what it knew by heart is gone.
    pub(crate) fn crashed(&mut self, durable: bool) {
        self.open.clear();
        self.unknown_since = None;
        self.limited.clear();
        self.paused_until = 0;
        // what was judged last is perhaps not in the journal
        self.attempts_known = false;
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
        self.attempts_known = false;
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
        if let Some(parked) = self.parked.remove(&object) {
            self.marks.met_if(Mark::ParkedLaterDone, ids.iter().any(|id| !parked.contains(id)));
            self.judged.extend(parked);
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
            if retries < most && !registered && self.attempts_known {
                let what = format!("{object:?} was parked after {retries} of {most} attempts");
                self.broken(Law::Isolation, what);
            }
        }
        let ids = ids_of(key);
        let again = self.parked.entry(object).or_default();
        self.marks.met_if(Mark::ParkedAgain, !again.is_empty());
        again.extend(ids);
    }
}
