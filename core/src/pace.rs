//! How fast: the portal's bucket (F29), operating time (F30), back-off.

use crate::clock::{Moment, Random};
use crate::config::Limits;
use crate::operating::{self, MOST_REST};
use crate::ordered::Map;
use crate::step::WakeReason;
use crate::time::{Millis, Timestamp};
use crate::wire::answer::Timing;

/// The bucket's level is kept in thousandths of a request.
const REQUEST: u64 = 1_000;
/// Left free for whatever else calls the portal from the same address.
const MARGIN: u64 = 10 * REQUEST;
const FIRST_BACK_OFF: Millis = Millis(1_000);
const MOST_BACK_OFF: Millis = Millis::seconds(60);
const LEAST_METHOD_WAIT: Millis = Millis::seconds(1);
const MOST_METHOD_WAIT: Millis = Millis::seconds(600);
/// A reset at this time or later is no time.
const LATEST_RESET: Timestamp = Timestamp(100_000_000_000_000);

/// The one budget of requests.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    bucket: Option<Bucket>,
    back_off: Option<Moment>,
    failures: u32,
    methods: Map<String, Method>,
}

#[derive(Debug, Clone)]
struct Bucket {
    level: u64,
    capacity: u64,
    leak_per_ms: u64,
    seen: Moment,
}

#[derive(Debug, Clone, Default)]
struct Method {
    resets_at: Option<Timestamp>,
    blocked_until: Option<Moment>,
    /// It rests so that it is not blocked.
    rests_until: Option<Moment>,
    /// Failures in a row, for the back-off of this method alone.
    failures: u32,
}

impl Pace {
    /// What an earlier process has used is not known, so the bucket counts as full: however often a
    /// program is restarted, its requests stay within the leak.
    pub(crate) fn new(limits: Limits) -> Pace {
        let bucket = |leak_per_ms, capacity: u64| Bucket {
            level: capacity * REQUEST - MARGIN,
            capacity: capacity * REQUEST - MARGIN,
            leak_per_ms,
            seen: Moment(0),
        };
        Pace {
            bucket: match limits {
                Limits::Standard => Some(bucket(2, 50)),
                Limits::Enterprise => Some(bucket(5, 250)),
                Limits::Off => None,
            },
            back_off: None,
            failures: 0,
            methods: Map::new(),
        }
    }

    /// When the next request may go, and what it waits for. `None`: now.
    pub(crate) fn next_request(&self, now: Moment) -> Option<(Moment, WakeReason)> {
        let back_off = self.back_off.filter(|until| *until > now);
        if let Some(until) = back_off {
            return Some((until, WakeReason::BackOff));
        }
        let bucket = self.bucket.as_ref()?;
        let over = (bucket.level_at(now) + REQUEST).saturating_sub(bucket.capacity);
        (over > 0).then(|| {
            let wait = Millis(over.div_ceil(bucket.leak_per_ms));
            (now.plus(wait), WakeReason::Bucket)
        })
    }

    pub(crate) fn spend(&mut self, now: Moment) {
        if let Some(bucket) = &mut self.bucket {
            bucket.level = bucket.level_at(now) + REQUEST;
            bucket.seen = now;
        }
    }

    /// The portal says that the bucket is full.
    pub(crate) fn bucket_full(&mut self, now: Moment) {
        if let Some(bucket) = &mut self.bucket {
            bucket.level = bucket.capacity;
            bucket.seen = now;
        }
    }

    /// A request failed as a whole: the next one waits, longer each time.
    pub(crate) fn failed(&mut self, now: Moment, random: &mut Random) -> Millis {
        let delay = random.jitter(FIRST_BACK_OFF.doubled(self.failures, MOST_BACK_OFF));
        self.failures = self.failures.saturating_add(1);
        self.back_off = Some(now.plus(delay));
        delay
    }

