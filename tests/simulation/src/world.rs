//! Machine, portal, network, journal and user's code under one virtual clock.

use b24_offline_core::{
    Batch, Call, Config, ConfigError, Connector, Durability, Effect, End, EventName, Input,
    JournalContents, Machine, Mode, Notice, OnReject, Phase, Reply, Save, SaveOutcome, Timestamp,
    Until, Verdict, WriteResult,
};
use b24_offline_emulator::{Fault, FaultKind, Outcome, Portal};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::handler::UsersCode;
use crate::journal::Journal;
use crate::law::Law;
use crate::marks::Mark;
use crate::others::Other;
use crate::plan::{Damage, Plan, Settings};
use crate::random::{Random, mix};
use crate::wire::{Digest, Transport, reply};
use crate::witness::{Object, Witness, is_clean};

pub(crate) const START: u64 = 1_795_400_000_000;
const CONNECTOR: &str = "warehouse";
const EVENTS: &str = "ONCRMDEALADD ONCRMDEALUPDATE ONCRMDEALDELETE ONCRMCONTACTADD \
    ONCRMCONTACTUPDATE ONCRMCONTACTDELETE ONCRMDYNAMICITEMADD ONCRMDYNAMICITEMUPDATE \
    ONCRMDYNAMICITEMDELETE ONTASKADD ONTASKUPDATE ONTASKDELETE ONCRMCURRENCYADD \
    ONCRMCURRENCYUPDATE ONCRMCURRENCYDELETE ONUSERADD ONAPPUPDATE";

/// How machines are opened.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Maker {
    #[cfg(feature = "defect")]
    pub(crate) defect: Option<b24_offline_core::Defect>,
}

/// What is kept of a life besides its verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Keep {
    /// A readable story.
    pub(crate) story: bool,
    /// A hash of all effects.
    pub(crate) trace: bool,
}

/// Everything of one life.
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) portal: Portal,
    pub(crate) now: u64,
    pub(crate) machine: Option<Machine>,
    pub(crate) journal: Journal,
    pub(crate) code: UsersCode,
    pub(crate) witness: Witness,
    pub(crate) calls: u64,
    most_calls: u64,
    pub(crate) trace: u64,
    pub(crate) story: String,
    pub(crate) random: Random,
    pub(crate) skew: i64,
    pub(crate) asleep_until: u64,
    /// A crash comes after so many more effects, and lasts so long.
    pub(crate) crash_within: Option<(u64, u64)>,
    /// How long the machine stays away after its next end.
    pub(crate) stop_for: Option<u64>,
    pub(crate) damage: Option<Damage>,
    /// So many saves fail.
    pub(crate) disk_full: u64,
    /// So many answers come twice, the second so much later.
    pub(crate) repeats: (u64, u64),
    pub(crate) restart_at: Option<u64>,
    /// Other consumers that are alive, by the time at which they clear.
    pub(crate) others: BTreeMap<u64, Other>,
    pub(crate) transport: Transport,
    pub(crate) bindings_lost: Option<bool>,
    pub(crate) written: u64,
    /// Since when nobody changes anything.
    pub(crate) quiet_since: Option<u64>,
    pub(crate) number_of_changes: u64,
    /// Objects that we wrote to.
    pub(crate) own: BTreeSet<Object>,
    /// With the next call on its way the host's clock jumps, or the host sleeps.
    pub(crate) jump_with_call: Option<i64>,
    pub(crate) sleep_with_call: Option<u64>,
    pub(crate) plan_changed: bool,
    /// The user was told that a full resync is needed.
    pub(crate) resync_told: bool,
    /// There was a time without bindings.
    pub(crate) gaps: bool,
    keep: Keep,
    maker: Maker,
    coming: BTreeMap<(u64, u64), Coming>,
    on_the_way: BTreeMap<u64, Way>,
    saved_by: u64,
    number: u64,
    wake: Option<u64>,
    starts: u64,
    spins: u64,
    sweeps_at_loss: Option<u64>,
    ticked: u64,
    adopted: u64,
}

/// A call on its way.
#[derive(Debug)]
struct Way {
    method: String,
    digest: Digest,
    sent: u64,
    /// The host's clock jumped or stood still meanwhile: the machine may have given it up.
    doubtful: bool,
}

/// Something on its way to the host.
#[derive(Debug)]
enum Coming {
    Reply { call: u64, reply: Reply },
    Judged { batch: Batch, part: usize },
    Saved { save: Save, durable: bool },
}

