//! How the machine is doing: cheap to ask for at any time.

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// A snapshot of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct Status {
    /// What the machine is at.
    pub phase: Phase,
    /// Records known to wait in the queue when it was last looked at; `None` before the first look.
    pub waiting: Option<u64>,
    /// Objects in hand: taken from the queue, or about to be, and not yet done or parked.
    pub held: u64,
    /// Objects with the user's code right now.
    pub delivering: u64,
    /// Objects that wait for a person or for a later change.
    pub parked: u64,
    /// Writes of the user's that are not answered yet.
    pub writes_open: u64,
    /// Sums since `open`.
    pub counters: Counters,
}

/// What the machine is at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Phase {
    /// Plan, rights and bindings are being checked.
    Checking,
    /// The queue is being drained.
    Running,
    /// The user's code has failed wholly several times: one change at a time is tried.
    HandlerDown,
    /// After `Stop`: what was judged is being settled.
    Stopping,
    /// Nothing more will happen; every further input is a misuse.
    Ended(End),
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum End {
    /// The queue was empty, and `Until::Empty` was asked for.
    Empty,
    /// `Stop` was given.
    Stopped,
    /// It can't go on without a person.
    Failed(Failure),
}

impl End {
    /// The exit code of the `listen` programs: 0 for an end that was asked for.
    ///
    /// ```
    /// use b24_offline_core::{End, Failure};
    /// assert_eq!(End::Empty.exit_code(), 0);
    /// assert_eq!(End::Failed(Failure::NotAdministrator).exit_code(), 4);
    /// ```
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            End::Empty | End::Stopped => 0,
            End::Failed(failure) => failure.exit_code(),
        }
    }
}

/// Sums since `open`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct Counters {
    /// Requests handed out.
    pub requests: u64,
    /// Sub-calls inside them.
    pub sub_calls: u64,
    /// Records taken from the queue, by reservation or adoption.
    pub records: u64,
    /// Changes handed to the user's code, each attempt counted.
    pub delivered: u64,
    /// Changes judged done.
    pub done: u64,
    /// Verdicts that asked for another attempt.
    pub retried: u64,
    /// Changes that were rejected or used up their attempts.
    pub rejected: u64,
    /// Records adopted from reservations that nobody owned.
    pub adopted: u64,
    /// Records found in the error lane.
    pub recovered: u64,
    /// Calls whose outcome is not known.
    pub unknown: u64,
    /// Requests refused by the portal's bucket.
    pub refused: u64,
    /// Sweeps completed.
    pub sweeps: u64,
    /// Writes of the user's that the portal executed.
    pub written: u64,
}
