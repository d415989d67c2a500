//! The rules by event and by kind.

use super::{ManyMethod, OneMethod, Parent, Rule, builtin, put};
use crate::id::{EventName, ObjectId};
use crate::json::Value;
use crate::ordered::Map;
use crate::search;

/// All rules that hold, the user's before the built-in ones.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    by_kind: Map<String, Rule>,
    by_event: Map<String, (String, Tells)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tells {
    Changed,
    Deleted,
}

/// What a record's event data says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) object: ObjectId,
    pub(crate) owner: Option<String>,
    pub(crate) deleted: bool,
}

impl Registry {
    pub(crate) fn new(users: &[Rule]) -> Registry {
        let mut registry = Registry { by_kind: Map::new(), by_event: Map::new() };
        for rule in builtin::rules().into_iter().chain(users.iter().cloned()) {
            for event in &rule.events {
                registry
                    .by_event
                    .insert(event.as_str().into(), (rule.kind.clone(), Tells::Changed));
            }
            for event in &rule.deleted {
                registry
                    .by_event
                    .insert(event.as_str().into(), (rule.kind.clone(), Tells::Deleted));
            }
            registry.by_kind.insert(rule.kind.clone(), rule);
        }
        registry
    }

    /// The rule of a kind such as `crm.deal` or `crm.item:1220`.
    pub(crate) fn rule(&self, kind: &str) -> Option<&Rule> {
        let stem = kind.split_once(':').map_or(kind, |(stem, _)| stem);
        self.by_kind.get(stem)
    }

    /// The object that a record speaks of; `None` when there is no rule or no id.
    pub(crate) fn parse(&self, event: &EventName, data: &Value) -> Option<Parsed> {
        let (rule, tells) = self.by_event_name(event)?;
        let id = first(&rule.id, data)?;
        let (kind, owner) = match &rule.parent {
            None => (rule.kind.clone(), None),
            Some(Parent::Type { id }) => (format!("{}:{}", rule.kind, first(id, data)?), None),
            Some(Parent::Owner { id }) => (rule.kind.clone(), first(id, data)),
        };
        let deleted = tells == Tells::Deleted;
        Some(Parsed { object: ObjectId { kind, id }, owner, deleted })
    }

    /// The object that a write changes; `None` when the method names none.
    pub(crate) fn written(&self, method: &str, params: &Value) -> Option<ObjectId> {
        let updates = |rule: &&Rule| {
            let update = rule.update.as_ref();
            update.is_some_and(|update| update.method.eq_ignore_ascii_case(method))
        };
        if let Some(rule) = self.by_kind.values().find(updates) {
            let update = rule.update.as_ref()?;
            let id = written_id(params, &update.id)?;
            let Some(path) = &update.parent else {
                return Some(ObjectId::new(rule.kind.as_str(), id));
            };
            let number = written_id(params, path)?;
            // deals and the like are items too, but their events are their own
            let known = TYPES.iter().find(|(known, _)| *known == number && rule.kind == ITEM);
            let kind = known.map(|(_, kind)| (*kind).to_owned());
            return Some(ObjectId {
                kind: kind.unwrap_or_else(|| format!("{}:{number}", rule.kind)),
                id,
            });
        }
        let stem = method.to_ascii_lowercase();
        let rule = self.by_kind.get(stem.strip_suffix(".update")?)?;
        let path = rule.one.as_ref()?.id.as_str();
        let name = path.rsplit_once('.').map_or(path, |(_, name)| name);
        Some(ObjectId::new(rule.kind.as_str(), written_id(params, name)?))
    }

    /// An event of one dynamic type carries the type behind its name: `…UPDATE_1220`.
    fn by_event_name(&self, event: &EventName) -> Option<(&Rule, Tells)> {
        let name = event.as_str();
        let found = self.by_event.get(name).or_else(|| {
            let (stem, number) = name.rsplit_once('_')?;
            let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
            self.by_event.get(stem).filter(|_| digits)
        });
        let (kind, tells) = found?;
        Some((self.by_kind.get(kind)?, *tells))
    }
}

const ITEM: &str = "crm.item";
const TYPES: [(&str, &str); 5] = [
    ("1", "crm.lead"),
    ("2", "crm.deal"),
    ("3", "crm.contact"),
    ("4", "crm.company"),
    ("7", "crm.quote"),
];

/// The id at a path of a user's parameters. The portal does not look at the case of their names.
fn written_id(params: &Value, path: &str) -> Option<String> {
    let mut value = params;
    for name in path.split('.') {
        let Value::Object(fields) = value else { return None };
        let same = |(field, _): &(&String, &Value)| field.eq_ignore_ascii_case(name);
        value = fields.iter().find(same)?.1;
    }
    id_text(value)
}

