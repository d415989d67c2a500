//! What one step does after its input was taken: all that is due now.

use super::{Asking, CALL_GRACE, Machine, OpenCall, PhaseState};
use crate::change::{Batch, Change};
use crate::clock::Moment;
use crate::defect::Defect;
use crate::handler::{Allowance, OpenBatch};
use crate::id::{BatchId, CallId, SaveId};
use crate::ledger::Flushed;
use crate::record::Key;
use crate::round::{Round, TIMEOUT};
use crate::step::{Call, Effect};

impl Machine {
    pub(super) fn run(&mut self) {
        let now = self.now();
        self.expire(now);
        self.deletion.ripen(now);
        self.lane.wake(now);
        self.cycle.clean(now);
        self.flush();
        if self.phase == PhaseState::Running {
            if self.has(Defect::ReadOnce) {
                self.read_from_memory();
            }
            self.lane.prepare(&self.registry, self.config.retrieve);
            self.deliver(now);
        }
        self.send(now);
        self.flush();
        self.end_if_over(now);
        self.flush();
    }

    fn flush(&mut self) {
        for process in self.lane.settled_reservations() {
            if self.has(Defect::JournalGrows) {
                continue;
            }
            self.ledger.delete_reservation(&process);
        }
        let id = SaveId(self.book.id());
        self.ledger.note_reservations(&mut self.lane, id);
        match self.ledger.flush(id) {
            Flushed::Nothing => {}
            Flushed::AtOnce(after) => self.go_on(after, Some(id)),
            Flushed::Save(save) => self.effect(Effect::Save(save)),
        }
    }

    fn deliver(&mut self, now: Moment) {
        let size = self.reserve.delivery_size();
        loop {
            let alone = self.has(Defect::OneBatchAtATime) && !self.handler.open.is_empty();
            let (most, only) = match self.handler.allowance(now) {
                _ if alone => return,
                Allowance::Nothing => return,
                Allowance::Free => (size, None),
                Allowance::Any => (1, None),
                Allowance::Only(key) if !self.lane.is_to_be_tried(&key) => (1, None),
                Allowance::Only(key) => (1, Some(key)),
            };
            let id = BatchId(self.book.id());
            let changes = self.lane.next_batch(id, most, only.as_ref());
            if changes.is_empty() {
                return;
            }
            for (key, _) in &changes {
                self.note_delivery(key, now);
            }
            let count = changes.len() as u64;
            self.book.counters.delivered = self.book.counters.delivered.saturating_add(count);
            let (keys, changes): (Vec<(String, Key)>, Vec<Change>) = changes
                .into_iter()
                .map(|(key, change)| ((change.key.clone(), key), change))
                .unzip();
            self.handler.open.insert(id, OpenBatch::new(keys.into_iter().collect(), now));
            self.handler.last_delivered = now;
            if self.has(Defect::ClearBeforeDone) {
                self.clear_delivered(id, now);
            }
            self.effect(Effect::Deliver(Batch { id, changes }));
        }
    }

    fn send(&mut self, now: Moment) {
        let busy = self.calls.values().any(|call| matches!(call.what, Asking::Round(_)));
        let writes = matches!(self.phase, PhaseState::Running | PhaseState::Stopping { .. });
        let alone = writes && self.next_write(now).is_some_and(|write| !write.batched);
        let turns = alone && self.writes.gave_way;
        let may_batch = !busy && !turns && !self.pace.is_limited("batch", now);
        if may_batch && self.pace.next_request(now).is_none() {
            self.book.rounds = self.book.rounds.saturating_add(1);
            if let Some(asks) = self.next_round(now) {
                let (asks, params) = self.compose(asks);
                let sub_calls = asks.len() as u64;
                self.book.counters.sub_calls =
                    self.book.counters.sub_calls.saturating_add(sub_calls);
                let round = Round { asks, number: self.book.rounds, sent: now };
                // the check asks what the plan allows, so it can't carry a connector yet
                let asks_plan = self.phase == PhaseState::Checking && !self.check.is_known();
                self.writes.gave_way = alone;
                self.call("batch", params, !asks_plan, Asking::Round(round), now);
            }
        }
        if writes && self.pace.next_request(now).is_none() {
            let Some(write) = self.take_writes(1, false, now).pop() else { return };
            self.writes.gave_way = false;
            let (method, params) = (write.method.clone(), write.params.to_string());
            self.call(&method, params, true, Asking::Write(write), now);
        }
    }

    fn call(&mut self, method: &str, params: String, connect: bool, what: Asking, now: Moment) {
        let id = CallId(self.book.id());
        self.pace.spend(now);
        self.book.counters.requests = self.book.counters.requests.saturating_add(1);
        let deadline = now.plus(TIMEOUT).plus(CALL_GRACE);
        let forgets = match &what {
            Asking::Round(_) => self.has(Defect::InnerConnector),
            Asking::Write(_) => self.has(Defect::WritesWithoutConnector),
        };
        self.calls.insert(id, OpenCall { what, deadline });
        self.effect(Effect::Call(Call {
            id,
            method: method.into(),
            params,
            connector: self.config.connector.clone().filter(|_| connect && !forgets),
            timeout: TIMEOUT,
        }));
    }

    /// Gives up calls whose answer does not come.
    fn expire(&mut self, now: Moment) {
        let over: Vec<CallId> =
            self.calls.iter().filter(|(_, call)| call.deadline <= now).map(|(id, _)| *id).collect();
        for id in over {
            self.replied(id, crate::Reply::Unknown { why: crate::Lost::TimedOut });
        }
        self.check_for_a_portal(now);
    }

    pub(crate) fn next_call_deadline(&self) -> Option<Moment> {
        self.calls.values().map(|call| call.deadline).min()
    }
}
