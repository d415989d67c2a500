//! Randomness from one seed.

/// A stream of numbers (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

/// Mixes two numbers into one.
pub(crate) fn mix(one: u64, other: u64) -> u64 {
    Random(one ^ other.wrapping_mul(0x9e37_79b9_7f4a_7c15)).next()
}

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(mix(seed, 0x5eed))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`; 0 when there is nothing below it.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or(0)
    }

    /// From `first` to `last`.
    pub(crate) fn within(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last.saturating_sub(first) + 1)
    }

    /// As likely in each power of two.
    pub(crate) fn spread(&mut self, first: u64, last: u64) -> u64 {
        let octaves = u64::from(last.max(1).ilog2().saturating_sub(first.max(1).ilog2()));
        let low = first.max(1) << self.below(octaves + 1);
        self.within(low, (low * 2 - 1).min(last)).clamp(first, last)
    }

    /// True once in so many times.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let at = self.below(of.len() as u64);
        &of[usize::try_from(at).unwrap_or(0)]
    }
}
