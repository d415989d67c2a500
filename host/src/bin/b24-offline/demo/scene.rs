//! What the portal, its people and the consumer share, and what goes wrong on purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use b24_offline::{Change, Notice, ObjectId, Report};
use b24_offline_emulator::server::Running;
use b24_offline_emulator::{Audit, Fault, FaultKind, Portal, Record, Sight};
use tokio::sync::Notify;

use super::CONNECTOR;
use super::people::{KINDS, Kind, Made, People};
use super::show::Show;

const GET: &str = "event.offline.get";
/// The lost answer's connection hangs so long before it ends.
const HANG_MS: u64 = 300;

/// The scene of one demonstration.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) portal: Running,
    pub(crate) show: Show,
    pub(crate) counts: Counts,
    changes: u64,
    state: Mutex<State>,
    kill: Notify,
}

/// What the consumers did, killed ones included.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Verdicts that asked for another attempt.
    pub(crate) retried: AtomicU64,
    /// Writes to the portal that it executed.
    pub(crate) written: AtomicU64,
    /// Answers that were thrown away.
    pub(crate) lost_answers: AtomicU64,
    /// Consumers that were killed.
    pub(crate) crashes: AtomicU64,
    /// Records of reservations that no consumer knew of, found by a sweep.
    pub(crate) adopted: AtomicU64,
    /// Deliveries of a change that was delivered before.
    pub(crate) repeated: AtomicU64,
}

