//! Writing, without white space.

use std::fmt;

use super::Value;

/// A text as JSON.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut rest = text;
    let special = |c: char| c < ' ' || c == '"' || c == '\\';
    while let Some((plain, after)) = rest.find(special).and_then(|at| rest.split_at_checked(at)) {
        out.push_str(plain);
        let mut after = after.chars();
        match after.next() {
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(c @ ('"' | '\\')) => out.extend(['\\', c]),
            Some(c) => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            None => {}
        }
        rest = after.as_str();
    }
    out.push_str(rest);
    out.push('"');
    out
}

/// An object of values that are JSON already, in this order.
pub(crate) fn object(fields: &[(&str, String)]) -> String {
    let mut out = String::from("{");
    for (name, value) in fields {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(&quoted(name));
        out.push(':');
        out.push_str(value);
    }
    out.push('}');
    out
}

/// A list of values that are JSON already.
pub(crate) fn list(values: &mut dyn Iterator<Item = String>) -> String {
    let mut out = String::from("[");
    for value in values {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(&value);
    }
    out.push(']');
    out
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(true) => f.write_str("true"),
            Value::Bool(false) => f.write_str("false"),
            Value::Number(number) => f.write_str(number),
            Value::Text(text) => f.write_str(&quoted(text)),
            Value::List(values) => f.write_str(&list(&mut values.iter().map(Value::to_string))),
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| (name.as_str(), value.to_string()));
                f.write_str(&object(&fields.collect::<Vec<_>>()))
            }
        }
    }
}
