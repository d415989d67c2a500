//! The world: server, consumers with machine, journal and user's code, target, and what may still happen.

use std::collections::BTreeMap;
use std::sync::Arc;

use b24_offline_core::{
    Batch, Call, Defect, Effect, Input, JournalContents, JournalEntry, Lost, Machine, NotSent,
    Phase, Reply, Save, SaveId, SaveOutcome, Timestamp, Verdict, Verdicts,
};

use crate::bounds::{Bounds, Left};
use crate::consumer::{Consumer, Flight, Given, is_sweep, note_errors, note_unknown};
use crate::invariant::{self, Broken, Invariant};
use crate::request::{Breaks, Request};
use crate::server::{MOST_OBJECTS, Record, Server};
use crate::step::Judged;
use crate::wire::{self, Answer, Op};

const START: u64 = 1_795_400_000_000;
/// A portal executes a request within less than this time or never (F31).
pub(crate) const LATEST: u64 = 60_000;
/// Longer than a sweep's period, a rest, a lease and the life of a late request together.
pub(crate) const LEAP: u64 = 400_000;

/// Everything.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) bounds: &'static Bounds,
    pub(crate) defect: Option<Defect>,
    pub(crate) shared: bool,
    pub(crate) now: u64,
    pub(crate) server: Server,
    pub(crate) consumers: Vec<Consumer>,
    /// Requests whose answer nobody waits for.
    pub(crate) late: Vec<Request>,
    /// The version that the other system has of each object.
    pub(crate) target: [u8; MOST_OBJECTS],
    /// The newest version that was judged done.
    pub(crate) done: [u8; MOST_OBJECTS],
    /// The newest version that was judged at all.
    pub(crate) judged: [u8; MOST_OBJECTS],
    pub(crate) left: Left,
    pub(crate) broken: Option<Broken>,
}

fn raise(list: &mut [u8], object: u8, version: u8) {
    if let Some(known) = list.get_mut(usize::from(object)) {
        *known = version.max(*known);
    }
}

impl World {
    /// A world in which nothing has happened yet, its consumers started.
    ///
    /// # Errors
    /// When the machine refuses the configuration.
    pub(crate) fn new(bounds: &'static Bounds, defect: Option<Defect>) -> anyhow::Result<World> {
        let mut world = World {
            bounds,
            defect,
            shared: bounds.consumers > 1,
            now: START,
            server: Server { extended: !bounds.delete, ..Server::default() },
            consumers: Vec::new(),
            late: Vec::new(),
            target: [0; MOST_OBJECTS],
            done: [0; MOST_OBJECTS],
            judged: [0; MOST_OBJECTS],
            left: bounds.left,
            broken: None,
        };
        for number in 0..bounds.consumers {
            let journal = Arc::default();
            let machine = Arc::new(world.open(&journal)?);
            world.consumers.push(Consumer {
                machine,
                wake: None,
                journal,
                is_durable: bounds.journal,
                flight: None,
                saves: Vec::new(),
                batches: Vec::new(),
                blind: false,
                unsure: Vec::new(),
            });
            world.check_in(number);
        }
        Ok(world)
    }

    fn open(&self, journal: &BTreeMap<String, String>) -> anyhow::Result<Machine> {
        let entry = |(key, value): (&String, &String)| JournalEntry {
            key: key.clone(),
            value: value.clone(),
        };
        let entries = journal.iter().map(entry).collect();
        let contents = JournalContents { entries, ..JournalContents::default() };
        let (config, now) = (self.bounds.config(), Timestamp(self.now));
        Ok(match self.defect {
            None => Machine::open(config, contents, 7, now)?,
            Some(defect) => Machine::open_with_defect(defect, config, contents, 7, now)?,
        })
    }

    /// The start of a machine up to `Running`: nothing else comes between, because none of it touches the queue.
    fn check_in(&mut self, c: usize) {
        self.give(c, Input::Tick);
        for _ in 0..20 {
            let Some(consumer) = self.consumers.get_mut(c) else { return };
            let only_names_the_queue =
                |save: &Save| save.deletes.is_empty() && save.puts.iter().all(|p| p.key == "queue");
            if consumer.saves.first().is_some_and(only_names_the_queue) {
                self.saved(c);
            } else if consumer.machine.status().phase == Phase::Checking {
                if consumer.flight.is_none() {
                    return;
                }
                self.execute(c, usize::MAX, Breaks { in_get: false, between: false });
                self.answer(c, usize::MAX, None);
            } else {
                return;
            }
        }
    }

    /// Notes the first thing that is broken.
    pub(crate) fn note(&mut self, broken: Option<Broken>) {
        if self.broken.is_none() {
            self.broken = broken;
        }
    }

    fn fail(&mut self, what: String) {
        self.note(Some((Invariant::Contract, what)));
    }

