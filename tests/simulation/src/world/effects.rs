//! What the world does with a machine's effects.

use b24_offline_core::{
    Batch, Call, Durability, Effect, Input, Mode, Notice, OnReject, Verdict, WriteResult,
};
use b24_offline_emulator::{Fault, FaultKind, Outcome};
use b24_offline_tests::reply;

use super::{Coming, Way, World};
use crate::handler::UsersCode;
use crate::law::Law;
use crate::marks::Mark;
use crate::wire::Digest;

/// Whether a call looks for new records by reserving them.
fn digest_looks(params: &str) -> bool {
    params.contains("event.offline.get?")
}

impl World {
    pub(super) fn later(&mut self, at: u64, coming: Coming) {
        self.number += 1;
        self.coming.insert((at, self.number), coming);
    }

    pub(super) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Call(call) => self.call(&call),
            Effect::Deliver(batch) => self.deliver(batch),
            Effect::Save(save) => {
                let durable = self.disk_full == 0;
                self.disk_full = self.disk_full.saturating_sub(1);
                // saves become durable in their order
                self.saved_by = self.saved_by.max(self.now + self.settings.disk);
                self.later(self.saved_by, Coming::Saved { save, durable });
            }
            Effect::Written(written) => {
                self.tell(|| format!("{written:?}"));
                let mark = match written.result {
                    WriteResult::Unknown => Mark::WriteUnknown,
                    WriteResult::Refused { .. } => Mark::WriteRefused,
                    WriteResult::NotSent { .. } => Mark::WriteNotSent,
                    WriteResult::Done { .. } => return,
                };
                self.witness.marks.met(mark);
            }
            Effect::Notice(notice) => {
                self.tell(|| format!("notice: {notice}"));
                self.noticed(&notice);
            }
        }
    }

    pub(super) fn call(&mut self, call: &Call) {
        self.calls += 1;
        if digest_looks(&call.params) {
            self.looked_at = self.now;
        }
        if self.calls > self.most_calls {
            self.witness.broken(Law::Polite, "a storm of calls: more than any life needs");
        }
        let digest = Digest::of(call);
        let journal = self.is_durable().then_some(&self.journal);
        self.witness.called(call, &digest, journal, self.now);
        self.check_connector(call, &digest);
        if !digest.errors.is_empty() && self.settings.on_reject == OnReject::Park {
            self.witness.broken(Law::BothLanes, "error was called though changes are parked");
        }
        let counted = digest.sweeps == 1 && self.journal.len() > 25;
        self.witness.marks.met_if(Mark::ManyReservations, counted);
        let others = self.portal.other_reservations().len();
        let refreshed = self.transport.refreshed;
        let dies = |fault: &Fault| matches!(fault.kind, FaultKind::BatchDies { .. });
        let faults: Vec<Fault> =
            self.portal.waiting_faults().iter().filter(|fault| dies(fault)).cloned().collect();
        let outcome = self.transport.send(&mut self.portal, call, self.now);
        if !faults.is_empty() && matches!(outcome, Outcome::NoAnswer { executed: true, .. }) {
            self.note_cut(&faults, digest.methods.len());
        }
        self.witness.marks.met_if(Mark::TokenRefreshed, self.transport.refreshed > refreshed);
        self.witness.marks.met_if(Mark::WriteAlone, call.method != "batch");
        let stolen = self.portal.other_reservations().len() > others;
        self.witness.marks.met_if(Mark::Stolen, stolen);
        self.witness.met(&digest, &outcome);
        if self.keep.story {
            self.tell_call(call, &digest, &outcome);
        }
        let (delay, reply) = reply(outcome, call.timeout.0);
        let at = self.now + delay.max(1);
        if self.repeats.0 > 0 {
            self.repeats.0 -= 1;
            let again = Coming::Reply { call: call.id.0, reply: reply.clone() };
            self.later(at + self.repeats.1, again);
        }
        self.later(at, Coming::Reply { call: call.id.0, reply });
        let method = call.method.clone();
        self.on_the_way.insert(call.id.0, Way { method, digest, sent: self.now, doubtful: false });
        self.doubt();
    }

    /// Whether the batch ended between two of its sub-calls.
    pub(super) fn note_cut(&mut self, before: &[Fault], sub_calls: usize) {
        let left = self.portal.waiting_faults();
        let cut = before.iter().filter(|fault| !left.contains(fault)).any(|fault| {
            matches!(fault.kind, FaultKind::BatchDies { after_calls }
                if (1..sub_calls).contains(&after_calls))
        });
        self.witness.marks.met_if(Mark::BatchCut, cut);
    }

    pub(super) fn tell_call(&mut self, call: &Call, digest: &Digest, outcome: &Outcome) {
        let answer: String = format!("{outcome:?}").chars().take(1_500).collect();
        let methods = digest.methods.join(", ");
        let named: Vec<String> =
            digest.clears.iter().chain(&digest.errors).map(|named| format!("{named:?}")).collect();
        let id = call.id;
        self.tell(|| format!("call {id}: {methods} {} -> {answer}", named.join(" ")));
    }

    pub(super) fn check_connector(&mut self, call: &Call, digest: &Digest) {
        let inner = digest.inner_connector;
        let asks_plan =
            digest.methods.iter().all(|name| name == "feature.get" || name == "event.get");
        let carries = call.connector.as_ref().map(|name| name.as_str());
        if inner || (!asks_plan && carries != self.connector()) {
            let what = format!("{} carries {carries:?}, inside: {inner}", call.method);
            self.witness.broken(Law::Connector, what);
        }
    }

    pub(super) fn deliver(&mut self, batch: Batch) {
        let journal = self.is_durable().then_some(&self.journal);
        self.witness.delivered(&batch, journal, self.now);
        let parts = self.code.take(&batch, &self.portal);
        if self.keep.story {
            let keys: Vec<String> = batch.changes.iter().map(UsersCode::words).collect();
            self.tell(|| format!("deliver {}: {}", batch.id, keys.join("; ")));
        }
        self.witness.marks.met_if(Mark::TwoParts, parts.len() > 1);
        for (part, delay) in parts {
            self.later(self.now + delay, Coming::Judged { batch: batch.clone(), part });
        }
    }

    /// The changes of a part that are done reach the other system.
    pub(super) fn apply(&mut self, batch: &Batch, part: usize) {
        let hung = self.code.hangs();
        for change in &batch.changes {
            if self.code.verdict(batch, part, change) == Some(Verdict::Done) {
                if !self.code.apply(change, &mut self.portal, self.now) {
                    self.witness.marks.met(Mark::SameKeyAgain);
                }
                self.witness.done(change, hung);
            }
        }
    }

    pub(super) fn judged(&mut self, batch: &Batch, part: usize) {
        self.apply(batch, part);
        for change in &batch.changes {
            match self.code.verdict(batch, part, change) {
                Some(Verdict::Retry { .. }) => self.witness.failed(change, false),
                Some(Verdict::Reject { .. }) => self.witness.failed(change, true),
                Some(Verdict::Done) => self.witness.told_done(change),
                None => {}
            }
        }
        let verdicts = self.code.verdicts(batch, part);
        self.tell(|| format!("judged {}: {verdicts:?}", batch.id));
        self.code.over(batch, part);
        self.give(Input::Judged { batch: batch.id, verdicts });
    }

    /// What hung is judged at last.
    pub(crate) fn release_hung(&mut self) {
        for (batch, part) in self.code.release() {
            self.later(self.now + 1, Coming::Judged { batch, part });
        }
    }

    pub(super) fn noticed(&mut self, notice: &Notice) {
        let most = self.settings.attempts;
        let marks = &mut self.witness.marks;
        marks.met_if(Mark::Kept, matches!(notice, Notice::Aged { .. }));
        let changed = matches!(notice, Notice::ModeChanged { .. });
        marks.met_if(Mark::ModeChanged, changed && self.settings.mode == Mode::Auto);
        marks.met_if(Mark::JournalTorn, matches!(notice, Notice::JournalDamaged { .. }));
        if let Notice::Parked { object, key, reason, .. } = notice {
            let sight = self.code.seen(key);
            self.portal.parked(&object.kind, &object.id, sight);
            marks.met_if(Mark::ParkedWithoutJournal, self.settings.journal == Durability::None);
            let object = (object.kind.clone(), object.id.clone());
            self.witness.is_parked(object, key, reason, most);
        } else if let Notice::Registered { object, .. } = notice {
            self.witness.is_registered((object.kind.clone(), object.id.clone()));
        } else if let Notice::Adopted { records } = notice {
            marks.met(Mark::Adopted);
            marks.met_if(Mark::AdoptedMany, *records > 50);
            self.adopted += records;
            marks.met_if(Mark::AdoptedHuge, self.adopted >= 2_000);
        } else if let Notice::BackingOff { delay, .. } = notice {
            marks.met_if(Mark::BackedOffLong, delay.0 >= 30_000);
        } else if let Notice::BindingsLost { .. } = notice {
            marks.met(Mark::BindingsLost);
            self.bindings_lost = None;
        } else if matches!(
            notice,
            Notice::LongAbsence { .. }
                | Notice::JournalMissing
                | Notice::JournalDamaged { resync: true, .. }
        ) {
            // a new journal is missed at the first start too, where nothing was in it
            let first = matches!(notice, Notice::JournalMissing) && !self.damaged;
            self.resync_told |= !first;
            marks.met(Mark::ResyncTold);
        } else if let Notice::Failed(failure) = notice {
            use b24_offline_core::Failure;
            marks.met_if(Mark::SaveFailed, matches!(failure, Failure::Journal { .. }));
            marks.met_if(Mark::PlanLost, matches!(failure, Failure::PlanWithoutReservation));
        } else {
            let plain = [
                (Mark::Unreadable, matches!(notice, Notice::Unreadable { .. })),
                (Mark::HandlerDown, matches!(notice, Notice::HandlerDown)),
                (Mark::HandlerUp, matches!(notice, Notice::HandlerUp)),
                (Mark::MethodLimited, matches!(notice, Notice::MethodLimited { .. })),
                (Mark::Reached, matches!(notice, Notice::Reached)),
            ];
            plain.into_iter().for_each(|(mark, met)| marks.met_if(mark, met));
        }
    }

    /// The host's clock jumps, or the host sleeps, with a call on its way.
    pub(super) fn doubt(&mut self) {
        if let Some(by) = self.jump_with_call.take() {
            self.tell(|| format!("the host's clock jumps by {by} ms"));
            let mark = if by < 0 { Mark::ClockBack } else { Mark::ClockAhead };
            self.witness.marks.met(mark);
            self.skew += by;
            // to the machine that much time has passed
            self.witness.in_doubt();
            self.witness.rests_forgotten();
            self.on_the_way.values_mut().for_each(|way| way.doubtful = true);
        }
        if let Some(ms) = self.sleep_with_call.take() {
            self.tell(|| format!("the host sleeps for {ms} ms"));
            self.witness.marks.met_if(Mark::SleptOver, ms > 75_000);
            self.asleep_until = self.now + ms;
            self.on_the_way.values_mut().for_each(|way| way.doubtful = true);
        }
    }
}
