//! What a person may want to know, typed, with one sentence each.

use serde::{Deserialize, Serialize};
use std::fmt;

use crate::config::Mode;
use crate::failure::Failure;
use crate::id::{EventName, ObjectId};
use crate::time::{Millis, Timestamp, utc};

/// Something that happened. `Display` gives one sentence without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Notice {
    /// The start-up check is through.
    Ready {
        /// How many events were bound just now.
        bound: u32,
        /// How many objects an earlier run has parked.
        parked: u64,
    },
    /// The application has offline bindings on this connector that nobody asked for.
    StrangeBindings {
        /// Their events.
        events: Vec<EventName>,
    },
    /// Bindings had vanished and were bound again: what changed in between was not recorded.
    BindingsLost {
        /// Their events.
        events: Vec<EventName>,
        /// When they were last seen; `None` when nobody knows.
        since: Option<Timestamp>,
        /// When they were seen to be missing; they are bound again right after it.
        until: Timestamp,
    },
    /// Nobody has looked at the queue for so long that the portal may have deleted reserved records
    /// by age (F4).
    LongAbsence {
        /// When it was last looked at.
        since: Timestamp,
        /// When it was looked at again.
        until: Timestamp,
    },
    /// The events were bound already, but the journal is new: without reservation an earlier one
    /// would have held the only copy of what was taken from the queue.
    JournalMissing,
    /// Somebody else is at work on this queue, though this machine was told to be the only one.
    AnotherConsumer(Evidence),
    /// How records are taken from the queue from now on; told when it is not by reservation, and when
    /// the portal's plan has changed.
    ModeChanged {
        /// [`Mode::Reserve`] or [`Mode::Delete`].
        mode: Mode,
    },
    /// Records close to the age at which the portal deletes them were written to the journal (F4).
    Aged {
        /// How many.
        records: u64,
    },
    /// An object goes round: each of our own writes to it comes back as a change. Its writes wait.
    Cycle {
        /// The object.
        object: ObjectId,
        /// For how long its next write waits.
        delay: Millis,
    },
    /// A change is parked.
    Parked {
        /// The object.
        object: ObjectId,
        /// Its idempotency key.
        key: String,
        /// How many attempts it had.
        attempts: u32,
        /// The user's reason, or the portal's.
        reason: String,
    },
    /// A change is registered with `event.offline.error` and rests.
    Registered {
        /// The object.
        object: ObjectId,
        /// Its idempotency key.
        key: String,
        /// The user's reason, or the portal's.
        reason: String,
    },
    /// An object's data could not be read.
    Unreadable {
        /// The object.
        object: ObjectId,
        /// The portal's words.
        why: String,
    },
    /// Records without an owner were adopted.
    Adopted {
        /// How many.
        records: u64,
    },
    /// The user's code failed wholly several times in a row.
    HandlerDown,
    /// The user's code works again.
    HandlerUp,
    /// The portal can't be reached, or does not answer as it should.
    BackingOff {
        /// For how long.
        delay: Millis,
        /// Why.
        why: String,
    },
    /// The portal is reached again.
    Reached,
    /// A method has used up its operating time.
    MethodLimited {
        /// The method.
        method: String,
        /// For how long.
        delay: Millis,
    },
    /// A row of the queue has a shape that can't be read; it was left where it is.
    StrangeRecord {
        /// What is wrong.
        why: String,
    },
    /// The journal was damaged.
    JournalDamaged {
        /// How many entries could not be read.
        entries: u64,
        /// Whether it may have held the only copy of something.
        resync: bool,
    },
    /// The machine ends because it can't go on.
    Failed(Failure),
}

/// What shows that another consumer is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "evidence", rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Evidence {
    /// Records are reserved that no call of ours can have reserved.
    Reserved {
        /// How many.
        records: u64,
    },
    /// Records of ours are gone that no call of ours has cleared.
    Cleared {
        /// How many.
        records: u64,
    },
}

/// How loud a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look, the work goes on.
    Warning,
    /// The work has stopped.
    Error,
}

impl Notice {
    /// How loud it is.
    ///
    /// ```
    /// use b24_offline_core::{Notice, Severity};
    /// assert_eq!(Notice::HandlerDown.severity(), Severity::Warning);
    /// ```
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Notice::Ready { .. }
            | Notice::Adopted { .. }
            | Notice::Aged { .. }
            | Notice::HandlerUp
            | Notice::Reached => Severity::Info,
            Notice::StrangeBindings { .. }
            | Notice::BindingsLost { .. }
            | Notice::LongAbsence { .. }
            | Notice::JournalMissing
            | Notice::AnotherConsumer(_)
            | Notice::ModeChanged { .. }
            | Notice::Cycle { .. }
            | Notice::Parked { .. }
            | Notice::Registered { .. }
            | Notice::Unreadable { .. }
            | Notice::HandlerDown
            | Notice::BackingOff { .. }
            | Notice::MethodLimited { .. }
            | Notice::StrangeRecord { .. }
            | Notice::JournalDamaged { .. } => Severity::Warning,
            Notice::Failed(_) => Severity::Error,
        }
    }
}

fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn ready(f: &mut fmt::Formatter<'_>, bound: u32, parked: u64) -> fmt::Result {
    match bound {
        0 => f.write_str("ready: every event is bound")?,
        _ => write!(f, "ready: {} bound now", count(u64::from(bound), "event"))?,
    }
    match parked {
        0 => Ok(()),
        1 => f.write_str("; 1 object is parked"),
        _ => write!(f, "; {parked} objects are parked"),
    }
}

fn list(events: &[EventName]) -> String {
    let mut list = String::new();
    for event in events {
        list.push_str(if list.is_empty() { "" } else { ", " });
        list.push_str(event.as_str());
    }
    list
}

fn bindings_lost(
    f: &mut fmt::Formatter<'_>,
    events: &[EventName],
    since: Option<Timestamp>,
    until: Timestamp,
) -> fmt::Result {
    write!(
        f,
        "full resync needed: the bindings of {} had vanished and are bound again; changes made ",
        list(events)
    )?;
    match since {
        Some(since) => write!(f, "between {} and {}", utc(since), utc(until))?,
        None => write!(f, "before {}", utc(until))?,
    }
    f.write_str(" were not recorded")
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let advice = "give each consumer a connector of its own, or tell both that they share";
        match self {
            Evidence::Reserved { records } => write!(
                f,
                "another consumer is at work on this queue: {} reserved by nobody here; {advice}",
                count(*records, "record")
            ),
            Evidence::Cleared { records } => write!(
                f,
                "another consumer is at work on this queue: {} of ours cleared by nobody here; {advice}",
                count(*records, "record")
            ),
        }
    }
}

impl fmt::Display for Notice {
    #[expect(clippy::too_many_lines, reason = "one sentence for each variant, and nothing else")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Ready { bound, parked } => ready(f, *bound, *parked),
            Notice::StrangeBindings { events } => write!(
                f,
                "this queue also records {}, which nobody asked for here; unbind what is not needed",
                list(events)
            ),
            Notice::BindingsLost { events, since, until } => {
                bindings_lost(f, events, *since, *until)
            }
            Notice::LongAbsence { since, until } => write!(
                f,
                "full resync needed: nobody has looked at the queue from {} to {}, and what was \
                 reserved by then may have been deleted by the portal for its age",
                utc(*since),
                utc(*until)
            ),
            Notice::JournalMissing => f.write_str(
                "full resync needed: the events were bound already but the journal is new; without \
                 reservation an earlier journal held the only copy of what was not yet done",
            ),
            Notice::AnotherConsumer(evidence) => evidence.fmt(f),
            Notice::ModeChanged { mode } => f.write_str(match mode {
                Mode::Delete => {
                    "without reservation on this plan: records are written to the journal and then \
                     deleted from the queue, so keep the journal"
                }
                Mode::Reserve | Mode::Auto => "the plan has reservation: records are reserved",
            }),
            Notice::Aged { records } => write!(
                f,
                "written to the journal for their age: {}, because the portal deletes them soon",
                count(*records, "record")
            ),
            Notice::Cycle { object, delay } => write!(
                f,
                "cycle: each write to {object} comes back as a change; its next write waits for {} s. \
                 Look for an automation rule that reacts to it",
                delay.0.saturating_add(500) / 1_000
            ),
            Notice::Parked { object, key, attempts, reason } => write!(
                f,
                "parked: {object} after {} ({reason}); it is delivered again with the object's next \
                 change, or when it is redriven [{key}]",
                count(u64::from(*attempts), "attempt")
            ),
            Notice::Registered { object, key, reason } => write!(
                f,
                "registered as an error: {object} ({reason}); it rests for 60 s and is driven once \
                 more [{key}]"
            ),
            Notice::Unreadable { object, why } => write!(f, "{object} could not be read: {why}"),
            Notice::Adopted { records } => {
                write!(f, "adopted: {} of reservations without an owner", count(*records, "record"))
            }
            Notice::HandlerDown => f.write_str(
                "the handler fails every change: one at a time is tried until one succeeds",
            ),
            Notice::HandlerUp => f.write_str("the handler works again"),
            Notice::BackingOff { delay, why } => {
                let tenths = delay.0.saturating_add(50) / 100;
                write!(f, "{why}; next try in {}.{} s", tenths / 10, tenths % 10)
            }
            Notice::Reached => f.write_str("the portal answers again"),
            Notice::MethodLimited { method, delay } => write!(
                f,
                "the portal limits {method} (operating time); it waits for {} s",
                delay.0.saturating_add(500) / 1_000
            ),
            Notice::StrangeRecord { why } => {
                write!(f, "a record of the queue can't be read and was left there: {why}")
            }
            Notice::JournalDamaged { entries, resync: false } => write!(
                f,
                "the journal was damaged ({entries} entries unreadable); the sweep finds again what \
                 they named"
            ),
            Notice::JournalDamaged { entries, resync: true } => write!(
                f,
                "resync may be needed: the journal was damaged ({entries} entries unreadable) and \
                 may have held the only copy of what waits in it"
            ),
            Notice::Failed(failure) => failure.fmt(f),
        }
    }
}
