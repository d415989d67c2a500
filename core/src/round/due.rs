//! When a round is due, and how much of the queue it may take.

use super::{LINGER, SETTLE_WITHIN};
use crate::clock::Moment;
use crate::config::Until;
use crate::machine::Machine;
use crate::reserve::Limits;
use crate::retrieve;

impl Machine {
    /// Whether anything is readable right now.
    fn has_reads(&self, now: Moment) -> bool {
        let limited = |method: &str| self.pace.is_limited(method, now);
        self.lane.has_unread()
            && self.suspect.is_none()
            && !retrieve::plan(
                &self.lane,
                &self.registry,
                self.config.retrieve,
                1,
                1_000,
                false,
                &limited,
            )
            .is_empty()
    }

    pub(crate) fn get_limits(&self, now: Moment) -> Option<Limits> {
        let method = if self.is_deleting() { "event.offline.list" } else { "event.offline.get" };
        let listed = !self.deletion.is_through() || !self.knows_no_old(now);
        let sweeps_first = self.reserve.after_sweep && !self.sweeps_no_more();
        let rests = self.deletion.rests_until > now;
        if sweeps_first || listed || rests || !self.ledger.is_opened || !self.may(method) {
            return None;
        }
        let looks = !self.handler.is_down() && self.lane.is_looking();
        // what has rested is looked for whatever else is in hand
        self.room(now).or_else(|| looks.then_some(Limits::ERRORED))
    }

    /// How many records may be taken into hand besides those that are.
    pub(crate) fn room(&self, now: Moment) -> Option<Limits> {
        if self.handler.is_down() {
            // nothing new, unless there is nothing left to try the user's code with
            let tries = self.lane.has_something_to_try() || self.handler.is_trying(now);
            return (!tries).then_some(Limits::ONE);
        }
        let waited = self.handler.last_delivered.until(now);
        let aside = self.held_back(now);
        self.reserve.limits(&self.lane, self.deletion.len(), aside, waited)
    }

    /// How many objects can't be read because their method may not be called now.
    fn held_back(&self, now: Moment) -> u64 {
        if !self.pace.blocks_any(now) {
            return 0;
        }
        let limited = |method: &str| self.pace.is_blocked(method, now);
        let readings = retrieve::plan(
            &self.lane,
            &self.registry,
            self.config.retrieve,
            usize::MAX,
            usize::MAX,
            false,
            &limited,
        );
        let readable: usize = readings.iter().map(|reading| reading.keys().len()).sum();
        (self.lane.unread().count() as u64).saturating_sub(readable as u64)
    }

    /// Whether the queue is to be looked at now.
    fn is_get_due(&self, now: Moment) -> bool {
        let wanted = self.reserve.backlog
            || self.reserve.nudged
            || self.reserve.poll_at <= now
            || self.lane.is_looking()
            || self.is_last_look_due();
        wanted && self.get_limits(now).is_some()
    }

    /// An emptied queue is looked at once more before the end.
    pub(crate) fn is_last_look_due(&self) -> bool {
        let seen = self.reserve.has_seen_empty();
        let old = self.has_seen_empty() && !self.has_looked_with_sweep();
        self.config.until == Until::Empty && self.is_idle() && (!seen || old)
    }

    pub(super) fn is_round_due(&self, now: Moment) -> bool {
        let sweeps = (self.sweep.is_due(now) || self.is_last_sweep_due()) && !self.sweeps_no_more();
        let hot = (sweeps && self.may("event.offline.list"))
            || (self.is_oldest_due(now) && self.may("event.offline.list"))
            || (self.deletion.is_due() && self.may("event.offline.get"))
            || (self.lane.errors_due().next().is_some() && self.may("event.offline.error"))
            || (!self.rebind.due.is_empty() && self.may("event.bind"))
            || self.suspect_ask().is_some()
            || self.next_write(now).is_some_and(|write| write.batched);
        if hot {
            return true;
        }
        let due = self.is_get_due(now) || self.has_reads(now) || self.is_settle_due(now);
        due && self.linger_ends().is_none_or(|end| end <= now)
    }

    /// Verdicts that come soon are settled in the same round.
    pub(crate) fn linger_ends(&self) -> Option<Moment> {
        let delivering = self.lane.delivered() > 0;
        delivering.then(|| self.handler.last_delivered.plus(LINGER))
    }

    fn is_settle_due(&self, now: Moment) -> bool {
        let over = self.config.until == Until::Empty && self.lane.working() == 0;
        self.may("event.offline.clear") && self.settle_by().is_some_and(|by| over || by <= now)
    }

    pub(crate) fn settle_by(&self) -> Option<Moment> {
        let within = SETTLE_WITHIN.min(self.config.poll);
        self.settle.since().map(|since| since.plus(within))
    }
}
