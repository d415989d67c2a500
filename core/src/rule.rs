//! From an event to the object's current data: the rules of retrieval.

mod builtin;
mod registry;

use serde::{Deserialize, Serialize};

use crate::change::{Change, State};
use crate::error::ConfigError;
use crate::id::EventName;
use crate::json::Value;
use crate::ordered::Map;
use crate::outer::is_method;

pub(crate) use registry::{Registry, id_text};

/// The kind of an object is part of its key in the journal.
const MOST_KIND: usize = 100;

/// How an event leads to an object and to its current data.
///
/// The built-in rules cover CRM, tasks, users, groups, orders, bookings, calendar and feed; give
/// your own for other events. A user's rule for an event or kind replaces the built-in one.
///
/// ```
/// use b24_offline_core::{Absence, EventName, OneMethod, Rule};
/// let rule = Rule {
///     kind: "catalog.product".into(),
///     events: vec![EventName::new("ONCATALOGPRODUCTUPDATE").unwrap()],
///     deleted: vec![EventName::new("ONCATALOGPRODUCTDELETE").unwrap()],
///     id: vec!["FIELDS.ID".into()],
///     parent: None,
///     one: Some(OneMethod {
///         method: "catalog.product.get".into(),
///         id: "id".into(),
///         parent: None,
///         params: "{}".into(),
///         answer: Some("product".into()),
///         id_field: None,
///         absence: Absence::Error,
///     }),
///     many: None,
///     update: None,
/// };
/// assert!(rule.one.is_some());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct Rule {
    /// The kind of the objects: the stem of the retrieval method.
    pub kind: String,
    /// The events after which the object is read.
    pub events: Vec<EventName>,
    /// The events after which the object is gone.
    pub deleted: Vec<EventName>,
    /// Paths into `EVENT_DATA` where the id may be, tried in order, such as `FIELDS.ID`.
    pub id: Vec<String>,
    /// Where a second id is that the methods need.
    pub parent: Option<Parent>,
    /// The method that reads one object.
    pub one: Option<OneMethod>,
    /// The method that reads up to 50 objects.
    pub many: Option<ManyMethod>,
    /// The method that changes an object.
    pub update: Option<UpdateMethod>,
}

/// A second id that an object's methods need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Parent {
    /// Part of the object's identity, written behind the kind: `crm.item:1220`.
    Type {
        /// Paths into `EVENT_DATA`.
        id: Vec<String>,
    },
    /// Only needed to read the object, as the task of a task's comment.
    Owner {
        /// Paths into `EVENT_DATA`.
        id: Vec<String>,
    },
}

/// A method that reads one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct OneMethod {
    /// For example `crm.deal.get`.
    pub method: String,
    /// Path of the id in the parameters, such as `id` or `FILTER.ID`.
    pub id: String,
    /// Path of the second id in the parameters.
    pub parent: Option<String>,
    /// The other parameters: JSON text of an object.
    pub params: String,
    /// The field of the answer that holds the object; `None` when the answer is the object or a
    /// list that holds it.
    pub answer: Option<String>,
    /// The field of an object that holds its id; `None` means `ID` or `id`.
    pub id_field: Option<String>,
    /// How it says that the object does not exist.
    pub absence: Absence,
}

/// How a method that reads one object says that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Absence {
    /// With an error; an empty answer is no answer.
    Error,
    /// With an error, an empty list or map, `null` or `false`.
    EmptyAnswer,
}

/// A method that reads up to 50 objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct ManyMethod {
    /// For example `crm.deal.list`.
    pub method: String,
    /// Path of the list of ids in the parameters, such as `filter.@ID`.
    pub ids: String,
    /// Path of the second id in the parameters; all objects of a call share it.
    pub parent: Option<String>,
    /// The other parameters: JSON text of an object.
    pub params: String,
    /// The field of the answer that holds the list; `None` when the answer is the list.
    pub answer: Option<String>,
    /// The field of an object that holds its id; `None` means `ID` or `id`.
    pub id_field: Option<String>,
}

/// A method that changes fields of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct UpdateMethod {
    /// For example `crm.deal.update`.
    pub method: String,
    /// Path of the id in the parameters.
    pub id: String,
    /// Path of the second id in the parameters.
    pub parent: Option<String>,
    /// Path of the fields in the parameters.
    pub fields: String,
}

/// A call that would write a field of an object back; made by [`write_back`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct WriteBack {
    /// The method, such as `crm.deal.update`.
    pub method: String,
    /// JSON text of the parameters.
    pub params: String,
}