    /// Whether some journal would drive or show the object without the portal's help.
    pub(crate) fn has_home(&self, object: u8) -> bool {
        self.consumers.iter().any(|consumer| consumer.has_home(object))
    }

    /// Gives an input to a machine, and carries out what it answers.
    pub(crate) fn give(&mut self, c: usize, input: Input) {
        let Some(consumer) = self.consumers.get_mut(c) else { return };
        let machine = Arc::make_mut(&mut consumer.machine);
        let step = match machine.handle(input, Timestamp(self.now)) {
            Ok(step) => step,
            Err(misuse) => return self.fail(misuse.to_string()),
        };
        consumer.wake = step.wake_at;
        for effect in step.effects {
            match effect {
                Effect::Call(call) => self.sent(c, &call),
                Effect::Deliver(batch) => self.delivered(c, batch),
                Effect::Save(save) => {
                    if let Some(consumer) = self.consumers.get_mut(c) {
                        consumer.saves.push(save);
                    }
                }
                Effect::Written(_) | Effect::Notice(_) => {}
            }
        }
        let phase = self.consumers.get(c).map(|consumer| consumer.machine.status().phase);
        if let Some(Phase::Ended(end)) = phase {
            self.fail(format!("the machine has ended: {end:?}"));
        }
    }

    fn sent(&mut self, c: usize, call: &Call) {
        let ops = match wire::parse(&call.method, &call.params) {
            Ok(ops) => ops,
            Err(why) => return self.fail(why),
        };
        self.note(invariant::clear_by_name(&ops));
        let until = self.now + LATEST;
        let Some(consumer) = self.consumers.get_mut(c) else { return };
        let by_rule = invariant::error_by_the_rule(consumer, &ops);
        let late_safe = invariant::late_safe(consumer, &ops);
        let request =
            Request { ops: Arc::new(ops), at: 0, selected: None, answers: Vec::new(), until };
        let before = consumer.flight.replace(Flight { call: call.id, request });
        self.note(by_rule);
        self.note(late_safe);
        if before.is_some() {
            self.fail("two calls at once".to_owned());
        }
    }

    fn delivered(&mut self, c: usize, batch: Batch) {
        let mut all = Vec::new();
        for change in batch.changes {
            let Ok(object) = wire::object(&change.object.id) else {
                return self.fail(format!("an unknown object {}", change.object));
            };
            let version = change.data.as_deref().and_then(wire::data).map_or(0, |data| data.1);
            self.note(invariant::one_at_a_time(self, object));
            self.note(invariant::rests_while_error_may_run(self, object));
            let ahead = self.consumers.get(c).and_then(|c| invariant::write_ahead(c, &change));
            self.note(ahead);
            all.push(Given { key: change.key, object, version });
        }
        if let Some(consumer) = self.consumers.get_mut(c) {
            consumer.batches.push((batch.id, all));
        }
    }

    /// The oldest save becomes durable, and the machine hears of it.
    pub(crate) fn saved(&mut self, c: usize) {
        if let Some(save) = self.keep(c) {
            self.give(c, Input::Saved { save, outcome: SaveOutcome::Done });
        }
    }

    fn keep(&mut self, c: usize) -> Option<SaveId> {
        let consumer = self.consumers.get_mut(c).filter(|consumer| !consumer.saves.is_empty())?;
        let save = consumer.saves.remove(0);
        let journal = Arc::make_mut(&mut consumer.journal);
        journal.extend(save.puts.into_iter().map(|put| (put.key, put.value)));
        for key in &save.deletes {
            journal.remove(key);
        }
        Some(save.id)
    }

    /// The portal executes a consumer's request up to its next break, or so many sub-calls.
    pub(crate) fn execute(&mut self, c: usize, most: usize, breaks: Breaks) {
        let flight = self.consumers.get_mut(c).and_then(|consumer| consumer.flight.as_mut());
        let Some(flight) = flight else { return };
        let gone = flight.request.advance(&mut self.server, breaks, most);
        self.note(invariant::no_early_delete(self, &gone));
    }

    /// A `get` that deletes dies after it has marked.
    pub(crate) fn half(&mut self, c: usize) {
        let flight = self.consumers.get_mut(c).and_then(|consumer| consumer.flight.as_mut());
        if let Some(flight) = flight {
            flight.request.half(&mut self.server);
        }
    }

    /// A request whose answer nobody waits for is executed up to its next break.
    pub(crate) fn execute_late(&mut self, at: usize, breaks: Breaks) {
        let Some(request) = self.late.get_mut(at) else { return };
        let gone = request.advance(&mut self.server, breaks, usize::MAX);
        if request.is_over() {
            self.late.remove(at);
        }
        self.note(invariant::no_early_delete(self, &gone));
    }

