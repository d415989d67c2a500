//! Verdicts: done, retry, reject, and what becomes of each.

use crate::change::{Verdict, Verdicts};
use crate::config::OnReject;
use crate::defect::Defect;
use crate::handler::Turn;
use crate::id::BatchId;
use crate::journal::ObjectState;
use crate::lane::{Parked, Stage, Work};
use crate::ledger::AfterSave;
use crate::machine::Machine;
use crate::notice::Notice;
use crate::record::{Key, Record, Records, is_later};
use crate::time::Millis;

const LONGEST_DELAY: Millis = Millis::seconds(3_600);
const LONGEST_AFTER: Millis = Millis::seconds(86_400);

impl Machine {
    pub(crate) fn judged(&mut self, batch: BatchId, verdicts: Verdicts) {
        let Some(open) = self.handler.open.get_mut(&batch) else { return };
        let mut judgements: Vec<(Key, Verdict)> = Vec::new();
        let whole = match verdicts {
            Verdicts::Some(named) => {
                for judgement in named {
                    let key = open.open.remove(&judgement.key);
                    judgements.extend(key.map(|key| (key, judgement.verdict)));
                }
                false
            }
            Verdicts::All { verdict, except } => {
                let whole = except.is_empty() && open.open.len() == open.size && open.size > 1;
                for judgement in except {
                    let key = open.open.remove(&judgement.key);
                    judgements.extend(key.map(|key| (key, judgement.verdict)));
                }
                for key in std::mem::take(&mut open.open).into_values() {
                    judgements.push((key, verdict.clone()));
                }
                whole && matches!(verdict, Verdict::Retry { .. })
            }
        };
        let size = open.size;
        for (key, verdict) in judgements {
            let worked = !matches!(verdict, Verdict::Retry { .. });
            if let Some(open) = self.handler.open.get_mut(&batch) {
                open.judged(key.clone(), worked);
            }
            self.judge(&key, verdict, whole.then_some(size));
        }
        self.close(batch);
    }

    fn close(&mut self, batch: BatchId) {
        if self.handler.open.get(&batch).is_none_or(|open| !open.open.is_empty()) {
            return;
        }
        let Some(open) = self.handler.open.remove(&batch) else { return };
        if self.handler.closed(&open) == Turn::Down {
            self.notice(Notice::HandlerDown);
            let first = self.config.retry.first_delay;
            self.handler.hold(None, self.now(), first, Millis(0));
            self.lane.forgive(self.handler.successes);
        }
    }

    fn judge(&mut self, key: &Key, verdict: Verdict, whole: Option<usize>) {
        let failed = matches!(verdict, Verdict::Retry { .. });
        match verdict {
            _ if failed && self.has(Defect::FailureIsDone) => self.done(key),
            Verdict::Done => {
                self.book.counters.done = self.book.counters.done.saturating_add(1);
                self.handler_worked();
                self.done(key);
            }
            Verdict::Retry { after } => {
                self.book.counters.retried = self.book.counters.retried.saturating_add(1);
                self.retry(key, after, whole);
            }
            Verdict::Reject { reason } => {
                self.handler_worked();
                let reason: String = reason.chars().take(500).collect();
                self.lane.update(key, |work| {
                    work.tries.failed = work.tries.failed.saturating_add(1);
                });
                self.reject(key, reason);
            }
        }
    }

    fn handler_worked(&mut self) {
        if self.handler.worked() {
            self.notice(Notice::HandlerUp);
            self.lane.reunite();
        }
    }

    /// Nothing stands in the way of clearing what was judged done.
    pub(crate) fn settle_done(&mut self, key: &Key) {
        let now = self.now();
        let journalled = self.lane.is_journalled(key);
        let Some(work) = self.lane.finish(key) else { return };
        self.settle.add(&work.records, now);
        self.ledger.forget_kept(&work.records);
        let mut parked_later = false;
        if let Some(parked) = self.lane.unpark(key) {
            // a record that was lost for a while, and is older, says nothing of what is parked
            parked_later = is_later(&parked.records, &work.records);
            if parked_later || self.has(Defect::ParkedForEver) {
                self.lane.park(key, parked);
            } else {
                self.settle.add(&parked.records, now);
            }
        }
        if self.has(Defect::DoneCoversLater) {
            self.settle.add(&work.later, now);
            return;
        }
        if parked_later {
            self.lane.set_journalled(key, journalled);
        } else if journalled {
            self.ledger.delete_object(key);
        }
        self.begin_later(key, work.later);
    }

    /// What arrived during a delivery is a change of its own.
    fn begin_later(&mut self, key: &Key, later: Records) {
        if !later.is_empty() {
            let work = Work::new(later, self.config.retry.attempts);
            self.lane.begin(key.clone(), work);
        }
    }

