//! A counter-example in words.

use std::fmt::{self, Write};

use crate::invariant::Broken;
use crate::search::Search;
use crate::server::{Message, Record};
use crate::step::{Fault, Step};
use crate::wire::{Answer, EVENT_NAMES, Op};
use crate::world::World;

/// How an invariant is broken, step by step.
#[derive(Debug, Clone)]
pub struct Story {
    /// In which world.
    pub world: &'static str,
    /// What happens, one line a step.
    pub steps: Vec<String>,
    /// The world at the end.
    pub end: Vec<String>,
    /// The invariant, and how it is broken.
    pub broken: Broken,
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Broken: {}\n  {}", self.broken.0, self.broken.1)?;
        writeln!(f, "In the world '{}':", self.world)?;
        for (number, step) in self.steps.iter().enumerate() {
            writeln!(f, "{:>4}. {step}", number + 1)?;
        }
        writeln!(f, "At the end:")?;
        self.end.iter().try_for_each(|line| writeln!(f, "      {line}"))
    }
}

/// The world of a state.
pub(crate) fn rebuild(search: &Search, node: u32) -> anyhow::Result<World> {
    let mut world = World::new(search.bounds, search.options.defect)?;
    for step in search.path(node) {
        world.take(step);
    }
    Ok(world)
}

/// Tells how a state is reached, and one step more.
pub(crate) fn tell(
    search: &Search,
    node: u32,
    last: Option<Step>,
    broken: Broken,
) -> anyhow::Result<Story> {
    let mut world = World::new(search.bounds, search.options.defect)?;
    let mut steps = Vec::new();
    for step in search.path(node).into_iter().chain(last) {
        let before = world.clone();
        world.take(step);
        steps.push(words(step, &before, &world));
    }
    Ok(Story { world: search.bounds.name, steps, end: end(&world), broken })
}

fn who(world: &World, c: usize) -> String {
    if world.consumers.len() > 1 { format!("machine {}", c + 1) } else { "the machine".to_owned() }
}

fn deal(message: Message, world: &World) -> String {
    let name = EVENT_NAMES.get(usize::from(message.event)).unwrap_or(&"");
    let event = if world.bounds.events > 1 { format!(" ({name})") } else { String::new() };
    format!("deal {}{event}", message.object + 1)
}

fn row(record: &Record) -> String {
    let lane = if record.error { ", ERROR 1" } else { "" };
    let process = match record.process {
        0 => "free".to_owned(),
        process => format!("reserved under p{process}"),
    };
    format!(
        "record {} of deal {} (v{}, {process}{lane})",
        record.id,
        record.message.object + 1,
        record.version
    )
}

/// What a request asks, in words.
fn asks<'a>(ops: impl Iterator<Item = &'a Op>) -> String {
    let part = |op: &Op| match op {
        Op::Feature(_) => "what the plan has".to_owned(),
        Op::Bindings => "the bindings".to_owned(),
        Op::Get(get) => {
            let lane = if get.error { "errored" } else { "new" };
            let deletes = if get.clear { ", deleting them" } else { "" };
            format!("get {} {lane}{deletes}", get.limit)
        }
        Op::List { filter, .. } => {
            let sweeps = filter.iter().any(|term| {
                matches!(term, crate::server::Term::Process(crate::server::Compare::Above, _))
            });
            if sweeps { "sweep" } else { "list" }.to_owned()
        }
        Op::Clear(process, named) => match named {
            crate::server::Named::All => format!("clear all of p{process}"),
            crate::server::Named::Ids(ids) => format!("clear {ids:?} of p{process}"),
            crate::server::Named::Messages(all) => {
                format!("clear {} message ids of p{process}", all.len())
            }
        },
        Op::Error(process, messages) => {
            let objects: Vec<String> =
                messages.iter().map(|m| format!("deal {}", m.object + 1)).collect();
            format!("error for {} of p{process}", objects.join(", "))
        }
        Op::ReadMany(objects) => {
            let objects: Vec<String> = objects.iter().map(|o| (o + 1).to_string()).collect();
            format!("read deals {}", objects.join(", "))
        }
        Op::ReadOne(object) => format!("read deal {}", object + 1),
    };
    ops.map(part).collect::<Vec<_>>().join("; ")
}

