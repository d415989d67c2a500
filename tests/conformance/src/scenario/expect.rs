//! What has to hold, at the end or in between.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::rule::holds;

/// What has to hold. At the end what is left out counts as its default; in a `check` it is not looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// Changes that people made and the portal recorded; at least 1.
    pub changes: Option<Count>,
    /// Objects whose newest recorded change was neither delivered nor parked; 0.
    pub lost: Option<Count>,
    /// Records made by the program's own writes; 0.
    pub own_writes_returned: Option<Count>,
    /// Deliveries of an older state than one delivered before; 0.
    pub regressions: Option<Count>,
    /// Existing objects that were called gone; 0.
    pub false_gone: Option<Count>,
    /// Requests above the bucket; 0.
    pub bucket_violations: Option<Count>,
    /// Calls of `event.offline.error`; 0.
    pub error_calls: Option<Count>,
    /// Free records of the lane of new records; 0.
    pub free: Option<Count>,
    /// Records of the error lane; 0.
    pub errors: Option<Count>,
    /// Reserved records; 0.
    pub reserved: Option<Count>,
    /// Faults that have not struck; 0.
    pub faults_left: Option<Count>,
    /// Objects that are parked still, their last change not delivered; 0.
    pub left_parked: Option<Count>,
    /// Objects that were announced as parked; none.
    pub parked: Option<Vec<String>>,
    /// Changes that a handler was given, or that were printed.
    pub handed: Option<Count>,
    /// Different idempotency keys among them.
    pub distinct_keys: Option<Count>,
    /// Changes that are done.
    pub done: Option<Count>,
    /// Exchanges of refresh tokens.
    pub token_refreshes: Option<Count>,
    /// Calls refused for their operating time.
    pub operating_refusals: Option<Count>,
    /// Calls by method, alone or in batches.
    pub calls: BTreeMap<String, Count>,
    /// Texts, each on a line of standard error.
    pub notices: Vec<String>,
    /// Texts that no line of standard error has.
    pub no_notices: Vec<String>,
    /// Whether each line on standard error is a JSON object.
    pub json_notices: bool,
    /// Events that are bound, in order of their names.
    pub bound: Option<Vec<String>>,
    /// Whether a damaged journal was kept aside.
    pub damaged_journal: Option<bool>,
    /// Whether the auth file holds other tokens than at first.
    pub tokens_renewed: Option<bool>,
    /// Changes among those that were handed.
    #[serde(rename = "change")]
    pub handed_changes: Vec<ChangeMatch>,
    /// Objects as the portal has them.
    #[serde(rename = "object")]
    pub objects: Vec<ObjectState>,
}

impl Expect {
    /// With the defaults that count at the end.
    #[must_use]
    pub fn at_end(&self) -> Expect {
        let none = |given: Option<Count>| given.or(Some(Count::Exactly(0)));
        Expect {
            changes: self.changes.or(Some(Count::Range(Range { at_least: 1, at_most: u64::MAX }))),
            lost: none(self.lost),
            own_writes_returned: none(self.own_writes_returned),
            regressions: none(self.regressions),
            false_gone: none(self.false_gone),
            bucket_violations: none(self.bucket_violations),
            error_calls: none(self.error_calls),
            free: none(self.free),
            errors: none(self.errors),
            reserved: none(self.reserved),
            faults_left: none(self.faults_left),
            left_parked: none(self.left_parked),
            parked: Some(self.parked.clone().unwrap_or_default()),
            ..self.clone()
        }
    }
}

/// A number, or the least and the most that it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Count {
    /// This number.
    Exactly(u64),
    /// A range.
    Range(Range),
}

/// The least and the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Range {
    /// The least; 0 if left out.
    pub at_least: u64,
    /// The most; any if left out.
    pub at_most: u64,
}

impl Default for Range {
    fn default() -> Range {
        Range { at_least: 0, at_most: u64::MAX }
    }
}

impl Count {
    /// Whether a number is meant.
    #[must_use]
    pub fn holds(self, number: u64) -> bool {
        match self {
            Count::Exactly(wanted) => number == wanted,
            Count::Range(range) => (range.at_least..=range.at_most).contains(&number),
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Count::Exactly(number) => write!(formatter, "{number}"),
            Count::Range(Range { at_least, at_most: u64::MAX }) => {
                write!(formatter, "at least {at_least}")
            }
            Count::Range(range) => write!(formatter, "{} to {}", range.at_least, range.at_most),
        }
    }
}

