//! The portal's clock: the machine's, shifted or stopped by the control API.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// How the portal's clock runs. Times are milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Clock {
    /// Milliseconds added to the machine's clock, and to `frozen`: turning the clock forward means raising this.
    pub offset: u64,
    /// The time at which the clock stands still; `null` lets it run.
    pub frozen: Option<u64>,
}

impl Clock {
    /// A clock that stands still until it is turned.
    pub fn standing_at(milliseconds: u64) -> Clock {
        Clock { offset: 0, frozen: Some(milliseconds) }
    }

    /// The portal's time now.
    pub fn now(&self) -> u64 {
        self.frozen.unwrap_or_else(machine_time).saturating_add(self.offset)
    }
}

/// The machine's own time, never before 1970.
fn machine_time() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_clock_moves_only_when_turned() {
        let mut clock = Clock::standing_at(1_000);
        assert_eq!(clock.now(), 1_000);
        clock.offset = 500;
        assert_eq!(clock.now(), 1_500);
    }

    #[test]
    fn a_running_clock_is_the_machine_s_plus_the_offset() {
        let ahead = Clock { offset: 86_400_000, frozen: None };
        let before = machine_time();
        assert!(ahead.now() >= before + 86_400_000);
        assert!(ahead.now() <= machine_time() + 86_400_000);
    }
}
