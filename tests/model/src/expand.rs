//! What can happen next in a world, and the world after it.

use b24_offline_core::{Input, Redrive};

use crate::consumer::Consumer;
use crate::request::{Breaks, Request};
use crate::server::{Message, Record};
use crate::step::{Fault, Judged, Step};
use crate::wire::Op;
use crate::world::{LEAP, World};

impl World {
    fn breaks(&self) -> Breaks {
        Breaks { in_get: self.bounds.two_steps, between: self.bounds.split }
    }

    /// Everything that can happen next.
    pub(crate) fn steps(&self, out: &mut Vec<Step>) {
        out.clear();
        if self.left.changes > 0 {
            for object in 0..self.bounds.objects {
                for event in 0..self.bounds.events {
                    out.push(Step::Change(Message { object, event }));
                }
            }
        }
        if self.left.errors > 0 {
            let free = |record: &Record| record.process == 0 && !record.error;
            let records = self.server.records.iter().enumerate();
            let free = records.filter(|(_, record)| free(record));
            out.extend(free.map(|(at, _)| Step::ErrorByAnother(at)));
        }
        for (c, consumer) in self.consumers.iter().enumerate() {
            self.steps_of(c, consumer, out);
        }
        out.extend((0..self.late.len()).map(Step::Late));
        if self.may_pass(self.now + LEAP) {
            out.push(Step::Leap);
            if self.left.months > 0 {
                out.push(Step::Age);
            }
        }
        if !self.server.aged(self.now / 1_000).is_empty() {
            out.push(Step::Expire);
        }
        if self.left.plans > 0 {
            out.push(Step::Plan(!self.server.extended));
        }
    }

    fn steps_of(&self, c: usize, consumer: &Consumer, out: &mut Vec<Step>) {
        if !consumer.saves.is_empty() {
            out.push(Step::Saved(c));
        }
        if self.left.crashes > 0 {
            out.extend((0..=consumer.saves.len()).map(|kept| Step::Crash(c, kept)));
        }
        if self.bounds.prompt && !consumer.saves.is_empty() {
            return;
        }
        if let Some(flight) = &consumer.flight {
            let request = &flight.request;
            out.push(if request.is_over() { Step::Answer(c) } else { Step::Execute(c) });
            if self.left.faults > 0 {
                faults(request, &mut |fault| out.push(Step::Fault(c, fault)));
            }
        }
        for (batch, (_, given)) in consumer.batches.iter().enumerate() {
            for at in 0..given.len() {
                out.push(Step::Judge(c, batch, at, Judged::Done));
                if self.left.failures > 0 {
                    out.push(Step::Judge(c, batch, at, Judged::Retry));
                    out.push(Step::Judge(c, batch, at, Judged::Reject));
                }
            }
        }
        if consumer.wake.is_some_and(|wake| self.may_pass(wake.at.0)) {
            out.push(Step::Tick(c));
        }
        if self.left.redrives > 0 && consumer.machine.status().parked > 0 {
            out.push(Step::Redrive(c));
        }
    }

    /// Whether time may come to this moment: saves are quick, and a request in flight has its end.
    fn may_pass(&self, to: u64) -> bool {
        self.consumers.iter().all(|consumer| {
            let flight = consumer.flight.as_ref();
            consumer.saves.is_empty() && flight.is_none_or(|flight| to <= flight.request.until)
        })
    }

    /// The world after a step.
    #[must_use]
    pub(crate) fn after(&self, step: Step) -> World {
        let mut world = self.clone();
        world.take(step);
        world
    }

    pub(crate) fn take(&mut self, step: Step) {
        let breaks = self.breaks();
        let spent = |left: &mut u8| *left = left.saturating_sub(1);
        match step {
            Step::Change(message) => {
                spent(&mut self.left.changes);
                self.server.change(message, self.now / 1_000);
            }
            Step::ErrorByAnother(at) => {
                spent(&mut self.left.errors);
                if let Some(id) = self.server.records.get(at).map(|record| record.id) {
                    self.server.errored_by_another(id);
                }
            }
            Step::Execute(c) => self.execute(c, usize::MAX, breaks),
            Step::Answer(c) => self.answer(c, usize::MAX, None),
            Step::Saved(c) => self.saved(c),
            Step::Judge(c, batch, at, judged) => {
                if judged != Judged::Done {
                    spent(&mut self.left.failures);
                }
                self.judge(c, batch, at, judged);
            }
            Step::Tick(c) => {
                let wake = self.consumers.get(c).and_then(|consumer| consumer.wake);
                self.pass(wake.map_or(0, |wake| wake.at.0));
                self.give(c, Input::Tick);
            }
            Step::Leap => self.leap(LEAP),
            Step::Crash(c, kept) => {
                spent(&mut self.left.crashes);
                self.crash(c, kept);
            }
            Step::Fault(c, fault) => {
                spent(&mut self.left.faults);
                self.go_wrong(c, fault);
            }
            Step::Late(at) => self.execute_late(at, breaks),
            Step::Redrive(c) => {
                spent(&mut self.left.redrives);
                self.give(c, Input::Redrive(Redrive::All));
            }
            Step::Age => {
                spent(&mut self.left.months);
                self.month();
            }
            Step::Expire => self.expire(),
            Step::Plan(extended) => {
                spent(&mut self.left.plans);
                self.server.extended = extended;
            }
        }
    }

