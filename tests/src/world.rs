//! The world of a scene.

use b24_offline_core::{
    Batch, Call, Change, Config, Effect, EventName, Input, JournalContents, JournalEntry, Machine,
    NotSent, Notice, Phase, Reply, Save, SaveOutcome, Timestamp, Verdict, Verdicts, Wake, Written,
};
use b24_offline_emulator::{Audit, Outcome, Portal, Request, Settings, Tokens};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use crate::handler::{Behaviour, Target, sight};
use crate::tamper::{Disk, Script, Wire};
use crate::trace::Traces;
use crate::transport::reply;

const START: u64 = 1_795_400_000_000;

/// Machine, portal, journal, handler and network under one clock.
#[derive(Debug)]
pub struct World {
    /// The portal.
    pub portal: Portal,
    /// The machine; none between a crash and a start.
    pub machine: Option<Machine>,
    /// What the next start is configured with.
    pub config: Config,
    /// What is durable.
    pub journal: BTreeMap<String, String>,
    /// How the user's code behaves.
    pub behaviour: Behaviour,
    /// The user's code by script, in place of `behaviour`.
    pub script: Option<Script>,
    /// What becomes of the portal's answers on their way.
    pub wire: Option<Wire>,
    /// How the journal's disk behaves.
    pub disk: Disk,
    /// By how many milliseconds the host's clock is ahead of the portal's.
    pub skew: i64,
    /// The other system.
    pub target: Target,
    /// Everything that was announced.
    pub notices: Vec<Notice>,
    /// The results of writes.
    pub written: Vec<Written>,
    /// Everything that was delivered, in order.
    pub deliveries: Vec<Change>,
    /// What the machines were given and answered, where that is to be kept.
    pub traces: Option<Traces>,
    /// The calls' methods and parameters, in order.
    pub calls: Vec<Call>,
    /// Steps in a row without time passing, to notice a hot loop.
    spins: u64,
    pub(crate) now: u64,
    pub(crate) tokens: Tokens,
    coming: BTreeMap<(u64, u64), Coming>,
    number: u64,
    wake: Option<Wake>,
    pub(crate) seed: u64,
}

#[derive(Debug)]
enum Coming {
    Input(Input),
    Judged { batch: Batch, verdicts: Verdicts },
    Saved(Save),
}

/// Names of events from a list separated by spaces.
///
/// # Panics
/// When one is no name of an event.
#[must_use]
#[allow(clippy::expect_used)]
pub fn events(names: &str) -> Vec<EventName> {
    names.split_whitespace().map(|name| EventName::new(name).expect("a name of an event")).collect()
}

impl World {
    /// A portal by `settings`, and a machine to be started with `config`.
    #[must_use]
    pub fn new(settings: Settings, config: Config) -> World {
        crate::mutant::end_at_first_failure();
        let mut portal = Portal::new(settings, START);
        let tokens = portal.issue_token("1");
        World {
            portal,
            machine: None,
            config,
            journal: BTreeMap::new(),
            behaviour: Behaviour::Works,
            script: None,
            wire: None,
            disk: Disk::Works(2),
            skew: 0,
            target: Target::default(),
            notices: Vec::new(),
            written: Vec::new(),
            deliveries: Vec::new(),
            traces: None,
            calls: Vec::new(),
            spins: 0,
            now: START,
            tokens,
            coming: BTreeMap::new(),
            number: 0,
            wake: None,
            seed: 7,
        }
    }

