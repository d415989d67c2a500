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
const MOST_REST: u64 = 60_000;

/// How long a method has run: in one request, and within ten minutes as the portal counts it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Operating {
    ran: Millis,
    used: Millis,
}

impl Operating {
    pub(crate) fn of(timing: Timing) -> Operating {
        Operating { ran: timing.duration, used: timing.operating }
    }

    fn add(&mut self, more: Operating) {
        self.ran = Millis(self.ran.0.saturating_add(more.ran.0));
        self.used = self.used.max(more.used);
    }

    /// How long the method is left alone after it has run.
    pub(crate) fn rest(self) -> Option<Millis> {
        if self.used.0 < SLOWED {
            return None;
        }
        let left = LIMIT.saturating_sub(self.used.0).max(1);
        let rest = self.ran.0.saturating_mul(SPREAD.saturating_sub(left)) / left;
        Some(Millis(rest.min(MOST_REST)))
    }
}

impl Machine {
    /// What the methods of a round have run, and `batch` itself where the portal counts that.
    pub(crate) fn note_operating(&mut self, round: &Round, batch: &BatchAnswer<'_>, whole: Timing) {
        let mut ran: Vec<(&str, Operating)> = vec![("batch", Operating::of(whole))];
        let portal = self.book.portal_now();
        self.pace.operating("batch", whole.operating_reset_at, portal);
        for asked in &round.asks {
            let Some(timing) = batch.timing(&asked.name) else { continue };
            self.pace.operating(&asked.method, timing.operating_reset_at, portal);
            match ran.iter_mut().find(|(method, _)| *method == asked.method) {
                Some((_, sum)) => sum.add(Operating::of(timing)),
                None => ran.push((&asked.method, Operating::of(timing))),
            }
        }
        let now = self.now();
        for (method, sum) in ran {
            self.pace.ran(method, sum, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(ran: u64, used: u64) -> Option<u64> {
        Operating { ran: Millis(ran), used: Millis(used) }.rest().map(|rest| rest.0)
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

    #[test]
    fn the_sub_calls_of_one_method_count_together() {
        let mut sum = Operating { ran: Millis(1_000), used: Millis(310_000) };
        sum.add(Operating { ran: Millis(2_000), used: Millis(312_000) });
        sum.add(Operating { ran: Millis(u64::MAX), used: Millis(311_000) });
        assert_eq!(sum, Operating { ran: Millis(u64::MAX), used: Millis(312_000) });
    }
}