impl Counts {
    pub(crate) fn add_one(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct State {
    made: u64,
    all_made: bool,
    delivered: u64,
    /// The idempotency keys of all deliveries.
    keys: BTreeSet<String>,
    /// The versions that changes made and no delivery has shown yet.
    waiting: BTreeMap<ObjectId, Vec<u64>>,
    /// What the target saw of the changes that it refused, by idempotency key.
    refused: BTreeMap<String, Sight>,
    mishaps: usize,
    /// The consumer dies once so many changes are delivered.
    dies_at: Option<u64>,
    losing_an_answer: bool,
}

/// What goes wrong once a share of all changes is delivered.
#[derive(Clone, Copy)]
enum Mishap {
    LostAnswer,
    Kill,
    ExpiredTokens,
}

/// In the order of their hundredths of all changes.
const MISHAPS: [(u64, Mishap); 3] =
    [(10, Mishap::LostAnswer), (25, Mishap::Kill), (45, Mishap::ExpiredTokens)];

impl Scene {
    pub(crate) fn new(portal: Running, show: Show, changes: u64) -> Scene {
        let (state, kill) = (Mutex::default(), Notify::new());
        Scene { portal, show, counts: Counts::default(), changes, state, kill }
    }

    /// Records the events of all kinds for the consumer's queue.
    pub(crate) fn bind(&self) {
        self.portal.with_portal(|portal, _| {
            for event in KINDS.iter().flat_map(Kind::events) {
                portal.bind(&event, CONNECTOR);
            }
        });
    }

    /// Lets people make so many changes, or what is left of them.
    ///
    /// Some are kept for the moment in which an answer is to be lost: it has to hold something.
    pub(crate) fn change(&self, people: &mut People, count: u64) {
        self.portal.with_portal(|portal, now| {
            let mut state = self.state();
            let loses = state.mishaps == 0 && self.is_due(&state);
            let kept = if loses || state.mishaps > 0 { 0 } else { self.changes / 10 };
            let left = self.changes.saturating_sub(kept).saturating_sub(people.made());
            let count = count.min(left);
            for Made { object, version } in (0..count).map_while(|_| people.change(portal, now)) {
                state.waiting.entry(object).or_default().push(version);
            }
            state.made = people.made();
            state.all_made = people.are_done();
            if loses && count > 0 {
                self.go_wrong(portal, &mut state);
            }
        });
    }

    pub(crate) fn all_changes_are_made(&self) -> bool {
        self.state().all_made
    }

    /// How many changes a delivery has shown.
    pub(crate) fn delivered(&self) -> u64 {
        self.state().delivered
    }

    pub(crate) fn audit(&self) -> Audit {
        self.portal.with_portal(|portal, _| portal.audit())
    }

    /// Tells the portal's audit of a delivery. `true` when the consumer is to die here and now.
    pub(crate) fn deliver(&self, change: &Change, sight: Sight) -> bool {
        let object = &change.object;
        let dies = self.portal.with_portal(|portal, now| {
            portal.delivered(&object.kind, &object.id, sight, now);
            let mut state = self.state();
            if !state.keys.insert(change.key.clone()) {
                Counts::add_one(&self.counts.repeated);
            }
            state.covered(object, sight);
            self.go_wrong(portal, &mut state)
        });
        self.show.progress(self.delivered());
        dies
    }

    /// Keeps what the target saw of a change that it refuses.
    pub(crate) fn refuse(&self, key: &str, sight: Sight) {
        self.state().refused.insert(key.to_owned(), sight);
    }

    /// Takes what the consumer reports.
    pub(crate) fn heard(&self, report: &Report) {
        if let Report::Notice(Notice::Ready { .. }) = report {
            return;
        }
        if let Report::Notice(Notice::Adopted { records }) = report {
            if self.counts.adopted.fetch_add(*records, Ordering::Relaxed) == 0 {
                self.show.say("the consumer's sweep finds reservations that it was not told of");
            }
            return;
        }
        if let Report::Notice(Notice::Parked { object, key, .. }) = report {
            let sight = self.state().refused.get(key).copied().unwrap_or(Sight::Version(0));
            self.portal.with_portal(|portal, _| portal.parked(&object.kind, &object.id, sight));
        }
        self.show.say(&format!("the consumer says: {report}"));
    }

    /// Returns when the consumer is to be killed.
    pub(crate) async fn killed(&self) {
        self.kill.notified().await;
    }

    /// Says so, once an answer was thrown away.
    pub(crate) fn tell_of_lost_answer(&self) {
        let struck = self.portal.with_portal(|portal, _| portal.waiting_faults().is_empty());
        let mut state = self.state();
        if struck && std::mem::take(&mut state.losing_an_answer) {
            Counts::add_one(&self.counts.lost_answers);
            self.show.say(&format!(
                "the answer to {GET} was thrown away: its changes are reserved, and nobody was told"
            ));
        }
    }

    fn go_wrong(&self, portal: &mut Portal, state: &mut State) -> bool {
        let Some((_, mishap)) = MISHAPS.get(state.mishaps) else { return false };
        // one after the other: the answer is lost before the consumer dies
        let waits = !portal.waiting_faults().is_empty();
        if waits || !self.is_due(state) {
            return false;
        }
        match mishap {
            Mishap::LostAnswer => {
                // an empty look would lose nothing worth finding
                let free = |row: &Record| row.process_id.is_empty() && !row.error;
                if !portal.queue().iter().any(free) {
                    return false;
                }
                state.losing_an_answer = true;
                let kind = FaultKind::AnswerLost { hang_ms: HANG_MS };
                portal.inject(Fault { method: Some(GET.into()), after: 0, count: 1, kind });
            }
            Mishap::ExpiredTokens => {
                portal.expire_tokens();
                self.show.say("the portal called every access token expired");
            }
            Mishap::Kill => {
                // a batch has begun by now: its middle is a little later
                let at = *state.dies_at.get_or_insert(state.delivered + self.changes / 100);
                if state.delivered < at {
                    return false;
                }
                Counts::add_one(&self.counts.crashes);
                self.kill.notify_one();
            }
        }
        state.mishaps += 1;
        matches!(mishap, Mishap::Kill)
    }

    /// Whether so much is delivered that the next mishap is due.
    fn is_due(&self, state: &State) -> bool {
        let next = MISHAPS.get(state.mishaps);
        next.is_some_and(|(hundredths, _)| state.delivered * 100 >= self.changes * hundredths)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts the changes up to the version that a delivery showed.
    fn covered(&mut self, object: &ObjectId, sight: Sight) {
        let Some(waiting) = self.waiting.get_mut(object) else { return };
        let before = waiting.len();
        match sight {
            Sight::Version(seen) => waiting.retain(|version| *version > seen),
            Sight::Gone | Sight::Unread => waiting.clear(),
        }
        self.delivered += u64::try_from(before - waiting.len()).unwrap_or_default();
        if waiting.is_empty() {
            self.waiting.remove(object);
        }
    }
}
