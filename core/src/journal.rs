//! The journal's entries and their encoding: what the host keeps for the machine.
//!
//! An entry is a key and a value, both text. Values carry a checksum, so that a torn or altered
//! one is noticed. Entries hold ids and times only, never the portal's data.

use serde::{Deserialize, Serialize};

use crate::id::{EventName, MessageId, ObjectId, ProcessId, RecordId};
use crate::json::{self, Raw};
use crate::record::{EventData, Key, Record, Records};
use crate::time::Timestamp;

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
pub(crate) const FORMAT: u64 = 2;
/// The key of the entry that says whose journal this is.
pub(crate) const QUEUE: &str = "queue";
const RESERVATION: &str = "reservation/";
const OBJECT: &str = "object/";
const RECORD: &str = "record/";
const KEPT: &str = "kept/";

/// Whose journal this is, and what was bound when it was last written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueueEntry {
    pub(crate) format: u64,
    pub(crate) portal: String,
    pub(crate) connector: Option<String>,
    pub(crate) bound: Vec<EventName>,
    /// When the queue was last looked at and all of `bound` was there; older journals lack it.
    pub(crate) seen: Option<Timestamp>,
    /// The run that wrote it ended with no call of unknown outcome: every reservation is in the journal.
    pub(crate) clean: bool,
}

/// An object that has failed at least once, or one record whose only copy this may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectEntry {
    pub(crate) state: ObjectState,
    pub(crate) kind: String,
    /// `None` for a record of its own.
    pub(crate) id: Option<String>,
    pub(crate) attempts: u32,
    pub(crate) records: Records,
}

/// What an object in the journal waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ObjectState {
    /// Its next attempt; the portal still holds its records.
    Retrying,
    /// `event.offline.error` may have been sent for it.
    Registered,
    /// A person or a later change.
    Parked,
    /// Nothing but its turn: the one record was deleted from the queue, or will be by its age.
    Kept,
}

/// One entry, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decoded {
    Queue(QueueEntry),
    /// A reservation that an earlier run knew.
    Reservation(ProcessId),
    Object(ObjectEntry),
}

impl QueueEntry {
    fn encode(&self) -> String {
        let connector = self.connector.as_deref().map_or_else(|| "null".to_owned(), json::quoted);
        let mut bound = self.bound.iter().map(|event| json::quoted(event.as_str()));
        let mut fields = vec![
            ("format", self.format.to_string()),
            ("portal", json::quoted(&self.portal)),
            ("connector", connector),
            ("bound", json::list(&mut bound)),
        ];
        fields.extend(self.seen.map(|seen| ("seen", seen.0.to_string())));
        fields.extend(self.clean.then(|| ("clean", "true".to_owned())));
        json::object(&fields)
    }

    fn decode(raw: Raw<'_>) -> Option<QueueEntry> {
        let [format, portal, connector, bound, seen, clean] =
            raw.fields(["format", "portal", "connector", "bound", "seen", "clean"])?;
        let event = |raw: Raw<'_>| EventName::new(raw.text()?).ok();
        Some(QueueEntry {
            format: format?.number()?,
            portal: portal?.text()?,
            connector: optional(connector)?,
            bound: bound?.list()?.into_iter().map(event).collect::<Option<_>>()?,
            seen: seen.and_then(Raw::number).map(Timestamp),
            clean: clean.is_some_and(|flag| flag.get() == "true"),
        })
    }
}

impl ObjectState {
    const ALL: [ObjectState; 4] =
        [ObjectState::Retrying, ObjectState::Registered, ObjectState::Parked, ObjectState::Kept];

    fn name(self) -> &'static str {
        match self {
            ObjectState::Retrying => "retrying",
            ObjectState::Registered => "registered",
            ObjectState::Parked => "parked",
            ObjectState::Kept => "kept",
        }
    }
}

impl ObjectEntry {
    pub(crate) fn new(key: &Key, state: ObjectState, attempts: u32, records: &Records) -> Self {
        let (kind, id) = match key {
            Key::Object(object) => (object.kind.clone(), Some(object.id.clone())),
            Key::Record { kind, .. } => (kind.clone(), None),
        };
        ObjectEntry { state, kind, id, attempts, records: records.clone() }
    }

    fn encode(&self) -> String {
        let id = self.id.as_deref().map_or_else(|| "null".to_owned(), json::quoted);
        // the portal deletes the record of a parked change by its age
        let outlives = self.state == ObjectState::Parked;
        let mut records = self.records.values().map(|record| encode_record(record, outlives));
        json::object(&[
            ("state", json::quoted(self.state.name())),
            ("kind", json::quoted(&self.kind)),
            ("id", id),
            ("attempts", self.attempts.to_string()),
            ("records", json::list(&mut records)),
        ])
    }

