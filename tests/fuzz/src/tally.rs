//! What became of the inputs of one decoder.

use serde::{Deserialize, Serialize};

use crate::memory::{EACH, FLOOR, measured};

/// Sums over inputs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) inputs: u64,
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    /// The most memory that one input took, in bytes.
    pub(crate) peak: usize,
    /// The largest input, in bytes.
    pub(crate) longest: usize,
    /// The most memory beyond the floor for each byte of an input.
    pub(crate) each: f64,
    pub(crate) seconds: f64,
}

impl Tally {
    /// Lets a decoder work on an input of `size` bytes.
    ///
    /// # Errors
    /// When it takes more memory than an input of this size may.
    pub(crate) fn weigh<T>(&mut self, size: usize, work: impl FnOnce() -> T) -> Result<T, String> {
        let (result, cost) = measured(work);
        self.peak = self.peak.max(cost.peak);
        self.longest = self.longest.max(size);
        let beyond = cost.peak.saturating_sub(FLOOR) as f64 / size.max(1) as f64;
        self.each = self.each.max(beyond);
        if cost.peak > FLOOR + EACH * size {
            return Err(format!("an input of {size} bytes took {} bytes", cost.peak));
        }
        Ok(result)
    }

    /// Counts an input.
    pub(crate) fn count(&mut self, accepted: bool) {
        self.inputs += 1;
        if accepted {
            self.accepted += 1;
        } else {
            self.refused += 1;
        }
    }

    pub(crate) fn add(&mut self, other: &Tally) {
        self.inputs += other.inputs;
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.peak = self.peak.max(other.peak);
        self.longest = self.longest.max(other.longest);
        self.each = self.each.max(other.each);
        self.seconds += other.seconds;
    }
}
