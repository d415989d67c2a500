//! The invariants of `docs/reliability.md` that are checked in every state, each a function.
//!
//! Each looks at the moment at which it could be broken: records being deleted, a call being sent, a change being
//! delivered or applied. `Converge` is checked over the whole graph (`converge`).

use std::fmt;

use b24_offline_core::view;
use b24_offline_core::{Change, JournalEntry};

use crate::consumer::Consumer;
use crate::server::{Named, Record};
use crate::wire::Op;
use crate::world::World;

/// One promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// A call of ours deletes a record only if state at least as new as its last change was judged done, or is in
    /// the journal.
    NoEarlyDelete,
    /// Each clear and error names records one by one, by one kind of key, and a reservation.
    ClearByName,
    /// The journal knows a change's records before the user's code sees it.
    WriteAhead,
    /// One delivery of an object at a time, and the target never goes back to an older state.
    NoRegress,
    /// `error` only by the rule: with its intent in the journal, once, and nothing of the object is delivered while
    /// it may still be executed.
    BothLanes,
    /// After a `get` whose outcome is unknown none is sent before a sweep has looked.
    LateSafe,
    /// What the portal deletes by age was done, or is in the journal.
    AgeSafe,
    /// From every state the client's own steps lead to: both lanes empty or parked, target equal to portal.
    Converge,
    /// The machine takes what the model's host does, and does not end by itself.
    Contract,
}

impl Invariant {
    /// What it promises, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Invariant::NoEarlyDelete => {
                "a record is deleted only once its last change was done or is in the journal"
            }
            Invariant::ClearByName => "each clear and error names the records that were judged",
            Invariant::WriteAhead => "the journal knows records before the user's code sees them",
            Invariant::NoRegress => {
                "an object is delivered once at a time, and the target never goes back"
            }
            Invariant::BothLanes => {
                "error is sent by the rule, and nothing of the object moves while it may execute"
            }
            Invariant::LateSafe => "after a get with an unknown outcome the sweep looks first",
            Invariant::AgeSafe => "what the portal deletes by age was done or is in the journal",
            Invariant::Converge => {
                "the client's own steps lead to empty lanes and a target equal to the portal"
            }
            Invariant::Contract => "the machine and its host keep their contract",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?} ({})", self.words())
    }
}

/// An invariant that is broken, and how.
pub type Broken = (Invariant, String);

fn is_covered(world: &World, record: &Record) -> bool {
    let object = usize::from(record.message.object);
    let done = world.done.get(object).copied().unwrap_or_default();
    done >= record.version || world.has_home(record.message.object)
}

/// `NoEarlyDelete`: `gone` was deleted by a call of ours.
pub(crate) fn no_early_delete(world: &World, gone: &[Record]) -> Option<Broken> {
    let lost = gone.iter().find(|record| !is_covered(world, record))?;
    let what = format!(
        "record {} of deal {} was deleted at version {}, and only version {} is done",
        lost.id,
        lost.message.object + 1,
        lost.version,
        world.done.get(usize::from(lost.message.object)).copied().unwrap_or_default()
    );
    Some((Invariant::NoEarlyDelete, what))
}

/// `AgeSafe`: `gone` was deleted by the portal because of its age.
pub(crate) fn age_safe(world: &World, gone: &[Record]) -> Option<Broken> {
    let lost = gone.iter().find(|record| !is_covered(world, record))?;
    let what = format!("record {} of deal {} has aged away", lost.id, lost.message.object + 1);
    Some((Invariant::AgeSafe, what))
}

/// `ClearByName`: these sub-calls are sent.
pub(crate) fn clear_by_name(ops: &[(String, Op)]) -> Option<Broken> {
    let wrong = ops.iter().find_map(|(_, op)| match op {
        Op::Clear(0, _) | Op::Error(0, _) => Some("the empty process_id"),
        Op::Clear(_, Named::All) => Some("a whole reservation"),
        Op::Clear(_, Named::Messages(_)) => Some("records by MESSAGE_ID"),
        Op::Error(_, messages) if messages.is_empty() => Some("nothing"),
        Op::Get(get) if get.process.is_some() => Some("a reservation to be read again by get"),
        Op::Clear(_, Named::Ids(_))
        | Op::Error(..)
        | Op::Get(_)
        | Op::Feature(_)
        | Op::Bindings
        | Op::List { .. }
        | Op::ReadMany(_)
        | Op::ReadOne(_) => None,
    })?;
    Some((Invariant::ClearByName, format!("a call names {wrong}")))
}

