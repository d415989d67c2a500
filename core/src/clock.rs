//! Bookkeeping that decides nothing: the machine's own time and its randomness.

use crate::time::{Millis, Timestamp};

/// A moment of the machine's own time: milliseconds since `open` that only ever grow, whatever
/// the host's clock does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Moment(pub(crate) u64);

impl Moment {
    pub(crate) fn plus(self, span: Millis) -> Moment {
        Moment(self.0.saturating_add(span.0))
    }

    pub(crate) fn until(self, later: Moment) -> Millis {
        Millis(later.0.saturating_sub(self.0))
    }
}

/// Follows the host's clock: a jump back counts as no time at all.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    wall: Timestamp,
    moment: Moment,
}

impl Clock {
    pub(crate) fn new(now: Timestamp) -> Clock {
        Clock { wall: now, moment: Moment(0) }
    }

    pub(crate) fn advance(&mut self, now: Timestamp) {
        self.moment = self.moment.plus(now.since(self.wall));
        self.wall = now;
    }

    pub(crate) fn now(&self) -> Moment {
        self.moment
    }

    pub(crate) fn wall(&self) -> Timestamp {
        self.wall
    }

    /// When the host's clock will show this moment.
    pub(crate) fn wall_at(&self, moment: Moment) -> Timestamp {
        self.wall.plus(self.moment.until(moment))
    }
}

/// SplitMix64: small, the same on every host, good enough for jitter.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    #[cfg(test)]
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// The span, up to a quarter longer or shorter.
    pub(crate) fn jitter(&mut self, span: Millis) -> Millis {
        let width = span.0 / 2;
        if width == 0 {
            return span;
        }
        Millis(span.0.saturating_sub(width / 2).saturating_add(self.next() % width.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_back_stands_still() {
        let mut clock = Clock::new(Timestamp(10_000));
        clock.advance(Timestamp(12_000));
        clock.advance(Timestamp(1_000));
        assert_eq!(clock.now(), Moment(2_000));
        assert_eq!(clock.wall_at(Moment(2_500)), Timestamp(1_500));
    }

    #[test]
    fn jitter_stays_within_a_quarter() {
        let mut random = Random::new(7);
        for _ in 0..1_000 {
            let span = random.jitter(Millis(1_000)).0;
            assert!((750..1_250).contains(&span), "{span}");
        }
        assert_eq!(random.jitter(Millis(1)), Millis(1));
    }
}
