//! One life from its first to its last moment: faults, then quiet, then the reckoning.

mod reckon;

use b24_offline_core::{Consumers, Durability, Input, Phase, Redrive, WriteId};
use b24_offline_emulator::{FaultKind, Php};
use serde_json::json;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::law::{Breach, Law};
use crate::marks::{Mark, Marks};
use crate::plan::{KINDS, Plan, What};
use crate::world::{Keep, Maker, START, World, event_names, plan_with};

/// What a life came to.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    pub(crate) breach: Option<Breach>,
    pub(crate) marks: Marks,
    pub(crate) calls: u64,
    /// Virtual milliseconds.
    pub(crate) span: u64,
    pub(crate) trace: u64,
    pub(crate) story: String,
}

const HOUR: u64 = 3_600_000;
/// No object has this number.
pub(crate) const NOBODY: u64 = 77_777;

/// Lives a plan.
pub(crate) fn live(plan: &Plan, maker: Maker, keep: Keep) -> Life {
    let mut world = World::new(plan, maker, keep);
    let lived = catch_unwind(AssertUnwindSafe(|| {
        world.lives(plan);
        world.quiet();
    }));
    if let Err(panic) = lived {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        world.witness.broken(Law::Total, format!("panic: {}", text.unwrap_or_default()));
    }
    Life {
        breach: world.witness.breach.take(),
        marks: world.witness.marks.clone(),
        calls: world.calls,
        span: world.now - START,
        trace: world.trace,
        story: std::mem::take(&mut world.story),
    }
}

impl World {
    fn is_broken(&self) -> bool {
        self.witness.breach.is_some()
    }

    fn pass(&mut self, end: u64) {
        while !self.is_broken() && self.step(end) {}
    }

    fn lives(&mut self, plan: &Plan) {
        self.start();
        for happening in &plan.happenings {
            self.pass(START + happening.at);
            if self.is_broken() {
                return;
            }
            self.tell(|| format!("happens: {:?}", happening.what));
            self.happen(&happening.what);
        }
        self.pass(START + plan.settings.span);
    }

    fn happen(&mut self, what: &What) {
        match what {
            // nobody tells a host that sleeps
            What::Stop { .. } | What::Nudge | What::Redrive | What::Write { .. }
                if self.is_asleep() => {}
            What::Create { .. }
            | What::Change { .. }
            | What::Delete { .. }
            | What::Restore { .. }
            | What::Strange
            | What::HugeOrphan { .. } => self.people(what),
            What::Fault(fault) => {
                self.thief |= matches!(fault.kind, FaultKind::BetweenSelectAndMark(_));
                self.portal.inject(fault.clone());
            }
            What::Crash { down } => self.crash(*down),
            What::CrashWithin { effects, down } => self.crash_within = Some((*effects, *down)),
            What::Stop { down } => {
                self.stop_for = Some(*down);
                let open = self.machine.as_ref().is_some_and(|m| m.status().delivering > 0);
                self.witness.marks.met_if(Mark::StopWaited, open);
                self.give(Input::Stop);
            }
            What::Down(down) => self.code.down = *down,
            What::Nudge => {
                self.nudged = true;
                self.give(Input::Nudge);
            }
            What::Redrive => self.redrive(),
            What::Write { object, odd } => self.write(*object, *odd),
            What::TokensExpire => self.portal.expire_tokens(),
            What::Clock { by } => self.jump_with_call = Some(*by),
            What::Sleep { ms } => self.sleep_with_call = Some(*ms),
            What::Orphan { errored, limit } => self.orphan(*errored, *limit, false),
            What::Other { limit, holds } => self.other_reserves(*limit, *holds),
            What::LeaveErrored { limit } => self.orphan(false, *limit, true),
            What::LoseBindings => self.lose_bindings(),
            What::Plan { extended } => self.set_plan(*extended),
            What::Repeat { answers, after } => self.repeats = (*answers, *after),
            What::DiskFull { saves } => self.disk_full = *saves,
            What::Journal(damage) => self.damage = Some(*damage),
        }
    }

    fn set_plan(&mut self, extended: bool) {
        self.plan_changed |= extended != self.settings.extended;
        self.portal.set_plan(plan_with(extended));
    }

    fn lose_bindings(&mut self) {
        // while some are missing already, their being bound again is still to come
        let bound = self.portal.bindings().len() >= event_names().len();
        self.portal.remove_bindings();
        self.gaps = true;
        if bound && self.journal.knows_bindings() {
            self.bindings_lost = Some(true);
        }
    }

