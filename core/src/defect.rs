//! Deliberate defects: a machine that is wrong in one known way, so that a proof can be seen to notice it.
//!
//! Without the feature `defect` nothing of this is left: [`Broken`] is empty and says no to everything.

use crate::State;
use crate::clock::Moment;
use crate::id::{BatchId, MessageId, ProcessId};
use crate::lane::{Stage, Tries};
use crate::machine::Machine;
#[cfg(feature = "defect")]
use crate::ordered::{Map, Set};
use crate::record::{Key, Records};
use crate::wire::Row;

macro_rules! defects {
    ($($(#[doc = $doc:literal])+ $name:ident),+ $(,)?) => {
        /// One thing that a client of the queue can do wrong.
        #[cfg_attr(not(feature = "defect"), expect(unreachable_pub, reason = "the feature exports it"))]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Defect {
            $($(#[doc = $doc])+ $name),+
        }

        #[cfg(feature = "defect")]
        impl Defect {
            /// All of them.
            pub const ALL: &'static [Defect] = &[$(Defect::$name),+];

            /// What it does wrong, in words.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self {
                    $(Defect::$name => concat!($($doc),+).trim_ascii()),+
                }
            }
        }
    };
}

defects! {
    /// `clear` names the reservation alone, so everything in it goes (F15).
    ClearWithoutIds,
    /// Records are cleared when they are delivered, not when they are done.
    ClearBeforeDone,
    /// The connector stands on the sub-calls and not on the outer call (F24).
    InnerConnector,
    /// Writes that go alone carry no connector (F23).
    WritesWithoutConnector,
    /// Nobody looks for reservations without an owner.
    NoSweep,
    /// Reservations without an owner are looked for once, never again (F31).
    SweepOnce,
    /// Orphans of the error lane are left where they are (F9).
    SweepNewOnly,
    /// The first sweep takes what the journal knows for somebody's work in progress.
    AdoptNothing,
    /// A `get` whose outcome is unknown is repeated before the sweep has looked (F12).
    RetryGet,
    /// A call without an answer is taken as not executed.
    UnknownIsNotExecuted,
    /// A record whose MESSAGE_ID was seen before is cleared unread (F1).
    DedupByMessage,
    /// The idempotency key leaves the time of change out.
    KeyWithoutTime,
    /// Failed attempts are counted by MESSAGE_ID, over all changes of an object.
    AttemptsByMessage,
    /// A newer record of an object is delivered while an older delivery is open.
    TwoAtOnce,
    /// A record that arrives after the reading counts as read.
    StaleJoin,
    /// A delivery that is done clears what arrived meanwhile as well.
    DoneCoversLater,
    /// What was once read of an object is delivered for its later records too.
    ReadOnce,
    /// An object that a list leaves out counts as gone.
    AbsentIsGone,
    /// A failed attempt counts as done.
    FailureIsDone,
    /// Changes are delivered before the journal knows their reservation.
    DeliverBeforeSaved,
    /// `error` is sent before the journal knows that it will be.
    ErrorBeforeIntent,
    /// An `error` whose outcome is unknown is repeated (F16).
    RepeatError,
    /// A registered object is driven again once its record is seen with ERROR 1.
    ResumeWhenErrored,
    /// At rest after `error` is the MESSAGE_ID, not the object with its other events.
    RestByMessage,
    /// A restart forgets which objects are at rest.
    ForgetRegistered,
    /// The error lane is never looked at (F17).
    NoErrorLane,
    /// The end of an emptied queue does not ask for the error lane.
    EmptyIgnoresErrors,
    /// A parked object stands for its newer records.
    ParkedCovers,
    /// A success leaves the object's parked records reserved.
    ParkedForEver,
    /// One batch with the user's code keeps all other objects waiting.
    OneBatchAtATime,
    /// Lost bindings are neither bound again nor reported.
    IgnoreLostBindings,
    /// Requests are sent as fast as they can be (F29).
    IgnoreBucket,
    /// A method that has used up its operating time is called all the same (F30).
    IgnoreOperating,
    /// Entries of settled reservations stay in the journal.
    JournalGrows,
    /// Without reservation: records are deleted before the journal knows them.
    DeleteBeforeSaved,
    /// Without reservation: everything up to an ID is deleted, also what was not listed.
    DeleteUpTo,
    /// Records near the age at which the portal deletes them are reserved like others (F4).
    IgnoreAge,
    /// With several consumers: reservations of others are adopted at once.
    IgnoreLease,
    /// With several consumers: what is done is cleared without being read again.
    NoSecondReading,
}

/// The defect of a machine, if it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Broken {
    #[cfg(feature = "defect")]
    pub(crate) defect: Option<Defect>,
}

