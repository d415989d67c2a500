//! The end: by an emptied queue, by a stop, by a failure.

use crate::clock::Moment;
use crate::config::Until;
use crate::failure::Failure;
use crate::id::WriteId;
use crate::machine::{Machine, PhaseState};
use crate::notice::Notice;
use crate::ordered::Set;
use crate::status::End;
use crate::step::{Effect, WriteResult, Written};
use crate::time::Millis;

/// A running handler is waited for so long after `Stop`.
const STOP_WITHIN: Millis = Millis::seconds(30);
/// Calls that settle nothing are waited for so long after it.
const CALLS_AFTER_STOP: Millis = Millis::seconds(5);
/// What was judged is settled within this time after that.
const SETTLE_AFTER_STOP: Millis = Millis::seconds(30);

impl Machine {
    /// Nothing in hand, nothing to settle, nothing of the user's under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.lane.working() == 0
            && self.settle.is_empty()
            && self.handler.open.is_empty()
            && self.writes_settled()
            && self.rebind.due.is_empty()
            && self.deletion.is_empty()
    }

    /// Every write of the user's is answered, or held back by the breaker of cycles.
    fn writes_settled(&self) -> bool {
        self.writes.open_count() == self.held_writes(self.now()).count() as u64
    }

    /// Both lanes were seen empty after everything else, and a sweep after that found no orphan.
    pub(crate) fn has_seen_empty(&self) -> bool {
        self.reserve.has_seen_empty() && self.has_swept()
    }

    /// After an unknown outcome, only a sweep that began with or after the empty look counts.
    fn has_swept(&self) -> bool {
        let since = self.sweep.completed_from >= self.reserve.last_empty;
        self.sweep.completed > 0 && (self.reserve.last_unknown == 0 || since)
    }

    /// After an unknown outcome, the sweep may have waited for its method: what came meanwhile is seen
    /// by a look that is not older than the sweep.
    pub(crate) fn has_looked_with_sweep(&self) -> bool {
        self.reserve.last_unknown == 0
            || self.reserve.has_seen_empty_since(self.sweep.completed_from)
    }

    /// An emptied queue is swept once more before the end.
    pub(crate) fn is_last_sweep_due(&self) -> bool {
        let over = self.config.until == Until::Empty && self.is_idle();
        over && !self.sweep.is_running() && !self.has_seen_empty() && self.reserve.last_unknown > 0
    }

    pub(crate) fn end_if_over(&mut self, now: Moment) {
        let quiet = self.calls.is_empty() && !self.ledger.has_open();
        match &self.phase {
            PhaseState::Running => {
                let over = self.config.until == Until::Empty
                    && quiet
                    && self.is_idle()
                    && self.has_seen_empty()
                    && self.has_looked_with_sweep()
                    // what others hold comes back here if they die
                    && self.leases.is_empty()
                    && !self.sweep.is_running();
                if over {
                    self.wind_up(End::Empty);
                }
            }
            PhaseState::Stopping { since } => {
                let waited = since.plus(STOP_WITHIN) <= now;
                let judged = self.handler.open.is_empty() || waited;
                let settled =
                    self.settle.is_empty() && !self.lane.is_verifying() && self.writes_settled();
                // a call that only looks is not worth waiting for: the next start sweeps
                let answered = quiet || since.plus(CALLS_AFTER_STOP) <= now;
                let given_up = self.stop_ends().is_some_and(|end| end <= now);
                if given_up {
                    self.end(End::Stopped);
                } else if judged && settled && answered {
                    self.wind_up(End::Stopped);
                }
            }
            PhaseState::Closing(end) if !self.ledger.has_open() => {
                let end = end.clone();
                self.end(end);
            }
            PhaseState::Closing(_) | PhaseState::Checking | PhaseState::Ended(_) => {}
        }
    }

    /// Ends, after the journal was told that it knows every reservation, if it does.
    fn wind_up(&mut self, end: End) {
        // what a killed run has left is known after a sweep
        let swept = self.sweep.completed > 0 || self.ledger.left.is_none_or(|left| left.clean);
        let known = self.calls.is_empty()
            && self.ledger.is_opened
            && swept
            && !self.reserve.after_sweep
            && !self.sweep.is_to_look_again();
        if known && self.ledger.set_clean() {
            self.phase = PhaseState::Closing(end);
        } else {
            self.end(end);
        }
    }

    /// How many reserved records are known here: in work, parked, or waiting to be cleared.
    pub(crate) fn known_reserved(&self) -> u64 {
        let cleared = self.settle.ids().filter(|id| !self.lane.is_in_hand(*id)).count();
        self.lane.reserved_in_hand() + cleared as u64
    }

    /// When a stop no longer waits for calls that settle nothing.
    pub(crate) fn stop_listens_until(&self) -> Option<Moment> {
        self.stopping_since().map(|since| since.plus(CALLS_AFTER_STOP))
    }

    fn stopping_since(&self) -> Option<Moment> {
        match &self.phase {
            PhaseState::Stopping { since } => Some(*since),
            PhaseState::Checking
            | PhaseState::Running
            | PhaseState::Closing(_)
            | PhaseState::Ended(_) => None,
        }
    }

    /// When a stop no longer waits for the user's code.
    pub(crate) fn stop_waits_until(&self) -> Option<Moment> {
        self.stopping_since().map(|since| since.plus(STOP_WITHIN))
    }

    /// When a stop no longer waits for anything.
    pub(crate) fn stop_ends(&self) -> Option<Moment> {
        self.stop_waits_until().map(|at| at.plus(SETTLE_AFTER_STOP))
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        if matches!(self.phase, PhaseState::Ended(_)) {
            return;
        }
        self.notice(Notice::Failed(failure.clone()));
        self.end(End::Failed(failure));
    }

    fn end(&mut self, end: End) {
        let held: Set<WriteId> = self.held_writes(self.now()).map(|(_, write)| write).collect();
        for (write, sent) in self.writes.drain() {
            let why = match held.contains(&write) {
                true => {
                    "its object goes round in a cycle: it was held back, and the machine has ended"
                }
                false => "the machine has ended before it was sent",
            };
            let why = why.to_owned();
            let result = if sent { WriteResult::Unknown } else { WriteResult::NotSent { why } };
            self.effect(Effect::Written(Written { write, result }));
        }
        self.phase = PhaseState::Ended(end);
    }
}
