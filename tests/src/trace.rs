//! What a machine was given and what it answered, as text that every host has to repeat byte for byte.
//!
//! One value a line: the configuration, the journal's contents, `{"seed": N, "now": MS}`; then for each input three
//! lines: the time in milliseconds, the input, the step.

use b24_offline_core::{Config, Input, JournalContents, Step, Timestamp};
use serde::Serialize;
use serde_json::json;

/// The traces of a scene: one for each start of the machine.
#[derive(Debug, Clone, Default)]
pub struct Traces(Vec<String>);

impl Traces {
    /// The text of each trace, in the order of the starts.
    #[must_use]
    pub fn texts(&self) -> &[String] {
        &self.0
    }

    pub(crate) fn open(
        &mut self,
        config: &Config,
        contents: &JournalContents,
        seed: u64,
        now: Timestamp,
    ) {
        self.0.push(String::new());
        self.line(config);
        self.line(contents);
        self.line(&json!({ "seed": seed, "now": now }));
    }

    pub(crate) fn step(&mut self, now: Timestamp, input: &Input, step: &Step) {
        self.line(&now);
        self.line(input);
        self.line(step);
    }

    #[allow(clippy::expect_used)]
    fn line(&mut self, value: &impl Serialize) {
        let text = serde_json::to_string(value).expect("the surface's types are JSON");
        if let Some(trace) = self.0.last_mut() {
            trace.push_str(&text);
            trace.push('\n');
        }
    }
}