    fn redrive(&mut self) {
        if self.machine.is_some() {
            self.witness.redriven.extend(self.witness.parked.keys().cloned());
        }
        self.give(Input::Redrive(Redrive::All));
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are not done by people")]
    fn people(&mut self, what: &What) {
        self.number_of_changes += 1;
        self.changed_at = self.now;
        let (now, number) = (self.now, self.number_of_changes);
        let kind = |kind: usize| KINDS[kind % KINDS.len()];
        match what {
            What::Create { kind: which, count } => {
                for n in 0..*count {
                    let title = format!("{number}-{n}");
                    let fields = match kind(*which) {
                        "crm.currency" => Php::map([("CURRENCY", format!("C{number}X{n}"))]),
                        "user" => Php::map([("NAME", title)]),
                        _ => Php::map([("TITLE", title.clone()), ("title", title)]),
                    };
                    self.portal.create(kind(*which), fields, now);
                }
            }
            What::Change { kind: which, object } => {
                if let Some(id) = self.pick(kind(*which), *object) {
                    let fields = Php::map([("COMMENTS", number.to_string())]);
                    self.portal.change(kind(*which), &id, fields, now);
                    self.witness.changed(kind(*which), &id, now);
                }
            }
            What::Delete { kind: which, object } => {
                if let Some(id) = self.pick(kind(*which), *object) {
                    self.portal.delete(kind(*which), &id, now);
                    self.witness.changed(kind(*which), &id, now);
                }
            }
            What::Restore { kind: which, object } => {
                self.portal.restore(kind(*which), &(object + 1).to_string(), now);
            }
            What::HugeOrphan { count } => {
                for n in 0..*count {
                    let fields = Php::map([("TITLE", format!("{number}-{n}"))]);
                    self.portal.create("crm.contact", fields, now);
                }
                self.orphan(false, *count, false);
            }
            _ => self.portal.record_event("ONAPPUPDATE", json!(false), now),
        }
    }

    fn pick(&self, kind: &str, object: u64) -> Option<String> {
        let ids = self.portal.object_ids(kind);
        let at = usize::try_from(object).ok()?.checked_rem(ids.len())?;
        ids.get(at).cloned()
    }

    fn write(&mut self, object: u64, odd: bool) {
        let known = self.pick("crm.deal", object).filter(|_| object != NOBODY);
        let id = known.unwrap_or_else(|| NOBODY.to_string());
        self.written += 1;
        let mark = format!("w{}", self.written);
        let params = if odd {
            json!({ "id": id, "fields": { "COMMENTS": mark, "CLOSED": null } })
        } else {
            json!({ "id": id, "fields": { "COMMENTS": mark } })
        };
        self.own.insert(("crm.deal".to_owned(), id));
        let write = WriteId(self.written);
        let method = "crm.deal.update".to_owned();
        self.give(Input::Write { write, method, params: params.to_string() });
    }

    /// Nothing fails any more: everything must converge, in bounded time.
    fn quiet(&mut self) {
        if self.is_broken() {
            return;
        }
        self.tell(|| "quiet".into());
        self.quiet_since = Some(self.now);
        self.portal.clear_faults();
        self.set_plan(self.settings.extended_last);
        self.code.calm();
        (self.disk_full, self.repeats) = (0, (0, 0));
        (self.damage, self.crash_within) = (None, None);
        (self.jump_with_call, self.sleep_with_call) = (None, None);
        self.asleep_until = self.now;
        if self.settings.redrive {
            self.redrive();
        }
        let bound = self.bound();
        self.adopts_in_time();
        self.others_go_on(bound);
        self.release_hung();
        self.converges(bound);
        if !self.is_broken() {
            self.reckon();
        }
        self.is_fresh();
        let marks = &mut self.witness.marks;
        let returned = self.portal.audit().own_writes_returned.values().sum::<u64>();
        marks.met_if(Mark::OwnReturned, returned > 0 && !self.settings.connector);
    }

    /// Within this time everything has converged: retries, rests, sweeps, limits of methods.
    fn bound(&self) -> u64 {
        let settings = &self.settings;
        let retries = (settings.first_delay.0 << settings.attempts).min(2 * HOUR);
        6 * settings.sweep.0 + 40 * settings.poll.0 + 4 * retries + 4 * HOUR
    }

    /// Reservations that nobody owned when the faults ended are known by now (OrphanBound).
    fn adopts_in_time(&mut self) {
        let settings = &self.settings;
        // most sweeps only count the records of so many reservations
        let many = self.journal.most_reservations() > 24;
        let hindered = many || settings.operating_ms < 480_000 || settings.until_empty;
        if settings.journal == Durability::None || hindered {
            return;
        }
        let orphans = |world: &World| -> Vec<(u64, String)> {
            // with more in hand most sweeps look between its reservations alone
            let between = world.portal.queue_len() > 12;
            let rows = world.portal.queue().into_iter().filter(|row| !row.process_id.is_empty());
            let hidden = |process: &str| between && world.journal.knows(process);
            let strange =
                rows.filter(|row| !world.journal.names(row.id) && !hidden(&row.process_id));
            strange.map(|row| (row.id, row.process_id)).collect()
        };
        let before = orphans(self);
        // a machine that is away, or backs off, begins within the first two minutes
        let away = self.restart_at.map_or(0, |at| at.saturating_sub(self.now));
        let lease = match settings.consumers {
            Consumers::Sole => 0,
            // it is seen, rests, and is seen to have rested
            Consumers::Shared { lease } => 2 * lease.0 + settings.sweep.0 * 5 / 4,
        };
        let limited = self.limited();
        let end = self.now + away + settings.sweep.0 * 5 / 4 + 60_000 + 150_000 + lease + limited;
        self.pass(end);
        if before.is_empty() || self.is_broken() {
            return;
        }
        let after = orphans(self);
        if let Some((id, process)) = after.iter().find(|orphan| before.contains(orphan)) {
            let what = format!("record {id} under {process} was not adopted in time");
            self.witness.broken(Law::OrphanBound, what);
        }
    }

    /// So long a method may wait that had used up its operating time.
    pub(crate) fn limited(&self) -> u64 {
        let met = |mark| self.witness.marks.count(mark);
        let limits = met(Mark::OperatingLimit) + met(Mark::OperatingBatch);
        if limits > 0 { 600_000 } else { 0 }
    }

    /// What hangs holds its own objects only.
    fn others_go_on(&mut self, bound: u64) {
        if !self.code.hangs() {
            return;
        }
        let end = self.now + bound;
        while self.now < end && !self.is_broken() {
            let held = self.machine.as_ref().map_or(u64::MAX, |machine| machine.status().held);
            if held <= self.code.hanging() as u64 || self.code.hanging_batches() >= 4 {
                return;
            }
            self.pass(self.now + self.settings.poll.0.clamp(2_000, HOUR));
        }
        if !self.is_broken() && self.code.hanging_batches() < 4 {
            let held = self.machine.as_ref().map(|machine| machine.status().held);
            let what = format!("{} changes hang and {held:?} are held", self.code.hanging());
            self.witness.broken(Law::Isolation, what);
        }
    }

    /// The bound holds from the last record that was done: limits of methods make many records slow.
    fn converges(&mut self, bound: u64) {
        let (mut end, mut done) = (self.now + bound, self.witness.judged.len());
        let mut why = self.unsettled();
        while why.is_some() && self.now < end && !self.is_broken() {
            self.pass(self.now + self.settings.poll.0.clamp(2_000, HOUR));
            why = self.unsettled();
            if self.witness.judged.len() > done {
                (end, done) = (self.now + bound, self.witness.judged.len());
            }
        }
        if let Some(why) = why {
            self.witness.broken(Law::Converge, why);
        }
    }

    /// What is left that nobody explains.
    fn unsettled(&self) -> Option<String> {
        match &self.machine {
            Some(machine) => {
                let status = machine.status();
                let ready = matches!(status.phase, Phase::Running | Phase::HandlerDown);
                if !ready || status.held > 0 || status.writes_open > 0 {
                    return Some(format!("{} held, {:?}", status.held, status.phase));
                }
            }
            None if self.settings.until_empty => {}
            None => return Some("the machine does not run".into()),
        }
        if self.is_waiting() {
            return Some("something is on its way".into());
        }
        let in_hand = |key: &&str| key.starts_with("kept/") || key.starts_with("reservation/");
        if let Some(key) = self.journal.keys().find(in_hand) {
            return Some(format!("the journal still holds {key}"));
        }
        let missing = self.portal.bindings().len() < event_names().len();
        if missing || self.bindings_lost.is_some() {
            return Some(format!("bindings are lost: {missing}, untold: {:?}", self.bindings_lost));
        }
        let parked = |id: u64| self.witness.parked.values().any(|ids| ids.contains(&id));
        let rows = self.portal.queue();
        let row = rows.iter().find(|row| row.process_id.is_empty() || !parked(row.id))?;
        let (id, process) = (row.id, &row.process_id);
        Some(format!("record {id} is left, under '{process}', errored: {}", row.error))
    }
}
