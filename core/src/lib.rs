//! The machine that drains the offline-event queue of a Bitrix24 portal without losing anything:
//! one synchronous state machine that does no I/O. Every host carries out what it says.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod admit;
mod answers;
mod change;
mod check;
mod clock;
mod config;
mod dispatch;
mod end;
mod error;
mod handler;
mod id;
mod input;
mod journal;
mod judge;
mod lane;
mod ledger;
mod machine;
mod notice;
mod pace;
mod record;
mod reserve;
mod retrieve;
mod round;
mod rule;
mod status;
mod step;
mod sweep;
mod time;
mod wake;
mod wire;
mod write;

pub use change::{Batch, Change, Judgement, NotAVerdict, Origin, State, Verdict, Verdicts};
pub use config::{
    BatchSize, Config, Consumers, Durability, Limits, Mode, OnReject, Retrieve, Retry, Until,
};
pub use error::{ConfigError, InvalidValue, Misuse};
pub use id::{
    BatchId, CallId, Connector, EventName, MessageId, ObjectId, ProcessId, RecordId, SaveId,
    WriteId,
};
pub use input::{Input, Lost, NotSent, Redrive, Reply, SaveOutcome};
pub use journal::{JournalCondition, JournalContents, JournalEntry};
pub use machine::Machine;
pub use notice::{Failure, Notice, Severity};
pub use rule::{ManyMethod, OneMethod, Parent, Rule, UpdateMethod, WriteBack, write_back};
pub use status::{Counters, End, Phase, Status};
pub use step::{Call, Effect, Save, Step, Wake, WakeReason, WriteResult, Written};
pub use time::{Millis, Timestamp};
