//! What a test has seen so far: lines of its programs, changes that were handed and done, what was announced.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use b24_offline_emulator::Sight;
use b24_offline_emulator::server::Running;
use serde_json::Value;

use crate::handler::Entry;
use crate::shape;

/// Filled by the readers of the programs' output and by the handlers' log; each done change is told to the portal.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<All>);

/// All that was seen.
#[derive(Debug, Default)]
pub(crate) struct All {
    /// Changes that were printed, or given to a handler.
    pub(crate) handed: Vec<Value>,
    /// How many changes are done.
    pub(crate) done: usize,
    /// Lines of standard error.
    pub(crate) notices: Vec<String>,
    /// Everything on standard output.
    pub(crate) printed: String,
    /// Objects announced as parked, `KIND ID`.
    pub(crate) parked: BTreeSet<String>,
    /// How many handlers have come to a gate and not ended.
    pub(crate) holding: BTreeSet<u64>,
    /// What the contract forbids whatever a scenario says.
    pub(crate) violations: Vec<String>,
    /// The handlers that run.
    open: BTreeMap<u64, Call>,
}

#[derive(Debug)]
struct Call {
    start: String,
    changes: Vec<Value>,
}

impl Seen {
    /// What was seen until now.
    pub(crate) fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line of standard output; with `--jsonl` it is a change that is done.
    pub(crate) fn printed(&self, line: &str, jsonl: bool, portal: &Running) {
        let mut all = self.all();
        all.printed.push_str(line);
        all.printed.push('\n');
        if !jsonl {
            return;
        }
        match serde_json::from_str::<Value>(line) {
            Ok(change) => {
                all.hand(&change);
                all.done(&change, portal);
            }
            Err(error) => all.violations.push(format!("no JSON line ({error}): {line}")),
        }
    }

    /// A line of standard error.
    pub(crate) fn noticed(&self, line: &str, portal: &Running) {
        let mut all = self.all();
        all.notices.push(line.to_owned());
        if !line.contains("parked") {
            return;
        }
        let announced = all.handed.iter().rev().find(|change| is_named(line, change)).cloned();
        if let Some(change) = announced {
            let (kind, id) = shape::object(&change);
            portal.with_portal(|portal, _| portal.parked(kind, id, shape::sight(&change)));
            all.parked.insert(format!("{kind} {id}"));
        } else if let Some((kind, id)) = never_handed(line)
            && portal.with_portal(|portal, _| portal.version(kind, id).is_some())
        {
            portal.with_portal(|portal, _| portal.parked(kind, id, Sight::Unread));
            all.parked.insert(format!("{kind} {id}"));
        }
    }

    /// A line of the handlers' log.
    pub(crate) fn handled(&self, entry: Entry, portal: &Running) {
        let mut all = self.all();
        match entry {
            Entry::Began { call, start, changes } => {
                changes.iter().for_each(|change| all.hand(change));
                all.begin(call, Call { start, changes });
            }
            Entry::Holds { call } => {
                all.holding.insert(call);
            }
            Entry::Ended { call, done } => {
                all.holding.remove(&call);
                let Some(call) = all.open.remove(&call) else { return };
                let key =
                    |change: &Value| change.get("key").and_then(Value::as_str).map(str::to_owned);
                let is_done = |change: &&Value| key(change).is_some_and(|key| done.contains(&key));
                call.changes.iter().filter(is_done).for_each(|change| all.done(change, portal));
            }
        }
    }
}

impl All {
    /// How many handlers of a start have not ended.
    pub(crate) fn handlers_of(&self, start: &str) -> usize {
        self.open.values().filter(|call| call.start == start).count()
    }

    fn hand(&mut self, change: &Value) {
        self.violations.extend(shape::fault(change));
        self.handed.push(change.clone());
    }

    fn done(&mut self, change: &Value, portal: &Running) {
        self.done += 1;
        let (kind, id) = shape::object(change);
        portal.with_portal(|portal, now| portal.delivered(kind, id, shape::sight(change), now));
    }

    /// No object is in two handlers of one program at a time.
    fn begin(&mut self, call: u64, began: Call) {
        let objects: BTreeSet<_> = began.changes.iter().map(shape::object).collect();
        let others = self.open.values().filter(|other| other.start == began.start);
        let twice: Vec<String> = others
            .flat_map(|other| &other.changes)
            .map(shape::object)
            .filter(|(_, id)| !id.is_empty())
            .filter(|object| objects.contains(object))
            .map(|(kind, id)| format!("{kind} {id} was given to two handlers at a time"))
            .collect();
        self.violations.extend(twice);
        self.open.insert(call, began);
    }
}

/// Whether a line names the object of a change as `KIND ID`.
fn is_named(line: &str, change: &Value) -> bool {
    let (kind, id) = shape::object(change);
    let name = format!("{kind} {id}");
    line.match_indices(&name).any(|(at, _)| {
        let after = line.get(at + name.len()..).and_then(|rest| rest.chars().next());
        !after.is_some_and(char::is_alphanumeric)
    })
}

/// The object that a line announces as parked though no handler was given it: its data could not be read.
fn never_handed(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_once("parked: ")?.1.split(' ');
    words.next().zip(words.next())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_named_whole() {
        let change = json!({"object": {"kind": "crm.deal", "id": "1"}});
        assert!(is_named("parked: crm.deal 1 after 2 attempts", &change));
        assert!(!is_named("parked: crm.deal 12 after 1 attempt", &change));
        assert!(is_named("parked: crm.deal 12, crm.deal 1", &change));
        let line = "b24-offline: warning: parked: crm.lead 7 after 1 attempt (every batch fails)";
        assert_eq!(never_handed(line), Some(("crm.lead", "7")));
        assert_eq!(never_handed("ready: every event is bound; 1 object is parked"), None);
    }

    #[test]
    fn an_object_in_two_handlers_of_one_program_is_a_violation() {
        let changes = vec![json!({"object": {"kind": "crm.deal", "id": "1"}})];
        let call = |start: &str| Call { start: start.to_owned(), changes: changes.clone() };
        let mut all = All::default();
        all.begin(1, call("main-1"));
        all.begin(2, call("main-2"));
        assert!(all.violations.is_empty(), "the first program was killed");
        all.begin(3, call("main-2"));
        assert_eq!(all.violations.len(), 1);
    }
}
