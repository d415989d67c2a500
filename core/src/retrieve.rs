//! Which objects to read by which call, and what the answers say of each.

use crate::config::Retrieve;
use crate::id::RecordId;
use crate::json::{Raw, Value};
use crate::lane::{Lane, Way};
use crate::ordered::Map;
use crate::record::{EventData, Key, event_data};
use crate::rule::{Absence, ManyMethod, OneMethod, Registry, id_text};
use crate::wire::Rows;
use crate::wire::answer::{php_fields, php_list};

/// A list answers at most so many objects whatever is asked.
const PAGE: usize = 50;

/// One call that reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Objects of one kind.
    Many { kind: String, keys: Vec<Key> },
    /// One object.
    One { key: Key },
    /// Records without a rule that are known from the journal only.
    Listed { keys: Vec<Key> },
}

/// What an answer says of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Read {
    Present(String),
    Gone,
    /// The list left it out: its own method is to be asked.
    Absent,
    /// The record's own data.
    Data(EventData),
    /// The answer has another shape.
    Strange(String),
}

/// So many calls are left to objects that are read one by one while lists fill the rest.
const ALONE: usize = 6;

/// Which objects are read next: at most `calls` calls and `objects` objects, none by a method
/// that `limited` holds back, and `only_done` none that is not done. Lists come first: a call for fifty objects before one for one.
pub(crate) fn plan(
    lane: &Lane,
    registry: &Registry,
    retrieve: Retrieve,
    calls: usize,
    objects: usize,
    only_done: bool,
    limited: &dyn Fn(&str) -> bool,
) -> Vec<Reading> {
    let mut lists: Vec<Reading> = Vec::new();
    let mut alone: Vec<Reading> = Vec::new();
    let mut open: Map<String, usize> = Map::new();
    let mut planned = 0;
    for key in lane.unread().filter(|key| !only_done || lane.is_done(key)) {
        if planned >= objects {
            break;
        }
        let Some(reading) = reading_of(key, lane, registry, retrieve, limited) else { continue };
        let group = match &reading {
            Reading::One { .. } => {
                if alone.len() < calls {
                    alone.push(reading);
                    planned += 1;
                }
                continue;
            }
            Reading::Many { kind, .. } => kind.clone(),
            Reading::Listed { .. } => String::new(),
        };
        let started = open.get(&group).and_then(|at| lists.get_mut(*at));
        if let Some(keys) = started.and_then(Reading::room) {
            keys.push(key.clone());
        } else if lists.len() < calls {
            open.insert(group, lists.len());
            lists.push(reading);
        } else {
            continue;
        }
        planned += 1;
    }
    lists.truncate(calls.saturating_sub(alone.len().min(ALONE)).max(1));
    alone.truncate(calls.saturating_sub(lists.len()));
    lists.append(&mut alone);
    lists
}

/// The call that reads an object; `None` when it has to wait.
fn reading_of(
    key: &Key,
    lane: &Lane,
    registry: &Registry,
    retrieve: Retrieve,
    limited: &dyn Fn(&str) -> bool,
) -> Option<Reading> {
    let Key::Object(object) = key else {
        let listed = Reading::Listed { keys: vec![key.clone()] };
        return (!limited("event.offline.list")).then_some(listed);
    };
    let rule = registry.rule(&object.kind)?;
    let by_list = retrieve == Retrieve::List && lane.work(key)?.way == Way::Many;
    if let Some(many) = rule.many.as_ref().filter(|_| by_list) {
        let many_of = Reading::Many { kind: object.kind.clone(), keys: vec![key.clone()] };
        return (!limited(&many.method)).then_some(many_of);
    }
    let one = rule.one.as_ref()?;
    (!limited(&one.method)).then(|| Reading::One { key: key.clone() })
}

impl Reading {
    fn room(&mut self) -> Option<&mut Vec<Key>> {
        match self {
            Reading::Many { keys, .. } | Reading::Listed { keys } => {
                (keys.len() < PAGE).then_some(keys)
            }
            Reading::One { .. } => None,
        }
    }

