//! JSON, as much of it as the machine needs: cutting a text into its values without copying them, reading the
//! few that are looked at, and writing. Numbers stay the text that they are, so none is rounded on its way.
//!
//! A library that reads into every type was a quarter of what a browser loads
//! (`docs/decisions/0010-json-of-our-own.md`).

#[cfg(test)]
mod fuzz;
mod read;
mod write;

use crate::ordered::Map;

pub(crate) use read::{Broken, Raw};
pub(crate) use write::{list, object, quoted};

/// A value of any kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Value {
    #[default]
    Null,
    Bool(bool),
    /// As it was written.
    Number(String),
    Text(String),
    List(Vec<Value>),
    /// In the order of the names.
    Object(Map<String, Value>),
}

impl Value {
    /// The value that a text is; `None` when it is no JSON.
    pub(crate) fn read(text: &str) -> Option<Value> {
        Raw::read(text)?.value()
    }

    pub(crate) fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
        Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// The field of an object.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Object(fields) => fields.get(name),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                None
            }
        }
    }

    pub(crate) fn is_object(&self) -> bool {
        matches!(self, Value::Object(_))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Number(number.to_string())
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Value>>(values: I) -> Value {
        Value::List(values.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Random;

    /// A text that is JSON, or nearly.
    fn text(random: &mut Random, depth: u64) -> String {
        let white = ["", "", " ", "\n\t"];
        let white = white[random.below(4) as usize];
        let scalars = [
            "null",
            "true",
            "false",
            "0",
            "-0",
            "7",
            "-12.50",
            "1e5",
            "0.1E-7",
            "01",
            "1.",
            "+1",
            r#""""#,
            r#""a b""#,
            r#""\u0416\n\"\\\/""#,
            r#""\ud83d\ude00""#,
            r#""\ud83d""#,
            r#""\x""#,
            "\"\u{1}\"",
            "\"я\u{7f}\"",
            "nul",
            "\"",
            r#""\u12g4""#,
            "18446744073709551615",
        ];
        let inner = match random.below(if depth == 0 { 4 } else { 8 }) {
            0..=3 => scalars[random.below(scalars.len() as u64) as usize].to_owned(),
            4 | 5 => {
                let values = (0..random.below(4)).map(|_| text(random, depth - 1));
                format!("[{}]", values.collect::<Vec<_>>().join(","))
            }
            6 => {
                let names = ["\"a\"", "\"b\"", r#""\u0061""#, "\"\"", "a"];
                let fields = (0..random.below(4)).map(|_| {
                    let name = names[random.below(names.len() as u64) as usize];
                    format!("{name}{white}:{}", text(random, depth - 1))
                });
                format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
            }
            _ => ["[1,]", "{\"a\":1,}", "[1 2]", "{\"a\" 1}", "]", "{}"][random.below(6) as usize]
                .to_owned(),
        };
        format!("{white}{inner}{white}")
    }

    /// The library's value in our words; its numbers as they were written.
    fn same(ours: &Value, theirs: &serde_json::Value) -> bool {
        use serde_json::Value as Theirs;
        match (ours, theirs) {
            (Value::Null, Theirs::Null) => true,
            (Value::Bool(ours), Theirs::Bool(theirs)) => ours == theirs,
            (Value::Number(ours), Theirs::Number(theirs)) => {
                ours.parse() == Ok(theirs.as_f64().unwrap())
            }
            (Value::Text(ours), Theirs::String(theirs)) => ours == theirs,
            (Value::List(ours), Theirs::Array(theirs)) => {
                ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same(a, b))
            }
            (Value::Object(ours), Theirs::Object(theirs)) => {
                ours.len() == theirs.len()
                    && ours.iter().zip(theirs).all(|((a, x), (b, y))| a == b && same(x, y))
            }
            _ => false,
        }
    }

    #[test]
    fn it_takes_what_serde_takes_and_nothing_else() {
        let (mut random, mut taken, mut refused) = (Random::new(7), 0, 0);
        for _ in 0..60_000 {
            let text = text(&mut random, 4);
            match (Value::read(&text), serde_json::from_str::<serde_json::Value>(&text)) {
                (None, Err(_)) => refused += 1,
                (Some(ours), Ok(theirs)) => {
                    assert!(same(&ours, &theirs), "{text}");
                    // what we write is read as the same
                    assert_eq!(Value::read(&ours.to_string()), Some(ours), "{text}");
                    taken += 1;
                }
                (ours, theirs) => panic!("{text}: {ours:?} against {theirs:?}"),
            }
        }
        assert!(taken > 10_000 && refused > 10_000, "{taken} {refused}");
    }

    #[test]
    fn eight_bytes_at_a_time_are_read_as_one_by_one() {
        for at in 0..20 {
            for odd in
                ["\\\"", "\"", "\\", "\u{1}", "\u{1f}", " ", "{", "]", "\u{7f}", "я", "\u{85}"]
            {
                let mut inner = "a long plain text of it".to_owned();
                inner.insert_str(at, odd);
                let text = format!(r#"{{"passed over":[{{"{inner}":[[]]}},"{inner}"],"last":1}}"#);
                let theirs = serde_json::from_str::<serde_json::Value>(&text);
                let ours = Raw::read(&text);
                assert_eq!(ours.is_some(), theirs.is_ok(), "{text}");
                let Some(ours) = ours else { continue };
                let [last] = ours.fields(["last"]).unwrap();
                assert_eq!(last.and_then(Raw::number), Some(1), "{text}");
                assert!(same(&ours.value().unwrap(), &theirs.unwrap()), "{text}");
            }
        }
    }

    #[test]
    fn texts_are_written_as_serde_writes_them() {
        for code in (0..0x3000).filter_map(char::from_u32) {
            let text = format!("a{code}b");
            assert_eq!(quoted(&text), serde_json::to_string(&text).unwrap());
        }
    }

    #[test]
    fn a_raw_value_is_its_own_text_without_white_space() {
        let raw = Raw::read(" {\"a\" : [1, 2 ] ,\"\\u0062\":\"x\\ny\"}\n").unwrap();
        let [a, b, c] = raw.fields(["a", "b", "c"]).unwrap();
        assert_eq!((a.unwrap().get(), c), ("[1, 2 ]", None));
        assert_eq!(b.unwrap().text().as_deref(), Some("x\ny"));
        assert_eq!(a.unwrap().list().unwrap().len(), 2);
        assert_eq!(raw.map().unwrap().keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(raw.list(), None);
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Raw::within(&nested(64), 64).is_ok());
        assert_eq!(Raw::within(&nested(65), 64), Err(Broken::TooDeep));
        assert_eq!(Raw::within("[", 64), Err(Broken::NoJson));
        assert!(Value::read(&nested(100_000)).is_none());
    }

    #[test]
    fn spans_are_read_as_milliseconds() {
        let millis = |text| Raw::read(text).unwrap().millis();
        for (text, expected) in [
            ("2", Some(2_000)),
            ("0.1234", Some(123)),
            ("0.0005", Some(1)),
            ("1795434072", Some(1_795_434_072_000)),
            ("6.9141387939453125e-5", Some(0)),
            ("1.5E+2", Some(150_000)),
            ("0.123456789012345678901234567890", Some(123)),
            ("123456789012345678901234567890", Some(u64::MAX)),
            ("1e999999999999", Some(u64::MAX)),
            ("1e-999999999999", Some(0)),
            ("1e99999999999999999999", Some(u64::MAX)),
            ("1e-99999999999999999999", Some(0)),
            ("-1e-99999999999999999999", Some(0)),
            ("0.0004", Some(0)),
            ("0.9995", Some(1_000)),
            ("12.5e-1", Some(1_250)),
            ("1e-3", Some(1)),
            ("4e-4", Some(0)),
            ("5e-4", Some(1)),
            (r#""1e""#, None),
            (r#""1e+""#, None),
            (r#"".5""#, None),
            ("-1", None),
            ("-0.0", Some(0)),
            ("true", None),
            (r#""0.5""#, Some(500)),
            (r#""five""#, None),
        ] {
            assert_eq!(millis(text), expected, "{text}");
        }
    }
}