    /// The answer to the first `most` sub-calls reaches the machine; `failed` is one that is answered as failed.
    pub(crate) fn answer(&mut self, c: usize, most: usize, failed: Option<usize>) {
        let Some(consumer) = self.consumers.get_mut(c) else { return };
        let Some(Flight { call, request }) = consumer.flight.take() else { return };
        let server_failed = Answer::Failed("INTERNAL_SERVER_ERROR");
        let names = request.ops.iter().map(|(name, _)| name.as_str());
        let answers = request.answers.iter().enumerate();
        let answers =
            answers.map(|(at, answer)| if failed == Some(at) { &server_failed } else { answer });
        let body = wire::body(names.zip(answers).take(most));
        let unanswered = request.ops.iter().enumerate();
        let unanswered =
            unanswered.filter(|(at, _)| *at >= request.at.min(most) || failed == Some(*at));
        let answered = |(at, (_, op)): (usize, &(String, Op))| {
            at < request.at.min(most) && failed != Some(at) && is_sweep(op)
        };
        if request.ops.iter().enumerate().any(answered) {
            consumer.blind = false;
        }
        note_unknown(consumer, unanswered.map(|(_, (_, op))| op));
        note_errors(consumer, &request);
        self.give(c, Input::Replied { call, reply: Reply::Answer { status: 200, body } });
    }

    /// The machine learns that nobody knows what became of its request.
    pub(crate) fn unknown(&mut self, c: usize) {
        let Some(consumer) = self.consumers.get_mut(c) else { return };
        let Some(Flight { call, request }) = consumer.flight.take() else { return };
        note_unknown(consumer, request.ops.iter().map(|(_, op)| op));
        note_errors(consumer, &request);
        self.give(c, Input::Replied { call, reply: Reply::Unknown { why: Lost::Broken } });
    }

    /// The machine learns that its request was not sent.
    pub(crate) fn not_sent(&mut self, c: usize) {
        let Some(consumer) = self.consumers.get_mut(c) else { return };
        let Some(Flight { call, .. }) = consumer.flight.take() else { return };
        let reply = Reply::NotSent(NotSent::Network { why: "refused".to_owned() });
        self.give(c, Input::Replied { call, reply });
    }

    /// The request may still be executed, once more, whatever becomes of the first.
    pub(crate) fn let_linger(&mut self, c: usize) {
        let flight = self.consumers.get(c).and_then(|consumer| consumer.flight.as_ref());
        if let Some(flight) = flight.filter(|flight| !flight.request.is_over()) {
            self.late.push(Request { answers: Vec::new(), ..flight.request.clone() });
        }
    }

    /// The user's code judges a change; what is done is in the target.
    pub(crate) fn judge(&mut self, c: usize, batch: usize, at: usize, judged: Judged) {
        let Some(consumer) = self.consumers.get_mut(c) else { return };
        let Some((id, given)) = consumer.batches.get_mut(batch) else { return };
        if at >= given.len() {
            return;
        }
        let (id, Given { key, object, version }) = (*id, given.remove(at));
        if given.is_empty() {
            consumer.batches.remove(batch);
        }
        raise(&mut self.judged, object, version);
        let verdict = match judged {
            Judged::Done => {
                self.note(invariant::no_regress(self, object, version));
                if let Some(target) = self.target.get_mut(usize::from(object)) {
                    *target = version;
                }
                raise(&mut self.done, object, version);
                Verdict::Done
            }
            Judged::Retry => Verdict::Retry { after: None },
            Judged::Reject => Verdict::Reject { reason: "no".to_owned() },
        };
        let verdicts = Verdicts::Some(vec![b24_offline_core::Judgement { key, verdict }]);
        self.give(c, Input::Judged { batch: id, verdicts });
    }

    /// Time passes: what can't be executed any more never will be.
    pub(crate) fn pass(&mut self, to: u64) {
        self.now = to.max(self.now);
        let now = self.now;
        self.late.retain(|request| request.until > now);
    }

    /// The consumer is killed after so many saves became durable, and started again.
    pub(crate) fn crash(&mut self, c: usize, kept: usize) {
        for _ in 0..kept {
            self.keep(c);
        }
        self.let_linger(c);
        let Some(consumer) = self.consumers.get_mut(c) else { return };
        if let Some(flight) = consumer.flight.take() {
            note_errors(consumer, &flight.request);
        }
        consumer.saves.clear();
        consumer.batches.clear();
        (consumer.wake, consumer.blind) = (None, false);
        let journal = Arc::clone(&consumer.journal);
        match self.open(&journal) {
            Ok(machine) => {
                if let Some(consumer) = self.consumers.get_mut(c) {
                    consumer.machine = Arc::new(machine);
                }
                self.check_in(c);
            }
            Err(error) => self.fail(format!("the machine does not start again: {error}")),
        }
    }

    /// The portal deletes reserved records by their age.
    pub(crate) fn expire(&mut self) {
        let gone: Vec<Record> = self.server.age(self.now / 1_000);
        self.note(invariant::age_safe(self, &gone));
    }
}