/// The call that writes `field` of a delivered object back with the value it was delivered with,
/// as an integration would; `None` when the object is not present, has no such field, or its kind
/// has no method for it. `rules` are the user's own ([`Config::rules`](crate::Config::rules)).
///
/// ```
/// use b24_offline_core::{Change, ObjectId, Origin, State, write_back};
/// let change = Change {
///     key: "5@t".into(),
///     object: ObjectId::new("crm.deal", "123"),
///     events: vec![],
///     state: State::Present,
///     data: Some(r#"{"ID":"123","TITLE":"New"}"#.into()),
///     changed_at: "t".into(),
///     attempt: 1,
///     origin: Origin::Fresh,
/// };
/// let call = write_back(&change, "TITLE", &[]).unwrap();
/// assert_eq!(call.method, "crm.deal.update");
/// assert_eq!(call.params, r#"{"fields":{"TITLE":"New"},"id":"123"}"#);
/// ```
#[must_use]
pub fn write_back(change: &Change, field: &str, rules: &[Rule]) -> Option<WriteBack> {
    if change.state != State::Present {
        return None;
    }
    let data = Value::read(change.data.as_deref()?)?;
    let value = data.get(field)?.clone();
    let registry = Registry::new(rules);
    let update = registry.rule(&change.object.kind)?.update.as_ref()?;
    let mut params = Value::Object(Map::new());
    put(&mut params, &update.id, change.object.id.as_str().into());
    if let Some(path) = &update.parent {
        let (_, parent) = change.object.kind.split_once(':')?;
        put(&mut params, path, parent.into());
    }
    put(&mut params, &update.fields, Value::object([(field, value)]));
    Some(WriteBack { method: update.method.clone(), params: params.to_string() })
}

/// Why [`write_back`] has no call for an object that is there, in a sentence; `None` where there is nothing
/// to tell: what is gone or was not read has nothing to be written.
///
/// ```
/// use b24_offline_core::{Change, ObjectId, Origin, State, why_not_written_back};
/// let change = Change {
///     key: "5@t".into(),
///     object: ObjectId::new("crm.deal", "123"),
///     events: vec![],
///     state: State::Present,
///     data: Some("{}".into()),
///     changed_at: "t".into(),
///     attempt: 1,
///     origin: Origin::Fresh,
/// };
/// let why = why_not_written_back(&change, "TITLE").unwrap();
/// assert!(why.contains("has no field 'TITLE'"));
/// ```
#[must_use]
pub fn why_not_written_back(change: &Change, field: &str) -> Option<String> {
    let data = change.data.as_ref().filter(|_| change.state == State::Present)?;
    let kind = &change.object.kind;
    let has_field = Value::read(data).is_some_and(|data| data.get(field).is_some());
    Some(if has_field {
        format!("{kind} has no method that writes a field back; nothing is written")
    } else {
        format!("{kind} has no field '{field}' to write back; nothing is written")
    })
}

