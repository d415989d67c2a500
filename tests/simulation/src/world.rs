//! Machine, portal, network, journal and user's code under one virtual clock.

mod effects;
mod maker;
mod turn;

pub(crate) use maker::Maker;

use b24_offline_core::{
    Batch, Config, Connector, Durability, End, EventName, Input, Machine, Phase, Reply, Save,
    Timestamp, Until,
};
use b24_offline_emulator::Portal;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::handler::UsersCode;
use crate::journal::Journal;
use crate::law::Law;
use crate::marks::Mark;
use crate::others::Other;
use crate::plan::{Damage, Plan, Settings};
use crate::random::{Random, mix};
use crate::wire::{Digest, Transport};
use crate::witness::{Object, Witness};

pub(crate) const START: u64 = 1_795_400_000_000;
const CONNECTOR: &str = "warehouse";
const EVENTS: &str = "ONCRMDEALADD ONCRMDEALUPDATE ONCRMDEALDELETE ONCRMCONTACTADD \
    ONCRMCONTACTUPDATE ONCRMCONTACTDELETE ONCRMDYNAMICITEMADD ONCRMDYNAMICITEMUPDATE \
    ONCRMDYNAMICITEMDELETE ONTASKADD ONTASKUPDATE ONTASKDELETE ONCRMCURRENCYADD \
    ONCRMCURRENCYUPDATE ONCRMCURRENCYDELETE ONUSERADD ONAPPUPDATE";

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
    /// When new records were last looked for, and when people last changed anything.
    looked_at: u64,
    pub(crate) changed_at: u64,
    /// Since when nobody changes anything.
    pub(crate) quiet_since: Option<u64>,
    pub(crate) number_of_changes: u64,
    /// Objects that we wrote to.
    pub(crate) own: BTreeSet<Object>,
    /// With the next call on its way the host's clock jumps, or the host sleeps.
    pub(crate) jump_with_call: Option<i64>,
    pub(crate) sleep_with_call: Option<u64>,
    pub(crate) plan_changed: bool,
    /// Another consumer was to come between the two steps of a get.
    pub(crate) thief: bool,
    /// Somebody has told of new records.
    pub(crate) nudged: bool,
    /// Another consumer has reserved records that are deleted by their age then.
    pub(crate) others_took_old: bool,
    /// The journal was damaged once.
    pub(crate) damaged: bool,
    /// It was an older one once.
    pub(crate) rolled_back: bool,
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

/// The portal of a life, its events bound.
fn portal_of(plan: &Plan) -> Portal {
    let settings = &plan.settings;
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
    let connector = if settings.connector { CONNECTOR } else { "" };
    for event in event_names() {
        portal.bind(event.as_str(), connector);
    }
    portal
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
        let mut portal = portal_of(plan);
        let tokens = portal.issue_token("1");
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
            looked_at: 0,
            changed_at: 0,
            quiet_since: None,
            number_of_changes: 0,
            own: BTreeSet::new(),
            jump_with_call: None,
            sleep_with_call: None,
            plan_changed: false,
            others_took_old: false,
            thief: false,
            nudged: false,
            damaged: false,
            rolled_back: false,
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
            self.damaged = true;
            self.rolled_back |= damage == Some(Damage::RolledBack);
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
        self.tell(|| {
            let keys: Vec<&str> = contents.entries.iter().map(|one| one.key.as_str()).collect();
            format!("the machine starts on {} entries: {}", keys.len(), keys.join(" "))
        });
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
        let seen = self.changed_at + 70_000 < self.looked_at;
        if self.quiet_since.is_some() && seen && left > 0 {
            let what = format!("it ended on an empty queue while {left} records were free");
            self.witness.broken(Law::BothLanes, what);
        }
    }

    pub(crate) fn is_asleep(&self) -> bool {
        self.asleep_until > self.now
    }

    /// Whether something is on its way to the host.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.coming.is_empty()
    }
}
