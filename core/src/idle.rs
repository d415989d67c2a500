//! How long the queue is left alone while nothing comes and nothing is written.

use crate::clock::Moment;
use crate::time::Millis;

/// After so many times the poll interval at most the queue is looked at again…
const MOST_POLLS: u64 = 6;
/// …and after this time, if the interval itself is not longer.
const LONGEST: Millis = Millis::seconds(60);
/// The same where a nudge comes with the changes: the looks between are for those that were missed.
const LONGEST_NUDGED: Millis = Millis::seconds(300);
/// The part of the idle time after which the queue is looked at again.
const PART: u64 = 8;
const PART_NUDGED: u64 = 2;

/// Since when nothing has come, and whether changes announce themselves.
#[derive(Debug, Clone)]
pub(crate) struct Idle {
    since: Moment,
    /// The last look that has found something came from a nudge.
    announced: bool,
    /// The look that is on its way came from one.
    pub(crate) by_nudge: bool,
}

impl Idle {
    pub(crate) const fn new() -> Idle {
        Idle { since: Moment(0), announced: false, by_nudge: false }
    }

    /// A look has found something.
    pub(crate) fn found(&mut self, now: Moment) {
        self.since = now;
        self.announced = self.by_nudge;
    }

    /// A write of ours is as good a reason to expect something.
    pub(crate) fn wrote(&mut self, now: Moment) {
        self.since = now;
    }

    /// The span to the next look, before its jitter: the poll interval, longer the longer nothing has
    /// come.
    pub(crate) fn span(&self, poll: Millis, now: Moment) -> Millis {
        let (part, longest) = if self.announced {
            (PART_NUDGED, LONGEST_NUDGED)
        } else {
            (PART, LONGEST.min(Millis(poll.0.saturating_mul(MOST_POLLS))))
        };
        Millis(self.since.until(now).0 / part).min(longest).max(poll)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLL: Millis = Millis(5_000);

    #[test]
    fn the_longer_nothing_comes_the_longer_the_queue_is_left_alone() {
        let mut idle = Idle::new();
        let spans = [0, 40_000, 80_000, 240_000, 9_000_000].map(|at| idle.span(POLL, Moment(at)).0);
        assert_eq!(spans, [5_000, 5_000, 10_000, 30_000, 30_000]);
        idle.found(Moment(9_000_000));
        assert_eq!(idle.span(POLL, Moment(9_000_000)), POLL);
    }

    #[test]
    fn it_is_a_minute_at_most_but_never_less_than_what_was_asked_for() {
        let idle = Idle::new();
        let spans = [15_000, 59_000, 61_000, 3_600_000]
            .map(|poll| idle.span(Millis(poll), Moment(86_400_000)).0);
        assert_eq!(spans, [60_000, 60_000, 61_000, 3_600_000]);
        assert_eq!(idle.span(Millis(u64::MAX), Moment(u64::MAX)), Millis(u64::MAX));
    }

    #[test]
    fn where_nudges_announce_changes_it_is_five_minutes() {
        let mut idle = Idle { by_nudge: true, ..Idle::new() };
        idle.found(Moment(0));
        let spans = [0, 20_000, 600_000, 9_000_000].map(|at| idle.span(POLL, Moment(at)).0);
        assert_eq!(spans, [5_000, 10_000, 300_000, 300_000]);
        // a look without a nudge has found something: they can't be relied upon
        idle.by_nudge = false;
        idle.found(Moment(9_000_000));
        assert_eq!(idle.span(POLL, Moment(18_000_000)), Millis(30_000));
    }
}
