//! What happens in a scenario, one step after the other.

use std::fmt;

use anyhow::{Context, Result, ensure};
use b24_offline_emulator::{Fault, FaultKind};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::PlanName;
use super::condition::Condition;
use super::expect::Expect;
use super::options::Options;

/// One step.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Starts `listen`.
    Start(Start),
    /// Waits for the end of a program and judges its exit code.
    Exit(Exit),
    /// Ends a program of this name with SIGKILL.
    Kill(String),
    /// Sends a signal.
    Signal(Signal),
    /// Waits until something holds.
    Wait(Condition),
    /// People make objects.
    Create(super::Objects),
    /// People change objects.
    Change(Change),
    /// People delete objects.
    Delete(Named),
    /// People take objects back from the bin.
    Restore(Named),
    /// An event is recorded with any data.
    Event(Event),
    /// A fault waits for its calls.
    Fault(FaultStep),
    /// Faults and automation rules that wait are forgotten.
    ClearFaults,
    /// All bindings are gone.
    RemoveBindings,
    /// All access tokens expire.
    ExpireTokens,
    /// All tokens are worthless.
    RevokeTokens,
    /// A new pair of tokens is written into the auth file.
    SignIn,
    /// The user of the token is no administrator any more.
    TakeRights,
    /// The user of the token is an administrator again.
    GiveRights,
    /// The application may use these scopes alone.
    SetScopes(Vec<String>),
    /// The portal has another plan.
    SetPlan(PlanName),
    /// Somebody binds an event, with any connector.
    Bind(Bind),
    /// The portal's clock is turned forward.
    TurnClock(Span),
    /// Another tool reserves so many records and registers them as errors.
    LeaveInErrorLane(u64),
    /// Another consumer reserves so many records and is never seen again.
    LeaveReserved(u64),
    /// Another consumer clears everything that is reserved, whoever has it.
    ClearReserved,
    /// Another program at the same address has used so many requests of the portal's bucket.
    UseBucket(u64),
    /// Handlers that wait at this gate go on, and all later ones.
    Release(String),
    /// Overwrites bytes of the journal, which no program has open.
    Damage(Damage),
    /// The journal is deleted, with what stands beside it; no program has it open.
    DeleteJournal,
    /// The journal says that the queue was last looked at so much earlier; no program has it open.
    SetBackJournal(Span),
    /// No file that a program writes to may grow beyond so many bytes from now on, as on a full disk.
    LimitFiles(LimitFiles),
    /// Remembers the content of a file of the run's folder.
    Keep(String),
    /// The file is as it was remembered.
    Unchanged(String),
    /// What holds at this moment; what it does not name is not looked at.
    Check(Box<Expect>),
}

impl fmt::Display for Step {
    /// What it is, and about what where that is short.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are shown alike")]
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Start(start) => write!(formatter, "start '{}'", start.name),
            Step::Exit(exit) => write!(formatter, "exit of '{}'", exit.name),
            Step::Wait(_) => formatter.write_str("wait"),
            Step::Check(_) => formatter.write_str("check"),
            other => write!(formatter, "{other:?}"),
        }
    }
}

/// Starts `listen`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Start {
    /// What later steps call it; `main` if left out.
    pub name: String,
    /// Options in place of those of the scenario.
    pub listen: Options,
    /// Whether nobody reads its standard output: it is a pipe whose other end is closed.
    pub closed_stdout: bool,
}

/// Somebody binds an event.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bind {
    /// Its name.
    pub event: String,
    /// The queue's connector; empty for the queue without a source.
    #[serde(default)]
    pub connector: String,
}

/// A span of time.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Days of 24 hours.
    #[serde(default)]
    pub days: u64,
    /// Hours on top.
    #[serde(default)]
    pub hours: u64,
}

impl Span {
    /// In milliseconds.
    #[must_use]
    pub fn milliseconds(self) -> u64 {
        self.days.saturating_mul(24).saturating_add(self.hours).saturating_mul(3_600_000)
    }
}

/// Limits the size of a program's files.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitFiles {
    /// Whose.
    #[serde(default = "main_name")]
    pub name: String,
    /// The most bytes that a file may have.
    pub bytes: u64,
}

impl Default for Start {
    fn default() -> Start {
        Start { name: "main".to_owned(), listen: Options::default(), closed_stdout: false }
    }
}

/// Waits for the end of a program.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exit {
    /// Which one.
    pub name: String,
    /// The exit code that is expected.
    pub code: i32,
    /// Seconds after which it is killed and the test failed.
    pub within: u64,
}