/// A portal's plan with or without reservation.
pub(crate) fn plan_with(extended: bool) -> b24_offline_emulator::Plan {
    use b24_offline_emulator::{Feature, Plan};
    let offline_extended = if extended { Feature::On } else { Feature::Off };
    Plan { offline_extended, ..Plan::default() }
}

pub(crate) fn event_names() -> Vec<EventName> {
    EVENTS.split_whitespace().filter_map(|name| EventName::new(name).ok()).collect()
}

impl World {
    pub(crate) fn new(plan: &Plan, maker: Maker, keep: Keep) -> World {
        let settings = plan.settings.clone();
        let portal_settings = b24_offline_emulator::Settings {
            personality: settings.personality,
            seed: mix(plan.seed, 1),
            operating: b24_offline_emulator::Operating {
                limit_ms: settings.operating_ms,
                charge: settings.charge,
            },
            plan: plan_with(settings.extended),
            ..b24_offline_emulator::Settings::default()
        };
        let mut portal = Portal::new(portal_settings, START);
        let tokens = portal.issue_token("1");
        let connector = if settings.connector { CONNECTOR } else { "" };
        for event in event_names() {
            portal.bind(event.as_str(), connector);
        }
        let most_calls = 20_000 + 20 * settings.span / settings.poll.0.min(settings.sweep.0);
        World {
            code: UsersCode::new(settings.manners, plan.seed),
            settings,
            portal,
            now: START,
            machine: None,
            journal: Journal::default(),
            witness: Witness::default(),
            calls: 0,
            most_calls,
            trace: 0,
            story: String::new(),
            random: Random::new(mix(plan.seed, 2)),
            skew: 0,
            asleep_until: 0,
            crash_within: None,
            stop_for: None,
            damage: None,
            disk_full: 0,
            repeats: (0, 0),
            restart_at: None,
            others: BTreeMap::new(),
            transport: Transport::new(tokens),
            bindings_lost: None,
            written: 0,
            quiet_since: None,
            number_of_changes: 0,
            own: BTreeSet::new(),
            jump_with_call: None,
            sleep_with_call: None,
            plan_changed: false,
            resync_told: false,
            gaps: false,
            keep,
            maker,
            coming: BTreeMap::new(),
            on_the_way: BTreeMap::new(),
            saved_by: 0,
            number: 0,
            wake: None,
            starts: 0,
            spins: 0,
            sweeps_at_loss: None,
            ticked: 0,
            adopted: 0,
        }
    }

    /// One line of the story.
    pub(crate) fn tell(&mut self, line: impl FnOnce() -> String) {
        if self.keep.story {
            let past = self.now.saturating_sub(START);
            let (days, seconds) = (past / 86_400_000, past / 1_000 % 86_400);
            let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
            let thousandth = past % 1_000;
            let at = format!("{days}d {hour:02}:{minute:02}:{second:02}.{thousandth:03}");
            let _ = writeln!(self.story, "{at}  {}", line());
        }
    }

    pub(crate) fn is_durable(&self) -> bool {
        self.settings.journal == Durability::Durable
    }