    /// The time, in milliseconds since the epoch.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    fn host_now(&self) -> Timestamp {
        Timestamp(self.now.saturating_add_signed(self.skew))
    }

    /// Starts the machine on the journal.
    ///
    /// # Panics
    /// When the machine refuses its configuration or journal.
    #[allow(clippy::expect_used)]
    pub fn start(&mut self) {
        let entries = self.journal.iter();
        let entries = entries
            .map(|(key, value)| JournalEntry { key: key.clone(), value: value.clone() })
            .collect();
        let contents = JournalContents { entries, ..JournalContents::default() };
        self.seed += 1;
        let now = self.host_now();
        if let Some(traces) = &mut self.traces {
            traces.open(&self.config, &contents, self.seed, now);
        }
        let machine = Machine::open(self.config.clone(), contents, self.seed, now);
        self.machine = Some(machine.expect("a machine"));
        self.give(Input::Tick);
    }

    /// Kills the machine: what is on its way to it is lost, what is on its way to the portal or to
    /// the disk is perhaps done.
    pub fn crash(&mut self) {
        self.machine = None;
        self.wake = None;
        self.coming.clear();
    }

    /// Kills the machine just after the first so many saves under way became durable.
    pub fn crash_after_saving(&mut self, saves: usize) {
        let coming = std::mem::take(&mut self.coming).into_values();
        let pending = coming.filter_map(|coming| match coming {
            Coming::Saved(save) => Some(save),
            Coming::Input(_) | Coming::Judged { .. } => None,
        });
        for save in pending.take(saves) {
            self.write_down(save);
        }
        self.crash();
    }

    fn write_down(&mut self, save: Save) {
        for key in &save.deletes {
            self.journal.remove(key);
        }
        for entry in save.puts {
            self.journal.insert(entry.key, entry.value);
        }
    }

    /// Gives an input now.
    ///
    /// # Panics
    /// When the machine calls it a misuse, or wakes at or before now for nothing.
    #[allow(clippy::panic)]
    pub fn give(&mut self, input: Input) {
        let now = self.host_now();
        let Some(machine) = &mut self.machine else { return };
        if matches!(machine.status().phase, Phase::Ended(_)) {
            return;
        }
        let step = match machine.handle(input.clone(), now) {
            Ok(step) => step,
            Err(misuse) => panic!("{misuse} at {input:?}"),
        };
        if let Some(traces) = &mut self.traces {
            traces.step(now, &input, &step);
        }
        if let Some(wake) = &step.wake_at {
            assert!(
                wake.at > now || !step.effects.is_empty(),
                "a step without effects wakes at or before now: {wake:?}"
            );
        }
        // a host's timer runs for a span of time, whatever its clock does meanwhile
        self.wake = step.wake_at.map(|wake| Wake {
            at: Timestamp(self.now.saturating_add(wake.at.since(now).0)),
            ..wake
        });
        for effect in step.effects {
            self.carry_out(effect);
        }
    }

    fn later(&mut self, delay: u64, coming: Coming) {
        self.number += 1;
        self.coming.insert((self.now + delay, self.number), coming);
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Call(call) => {
                let mut reply = self.send(&call);
                if let Some(wire) = &mut self.wire {
                    reply = wire.pass(&call, self.now, reply);
                }
                let (delay, reply) = reply;
                let input = Input::Replied { call: call.id, reply };
                self.calls.push(call);
                self.later(delay, Coming::Input(input));
            }
            Effect::Deliver(batch) => {
                self.deliveries.extend(batch.changes.iter().cloned());
                let verdicts = match &mut self.script {
                    Some(script) => script.answer(&batch, self.now),
                    None => self.target.answer(&self.behaviour, &batch),
                };
                for (delay, verdicts) in verdicts {
                    self.later(delay, Coming::Judged { batch: batch.clone(), verdicts });
                }
            }
            Effect::Save(save) => match self.disk {
                Disk::Works(delay) => self.later(delay, Coming::Saved(save)),
                Disk::Full => {
                    let outcome = SaveOutcome::Failed { why: "no space left".into() };
                    self.later(2, Coming::Input(Input::Saved { save: save.id, outcome }));
                }
            },
            Effect::Written(written) => self.written.push(written),
            Effect::Notice(notice) => {
                if let Notice::Parked { object, key, .. } = &notice {
                    let seen = self.deliveries.iter().rev().find(|change| change.key == *key);
                    if let Some(sight) = seen.map(sight) {
                        self.portal.parked(&object.kind, &object.id, sight);
                    } else {
                        self.portal.parked(&object.kind, &object.id, None);
                    }
                }
                self.notices.push(notice);
            }
        }
    }

    fn send(&mut self, call: &Call) -> (u64, Reply) {
        let outcome = self.request(call);
        if outcome.json().is_some_and(|answer| answer["error"] == "expired_token") {
            let app = self.portal.application().clone();
            let refresh = Request::to(
                "/oauth/token/",
                json!({
                    "grant_type": "refresh_token",
                    "client_id": app.client_id,
                    "client_secret": app.client_secret,
                    "refresh_token": self.tokens.refresh_token,
                }),
            );
            let answer = self.portal.handle(&refresh, self.now).json().unwrap_or_default();
            let token = |name: &str| answer[name].as_str().map(str::to_owned);
            let (Some(access), Some(refresh)) = (token("access_token"), token("refresh_token"))
            else {
                let why = "the refresh token is refused".to_owned();
                return (20, Reply::NotSent(NotSent::SignInAgain { why }));
            };
            self.tokens.access_token = access;
            self.tokens.refresh_token = refresh;
            return reply(self.request(call), call.timeout.0);
        }
        reply(outcome, call.timeout.0)
    }

    fn request(&mut self, call: &Call) -> Outcome {
        let mut params: Value = serde_json::from_str(&call.params).unwrap_or_default();
        params["auth"] = json!(self.tokens.access_token);
        if let Some(connector) = &call.connector {
            params["auth_connector"] = json!(connector);
        }
        self.portal.handle(&Request::call(&call.method, params), self.now)
    }

    /// When the next thing happens to the machine.
    pub(crate) fn next(&self) -> Option<u64> {
        let coming = self.coming.keys().next().map(|(at, _)| *at);
        coming.into_iter().chain(self.wake.map(|wake| wake.at.0)).min()
    }

    /// Goes on to the next thing that happens, at most until `end`; `false` when there is none.
    ///
    /// # Panics
    /// When the machine spins without time passing.
    pub fn step(&mut self, end: u64) -> bool {
        let coming = self.coming.keys().next().map(|(at, _)| *at);
        let wake = self.wake.map(|wake| wake.at.0);
        let next = [self.next(), self.portal.next_event()].into_iter().flatten().min();
        let Some(at) = next.filter(|at| *at <= end) else {
            self.now = self.now.max(end);
            self.portal.advance(self.now);
            return false;
        };
        self.spins = if at > self.now { 0 } else { self.spins + 1 };
        assert!(self.spins < 10_000, "the machine spins: {:?}", self.wake);
        self.now = self.now.max(at);
        self.portal.advance(self.now);
        if coming == Some(at) {
            if let Some((_, coming)) = self.coming.pop_first() {
                self.arrive(coming);
            }
        } else if wake == Some(at) {
            self.wake = None;
            self.give(Input::Tick);
        }
        true
    }

    fn arrive(&mut self, coming: Coming) {
        match coming {
            Coming::Input(input) => self.give(input),
            Coming::Saved(save) => {
                let id = save.id;
                self.write_down(save);
                self.give(Input::Saved { save: id, outcome: SaveOutcome::Done });
            }
            Coming::Judged { batch, verdicts } => {
                for change in &batch.changes {
                    if verdicts.of(&change.key) == Some(&Verdict::Done) {
                        self.target.apply(change);
                        let object = &change.object;
                        self.portal.delivered(&object.kind, &object.id, sight(change), self.now);
                    }
                }
                self.give(Input::Judged { batch: batch.id, verdicts });
            }
        }
    }

    /// Lets so many milliseconds pass.
    pub fn pass(&mut self, millis: u64) {
        let end = self.now + millis;
        while self.step(end) {}
    }

    /// Goes on until the machine has ended, at most so many milliseconds; `true` when it has.
    pub fn until_ended(&mut self, most: u64) -> bool {
        let end = self.now + most;
        loop {
            if matches!(self.phase(), Some(Phase::Ended(_))) {
                return true;
            }
            if !self.step(end) {
                return matches!(self.phase(), Some(Phase::Ended(_)));
            }
        }
    }

    /// What the machine is at; none when it is not running.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        self.machine.as_ref().map(|machine| machine.status().phase)
    }

    /// The portal's audit.
    #[must_use]
    pub fn audit(&self) -> Audit {
        self.portal.audit()
    }

    /// Reserved records that no notice of a parked change explains.
    #[must_use]
    pub fn left_reserved(&self) -> Vec<u64> {
        let names = |key: &str, id: u64| {
            key.split(',').any(|part| part.split('@').next() == Some(&id.to_string()))
        };
        let parked = |id: u64| {
            self.noticed(|notice| matches!(notice, Notice::Parked { key, .. } if names(key, id)))
        };
        let reserved = self.portal.queue().into_iter().filter(|row| !row.process_id.is_empty());
        reserved.map(|row| row.id).filter(|id| !parked(*id)).collect()
    }

    /// How many records nobody has reserved, in both lanes.
    #[must_use]
    pub fn left_free(&self) -> usize {
        self.portal.queue().iter().filter(|row| row.process_id.is_empty()).count()
    }

    /// Whether a notice of this kind was given.
    #[must_use]
    pub fn noticed(&self, is: impl Fn(&Notice) -> bool) -> bool {
        self.notices.iter().any(is)
    }
}
