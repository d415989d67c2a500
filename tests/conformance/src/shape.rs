//! The shape of a change's line, and what it shows of its object.

use b24_offline_emulator::{Sight, VERSION_FIELD, VERSION_FIELD_CAMEL};
use serde_json::Value;

/// The fields of a line, sorted.
const FIELDS: [&str; 8] =
    ["attempt", "changed_at", "data", "events", "key", "object", "origin", "state"];

/// What is wrong with a line, if anything is.
pub(crate) fn fault(change: &Value) -> Option<String> {
    let wrong = |what: &str| Some(format!("{what} in the change {change}"));
    let mut names: Vec<&str> =
        change.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    if names != FIELDS {
        return wrong("other fields than the contract's");
    }
    let text = |pointer: &str| change.pointer(pointer).and_then(Value::as_str);
    if text("/key").is_none_or(str::is_empty) {
        return wrong("no key");
    }
    if text("/object/kind").is_none_or(str::is_empty) || text("/object/id").is_none() {
        return wrong("no kind or no id");
    }
    if text("/changed_at").is_none_or(str::is_empty) {
        return wrong("no changed_at");
    }
    let events = change.get("events").and_then(Value::as_array);
    if events.is_none_or(|all| all.is_empty() || !all.iter().all(Value::is_string)) {
        return wrong("no events");
    }
    if change.get("attempt").and_then(Value::as_u64).is_none_or(|attempt| attempt == 0) {
        return wrong("no attempt from 1 on");
    }
    if !matches!(text("/origin"), Some("fresh" | "redriven" | "recovered")) {
        return wrong("no known origin");
    }
    let data = change.get("data");
    match text("/state") {
        Some("present") if data.is_some_and(Value::is_object) => None,
        Some("present") => wrong("no data of a present object"),
        Some("gone") if data.is_some_and(Value::is_null) => None,
        Some("gone") => wrong("data of an object that is gone"),
        Some("unread") => None,
        _ => wrong("no known state"),
    }
}

/// The object's kind and id; empty where the line has none.
pub(crate) fn object(change: &Value) -> (&str, &str) {
    let text = |pointer: &str| change.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    (text("/object/kind"), text("/object/id"))
}

/// What a delivery saw of its object. Data without a version stands for nothing that was made.
pub(crate) fn sight(change: &Value) -> Sight {
    let version = || {
        let data = change.get("data")?;
        let version = data.get(VERSION_FIELD).or_else(|| data.get(VERSION_FIELD_CAMEL))?;
        version.as_u64().or_else(|| version.as_str()?.parse().ok())
    };
    match change.get("state").and_then(Value::as_str) {
        Some("gone") => Sight::Gone,
        Some("unread") => Sight::Unread,
        _ => Sight::Version(version().unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change() -> Value {
        json!({
            "key": "1@x", "object": {"kind": "crm.deal", "id": "1"}, "events": ["ONCRMDEALADD"],
            "state": "present", "data": {"VERSION": "4"}, "changed_at": "x", "attempt": 1,
            "origin": "fresh",
        })
    }

    #[test]
    fn a_line_of_the_contract_has_no_fault() {
        assert_eq!(fault(&change()), None);
        assert_eq!(object(&change()), ("crm.deal", "1"));
        assert_eq!(sight(&change()), Sight::Version(4));
    }

    #[test]
    fn other_lines_have_one() {
        let others = [
            ("key", json!("")),
            ("object", json!({"kind": "crm.deal", "id": 1})),
            ("events", json!([])),
            ("state", json!("new")),
            ("data", json!(null)),
            ("attempt", json!(0)),
            ("origin", json!("somewhere")),
            ("colour", json!(1)),
        ];
        for (name, value) in others {
            let mut change = change();
            change[name] = value;
            assert!(fault(&change).is_some(), "{change}");
        }
        let gone = json!({"state": "gone", "data": null});
        let mut all = change();
        all.as_object_mut().unwrap().extend(gone.as_object().unwrap().clone());
        assert_eq!((fault(&all), sight(&all)), (None, Sight::Gone));
    }
}
