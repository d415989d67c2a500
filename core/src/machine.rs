//! The machine itself: routes an input to its owner and gathers one step.

mod run;

use crate::bindings::Rebind;
use crate::check::Check;
use crate::clock::{Clock, Moment, Random};
use crate::config::{Config, Consumers, Limits, Mode};
use crate::cycle::Cycle;
use crate::defect::{Broken, Defect, Memory};
use crate::deletion::Deletion;
use crate::error::{ConfigError, Misuse};
use crate::evidence::Watch;
use crate::failure::Failure;
use crate::handler::Handler;
use crate::id::{CallId, ProcessId, SaveId};
use crate::input::{Input, Redrive, SaveOutcome};
use crate::journal::JournalContents;
use crate::json::Value;
use crate::lane::{Lane, Parked, Settle, Stage, Tries, Work};
use crate::ledger::{AfterSave, Inheritance, Ledger};
use crate::notice::Notice;
use crate::ordered::{Map, Set};
use crate::pace::Pace;
use crate::record::{Key, Records};
use crate::reserve::Reserve;
use crate::round::{REST, Round, TIMEOUT};
use crate::rule::Registry;
use crate::shared::Leases;
use crate::status::{Counters, End, Phase, Status};
use crate::step::{Effect, Step, WriteResult, Written};
use crate::sweep::Sweep;
use crate::time::{Millis, Timestamp};
use crate::write::{Write, Writes};
use std::sync::Arc;

/// A call without an answer is given up so long after its own time limit.
const CALL_GRACE: Millis = Millis::seconds(10);

/// The synchronous state machine that drains one queue.
///
/// It does no I/O: a host gives it inputs and carries out the effects of each step.
///
/// ```
/// use b24_offline_core::{
///     Config, Effect, EventName, Input, JournalContents, Limits, Machine, Timestamp,
/// };
/// let mut config = Config::new("portal.example", vec![EventName::new("ONCRMDEALADD").unwrap()]);
/// config.limits = Limits::Off; // with a bucket the first call waits half a second
/// let now = Timestamp(1_795_000_000_000);
/// let mut machine = Machine::open(config, JournalContents::default(), 7, now).unwrap();
/// let step = machine.handle(Input::Tick, now).unwrap();
/// assert!(step.effects.iter().any(|effect| matches!(effect, Effect::Call(_))));
/// ```
#[derive(Debug, Clone)]
pub struct Machine {
    pub(crate) config: Config,
    pub(crate) registry: Arc<Registry>,
    pub(crate) phase: PhaseState,
    pub(crate) check: Check,
    pub(crate) lane: Lane,
    pub(crate) settle: Settle,
    pub(crate) handler: Handler,
    pub(crate) reserve: Reserve,
    pub(crate) sweep: Sweep,
    pub(crate) deletion: Deletion,
    /// How records are taken, once it is known.
    pub(crate) mode: Option<Mode>,
    pub(crate) leases: Leases,
    pub(crate) watch: Watch,
    pub(crate) writes: Writes,
    pub(crate) cycle: Cycle,
    pub(crate) ledger: Ledger,
    pub(crate) pace: Pace,
    pub(crate) calls: Map<CallId, OpenCall>,
    /// Bindings that had vanished.
    pub(crate) rebind: Rebind,
    /// The one object whose reading made a whole batch fail.
    pub(crate) suspect: Option<Key>,
    /// Rounds in a row that said that the token has expired.
    pub(crate) expired: u32,
    /// At most so many objects are read in one batch.
    pub(crate) read_cap: usize,
    /// What the answers of the round at hand say together.
    pub(crate) together: crate::answers::Together,
    /// What is wrong with it on purpose, in tests only.
    broken: Broken,
    pub(crate) memory: Memory,
    pub(crate) book: Book,
}

/// What decides nothing: ids, time, randomness, sums, and the step in the making.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) counters: Counters,
    pub(crate) waiting: Option<u64>,
    pub(crate) rounds: u64,
    pub(crate) next_id: u64,
    /// The portal's clock less the host's.
    ahead: i64,
    effects: Vec<Effect>,
}

/// The phase with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PhaseState {
    Checking,
    Running,
    Stopping {
        since: Moment,
    },
    /// Nothing more is asked; the journal is told so before the end.
    Closing(End),
    Ended(End),
}

/// A call on its way.
#[derive(Debug, Clone)]
pub(crate) struct OpenCall {
    pub(crate) what: Asking,
    deadline: Moment,
}

/// What a call on its way is for.
#[derive(Debug, Clone)]
pub(crate) enum Asking {
    Round(Round),
    Write(Write),
}

