//! The start-up check: plan, rights, bindings (F20–F22).

use serde_json::Value;
use serde_json::value::RawValue;

use crate::clock::Moment;
use crate::id::{Connector, EventName};
use crate::wire::answer::{php_list, php_map};

/// How far the check is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Check {
    pub(crate) extended: Option<bool>,
    pub(crate) connectors: Option<bool>,
    /// Events still to be bound; `None` before the bindings are known.
    pub(crate) missing: Option<Vec<EventName>>,
    pub(crate) bound: Vec<EventName>,
    /// Since when something that is not a portal has answered.
    pub(crate) not_a_portal: Option<(Moment, String)>,
    /// Not the first check: the portal was there before.
    pub(crate) again: bool,
}

impl Check {
    /// Whether only bindings can still be missing. Before, no call may carry the connector.
    pub(crate) fn is_known(&self) -> bool {
        self.extended.is_some() && self.connectors.is_some() && self.missing.is_some()
    }
}

/// What `event.get` tells of this queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Bindings {
    pub(crate) missing: Vec<EventName>,
    pub(crate) strange: Vec<EventName>,
    /// A connector that differs from ours only in spelling.
    pub(crate) misspelt: Option<String>,
}

/// `feature.get` answers `Y`, `N`, a boolean, or `…_selfhosted` (F22); `None` for another shape.
pub(crate) fn allows(result: &RawValue) -> Option<bool> {
    let result: Value = serde_json::from_str(result.get()).ok()?;
    let value = result.get("value").unwrap_or(&result);
    match value {
        Value::Bool(allowed) => Some(*allowed),
        Value::String(text) if text.eq_ignore_ascii_case("Y") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("N") => Some(false),
        Value::String(text) => text.ends_with("_selfhosted").then_some(true),
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Reads `event.get`; `None` for another shape.
pub(crate) fn bindings(
    result: &RawValue,
    wanted: &[EventName],
    connector: Option<&Connector>,
) -> Option<Bindings> {
    let mut bindings = Bindings { missing: wanted.to_vec(), ..Bindings::default() };
    let ours = connector.map_or("", Connector::as_str);
    for row in php_list(result)? {
        let row = php_map(row)?;
        let text = |name: &str| {
            let value: Value = serde_json::from_str(row.get(name)?.get()).ok()?;
            value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|n| n.to_string()))
        };
        let offline = match row.get("offline").map(|raw| raw.get()) {
            Some("true") => true,
            _ => text("offline").is_some_and(|flag| flag != "0" && !flag.is_empty()),
        };
        let Some(event) = text("event").and_then(|name| EventName::new(name).ok()) else {
            continue;
        };
        let theirs = text("connector_id").unwrap_or_default();
        if !offline {
            continue;
        }
        if theirs == ours {
            let before = bindings.missing.len();
            bindings.missing.retain(|missing| *missing != event);
            if bindings.missing.len() == before && !wanted.contains(&event) {
                bindings.strange.push(event);
            }
        } else if !ours.is_empty() && theirs.trim().to_lowercase() == ours.to_lowercase() {
            bindings.misspelt = Some(theirs.chars().take(255).collect());
        }
    }
    Some(bindings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.into()).unwrap()
    }

    #[test]
    fn features_are_understood_in_all_their_spellings() {
        for (text, allowed) in [
            (r#"{"value":"Y"}"#, Some(true)),
            (r#"{"value":"N"}"#, Some(false)),
            (r#"{"value":true}"#, Some(true)),
            (r#"{"value":"ru_selfhosted"}"#, Some(true)),
            ("false", Some(false)),
            ("7", None),
        ] {
            assert_eq!(allows(&raw(text)), allowed, "{text}");
        }
    }

    #[test]
    fn bindings_are_told_apart_by_connector_and_spelling() {
        let rows = raw(r#"[{"event":"ONCRMDEALADD","connector_id":"Shop","offline":1},
               {"event":"onCrmDealUpdate","connector_id":"shop","offline":"1"},
               {"event":"ONCRMLEADADD","connector_id":"shop","offline":1},
               {"event":"ONAPPUNINSTALL","handler":"https://x","offline":0}]"#);
        let wanted: Vec<EventName> = ["ONCRMDEALADD", "ONCRMDEALUPDATE"]
            .iter()
            .map(|name| EventName::new(*name).unwrap())
            .collect();
        let connector = Connector::new("shop").unwrap();
        let bindings = bindings(&rows, &wanted, Some(&connector)).unwrap();
        assert_eq!(bindings.missing, wanted[..1]);
        assert_eq!(bindings.strange.len(), 1);
        assert_eq!(bindings.misspelt.as_deref(), Some("Shop"));
    }
}
