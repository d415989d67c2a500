//! Time for the drive loop.

use std::future::Future;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use b24_offline_core::Timestamp;

/// Where the drive loop gets its time from.
pub trait Clock: Send + Sync + 'static {
    /// The present time.
    fn now(&self) -> Timestamp;

    /// Returns when `at` has come, or earlier: a tick too early does no harm.
    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send;
}

/// The system's wall clock.
///
/// A sleep ends early when the clock was set or the machine was suspended, so that nothing waits
/// for a time that has moved.
///
/// ```
/// use b24_offline::{Clock, SystemClock};
/// assert!(SystemClock.now().0 > 1_700_000_000_000);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// How often a long sleep looks at the wall clock.
const SLICE: Duration = Duration::from_secs(10);

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    async fn sleep_until(&self, at: Timestamp) {
        loop {
            let (wall, began) = (self.now(), Instant::now());
            let left = Duration::from_millis(at.since(wall).0);
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(SLICE)).await;
            let expected = wall.0.saturating_add(millis(began.elapsed()));
            if self.now().0.abs_diff(expected) > 1_000 {
                return;
            }
        }
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleep_ends_at_its_time() {
        let at = SystemClock.now().plus(b24_offline_core::Millis(20));
        SystemClock.sleep_until(at).await;
        assert!(SystemClock.now() >= at);
        SystemClock.sleep_until(Timestamp(0)).await;
    }
}
