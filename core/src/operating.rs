//! Slowing down for a method's operating time before the portal blocks it (F30).

use crate::machine::Machine;
use crate::round::Round;
use crate::time::Millis;
use crate::wire::BatchAnswer;
use crate::wire::answer::Timing;

/// A method may run for at least so long within ten minutes, on any portal.
const LIMIT: u64 = 420_000;
/// Once it has run for so long, it gets less and less of the time.
const SLOWED: u64 = 300_000;
/// The longer this is, the slower the rest is used up. A method that is always wanted comes to run for half
/// of the time.
const SPREAD: u64 = 240_000;
pub(crate) const MOST_REST: Millis = Millis::seconds(60);

/// How long a method is left alone after a call that took so long, when it has used so much within ten minutes as
/// the portal counts it.
pub(crate) fn rest(ran: Millis, used: Millis) -> Option<Millis> {
    if used.0 < SLOWED {
        return None;
    }
    let left = LIMIT.saturating_sub(used.0).max(1);
    let rest = ran.0.saturating_mul(SPREAD.saturating_sub(left)) / left;
    Some(Millis(rest.min(MOST_REST.0)))
}

impl Machine {
    /// What the methods of a round have run, and `batch` itself where the portal counts that.
    pub(crate) fn note_operating(&mut self, round: &Round, batch: &BatchAnswer<'_>, whole: Timing) {
        let (now, portal) = (self.now(), self.book.portal_now());
        self.pace.ran("batch", whole, now, portal);
        for asked in &round.asks {
            if let Some(timing) = batch.timing(&asked.name) {
                self.pace.ran(&asked.method, timing, now, portal);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(ran: u64, used: u64) -> Option<u64> {
        super::rest(Millis(ran), Millis(used)).map(|rest| rest.0)
    }

    #[test]
    fn the_less_is_left_the_longer_a_method_rests() {
        assert_eq!(rest(4_000, 299_999), None);
        assert_eq!(rest(4_000, 300_000), Some(4_000));
        assert_eq!(rest(4_000, 360_000), Some(12_000));
        assert_eq!(rest(4_000, 412_000), Some(60_000));
        assert_eq!(rest(4_000, 500_000), Some(60_000));
        assert_eq!(rest(0, 500_000), Some(0));
        assert_eq!(rest(u64::MAX, u64::MAX), Some(60_000));
    }

    #[test]
    fn a_method_that_is_always_wanted_never_uses_up_its_time() {
        // ten minutes as a row of spans in which it ran
        for step in [500, 4_000, 20_000] {
            let (mut now, mut runs) = (0_u64, Vec::<(u64, u64)>::new());
            while now < 3_600_000 {
                now += step;
                runs.push((now, step));
                runs.retain(|(at, _)| at + 600_000 > now);
                let used = runs.iter().map(|(_, ran)| ran).sum();
                assert!(used < LIMIT, "{used} after {now} by {step}");
                now += rest(step, used).unwrap_or(0);
            }
            let used: u64 = runs.iter().map(|(_, ran)| ran).sum();
            assert!(used > 280_000, "{used} by {step}");
        }
    }
}
