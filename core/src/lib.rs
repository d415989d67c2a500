//! The machine that drains the offline-event queue of a Bitrix24 portal without losing anything.
//!
//! A portal records in a queue which objects changed. [`Machine`] reserves these records, reads the
//! objects' data, hands both to the user's code and clears what is done. It is one synchronous
//! state machine: no I/O, no clock, no tokens, no threads. A host gives it [`Input`]s and carries
//! out the [`Effect`]s of each [`Step`]; everything that can go wrong is decided here, so that
//! every host is right in the same way.
//!
//! ```text
//!             Input                        Step { effects, wake_at }
//!  host  ───────────────▶  Machine::handle  ───────────────────────▶  host
//!   │   Replied, Judged,      (no I/O)                                  │ sends the call, stores the
//!   │   Saved, Write, Nudge,                                            │ entries, hands the batch to
//!   │   Redrive, Tick, Stop                                             │ the user's code, sets one timer
//!   └───────────────────────────────◀───────────────────────────────────┘
//! ```
//!
//! # A host's drive loop
//! ```
//! use b24_offline_core::*;
//! use std::collections::VecDeque;
//!
//! // what a host does with the world; a real one does it at the same time for every effect
//! fn carry_out(effect: Effect) -> Option<Input> {
//!     match effect {
//!         Effect::Call(call) => {
//!             let why = "this example has no network".to_owned();
//!             let reply = Reply::NotSent(NotSent::Network { why });
//!             Some(Input::Replied { call: call.id, reply })
//!         }
//!         Effect::Deliver(batch) => {
//!             let verdicts = Verdicts::All { verdict: Verdict::Done, except: vec![] };
//!             Some(Input::Judged { batch: batch.id, verdicts })
//!         }
//!         Effect::Save(save) => {
//!             Some(Input::Saved { save: save.id, outcome: SaveOutcome::Done })
//!         }
//!         Effect::Written(_) | Effect::Notice(_) => None,
//!     }
//! }
//!
//! let config = Config::new("portal.example", vec![EventName::new("ONCRMDEALUPDATE").unwrap()]);
//! let mut now = Timestamp(1_795_000_000_000);
//! let mut machine = Machine::open(config, JournalContents::default(), 7, now).unwrap();
//! let mut inputs = VecDeque::from([Input::Tick]);
//! for _ in 0..20 {
//!     let input = inputs.pop_front().unwrap_or(Input::Tick);
//!     let step = machine.handle(input, now).unwrap();
//!     inputs.extend(step.effects.into_iter().filter_map(carry_out));
//!     if inputs.is_empty() {
//!         now = step.wake_at.map_or(now, |wake| wake.at); // a real host sleeps until then
//!     }
//! }
//! assert_eq!(machine.status().phase, Phase::Checking);
//! ```
//! Saves are made durable in the order in which they are handed out; everything else may be
//! answered in any order. See `docs/host-guide.md`.
//!
//! # Map
//! | module | what it owns |
//! |---|---|
//! | `machine` | routes an input to its owner, gathers one step |
//! | `admit`, `end`, `wake` | what is refused, how it ends, when to come back |
//! | `check` | plan, rights, bindings |
//! | `round`, `dispatch`, `answers` | what goes into a batch, what became of it, what each answer changes |
//! | `clock`, `record` | the machine's own time and randomness; rows of the queue as records of objects |
//! | `lane` | the objects in hand: reserved, read, delivered, waiting, parked; what is to be cleared |
//! | `judge`, `handler` | verdicts; whether the user's code works at all |
//! | `retrieve`, `rule` | which calls read an object, and what they say of it |
//! | `sweep`, `orphans` | the search for reservations that nobody owns, and what it finds |
//! | `shared`, `verify` | several consumers: leases, and reading again before a clear |
//! | `evidence`, `probe` | whether somebody else is at work, whether a clear clears |
//! | `reserve`, `pace` | how much to reserve and when; how fast to call |
//! | `write`, `written` | the user's own writes, and what became of them |
//! | `ledger`, `journal` | what the host is to keep, and its encoding |
//! | `ordered`, `json`, `fingerprint` | maps and sets, JSON, and what stands for a text, each in little code |
//! | `wire` | the portal's formats: PHP's odd shapes end there |
//! | `defect` | a machine that is wrong in one known way, for the tests of the tests |
//! | `outer` | what a host's transport does with a call: functions without memory |
//!
//! The surface is in `config`, `input`, `step`, `change`, `notice`, `status`, `error`, `id`, `time`.
//!
//! Facts `F1` to `F35` in the documentation are those of `docs/protocol.md`.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice))]
#![cfg_attr(not(test), deny(clippy::unreachable, clippy::todo, clippy::unimplemented))]
#![cfg_attr(not(feature = "uniffi"), forbid(unsafe_code))]
// the glue that uniffi generates
#![cfg_attr(feature = "uniffi", allow(unsafe_code))]

#[cfg(feature = "uniffi")]
uniffi::setup_scaffolding!();

mod admit;
mod answers;
mod bindings;
mod change;
mod check;
mod clock;
mod config;
mod cycle;
mod defect;
mod deletion;
mod dispatch;
mod end;
mod error;
mod evidence;
mod failure;
mod fingerprint;
mod handler;
mod id;
mod idle;
mod input;
mod journal;
mod json;
mod judge;
mod lane;
mod ledger;
mod machine;
mod notice;
mod operating;
mod ordered;
mod orphans;
mod outer;
mod pace;
mod probe;
mod record;
mod reserve;
mod retrieve;
mod round;
mod rule;
mod search;
mod shared;
mod status;
mod step;
mod sweep;
#[cfg(test)]
mod tests;
mod time;
mod verify;
#[cfg(feature = "view")]
pub mod view;
mod wake;
mod wire;
mod write;
mod written;

pub use change::{
    Batch, Change, Complete, Judgement, NotAVerdict, Origin, State, Verdict, Verdicts,
};
pub use config::{
    BatchSize, Config, Consumers, Durability, Limits, Mode, OnReject, Retrieve, Retry, Until,
};
#[cfg(feature = "defect")]
pub use defect::Defect;
pub use error::{ConfigError, InvalidValue, Misuse};
pub use failure::Failure;
pub use id::{
    BatchId, CallId, Connector, EventName, MessageId, ObjectId, ProcessId, RecordId, SaveId,
    WriteId,
};
pub use input::{Input, Lost, NotSent, Redrive, Reply, SaveOutcome};
pub use journal::{JournalCondition, JournalContents, JournalEntry};
pub use machine::Machine;
pub use notice::{Evidence, Notice, Severity};
pub use outer::{is_expired, request_body, without_secrets, without_token};
pub use rule::{
    Absence, ManyMethod, OneMethod, Parent, Rule, UpdateMethod, WriteBack, why_not_written_back,
    write_back,
};
pub use status::{Counters, End, Phase, Status};
pub use step::{Call, Effect, Save, Step, Wake, WakeReason, WriteResult, Written};
pub use time::{Millis, Timestamp};
