//! Values as the portal's server holds them: scalars and one ordered array type.
//!
//! The server keeps no difference between a list and a map. Read from JSON, `{}` and `[]` are the same empty
//! array; written to JSON, an array whose keys are 0, 1, 2 … is a list, every other one an object, and the
//! empty one is `[]` (F3). The order of keys is kept, which matters for the sub-calls of a batch (F32).

mod form;
mod json;

use std::borrow::Cow;

pub use form::{fold, unfold};

/// A value: null, a scalar or an array.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Php {
    /// Nothing; a parameter that is null counts as absent.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text. Everything that arrives in a form or a batch command is text.
    Text(String),
    /// A list or a map.
    Array(PhpArray),
}

/// A key of an array. Text that is a canonical whole number is the number: `"7"` and 7 are one key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A whole number.
    Index(i64),
    /// Any other text.
    Name(String),
}

/// An ordered array with unique keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PhpArray {
    entries: Vec<(Key, Php)>,
    next: i64,
}

impl Key {
    /// The key as text.
    pub fn text(&self) -> String {
        match self {
            Key::Index(number) => number.to_string(),
            Key::Name(name) => name.clone(),
        }
    }

    /// The key as text, without a copy where it is one.
    pub(crate) fn as_text(&self) -> Cow<'_, str> {
        match self {
            Key::Index(number) => number.to_string().into(),
            Key::Name(name) => name.into(),
        }
    }

    fn is(&self, text: &str) -> bool {
        match self {
            Key::Name(name) => name == text,
            Key::Index(number) => canonical_number(text) == Some(*number),
        }
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Key {
        canonical_number(text).map_or_else(|| Key::Name(text.to_owned()), Key::Index)
    }
}

impl From<i64> for Key {
    fn from(number: i64) -> Key {
        Key::Index(number)
    }
}

fn canonical_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = text == "0"
        || (!digits.is_empty()
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit()));
    if canonical { text.parse().ok() } else { None }
}

impl PhpArray {
    /// An empty array.
    pub fn new() -> PhpArray {
        PhpArray::default()
    }

    /// An empty array with room for so many entries.
    pub(crate) fn with_capacity(entries: usize) -> PhpArray {
        PhpArray { entries: Vec::with_capacity(entries), next: 0 }
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Php> {
        self.entries.iter().find(|(held, _)| held.is(key)).map(|(_, value)| value)
    }

    /// The value under a key whose letters may differ in case; an exact match comes first.
    pub fn get_any_case(&self, key: &str) -> Option<&Php> {
        self.get(key).or_else(|| {
            let mut named = self.entries.iter().filter_map(|(held, value)| match held {
                Key::Name(name) => Some((name, value)),
                Key::Index(_) => None,
            });
            named.find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
        })
    }

    /// The value under a key, to be changed.
    pub fn get_mut(&mut self, key: &Key) -> Option<&mut Php> {
        self.entries.iter_mut().find(|(held, _)| held == key).map(|(_, value)| value)
    }

    /// Puts a value under a key: in the place of the old one, or at the end.
    pub fn set(&mut self, key: impl Into<Key>, value: impl Into<Php>) {
        let (key, value) = (key.into(), value.into());
        match self.get_mut(&key) {
            Some(held) => *held = value,
            None => self.append(key, value),
        }
    }

    /// Puts a value at the end under the next free number.
    pub fn push(&mut self, value: impl Into<Php>) {
        let next = self.next;
        self.append(Key::Index(next), value.into());
    }

    /// Takes a key away.
    pub fn remove(&mut self, key: &str) -> Option<Php> {
        let place = self.entries.iter().position(|(held, _)| held.is(key))?;
        Some(self.entries.remove(place).1)
    }

    /// The entries in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Key, &Php)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// The entries in order, values to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&Key, &mut Php)> {
        self.entries.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// The values in order.
    pub fn values(&self) -> impl Iterator<Item = &Php> {
        self.entries.iter().map(|(_, value)| value)
    }

    /// Whether the keys are 0, 1, 2 … in this order, so that JSON gets a list.
    pub fn is_list(&self) -> bool {
        self.entries.iter().zip(0..).all(|((key, _), place)| *key == Key::Index(place))
    }

    /// Adds an entry whose key is known to be new.
    pub(crate) fn append(&mut self, key: Key, value: Php) {
        if let Key::Index(number) = key {
            self.next = self.next.max(number.saturating_add(1));
        }
        self.entries.push((key, value));
    }

    fn ensure(&mut self, key: Option<Key>) -> &mut Php {
        let key = key.unwrap_or(Key::Index(self.next));
        let place = match self.entries.iter().position(|(held, _)| *held == key) {
            Some(place) => place,
            None => {
                self.append(key, Php::Null);
                self.entries.len() - 1
            }
        };
        #[expect(clippy::indexing_slicing, reason = "the place was found or made a line above")]
        &mut self.entries[place].1
    }
}

impl Php {
    /// An empty array.
    pub fn empty() -> Php {
        Php::Array(PhpArray::new())
    }

