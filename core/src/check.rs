//! The start-up check: plan, rights, bindings (F20–F22).

use crate::clock::Moment;
use crate::id::{Connector, EventName};
use crate::json::{Raw, Value};
use crate::wire::answer::{lower_case, php_fields, php_list};

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
    /// A reservation was refused, whatever `feature.get` says.
    pub(crate) refused: bool,
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
pub(crate) fn allows(result: Raw<'_>) -> Option<bool> {
    let result = result.value()?;
    let value = result.get("value").unwrap_or(&result);
    match value {
        Value::Bool(allowed) => Some(*allowed),
        Value::Text(text) if text.eq_ignore_ascii_case("Y") => Some(true),
        Value::Text(text) if text.eq_ignore_ascii_case("N") => Some(false),
        Value::Text(text) => text.ends_with("_selfhosted").then_some(true),
        Value::Null | Value::Number(_) | Value::List(_) | Value::Object(_) => None,
    }
}

/// Reads `event.get`; `None` for another shape.
pub(crate) fn bindings(
    result: Raw<'_>,
    wanted: &[EventName],
    connector: Option<&Connector>,
) -> Option<Bindings> {
    let mut bindings = Bindings { missing: wanted.to_vec(), ..Bindings::default() };
    let ours = connector.map_or("", Connector::as_str);
    for row in php_list(result)? {
        let [offline, event, theirs] = php_fields(row, ["offline", "event", "connector_id"])?;
        let text = |raw: Option<Raw<'_>>| {
            let raw = raw?;
            raw.text().or_else(|| raw.number().map(|number| number.to_string()))
        };
        let offline = match offline.map(Raw::get) {
            Some("true") => true,
            _ => text(offline).is_some_and(|flag| flag != "0" && !flag.is_empty()),
        };
        let Some(event) = text(event).and_then(|name| EventName::new(name).ok()) else {
            continue;
        };
        let theirs = text(theirs).unwrap_or_default();
        if !offline {
            continue;
        }
        if theirs == ours {
            let before = bindings.missing.len();
            bindings.missing.retain(|missing| *missing != event);
            if bindings.missing.len() == before && !wanted.contains(&event) {
                bindings.strange.push(event);
            }
        } else if !ours.is_empty() && lower_case(theirs.trim()) == lower_case(ours) {
            bindings.misspelt = Some(theirs.chars().take(255).collect());
        }
    }
    Some(bindings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Raw<'_> {
        Raw::read(text).unwrap()
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
            assert_eq!(allows(raw(text)), allowed, "{text}");
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
        let bindings = bindings(rows, &wanted, Some(&connector)).unwrap();
        assert_eq!(bindings.missing, wanted[..1]);
        assert_eq!(bindings.strange.len(), 1);
        assert_eq!(bindings.misspelt.as_deref(), Some("Shop"));
    }

    #[test]
    fn a_binding_counts_once_however_often_it_is_there_and_only_if_it_is_offline() {
        let wanted = [EventName::new("ONCRMDEALADD").unwrap()];
        let read = |text: &str| bindings(raw(text), &wanted, None).unwrap();
        let row = r#"{"event":"ONCRMDEALADD","connector_id":"","offline":1}"#;
        for twice in [format!("[{row},{row}]"), format!(r#"{{"0":{row},"2":{row}}}"#)] {
            assert_eq!(read(&twice), Bindings::default(), "{twice}");
        }
        for (flag, there) in [
            ("1", true),
            ("true", true),
            (r#""1""#, true),
            (r#""Y""#, true),
            ("0", false),
            (r#""0""#, false),
            (r#""""#, false),
            ("false", false),
            ("null", false),
        ] {
            let read = read(&format!(r#"[{{"event":"ONCRMDEALADD","offline":{flag}}}]"#));
            assert_eq!(read.missing.is_empty(), there, "{flag}");
        }
        // another connector is not ours, and without one there is nothing to spell
        let other = read(r#"[{"event":"ONCRMDEALADD","connector_id":"x","offline":1}]"#);
        assert_eq!((other.missing.len(), other.misspelt), (1, None));
        assert!(bindings(raw("7"), &wanted, None).is_none());
    }
}