    /// A call of this method failed while others may work: it alone waits, longer each time.
    pub(crate) fn method_failed(
        &mut self,
        method: &str,
        now: Moment,
        random: &mut Random,
    ) -> Millis {
        self.methods.change(method.to_owned(), |entry| {
            let delay = random.jitter(FIRST_BACK_OFF.doubled(entry.failures, MOST_BACK_OFF));
            entry.failures = entry.failures.saturating_add(1);
            entry.blocked_until = Some(now.plus(delay));
            delay
        })
    }

    /// A call of this method was answered as it should be.
    pub(crate) fn method_answered(&mut self, method: &str) {
        if let Some(entry) = self.methods.get_mut(method) {
            entry.failures = 0;
        }
    }

    /// Whether the portal does not let some method be called.
    pub(crate) fn blocks_any(&self, now: Moment) -> bool {
        self.methods.values().any(|method| method.blocked_until > Some(now))
    }

    pub(crate) fn is_backing_off(&self, now: Moment) -> bool {
        self.back_off.is_some_and(|until| until > now)
    }

    /// A request was answered; `true` after failures.
    pub(crate) fn succeeded(&mut self) -> bool {
        self.back_off = None;
        std::mem::take(&mut self.failures) > 0
    }

    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Remembers when a method's operating time starts anew, in the portal's time, which it is now
    /// `portal`: a 429 does not say it (F30).
    pub(crate) fn operating(&mut self, method: &str, resets_at: Timestamp, portal: Timestamp) {
        if resets_at == Timestamp(0) || resets_at >= LATEST_RESET {
            return;
        }
        let holds = |(_, method): &(String, Method)| {
            let waits = method.waits_until().is_some() || method.failures > 0;
            waits || method.resets_at.is_none_or(|at| at >= portal)
        };
        self.methods = std::mem::take(&mut self.methods).into_iter().filter(holds).collect();
        self.methods.change(method.to_owned(), |entry| entry.resets_at = Some(resets_at));
    }

    /// A method has run: when little of its time is left it rests, for each of its calls.
    pub(crate) fn ran(&mut self, method: &str, timing: Timing, now: Moment, portal: Timestamp) {
        self.operating(method, timing.operating_reset_at, portal);
        let rest = operating::rest(timing.duration, timing.operating);
        if let (Some(rest), Some(entry)) = (rest, self.methods.get_mut(method)) {
            let from = entry.rests_until.unwrap_or(now).max(now);
            entry.rests_until = Some(from.plus(rest).min(now.plus(MOST_REST)));
        }
    }

    /// A 429 at this time of the portal's: the method waits until its reset, between one second and ten
    /// minutes; `None` when it waits for as long already.
    pub(crate) fn limited(
        &mut self,
        method: &str,
        now: Moment,
        portal: Timestamp,
    ) -> Option<Millis> {
        self.methods.change(method.to_owned(), |entry| {
            let wait = entry.resets_at.map_or(Millis::seconds(60), |at| at.since(portal));
            let wait = wait.clamp(LEAST_METHOD_WAIT, MOST_METHOD_WAIT);
            let until = Some(now.plus(wait));
            let longer = entry.blocked_until < until;
            entry.blocked_until = entry.blocked_until.max(until);
            longer.then_some(wait)
        })
    }

    /// Whether the method may not be called now.
    pub(crate) fn is_limited(&self, method: &str, now: Moment) -> bool {
        self.methods.get(method).is_some_and(|method| method.waits_until() > Some(now))
    }

    /// Whether the portal does not let the method be called: that may take minutes.
    pub(crate) fn is_blocked(&self, method: &str, now: Moment) -> bool {
        self.methods.get(method).is_some_and(|method| method.blocked_until > Some(now))
    }

    /// When the next limited method may be called again.
    pub(crate) fn next_method(&self, now: Moment) -> Option<Moment> {
        let waits = |method: &Method| method.waits_until().filter(|until| *until > now);
        self.methods.values().filter_map(waits).min()
    }
}

