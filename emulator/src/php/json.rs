//! JSON in and out of [`Php`].

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::{Key, Php, PhpArray};

impl Serialize for Php {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Php::Null => serializer.serialize_unit(),
            Php::Bool(truth) => serializer.serialize_bool(*truth),
            Php::Int(number) => serializer.serialize_i64(*number),
            Php::Float(number) => serializer.serialize_f64(*number),
            Php::Text(text) => serializer.serialize_str(text),
            Php::Array(array) if array.is_list() => serializer.collect_seq(array.values()),
            Php::Array(array) => {
                serializer.collect_map(array.iter().map(|(key, value)| (key.as_text(), value)))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Php {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Php, D::Error> {
        deserializer.deserialize_any(PhpVisitor)
    }
}

struct PhpVisitor;

impl<'de> Visitor<'de> for PhpVisitor {
    type Value = Php;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Php, E> {
        Ok(Php::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Php, E> {
        Ok(Php::Int(number))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "the server turns such numbers into floats as well"
    )]
    fn visit_u64<E>(self, number: u64) -> Result<Php, E> {
        Ok(i64::try_from(number).map_or(Php::Float(number as f64), Php::Int))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Php, E> {
        Ok(Php::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Php, E> {
        Ok(Php::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Php, E> {
        Ok(Php::Text(text))
    }

    fn visit_unit<E>(self) -> Result<Php, E> {
        Ok(Php::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Php, A::Error> {
        let mut array = PhpArray::new();
        while let Some(value) = values.next_element::<Php>()? {
            array.push(value);
        }
        Ok(Php::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Php, A::Error> {
        let mut array = PhpArray::new();
        // the places by key, so that a hostile body with many keys costs no quadratic time
        let mut places = BTreeMap::new();
        while let Some((key, value)) = entries.next_entry::<String, Php>()? {
            let key = Key::from(key.as_str());
            match places.get(&key).and_then(|place: &usize| array.entries.get_mut(*place)) {
                Some(entry) => entry.1 = value,
                None => {
                    places.insert(key.clone(), array.len());
                    array.append(key, value);
                }
            }
        }
        Ok(Php::Array(array))
    }
}

impl From<Key> for Php {
    fn from(key: Key) -> Php {
        match key {
            Key::Index(number) => Php::Int(number),
            Key::Name(name) => Php::Text(name),
        }
    }
}

impl From<serde_json::Value> for Php {
    fn from(value: serde_json::Value) -> Php {
        use serde_json::Value;
        match value {
            Value::Null => Php::Null,
            Value::Bool(truth) => Php::Bool(truth),
            Value::Number(number) => match number.as_i64() {
                Some(whole) => Php::Int(whole),
                None => Php::Float(number.as_f64().unwrap_or_default()),
            },
            Value::String(text) => Php::Text(text),
            Value::Array(values) => Php::list(values),
            Value::Object(entries) => {
                Php::map(entries.into_iter().map(|(key, value)| (Key::from(key.as_str()), value)))
            }
        }
    }
}

impl Php {
    /// The value as JSON text, with non-ASCII letters and slashes unescaped.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "null".to_owned())
    }
}