impl Default for Exit {
    fn default() -> Exit {
        Exit { name: "main".to_owned(), code: 0, within: WITHIN }
    }
}

/// The longest wait for a step if nothing else is said, in seconds.
pub(super) const WITHIN: u64 = 60;

/// Sends a signal.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// To which program.
    #[serde(default = "main_name")]
    pub name: String,
    /// Which one.
    pub signal: SignalName,
}

fn main_name() -> String {
    "main".to_owned()
}

/// A signal that a program can answer, or that freezes it for a while.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SignalName {
    /// SIGTERM.
    Term,
    /// SIGINT.
    Int,
    /// SIGSTOP: it stands still, as on a machine that is asleep.
    Stop,
    /// SIGCONT: it goes on.
    Cont,
}

impl SignalName {
    /// As the program `kill` calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SignalName::Term => "TERM",
            SignalName::Int => "INT",
            SignalName::Stop => "STOP",
            SignalName::Cont => "CONT",
        }
    }
}

/// Objects by their ids.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Their kind.
    pub kind: String,
    /// Their ids.
    pub ids: Vec<String>,
}

/// A change of objects.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Their kind.
    pub kind: String,
    /// Their ids.
    pub ids: Vec<String>,
    /// The fields that are merged in.
    pub fields: Map<String, Value>,
}

/// An event with any data.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Its name.
    pub event: String,
    /// EVENT_DATA.
    pub data: Value,
}

/// A fault of the emulator.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultStep {
    /// The method that it strikes; any if left out.
    #[serde(default)]
    pub method: Option<String>,
    /// How many calls pass before.
    #[serde(default)]
    pub after: u64,
    /// How many are struck.
    #[serde(default = "once")]
    pub count: u64,
    /// A `FaultKind` of the emulator.
    pub kind: Value,
}

fn once() -> u64 {
    1
}

impl FaultStep {
    /// What the emulator is told.
    ///
    /// # Errors
    /// A kind that the emulator does not know.
    pub fn fault(&self) -> Result<Fault> {
        let kind: FaultKind = serde_json::from_value(self.kind.clone())
            .with_context(|| format!("the fault {}", self.kind))?;
        Ok(Fault { method: self.method.clone(), after: self.after, count: self.count, kind })
    }

    /// The emulator passes over fields that it does not know; here they are errors.
    pub(super) fn check(&self) -> Result<()> {
        let read = serde_json::to_value(self.fault()?.kind)?;
        let known = is_within(&self.kind, &read);
        ensure!(known, "the fault {} has a field that is not known: {read} is read", self.kind);
        Ok(())
    }
}

/// Whether each field of one value is in the other.
fn is_within(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => one
            .iter()
            .all(|(name, value)| other.get(name).is_some_and(|found| is_within(value, found))),
        _ => one == other,
    }
}

/// Overwrites bytes of the journal.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Damage {
    /// Which bytes.
    pub place: Place,
}

/// Which bytes are overwritten, in the journal's file and in a log beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The middle half.
    Middle,
    /// The last half.
    End,
    /// All of them.
    All,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn fault(text: &str) -> Result<()> {
        let step: FaultStep = toml::from_str(text)?;
        step.check()
    }

    #[test]
    fn faults_are_those_of_the_emulator() {
        fault("kind = 'query_limit'").unwrap();
        fault("kind = { answer_lost = { hang_ms = 0 } }").unwrap();
        fault("method = 'oauth.token'\ncount = 2\nkind = { html = { status = 502, executed = true } }")
            .unwrap();
    }

    #[test]
    fn a_fault_with_an_unknown_field_is_refused() {
        for wrong in [
            "kind = 'no_such_fault'",
            "kind = { answer_lost = { hang_ms = 0, colour = 1 } }",
            "kind = 'query_limit'\ncolour = 1",
        ] {
            fault(wrong).unwrap_err();
        }
    }

    #[test]
    fn a_step_is_one_thing_that_is_known() {
        let steps = |text: &str| toml::from_str::<BTreeMap<String, Vec<Step>>>(text);
        steps("steps = [{ start = {} }, 'sign_in', { exit = { code = 3 } }]").unwrap();
        for wrong in [
            "steps = ['dance']",
            "steps = [{ start = {}, exit = {} }]",
            "steps = [{ start = { colour = 1 } }]",
            "steps = [{ wait = { colour = 1 } }]",
            "steps = [{ signal = { signal = 'KILL' } }]",
            "steps = [{ check = { colour = 1 } }]",
            "steps = [{ turn_clock = { weeks = 1 } }]",
        ] {
            assert!(steps(wrong).is_err(), "{wrong}");
        }
    }
}