impl Broken {
    #[cfg(feature = "defect")]
    pub(crate) fn has(self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    #[cfg(not(feature = "defect"))]
    #[expect(clippy::unused_self, reason = "with the feature it tells")]
    pub(crate) const fn has(self, _: Defect) -> bool {
        false
    }
}

/// What a defective machine remembers besides.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory {
    #[cfg(feature = "defect")]
    seen: Set<MessageId>,
    #[cfg(feature = "defect")]
    failed: Map<MessageId, u32>,
    #[cfg(feature = "defect")]
    read: Map<Key, (State, Option<String>)>,
}

#[cfg(feature = "defect")]
impl Memory {
    /// Whether a record of this MESSAGE_ID has come before.
    pub(crate) fn has_seen(&mut self, message: &MessageId) -> bool {
        !self.seen.insert(message.clone())
    }

    pub(crate) fn failed(&mut self, records: &Records) {
        for record in records.values() {
            self.failed.change(record.message.clone(), |failed| *failed += 1);
        }
    }

    pub(crate) fn failures(&self, records: &Records) -> u32 {
        let failed = records.values().filter_map(|record| self.failed.get(&record.message));
        failed.copied().max().unwrap_or(0)
    }

    pub(crate) fn keep(&mut self, key: &Key, state: State, data: Option<&String>) {
        self.read.insert(key.clone(), (state, data.cloned()));
    }

    pub(crate) fn kept(&self, key: &Key) -> Option<(State, Option<String>)> {
        self.read.get(key).cloned()
    }
}

#[cfg(not(feature = "defect"))]
#[expect(
    clippy::unused_self,
    clippy::needless_pass_by_ref_mut,
    reason = "with the feature they tell"
)]
impl Memory {
    pub(crate) const fn has_seen(&mut self, _: &MessageId) -> bool {
        false
    }

    pub(crate) const fn failed(&mut self, _: &Records) {}

    pub(crate) const fn failures(&self, _: &Records) -> u32 {
        0
    }

    pub(crate) const fn keep(&mut self, _: &Key, _: State, _: Option<&String>) {}

    pub(crate) const fn kept(&self, _: &Key) -> Option<(State, Option<String>)> {
        None
    }
}

impl Machine {
    pub(crate) fn has_any_defect(&self) -> bool {
        self.has(Defect::DedupByMessage)
            || self.has(Defect::ParkedCovers)
            || self.has(Defect::AttemptsByMessage)
    }

    /// What becomes of records that arrive at a machine that is wrong about them.
    pub(crate) fn arrive_defectively(
        &mut self,
        rows: Vec<(Row, ProcessId)>,
    ) -> Vec<(Row, ProcessId)> {
        let now = self.now();
        let mut kept = Vec::new();
        for (row, process) in rows {
            let in_hand = self.lane.is_in_hand(row.id);
            let (key, record) = Key::of(row.clone(), Some(process.clone()), &self.registry);
            let repeated =
                self.has(Defect::DedupByMessage) && self.memory.has_seen(&record.message);
            let covered = self.has(Defect::ParkedCovers) && self.lane.parked(&key).is_some();
            if !in_hand && (repeated || covered) {
                self.settle.add(&[(record.id, record)].into_iter().collect(), now);
                continue;
            }
            kept.push((row, process));
        }
        kept
    }

    pub(crate) fn attempts_from_memory(&mut self) {
        let most = self.config.retry.attempts;
        let unread: Vec<Key> = self.lane.unread().cloned().collect();
        for key in unread {
            let Some(work) = self.lane.work(&key).filter(|work| work.tries.failed == 0) else {
                continue;
            };
            let failed = self.memory.failures(&work.records);
            let more = most.saturating_sub(failed).max(1);
            self.lane.update(&key, |work| work.tries = Tries::new(failed, more));
        }
    }

    /// Objects that were once read are ready at once.
    pub(crate) fn read_from_memory(&mut self) {
        let unread: Vec<Key> = self.lane.unread().cloned().collect();
        for key in unread {
            if let Some((state, data)) = self.memory.kept(&key) {
                self.lane.set_stage(&key, Stage::Ready { state, data });
            }
        }
    }

    /// Clears what is only on its way to the user's code.
    pub(crate) fn clear_delivered(&mut self, batch: BatchId, now: Moment) {
        let keys: Vec<Key> = match self.handler.open.get(&batch) {
            Some(open) => open.open.values().cloned().collect(),
            None => Vec::new(),
        };
        for key in keys {
            if let Some(work) = self.lane.work(&key) {
                self.settle.add(&work.records, now);
            }
        }
    }
}

#[cfg(feature = "view")]
#[path = "view/defect.rs"]
mod view;