fn first(paths: &[String], data: &Value) -> Option<String> {
    paths.iter().find_map(|path| {
        let mut value = data;
        for name in path.split('.') {
            value = value.get(name)?;
        }
        id_text(value)
    })
}

/// An id as text. PHP writes numbers as strings or numbers, and an absent one as `"undefined"`,
/// `0`, `false`, an empty string or an empty array.
pub(crate) fn id_text(value: &Value) -> Option<String> {
    let text = match value {
        Value::Text(text) => text.trim().to_owned(),
        Value::Number(number) => number.clone(),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Object(_) => return None,
    };
    // a batch would take such a text for a reference (F32)
    let reference = search::has(&text, "$result[");
    let absent = text.is_empty() || text == "undefined" || text == "0" || text.len() > 200;
    let absent = absent || reference || text.chars().any(char::is_control);
    (!absent).then_some(text)
}

fn params(text: &str) -> Value {
    Value::read(text).unwrap_or_else(|| Value::object([]))
}

fn type_of(kind: &str) -> Option<&str> {
    kind.split_once(':').map(|(_, number)| number)
}

impl OneMethod {
    pub(crate) fn params_for(&self, object: &ObjectId, owner: Option<&str>) -> Value {
        let mut params = params(&self.params);
        put(&mut params, &self.id, object.id.as_str().into());
        if let (Some(path), Some(parent)) = (&self.parent, type_of(&object.kind).or(owner)) {
            put(&mut params, path, parent.into());
        }
        params
    }
}