impl Machine {
    /// Opens the machine on what the host found in its journal. The first input is `Tick`.
    ///
    /// `seed` feeds the jitter of back-offs: the same seed and inputs give the same steps.
    ///
    /// # Errors
    /// [`ConfigError`] when the configuration can't work or the journal is another queue's.
    pub fn open(
        config: Config,
        journal: JournalContents,
        seed: u64,
        now: Timestamp,
    ) -> Result<Machine, ConfigError> {
        Machine::open_as(Broken::default(), config, journal, seed, now)
    }

    /// Opens a machine that is wrong in one way.
    ///
    /// # Errors
    /// As [`Machine::open`].
    #[cfg(feature = "defect")]
    pub fn open_with_defect(
        defect: Defect,
        config: Config,
        journal: JournalContents,
        seed: u64,
        now: Timestamp,
    ) -> Result<Machine, ConfigError> {
        Machine::open_as(Broken { defect: Some(defect) }, config, journal, seed, now)
    }

    fn open_as(
        broken: Broken,
        config: Config,
        journal: JournalContents,
        seed: u64,
        now: Timestamp,
    ) -> Result<Machine, ConfigError> {
        config.check()?;
        let (ledger, inheritance) = Ledger::open(&config, journal)?;
        let limits = if broken.has(Defect::IgnoreBucket) { Limits::Off } else { config.limits };
        let mut machine = Machine {
            registry: Arc::new(Registry::new(&config.rules)),
            phase: PhaseState::Checking,
            check: Check::default(),
            lane: Lane::new(config.consumers != Consumers::Sole, broken),
            settle: Settle::default(),
            handler: Handler::default(),
            reserve: Reserve::new(config.batch_size),
            sweep: Sweep::new(config.sweep),
            deletion: Deletion::default(),
            mode: None,
            leases: Leases::new(if broken.has(Defect::IgnoreLease) {
                Consumers::Sole
            } else {
                config.consumers
            }),
            watch: Watch::default(),
            writes: Writes::default(),
            cycle: Cycle::default(),
            ledger,
            pace: Pace::new(limits),
            calls: Map::new(),
            rebind: Rebind::default(),
            suspect: None,
            expired: 0,
            read_cap: crate::dispatch::MOST_OBJECTS,
            together: crate::answers::Together::default(),
            broken,
            memory: Memory::default(),
            book: Book {
                clock: Clock::new(now),
                random: Random::new(seed),
                counters: Counters::default(),
                waiting: None,
                rounds: 0,
                next_id: 1,
                ahead: 0,
                effects: Vec::new(),
            },
            config,
        };
        machine.inherit(inheritance);
        Ok(machine)
    }

    fn inherit(&mut self, inheritance: Inheritance) {
        for (key, attempts, records) in inheritance.parked {
            self.watch_inherited(&records);
            self.lane.park(&key, Parked { records, attempts });
            self.lane.set_journalled(&key, true);
        }
        for (key, attempts, records) in inheritance.registered {
            if self.has(Defect::ForgetRegistered) {
                continue;
            }
            let mut work = Work::new(records, 1);
            work.tries = Tries::new(attempts, 1);
            work.origin = crate::change::Origin::Redriven;
            work.registered = true;
            // when its `error` was sent is not known, but the call began before now
            work.stage = Stage::Resting { until: Moment(0).plus(TIMEOUT).plus(REST) };
            self.lane.begin(key.clone(), work);
            self.lane.set_journalled(&key, true);
        }
        for (key, record) in inheritance.kept {
            // an object that is parked or registered has it in the object's own entry
            if self.lane.has(record.id, &record.changed_at) {
                self.ledger.forget_kept(&Records::from_iter([(record.id, record)]));
            } else {
                self.deletion.inherit(key, record, Moment(0));
            }
        }
        if let Some((entries, resync)) = inheritance.damaged {
            self.notice(Notice::JournalDamaged { entries, resync });
        }
    }

    /// Takes one input and answers with one complete step.
    ///
    /// # Errors
    /// [`Misuse`] when the host broke the contract; nothing has changed then. Whatever the portal
    /// answers is never an error.
    pub fn handle(&mut self, input: Input, now: Timestamp) -> Result<Step, Misuse> {
        self.admit(&input)?;
        self.book.clock.advance(now);
        self.take(input);
        self.run();
        let wake_at = self.next_wake();
        Ok(Step { effects: std::mem::take(&mut self.book.effects), wake_at })
    }

