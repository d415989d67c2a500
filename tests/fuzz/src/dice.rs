//! Chance that can be repeated.

/// A generator: the same seed gives the same throws.
#[derive(Debug, Clone)]
pub(crate) struct Dice(fastrand::Rng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(fastrand::Rng::with_seed(seed))
    }

    /// A generator for one thing of many.
    pub(crate) fn of(seed: u64, which: u64, number: u64) -> Dice {
        let mut first = Dice::new(seed ^ which.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mixed = first.word();
        Dice::new(mixed ^ number.wrapping_mul(0xd1b5_4a32_d192_ed03))
    }

    pub(crate) fn word(&mut self) -> u64 {
        self.0.u64(..)
    }

    /// A number below `end`, which is at least 1.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0.usize(..end.max(1))
    }

    /// A number from 0 to `most`, small ones more often.
    pub(crate) fn few(&mut self, most: usize) -> usize {
        let within = self.below(most + 1);
        self.below(within + 1)
    }

    /// Whether one of so many throws hits.
    pub(crate) fn one_in(&mut self, throws: usize) -> bool {
        self.below(throws) == 0
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}