impl ManyMethod {
    /// Parameters for ids of one kind.
    pub(crate) fn params_for(&self, kind: &str, ids: &[&str]) -> Value {
        let mut params = params(&self.params);
        put(&mut params, &self.ids, ids.iter().map(|id| Value::from(*id)).collect());
        if let (Some(path), Some(parent)) = (&self.parent, type_of(kind)) {
            put(&mut params, path, parent.into());
        }
        params
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(event: &str, data: &serde_json::Value) -> Option<Parsed> {
        let data = Value::read(&data.to_string()).unwrap();
        Registry::new(&[]).parse(&EventName::new(event).unwrap(), &data)
    }

    fn object(event: &str, data: &serde_json::Value) -> Option<String> {
        parse(event, data).map(|parsed| parsed.object.to_string())
    }

    #[test]
    fn every_row_of_the_table_names_its_object() {
        let fields = json!({"FIELDS": {"ID": "7"}});
        let rows = [
            ("ONCRMLEADADD", fields.clone(), "crm.lead 7"),
            ("ONCRMDEALUPDATE", json!({"FIELDS": {"ID": 7}}), "crm.deal 7"),
            ("ONCRMDEALMOVETOCATEGORY", fields.clone(), "crm.deal 7"),
            ("ONCRMCONTACTDELETE", fields.clone(), "crm.contact 7"),
            ("ONCRMCOMPANYADD", fields.clone(), "crm.company 7"),
            ("ONCRMQUOTEADD", fields.clone(), "crm.quote 7"),
            (
                "ONCRMDYNAMICITEMUPDATE_1220",
                json!({"FIELDS": {"ID": 7, "ENTITY_TYPE_ID": "1220"}}),
                "crm.item:1220 7",
            ),
            ("ONCRMACTIVITYADD", fields.clone(), "crm.activity 7"),
            ("ONCRMREQUISITEADD", fields.clone(), "crm.requisite 7"),
            ("ONCRMBANKDETAILADD", fields.clone(), "crm.requisite.bankdetail 7"),
            ("ONCRMCURRENCYADD", json!({"FIELDS": {"ID": "CHE"}}), "crm.currency CHE"),
            ("ONCRMTIMELINECOMMENTADD", json!({"ID": 7}), "crm.timeline.comment 7"),
            (
                "ONTASKDELETE",
                json!({"FIELDS_BEFORE": {"ID": 7}, "FIELDS_AFTER": "undefined"}),
                "tasks.task 7",
            ),
            (
                "ONTASKCOMMENTADD",
                json!({"FIELDS_BEFORE": "undefined", "FIELDS_AFTER": {"ID": 7, "TASK_ID": 9}}),
                "task.commentitem 7",
            ),
            ("ONUSERADD", json!({"ID": "7", "NAME": "A"}), "user 7"),
            ("ONSONETGROUPADD", fields.clone(), "sonet_group 7"),
            ("ONSALEORDERSAVED", fields.clone(), "sale.order 7"),
            ("ONORDERENTITYDELETED", fields.clone(), "sale.order 7"),
            ("ONBOOKINGADD", json!({"ID": 7}), "booking.v1.booking 7"),
            ("ONCALENDARENTRYADD", json!({"id": 7}), "calendar.event 7"),
            ("ONLIVEFEEDPOSTADD", json!({"FIELDS": {"POST_ID": 7}}), "log.blogpost 7"),
        ];
        for (event, data, expected) in rows {
            assert_eq!(object(event, &data).as_deref(), Some(expected), "{event}");
        }
    }

    #[test]
    fn without_rule_or_id_there_is_no_object() {
        assert_eq!(object("ONIMBOTMESSAGEADD", &json!({"FIELDS": {"ID": 1}})), None);
        for data in [json!(false), json!([]), json!({"FIELDS": []}), json!({"FIELDS": {"ID": 0}})] {
            assert_eq!(object("ONCRMDEALADD", &data), None, "{data}");
        }
        assert_eq!(object("ONCRMDYNAMICITEMADD", &json!({"FIELDS": {"ID": 7}})), None);
        // an event's name goes on with the number of a type, with nothing else
        let data = json!({"FIELDS": {"ID": 7, "ENTITY_TYPE_ID": "31"}});
        assert_eq!(object("ONCRMDYNAMICITEMADD_31", &data).as_deref(), Some("crm.item:31 7"));
        for event in ["ONCRMDYNAMICITEMADD_", "ONCRMDYNAMICITEMADD_3X", "ONCRMDYNAMICITEMADD_OLD"] {
            assert_eq!(object(event, &data), None, "{event}");
        }
    }

    #[test]
    fn a_comment_knows_its_task_and_an_item_its_type() {
        let registry = Registry::new(&[]);
        let data = json!({"FIELDS_AFTER": {"ID": 7, "TASK_ID": 9}});
        let parsed = parse("ONTASKCOMMENTUPDATE", &data).unwrap();
        let rule = registry.rule(&parsed.object.kind).unwrap();
        let params = rule.one.as_ref().unwrap().params_for(&parsed.object, parsed.owner.as_deref());
        assert_eq!(params.to_string(), r#"{"ITEMID":"7","TASKID":"9"}"#);
        let item = ObjectId::new("crm.item:31", "5");
        let rule = registry.rule(&item.kind).unwrap();
        let params = rule.one.as_ref().unwrap().params_for(&item, None);
        assert_eq!(params.to_string(), r#"{"entityTypeId":"31","id":"5"}"#);
    }

    #[test]
    fn a_write_names_its_object_by_method_and_parameters() {
        let registry = Registry::new(&[]);
        let written = |method: &str, params: &str| {
            let params = Value::read(params).unwrap();
            registry.written(method, &params).map(|object| object.to_string())
        };
        for (method, params, object) in [
            ("crm.deal.update", r#"{"id":7,"fields":{}}"#, "crm.deal 7"),
            ("CRM.Lead.Update", r#"{"ID":" 7 "}"#, "crm.lead 7"),
            ("crm.item.update", r#"{"entityTypeId":1220,"id":"7"}"#, "crm.item:1220 7"),
            ("crm.item.update", r#"{"entityTypeId":"2","id":7}"#, "crm.deal 7"),
            ("tasks.task.update", r#"{"taskId":7}"#, "tasks.task 7"),
            ("task.commentitem.update", r#"{"TASKID":9,"ITEMID":7}"#, "task.commentitem 7"),
            ("user.update", r#"{"ID":7}"#, "user 7"),
            ("crm.currency.update", r#"{"id":"CHE"}"#, "crm.currency CHE"),
        ] {
            assert_eq!(written(method, params).as_deref(), Some(object), "{method}");
        }
        for (method, params) in [
            ("crm.deal.add", r#"{"id":7}"#),
            ("crm.deal.update", r#"{"fields":{"id":7}}"#),
            ("crm.item.update", r#"{"id":7}"#),
            ("disk.file.update", r#"{"id":7}"#),
            ("batch", r#"{"cmd":{"a":"crm.deal.update?id=7"}}"#),
            (".update", r#"{"id":7}"#),
        ] {
            assert_eq!(written(method, params), None, "{method}");
        }
    }

    #[test]
    fn every_built_in_rule_passes_the_check_of_users_rules() {
        for rule in builtin::rules() {
            rule.check().unwrap();
        }
    }
}
