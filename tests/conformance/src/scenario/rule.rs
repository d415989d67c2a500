//! What the handler does with the changes that it is given.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A rule: which changes it is for, and what becomes of them. All that it names has to fit.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The object's kind.
    #[serde(default)]
    pub kind: Option<String>,
    /// The object's id, one of these.
    #[serde(default)]
    pub ids: Option<Vec<String>>,
    /// The change's attempt, one of these.
    #[serde(default)]
    pub attempts: Option<Vec<u64>>,
    /// Which calls of the handler, counted from 1 over the whole scenario.
    #[serde(default)]
    pub calls: Option<Vec<u64>>,
    /// Handlers of the starts of these names.
    #[serde(default)]
    pub starts: Option<Vec<String>>,
    /// Fields of the data.
    #[serde(default)]
    pub data: BTreeMap<String, Value>,
    /// What becomes of them.
    pub then: Then,
}

/// What becomes of a change. A handler first waits for all gates that its changes ask for, then prints and
/// ends as the first other rule of each change says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// The verdict retry.
    Retry(Retry),
    /// The verdict reject, with this reason.
    Reject(String),
    /// The handler ends with this exit code and prints nothing.
    Exit(i32),
    /// The handler prints this line, which is no verdict.
    Print(String),
    /// The handler waits until the gate of this name is released.
    Hold(String),
}

/// The verdict retry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Seconds.
    #[serde(default)]
    pub after: Option<f64>,
}

impl Rule {
    /// Whether it is for this change of this call, of the start `NAME-N`.
    #[must_use]
    pub fn fits(&self, change: &Value, start: &str, call: u64) -> bool {
        let named = |name: &str| change.pointer(&format!("/object/{name}")).and_then(Value::as_str);
        let kind = self.kind.as_deref().is_none_or(|kind| named("kind") == Some(kind));
        let id = self
            .ids
            .as_ref()
            .is_none_or(|ids| named("id").is_some_and(|id| ids.iter().any(|wanted| wanted == id)));
        let attempt = change.get("attempt").and_then(Value::as_u64);
        let attempt = self
            .attempts
            .as_ref()
            .is_none_or(|attempts| attempt.is_some_and(|attempt| attempts.contains(&attempt)));
        let call = self.calls.as_ref().is_none_or(|calls| calls.contains(&call));
        let name = start.rsplit_once('-').map_or(start, |(name, _)| name);
        let start = self.starts.as_ref().is_none_or(|starts| starts.iter().any(|one| one == name));
        kind && id && attempt && call && start && holds(change, &self.data)
    }
}

/// Whether the change's data has these values.
#[must_use]
pub fn holds(change: &Value, wanted: &BTreeMap<String, Value>) -> bool {
    wanted.iter().all(|(name, value)| {
        change.get("data").and_then(|data| data.get(name)).is_some_and(|found| found == value)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_that_a_rule_names_has_to_fit() {
        let change = json!({
            "object": {"kind": "crm.deal", "id": "3"}, "attempt": 2, "data": {"TITLE": "bad"},
        });
        let fits = |rule: &str| {
            let rule: Rule = toml::from_str(&format!("{rule}\nthen = {{ exit = 7 }}")).unwrap();
            rule.fits(&change, "main-1", 1)
        };
        assert!(fits(""));
        assert!(fits(
            "starts = ['main']\nkind = 'crm.deal'\nids = ['3']\nattempts = [2]\ndata.TITLE = 'bad'"
        ));
        for other in
            ["kind = 'crm.lead'", "ids = ['1']", "attempts = [1]", "calls = [2]", "starts = ['x']"]
        {
            assert!(!fits(other), "{other}");
        }
        assert!(!fits("data.TITLE = 'good'"));
    }
}