fn request(world: &World, c: usize) -> String {
    let flight = world.consumers.get(c).and_then(|consumer| consumer.flight.as_ref());
    flight.map_or_else(String::new, |flight| asks(flight.request.ops.iter().map(|(_, op)| op)))
}

fn words(step: Step, before: &World, after: &World) -> String {
    let mut text = match step {
        Step::Change(message) => changed(message, after),
        Step::ErrorByAnother(at) => {
            let record = before.server.records.get(at).map(row).unwrap_or_default();
            format!("another tool puts {record} into the error lane")
        }
        Step::Execute(c) => format!("the portal executes: {}", executed(before, after, c)),
        Step::Answer(c) => format!("{} gets the answer", who(before, c)),
        Step::Saved(c) => format!("the journal of {} is written", who(before, c)),
        Step::Judge(c, batch, at, judged) => {
            let batches = before.consumers.get(c).map(|consumer| consumer.batches.as_slice());
            let given = batches.and_then(|all| all.get(batch)).and_then(|(_, all)| all.get(at));
            let (object, version) = given.map_or((0, 0), |given| (given.object, given.version));
            let verdict = format!("{judged:?}").to_lowercase();
            format!("the user's code judges deal {} at v{version}: {verdict}", object + 1)
        }
        Step::Tick(c) => {
            let wake = before.consumers.get(c).and_then(|consumer| consumer.wake);
            let passed = (after.now - before.now) as f64 / 1_000.0;
            let why = wake.map(|wake| format!(" ({:?})", wake.reason)).unwrap_or_default();
            format!("{passed} s pass, {} wakes{why}", who(before, c))
        }
        Step::Leap => format!("{} s pass", (after.now - before.now) / 1_000),
        Step::Crash(c, kept) => {
            let saves = before.consumers.get(c).map_or(0, |consumer| consumer.saves.len());
            let saved = match (saves, kept) {
                (0, _) => String::new(),
                (_, 0) => ", nothing that was to be saved is".to_owned(),
                (_, kept) => format!(", {kept} of {saves} saves are durable"),
            };
            format!("{} is killed and started again{saved}", who(before, c))
        }
        Step::Fault(c, fault) => went_wrong(fault, &request(before, c)),
        Step::Late(at) => {
            let asked = before
                .late
                .get(at)
                .map(|request| asks(request.ops.iter().skip(request.at).map(|(_, op)| op)));
            format!("the late request is executed: {}", asked.unwrap_or_default())
        }
        Step::Redrive(c) => format!("the user drives what {} has parked again", who(before, c)),
        Step::Age => "29 days pass".to_owned(),
        Step::Expire => "the portal deletes reserved records by their age".to_owned(),
        Step::Plan(true) => "the plan gains rest_offline_extended".to_owned(),
        Step::Plan(false) => "the plan loses rest_offline_extended".to_owned(),
    };
    consequences(&mut text, before, after);
    text
}

fn changed(message: Message, after: &World) -> String {
    let version = after.server.versions.get(usize::from(message.object)).copied();
    let free = |record: &&Record| record.message == message && record.process == 0;
    format!(
        "the portal records a change of {} (v{}) as record {}",
        deal(message, after),
        version.unwrap_or_default(),
        after.server.records.iter().find(free).map_or(0, |record| record.id)
    )
}

fn went_wrong(fault: Fault, asked: &str) -> String {
    match fault {
        Fault::NotSent => format!("the request can't be sent ({asked})"),
        Fault::Lost => format!("the request is lost on its way ({asked})"),
        Fault::Late => format!("no answer comes; it may be executed later ({asked})"),
        Fault::Twice => format!("the request arrives twice, first: {asked}"),
        Fault::Cut(most) => {
            format!("the request dies after {most} sub-calls, unanswered ({asked})")
        }
        Fault::Half(at) => {
            format!("sub-call {} marks and dies before it deletes ({asked})", at + 1)
        }
        Fault::CutAnswered(most) => {
            format!("only the first {most} sub-calls run and are answered ({asked})")
        }
        Fault::AnswerLost => format!("the answer is lost ({asked})"),
        Fault::ServerFailed(at) => {
            format!("sub-call {} runs and is answered as failed ({asked})", at + 1)
        }
    }
}

