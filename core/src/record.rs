//! Records in hand, and the object that each belongs to.

use std::sync::Arc;

use crate::change::Origin;
use crate::id::{EventName, MessageId, ObjectId, ProcessId, RecordId};
use crate::json::Value;
use crate::ordered::Map;
use crate::round::Side;
use crate::rule::Registry;
use crate::time::portal_seconds;
use crate::wire::Row;

/// Records by ID.
pub(crate) type Records = Map<RecordId, Record>;

/// A record that was taken from the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) id: RecordId,
    /// The reservation that holds it; `None` when it was deleted and the journal is its only home.
    pub(crate) process: Option<ProcessId>,
    /// The journal has an entry of its own for it, which goes when it is done.
    pub(crate) kept: bool,
    pub(crate) message: MessageId,
    pub(crate) event: EventName,
    pub(crate) changed_at: String,
    pub(crate) errored: bool,
    pub(crate) deleted: bool,
    /// The second id that some methods need.
    pub(crate) owner: Option<String>,
    pub(crate) data: EventData,
}

/// `EVENT_DATA` of a record without a rule: it is what the user gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EventData {
    /// A rule reads the object instead.
    NotNeeded,
    /// JSON text; `None` for an empty one.
    Known(Option<String>),
    /// The record is known from the journal, which holds no data: it is to be listed.
    ToBeListed,
}

/// What deliveries are ordered by and locked on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// An object that can be read. Many places hold its key.
    Object(Arc<ObjectId>),
    /// A record of its own, because no rule leads to an object.
    Record {
        /// The event's name.
        kind: String,
        record: RecordId,
    },
}

impl From<ObjectId> for Key {
    fn from(object: ObjectId) -> Key {
        Key::Object(Arc::new(object))
    }
}

impl Key {
    pub(crate) fn object(&self) -> ObjectId {
        match self {
            Key::Object(object) => ObjectId::clone(object),
            Key::Record { kind, .. } => ObjectId::new(kind.as_str(), ""),
        }
    }

    /// The record that a row of the queue is, and whose it is.
    pub(crate) fn of(row: Row, process: Option<ProcessId>, registry: &Registry) -> (Key, Record) {
        let parsed = registry.parse(&row.event, &row.data);
        let (key, owner, deleted, data) = match parsed {
            Some(parsed) => {
                (parsed.object.into(), parsed.owner, parsed.deleted, EventData::NotNeeded)
            }
            None => {
                let key = Key::Record { kind: row.event.as_str().into(), record: row.id };
                (key, None, false, EventData::Known(event_data(&row.data)))
            }
        };
        let record = Record {
            id: row.id,
            process,
            kept: false,
            message: row.message,
            event: row.event,
            changed_at: row.changed_at,
            errored: row.errored,
            deleted,
            owner,
            data,
        };
        (key, record)
    }
}

pub(crate) fn event_data(value: &Value) -> Option<String> {
    let empty = match value {
        Value::Null | Value::Bool(_) => true,
        Value::List(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Number(_) => false,
        Value::Text(text) => text.is_empty(),
    };
    (!empty).then(|| value.to_string())
}

impl Record {
    /// Whether it stands for the same change: the portal never alters a reserved record (F2).
    pub(crate) fn is_same(&self, other: &Record) -> bool {
        let reserved = self.process.is_some() && self.process == other.process;
        reserved && self.changed_at == other.changed_at
    }

    /// The lane that it is or was in.
    pub(crate) fn side(&self) -> Side {
        if self.errored { Side::Errored } else { Side::Fresh }
    }
}

/// Idempotency key: `ID@TIMESTAMP_X` of each record, sorted by ID.
pub(crate) fn idempotency_key(records: &Records) -> String {
    let mut key = String::new();
    for record in records.values() {
        let comma = if key.is_empty() { "" } else { "," };
        key.push_str(&format!("{comma}{}@{}", record.id, record.changed_at));
    }
    key
}

/// What an idempotency key is not.
pub(crate) fn key_without_time(records: &Records) -> String {
    let ids: Vec<String> = records.keys().map(ToString::to_string).collect();
    ids.join(",")
}

/// The events, oldest record first, none twice.
pub(crate) fn events(records: &Records) -> Vec<EventName> {
    let mut events: Vec<EventName> = Vec::new();
    for record in records.values() {
        if !events.contains(&record.event) {
            events.push(record.event.clone());
        }
    }
    events
}

/// The record with the greatest ID.
pub(crate) fn newest(records: &Records) -> Option<RecordId> {
    records.keys().last().copied()
}

fn order(record: &Record) -> (Option<i64>, &str) {
    (portal_seconds(&record.changed_at), record.changed_at.as_str())
}

/// The latest time of change.
pub(crate) fn changed_at(records: &Records) -> String {
    let latest = records.values().max_by(|a, b| order(a).cmp(&order(b)));
    latest.map(|record| record.changed_at.clone()).unwrap_or_default()
}

/// Whether the last of these changes came after all of the others.
pub(crate) fn is_later(records: &Records, than: &Records) -> bool {
    fn last(records: &Records) -> Option<((Option<i64>, &str), RecordId)> {
        records.values().map(|record| (order(record), record.id)).max()
    }
    last(records) > last(than)
}

/// Whether one of the records tells of a deletion. It need not be the last thing that happened: a
/// restored object's record may have been delivered before, so this only spares a second question.
pub(crate) fn tell_of_deletion(records: &Records) -> bool {
    records.values().any(|record| record.deleted)
}

/// By which way the records came, when nobody drove them again.
pub(crate) fn origin(records: &Records) -> Origin {
    if records.values().any(|record| record.errored) { Origin::Recovered } else { Origin::Fresh }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: u64, changed_at: &str, event: &str) -> (RecordId, Record) {
        let record = Record {
            id: RecordId(id),
            process: ProcessId::new("p").ok(),
            kept: false,
            message: MessageId::new("m").unwrap(),
            event: EventName::new(event).unwrap(),
            changed_at: changed_at.into(),
            errored: false,
            deleted: event.ends_with("DELETE"),
            owner: None,
            data: EventData::NotNeeded,
        };
        (RecordId(id), record)
    }

    #[test]
    fn the_key_names_every_record_sorted_as_numbers() {
        let records: Records =
            [record(10, "t2", "ONX"), record(9, "t1", "ONX")].into_iter().collect();
        assert_eq!(idempotency_key(&records), "9@t1,10@t2");
        assert_eq!(events(&records).len(), 1);
    }

    #[test]
    fn the_latest_change_is_found_across_time_zones() {
        let (old, new) = ("2026-01-01T10:00:00+03:00", "2026-01-01T08:00:00+00:00");
        let records = [record(1, new, "ONXADD"), record(2, old, "ONXDELETE")];
        let records: Records = records.into_iter().collect();
        assert_eq!(changed_at(&records), new);
        assert!(tell_of_deletion(&records));
    }
}