    fn decode(raw: Raw<'_>) -> Option<ObjectEntry> {
        let [state, kind, id, attempts, records] =
            raw.fields(["state", "kind", "id", "attempts", "records"])?;
        let (state, id) = (state?.text()?, optional(id)?);
        let state = ObjectState::ALL.into_iter().find(|known| known.name() == state)?;
        let mut all = Records::new();
        for record in records?.list()? {
            let record = decode_record(record, id.is_some())?;
            all.insert(record.id, record);
        }
        let attempts = u32::try_from(attempts?.number()?).ok()?;
        Some(ObjectEntry { state, kind: kind?.text()?, id, attempts, records: all })
    }

    /// The object and its records; `None` for a record of its own without a record.
    pub(crate) fn open(self) -> Option<(Key, Records)> {
        let key = match self.id {
            Some(id) => ObjectId { kind: self.kind, id }.into(),
            None => Key::Record { kind: self.kind, record: self.records.first()?.0 },
        };
        Some((key, self.records))
    }
}

/// A text that may be missing or null; `None` for another shape.
fn optional(raw: Option<Raw<'_>>) -> Option<Option<String>> {
    match raw.filter(|raw| !raw.is_null()) {
        None => Some(None),
        Some(raw) => raw.text().map(Some),
    }
}

fn encode_record(record: &Record, outlives: bool) -> String {
    let process = record.process.as_ref().map(|process| json::quoted(process.as_str()));
    let process = process.unwrap_or_else(|| "null".to_owned());
    let mut fields = vec![
        ("id", record.id.to_string()),
        ("process", process),
        ("message", json::quoted(record.message.as_str())),
        ("event", json::quoted(record.event.as_str())),
        ("changed_at", json::quoted(&record.changed_at)),
    ];
    fields.extend(record.owner.as_deref().map(|owner| ("owner", json::quoted(owner))));
    fields.extend(record.deleted.then(|| ("deleted", "true".to_owned())));
    fields.extend(record.errored.then(|| ("errored", "true".to_owned())));
    // a record that no rule leads anywhere from is its data, and nobody else has it, or will have it
    if let (true, EventData::Known(data)) = (outlives || record.process.is_none(), &record.data) {
        fields.push(("data", data.clone().unwrap_or_else(|| "null".to_owned())));
    }
    json::object(&fields)
}

fn decode_record(raw: Raw<'_>, has_object: bool) -> Option<Record> {
    let [id, process, message, event, changed_at, owner, deleted, errored, data] = raw.fields([
        "id",
        "process",
        "message",
        "event",
        "changed_at",
        "owner",
        "deleted",
        "errored",
        "data",
    ])?;
    let process = match optional(process)? {
        Some(process) => Some(ProcessId::new(process).ok()?),
        None => None,
    };
    let known = data.filter(|data| !data.is_null()).map(|data| data.get().to_owned());
    let data = match &process {
        _ if has_object => EventData::NotNeeded,
        Some(_) if data.is_none() => EventData::ToBeListed,
        Some(_) | None => EventData::Known(known),
    };
    Some(Record {
        id: RecordId(id?.number()?),
        process,
        kept: false,
        message: MessageId::new(message?.text()?).ok()?,
        event: EventName::new(event?.text()?).ok()?,
        changed_at: changed_at?.text()?,
        errored: errored.is_some_and(|flag| flag.get() == "true"),
        deleted: deleted.is_some_and(|flag| flag.get() == "true"),
        owner: optional(owner)?,
        data,
    })
}

pub(crate) fn reservation_key(process: &ProcessId) -> String {
    format!("{RESERVATION}{process}")
}

pub(crate) fn kept_key(id: RecordId) -> String {
    format!("{KEPT}{id}")
}

pub(crate) fn object_key(key: &Key) -> String {
    match key {
        Key::Object(object) => format!("{OBJECT}{}/{}", object.kind, object.id),
        Key::Record { record, .. } => format!("{RECORD}{record}"),
    }
}

/// Whether an entry of this key may be the only trace of something.
pub(crate) fn is_only_trace(key: &str) -> bool {
    [OBJECT, RECORD, KEPT].iter().any(|kind| key.starts_with(kind))
}

