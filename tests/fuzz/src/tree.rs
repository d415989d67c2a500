//! JSON that may be wrong: fields may come twice, literals may be anything.

use serde_json::Value;

/// A value, or something in its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tree {
    /// Written as it is.
    Literal(String),
    Text(String),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

impl Tree {
    pub(crate) fn text(text: impl Into<String>) -> Tree {
        Tree::Text(text.into())
    }

    pub(crate) fn map<const N: usize>(fields: [(&str, Tree); N]) -> Tree {
        Tree::Map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    pub(crate) fn write(&self) -> String {
        let mut out = String::new();
        self.write_to(&mut out);
        out
    }

    fn write_to(&self, out: &mut String) {
        match self {
            Tree::Literal(text) => out.push_str(text),
            Tree::Text(text) => quote(text, out),
            Tree::List(values) => {
                out.push('[');
                for (at, value) in values.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    value.write_to(out);
                }
                out.push(']');
            }
            Tree::Map(fields) => {
                out.push('{');
                for (at, (name, value)) in fields.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    quote(name, out);
                    out.push(':');
                    value.write_to(out);
                }
                out.push('}');
            }
        }
    }

    /// How many values it has, itself among them.
    pub(crate) fn size(&self) -> usize {
        match self {
            Tree::Literal(_) | Tree::Text(_) => 1,
            Tree::List(values) => 1 + values.iter().map(Tree::size).sum::<usize>(),
            Tree::Map(fields) => 1 + fields.iter().map(|(_, value)| value.size()).sum::<usize>(),
        }
    }

    /// Changes the value with this number, counted from the outside to the inside.
    pub(crate) fn at(&mut self, number: usize, change: &mut dyn FnMut(&mut Tree)) {
        let mut left = number;
        self.seek(&mut left, change);
    }

    fn seek(&mut self, left: &mut usize, change: &mut dyn FnMut(&mut Tree)) -> bool {
        if *left == 0 {
            change(self);
            return true;
        }
        *left -= 1;
        match self {
            Tree::Literal(_) | Tree::Text(_) => false,
            Tree::List(values) => values.iter_mut().any(|value| value.seek(left, change)),
            Tree::Map(fields) => fields.iter_mut().any(|(_, value)| value.seek(left, change)),
        }
    }
}

impl From<u64> for Tree {
    fn from(number: u64) -> Tree {
        Tree::Literal(number.to_string())
    }
}

impl From<Value> for Tree {
    fn from(value: Value) -> Tree {
        match value {
            Value::String(text) => Tree::Text(text),
            Value::Array(values) => Tree::List(values.into_iter().map(Tree::from).collect()),
            Value::Object(fields) => {
                Tree::Map(fields.into_iter().map(|(name, value)| (name, value.into())).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Tree::Literal(value.to_string()),
        }
    }
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}
