//! What is known of the user's code: which batches it has, and whether it works at all.

use crate::clock::Moment;
use crate::id::BatchId;
use crate::ordered::{Map, Set};
use crate::record::Key;
use crate::time::Millis;

/// So many batches are open at once at most.
pub(crate) const MOST_BATCHES: usize = 4;
/// So many whole failures in a row, of as many objects, mean that nothing works.
const FAILURES: u32 = 3;

/// While nothing works, something is tried after a pause between these.
const LEAST_PAUSE: Millis = Millis(100);
const LONGEST_PAUSE: Millis = Millis::seconds(300);
/// A try without a verdict for so long hangs, and another one is made.
const HANGS: Millis = Millis::seconds(60);

/// The user's code as seen from here.
#[derive(Debug, Clone, Default)]
pub(crate) struct Handler {
    pub(crate) open: Map<BatchId, OpenBatch>,
    health: Health,
    /// Grows with every success: failures before it are no longer suspect.
    pub(crate) successes: u64,
    pub(crate) last_delivered: Moment,
}

/// A batch with verdicts still to come.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenBatch {
    /// The changes without a verdict, by idempotency key.
    pub(crate) open: Map<String, Key>,
    pub(crate) size: usize,
    since: Moment,
    failed: Set<Key>,
    succeeded: bool,
}

#[derive(Debug, Clone)]
enum Health {
    Up { failures: u32, objects: Set<Key> },
    Down { probe: Option<Key>, until: Moment, tries: u32 },
}

impl Default for Health {
    fn default() -> Self {
        Health::Up { failures: 0, objects: Set::new() }
    }
}

/// What a closed batch says of the user's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Same,
    Down,
}

/// What may be delivered now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Allowance {
    /// As many batches as fit.
    Free,
    /// This object alone, once it is ready.
    Only(Key),
    /// Any one object.
    Any,
    Nothing,
}

impl OpenBatch {
    pub(crate) fn new(changes: Map<String, Key>, since: Moment) -> OpenBatch {
        OpenBatch {
            size: changes.len(),
            open: changes,
            since,
            failed: Set::new(),
            succeeded: false,
        }
    }

    pub(crate) fn judged(&mut self, key: Key, worked: bool) {
        if worked {
            self.succeeded = true;
        } else {
            self.failed.insert(key);
        }
    }
}

impl Handler {
    pub(crate) fn is_down(&self) -> bool {
        matches!(self.health, Health::Down { .. })
    }

    /// A change was judged done or rejected: the code works. `true` when it had been down.
    pub(crate) fn worked(&mut self) -> bool {
        let was_down = self.is_down();
        self.successes = self.successes.saturating_add(1);
        self.health = Health::default();
        was_down
    }

    /// A batch has all its verdicts.
    pub(crate) fn closed(&mut self, batch: &OpenBatch) -> Turn {
        if batch.succeeded {
            return Turn::Same;
        }
        match &mut self.health {
            Health::Up { failures, objects } => {
                *failures = failures.saturating_add(1);
                if objects.len() < 8 {
                    objects.extend(batch.failed.iter().take(8).cloned());
                }
                if *failures >= FAILURES && objects.len() >= FAILURES as usize {
                    self.health = Health::Down { probe: None, until: Moment(0), tries: 0 };
                    return Turn::Down;
                }
                Turn::Same
            }
            Health::Down { .. } => Turn::Same,
        }
    }

    /// While down: what is tried next, and not before when. The pause doubles with each try, from
    /// `first` on, and is at least `own`.
    pub(crate) fn hold(&mut self, probe: Option<Key>, now: Moment, first: Millis, own: Millis) {
        if let Health::Down { probe: held, until, tries } = &mut self.health {
            let pause = first.max(LEAST_PAUSE).doubled(*tries, LONGEST_PAUSE);
            // a change that asks for longer than that must not keep the others from being tried
            *held = probe.filter(|_| own <= LONGEST_PAUSE);
            *until = now.plus(pause.max(own).min(LONGEST_PAUSE));
            *tries = tries.saturating_add(1);
        }
    }

    /// Whether something was given to the user's code so lately that its verdict is waited for.
    pub(crate) fn is_trying(&self, now: Moment) -> bool {
        self.open.values().any(|batch| batch.since.plus(HANGS) > now)
    }

    /// When a batch that is tried counts as hanging.
    pub(crate) fn hangs_at(&self) -> Option<Moment> {
        self.is_down().then(|| self.open.values().map(|batch| batch.since.plus(HANGS)).max())?
    }

