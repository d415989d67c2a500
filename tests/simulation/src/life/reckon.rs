//! The reckoning at the end of a life.

use b24_offline_core::{Consumers, Mode, State};
use b24_offline_emulator::Php;

use crate::law::Law;
use crate::marks::Mark;
use crate::world::{World, event_names};

impl World {
    pub(super) fn reckon(&mut self) {
        let audit = self.portal.audit();
        // what was in the journal alone is lost with it, and told
        // nothing tells a queue without a journal and without bindings from a new one
        // and nothing tells an older journal, sound in itself, from the last one
        // nor does anything tell that an earlier plan had no reservation
        // what another consumer reserves at that age nobody can save
        let aged = self.has_aged_unheld();
        let alone = self.gaps || self.plan_changed || audit.aged_records > 0;
        let untold = aged || self.others_took_old || self.rolled_back || (self.damaged && alone);
        let told = self.resync_told || untold;
        if let Some(lost) = audit.lost.first().filter(|_| !told) {
            let law = match (audit.aged_records > 0, self.plan_changed) {
                (true, _) => Law::AgeSafe,
                (false, true) => Law::PlanSafe,
                (false, false) => Law::Converge,
            };
            self.witness.broken(law, format!("lost: {lost:?}"));
        }
        self.witness.marks.met_if(Mark::Aged, audit.aged_records > 0);
        let rows = self.portal.queue();
        let left = |id: &u64| rows.iter().any(|row| row.id == *id);
        let gone = self.witness.parked.values().flatten().any(|id| !left(id));
        self.witness.marks.met_if(Mark::ParkedAged, audit.aged_records > 0 && gone);
        if audit.regressions > 0 && self.settings.consumers == Consumers::Sole {
            self.witness.broken(Law::NoRegress, "a target went back to an older state");
        }
        if audit.bucket_violations > 0 {
            self.witness.broken(Law::Polite, "a request above the bucket");
        }
        if let (Some(name), Some(true)) = (
            self.connector(),
            self.connector().map(|name| audit.own_writes_returned.contains_key(name)),
        ) {
            self.witness.broken(Law::Connector, format!("an own write came back to {name}"));
        }
        let bound = event_names().len();
        if self.portal.bindings().len() < bound {
            self.witness.broken(Law::GapSeen, "an event is not bound again");
        }
        if self.bindings_lost == Some(true) {
            self.witness.broken(Law::GapSeen, "lost bindings were not reported");
        }
        if self.settings.consumers == Consumers::Sole {
            self.targets_agree();
        } else {
            self.target_is_newest();
        }
        self.journal_is_lean();
    }

    /// Without a journal nobody holds what the portal deletes by age.
    fn has_aged_unheld(&self) -> bool {
        self.portal.audit().aged_records > 0 && !self.is_durable()
    }

    /// Whether records were in the journal alone at some time.
    pub(crate) fn has_deleted(&self) -> bool {
        let settings = &self.settings;
        settings.mode == Mode::Delete || !settings.extended || self.plan_changed
    }

    /// The system that takes each key once has come as far as the one that takes every change.
    pub(super) fn targets_agree(&mut self) {
        let mut wrong = None;
        // what an older journal no longer holds, and the queue neither, comes by a redelivery at best; what
        // another consumer takes between the list and the deletion may change again within its second
        let forgotten = (self.rolled_back || self.thief) && self.has_deleted();
        for (object, (state, version)) in &self.code.target {
            // what is announced to nobody may be seen by a redelivery: our own writes, all that
            // becomes of a user after the beginning
            let unannounced = object.0 == "user";
            if unannounced
                || forgotten
                || self.own.contains(object)
                || self.gaps
                || object.1.contains('@')
            {
                continue;
            }
            let parked = self.witness.parked.contains_key(object);
            let inbox = self.code.inbox.get(object).map(|(_, seen)| *seen);
            if inbox != Some(*version) && !parked {
                wrong = Some((Law::EffectOnce, format!("{object:?} is older by keys")));
            }
            if *state == State::Gone && !parked && self.portal.exists(&object.0, &object.1) {
                wrong = Some((Law::Converge, format!("{object:?} is taken for gone")));
            }
        }
        if let Some((law, what)) = wrong {
            self.witness.broken(law, what);
        }
    }

    /// However many consumers there were, the other system ends at the newest state.
    pub(super) fn target_is_newest(&mut self) {
        let mut wrong = None;
        for (object, (state, version)) in &self.code.target {
            let excused = self.own.contains(object) || self.gaps || object.1.contains('@');
            let aside = self.witness.parked.contains_key(object) || object.0 == "user";
            let current = self.portal.version(&object.0, &object.1);
            if !excused && !aside && *state == State::Present && *version < current {
                wrong = Some(format!("{object:?} ends at {version:?}, not at {current:?}"));
            }
        }
        if let Some(what) = wrong.filter(|_| !self.resync_told && !self.has_aged_unheld()) {
            self.witness.broken(Law::NoRegress, what);
        }
    }

    pub(super) fn journal_is_lean(&mut self) {
        let parked = self.witness.parked.len();
        if self.journal.len() > parked + 1 {
            let keys: Vec<&str> = self.journal.keys().take(6).collect();
            let what = format!("{} entries for {parked} parked: {keys:?}", self.journal.len());
            self.witness.broken(Law::Lean, what);
        }
    }

    /// A last change comes within the poll interval (Stale).
    pub(super) fn is_fresh(&mut self) {
        let hindered = self.settings.operating_ms < 480_000 || self.settings.until_empty;
        if hindered || self.is_broken() {
            return;
        }
        self.pass(self.now + self.limited());
        // a machine may still back off from the last fault, and a lost call may still run
        self.pass(self.quiet_since.unwrap_or(self.now) + 150_000);
        let id = self.portal.create("crm.deal", Php::map([("TITLE", "the last")]), self.now);
        let object = ("crm.deal".to_owned(), id.unwrap_or_default());
        // an idle queue is looked at less often; after nudges that were followed, each five minutes
        let poll = self.settings.poll.0;
        let longest = if self.nudged { 300_000 } else { (6 * poll).min(60_000) };
        let end = self.now + poll.max(longest) * 5 / 4 + 20_000;
        self.pass(end);
        if !self.code.target.contains_key(&object) {
            self.witness.broken(Law::Stale, "the last change did not come in time");
        }
    }
}