    /// A month passes. At its 29th day the machine has time to do what it does by itself; the user's code hangs.
    fn month(&mut self) {
        self.leap(29 * 86_400_000 + 3_600_000);
        for _ in 0..60 {
            let step = self.fair();
            if matches!(step, Step::Judge(..) | Step::Leap) {
                break;
            }
            self.take(step);
        }
        self.leap(25 * 3_600_000);
    }

    fn leap(&mut self, span: u64) {
        self.pass(self.now + span);
        for c in 0..self.consumers.len() {
            self.give(c, Input::Tick);
        }
    }

    fn go_wrong(&mut self, c: usize, fault: Fault) {
        let whole = Breaks { in_get: false, between: false };
        match fault {
            Fault::NotSent => self.not_sent(c),
            Fault::Lost | Fault::AnswerLost => self.unknown(c),
            Fault::Late => {
                self.let_linger(c);
                self.unknown(c);
            }
            Fault::Twice => {
                self.let_linger(c);
                self.execute(c, usize::MAX, whole);
            }
            Fault::Cut(most) => {
                self.execute(c, most, whole);
                self.unknown(c);
            }
            Fault::Half(most) => {
                self.execute(c, most, whole);
                self.half(c);
                self.unknown(c);
            }
            Fault::CutAnswered(most) => {
                self.execute(c, most, whole);
                self.answer(c, most, None);
            }
            Fault::ServerFailed(at) => self.answer(c, usize::MAX, Some(at)),
        }
    }

    /// The client's own next step when nothing goes wrong and everything is done.
    pub(crate) fn fair(&self) -> Step {
        for (c, consumer) in self.consumers.iter().enumerate() {
            if !consumer.saves.is_empty() {
                return Step::Saved(c);
            }
            if let Some(flight) = &consumer.flight {
                let over = flight.request.is_over();
                return if over { Step::Answer(c) } else { Step::Execute(c) };
            }
            if !consumer.batches.is_empty() {
                return Step::Judge(c, 0, 0, Judged::Done);
            }
        }
        Step::Leap
    }

    /// Both lanes empty or parked, and the target equal to the portal but for what is parked with its newest state.
    pub(crate) fn is_good(&self) -> bool {
        let mut parked_objects = [false; crate::server::MOST_OBJECTS];
        let mut parked_records = Vec::new();
        for consumer in &self.consumers {
            for (object, records) in consumer.machine.parked_objects() {
                if let Ok(object) = crate::wire::object(&object.id)
                    && let Some(parked) = parked_objects.get_mut(usize::from(object))
                {
                    *parked = true;
                }
                parked_records.extend(records.into_iter().map(|id| id.0));
            }
        }
        let at_rest = |record: &Record| record.process != 0 && parked_records.contains(&record.id);
        let versions = self.server.versions.iter().zip(&self.target).zip(&self.judged);
        self.server.records.iter().all(at_rest)
            && versions.zip(parked_objects).all(|(((portal, target), judged), parked)| {
                portal == target || (parked && judged == portal)
            })
    }
}

/// What can go wrong with a request now. Of several that the portal and the machine would not tell apart, one.
fn faults(request: &Request, add: &mut dyn FnMut(Fault)) {
    let touches = |op: &Op| matches!(op, Op::Get(_) | Op::Clear(..) | Op::Error(..));
    let ops: Vec<bool> = request.ops.iter().map(|(_, op)| touches(op)).collect();
    if request.is_new() {
        for fault in [Fault::NotSent, Fault::Lost, Fault::Late] {
            add(fault);
        }
        if ops.contains(&true) {
            add(Fault::Twice);
        }
        for most in 1..ops.len() {
            let (before, after) = ops.split_at(most);
            if before.last() == Some(&true) && after.contains(&true) {
                add(Fault::Cut(most));
            }
            add(Fault::CutAnswered(most));
        }
    }
    if request.is_new() {
        let deletes = |op: &Op| matches!(op, Op::Get(get) if get.clear);
        let all = request.ops.iter().enumerate();
        all.filter(|(_, (_, op))| deletes(op)).for_each(|(at, _)| add(Fault::Half(at)));
    }
    if request.is_over() {
        add(Fault::AnswerLost);
        let touching = ops.iter().enumerate().filter(|(_, touches)| **touches);
        touching.for_each(|(at, _)| add(Fault::ServerFailed(at)));
    }
}