    /// A map of the given entries in order.
    pub fn map<K: Into<Key>, V: Into<Php>>(entries: impl IntoIterator<Item = (K, V)>) -> Php {
        Php::Array(entries.into_iter().collect())
    }

    /// A list of the given values in order.
    pub fn list<V: Into<Php>>(values: impl IntoIterator<Item = V>) -> Php {
        let mut array = PhpArray::new();
        values.into_iter().for_each(|value| array.push(value));
        Php::Array(array)
    }

    /// The array, if it is one.
    pub fn as_array(&self) -> Option<&PhpArray> {
        if let Php::Array(array) = self { Some(array) } else { None }
    }

    /// The text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        if let Php::Text(text) = self { Some(text) } else { None }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Php::Null)
    }

    /// The value under a key of an array; nothing for a scalar, nothing where null stands.
    pub fn get(&self, key: &str) -> Option<&Php> {
        self.as_array()?.get(key).filter(|value| !value.is_null())
    }

    /// As [`Php::get`], letters of any case.
    pub fn get_any_case(&self, key: &str) -> Option<&Php> {
        self.as_array()?.get_any_case(key).filter(|value| !value.is_null())
    }

    /// The value as text, as the server converts it: true is `1`, false and null are empty, an array is `Array`.
    pub fn text(&self) -> String {
        match self {
            Php::Null | Php::Bool(false) => String::new(),
            Php::Bool(true) => "1".to_owned(),
            Php::Int(number) => number.to_string(),
            Php::Float(number) => number.to_string(),
            Php::Text(text) => text.clone(),
            Php::Array(_) => "Array".to_owned(),
        }
    }

    /// The value as a whole number, as the server converts it: the leading digits of text, else 0; a non-empty
    /// array is 1 (F32).
    pub fn int(&self) -> i64 {
        match self {
            Php::Null => 0,
            Php::Bool(truth) => i64::from(*truth),
            Php::Int(number) => *number,
            #[expect(clippy::cast_possible_truncation, reason = "the server truncates as well")]
            Php::Float(number) => *number as i64,
            Php::Text(text) => leading_number(text),
            Php::Array(array) => i64::from(!array.is_empty()),
        }
    }

    /// The value as a number, if it is one or is text that reads wholly as one.
    pub fn number(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "only compared")]
            Php::Int(number) => Some(*number as f64),
            Php::Float(number) => Some(*number),
            Php::Text(text) => {
                let digits = text.trim_start_matches(['-', '+']);
                let numeric = digits.starts_with(|sign: char| sign.is_ascii_digit());
                if numeric { text.parse().ok() } else { None }
            }
            Php::Null | Php::Bool(_) | Php::Array(_) => None,
        }
    }
}

fn leading_number(text: &str) -> i64 {
    let text = text.trim_start();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
    let digits = digits.get(..end).unwrap_or_default();
    if digits.is_empty() { 0 } else { sign * digits.parse().unwrap_or(i64::MAX) }
}

impl<K: Into<Key>, V: Into<Php>> FromIterator<(K, V)> for PhpArray {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> PhpArray {
        let mut array = PhpArray::new();
        entries.into_iter().for_each(|(key, value)| array.set(key, value));
        array
    }
}

impl From<PhpArray> for Php {
    fn from(array: PhpArray) -> Php {
        Php::Array(array)
    }
}

impl From<&str> for Php {
    fn from(text: &str) -> Php {
        Php::Text(text.to_owned())
    }
}

impl From<String> for Php {
    fn from(text: String) -> Php {
        Php::Text(text)
    }
}

impl From<bool> for Php {
    fn from(truth: bool) -> Php {
        Php::Bool(truth)
    }
}

impl From<i64> for Php {
    fn from(number: i64) -> Php {
        Php::Int(number)
    }
}

impl From<u64> for Php {
    fn from(number: u64) -> Php {
        i64::try_from(number).map_or(Php::Float(f64::MAX), Php::Int)
    }
}

impl From<usize> for Php {
    fn from(number: usize) -> Php {
        Php::from(number as u64)
    }
}

impl From<f64> for Php {
    fn from(number: f64) -> Php {
        Php::Float(number)
    }
}
