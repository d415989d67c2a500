//! The leaky bucket (F29) and the operating counters (F30).

use std::collections::{BTreeMap, VecDeque};

use crate::settings::Limits;

/// A basket of run time lasts this long, counted from its first call.
const BASKET_LIFE_MS: u64 = 600_000;

/// Counts requests of one source address. It leaks once a second, counted from the first request; when the level
/// exceeds the threshold, the following request is blocked. A blocked request does not count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bucket {
    level: u64,
    leaked_at: u64,
}

impl Bucket {
    /// Whether a request may pass.
    pub(crate) fn admit(&mut self, limits: Limits, now: u64) -> bool {
        let (leak, threshold) = match limits {
            Limits::Standard => (2, 50),
            Limits::Enterprise => (5, 250),
            Limits::Off => return true,
        };
        if self.level == 0 {
            self.leaked_at = now;
        }
        let seconds = now.saturating_sub(self.leaked_at) / 1_000;
        self.level = self.level.saturating_sub(seconds * leak);
        self.leaked_at += seconds * 1_000;
        if self.level > threshold {
            return false;
        }
        self.level += 1;
        true
    }
}

#[derive(Clone, Debug)]
struct Basket {
    began: u64,
    spent_ms: u64,
}

/// The run time of each method.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters(BTreeMap<String, VecDeque<Basket>>);

impl Counters {
    /// Milliseconds that count at `now`.
    pub(crate) fn spent(&mut self, method: &str, now: u64) -> u64 {
        let Some(baskets) = self.0.get_mut(method) else { return 0 };
        while baskets.front().is_some_and(|basket| basket.began + BASKET_LIFE_MS <= now) {
            baskets.pop_front();
        }
        baskets.iter().map(|basket| basket.spent_ms).sum()
    }

    /// Charges a call that began at `now`: a minute of the clock has one basket.
    pub(crate) fn charge(&mut self, method: &str, now: u64, milliseconds: u64) {
        let baskets = self.0.entry(method.to_owned()).or_default();
        match baskets.back_mut() {
            Some(basket) if basket.began / 60_000 == now / 60_000 => {
                basket.spent_ms += milliseconds
            }
            _ => baskets.push_back(Basket { began: now, spent_ms: milliseconds }),
        }
    }

    /// When the oldest basket drops out, in milliseconds since the epoch.
    pub(crate) fn reset_at(&self, method: &str) -> Option<u64> {
        self.0.get(method)?.front().map(|basket| basket.began + BASKET_LIFE_MS)
    }
}
