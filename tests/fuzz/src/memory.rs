//! How much memory a decoder takes beyond what there was.

use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// So many bytes an input may cost whatever its size is.
pub(crate) const FLOOR: usize = 256 * 1024;
/// So many bytes each byte of an input may cost.
pub(crate) const EACH: usize = 160;

/// What one input cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    /// Bytes at the worst moment, beyond those before.
    pub(crate) peak: usize,
}

/// Runs `work` and counts. This program has one thread, so all of it is the work's.
pub(crate) fn measured<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let result = work();
    let peak = MEMORY.peak_usage().saturating_sub(before);
    (result, Cost { peak })
}
