//! What the machine answers: one complete step for each input.

use serde::{Deserialize, Serialize};

use crate::change::Batch;
use crate::id::{CallId, Connector, SaveId, WriteId};
use crate::journal::JournalEntry;
use crate::notice::Notice;
use crate::time::{Millis, Timestamp};

/// Everything the host has to do now, and when to come back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[must_use = "a step's effects are handed out once: carry them out"]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct Step {
    /// In this order; none is handed out twice.
    pub effects: Vec<Effect>,
    /// When to give `Tick` if nothing else happens before. Replaces the earlier one.
    pub wake_at: Option<Wake>,
}

/// When to come back, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct Wake {
    /// The instant.
    pub at: Timestamp,
    /// What is due then.
    pub reason: WakeReason,
}

/// What is due at a wake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum WakeReason {
    /// The bucket lets the next request through (F29).
    Bucket,
    /// A back-off after a failure ends.
    BackOff,
    /// A method may be called again (F30).
    Operating,
    /// Verdicts are settled together; no more are waited for.
    Settle,
    /// The queue is looked at again.
    Poll,
    /// Reservations that nobody owns are looked for.
    Sweep,
    /// A change gets its next attempt.
    Retry,
    /// An object has rested long enough after `event.offline.error`.
    Rest,
    /// A call has been open for longer than it may.
    CallTimeout,
    /// A write that the breaker of cycles holds back may go.
    HeldWrite,
    /// The running handler is not waited for any longer.
    Stop,
}

/// One thing for the host to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Effect {
    /// Send this call and give its [`Reply`](crate::Reply) back.
    Call(Call),
    /// Hand this batch to the user's code and give its [`Verdicts`](crate::Verdicts) back.
    Deliver(Batch),
    /// Make this durable, all or nothing, and say so with `Saved`.
    Save(Save),
    /// The result of a write; nothing is to be given back.
    Written(Written),
    /// Something a person may want to know; nothing is to be given back.
    Notice(Notice),
}

/// One REST call. The transport puts `auth` and `auth_connector` beside the parameters, on this
/// outer call and nowhere else (F24).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct Call {
    /// Pairs the reply with this call.
    pub id: CallId,
    /// For example `batch`.
    pub method: String,
    /// JSON text of an object.
    pub params: String,
    /// Goes beside `auth` as `auth_connector`; absent when `None`.
    pub connector: Option<Connector>,
    /// How long to wait for the whole answer.
    pub timeout: Millis,
}

/// A change of the journal, all or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct Save {
    /// Pairs the outcome with this save.
    pub id: SaveId,
    /// Set these keys to these values.
    pub puts: Vec<JournalEntry>,
    /// Remove these keys; one that is absent is fine.
    pub deletes: Vec<String>,
}

/// The result of a write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct Written {
    /// Which write.
    pub write: WriteId,
    /// What became of it.
    pub result: WriteResult,
}

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum WriteResult {
    /// The portal executed it.
    Done {
        /// JSON text of the answer's `result`.
        result: String,
    },
    /// The portal, or the machine, refused it: surely not executed.
    Refused {
        /// The portal's error code; may be empty.
        code: String,
        /// The portal's words.
        description: String,
    },
    /// It surely did not reach the portal.
    NotSent {
        /// For people.
        why: String,
    },
    /// Perhaps executed, perhaps will be within 60 s. It is never repeated by the machine.
    Unknown,
}

impl WriteResult {
    /// What went wrong, to be put behind the name of what was written; `None` when it was executed.
    ///
    /// ```
    /// use b24_offline_core::WriteResult;
    /// assert!(WriteResult::Unknown.trouble().unwrap().starts_with("was perhaps made"));
    /// ```
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        match self {
            WriteResult::Done { .. } => None,
            WriteResult::Refused { code, description } => {
                Some(format!("was refused: {code} {description}"))
            }
            WriteResult::NotSent { why } => Some(format!("was not sent: {why}")),
            WriteResult::Unknown => {
                Some("was perhaps made: its answer was lost, and it is not repeated".to_owned())
            }
        }
    }
}