fn executed(before: &World, after: &World, c: usize) -> String {
    let request = |world: &World| {
        let consumer = world.consumers.get(c)?;
        Some(consumer.flight.as_ref()?.request.clone())
    };
    let (Some(before), Some(after)) = (request(before), request(after)) else {
        return String::new();
    };
    let answers = after.answers.iter().skip(before.at).filter_map(|answer| match answer {
        Answer::Got(process, rows) if !rows.is_empty() => {
            let ids: Vec<String> = rows.iter().map(|row| row.id.to_string()).collect();
            Some(format!("p{process} with {}", ids.join(", ")))
        }
        Answer::Listed(rows, _) if !rows.is_empty() => {
            Some(rows.iter().map(row).collect::<Vec<_>>().join(", "))
        }
        Answer::Objects(objects) => {
            let all = objects.iter().map(|(o, version)| format!("deal {} v{version}", o + 1));
            Some(all.collect::<Vec<_>>().join(", "))
        }
        Answer::Object(object, version) => Some(format!("deal {} v{version}", object + 1)),
        Answer::Got(..)
        | Answer::Listed(..)
        | Answer::Feature(_)
        | Answer::Bindings
        | Answer::True
        | Answer::Failed(_) => None,
    });
    let answers: Vec<String> = answers.collect();
    let done = after.ops.iter().take(after.at).skip(before.at).map(|(_, op)| op);
    let mut text = asks(done);
    if after.selected.is_some() {
        let _ = write!(text, "; the next get has selected, not yet marked");
    }
    if !answers.is_empty() {
        let _ = write!(text, " → {}", answers.join(" | "));
    }
    text
}

/// What the machines do next.
fn consequences(text: &mut String, before: &World, after: &World) {
    for (c, (was, is)) in before.consumers.iter().zip(&after.consumers).enumerate() {
        let call = |consumer: &crate::consumer::Consumer| {
            consumer.flight.as_ref().map(|flight| flight.call)
        };
        if call(is).is_some() && call(is) != call(was) {
            let _ = write!(text, "; {} asks: {}", who(after, c), request(after, c));
        }
        for (id, given) in &is.batches {
            if !was.batches.iter().any(|(known, _)| known == id) {
                let given: Vec<String> = given
                    .iter()
                    .map(|given| format!("deal {} v{}", given.object + 1, given.version))
                    .collect();
                let _ = write!(text, "; {} delivers {}", who(after, c), given.join(", "));
            }
        }
    }
}

fn end(world: &World) -> Vec<String> {
    let mut lines = Vec::new();
    let objects = usize::from(world.bounds.objects);
    let versions = world.server.versions.iter().zip(&world.target).take(objects).enumerate();
    for (object, (portal, target)) in versions {
        lines.push(format!("deal {}: portal v{portal}, target v{target}", object + 1));
    }
    lines.extend(world.server.records.iter().map(row));
    for request in &world.late {
        let left = request.ops.iter().skip(request.at).map(|(_, op)| op);
        lines.push(format!("may still be executed: {}", asks(left)));
    }
    for (c, consumer) in world.consumers.iter().enumerate() {
        for (object, records) in consumer.machine.parked_objects() {
            let ids: Vec<String> = records.iter().map(ToString::to_string).collect();
            lines.push(format!("{} has parked {object} ({})", who(world, c), ids.join(", ")));
        }
        for (key, value) in consumer.journal.iter().filter(|(key, _)| *key != "queue") {
            let value = value.split_once(' ').map_or("", |(_, text)| text);
            lines.push(format!("journal of {}: {key} {value}", who(world, c)));
        }
    }
    lines
}