    pub(crate) fn keys(&self) -> Vec<Key> {
        match self {
            Reading::Many { keys, .. } | Reading::Listed { keys } => keys.clone(),
            Reading::One { key } => vec![key.clone()],
        }
    }

    /// Method and parameters.
    pub(crate) fn call(&self, lane: &Lane, registry: &Registry) -> Option<(String, Value)> {
        match self {
            Reading::Many { kind, keys } => {
                let many = registry.rule(kind)?.many.as_ref()?;
                let ids: Vec<&str> = keys.iter().filter_map(id_of).collect();
                Some((many.method.clone(), many.params_for(kind, &ids)))
            }
            Reading::One { key } => {
                let Key::Object(object) = key else { return None };
                let one = registry.rule(&object.kind)?.one.as_ref()?;
                let records = &lane.work(key)?.records;
                let owner = records.values().find_map(|record| record.owner.as_deref());
                Some((one.method.clone(), one.params_for(object, owner)))
            }
            Reading::Listed { keys } => {
                let ids = keys.iter().filter_map(record_of).map(|id| Value::from(id.0)).collect();
                let filter = Value::object([("@ID", ids)]);
                Some(("event.offline.list".into(), Value::object([("filter", filter)])))
            }
        }
    }

    /// What the answer says of each object.
    pub(crate) fn read(&self, result: Raw<'_>, registry: &Registry) -> Vec<(Key, Read)> {
        let read = match self {
            Reading::Many { kind, keys } => registry
                .rule(kind)
                .and_then(|rule| rule.many.as_ref())
                .and_then(|many| read_many(result, many, keys)),
            Reading::One { key } => match key {
                Key::Object(object) => registry
                    .rule(&object.kind)
                    .and_then(|rule| rule.one.as_ref())
                    .map(|one| vec![(key.clone(), read_one(result, one, &object.id))]),
                Key::Record { .. } => None,
            },
            Reading::Listed { keys } => read_listed(result, keys),
        };
        let strange = || Read::Strange("an answer of another shape".into());
        read.unwrap_or_else(|| self.keys().into_iter().map(|key| (key, strange())).collect())
    }
}

fn id_of(key: &Key) -> Option<&str> {
    match key {
        Key::Object(object) => Some(&object.id),
        Key::Record { .. } => None,
    }
}

fn record_of(key: &Key) -> Option<RecordId> {
    match key {
        Key::Object(_) => None,
        Key::Record { record, .. } => Some(*record),
    }
}

fn id_in(row: Raw<'_>, field: Option<&str>) -> Option<String> {
    let id = match field {
        Some(field) => {
            let [id] = row.fields([field])?;
            id
        }
        None => {
            let [upper, lower] = row.fields(["ID", "id"])?;
            upper.filter(|id| !id.is_null()).or(lower)
        }
    };
    id_text(&id?.value()?)
}

/// `None` when the list holds anything that was not asked for, or can't be read.
fn read_many(result: Raw<'_>, many: &ManyMethod, keys: &[Key]) -> Option<Vec<(Key, Read)>> {
    let list = match &many.answer {
        None => php_list(result)?,
        Some(field) => match php_fields(result, [field])? {
            [Some(list)] => php_list(list)?,
            // tasks answers an empty list in place of the wrapper
            [None] if php_list(result).is_some_and(|list| list.is_empty()) => Vec::new(),
            [None] => return None,
        },
    };
    let mut found: Map<String, Raw<'_>> = Map::new();
    for row in list {
        found.insert(id_in(row, many.id_field.as_deref())?, row);
    }
    let read = keys.iter().map(|key| {
        let row = id_of(key).and_then(|id| found.remove(id));
        let read = row.map_or(Read::Absent, |row| Read::Present(row.get().to_owned()));
        (key.clone(), read)
    });
    let read: Vec<(Key, Read)> = read.collect();
    found.is_empty().then_some(read)
}