/// FNV-1a over key and text: notices torn and altered values, is no protection against malice.
fn checksum(key: &str, text: &str) -> u64 {
    let bytes = key.bytes().chain([0]).chain(text.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn entry(key: String, text: &str) -> JournalEntry {
    let value = format!("{:016x} {text}", checksum(&key, text));
    JournalEntry { key, value }
}

pub(crate) fn queue_entry(queue: &QueueEntry) -> JournalEntry {
    entry(QUEUE.to_owned(), &queue.encode())
}

pub(crate) fn object_entry(key: &Key, object: &ObjectEntry) -> JournalEntry {
    entry(object_key(key), &object.encode())
}

/// One record that may have no other copy.
pub(crate) fn kept_entry(key: &Key, record: &Record) -> JournalEntry {
    let records = Records::from_iter([(record.id, record.clone())]);
    let object = ObjectEntry::new(key, ObjectState::Kept, 0, &records);
    entry(kept_key(record.id), &object.encode())
}

/// The keys of one reservation: each record's ID and time of change.
pub(crate) fn reservation_entry<'a>(
    process: &ProcessId,
    records: impl Iterator<Item = (&'a RecordId, &'a String)>,
) -> JournalEntry {
    let mut records =
        records.map(|(id, at)| json::list(&mut [id.to_string(), json::quoted(at)].into_iter()));
    let fields =
        [("process", json::quoted(process.as_str())), ("records", json::list(&mut records))];
    entry(reservation_key(process), &json::object(&fields))
}

/// Reads an entry; `None` when it is damaged.
pub(crate) fn decode(entry: &JournalEntry) -> Option<Decoded> {
    let JournalEntry { key, value } = entry;
    let (sum, text) = value.split_once(' ')?;
    let expected = u64::from_str_radix(sum, 16).ok()?;
    if sum.len() != 16 || checksum(key, text) != expected {
        return None;
    }
    let raw = Raw::read(text)?;
    if key == QUEUE {
        return QueueEntry::decode(raw).map(Decoded::Queue);
    }
    if key.starts_with(RESERVATION) {
        let [process] = raw.fields(["process"])?;
        return ProcessId::new(process?.text()?).ok().map(Decoded::Reservation);
    }
    if is_only_trace(key) {
        return ObjectEntry::decode(raw).map(Decoded::Object);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_altered_value_is_noticed_and_a_moved_one_too() {
        let process = ProcessId::new("p1").unwrap();
        let good = reservation_entry(&process, [(&RecordId(7), &"t".to_owned())].into_iter());
        assert_eq!(good.value[17..], *r#"{"process":"p1","records":[[7,"t"]]}"#);
        assert_eq!(decode(&good), Some(Decoded::Reservation(process)));
        let moved = JournalEntry { key: "reservation/p2".into(), value: good.value.clone() };
        let torn = JournalEntry { key: good.key.clone(), value: good.value[..30].into() };
        let altered = JournalEntry { value: good.value.replace('7', "8"), key: good.key };
        for bad in [moved, torn, altered] {
            assert_eq!(decode(&bad), None, "{bad:?}");
        }
    }

    #[test]
    fn objects_and_queues_are_read_as_they_were_written() {
        let record = |id: u64, owner: Option<&str>, flag: bool| Record {
            id: RecordId(id),
            process: ProcessId::new("p").ok(),
            kept: false,
            message: MessageId::new("m").unwrap(),
            event: EventName::new("ONX").unwrap(),
            changed_at: "t\"".into(),
            errored: flag,
            deleted: !flag,
            owner: owner.map(Into::into),
            data: EventData::NotNeeded,
        };
        let records = [record(2, None, true), record(1, Some("9"), false)];
        let records: Records = records.map(|record| (record.id, record)).into_iter().collect();
        let key = Key::from(ObjectId::new("crm.deal", "7"));
        let object = ObjectEntry::new(&key, ObjectState::Parked, 3, &records);
        let written = object_entry(&key, &object);
        assert!(written.value.ends_with(concat!(
            r#"{"state":"parked","kind":"crm.deal","id":"7","attempts":3,"records":["#,
            r#"{"id":1,"process":"p","message":"m","event":"ONX","changed_at":"t\"","#,
            r#""owner":"9","deleted":true},{"id":2,"process":"p","message":"m","event":"ONX","#,
            r#""changed_at":"t\"","errored":true}]}"#
        )));
        assert_eq!(decode(&written), Some(Decoded::Object(object.clone())));
        assert_eq!(object.open(), Some((key, records)));
        let data = EventData::Known(Some(r#"{"A":[1]}"#.into()));
        let record = Record { process: None, data, ..record(7, None, true) };
        let key = Key::Record { kind: "ONX".into(), record: RecordId(7) };
        let written = kept_entry(&key, &record);
        assert_eq!(written.key, "kept/7");
        let Some(Decoded::Object(object)) = decode(&written) else { panic!("{written:?}") };
        assert_eq!(object.state, ObjectState::Kept);
        assert_eq!(object.open(), Some((key, Records::from_iter([(RecordId(7), record)]))));
        let bound = vec![EventName::new("ONX").unwrap()];
        let older = QueueEntry {
            format: 1,
            portal: "p".into(),
            connector: None,
            bound,
            seen: None,
            clean: false,
        };
        let seen = Some(Timestamp(1_795_000_000_000));
        let newer = QueueEntry { seen, clean: true, ..older.clone() };
        let start = r#" {"format":1,"portal":"p","connector":null,"bound":["ONX"]"#;
        for (queue, end) in [(older, "}"), (newer, r#","seen":1795000000000,"clean":true}"#)] {
            let written = queue_entry(&queue);
            assert!(written.value.ends_with(&format!("{start}{end}")), "{}", written.value);
            assert_eq!(decode(&written), Some(Decoded::Queue(queue)));
        }
    }
}
