//! Building calls: PHP's query strings, and the batch around them (F32).

use std::fmt::Write;

use crate::json::{self, Value};
use crate::search;

/// A sub-call carries at most so many variables: PHP cuts the rest and still answers `true`.
pub(crate) const MOST_VARIABLES: usize = 900;
/// PHP drops a variable that is nested deeper than 64 levels, and still answers `true`.
const MOST_NESTING: usize = 60;
/// A batch runs at most so many sub-calls (F32).
pub(crate) const MOST_SUB_CALLS: usize = 50;

/// The parameters of one batch, halting at nothing.
pub(crate) fn batch(commands: &[(String, String)]) -> String {
    let commands = commands.iter().map(|(name, command)| (name.as_str(), json::quoted(command)));
    json::object(&[("cmd", json::object(&commands.collect::<Vec<_>>())), ("halt", "0".to_owned())])
}

/// One command of a batch: `method?a%5Bb%5D=1`.
pub(crate) fn command(method: &str, params: &Value) -> String {
    let mut text = String::with_capacity(64);
    text.push_str(method);
    text.push('?');
    let start = text.len();
    append(&mut text, start, "", params);
    text
}

fn append(text: &mut String, start: usize, path: &str, value: &Value) {
    let below = |name: &str| {
        if path.is_empty() { escaped(name) } else { format!("{path}%5B{}%5D", escaped(name)) }
    };
    match value {
        Value::Object(map) => {
            for (name, value) in map.iter() {
                append(text, start, &below(name), value);
            }
        }
        Value::List(list) => {
            for (index, value) in list.iter().enumerate() {
                append(text, start, &below(&index.to_string()), value);
            }
        }
        Value::Text(scalar) => pair(text, start, path, scalar),
        Value::Number(number) => pair(text, start, path, number),
        Value::Bool(flag) => pair(text, start, path, if *flag { "1" } else { "0" }),
        Value::Null => pair(text, start, path, ""),
    }
}

fn pair(text: &mut String, start: usize, path: &str, value: &str) {
    if text.len() > start {
        text.push('&');
    }
    text.push_str(path);
    text.push('=');
    text.push_str(&escaped(value));
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            // writing to a String can't fail
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Whether the parameters mean the same inside a batch as in a call of their own: PHP's query
/// strings have no null, boolean or empty array, `$result[` is a reference there (F32), and
/// beyond `max_input_vars` the rest is cut, as is what lies deeper than `max_input_nesting_level`.
pub(crate) fn fits_a_batch(params: &Value) -> bool {
    fn plain(value: &Value, variables: &mut usize, depth: usize) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        match value {
            Value::Null | Value::Bool(_) => false,
            Value::Number(_) => {
                *variables += 1;
                true
            }
            Value::Text(text) => {
                *variables += 1;
                !search::has(text, "$result[")
            }
            Value::List(list) => {
                !list.is_empty() && list.iter().all(|value| plain(value, variables, depth))
            }
            Value::Object(map) => {
                !map.is_empty()
                    && map.iter().all(|(name, value)| {
                        // PHP rewrites such names, and an empty one means "the next index"
                        let odd = name.is_empty() || name.contains(['[', ']', '.', ' ', '\0']);
                        !odd && plain(value, variables, depth)
                    })
            }
        }
    }
    let mut variables = 0;
    match params {
        Value::Object(map) if map.is_empty() => true,
        Value::Object(_) => {
            plain(params, &mut variables, MOST_NESTING) && variables <= MOST_VARIABLES
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ours(params: &serde_json::Value) -> Value {
        Value::read(&params.to_string()).unwrap()
    }

    #[test]
    fn values_with_every_special_character_are_escaped() {
        let params = json!({"filter": {"@ID": ["1", "a&b=c"]}, "text": "[#%]\n+ я"});
        assert_eq!(
            command("crm.deal.list", &ours(&params)),
            "crm.deal.list?filter%5B%40ID%5D%5B0%5D=1&filter%5B%40ID%5D%5B1%5D=a%26b%3Dc\
             &text=%5B%23%25%5D%0A%2B%20%D1%8F"
        );
    }

    fn nested(levels: usize) -> serde_json::Value {
        json!({"a": (0..levels).fold(json!(1), |inner, _| json!([inner]))})
    }

    #[test]
    fn what_php_would_alter_goes_alone() {
        for params in [
            json!({"a": null}),
            json!({"a": true}),
            json!({"a": []}),
            json!({"a": {}}),
            json!({"a": "$result[x]"}),
            json!({"a.b": 1}),
            json!([1]),
            json!({"ids": (0..901).collect::<Vec<_>>()}),
            nested(60),
        ] {
            assert!(!fits_a_batch(&ours(&params)), "{params}");
        }
        for params in [json!({}), json!({"id": 1, "fields": {"TITLE": "a&b"}}), nested(58)] {
            assert!(fits_a_batch(&ours(&params)), "{params}");
        }
    }
}