/// `BothLanes`, what is sent: an `error` for an object that is not with the user's code, whose intent is in the
/// journal, and none twice.
pub(crate) fn error_by_the_rule(consumer: &Consumer, ops: &[(String, Op)]) -> Option<Broken> {
    let broken = |what: String| Some((Invariant::BothLanes, what));
    for (_, op) in ops {
        let Op::Error(process, messages) = op else { continue };
        for message in messages {
            let deal = message.object + 1;
            if !consumer.has_home(message.object) {
                return broken(format!("an error is sent for deal {deal} that the journal lacks"));
            }
            if consumer.delivers(message.object) {
                return broken(format!("an error is sent for deal {deal} during its delivery"));
            }
            if consumer.unsure.contains(&(*process, *message)) {
                return broken(format!("the error for deal {deal} is sent again"));
            }
        }
    }
    None
}

/// `LateSafe`: no `get` is sent blindly.
pub(crate) fn late_safe(consumer: &Consumer, ops: &[(String, Op)]) -> Option<Broken> {
    let gets = ops.iter().any(|(_, op)| op.reserves());
    let what = "a get is sent although another may still be unseen".to_owned();
    (gets && consumer.blind).then_some((Invariant::LateSafe, what))
}

/// `WriteAhead`: this change is delivered.
pub(crate) fn write_ahead(consumer: &Consumer, change: &Change) -> Option<Broken> {
    if !consumer.is_durable {
        return None;
    }
    let records = change.key.split('#').next().unwrap_or_default();
    let ids = records.split(',').filter_map(|part| part.split_once('@')?.0.parse::<u64>().ok());
    let missing = ids
        .into_iter()
        .find(|id| !consumer.journal.iter().any(|(key, value)| knows(key, value, *id)))?;
    Some((Invariant::WriteAhead, format!("record {missing} is delivered before it is saved")))
}

/// Whether an entry of the journal names a record.
fn knows(key: &str, value: &str, id: u64) -> bool {
    if key.starts_with("reservation/") {
        value.contains(&format!("[{id},"))
    } else {
        value.contains(&format!(r#""id":{id},"#))
    }
}

/// `NoRegress`, one at a time: this object is delivered.
pub(crate) fn one_at_a_time(world: &World, object: u8) -> Option<Broken> {
    let twice = !world.shared && world.consumers.iter().any(|consumer| consumer.delivers(object));
    let what = format!("deal {} is delivered while a delivery of it is open", object + 1);
    twice.then_some((Invariant::NoRegress, what))
}

/// `NoRegress`, never back: this version is applied to the target.
pub(crate) fn no_regress(world: &World, object: u8, version: u8) -> Option<Broken> {
    let target = world.target.get(usize::from(object)).copied().unwrap_or_default();
    let what =
        format!("the target's deal {} goes back from version {target} to {version}", object + 1);
    (!world.shared && version < target).then_some((Invariant::NoRegress, what))
}

/// `BothLanes`, what is not delivered: an object whose `error` may still be executed.
pub(crate) fn rests_while_error_may_run(world: &World, object: u8) -> Option<Broken> {
    let flights = world.consumers.iter().filter_map(|consumer| consumer.flight.as_ref());
    let mut requests = flights.map(|flight| &flight.request).chain(&world.late);
    let may_run = requests.any(|request| {
        request.errors_to_come().any(|op| {
            let of_object = |messages: &[crate::server::Message]| {
                messages.iter().any(|message| message.object == object)
            };
            matches!(op, Op::Error(_, messages) if of_object(messages))
        })
    });
    let what = format!("deal {} is delivered while its error may still be executed", object + 1);
    may_run.then_some((Invariant::BothLanes, what))
}

/// The object whose home an entry is, by number.
pub(crate) fn home(key: &str, value: &str) -> Option<u8> {
    let entry = JournalEntry { key: key.to_owned(), value: value.to_owned() };
    crate::wire::object(&view::home(&entry)?.id).ok()
}
