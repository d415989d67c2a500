//! The journal's entries and their encoding: what the host keeps for the machine.
//!
//! An entry is a key and a value, both text. Values carry a checksum, so that a torn or altered
//! one is noticed. Entries hold ids and times only, never the portal's data.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::id::{EventName, MessageId, ObjectId, ProcessId, RecordId};
use crate::record::{EventData, Key, Record, Records};

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct JournalEntry {
    /// Unique in the journal; at most some hundred bytes.
    pub key: String,
    /// Opaque to the host.
    pub value: String,
}

/// What the host found in its journal when it opened it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct JournalContents {
    /// Every entry, in any order. Empty for a new journal.
    pub entries: Vec<JournalEntry>,
    /// Whether all of it could be read.
    pub condition: JournalCondition,
}

/// Whether a journal could be read as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum JournalCondition {
    /// All of it, or it is new.
    #[default]
    Intact,
    /// It was damaged: the entries are what could be saved.
    Salvaged,
}

/// The newest format written and read here.
pub(crate) const FORMAT: u64 = 1;
/// The key of the entry that says whose journal this is.
pub(crate) const QUEUE: &str = "queue";
const RESERVATION: &str = "reservation/";
const OBJECT: &str = "object/";
const RECORD: &str = "record/";

/// Whose journal this is, and what was bound when it was last written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QueueEntry {
    pub(crate) format: u64,
    pub(crate) portal: String,
    pub(crate) connector: Option<String>,
    pub(crate) bound: Vec<EventName>,
}

/// The keys of one reservation: each record's ID and time of change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReservationEntry {
    pub(crate) process: ProcessId,
    pub(crate) records: Vec<(RecordId, String)>,
}

/// An object that has failed at least once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ObjectEntry {
    pub(crate) state: ObjectState,
    pub(crate) kind: String,
    /// `None` for a record of its own.
    pub(crate) id: Option<String>,
    pub(crate) attempts: u32,
    pub(crate) records: Vec<RecordEntry>,
}

/// What an object in the journal waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ObjectState {
    /// Its next attempt; the portal still holds its records.
    Retrying,
    /// `event.offline.error` may have been sent for it.
    Registered,
    /// A person or a later change.
    Parked,
}

/// A record as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RecordEntry {
    id: RecordId,
    process: ProcessId,
    message: MessageId,
    event: EventName,
    changed_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    errored: bool,
}

/// One entry, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decoded {
    Queue(QueueEntry),
    Reservation(ReservationEntry),
    Object(ObjectEntry),
}

impl ObjectEntry {
    pub(crate) fn new(key: &Key, state: ObjectState, attempts: u32, records: &Records) -> Self {
        let (kind, id) = match key {
            Key::Object(object) => (object.kind.clone(), Some(object.id.clone())),
            Key::Record { kind, .. } => (kind.clone(), None),
        };
        let records = records
            .values()
            .map(|record| RecordEntry {
                id: record.id,
                process: record.process.clone(),
                message: record.message.clone(),
                event: record.event.clone(),
                changed_at: record.changed_at.clone(),
                owner: record.owner.clone(),
                deleted: record.deleted,
                errored: record.errored,
            })
            .collect();
        ObjectEntry { state, kind, id, attempts, records }
    }

    /// The object and its records; `None` for a record of its own without a record.
    pub(crate) fn open(self) -> Option<(Key, Records)> {
        let is_object = self.id.is_some();
        let key = match self.id {
            Some(id) => Key::Object(ObjectId { kind: self.kind, id }),
            None => Key::Record { kind: self.kind, record: self.records.first()?.id },
        };
        let data = if is_object { EventData::NotNeeded } else { EventData::ToBeListed };
        let records = self.records.into_iter().map(|record| {
            let record = Record {
                id: record.id,
                process: record.process,
                message: record.message,
                event: record.event,
                changed_at: record.changed_at,
                errored: record.errored,
                deleted: record.deleted,
                owner: record.owner,
                data: data.clone(),
            };
            (record.id, record)
        });
        Some((key, records.collect()))
    }
}

pub(crate) fn reservation_key(process: &ProcessId) -> String {
    format!("{RESERVATION}{process}")
}

pub(crate) fn object_key(key: &Key) -> String {
    match key {
        Key::Object(object) => format!("{OBJECT}{}/{}", object.kind, object.id),
        Key::Record { record, .. } => format!("{RECORD}{record}"),
    }
}

/// Whether an entry of this key may be the only trace of something.
pub(crate) fn is_only_trace(key: &str) -> bool {
    key.starts_with(OBJECT) || key.starts_with(RECORD)
}

/// FNV-1a over key and text: notices torn and altered values, is no protection against malice.
fn checksum(key: &str, text: &str) -> u64 {
    let bytes = key.bytes().chain([0]).chain(text.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

pub(crate) fn encode(key: String, value: &impl Serialize) -> JournalEntry {
    let text = serde_json::to_string(value).unwrap_or_default();
    let value = format!("{:016x} {text}", checksum(&key, &text));
    JournalEntry { key, value }
}

fn decode_value<T: DeserializeOwned>(key: &str, value: &str) -> Option<T> {
    let (sum, text) = value.split_once(' ')?;
    let expected = u64::from_str_radix(sum, 16).ok()?;
    if sum.len() != 16 || checksum(key, text) != expected {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// Reads an entry; `None` when it is damaged.
pub(crate) fn decode(entry: &JournalEntry) -> Option<Decoded> {
    let JournalEntry { key, value } = entry;
    if key == QUEUE {
        return decode_value(key, value).map(Decoded::Queue);
    }
    if key.starts_with(RESERVATION) {
        return decode_value(key, value).map(Decoded::Reservation);
    }
    if is_only_trace(key) {
        return decode_value(key, value).map(Decoded::Object);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_altered_value_is_noticed_and_a_moved_one_too() {
        let process = ProcessId::new("p1").unwrap();
        let entry = ReservationEntry { process, records: vec![(RecordId(7), "t".into())] };
        let good = encode("reservation/p1".into(), &entry);
        assert_eq!(decode(&good), Some(Decoded::Reservation(entry)));
        let moved = JournalEntry { key: "reservation/p2".into(), value: good.value.clone() };
        let torn = JournalEntry { key: good.key.clone(), value: good.value[..30].into() };
        let altered = JournalEntry { value: good.value.replace('7', "8"), key: good.key };
        for bad in [moved, torn, altered] {
            assert_eq!(decode(&bad), None, "{bad:?}");
        }
    }
}
