//! What can be made to go wrong, by method and count.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::settings::Plan;

/// A fault that strikes calls of a method.
///
/// A request is met by its own method and, if it is a batch, by each of its sub-calls: a fault of a whole request
/// (a lost answer, a 502 …) with `method: "event.offline.get"` strikes a batch that holds such a sub-call.
/// A fault of a call (an operating limit, a wrong shape, a foreign change …) strikes the sub-call alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// The method; none for any. `oauth.token` stands for the exchange of tokens, which must be named: there the
    /// faults that lose, delay, refuse or spoil a request or its answer strike.
    #[serde(default)]
    pub method: Option<String>,
    /// How many matching requests (or calls) pass unharmed before.
    #[serde(default)]
    pub after: u64,
    /// How many are struck then.
    #[serde(default = "once")]
    pub count: u64,
    /// What happens to them.
    pub kind: FaultKind,
}

fn once() -> u64 {
    1
}

/// What happens to a request or to one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The request never reaches the portal, nobody answers; the connection ends after `hang_ms`.
    RequestLost {
        /// Milliseconds.
        hang_ms: u64,
    },
    /// Executed, but the answer is lost (F12).
    AnswerLost {
        /// Milliseconds.
        hang_ms: u64,
    },
    /// Executed `after_ms` later, the answer is lost (F12, F31).
    ExecutedLate {
        /// Milliseconds until it runs.
        after_ms: u64,
        /// Milliseconds until the connection ends.
        hang_ms: u64,
    },
    /// Executed and answered, and executed once more `after_ms` later.
    ExecutedTwice {
        /// Milliseconds until it runs again.
        after_ms: u64,
    },
    /// Answered late, executed at once.
    Delay {
        /// Milliseconds on top.
        ms: u64,
    },
    /// An HTML page of a proxy in place of the answer, with any status (502, 504, 200 …).
    Html {
        /// The HTTP status.
        status: u16,
        /// Whether the request is executed all the same.
        executed: bool,
    },
    /// A redirect, as of a portal that has moved; not executed. The server answers it with a `Location` that leads
    /// back to the same method, so that a client that follows is seen to.
    Redirect {
        /// The HTTP status, such as 301, 302, 307 or 308.
        status: u16,
    },
    /// A JSON error for the whole request, not executed.
    Error {
        /// The HTTP status.
        status: u16,
        /// `error`.
        code: String,
        /// `error_description`.
        description: String,
    },
    /// 503 QUERY_LIMIT_EXCEEDED, not executed.
    QueryLimit,
    /// 503 OVERLOAD_LIMIT, not executed.
    Overload,
    /// 429 OPERATION_TIME_LIMIT for the call, without `time` (F30); in a batch in `result_error`.
    OperatingLimit,
    /// The server dies within the batch once so many sub-calls have run; no answer.
    BatchDies {
        /// How many sub-calls run.
        after_calls: usize,
    },
    /// The connection ends within the body.
    CutBody {
        /// Bytes that come.
        keep: usize,
    },
    /// A complete HTTP answer whose JSON ends early.
    TruncatedJson {
        /// Bytes that are left of the body.
        keep: usize,
    },
    /// Well-formed JSON of another shape.
    WrongShape(Shape),
    /// The call is not executed and answers `true`, as an `event.offline.clear` does that nothing matches (F15).
    NothingMatches,
    /// A well-formed answer of so many bytes.
    GiantAnswer {
        /// The length.
        bytes: u64,
    },
    /// All access tokens expire just before the request.
    ExpireTokens,
    /// All bindings are gone just before the request, as after an update of the application (F20).
    RemoveBindings,
    /// The plan changes just before the request.
    SetPlan(Plan),
    /// People do something just before the call.
    Before(Deed),
    /// People do something just after the call, before the next one of the batch.
    After(Deed),
    /// Something happens between the selecting and the marking of an `event.offline.get` (F13). The documented
    /// portal selects and marks in one step: there it happens just before.
    BetweenSelectAndMark(Intrusion),
    /// An automation rule is set up just before the request (F26).
    Robot(Robot),
    /// The portal refuses all connections from this request on.
    RefuseConnections {
        /// For so many milliseconds.
        for_ms: u64,
    },
}

/// A wrong shape of a call's result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// The result is this value.
    Result(Value),
    /// The whole body is this value (only where the call stands alone).
    Body(Value),
    /// A list gets one more object, under an id that nobody asked for.
    UnaskedId(String),
    /// A list in its first half, twice.
    Repeated,
}

/// Something that people do on the portal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// A new object.
    Create {
        /// Its kind.
        kind: String,
        /// Its fields.
        fields: Value,
    },
    /// A change.
    Change {
        /// The kind.
        kind: String,
        /// The id.
        id: String,
        /// The fields to be merged.
        fields: Value,
    },
    /// A deletion.
    Delete {
        /// The kind.
        kind: String,
        /// The id.
        id: String,
    },
    /// A return from the recycle bin.
    Restore {
        /// The kind.
        kind: String,
        /// The id.
        id: String,
    },
}

/// What comes between the selecting and the marking of a `get` (F13).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intrusion {
    /// Another consumer's `get` selects and marks the same records; ours marks last and owns them.
    Get {
        /// Its `limit`.
        limit: u64,
    },
    /// Another consumer's `get` has selected the same records and marks them just after ours: it owns them.
    GetLast {
        /// Its `limit`.
        limit: u64,
    },
    /// Another consumer reserves the same records and registers them all as errors; ours then reserves errored
    /// records together with good ones.
    GetAndError {
        /// Its `limit`.
        limit: u64,
    },
    /// People do something.
    Deed(Deed),
}

/// An automation rule: on the application's write to an object of a kind it changes that object (F26).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Robot {
    /// The kind.
    pub kind: String,
    /// How many writes it answers.
    pub times: u64,
    /// Milliseconds until it acts; 0 = within the application's own call, which the source's portal then skips
    /// together with the write (F25).
    #[serde(default)]
    pub delay_ms: u64,
    /// The fields it writes.
    pub fields: Value,
}

impl FaultKind {
    /// Whether it strikes the call alone rather than the whole request.
    pub(crate) fn of_call(&self) -> bool {
        matches!(
            self,
            FaultKind::OperatingLimit
                | FaultKind::WrongShape(_)
                | FaultKind::NothingMatches
                | FaultKind::Before(_)
                | FaultKind::After(_)
                | FaultKind::BetweenSelectAndMark(_)
        )
    }
}

fn is_oauth(method: &String) -> bool {
    method == crate::hit::OAUTH
}

/// The faults that wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    waiting: Vec<Fault>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.waiting.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(crate) fn waiting(&self) -> &[Fault] {
        &self.waiting
    }

    /// Takes all faults that strike now, `of_call` or of the whole request.
    pub(crate) fn strike(&mut self, methods: &[String], of_call: bool) -> Vec<FaultKind> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let mut struck = Vec::new();
        for fault in &mut self.waiting {
            let meant = fault.method.as_ref().map_or(!methods.iter().any(is_oauth), |meant| {
                methods.iter().any(|method| method.eq_ignore_ascii_case(meant))
            });
            if !meant || fault.kind.of_call() != of_call || fault.count == 0 {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
            } else {
                fault.count -= 1;
                struck.push(fault.kind.clone());
            }
        }
        self.waiting.retain(|fault| fault.count > 0);
        struck
    }
}
