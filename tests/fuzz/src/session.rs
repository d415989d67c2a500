//! A machine that is driven without a portal, under the law.

use std::collections::VecDeque;

use b24_offline_core::{
    Batch, BatchSize, Call, Config, Connector, Consumers, Durability, Effect, EventName, Input,
    JournalContents, JournalEntry, Limits, Machine, Millis, Mode, OnReject, Phase, Redrive, Reply,
    Retrieve, Retry, SaveOutcome, Timestamp, Verdict, Verdicts, WriteId,
};
use std::collections::BTreeMap;

use crate::dice::Dice;
use crate::law::Law;
use crate::portal::{CONNECTOR, EVENTS, Portal};
use crate::tally::Tally;

const START: Timestamp = Timestamp(1_795_000_000_000);
/// A method may be held back for ten minutes, and so may the next.
const RECOVERY: Millis = Millis::seconds(1_800);

/// A machine, what it waits for, and the journal that it keeps.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) machine: Machine,
    pub(crate) law: Law,
    pub(crate) calls: VecDeque<Call>,
    pub(crate) journal: BTreeMap<String, String>,
    batches: VecDeque<Batch>,
    wake: Option<Timestamp>,
    now: Timestamp,
    dice: Dice,
}

/// One of the configurations, by chance.
pub(crate) fn config(dice: &mut Dice) -> Config {
    let events = EVENTS.iter().filter_map(|name| EventName::new(*name).ok()).collect();
    let mut config = Config::new("portal.example", events);
    config.connector = (!dice.one_in(3)).then(|| Connector::new(CONNECTOR).ok()).flatten();
    config.journal = if dice.one_in(4) { Durability::None } else { Durability::Durable };
    if config.journal == Durability::Durable && dice.one_in(3) {
        config.on_reject = OnReject::Register;
    }
    config.retrieve =
        [Retrieve::List, Retrieve::List, Retrieve::Get, Retrieve::None][dice.below(4)];
    config.mode = [Mode::Auto, Mode::Auto, Mode::Reserve, Mode::Delete][dice.below(4)];
    if config.journal == Durability::None && config.mode == Mode::Delete {
        config.mode = Mode::Auto;
    }
    if config.on_reject == OnReject::Park && dice.one_in(4) {
        config.consumers = Consumers::Shared { lease: Millis::seconds(130) };
    }
    config.limits = Limits::Off;
    config.batch_size = BatchSize::Fixed(1 + dice.below(8) as u32);
    config.poll = Millis(500);
    config.sweep = Millis::seconds(10);
    config.retry = Retry { first_delay: Millis(500), attempts: 3 };
    config
}