    pub(crate) fn connector(&self) -> Option<&'static str> {
        self.settings.connector.then_some(CONNECTOR)
    }

    fn config(&self) -> Config {
        let settings = &self.settings;
        let mut config = Config::new("portal.example", event_names());
        config.connector = self.connector().and_then(|name| Connector::new(name).ok());
        config.retrieve = settings.retrieve;
        config.consumers = settings.consumers;
        config.mode = settings.mode;
        config.on_reject = settings.on_reject;
        config.journal = settings.journal;
        if settings.size > 0 {
            config.batch_size = b24_offline_core::BatchSize::Fixed(settings.size);
        }
        config.poll = settings.poll;
        config.sweep = settings.sweep;
        config.retry = b24_offline_core::Retry {
            first_delay: settings.first_delay,
            attempts: settings.attempts,
        };
        config.until = if settings.until_empty { Until::Empty } else { Until::Stopped };
        config
    }

    fn host_now(&self) -> Timestamp {
        Timestamp(self.now.saturating_add_signed(self.skew))
    }

    /// Starts the machine on what is left of the journal.
    pub(crate) fn start(&mut self) {
        self.restart_at = None;
        let damage = self.damage.take();
        let reserved = self.portal.queue_len() > 0;
        let (contents, changed) = self.journal.open(damage);
        if changed {
            self.witness.rests_forgotten();
            self.witness.attempts_forgotten();
            // which events were bound is forgotten with the journal
            self.bindings_lost = None;
            self.witness.marks.met_if(Mark::RolledBack, damage == Some(Damage::RolledBack));
            let gone = damage == Some(Damage::Deleted) && reserved;
            self.witness.marks.met_if(Mark::JournalGone, gone);
        }
        if self.is_durable() {
            // a done that was not durable before a crash counts for nothing
            self.witness.parked = self.journal.parked();
        }
        let at_rest = self.journal.objects("registered").next().is_some();
        self.witness.marks.met_if(Mark::RestartAtRest, at_rest);
        let parked = self.journal.objects("parked").next().is_some();
        self.witness.marks.met_if(Mark::RestartParked, parked);
        self.tell(|| format!("the machine starts on {} entries", contents.entries.len()));
        self.starts += 1;
        let (seed, now) = (self.starts, self.host_now());
        let opened = self.maker.open(self.config(), contents, seed, now);
        match opened {
            Ok(machine) => {
                self.machine = Some(machine);
                self.give(Input::Tick);
            }
            Err(error) => self.witness.broken(Law::Total, format!("it does not open: {error}")),
        }
    }

    pub(crate) fn phase(&self) -> Option<Phase> {
        self.machine.as_ref().map(|machine| machine.status().phase)
    }

    /// Kills the machine: what is on its way to it is lost, what was saved or applied is perhaps done.
    pub(crate) fn crash(&mut self, down: u64) {
        let Some(machine) = self.machine.take() else { return };
        self.tell(|| format!("the machine is killed and stays away for {down} ms"));
        let status = machine.status();
        self.witness.marks.met_if(Mark::CrashDelivering, status.delivering > 0);
        self.witness.marks.met_if(Mark::CrashChecking, status.phase == Phase::Checking);
        self.leave(down);
    }

    /// Nobody is there any more for what is on its way.
    fn leave(&mut self, down: u64) {
        self.machine = None;
        self.wake = None;
        self.crash_within = None;
        self.on_the_way.clear();
        let mut saves = true;
        for coming in std::mem::take(&mut self.coming).into_values() {
            match coming {
                Coming::Saved { save, durable } => {
                    saves &= durable && self.random.once_in(2);
                    if saves {
                        self.journal.write(&save);
                    }
                    let mark = if saves { Mark::CrashSaved } else { Mark::CrashSaving };
                    self.witness.marks.met(mark);
                }
                Coming::Judged { batch, part } => {
                    if self.random.once_in(2) {
                        self.witness.marks.met(Mark::CrashApplied);
                        self.apply(&batch, part);
                    }
                }
                Coming::Reply { .. } => self.witness.marks.met(Mark::CrashCalling),
            }
        }
        self.code.leave();
        let durable = self.is_durable();
        self.witness.crashed(durable);
        self.restart_at = Some(self.now + down);
    }

    /// Gives an input now.
    pub(crate) fn give(&mut self, input: Input) {
        let now = self.host_now();
        let Some(machine) = &mut self.machine else { return };
        let name = if self.keep.story { format!("{input:?}") } else { String::new() };
        let step = match machine.handle(input, now) {
            Ok(step) => step,
            Err(misuse) => {
                self.witness.broken(Law::Total, format!("{misuse} at {name}"));
                return;
            }
        };
        if self.keep.trace {
            let text = format!("{step:?}");
            self.trace = text.bytes().fold(self.trace, |hash, byte| mix(hash, u64::from(byte)));
        }
        if let Some(wake) = step.wake_at.filter(|wake| wake.at <= now && step.effects.is_empty()) {
            self.witness.broken(Law::Total, format!("it wakes at or before now: {wake:?}"));
        }
        // a host's timer runs for a span of time, whatever its clock does meanwhile
        self.wake = step.wake_at.map(|wake| self.now.saturating_add(wake.at.since(now).0));
        let (count, over) = (step.effects.len(), step.wake_at.is_none());
        for (place, effect) in step.effects.into_iter().enumerate() {
            if let Some((left, down)) = self.crash_within {
                if left == 0 {
                    self.witness.marks.met_if(Mark::CrashBetween, place > 0 && place < count);
                    self.crash(down);
                    return;
                }
                self.crash_within = Some((left - 1, down));
            }
            self.carry_out(effect);
        }
        if over {
            self.note_end();
        }
    }

    fn note_end(&mut self) {
        let Some(Phase::Ended(end)) = self.phase() else { return };
        self.tell(|| format!("the machine has ended: {end:?}"));
        match &end {
            End::Empty => self.ended_empty(),
            End::Stopped => self.witness.marks.met(Mark::Stopped),
            End::Failed(_) => {}
        }
        let down = match end {
            End::Stopped => self.stop_for.take().unwrap_or(1_000),
            End::Empty => self.settings.poll.0,
            End::Failed(_) => self.settings.poll.0.max(60_000),
        };
        self.leave(down);
    }

    fn ended_empty(&mut self) {
        self.witness.marks.met(Mark::EndedEmpty);
        let left = self.portal.queue().iter().filter(|row| row.process_id.is_empty()).count();
        if self.quiet_since.is_some_and(|at| at + 70_000 < self.now) && left > 0 {
            let what = format!("it ended on an empty queue while {left} records were free");
            self.witness.broken(Law::BothLanes, what);
        }
    }

    fn later(&mut self, at: u64, coming: Coming) {
        self.number += 1;
        self.coming.insert((at, self.number), coming);
    }

    fn carry_out(&mut self, effect: Effect) {
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

    fn call(&mut self, call: &Call) {
        self.calls += 1;
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
    fn note_cut(&mut self, before: &[Fault], sub_calls: usize) {
        let left = self.portal.waiting_faults();
        let cut = before.iter().filter(|fault| !left.contains(fault)).any(|fault| {
            matches!(fault.kind, FaultKind::BatchDies { after_calls }
                if (1..sub_calls).contains(&after_calls))
        });
        self.witness.marks.met_if(Mark::BatchCut, cut);
    }

    fn tell_call(&mut self, call: &Call, digest: &Digest, outcome: &Outcome) {
        let answer: String = format!("{outcome:?}").chars().take(1_500).collect();
        let methods = digest.methods.join(", ");
        let named: Vec<String> =
            digest.clears.iter().chain(&digest.errors).map(|named| format!("{named:?}")).collect();
        let id = call.id;
        self.tell(|| format!("call {id}: {methods} {} -> {answer}", named.join(" ")));
    }

    fn check_connector(&mut self, call: &Call, digest: &Digest) {
        let inner = digest.inner_connector;
        let asks_plan =
            digest.methods.iter().all(|name| name == "feature.get" || name == "event.get");
        let carries = call.connector.as_ref().map(|name| name.as_str());
        if inner || (!asks_plan && carries != self.connector()) {
            let what = format!("{} carries {carries:?}, inside: {inner}", call.method);
            self.witness.broken(Law::Connector, what);
        }
    }

    fn deliver(&mut self, batch: Batch) {
        let journal = self.is_durable().then_some(&self.journal);
        self.witness.delivered(&batch, journal, self.now);
        let parts = self.code.take(&batch, &self.portal);
        if self.keep.story {
            let keys: Vec<String> =
                batch.changes.iter().map(|change| UsersCode::words(change)).collect();
            self.tell(|| format!("deliver {}: {}", batch.id, keys.join("; ")));
        }
        self.witness.marks.met_if(Mark::TwoParts, parts.len() > 1);
        for (part, delay) in parts {
            self.later(self.now + delay, Coming::Judged { batch: batch.clone(), part });
        }
    }

    /// The changes of a part that are done reach the other system.
    fn apply(&mut self, batch: &Batch, part: usize) {
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

    fn judged(&mut self, batch: &Batch, part: usize) {
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

    fn noticed(&mut self, notice: &Notice) {
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
            self.resync_told = true;
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
    fn portal_acts(&mut self) {
        let before = self.portal.queue();
        let recorded = self.portal.audit().recorded;
        self.portal.advance(self.now);
        let after = self.portal.queue();
        if self.portal.audit().recorded > recorded {
            self.witness.marks.met(Mark::OwnChange);
        }
        let process = |rows: &[b24_offline_emulator::Record], id: u64| {
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

    fn arrive(&mut self, coming: Coming) {
        match coming {
            Coming::Reply { call, reply } => {
                let Some(way) = self.on_the_way.remove(&call) else {
                    self.witness.marks.met(Mark::AnswerTwice);
                    self.give(Input::Replied { call: b24_offline_core::CallId(call), reply });
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
                self.give(Input::Replied { call: b24_offline_core::CallId(call), reply });
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

    pub(crate) fn is_asleep(&self) -> bool {
        self.asleep_until > self.now
    }

    /// Whether something is on its way to the host.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.coming.is_empty()
    }

    /// The host's clock jumps, or the host sleeps, with a call on its way.
    fn doubt(&mut self) {
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

impl Maker {
    fn open(
        self,
        config: Config,
        journal: JournalContents,
        seed: u64,
        now: Timestamp,
    ) -> Result<Machine, ConfigError> {
        #[cfg(feature = "defect")]
        if let Some(defect) = self.defect {
            return Machine::open_with_defect(defect, config, journal, seed, now);
        }
        Machine::open(config, journal, seed, now)
    }
}
