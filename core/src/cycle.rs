//! The breaker of indirect cycles (F26): an automation rule answers our write with a change of its own, which is
//! delivered, which makes us write again. Only the object's writes are slowed down, deliveries never are.

use crate::clock::Moment;
use crate::id::{ObjectId, RecordId, WriteId};
use crate::machine::Machine;
use crate::notice::Notice;
use crate::ordered::Map;
use crate::record::{self, Key};
use crate::time::Millis;
use crate::write::Write;

/// A delivery so soon after our own write may be its echo.
const ECHO: Millis = Millis::seconds(10);
/// So many writes in a row must have had one.
const ROUNDS: u32 = 3;
const LONGEST: Millis = Millis::seconds(3_600);
/// The trail of an object that is not written to for so long is dropped.
const FORGET: Millis = Millis::seconds(60);
/// So many trails are kept at most; further objects are not watched until some of these are dropped.
const MOST: usize = 10_000;
const ON_ITS_WAY: Moment = Moment(u64::MAX);

/// The objects that were written to lately.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cycle {
    trails: Map<ObjectId, Trail>,
    /// No write is held for longer than until then.
    held_until: Moment,
    cleaned: Moment,
}

/// How our writes to one object and its deliveries followed one another.
#[derive(Debug, Clone, Default)]
struct Trail {
    /// Writes in a row that a delivery followed; once it is slowed, every delivery that follows counts.
    rounds: u32,
    /// The last write, or `ON_ITS_WAY`.
    wrote: Moment,
    /// A delivery has followed it, or it was not executed.
    followed: bool,
    /// The newest record that was delivered: a delivery without a newer one is no echo.
    newest: Option<RecordId>,
    /// The next write waits until then, once slowed.
    free_at: Moment,
    last: Moment,
    told: bool,
}

impl Trail {
    fn is_slowed(&self) -> bool {
        self.rounds >= ROUNDS
    }

    /// Its last write has had no echo in time: the trail starts anew.
    fn is_over(&self, now: Moment) -> bool {
        !self.followed && self.wrote.plus(ECHO) < now
    }

    /// When the next write may go, if it may not go now.
    fn held_until(&self, now: Moment) -> Option<Moment> {
        let over = if self.followed { ON_ITS_WAY } else { self.wrote.plus(ECHO).plus(Millis(1)) };
        Some(self.free_at.min(over)).filter(|at| self.is_slowed() && *at > now)
    }

    fn hold(&mut self, now: Moment) -> Moment {
        if self.is_slowed() {
            let further = self.rounds.saturating_sub(ROUNDS).saturating_add(1);
            self.free_at = now.plus(Millis::seconds(1).doubled(further, LONGEST));
            self.told = false;
        }
        self.free_at
    }
}

impl Cycle {
    pub(crate) fn held(&self, object: Option<&ObjectId>, now: Moment) -> Option<Moment> {
        if self.held_until <= now {
            return None;
        }
        self.trails.get(object?)?.held_until(now)
    }

    pub(crate) fn sent(&mut self, object: &ObjectId, newest: Option<RecordId>, now: Moment) {
        let new = !self.trails.contains_key(object);
        if new && self.trails.len() >= MOST {
            return;
        }
        let held = self.trails.change(object.clone(), |trail| {
            if new || trail.is_over(now) {
                *trail = Trail { newest, ..Trail::default() };
            }
            (trail.wrote, trail.followed, trail.last) = (ON_ITS_WAY, false, now);
            trail.hold(now)
        });
        self.held_until = self.held_until.max(held);
    }

    pub(crate) fn answered(&mut self, object: &ObjectId, executed: bool, now: Moment) {
        let Some(trail) = self.trails.get_mut(object) else { return };
        if trail.wrote == ON_ITS_WAY {
            trail.wrote = if executed { now } else { Moment(0) };
            trail.followed |= !executed;
        }
    }

    pub(crate) fn delivered(&mut self, object: &ObjectId, newest: Option<RecordId>, now: Moment) {
        let Some(trail) = self.trails.get_mut(object).filter(|trail| newest > trail.newest) else {
            return;
        };
        trail.newest = newest;
        let echo = trail.wrote.plus(ECHO) >= now;
        if echo && (!trail.followed || trail.is_slowed()) {
            trail.rounds = trail.rounds.saturating_add(1);
            (trail.followed, trail.last) = (true, now);
            self.held_until = self.held_until.max(trail.hold(now));
        }
    }

    /// Drops the trails that are over.
    pub(crate) fn clean(&mut self, now: Moment) {
        if self.trails.is_empty() || self.cleaned.plus(ECHO) > now {
            return;
        }
        self.cleaned = now;
        let lasts = |(_, trail): &(ObjectId, Trail)| {
            let fresh = trail.last.max(trail.free_at).plus(FORGET) > now;
            !trail.is_over(now) && (fresh || trail.wrote == ON_ITS_WAY)
        };
        self.trails = std::mem::take(&mut self.trails).into_iter().filter(lasts).collect();
    }
}

impl Machine {
    /// The next write that may go; none while one is on its way. None overtakes an earlier one, but for those that wait:
    /// their method or their object is held back.
    pub(crate) fn next_write(&self, now: Moment) -> Option<&Write> {
        let at = if self.writes.is_sending() { None } else { self.place_of_next(now) };
        self.writes.queue().get(at?)
    }

    fn place_of_next(&self, now: Moment) -> Option<usize> {
        self.writes.next(&|write| {
            self.pace.is_limited(&write.method, now) || self.held_until(write, now).is_some()
        })
    }

