//! One field of an object. What is wrong is noted, and reading goes on with an empty value: the whole is
//! thrown away in the end, and no way out is needed behind every field.

use std::cell::RefCell;

use b24_offline_core::{Connector, EventName, InvalidValue, Millis, ObjectId};
use js_sys::{Array, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use crate::named;

/// The largest whole number that JavaScript's numbers tell from its neighbours.
pub(crate) const MOST: f64 = 9_007_199_254_740_991.0;

/// A value, and the name of the field that it stands in.
pub(super) struct Field<'a> {
    name: &'static str,
    value: JsValue,
    /// The first thing that was wrong anywhere in the whole.
    wrong: &'a RefCell<Option<String>>,
}

/// Reads a whole value; `read` gives none only where it has said what is wrong.
pub(super) fn whole<T>(
    value: JsValue,
    read: impl FnOnce(&Field<'_>) -> Option<T>,
) -> Result<T, JsValue> {
    let wrong = RefCell::new(None);
    let result = read(&Field { name: "the value", value, wrong: &wrong });
    match (result, wrong.take()) {
        (Some(result), None) => Ok(result),
        (_, words) => Err(named("WrongShape", &words.unwrap_or_default())),
    }
}

impl<'a> Field<'a> {
    /// Notes what is wrong, if nothing was before.
    fn must_be(&self, expected: &str) {
        let words = || format!("{} must be {expected}", self.name);
        self.wrong.borrow_mut().get_or_insert_with(words);
    }

    /// Notes that the name of a variant is none, and gives nothing.
    pub(super) fn unknown<T>(&self, name: &str) -> Option<T> {
        self.must_be(&format!("something else than '{name}'"));
        None
    }

    /// Its field of this name; undefined when there is none.
    pub(super) fn get(&self, name: &'static str) -> Field<'a> {
        Field { name, value: self.value_of(&name.into()), wrong: self.wrong }
    }

    /// What a property holds. One that can't be read is not taken for a missing one.
    fn value_of(&self, name: &JsValue) -> JsValue {
        Reflect::get(&self.value, name).unwrap_or_else(|_| {
            self.must_be("an object");
            JsValue::UNDEFINED
        })
    }

    pub(super) fn as_text(&self) -> String {
        self.value.as_string().unwrap_or_else(|| {
            self.must_be("a text");
            String::new()
        })
    }

    pub(super) fn as_number(&self) -> u64 {
        let number = self.value.as_f64().filter(|n| (0.0..=MOST).contains(n) && n.fract() == 0.0);
        if number.is_none() {
            self.must_be("a whole number");
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is whole and within the range above"
        )]
        let number = number.unwrap_or_default() as u64;
        number
    }

    pub(super) fn as_small(&self) -> u32 {
        u32::try_from(self.as_number()).unwrap_or_else(|_| {
            self.must_be("a number below 2^32");
            0
        })
    }

    /// The status of an HTTP answer.
    pub(super) fn as_status(&self) -> u16 {
        u16::try_from(self.as_number()).unwrap_or_else(|_| {
            self.must_be("the status of an HTTP answer");
            0
        })
    }

    fn valid<T>(&self, checked: Result<T, InvalidValue>) -> Option<T> {
        checked.map_err(|error| self.must_be(&format!("valid: {error}"))).ok()
    }

    pub(super) fn as_event(&self) -> Option<EventName> {
        self.valid(EventName::new(self.as_text()))
    }

    pub(super) fn as_connector(&self) -> Option<Connector> {
        self.valid(Connector::new(self.as_text()))
    }

    pub(super) fn as_object_id(&self) -> ObjectId {
        ObjectId { kind: self.text("kind"), id: self.text("id") }
    }

    pub(super) fn as_list<T>(&self, read: impl Fn(&Field<'a>) -> Option<T>) -> Vec<T> {
        let Some(list) = self.value.dyn_ref::<Array>() else {
            self.must_be("a list");
            return Vec::new();
        };
        let mut values = Vec::new();
        for value in list.iter() {
            values.extend(read(&Field { name: self.name, value, wrong: self.wrong }));
        }
        values
    }

    /// The variant of an enum, which is a text or the only name in an object, and what belongs to it.
    pub(super) fn variant(&self) -> (String, Field<'a>) {
        let (name, value) = match self.value.as_string() {
            Some(name) => (Some(name), JsValue::UNDEFINED),
            None if self.value.is_object() => {
                // not `instanceof`: an object of another window is one too
                let names = Object::keys(self.value.unchecked_ref::<Object>());
                let only = if names.length() == 1 { names.get(0) } else { JsValue::UNDEFINED };
                (only.as_string(), self.value_of(&only))
            }
            None => (None, JsValue::UNDEFINED),
        };
        let name = name.unwrap_or_else(|| {
            self.must_be("a name or an object with one name");
            String::new()
        });
        (name, Field { name: self.name, value, wrong: self.wrong })
    }

    pub(super) fn if_any<T>(&self, read: impl Fn(&Self) -> Option<T>) -> Option<T> {
        if self.value.is_null() || self.value.is_undefined() { None } else { read(self) }
    }

    pub(super) fn text(&self, name: &'static str) -> String {
        self.get(name).as_text()
    }

    /// A text that may be missing.
    pub(super) fn maybe_text(&self, name: &'static str) -> Option<String> {
        self.get(name).if_any(|field| Some(field.as_text()))
    }

    pub(super) fn texts(&self, name: &'static str) -> Vec<String> {
        self.get(name).as_list(|field| Some(field.as_text()))
    }

    pub(super) fn number(&self, name: &'static str) -> u64 {
        self.get(name).as_number()
    }

    pub(super) fn small(&self, name: &'static str) -> u32 {
        self.get(name).as_small()
    }

    pub(super) fn millis(&self, name: &'static str) -> Millis {
        Millis(self.number(name))
    }

    pub(super) fn flag(&self, name: &'static str) -> bool {
        let field = self.get(name);
        field.value.as_bool().unwrap_or_else(|| {
            field.must_be("true or false");
            false
        })
    }

    pub(super) fn events(&self, name: &'static str) -> Vec<EventName> {
        self.get(name).as_list(Field::as_event)
    }

    pub(super) fn object_id(&self, name: &'static str) -> ObjectId {
        self.get(name).as_object_id()
    }

    /// What the name in a field stands for.
    pub(super) fn one_of<T: Copy>(&self, name: &'static str, known: &[(&str, T)]) -> Option<T> {
        let field = self.get(name);
        let name = field.as_text();
        let found = known.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| *value).or_else(|| field.unknown(&name))
    }
}