impl Session {
    /// A machine on its way to its first answer.
    ///
    /// # Errors
    /// When a law is broken; `None` inside when the machine refuses the configuration or journal.
    pub(crate) fn open(
        config: Config,
        contents: JournalContents,
        seed: u64,
        tally: Option<(&mut Tally, usize)>,
    ) -> Result<Option<Session>, String> {
        let inherited = !contents.entries.is_empty();
        let law = Law::of(&config, inherited);
        let journal =
            contents.entries.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect();
        let open = || Machine::open(config, contents, seed, START);
        let machine = match tally {
            Some((tally, size)) => tally.weigh(size, open)?,
            None => open(),
        };
        let Ok(machine) = machine else { return Ok(None) };
        let mut session = Session {
            machine,
            law,
            calls: VecDeque::new(),
            journal,
            batches: VecDeque::new(),
            wake: None,
            now: START,
            dice: Dice::new(seed),
        };
        session.give(Input::Tick, None)?;
        Ok(Some(session))
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.machine.status().phase, Phase::Ended(_))
    }

    /// Gives an input, weighing what it takes.
    pub(crate) fn give(
        &mut self,
        input: Input,
        tally: Option<(&mut Tally, usize)>,
    ) -> Result<(), String> {
        if self.is_over() {
            return Ok(());
        }
        let (machine, now) = (&mut self.machine, self.now);
        let handled = match tally {
            Some((tally, size)) => tally.weigh(size, || machine.handle(input, now))?,
            None => machine.handle(input, now),
        };
        let step = handled.map_err(|misuse| format!("a good input is refused: {misuse}"))?;
        self.law.step(&step, self.now)?;
        let warned = self.law.warned;
        self.wake = step.wake_at.map(|wake| wake.at);
        let mut saves = Vec::new();
        for effect in step.effects {
            match effect {
                Effect::Call(call) => self.calls.push_back(call),
                Effect::Deliver(batch) => self.batches.push_back(batch),
                Effect::Save(save) => {
                    for key in &save.deletes {
                        self.journal.remove(key);
                    }
                    self.journal.extend(save.puts.into_iter().map(|put| (put.key, put.value)));
                    saves.push(save.id);
                }
                Effect::Written(_) | Effect::Notice(_) => {}
            }
        }
        for save in saves {
            self.give(Input::Saved { save, outcome: SaveOutcome::Done }, None)?;
        }
        self.law.warned |= warned;
        Ok(())
    }

    /// Goes on until a call waits for its answer; `false` when the machine has ended.
    pub(crate) fn until_call(&mut self) -> Result<bool, String> {
        for _ in 0..200 {
            if self.is_over() {
                return Ok(false);
            }
            if !self.calls.is_empty() {
                return Ok(true);
            }
            self.one_thing()?;
        }
        Err(format!("no call in 200 steps: {:?}", self.machine.status()))
    }

    /// A verdict, or the time of the wake.
    fn one_thing(&mut self) -> Result<(), String> {
        if let Some(batch) = self.batches.pop_front() {
            let verdict = self.verdict();
            let verdicts = Verdicts::All { verdict, except: Vec::new() };
            self.law.judged(&batch, &verdicts);
            self.now = self.now.plus(Millis(1));
            return self.give(Input::Judged { batch: batch.id, verdicts }, None);
        }
        let wake = self
            .wake
            .ok_or_else(|| format!("it waits for nothing: {:?}", self.machine.status()))?;
        self.now = self.now.max(wake);
        self.give(Input::Tick, None)
    }

    fn verdict(&mut self) -> Verdict {
        match self.dice.below(6) {
            0 => Verdict::Retry { after: None },
            1 if self.dice.one_in(2) => Verdict::Reject { reason: "no such account".into() },
            _ => Verdict::Done,
        }
    }

    /// The user does something now and then.
    pub(crate) fn meddle(&mut self) -> Result<(), String> {
        match self.dice.below(24) {
            0 => self.give(Input::Nudge, None),
            1 => self.give(Input::Redrive(Redrive::All), None),
            2 => {
                let write = WriteId(self.dice.word());
                let params = r#"{"id":"1","fields":{"TITLE":"a&b=[#%]"}}"#.to_owned();
                self.give(Input::Write { write, method: "crm.deal.update".into(), params }, None)
            }
            _ => Ok(()),
        }
    }

    /// Answers a call.
    pub(crate) fn answer(
        &mut self,
        call: &Call,
        status: u16,
        body: String,
        tally: Option<(&mut Tally, usize)>,
    ) -> Result<(), String> {
        self.now = self.now.plus(Millis(20));
        let reply = Reply::Answer { status, body };
        self.give(Input::Replied { call: call.id, reply }, tally)
    }

    /// So many calls are answered as a portal answers them.
    pub(crate) fn honest(&mut self, calls: usize, busy: bool) -> Result<(), String> {
        let mut portal = Portal::new(busy);
        for _ in 0..calls {
            if !self.until_call()? {
                return Ok(());
            }
            let Some(call) = self.calls.pop_front() else { return Ok(()) };
            let body = portal.answer(&call, &mut self.dice).write();
            self.answer(&call, 200, body, None)?;
        }
        Ok(())
    }

    /// After whatever came before it works again, and ends when it is told to.
    pub(crate) fn recovers(&mut self) -> Result<(), String> {
        let sweeps = self.machine.status().counters.sweeps;
        let started = self.now;
        while !self.is_over() && self.machine.status().counters.sweeps == sweeps {
            if self.now.since(started) > RECOVERY {
                let status = self.machine.status();
                return Err(format!("good answers for half an hour, and no sweep: {status:?}"));
            }
            self.honest(4, false)?;
        }
        self.give(Input::Stop, None)?;
        for _ in 0..60 {
            if self.is_over() {
                return Ok(());
            }
            if self.calls.is_empty() {
                self.one_thing()?;
            } else {
                self.honest(1, false)?;
            }
        }
        Err(format!("it does not end: {:?}", self.machine.status()))
    }

    /// The machine when nothing is under way, and its time.
    pub(crate) fn at_rest(mut self) -> Result<(Machine, Timestamp), String> {
        while let Some(call) = self.calls.pop_front() {
            let body = Portal::new(false).answer(&call, &mut self.dice).write();
            self.answer(&call, 200, body, None)?;
        }
        Ok((self.machine, self.now))
    }

    /// The journal as the next machine finds it.
    pub(crate) fn contents(&self) -> JournalContents {
        let entry = |(key, value): (&String, &String)| JournalEntry {
            key: key.clone(),
            value: value.clone(),
        };
        JournalContents {
            entries: self.journal.iter().map(entry).collect(),
            ..JournalContents::default()
        }
    }
}
