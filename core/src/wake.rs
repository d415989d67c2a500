//! The one place that says when to come back.

use crate::clock::Moment;
use crate::machine::{Machine, PhaseState};
use crate::step::{Wake, WakeReason};
use crate::time::Millis;

impl Machine {
    /// The earliest thing that is due later than now.
    pub(crate) fn next_wake(&self) -> Option<Wake> {
        let now = self.now();
        let mut wakes: Vec<(Moment, WakeReason)> = Vec::new();
        let mut add = |at: Option<Moment>, reason| wakes.extend(at.map(|at| (at, reason)));
        match &self.phase {
            PhaseState::Closing(_) | PhaseState::Ended(_) => return None,
            PhaseState::Checking => {
                let since = self.check.not_a_portal.as_ref().map(|(since, _)| *since);
                add(
                    since.map(|at| at.plus(crate::dispatch::NOT_A_PORTAL)),
                    WakeReason::CallTimeout,
                );
            }
            PhaseState::Stopping { .. } => {
                add(self.next_held_write(), WakeReason::HeldWrite);
                add(self.stop_listens_until(), WakeReason::Stop);
                add(self.stop_waits_until(), WakeReason::Stop);
                add(self.stop_ends(), WakeReason::Stop);
            }
            PhaseState::Running => {
                add(self.next_held_write(), WakeReason::HeldWrite);
                add(self.lane.next_retry(), WakeReason::Retry);
                add(self.lane.next_rest(), WakeReason::Rest);
                add(self.handler.next_try(), WakeReason::Retry);
                add(self.handler.hangs_at(), WakeReason::Retry);
                add(Some(self.sweep.next()), WakeReason::Sweep);
                add(self.deletion.next_ripe(), WakeReason::Rest);
                add(Some(self.deletion.holds_until()), WakeReason::Sweep);
                add(Some(self.deletion.rests_until), WakeReason::BackOff);
                add(self.settle_by(), WakeReason::Settle);
                add(self.linger_ends(), WakeReason::Settle);
                add(Some(self.reserve.poll_at), WakeReason::Poll);
                let patience = self.reserve.patience_ends(self.handler.last_delivered);
                add((self.lane.delivered() > 0).then_some(patience), WakeReason::Poll);
            }
        }
        add(self.next_call_deadline(), WakeReason::CallTimeout);
        add(self.pace.next_method(now), WakeReason::Operating);
        // a request that is due is held back by the pace alone
        add(self.pace.next_request(now).map(|(at, _)| at), self.pace_reason(now));
        let (at, reason) = wakes.into_iter().filter(|(at, _)| *at > now).min()?;
        Some(Wake { at: self.book.clock.wall_at(at.max(now.plus(Millis(1)))), reason })
    }

    fn pace_reason(&self, now: Moment) -> WakeReason {
        self.pace.next_request(now).map_or(WakeReason::Bucket, |(_, reason)| reason)
    }
}
