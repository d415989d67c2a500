//! The program given to `--exec`: does what the scenario's rules say, and writes down what it did.
//!
//! Its folder holds `rules.json`, the rules; `log.jsonl`, what happened, one JSON object a line in the order in which
//! it happened; a file `gate-NAME` for each gate that is released; and a file `killed-START` for each start of the
//! program that was killed: its handlers have nothing done, because their changes are given to others.
//! Which start a handler belongs to is told by the environment variable [`START`].

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::scenario::rule::{Rule, Then};

/// The file of the rules.
const RULES: &str = "rules.json";
/// The file of what happened.
const LOG: &str = "log.jsonl";
/// The environment variable with the start that a handler belongs to: `NAME-N`, the name that the scenario gives it
/// and a number.
pub const START: &str = "CONFORMANCE_START";
/// How often a gate is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// A gate that nobody releases.
const LONGEST_HOLD: Duration = Duration::from_secs(300);

/// A line of the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A handler was started.
    Began {
        /// Counts from 1.
        call: u64,
        /// The start of the program that started it.
        start: String,
        /// The lines that it was given.
        changes: Vec<Value>,
    },
    /// It waits at a gate.
    Holds {
        /// Which one.
        call: u64,
    },
    /// It is about to end.
    Ended {
        /// Which one.
        call: u64,
        /// The keys of the changes that are done.
        done: Vec<String>,
    },
}

/// Writes the rules into a handler's folder, which it makes.
///
/// # Errors
/// A folder that can't be written.
pub fn prepare(folder: &Path, rules: &[Rule]) -> Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join(RULES), serde_json::to_vec(rules)?)?;
    fs::write(folder.join(LOG), "")?;
    Ok(())
}

/// Lets handlers through a gate, those that wait and all later ones.
///
/// # Errors
/// A folder that can't be written.
pub fn release(folder: &Path, gate: &str) -> Result<()> {
    Ok(fs::write(folder.join(format!("gate-{gate}")), "")?)
}

/// Handlers of this start have nothing done from now on.
///
/// # Errors
/// A folder that can't be written.
pub fn abandon(folder: &Path, start: &str) -> Result<()> {
    Ok(fs::write(folder.join(format!("killed-{start}")), "")?)
}

/// The whole lines of the log from a position on, and the position after them.
///
/// # Errors
/// A log that can't be read, or a line of it that is none.
pub fn entries(folder: &Path, from: u64) -> Result<(Vec<Entry>, u64)> {
    let mut file = File::open(folder.join(LOG))?;
    file.seek(SeekFrom::Start(from))?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let whole = text.rfind('\n').map_or(0, |at| at + 1);
    let lines = text.get(..whole).unwrap_or_default().lines();
    let entries = lines.map(serde_json::from_str).collect::<Result<_, _>>()?;
    Ok((entries, from + whole as u64))
}

/// Handles one batch: reads the changes from `input`, and answers with what is to be printed and the exit code.
///
/// # Errors
/// A folder without rules, a line that is no JSON.
pub fn handle(folder: &Path, start: &str, input: &str) -> Result<(String, i32)> {
    let rules = fs::read(folder.join(RULES)).context("the rules can't be read")?;
    let rules: Vec<Rule> = serde_json::from_slice(&rules)?;
    let changes: Vec<Value> =
        input.lines().map(serde_json::from_str).collect::<Result<_, _>>().context("a change")?;
    let log = Log { path: folder.join(LOG), killed: folder.join(format!("killed-{start}")) };
    let call = log.begin(start, &changes)?;
    let fitting = |change| rules.iter().filter(move |rule| rule.fits(change, start, call));
    let gates = changes.iter().flat_map(fitting).filter_map(|rule| match &rule.then {
        Then::Hold(gate) => Some(folder.join(format!("gate-{gate}"))),
        Then::Retry(_) | Then::Reject(_) | Then::Exit(_) | Then::Print(_) => None,
    });
    let gates: Vec<PathBuf> = gates.collect();
    if !log.wait_at(call, &gates)? {
        log.add(&Entry::Ended { call, done: Vec::new() })?;
        return Ok((String::new(), 1));
    }
    let mut answer = Answer::default();
    for change in &changes {
        let mut then = fitting(change).map(|rule| &rule.then);
        let then = then.find(|then| !matches!(then, Then::Hold(_)));
        answer.add(change, then);
    }
    log.add(&Entry::Ended { call, done: answer.done() })?;
    Ok((answer.printed, answer.code))
}

/// What the handler says of its changes.
#[derive(Default)]
struct Answer {
    printed: String,
    code: i32,
    failed: bool,
    done: Vec<String>,
}

impl Answer {
    fn add(&mut self, change: &Value, then: Option<&Then>) {
        let key = change.get("key").and_then(Value::as_str).unwrap_or_default().to_owned();
        match then {
            Some(Then::Retry(retry)) => {
                let mut line = json!({ "key": key, "verdict": "retry" });
                if let (Some(after), Some(line)) = (retry.after, line.as_object_mut()) {
                    line.insert("after".to_owned(), json!(after));
                }
                self.print(&line.to_string());
            }
            Some(Then::Reject(reason)) => {
                let line = json!({ "key": key, "verdict": "reject", "reason": reason });
                self.print(&line.to_string());
            }
            Some(Then::Exit(code)) => {
                self.code = *code;
                self.failed = true;
            }
            Some(Then::Print(line)) => {
                self.print(line);
                self.failed = true;
            }
            Some(Then::Hold(_)) | None => self.done.push(key),
        }
    }