    fn retry(&mut self, key: &Key, after: Option<Millis>, whole: Option<usize>) {
        if let (true, Some(work)) = (self.has(Defect::AttemptsByMessage), self.lane.work(key)) {
            self.memory.failed(&work.records);
        }
        let (now, successes) = (self.now(), self.handler.successes);
        let first = self.config.retry.first_delay;
        let outcome = self.lane.update(key, |work| {
            let tries = &mut work.tries;
            let last = tries.failed.saturating_add(1) >= tries.most;
            // the last attempt is never spent on a batch that failed as a whole
            let counts = whole.is_none() || !last;
            if counts {
                tries.failed = tries.failed.saturating_add(1);
                if tries.suspect_since != successes {
                    (tries.suspect, tries.suspect_since) = (0, successes);
                }
                tries.suspect = tries.suspect.saturating_add(1);
            }
            if let Some(size) = whole {
                let left = tries.most.saturating_sub(tries.failed);
                tries.companions = if left <= 2 { 1 } else { size.isqrt().max(1) as u32 };
            }
            if counts && last {
                return None;
            }
            let doubled = first.doubled(tries.failed.saturating_sub(1), LONGEST_DELAY);
            let delay = after.map_or(doubled, |after| after.min(LONGEST_AFTER));
            work.join();
            work.stage = Stage::Waiting { until: now.plus(delay) };
            Some(delay)
        });
        match outcome {
            None => {}
            Some(None) => {
                self.handler.hold(None, now, first, Millis(0));
                self.reject(key, "its attempts are used up".into());
            }
            Some(Some(delay)) => {
                self.note_retry(key);
                self.handler.hold(Some(key.clone()), now, first, delay);
            }
        }
    }

    /// Attempts outlive a restart. An entry that is the home of a parked or registered object
    /// stays what it is.
    fn note_retry(&mut self, key: &Key) {
        let Some(work) = self.lane.work(key) else { return };
        if work.registered || self.lane.parked(key).is_some() {
            return;
        }
        self.ledger.put_object(key, ObjectState::Retrying, work.tries.failed, &work.records);
        self.lane.set_journalled(key, true);
    }

    pub(crate) fn reject(&mut self, key: &Key, reason: String) {
        self.book.counters.rejected = self.book.counters.rejected.saturating_add(1);
        // a record of its own shares its MESSAGE_ID with others of the same data, which an `error`
        // would delete (F1, F16), and there is no object to read them from
        let registers = self.config.on_reject == OnReject::Register
            && matches!(key, Key::Object(_))
            && self.lane.parked(key).is_none()
            && self.lane.work(key).is_some_and(|work| {
                let reserved = |record: &Record| !record.errored && record.process.is_some();
                !work.registered && work.records.values().any(reserved)
            });
        if registers {
            self.register(key, reason);
        } else {
            self.park(key, reason);
        }
    }

    fn register(&mut self, key: &Key, reason: String) {
        self.lane.update(key, |work| {
            work.registered = true;
            work.origin = crate::change::Origin::Redriven;
            work.tries.most = work.tries.failed.saturating_add(1);
            work.stage = Stage::Intent;
        });
        let Some(work) = self.lane.work(key) else { return };
        let notice =
            Notice::Registered { object: key.object(), key: work.idempotency_key(), reason };
        self.ledger.put_object(key, ObjectState::Registered, work.tries.failed, &work.records);
        if self.has(Defect::ErrorBeforeIntent) {
            self.lane.set_stage(key, Stage::ErrorDue);
        } else {
            self.ledger.after(AfterSave::Intent(key.clone()));
        }
        self.lane.set_journalled(key, true);
        self.notice(notice);
    }

    fn park(&mut self, key: &Key, reason: String) {
        let Some(work) = self.lane.finish(key) else { return };
        let older = self.lane.unpark(key).map(|parked| parked.records).unwrap_or_default();
        let idempotency_key = work.idempotency_key();
        let covers = !is_later(&older, &work.records);
        let mut parked = Parked { records: work.records, attempts: work.tries.failed };
        // what only the journal held needs no clearing: the newer record has a home of its own
        let stays = |old: &Record| old.process.is_some() || !covers;
        parked.records.extend(older.clone().into_iter().filter(|(_, old)| stays(old)));
        self.notice(Notice::Parked {
            object: key.object(),
            key: idempotency_key,
            attempts: parked.attempts,
            reason,
        });
        if self.ledger.is_durable() {
            let attempts = parked.attempts;
            self.ledger.put_object(key, ObjectState::Parked, attempts, &parked.records);
            self.ledger.forget_kept(&parked.records);
            if covers && !older.is_empty() {
                // the newer record has a home of its own, and speaks for the older ones
                self.ledger.after(AfterSave::Clear(older));
            }
        }
        for record in parked.records.values() {
            if let Some(process) = &record.process {
                self.lane.release(process, record.id);
            }
        }
        self.lane.park(key, parked);
        self.lane.set_journalled(key, self.ledger.is_durable());
        self.begin_later(key, work.later);
    }
}
