//! When to look at the queue, and how many records to reserve at once.

use crate::clock::Moment;
use crate::config::BatchSize;
use crate::idle::Idle;
use crate::lane::Lane;
use crate::time::Millis;

/// The first size of the adaptive kind.
const FIRST: u32 = 500;
/// 45 lists of 50 objects fill a batch beside everything else that goes into it.
const MOST: u32 = 2_250;
/// A failing portal does not shrink a reservation below this.
const LEAST: u32 = 20;
/// The error lane is looked at in portions of this size.
const ERRORS: u32 = 50;
/// A request is to take the portal no longer than this.
const TARGET: Millis = Millis::seconds(5);
/// So long a batch with the user's code keeps the next reservation from being a small one.
const PATIENCE: Millis = Millis::seconds(5);

/// What is known of the queue's fill, and the size of the next reservation.
#[derive(Debug, Clone)]
pub(crate) struct Reserve {
    size: u32,
    most: u32,
    adapts: bool,
    /// So many objects the portal reads within the target, as far as is known.
    within: u32,
    /// The last look filled its limit in some lane: there is more.
    pub(crate) backlog: bool,
    pub(crate) poll_at: Moment,
    pub(crate) nudged: bool,
    pub(crate) idle: Idle,
    /// The outcome of a `get` is unknown: the sweep looks first.
    pub(crate) after_sweep: bool,
    /// Rounds by number, for the end of an emptied queue (`end`).
    pub(crate) last_unknown: u64,
    pub(crate) last_busy: u64,
    pub(crate) last_empty: u64,
    /// The latest look that found nothing; `last_empty` is the first of several in a row.
    latest_empty: u64,
}

/// How many records to reserve in each lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) fresh: u32,
    pub(crate) errored: u32,
}

impl Limits {
    /// One record to try the user's code with.
    pub(crate) const ONE: Limits = Limits { fresh: 1, errored: 1 };
    /// A look at the error lane alone, for objects that have rested.
    pub(crate) const ERRORED: Limits = Limits { fresh: 0, errored: ERRORS };
}

impl Reserve {
    pub(crate) fn new(size: BatchSize) -> Reserve {
        let (size, most, adapts) = match size {
            BatchSize::Adaptive => (FIRST, MOST, true),
            BatchSize::Fixed(size) => (size, size, false),
        };
        Reserve {
            size,
            most,
            adapts,
            within: most,
            backlog: false,
            poll_at: Moment(0),
            nudged: false,
            idle: Idle::new(),
            after_sweep: false,
            last_unknown: 0,
            last_busy: 0,
            last_empty: 0,
            latest_empty: 0,
        }
    }

    /// At most so many changes in one delivery: four hanging ones fill what is held.
    pub(crate) fn delivery_size(&self) -> u32 {
        self.size.div_ceil(2).max(1)
    }

    /// How much may be reserved now; two reservations are held at most. `waited` since the user's
    /// code last got something.
    /// `held_back` records wait for a method that the portal does not let be called.
    /// `deleting` records are on their way out of the queue.
    pub(crate) fn limits(
        &self,
        lane: &Lane,
        deleting: u64,
        held_back: u64,
        waited: Millis,
    ) -> Option<Limits> {
        let bound = u64::from(self.size) * 2;
        let busy = lane.busy_records().saturating_add(deleting);
        let room = bound.saturating_sub(busy.saturating_sub(held_back));
        let idle_bound = (u64::from(self.size) * 8).max(1_000);
        if room == 0 || lane.idle_records() + held_back >= idle_bound {
            return None;
        }
        let small = room < u64::from(self.size.div_ceil(2));
        if small && lane.delivered() > 0 && waited < PATIENCE {
            return None;
        }
        let fresh = u32::try_from(room).unwrap_or(u32::MAX).min(self.size);
        Some(Limits { fresh, errored: fresh.min(ERRORS) })
    }

    /// A write was perhaps executed: what answers to it on the portal is looked for soon.
    pub(crate) fn wrote(&mut self, poll: Millis, now: Moment) {
        self.idle.wrote(now);
        self.poll_at = self.poll_at.min(now.plus(poll));
    }

    /// Both lanes were seen empty in this round: counts from the first time since anything happened.
    pub(crate) fn saw_empty(&mut self, round: u64) {
        if !self.has_seen_empty() {
            self.last_empty = round;
        }
        self.latest_empty = round;
    }

    /// Whether both lanes were seen empty in this round or after it.
    pub(crate) fn has_seen_empty_since(&self, round: u64) -> bool {
        self.latest_empty >= round
    }

    /// Whether both lanes were seen empty after everything else.
    pub(crate) fn has_seen_empty(&self) -> bool {
        let look = self.last_empty;
        look > 0 && look > self.last_unknown && look >= self.last_busy
    }

    /// When a small reservation is made after all.
    pub(crate) fn patience_ends(&self, last_delivered: Moment) -> Moment {
        last_delivered.plus(PATIENCE)
    }

    /// A reservation as large as was asked for was made in a request that took the portal so long.
    pub(crate) fn filled(&mut self, took: Millis) {
        if took < Millis(TARGET.0 / 2) {
            self.size = self.size.saturating_mul(2).min(self.within);
        }
    }