    fn print(&mut self, line: &str) {
        self.printed.push_str(line);
        self.printed.push('\n');
    }

    /// A call that fails as a whole has nothing done.
    fn done(&self) -> Vec<String> {
        if self.failed { Vec::new() } else { self.done.clone() }
    }
}

/// The log, written by handlers that run side by side.
struct Log {
    path: PathBuf,
    killed: PathBuf,
}

impl Log {
    /// Writes the first entry of a call, and gives it its number.
    fn begin(&self, start: &str, changes: &[Value]) -> Result<u64> {
        let mut file = self.locked()?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let calls = text.lines().filter(|line| line.starts_with("{\"began\"")).count() as u64;
        let (call, start, changes) = (calls + 1, start.to_owned(), changes.to_vec());
        append(&mut file, &Entry::Began { call, start, changes })?;
        Ok(call)
    }

    fn add(&self, entry: &Entry) -> Result<()> {
        append(&mut self.locked()?, entry)
    }

    /// Freed when the file is dropped.
    fn locked(&self) -> Result<File> {
        let file = File::options().read(true).append(true).open(&self.path)?;
        file.lock()?;
        Ok(file)
    }

    /// Waits until all gates are released; `false` if the program that asked was killed.
    fn wait_at(&self, call: u64, gates: &[PathBuf]) -> Result<bool> {
        let since = Instant::now();
        let mut told = false;
        while !gates.iter().all(|gate| gate.exists()) {
            if !told {
                self.add(&Entry::Holds { call })?;
                told = true;
            }
            if self.killed.exists() || since.elapsed() > LONGEST_HOLD {
                return Ok(false);
            }
            thread::sleep(LOOK);
        }
        Ok(!self.killed.exists())
    }
}

fn append(file: &mut File, entry: &Entry) -> Result<()> {
    let mut line = serde_json::to_string(entry)?;
    line.push('\n');
    Ok(file.write_all(line.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(id: &str, attempt: u64) -> String {
        let change = json!({
            "key": format!("key {id}"), "object": {"kind": "crm.deal", "id": id},
            "attempt": attempt, "data": {"VERSION": "1"},
        });
        format!("{change}\n")
    }

    fn rules(text: &str) -> Vec<Rule> {
        #[derive(Deserialize)]
        struct File {
            handler: Vec<Rule>,
        }
        toml::from_str::<File>(text).unwrap().handler
    }

    #[test]
    fn verdicts_follow_the_rules_and_the_rest_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let rules = rules(
            "[[handler]]\nids = ['1']\nthen = { retry = { after = 0.5 } }\n\
             [[handler]]\nids = ['2']\nthen = { reject = 'no' }",
        );
        prepare(folder.path(), &rules).unwrap();
        let input = change("1", 1) + &change("2", 1) + &change("3", 1);
        let (printed, code) = handle(folder.path(), "main-1", &input).unwrap();
        assert_eq!(code, 0);
        let lines: Vec<Value> =
            printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0], json!({"key": "key 1", "verdict": "retry", "after": 0.5}));
        assert_eq!(lines[1], json!({"key": "key 2", "verdict": "reject", "reason": "no"}));
        let (entries, _) = entries(folder.path(), 0).unwrap();
        let Entry::Ended { call: 1, done } = &entries[1] else { panic!("{entries:?}") };
        assert_eq!(done, &["key 3"]);
    }

    #[test]
    fn a_call_that_fails_has_nothing_done() {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path(), &rules("[[handler]]\ncalls = [2]\nthen = { exit = 7 }")).unwrap();
        assert_eq!(handle(folder.path(), "main-1", &change("1", 1)).unwrap(), (String::new(), 0));
        assert_eq!(handle(folder.path(), "main-1", &change("1", 2)).unwrap(), (String::new(), 7));
        let (entries, end) = entries(folder.path(), 0).unwrap();
        assert!(matches!(&entries[3], Entry::Ended { call: 2, done } if done.is_empty()));
        assert!(super::entries(folder.path(), end).unwrap().0.is_empty());
    }

    #[test]
    fn a_handler_of_a_program_that_was_killed_has_nothing_done() {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path(), &rules("[[handler]]\nthen = { hold = 'go' }")).unwrap();
        abandon(folder.path(), "main-1").unwrap();
        assert_eq!(handle(folder.path(), "main-1", &change("1", 1)).unwrap().1, 1);
        release(folder.path(), "go").unwrap();
        assert_eq!(handle(folder.path(), "main-1", &change("1", 1)).unwrap().1, 1);
        assert_eq!(handle(folder.path(), "main-2", &change("1", 1)).unwrap().1, 0);
    }

    #[test]
    fn a_gate_that_is_released_holds_nobody() {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path(), &rules("[[handler]]\nthen = { hold = 'go' }")).unwrap();
        release(folder.path(), "go").unwrap();
        assert_eq!(handle(folder.path(), "main-1", &change("1", 1)).unwrap(), (String::new(), 0));
    }
}