/// Which changes were handed, and how many of them. All that it names has to fit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeMatch {
    /// The object's kind.
    #[serde(default)]
    pub kind: Option<String>,
    /// The object's id.
    #[serde(default)]
    pub id: Option<String>,
    /// All event names, sorted.
    #[serde(default)]
    pub events: Option<Vec<String>>,
    /// `present`, `gone` or `unread`.
    #[serde(default)]
    pub state: Option<String>,
    /// The attempt.
    #[serde(default)]
    pub attempt: Option<u64>,
    /// `fresh`, `redriven` or `recovered`.
    #[serde(default)]
    pub origin: Option<String>,
    /// Whether there is no data.
    #[serde(default)]
    pub no_data: Option<bool>,
    /// Fields of the data.
    #[serde(default)]
    pub data: BTreeMap<String, Value>,
    /// How many such changes were handed; at least 1.
    #[serde(default)]
    pub count: Option<Count>,
}

impl ChangeMatch {
    /// Whether it means this change.
    #[must_use]
    pub fn fits(&self, change: &Value) -> bool {
        let is = |pointer: &str, wanted: &Option<String>| {
            let found = change.pointer(pointer).and_then(Value::as_str);
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        let attempt = change.get("attempt").and_then(Value::as_u64);
        let no_data = change.get("data").is_none_or(Value::is_null);
        is("/object/kind", &self.kind)
            && is("/object/id", &self.id)
            && is("/state", &self.state)
            && is("/origin", &self.origin)
            && self.attempt.is_none_or(|wanted| attempt == Some(wanted))
            && self.no_data.is_none_or(|wanted| no_data == wanted)
            && self.events.as_ref().is_none_or(|wanted| &events(change) == wanted)
            && holds(change, &self.data)
    }

    /// How many are expected.
    #[must_use]
    pub fn count(&self) -> Count {
        self.count.unwrap_or(Count::Range(Range { at_least: 1, at_most: u64::MAX }))
    }
}

/// The event names of a change, sorted.
fn events(change: &Value) -> Vec<String> {
    let listed = change.get("events").and_then(Value::as_array);
    let names = listed.into_iter().flatten().filter_map(Value::as_str);
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort();
    names
}

/// An object as the portal has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectState {
    /// Its kind.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its version: 1, and one more with each change.
    #[serde(default)]
    pub version: Option<Count>,
    /// Some of its fields.
    #[serde(default)]
    pub fields: BTreeMap<String, Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn expect(text: &str) -> Expect {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn counts_are_numbers_or_ranges() {
        let wanted = expect("lost = 2\nhanded = { at_least = 3 }\ndone = { at_most = 4 }");
        assert!(wanted.lost.unwrap().holds(2) && !wanted.lost.unwrap().holds(0));
        assert!(wanted.handed.unwrap().holds(9) && !wanted.handed.unwrap().holds(2));
        assert!(wanted.done.unwrap().holds(0) && !wanted.done.unwrap().holds(5));
        toml::from_str::<Expect>("lost = { colour = 1 }").unwrap_err();
        toml::from_str::<Expect>("lots = 1").unwrap_err();
        toml::from_str::<Expect>("[[change]]\ncolour = 1").unwrap_err();
    }

    #[test]
    fn nothing_may_be_lost_unless_it_is_said() {
        let end = expect("errors = 3").at_end();
        assert_eq!((end.lost, end.errors), (Some(Count::Exactly(0)), Some(Count::Exactly(3))));
        assert!(!end.changes.unwrap().holds(0), "a scenario without changes shows nothing");
        assert_eq!(expect("").lost, None);
    }

    #[test]
    fn a_change_is_meant_by_all_that_is_named() {
        let change = json!({
            "object": {"kind": "crm.deal", "id": "3"}, "events": ["B", "A"], "state": "present",
            "attempt": 2, "origin": "fresh", "data": {"TITLE": "x"},
        });
        let fits = |text: &str| toml::from_str::<ChangeMatch>(text).unwrap().fits(&change);
        assert!(fits("kind = 'crm.deal'\nevents = ['A', 'B']\nattempt = 2\nno_data = false"));
        assert!(fits("state = 'present'\norigin = 'fresh'\ndata.TITLE = 'x'"));
        let others = ["events = ['A']", "attempt = 1", "no_data = true", "data.TITLE = 'y'"];
        assert!(others.iter().all(|other| !fits(other)));
    }
}
