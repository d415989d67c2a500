//! The objects behind the events: their kinds, where they are kept, how they are read and written.

pub(crate) mod calls;
pub(crate) mod kinds;
pub(crate) mod list;
pub(crate) mod show;

use std::collections::BTreeMap;

use crate::php::{Php, PhpArray};
use kinds::{KindRule, Style};

/// The field that grows by one with each change of an object, in kinds whose fields are in upper case, and of
/// users and tasks (shown as `version` in a task's answers).
pub const VERSION_FIELD: &str = "VERSION";
/// The same field in kinds whose fields are in camelCase: dynamic items, orders, bookings.
pub const VERSION_FIELD_CAMEL: &str = "version";

/// An id within a kind: a number or a code such as `CHE`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ObjectId {
    Number(u64),
    Code(String),
}

impl ObjectId {
    pub(crate) fn parse(text: &str) -> ObjectId {
        text.parse().map_or_else(|_| ObjectId::Code(text.to_owned()), ObjectId::Number)
    }

    pub(crate) fn text(&self) -> String {
        match self {
            ObjectId::Number(number) => number.to_string(),
            ObjectId::Code(code) => code.clone(),
        }
    }
}

/// One object. Its id and version stand among the fields as well.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) version: u64,
    pub(crate) fields: PhpArray,
}

/// The objects of one kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf {
    last_id: u64,
    pub(crate) objects: BTreeMap<ObjectId, Object>,
    /// Deleted objects with the version that their deletion made.
    bin: BTreeMap<ObjectId, Object>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    shelves: BTreeMap<String, Shelf>,
}

impl Store {
    pub(crate) fn shelf(&self, kind: &str) -> Option<&Shelf> {
        self.shelves.get(kind)
    }

    pub(crate) fn find(&self, kind: &str, id: &str) -> Option<&Object> {
        self.shelves.get(kind)?.objects.get(&ObjectId::parse(id))
    }

    /// The object's version, also of a deleted one.
    pub(crate) fn version(&self, kind: &str, id: &str) -> Option<u64> {
        let (shelf, id) = (self.shelves.get(kind)?, ObjectId::parse(id));
        shelf.objects.get(&id).or_else(|| shelf.bin.get(&id)).map(|object| object.version)
    }

    /// Makes an object under the id among `fields` or under the next number. Returns its id.
    pub(crate) fn create(
        &mut self,
        kind: &str,
        rule: &KindRule,
        mut fields: PhpArray,
        date: &str,
    ) -> String {
        let shelf = self.shelves.entry(kind.to_owned()).or_default();
        let given = fields.get(rule.id_field).map(Php::text).filter(|text| !text.is_empty());
        let id = match given {
            Some(text) => ObjectId::parse(&text),
            None => ObjectId::Number(shelf.last_id.saturating_add(1)),
        };
        if let ObjectId::Number(number) = id {
            shelf.last_id = shelf.last_id.max(number);
        }
        let earlier = shelf.objects.get(&id).or_else(|| shelf.bin.get(&id));
        let version = earlier.map_or(0, |object| object.version) + 1;
        let mut held = PhpArray::new();
        held.set(rule.id_field, rule.style.id(&id));
        for (key, value) in fields.iter_mut() {
            held.set(key.clone(), std::mem::take(value));
        }
        rule.stamp(&mut held, version, date, true);
        shelf.bin.remove(&id);
        shelf.objects.insert(id.clone(), Object { version, fields: held });
        id.text()
    }

    /// Merges fields into an object. Returns the new version, nothing if there is no such object.
    pub(crate) fn change(
        &mut self,
        kind: &str,
        rule: &KindRule,
        id: &str,
        fields: &PhpArray,
        date: &str,
    ) -> Option<u64> {
        let object = self.shelves.get_mut(kind)?.objects.get_mut(&ObjectId::parse(id))?;
        for (key, value) in fields.iter().filter(|(key, _)| key.text() != rule.id_field) {
            object.fields.set(key.clone(), value.clone());
        }
        object.version += 1;
        rule.stamp(&mut object.fields, object.version, date, false);
        Some(object.version)
    }

    /// Takes an object away, to the bin. Returns the version that the deletion makes.
    pub(crate) fn delete(&mut self, kind: &str, id: &str) -> Option<u64> {
        let shelf = self.shelves.get_mut(kind)?;
        let mut object = shelf.objects.remove(&ObjectId::parse(id))?;
        object.version += 1;
        let version = object.version;
        shelf.bin.insert(ObjectId::parse(id), object);
        Some(version)
    }

    /// Takes an object back from the bin. Returns the version that this makes.
    pub(crate) fn restore(
        &mut self,
        kind: &str,
        rule: &KindRule,
        id: &str,
        date: &str,
    ) -> Option<u64> {
        let shelf = self.shelves.get_mut(kind)?;
        let mut object = shelf.bin.remove(&ObjectId::parse(id))?;
        object.version += 1;
        let version = object.version;
        rule.stamp(&mut object.fields, version, date, false);
        shelf.objects.insert(ObjectId::parse(id), object);
        Some(version)
    }

    pub(crate) fn count(&self) -> usize {
        self.shelves.values().map(|shelf| shelf.objects.len()).sum()
    }
}

impl Style {
    fn id(self, id: &ObjectId) -> Php {
        match (self, id) {
            (Style::Camel, ObjectId::Number(number)) => Php::from(*number),
            (Style::Upper | Style::Task | Style::Camel, id) => Php::Text(id.text()),
        }
    }
}