    /// How it is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            phase: match &self.phase {
                PhaseState::Checking => Phase::Checking,
                PhaseState::Running if self.handler.is_down() => Phase::HandlerDown,
                PhaseState::Running => Phase::Running,
                PhaseState::Stopping { .. } | PhaseState::Closing(_) => Phase::Stopping,
                PhaseState::Ended(end) => Phase::Ended(end.clone()),
            },
            waiting: self.book.waiting,
            held: self.lane.working().saturating_add(self.deletion.len()),
            delivering: self.lane.delivered(),
            parked: self.lane.parked_count(),
            writes_open: self.writes.open_count(),
            counters: self.book.counters,
        }
    }

    /// Whether it is wrong in this way on purpose.
    pub(crate) fn has(&self, defect: Defect) -> bool {
        self.broken.has(defect)
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Tick => {}
            Input::Nudge => self.reserve.nudged = true,
            Input::Replied { call, reply } => self.replied(call, reply),
            Input::Judged { batch, verdicts } => self.judged(batch, verdicts),
            Input::Saved { save, outcome } => self.saved(save, outcome),
            Input::Write { write, method, params } => {
                let params = Value::read(&params).unwrap_or_default();
                if let Some(why) = Writes::objection(&method, &params) {
                    let refused =
                        WriteResult::Refused { code: String::new(), description: why.into() };
                    self.effect(Effect::Written(Written { write, result: refused }));
                } else {
                    let object = self.registry.written(&method, &params);
                    self.writes.add(write, method, params, object.clone());
                    if let Some(object) = object {
                        self.tell_of_cycle(&object, self.now());
                    }
                }
            }
            Input::Redrive(redrive) => self.redrive(&redrive),
            Input::Stop => {
                if !matches!(self.phase, PhaseState::Stopping { .. } | PhaseState::Closing(_)) {
                    self.phase = PhaseState::Stopping { since: self.now() };
                }
            }
        }
    }

    fn saved(&mut self, save: SaveId, outcome: SaveOutcome) {
        let after = self.ledger.saved(save).unwrap_or_default();
        match outcome {
            SaveOutcome::Done => self.go_on(after, Some(save)),
            SaveOutcome::Failed { why } => self.fail(Failure::Journal { why }),
        }
    }

    fn go_on(&mut self, after: Vec<AfterSave>, save: Option<SaveId>) {
        let now = self.now();
        for next in after {
            match next {
                AfterSave::Reservation(process) => self.lane.confirm_saved(&process, save),
                AfterSave::Intent(key) => self.lane.set_stage(&key, Stage::ErrorDue),
                AfterSave::Clear(records) => self.settle.add(&records, now),
                AfterSave::Delete(id) => self.deletion.saved(id),
                AfterSave::Opened => self.ledger.is_opened = true,
            }
        }
    }

    fn redrive(&mut self, redrive: &Redrive) {
        for key in self.lane.parked_keys() {
            let named = match redrive {
                Redrive::All => true,
                Redrive::Objects(objects) => objects.contains(&key.object()),
            };
            // an object in work drives its parked records along
            if !named || self.lane.work(&key).is_some() {
                continue;
            }
            let journalled = self.lane.is_journalled(&key);
            let Some(parked) = self.lane.unpark(&key) else { continue };
            let mut work = Work::new(parked.records, 1);
            work.tries = Tries::new(parked.attempts, self.config.retry.attempts);
            work.origin = crate::change::Origin::Redriven;
            work.registered = true;
            self.lane.begin(key.clone(), work);
            self.lane.set_journalled(&key, journalled);
        }
    }

    pub(crate) fn known_processes(&self) -> Set<ProcessId> {
        let mut known = self.lane.processes();
        known.extend(self.settle.processes().cloned());
        known
    }

    pub(crate) fn now(&self) -> Moment {
        self.book.clock.now()
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.book.effects.push(effect);
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        self.effect(Effect::Notice(notice));
    }
}

impl Book {
    /// The portal told its time.
    pub(crate) fn portal_is_at(&mut self, started: Timestamp) {
        if started > Timestamp(0) {
            let millis = |at: Timestamp| i64::try_from(at.0).unwrap_or(i64::MAX);
            self.ahead = millis(started).saturating_sub(millis(self.clock.wall()));
        }
    }

    /// What time it is at the portal, as far as is known.
    pub(crate) fn portal_now(&self) -> Timestamp {
        Timestamp(self.clock.wall().0.saturating_add_signed(self.ahead))
    }

    fn id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id = self.next_id.saturating_add(1);
        id
    }
}

#[cfg(feature = "view")]
#[path = "view/machine.rs"]
mod view;