    pub(crate) fn allowance(&self, now: Moment) -> Allowance {
        match &self.health {
            _ if self.open.len() >= MOST_BATCHES => Allowance::Nothing,
            Health::Up { .. } => Allowance::Free,
            Health::Down { .. } if self.is_trying(now) => Allowance::Nothing,
            Health::Down { until, .. } if *until > now => Allowance::Nothing,
            Health::Down { probe: Some(key), .. } => Allowance::Only(key.clone()),
            Health::Down { probe: None, .. } => Allowance::Any,
        }
    }

    /// When something may be tried again.
    pub(crate) fn next_try(&self) -> Option<Moment> {
        match &self.health {
            Health::Up { .. } => None,
            Health::Down { until, .. } => Some(*until),
        }
    }
}

#[cfg(feature = "view")]
#[path = "view/handler.rs"]
mod view;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::RecordId;

    fn key(id: u64) -> Key {
        Key::Record { kind: "ONX".into(), record: RecordId(id) }
    }

    fn given(handler: &mut Handler, id: u64, since: u64) {
        let changes = [(id.to_string(), key(id))].into_iter().collect();
        handler.open.insert(BatchId(id), OpenBatch::new(changes, Moment(since)));
    }

    /// One batch that fails as a whole.
    fn fail(handler: &mut Handler, id: u64) -> Turn {
        let mut batch = OpenBatch::new(Map::new(), Moment(0));
        batch.judged(key(id), false);
        handler.closed(&batch)
    }

    fn down() -> Handler {
        let mut handler = Handler::default();
        assert_eq!(
            [1, 2, 3].map(|id| fail(&mut handler, id)),
            [Turn::Same, Turn::Same, Turn::Down]
        );
        handler
    }

    #[test]
    fn three_failures_of_three_objects_are_an_outage_and_those_of_one_object_are_none() {
        let mut handler = Handler::default();
        for _ in 0..9 {
            assert_eq!(fail(&mut handler, 1), Turn::Same);
        }
        assert!(!handler.is_down() && down().is_down());
        let mut mixed = OpenBatch::new(Map::new(), Moment(0));
        mixed.judged(key(2), false);
        mixed.judged(key(3), true);
        assert_eq!(handler.closed(&mixed), Turn::Same);
        assert!(!handler.is_down());
    }

    #[test]
    fn a_success_is_counted_and_ends_an_outage() {
        let mut handler = down();
        assert!(handler.worked() && !handler.is_down());
        assert!(!handler.worked());
        assert_eq!(handler.successes, 2);
        assert_eq!((handler.next_try(), handler.allowance(Moment(0))), (None, Allowance::Free));
    }

    #[test]
    fn while_nothing_works_each_try_waits_twice_as_long_up_to_five_minutes() {
        let mut handler = down();
        let first = Millis(1_000);
        for expected in [1_000, 2_000, 4_000] {
            handler.hold(None, Moment(0), first, Millis(0));
            assert_eq!(handler.next_try(), Some(Moment(expected)));
        }
        handler.hold(Some(key(1)), Moment(0), first, Millis::seconds(300));
        assert_eq!(handler.next_try(), Some(Moment(300_000)));
        assert_eq!(handler.allowance(Moment(299_999)), Allowance::Nothing);
        assert_eq!(handler.allowance(Moment(300_000)), Allowance::Only(key(1)));
        // what asks for more than that does not keep the others waiting
        handler.hold(Some(key(1)), Moment(0), first, Millis::seconds(301));
        assert_eq!(handler.allowance(Moment(300_000)), Allowance::Any);
    }

    #[test]
    fn a_try_without_a_verdict_hangs_after_a_minute() {
        let mut handler = down();
        assert_eq!((handler.hangs_at(), handler.is_trying(Moment(0))), (None, false));
        given(&mut handler, 1, 5_000);
        given(&mut handler, 2, 9_000);
        assert_eq!(handler.hangs_at(), Some(Moment(69_000)));
        assert!(handler.is_trying(Moment(68_999)) && !handler.is_trying(Moment(69_000)));
        assert_eq!(handler.allowance(Moment(68_999)), Allowance::Nothing);
        assert_eq!(handler.allowance(Moment(69_000)), Allowance::Any);
        handler.worked();
        assert_eq!(handler.hangs_at(), None);
        for id in 3..=4 {
            given(&mut handler, id, 9_000);
        }
        assert_eq!(handler.allowance(Moment(70_000)), Allowance::Nothing);
    }
}
