//! The promises, by their names, and how one was broken.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A promise of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Law {
    /// A call deletes a record only if state at least as new as its last change was judged done, or
    /// is in the journal.
    NoEarlyDelete,
    /// Each `clear` and `error` lists just the records judged, one kind of key.
    ClearByName,
    /// Keys and process_id are durable before the handler sees the change, or `error` is sent.
    WriteAhead,
    /// One delivery per object at a time; a target never goes back to an older state.
    NoRegress,
    /// In the end both lanes are empty or parked, and the target is equal to the portal.
    Converge,
    /// No unknown reservation outlives the sweep period and 60 s.
    OrphanBound,
    /// Every errored object is delivered again or parked; `error` only by the rule.
    BothLanes,
    /// No decision assumes that a timed-out call did not run.
    LateSafe,
    /// Nothing is lost by a reserved record's age.
    AgeSafe,
    /// Nothing is lost by a plan that changes.
    PlanSafe,
    /// The idempotency key differs for each change and is the same for each redelivery.
    EffectOnce,
    /// Every queue call and write carries the connector, on the outer call only.
    Connector,
    /// A poison or hanging change delays no other object and is never dropped silently.
    Isolation,
    /// Never above the bucket; nothing of a method before its reset; 503 backs off.
    Polite,
    /// Whatever comes, the machine answers, and takes what it asked for.
    Total,
    /// The journal holds what is in flight and what is parked.
    Lean,
    /// Lost bindings are noticed, bound again and reported.
    GapSeen,
    /// A change is delivered within the poll interval and what the backlog takes.
    Stale,
}

/// How a promise was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breach {
    pub(crate) law: Law,
    pub(crate) what: String,
}

impl Breach {
    pub(crate) fn new(law: Law, what: impl Into<String>) -> Breach {
        Breach { law, what: what.into() }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.law, self.what)
    }
}