fn read_one(result: Raw<'_>, one: &OneMethod, id: &str) -> Read {
    let strange = || Read::Strange("an answer of another shape".into());
    let inner = match &one.answer {
        None => Some(result),
        Some(field) => match php_fields(result, [field]) {
            Some([inner]) => inner,
            None => return strange(),
        },
    };
    let empty = || match one.absence {
        Absence::EmptyAnswer => Read::Gone,
        Absence::Error => Read::Strange("an empty answer".into()),
    };
    let Some(inner) = inner else { return empty() };
    let object = match inner.get().as_bytes().first() {
        Some(b'{') => inner,
        Some(b'[') => match php_list(inner).as_deref() {
            Some([]) => return empty(),
            Some([object]) if object.is_object() => *object,
            _ => return strange(),
        },
        _ if matches!(inner.get(), "null" | "false") => return empty(),
        _ => return strange(),
    };
    if object.map().is_some_and(|map| map.is_empty()) {
        return empty();
    }
    match id_in(object, one.id_field.as_deref()) {
        Some(found) if found == id => Read::Present(object.get().to_owned()),
        Some(other) => Read::Strange(format!("asked for {id}, got {other}")),
        None => Read::Strange(format!("asked for {id}, got an object without an id")),
    }
}

fn read_listed(result: Raw<'_>, keys: &[Key]) -> Option<Vec<(Key, Read)>> {
    let rows = Rows::of_list(result)?;
    let mut found: Map<RecordId, Option<String>> =
        rows.rows.into_iter().map(|row| (row.id, event_data(&row.data))).collect();
    let read = keys.iter().map(|key| {
        let data = record_of(key).and_then(|id| found.remove(&id)).flatten();
        (key.clone(), Read::Data(EventData::Known(data)))
    });
    Some(read.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ObjectId;
    use crate::tests::deal as key;
    use crate::tests::deletion::record;

    fn deals(ids: &[&str]) -> Reading {
        let keys = ids.iter().map(|id| Key::from(ObjectId::new("crm.deal", *id))).collect();
        Reading::Many { kind: "crm.deal".into(), keys }
    }

    fn reads(reading: &Reading, text: &str) -> Vec<Read> {
        let read = reading.read(Raw::read(text).unwrap(), &Registry::new(&[]));
        read.into_iter().map(|(_, read)| read).collect()
    }

    #[test]
    fn a_list_may_come_in_another_order_and_leave_objects_out() {
        let read = reads(&deals(&["1", "2"]), r#"[{"ID":"2","TITLE":"x"}]"#);
        assert_eq!(read, [Read::Absent, Read::Present(r#"{"ID":"2","TITLE":"x"}"#.into())]);
    }

    #[test]
    fn a_list_with_unasked_ids_or_another_shape_is_strange() {
        for text in [r#"[{"ID":"3"}]"#, r#"{"items":[]}"#, "7", r#"[{"TITLE":"x"}]"#] {
            let read = reads(&deals(&["1"]), text);
            assert!(matches!(read.as_slice(), [Read::Strange(_)]), "{text} {read:?}");
        }
    }

    #[test]
    fn an_empty_list_stands_for_the_wrapper_of_a_list_and_nothing_else_does() {
        let key = Key::from(ObjectId::new("tasks.task", "7"));
        let tasks = Reading::Many { kind: "tasks.task".into(), keys: vec![key] };
        let present = Read::Present(r#"{"id":"7"}"#.into());
        for (text, read) in [
            (r#"{"tasks":[{"id":"7"}]}"#, present),
            (r#"{"tasks":[]}"#, Read::Absent),
            ("[]", Read::Absent),
            (r#"{"items":[]}"#, Read::Strange("an answer of another shape".into())),
        ] {
            assert_eq!(reads(&tasks, text), [read], "{text}");
        }
    }

    #[test]
    fn objects_that_find_no_room_in_the_calls_leave_theirs_to_others() {
        let mut lane = Lane::default();
        for id in 1..=5 {
            lane.take(key(id), record(id, false), 3);
        }
        for id in 1..=2 {
            lane.update(&key(id), |work| work.way = Way::One);
        }
        let planned = |calls, objects| {
            let registry = Registry::new(&[]);
            plan(&lane, &registry, Retrieve::List, calls, objects, false, &|_| false)
        };
        let list = |ids: &[u64]| {
            let keys = ids.iter().copied().map(key).collect();
            Reading::Many { kind: "crm.deal".into(), keys }
        };
        // the list comes first, and takes the one call
        assert_eq!(planned(1, 3), [list(&[3, 4])]);
        let alone = |id| Reading::One { key: key(id) };
        assert_eq!(planned(3, 4), [list(&[3, 4]), alone(1), alone(2)]);
        assert_eq!(planned(3, 9), [list(&[3, 4, 5]), alone(1), alone(2)]);
        // a list of another kind that finds no room leaves its to the first one
        let contact = Key::from(ObjectId::new("crm.contact", "1"));
        let mut lane = Lane::default();
        for (id, key) in [(1, key(1)), (2, contact), (3, key(3))] {
            lane.take(key, record(id, false), 3);
        }
        let registry = Registry::new(&[]);
        let planned = plan(&lane, &registry, Retrieve::List, 1, 2, false, &|_| false);
        assert_eq!(planned, [list(&[1, 3])]);
    }

    #[test]
    fn one_object_is_gone_when_its_own_method_answers_nothing() {
        let one = |kind: &str, id: &str| Reading::One { key: Key::from(ObjectId::new(kind, id)) };
        assert_eq!(reads(&one("user", "7"), "[]"), [Read::Gone]);
        assert_eq!(reads(&one("tasks.task", "7"), "[]"), [Read::Gone]);
        assert_eq!(
            reads(&one("tasks.task", "7"), r#"{"task":{"id":"7"}}"#),
            [Read::Present(r#"{"id":"7"}"#.into())]
        );
        assert_eq!(
            reads(&one("user", "7"), r#"[{"ID":"7"}]"#),
            [Read::Present(r#"{"ID":"7"}"#.into())]
        );
        assert_eq!(reads(&one("user", "7"), "false"), [Read::Gone]);
        let strange = Read::Strange("an answer of another shape".into());
        assert_eq!(reads(&one("user", "7"), "[7]"), [strange]);
        // another value is neither an object nor the absence of one
        for text in [r#"{"ID":"8"}"#, "7", "true", r#""gone""#, "[7]", r#"[{"ID":"7"},{"ID":"7"}]"#]
        {
            for kind in ["crm.deal", "user"] {
                let read = reads(&one(kind, "7"), text);
                assert!(matches!(read.as_slice(), [Read::Strange(_)]), "{kind} {text} {read:?}");
            }
        }
    }

    #[test]
    fn a_record_of_its_own_is_read_from_the_queue_and_has_no_data_where_it_is_gone() {
        let key = |record| Key::Record { kind: "ONX".into(), record: RecordId(record) };
        let reading = Reading::Listed { keys: vec![key(7), key(8), key(9)] };
        let row = |id: u64, data: &str| {
            format!(
                r#"{{"ID":{id},"TIMESTAMP_X":"t","MESSAGE_ID":"m","EVENT_NAME":"ONX","EVENT_DATA":{data}}}"#
            )
        };
        let text = format!("[{},{}]", row(7, r#"{"A":1}"#), row(8, "[]"));
        let data = |data: Option<&str>| Read::Data(EventData::Known(data.map(str::to_owned)));
        assert_eq!(reads(&reading, &text), [data(Some(r#"{"A":1}"#)), data(None), data(None)]);
        assert!(reads(&reading, "7").iter().all(|read| matches!(read, Read::Strange(_))));
    }
}