    /// Until when a write is held back by the breaker.
    fn held_until(&self, write: &Write, now: Moment) -> Option<Moment> {
        self.cycle.held(write.object.as_ref(), now)
    }

    /// The writes that are held back, and until when.
    pub(crate) fn held_writes(&self, now: Moment) -> impl Iterator<Item = (Moment, WriteId)> {
        let held = move |write: &Write| Some((self.held_until(write, now)?, write.id));
        self.writes.queue().iter().filter_map(held)
    }

    /// When the next of them may go.
    pub(crate) fn next_held_write(&self) -> Option<Moment> {
        self.held_writes(self.now()).map(|(until, _)| until).min()
    }

    /// Takes the next writes of a batch out of the line, or the one that goes alone.
    pub(crate) fn take_writes(&mut self, most: usize, batched: bool, now: Moment) -> Vec<Write> {
        let mut taken = Vec::new();
        if self.writes.is_sending() {
            return taken;
        }
        while taken.len() < most {
            let at = self.place_of_next(now);
            let fits = |at: &usize| {
                self.writes.queue().get(*at).is_some_and(|write| write.batched == batched)
            };
            let Some(write) = at.filter(fits).and_then(|at| self.writes.take(at)) else { break };
            self.note_write(&write, now);
            taken.push(write);
        }
        taken
    }

    fn note_write(&mut self, write: &Write, now: Moment) {
        if let Some(object) = write.object.clone() {
            let newest = self.lane.newest(&object.clone().into());
            self.cycle.sent(&object, newest, now);
            self.tell_of_cycle(&object, now);
        }
    }

    /// The outcome of a write: one that was perhaps executed counts as a write.
    pub(crate) fn write_answered(&mut self, write: &Write, executed: bool) {
        let now = self.now();
        if executed {
            self.reserve.wrote(self.config.poll, now);
        }
        if let Some(object) = &write.object {
            self.cycle.answered(object, executed, now);
        }
    }

    /// An object goes to the user's code.
    pub(crate) fn note_delivery(&mut self, key: &Key, now: Moment) {
        let Key::Object(object) = key else { return };
        if let Some(work) = self.lane.work(key) {
            self.cycle.delivered(object, record::newest(&work.records), now);
            self.tell_of_cycle(object, now);
        }
    }

    /// Told once for each time that the object's writes are delayed.
    pub(crate) fn tell_of_cycle(&mut self, object: &ObjectId, now: Moment) {
        let Some(until) = self.cycle.held(Some(object), now) else { return };
        let waits = self.writes.queue().iter().any(|write| write.object.as_ref() == Some(object));
        let Some(trail) = self.cycle.trails.get_mut(object).filter(|_| waits) else { return };
        if !std::mem::replace(&mut trail.told, true) {
            let delay = now.until(until);
            self.notice(Notice::Cycle { object: object.clone(), delay });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(id: usize) -> ObjectId {
        ObjectId::new("crm.deal", id.to_string())
    }

    /// A write that is executed at once, and its delivery.
    fn round(cycle: &mut Cycle, newest: u64, now: Moment) {
        cycle.sent(&object(1), Some(RecordId(1)), now);
        cycle.answered(&object(1), true, now);
        cycle.delivered(&object(1), Some(RecordId(newest)), now.plus(ECHO));
    }

    #[test]
    fn trails_are_bounded_and_dropped_when_nothing_is_written() {
        let (mut cycle, mut now) = (Cycle::default(), Moment(0));
        for id in 0..MOST + 5 {
            cycle.sent(&object(id), None, now);
        }
        assert_eq!(cycle.trails.len(), MOST);
        cycle.clean(now.plus(FORGET));
        assert_eq!(cycle.trails.len(), MOST, "writes on their way are waited for");
        for id in 0..MOST {
            cycle.answered(&object(id), id != 2, now);
        }
        cycle.delivered(&object(1), Some(RecordId(9)), now);
        now = now.plus(FORGET);
        cycle.clean(now.plus(Millis(ECHO.0 - 1)));
        assert_eq!(cycle.trails.len(), MOST, "not so soon after the last time");
        cycle.clean(now.plus(ECHO));
        assert_eq!(cycle.trails.len(), 0);
    }

    #[test]
    fn a_slowed_trail_outlives_its_longest_delay() {
        let (mut cycle, mut now) = (Cycle::default(), Moment(0));
        for newest in 2..40 {
            round(&mut cycle, newest, now);
            now = now.plus(ECHO);
            if let Some(until) = cycle.held(Some(&object(1)), now) {
                assert!(until <= now.plus(LONGEST));
                now = until;
            }
            cycle.clean(now);
            assert_eq!(cycle.trails.len(), 1);
            assert_eq!(cycle.held(Some(&object(1)), now), None, "its time has come");
        }
        assert_eq!(cycle.trails.get(&object(1)).map(|trail| trail.rounds), Some(38));
    }

    #[test]
    fn a_delivery_after_ten_seconds_or_of_nothing_newer_is_no_echo() {
        let (mut cycle, mut now) = (Cycle::default(), Moment(0));
        for newest in 2..20 {
            cycle.sent(&object(1), Some(RecordId(1)), now);
            cycle.answered(&object(1), true, now);
            cycle.delivered(&object(1), Some(RecordId(1)), now);
            now = now.plus(ECHO).plus(Millis(1));
            cycle.delivered(&object(1), Some(RecordId(newest)), now);
            assert_eq!(cycle.held(Some(&object(1)), now), None);
        }
    }
}