/// Sets the value at a path of names joined by `.`, making objects on the way.
pub(crate) fn put(target: &mut Value, path: &str, value: Value) {
    let (head, rest) = match path.split_once('.') {
        Some((head, rest)) => (head, Some(rest)),
        None => (path, None),
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(map) = target else { return };
    match rest {
        None => {
            map.insert(head.to_owned(), value);
        }
        Some(rest) => map.change(head.to_owned(), |inner| put(inner, rest, value)),
    }
}

impl Rule {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |why| Err(ConfigError::Rule { kind: self.kind.clone(), why });
        if self.kind.is_empty() || self.kind.contains(':') {
            return wrong("the kind must not be empty or contain ':'");
        }
        if self.kind.len() > MOST_KIND || self.kind.chars().any(char::is_control) {
            return wrong("the kind has more than 100 bytes, or control characters");
        }
        if self.events.is_empty() && self.deleted.is_empty() {
            return wrong("it names no event");
        }
        if self.id.is_empty() {
            return wrong("it names no path of the id, such as FIELDS.ID");
        }
        if self.one.is_none() {
            return wrong(
                "it names no method that reads one object; without one nobody can tell a \
                          deleted object from one that a list leaves out",
            );
        }
        let one = self.one.iter().map(|m| &m.method);
        let many = self.many.iter().map(|m| &m.method);
        let mut methods = one.chain(many).chain(self.update.iter().map(|m| &m.method));
        if !methods.all(|method| is_method(method)) {
            return wrong("one of its methods has a name that no method has");
        }
        let params = self.one.iter().map(|m| &m.params).chain(self.many.iter().map(|m| &m.params));
        for text in params {
            if !Value::read(text).is_some_and(|value| value.is_object()) {
                return wrong("its params are not the JSON text of an object");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Rule {
        Rule {
            kind: "x.y".into(),
            events: vec![EventName::new("ONX").unwrap()],
            deleted: Vec::new(),
            id: vec!["FIELDS.ID".into()],
            parent: None,
            one: Some(OneMethod {
                method: "x.get".into(),
                id: "id".into(),
                parent: None,
                params: "{}".into(),
                answer: None,
                id_field: None,
                absence: Absence::Error,
            }),
            many: None,
            update: None,
        }
    }

    fn checked(change: impl FnOnce(&mut Rule)) -> bool {
        let mut rule = rule();
        change(&mut rule);
        rule.check().is_ok()
    }

    #[test]
    fn a_rule_of_a_user_lacks_nothing_and_has_nothing_odd() {
        assert!(checked(|_| {}));
        assert!(checked(|rule| rule.kind = "k".repeat(100)));
        for kind in [String::new(), "a:1".into(), "k".repeat(101), "a\u{7}b".into()] {
            assert!(!checked(|rule| rule.kind.clone_from(&kind)), "{kind}");
        }
        assert!(!checked(|rule| rule.events.clear()));
        assert!(checked(|rule| rule.deleted = std::mem::take(&mut rule.events)));
        assert!(!checked(|rule| rule.id.clear()));
        assert!(!checked(|rule| rule.one = None));
        for params in ["", "[]", "1", "{"] {
            assert!(!checked(|rule| rule.one.as_mut().unwrap().params = params.into()), "{params}");
        }
        assert!(!checked(|rule| rule.one.as_mut().unwrap().method = "x.get&auth=1".into()));
        let many = ManyMethod {
            method: "x list".into(),
            ids: "filter".into(),
            parent: None,
            params: "{}".into(),
            answer: None,
            id_field: None,
        };
        assert!(!checked(|rule| rule.many = Some(many.clone())));
        assert!(checked(|rule| rule.many = Some(ManyMethod { method: "x.list".into(), ..many })));
    }

    #[test]
    fn a_value_is_put_where_its_path_leads() {
        let mut target = Value::Null;
        put(&mut target, "a.b", Value::from(1));
        put(&mut target, "a.c.d", Value::from("x"));
        put(&mut target, "e", Value::from(2));
        assert_eq!(target.to_string(), r#"{"a":{"b":1,"c":{"d":"x"}},"e":2}"#);
        put(&mut target, "a.b.f", Value::Null);
        assert_eq!(target.to_string(), r#"{"a":{"b":{"f":null},"c":{"d":"x"}},"e":2}"#);
    }

    fn changed(kind: &str, state: State, data: Option<&str>) -> Change {
        Change {
            key: "5@t".into(),
            object: crate::ObjectId::new(kind, "7"),
            events: Vec::new(),
            state,
            data: data.map(str::to_owned),
            changed_at: String::new(),
            attempt: 1,
            origin: crate::Origin::Fresh,
        }
    }

    #[test]
    fn a_field_is_written_back_where_the_kind_has_a_method_and_the_object_the_field() {
        let data = Some(r#"{"ID":"7","TITLE":"a"}"#);
        let deal = changed("crm.deal", State::Present, data);
        let back = write_back(&deal, "TITLE", &[]).unwrap();
        assert_eq!(back.method, "crm.deal.update");
        assert_eq!(back.params, r#"{"fields":{"TITLE":"a"},"id":"7"}"#);
        assert_eq!(write_back(&deal, "NAME", &[]), None);
        assert_eq!(
            why_not_written_back(&deal, "NAME").as_deref(),
            Some("crm.deal has no field 'NAME' to write back; nothing is written")
        );
        let item = changed("crm.item:1220", State::Present, data);
        let back = write_back(&item, "TITLE", &[]).unwrap();
        assert!(back.params.contains(r#""entityTypeId":"1220""#), "{}", back.params);
        // the rule has no method that updates
        let own = changed("x.y", State::Present, data);
        assert_eq!(write_back(&own, "TITLE", &[rule()]), None);
        assert_eq!(
            why_not_written_back(&own, "TITLE").as_deref(),
            Some("x.y has no method that writes a field back; nothing is written")
        );
        let gone = changed("crm.deal", State::Gone, data);
        assert_eq!(
            (write_back(&gone, "TITLE", &[]), why_not_written_back(&gone, "TITLE")),
            (None, None)
        );
    }
}