    /// A request that read so many objects took the portal so long: no more are reserved from now on than it
    /// reads within the target.
    pub(crate) fn took(&mut self, objects: usize, took: Millis) {
        let objects = objects as u64;
        if !self.adapts || objects <= u64::from(LEAST) {
            return;
        }
        if took > TARGET {
            let within = objects.saturating_mul(TARGET.0) / took.0;
            self.within = u32::try_from(within).unwrap_or(u32::MAX).max(LEAST);
            self.size = self.size.min(self.within);
        } else if took < Millis(TARGET.0 / 2) && objects >= u64::from(self.within / 2) {
            self.within = self.within.saturating_mul(2).min(self.most);
        }
    }

    pub(crate) fn shrink(&mut self) {
        self.size = (self.size / 2).max(LEAST.min(self.most));
    }
}

#[cfg(feature = "view")]
#[path = "view/reserve.rs"]
mod view;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_answers_let_the_size_grow_and_failures_let_it_shrink_within_bounds() {
        let mut reserve = Reserve::new(BatchSize::Adaptive);
        reserve.filled(Millis(2_500));
        assert_eq!((reserve.size, reserve.delivery_size()), (FIRST, FIRST / 2));
        reserve.filled(Millis(2_499));
        assert_eq!(reserve.size, 2 * FIRST);
        for _ in 0..9 {
            reserve.filled(Millis(0));
        }
        assert_eq!(reserve.size, MOST);
        reserve.shrink();
        assert_eq!(reserve.size, MOST / 2);
        for _ in 0..9 {
            reserve.shrink();
        }
        assert_eq!(reserve.size, LEAST);
        // a fixed size that is smaller is never exceeded
        let mut reserve = Reserve::new(BatchSize::Fixed(3));
        reserve.filled(Millis(0));
        reserve.shrink();
        assert_eq!((reserve.size, reserve.delivery_size()), (3, 2));
    }

    #[test]
    fn a_portal_that_became_slow_gets_smaller_requests_unless_their_size_is_fixed() {
        let mut reserve = Reserve::new(BatchSize::Adaptive);
        // few objects, or no more than the target
        reserve.took(LEAST as usize, Millis(60_000));
        reserve.took(FIRST as usize, TARGET);
        assert_eq!(reserve.size, FIRST);
        // reservations from before are larger, and tell the same
        for objects in [1_000, 500, 2_000] {
            reserve.took(objects, Millis(objects as u64 * 20));
            assert_eq!(reserve.size, 250);
        }
        // looking at the queue is quick, but that tells nothing of reading
        reserve.filled(Millis(0));
        assert_eq!(reserve.size, 250);
        reserve.took(124, Millis(2_499));
        reserve.took(125, Millis(2_500));
        assert_eq!(reserve.within, 250);
        reserve.took(125, Millis(2_499));
        reserve.filled(Millis(0));
        assert_eq!(reserve.size, 500);
        reserve.took(21, Millis(60_000));
        assert_eq!((reserve.size, reserve.within), (LEAST, LEAST));
        for _ in 0..9 {
            reserve.took(MOST as usize, Millis(0));
            reserve.filled(Millis(0));
        }
        assert_eq!((reserve.size, reserve.within), (MOST, MOST));
        let mut reserve = Reserve::new(BatchSize::Fixed(100));
        reserve.took(100, Millis(60_000));
        assert_eq!(reserve.size, 100);
    }

    #[test]
    fn records_on_their_way_out_take_room_and_those_held_back_do_not() {
        let (reserve, lane) = (Reserve::new(BatchSize::Fixed(100)), Lane::default());
        let limits = |deleting, held_back| {
            let limits = reserve.limits(&lane, deleting, held_back, Millis(0));
            limits.map(|limits| (limits.fresh, limits.errored))
        };
        assert_eq!(limits(0, 0), Some((100, 50)));
        assert_eq!(limits(170, 0), Some((30, 30)));
        assert_eq!((limits(199, 0), limits(200, 0)), (Some((1, 1)), None));
        assert_eq!(limits(250, 70), Some((20, 20)));
        assert_eq!((limits(999, 999), limits(1_000, 1_000)), (Some((100, 50)), None));
        let reserve = Reserve::new(BatchSize::Fixed(2_250));
        assert!(reserve.limits(&lane, 0, 17_999, Millis(0)).is_some());
        assert!(reserve.limits(&lane, 0, 18_000, Millis(0)).is_none());
    }

    #[test]
    fn the_queue_is_empty_after_a_look_behind_everything_else() {
        let mut reserve = Reserve::new(BatchSize::Adaptive);
        assert!(!reserve.has_seen_empty());
        reserve.saw_empty(5);
        reserve.saw_empty(7);
        assert_eq!((reserve.has_seen_empty(), reserve.last_empty), (true, 5));
        reserve.last_busy = 5;
        assert!(reserve.has_seen_empty());
        reserve.last_busy = 6;
        assert!(!reserve.has_seen_empty());
        reserve.saw_empty(7);
        assert!(reserve.has_seen_empty());
        reserve.last_unknown = 7;
        assert!(!reserve.has_seen_empty());
        assert_eq!(reserve.patience_ends(Moment(1)), Moment(5_001));
    }
}
