//! What a scene puts between the parts: a scripted handler, a wire that alters calls and answers,
//! a disk that fails.

use b24_offline_core::{Batch, Call, Reply, Verdicts};
use serde_json::Value;
use std::fmt;

type Answering = dyn FnMut(&Batch, u64) -> Vec<(u64, Verdicts)>;
type Answered = dyn FnMut(&Call, u64, (u64, Reply)) -> (u64, Reply);

/// A handler by script: from a batch and the time to verdicts, each after so many milliseconds. No
/// verdicts: it hangs.
pub struct Script(Box<Answering>);

/// What becomes of the portal's answers on their way: from the call, the time and the answer with
/// its delay to what the machine gets, and when. The call has been executed.
pub struct Wire(Box<Answered>);

/// How the journal's disk behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// Each save is durable after so many milliseconds.
    Works(u64),
    /// No save succeeds.
    Full,
}

impl Script {
    /// Wraps a script.
    pub fn new(script: impl FnMut(&Batch, u64) -> Vec<(u64, Verdicts)> + 'static) -> Script {
        Script(Box::new(script))
    }

    pub(crate) fn answer(&mut self, batch: &Batch, now: u64) -> Vec<(u64, Verdicts)> {
        (self.0)(batch, now)
    }
}

impl Wire {
    /// Wraps what becomes of answers.
    pub fn new(wire: impl FnMut(&Call, u64, (u64, Reply)) -> (u64, Reply) + 'static) -> Wire {
        Wire(Box::new(wire))
    }

    /// Every sub-call of this method is answered with this error from now on, though it is executed.
    #[must_use]
    pub fn refusing(method: &'static str, code: &'static str, description: &'static str) -> Wire {
        Wire::new(move |call, _, (delay, reply)| {
            let error = serde_json::json!({ "error": code, "error_description": description });
            (delay, with_errors(call, reply, |name| (name == method).then(|| error.clone())))
        })
    }

    pub(crate) fn pass(&mut self, call: &Call, now: u64, reply: (u64, Reply)) -> (u64, Reply) {
        (self.0)(call, now, reply)
    }
}

/// Names and methods of a batch's sub-calls, in order; none for a call that is no batch.
#[must_use]
pub fn sub_calls(call: &Call) -> Vec<(String, String)> {
    let params: Value = serde_json::from_str(&call.params).unwrap_or_default();
    let commands = params["cmd"].as_object().cloned().unwrap_or_default();
    let method = |command: &Value| {
        command.as_str().and_then(|text| text.split('?').next()).unwrap_or_default().to_owned()
    };
    commands.iter().map(|(name, command)| (name.clone(), method(command))).collect()
}

/// The answer of a batch with the results of some methods replaced by errors.
#[must_use]
pub fn with_errors(call: &Call, reply: Reply, error: impl Fn(&str) -> Option<Value>) -> Reply {
    let Reply::Answer { status, body } = &reply else { return reply };
    let Ok(mut answer) = serde_json::from_str::<Value>(body) else { return reply };
    if call.method != "batch" || !answer["result"].is_object() {
        return reply;
    }
    for (name, method) in sub_calls(call) {
        let Some(error) = error(&method) else { continue };
        let parts = &mut answer["result"];
        if let Some(results) = parts["result"].as_object_mut() {
            results.remove(&name);
        }
        if !parts["result_error"].is_object() {
            parts["result_error"] = serde_json::json!({});
        }
        parts["result_error"][name] = error;
    }
    Reply::Answer { status: *status, body: answer.to_string() }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}