impl Method {
    fn waits_until(&self) -> Option<Moment> {
        self.blocked_until.max(self.rests_until)
    }
}

impl Bucket {
    fn level_at(&self, now: Moment) -> u64 {
        let leaked = self.seen.until(now).0.saturating_mul(self.leak_per_ms);
        self.level.saturating_sub(leaked)
    }
}

#[cfg(feature = "view")]
#[path = "view/pace.rs"]
mod view;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_requests_a_second_from_the_start_on() {
        let mut pace = Pace::new(Limits::Standard);
        let mut sent = 0;
        let mut now = Moment(0);
        while now < Moment(10_000) {
            match pace.next_request(now) {
                None => {
                    pace.spend(now);
                    sent += 1;
                }
                Some((at, reason)) => {
                    assert_eq!(reason, WakeReason::Bucket);
                    assert!(at > now);
                    now = at;
                }
            }
        }
        assert_eq!(sent, 19);
    }

    #[test]
    fn back_off_doubles_up_to_a_minute_and_ends_with_an_answer() {
        let (mut pace, mut random) = (Pace::new(Limits::Off), Random::new(1));
        let mut last = Millis(0);
        for _ in 0..20 {
            last = pace.failed(Moment(0), &mut random);
        }
        assert!(last >= Millis(45_000) && last <= Millis(75_000), "{last:?}");
        assert!(pace.next_request(Moment(0)).is_some());
        assert!(pace.succeeded());
        assert!(pace.next_request(Moment(0)).is_none());
    }

    #[test]
    fn a_limited_method_waits_for_its_remembered_reset() {
        let mut pace = Pace::new(Limits::Off);
        pace.operating("crm.deal.list", Timestamp(100_000), Timestamp(70_000));
        let wait = pace.limited("crm.deal.list", Moment(0), Timestamp(70_000));
        assert_eq!(wait, Some(Millis(30_000)));
        assert!(pace.is_limited("crm.deal.list", Moment(29_999)));
        assert!(!pace.is_limited("crm.deal.list", Moment(30_000)));
        // a shorter wait after a failure gives way to it, and it is told once
        let mut random = Random::new(1);
        pace.method_failed("z", Moment(0), &mut random);
        assert_eq!(pace.limited("z", Moment(0), Timestamp(0)), Some(Millis(60_000)));
        assert_eq!(pace.limited("z", Moment(0), Timestamp(0)), None);
        assert_eq!(pace.limited("x", Moment(0), Timestamp(0)), Some(Millis(60_000)));
        pace.operating("y", Timestamp(10_000_000_000_000), Timestamp(0));
        assert_eq!(pace.limited("y", Moment(0), Timestamp(0)), Some(Millis(600_000)));
    }

    #[test]
    fn the_calls_of_one_request_rest_together_and_others_go_on() {
        let mut pace = Pace::new(Limits::Off);
        let resets = Timestamp(100_000);
        let timing = |ran: u64, used: u64| Timing {
            duration: Millis(ran),
            operating: Millis(used),
            operating_reset_at: resets,
            started: Timestamp(0),
        };
        for (ran, used) in [(1_000, 299_000), (1_000, 300_000), (1_000, 300_000)] {
            pace.ran("a", timing(ran, used), Moment(500), Timestamp(0));
        }
        pace.ran("b", timing(1_000, 1_000), Moment(500), Timestamp(0));
        assert!(pace.is_limited("a", Moment(2_499)) && !pace.is_limited("a", Moment(2_500)));
        assert_eq!(pace.next_method(Moment(500)), Some(Moment(2_500)));
        // it is not blocked: nothing else is reserved in its place
        assert!(!pace.is_blocked("a", Moment(500)) && !pace.blocks_any(Moment(500)));
        assert!(!pace.is_limited("b", Moment(500)));
        for _ in 0..9 {
            pace.ran("a", timing(60_000, 419_000), Moment(500), Timestamp(0));
        }
        assert_eq!(pace.next_method(Moment(500)), Some(Moment(60_500)));
    }

    #[test]
    fn a_bucket_that_the_portal_calls_full_leaks_one_request_at_a_time() {
        for (limits, wait) in [(Limits::Standard, 500), (Limits::Enterprise, 200)] {
            let mut pace = Pace::new(limits);
            pace.bucket_full(Moment(60_000));
            let next = Some((Moment(60_000 + wait), WakeReason::Bucket));
            assert_eq!(pace.next_request(Moment(60_000)), next);
            assert_eq!(pace.next_request(Moment(60_000 + wait)), None);
        }
        // after a long silence the burst is as large as the bucket, less what others may use
        let mut pace = Pace::new(Limits::Standard);
        let (now, mut burst) = (Moment(60_000), 0);
        while pace.next_request(now).is_none() {
            pace.spend(now);
            burst += 1;
        }
        assert_eq!(burst, 40);
    }

    #[test]
    fn an_answer_ends_a_back_off_and_says_whether_there_was_one() {
        let (mut pace, mut random) = (Pace::new(Limits::Off), Random::new(1));
        assert!(!pace.succeeded() && !pace.is_backing_off(Moment(0)));
        let delay = pace.failed(Moment(0), &mut random);
        assert_eq!(pace.failures(), 1);
        assert_eq!(pace.next_request(Moment(0)), Some((Moment(delay.0), WakeReason::BackOff)));
        assert!(pace.is_backing_off(Moment(delay.0 - 1)) && !pace.is_backing_off(Moment(delay.0)));
        assert_eq!(pace.next_request(Moment(delay.0)), None);
        assert!(pace.succeeded() && !pace.succeeded());
        assert_eq!(pace.failures(), 0);
    }

    #[test]
    fn a_method_that_fails_waits_longer_each_time_until_it_is_answered() {
        let (mut pace, mut random) = (Pace::new(Limits::Off), Random::new(1));
        let mut fails = |pace: &mut Pace| pace.method_failed("a", Moment(0), &mut random).0;
        for expected in [1_000, 2_000, 4_000] {
            assert!((expected * 3 / 4..expected * 5 / 4).contains(&fails(&mut pace)), "{expected}");
        }
        pace.method_answered("a");
        let delay = fails(&mut pace);
        assert!((750..1_250).contains(&delay), "{delay}");
        assert!(pace.blocks_any(Moment(delay - 1)) && !pace.blocks_any(Moment(delay)));
        assert_eq!(pace.next_method(Moment(0)), Some(Moment(delay)));
        pace.limited("b", Moment(0), Timestamp(0));
        assert_eq!(pace.next_method(Moment(0)), Some(Moment(delay)));
        assert_eq!(pace.next_method(Moment(delay)), Some(Moment(60_000)));
        assert_eq!(pace.next_method(Moment(60_000)), None);
    }

    #[test]
    fn a_reset_that_is_over_is_forgotten_with_the_next_one() {
        let mut pace = Pace::new(Limits::Off);
        let wall = Timestamp(1_000_000);
        pace.operating("over", Timestamp(999_999), Timestamp(0));
        pace.operating("now", wall, Timestamp(0));
        pace.operating("none", Timestamp(0), wall);
        pace.operating("late", LATEST_RESET, wall);
        pace.operating("blocked", Timestamp(5), Timestamp(0));
        pace.limited("blocked", Moment(0), wall);
        pace.operating("new", Timestamp(1_005_000), wall);
        assert_eq!(pace.methods.keys().collect::<Vec<_>>(), ["blocked", "new", "now"]);
        assert_eq!(pace.limited("now", Moment(0), wall), Some(Millis(1_000)));
        assert_eq!(pace.limited("new", Moment(0), wall), Some(Millis(5_000)));
    }
}
