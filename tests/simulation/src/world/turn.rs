//! The next thing that happens, and what comes of it.

use b24_offline_core::{CallId, Input, Machine, SaveOutcome};
use b24_offline_emulator::Record;

use super::{Coming, World};
use crate::law::Law;
use crate::marks::Mark;
use crate::witness::is_clean;

impl World {
    /// The time of the next thing that happens by itself.
    pub(crate) fn next(&self) -> Option<u64> {
        let awake = |at: u64| at.max(self.asleep_until);
        let coming = self.coming.keys().next().map(|(at, _)| awake(*at));
        let restart = self.restart_at;
        let other = self.others.keys().next().copied();
        let mine = [coming, self.wake.map(awake), restart];
        mine.into_iter().chain([self.portal.next_event(), other]).flatten().min()
    }

    /// Lets the next thing happen, if it is due by `end`.
    pub(crate) fn step(&mut self, end: u64) -> bool {
        let Some(at) = self.next().filter(|at| *at <= end) else {
            self.now = self.now.max(end);
            self.portal.advance(self.now);
            return false;
        };
        self.spins = if at > self.now { 0 } else { self.spins + 1 };
        if self.spins > 5_000 {
            self.witness.broken(Law::Total, "the machine spins without time passing");
        }
        self.now = self.now.max(at);
        if self.portal.next_event().is_some_and(|event| event <= self.now) {
            self.portal_acts();
            return true;
        }
        if self.others.keys().next().is_some_and(|due| *due <= self.now) {
            self.other_clears();
            return true;
        }
        let arrives = self.coming.keys().next().is_some_and(|(due, _)| *due <= self.now);
        let awake = self.asleep_until <= self.now;
        let ticks = self.wake.is_some_and(|due| due <= self.now);
        let first = arrives && !(ticks && self.random.once_in(2));
        if first && awake {
            if let Some((_, coming)) = self.coming.pop_first() {
                self.arrive(coming);
            }
        } else if self.restart_at.is_some_and(|due| due <= self.now) {
            self.start();
        } else if ticks && awake {
            self.wake = None;
            self.ticked = self.now;
            self.give(Input::Tick);
        }
        true
    }

    /// A late request runs, or a rule acts.
    pub(super) fn portal_acts(&mut self) {
        let before = self.portal.queue();
        let recorded = self.portal.audit().recorded;
        self.portal.advance(self.now);
        let after = self.portal.queue();
        if self.portal.audit().recorded > recorded {
            self.witness.marks.met(Mark::OwnChange);
        }
        let process = |rows: &[Record], id: u64| {
            rows.iter().find(|row| row.id == id).map(|row| row.process_id.clone())
        };
        let marked = after.iter().any(|row| {
            !row.process_id.is_empty() && process(&before, row.id).as_ref() != Some(&row.process_id)
        });
        let erred = after
            .iter()
            .any(|row| row.error && before.iter().any(|old| old.id == row.id && !old.error));
        let gone = before.iter().any(|row| process(&after, row.id).is_none());
        self.witness.marks.met_if(Mark::LateGet, marked);
        self.witness.marks.met_if(Mark::LateClear, gone && !erred);
        self.witness.marks.met_if(Mark::LateError, erred);
        let sweeps = self.machine.as_ref().map(|machine| machine.status().counters.sweeps);
        let swept = self.sweeps_at_loss.is_some_and(|then| sweeps.is_some_and(|now| now > then));
        self.witness.marks.met_if(Mark::LateGetAfterSweep, marked && swept);
        self.tell(|| format!("a late request or a rule has acted (marked: {marked})"));
    }

    pub(super) fn arrive(&mut self, coming: Coming) {
        match coming {
            Coming::Reply { call, reply } => {
                let Some(way) = self.on_the_way.remove(&call) else {
                    self.witness.marks.met(Mark::AnswerTwice);
                    self.give(Input::Replied { call: CallId(call), reply });
                    return;
                };
                self.witness.answered(call, &way.method, &way.digest, &reply, self.now);
                if way.doubtful {
                    self.witness.in_doubt();
                }
                self.witness.marks.met_if(Mark::AnswerToDead, way.sent + 75_000 <= self.ticked);
                if !is_clean(&reply) && way.digest.gets > 0 {
                    let status = self.machine.as_ref().map(Machine::status);
                    self.sweeps_at_loss = status.map(|status| status.counters.sweeps);
                }
                if !is_clean(&reply) {
                    self.tell(|| format!("call {call} comes to {reply:?}"));
                }
                self.give(Input::Replied { call: CallId(call), reply });
            }
            Coming::Judged { batch, part } => self.judged(&batch, part),
            Coming::Saved { save, durable } => {
                let outcome = if durable {
                    self.journal.write(&save);
                    SaveOutcome::Done
                } else {
                    self.tell(|| "a save fails".into());
                    SaveOutcome::Failed { why: "no space left".into() }
                };
                self.give(Input::Saved { save: save.id, outcome });
            }
        }
    }
}
