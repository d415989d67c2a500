//! What a host tells the machine.

use serde::{Deserialize, Serialize};

use crate::change::Verdicts;
use crate::id::{BatchId, CallId, ObjectId, SaveId, WriteId};

/// One thing that happened at the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Input {
    /// The time of `wake_at` has come, or the host merely wants to know. Also the first input.
    Tick,
    /// There may be new records: a webhook, Push&Pull, the user.
    Nudge,
    /// What became of a call. Each call is answered once; a second answer is dropped.
    Replied {
        /// Which call.
        call: CallId,
        /// What became of it.
        reply: Reply,
    },
    /// The user's verdicts for a delivered batch, or for a part of it.
    Judged {
        /// Which batch.
        batch: BatchId,
        /// The verdicts.
        verdicts: Verdicts,
    },
    /// What became of a save.
    Saved {
        /// Which save.
        save: SaveId,
        /// What became of it.
        outcome: SaveOutcome,
    },
    /// A modifying call of the user's, to be sent with the connector so that it does not come back.
    Write {
        /// Pairs the result with this write.
        write: WriteId,
        /// For example `crm.deal.update`.
        method: String,
        /// JSON text of an object.
        params: String,
    },
    /// Drive parked objects again.
    Redrive(Redrive),
    /// Reserve nothing more, wait for the running handler, settle, end.
    Stop,
}

impl Input {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Input::Tick => "Tick",
            Input::Nudge => "Nudge",
            Input::Replied { .. } => "Replied",
            Input::Judged { .. } => "Judged",
            Input::Saved { .. } => "Saved",
            Input::Write { .. } => "Write",
            Input::Redrive(_) => "Redrive",
            Input::Stop => "Stop",
        }
    }
}

/// Which parked objects to drive again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Redrive {
    /// All of them.
    All,
    /// These; one that is not parked is passed over.
    Objects(Vec<ObjectId>),
}

/// What became of a call.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Reply {
    /// The portal, or something that stands in its place, answered.
    Answer {
        /// The HTTP status. A redirect is given as it is and never followed.
        status: u16,
        /// The body, decompressed, as UTF-8; a body that is no UTF-8 is [`Reply::Unknown`].
        body: String,
    },
    /// The call surely was not executed.
    NotSent(NotSent),
    /// The call was perhaps executed, perhaps will be within 60 s (F12, F31).
    Unknown {
        /// How the answer was lost.
        why: Lost,
    },
}

impl std::fmt::Debug for Reply {
    /// Bodies hold the portal's data: only their size is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reply::Answer { status, body } => {
                write!(f, "Answer {{ status: {status}, body: {} bytes }}", body.len())
            }
            Reply::NotSent(why) => write!(f, "NotSent({why:?})"),
            Reply::Unknown { why } => write!(f, "Unknown({why:?})"),
        }
    }
}

/// Why a call surely was not executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum NotSent {
    /// No connection: refused, no such name, TLS failed.
    Network {
        /// For people; no secrets.
        why: String,
    },
    /// There is no valid token and none can be had: a person has to sign in.
    SignInAgain {
        /// For people; no secrets.
        why: String,
    },
    /// The host's transport does not send such a call.
    Refused {
        /// For people; no secrets.
        why: String,
    },
}

/// How an answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Lost {
    /// The call's time limit ran out.
    TimedOut,
    /// The connection broke, or the body was cut, no UTF-8, or wrongly compressed.
    Broken,
    /// The answer was larger than the host takes.
    TooLarge,
    /// What answered was not the portal: no JSON, or JSON of another shape, or a server's failure.
    NotThePortal,
}

/// What became of a save.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum SaveOutcome {
    /// All of it is durable.
    Done,
    /// None of it is.
    Failed {
        /// For people.
        why: String,
    },
}
