//! The audit: what was recorded, what was delivered, what is left over.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::object::ObjectId;
use crate::php::Php;
use crate::portal::Portal;
use crate::queue::{Connector, hex};
use crate::time;

/// What a delivery saw of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Sight {
    /// Its data, with this version.
    Version(u64),
    /// That it is gone. While the object exists this counts as `false_gone` and delivers nothing.
    Gone,
    /// No data: the delivery stands for the object as it is on the portal at that moment.
    Unread,
}

impl From<Option<u64>> for Sight {
    /// None is [`Sight::Unread`].
    fn from(version: Option<u64>) -> Sight {
        version.map_or(Sight::Unread, Sight::Version)
    }
}

/// A change that was recorded and never delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LostChange {
    /// The queue's connector.
    pub connector: String,
    /// The object's kind.
    pub kind: String,
    /// The object's id.
    pub id: String,
    /// The version that the newest recorded change made.
    pub recorded: u64,
    /// The newest version that was delivered.
    pub delivered: Option<u64>,
}

/// A reservation that is left over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reservation {
    /// The queue's connector.
    pub connector: String,
    /// The name of the reservation.
    pub process_id: String,
    /// How many records it holds.
    pub records: usize,
    /// Whether the parked objects explain all of them.
    pub parked: bool,
}

/// One record, for a page or a test. Field names are those of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct Record {
    /// The record's number.
    pub id: u64,
    /// Time of the last change, as the portal writes it.
    pub timestamp_x: String,
    /// MD5 over event and data (F1).
    pub message_id: String,
    /// The event.
    pub event_name: String,
    /// Its data.
    pub event_data: Php,
    /// Who did it.
    pub event_additional: Php,
    /// The reservation; empty for a free record.
    pub process_id: String,
    /// The queue.
    pub connector: String,
    /// Whether it is in the error lane.
    pub error: bool,
}

/// The figures of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Audit {
    /// Changes of objects that at least one queue recorded.
    pub changes: u64,
    /// Records written or refreshed.
    pub recorded: u64,
    /// Deliveries reported by [`Portal::delivered`].
    pub deliveries: u64,
    /// Deliveries of the version that was delivered last.
    pub duplicates: u64,
    /// Deliveries of an older version than one delivered before.
    pub regressions: u64,
    /// Deliveries that called an existing object gone.
    pub false_gone: u64,
    /// Objects whose newest recorded change is newer than anything delivered, parked ones left out.
    pub lost: Vec<LostChange>,
    /// Objects that are parked with a change that was not delivered.
    pub parked: u64,
    /// Reservations left over.
    pub reservations: Vec<Reservation>,
    /// Free records with ERROR 0.
    pub free_records: u64,
    /// Records with ERROR 1.
    pub error_records: u64,
    /// Records under a process_id.
    pub reserved_records: u64,
    /// Reserved records deleted by age (F4).
    pub aged_records: u64,
    /// Records made by the application's own writes, by connector of the queue (F23, F25). With a connector on
    /// every write, those of its own queue are cycles.
    pub own_writes_returned: BTreeMap<String, u64>,
    /// Requests under `/rest/`, those that never arrived included.
    pub requests: u64,
    /// The same by method.
    pub requests_by_method: BTreeMap<String, u64>,
    /// Sub-calls of batches by method.
    pub sub_calls_by_method: BTreeMap<String, u64>,
    /// Requests per 1,000 changes; 0 without changes.
    pub requests_per_1000_changes: f64,
    /// Requests above the bucket, each answered with 503 (F29).
    pub bucket_violations: u64,
    /// Calls refused with 429 (F30).
    pub operating_refusals: u64,
    /// Executed calls of `event.offline.error`.
    pub error_calls: u64,
    /// Exchanges of refresh tokens.
    pub token_refreshes: u64,
}

#[derive(Clone, Debug, Default)]
struct Track {
    recorded: BTreeMap<Connector, u64>,
    delivered: Option<u64>,
    parked: Option<u64>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    tracks: BTreeMap<(String, String), Track>,
    last_changed: Option<(String, String, u64)>,
    changes: u64,
    records: u64,
    deliveries: u64,
    duplicates: u64,
    regressions: u64,
    false_gone: u64,
    own: BTreeMap<String, u64>,
    pub(crate) aged_records: u64,
    pub(crate) requests: BTreeMap<String, u64>,
    pub(crate) sub_calls: BTreeMap<String, u64>,
    pub(crate) bucket_violations: u64,
    pub(crate) operating_refusals: u64,
    pub(crate) error_calls: u64,
    pub(crate) token_refreshes: u64,
}

impl Ledger {
    pub(crate) fn recorded(
        &mut self,
        queue: &Connector,
        object: Option<&(String, String, u64)>,
        own: bool,
    ) {
        self.records += 1;
        if own {
            *self.own.entry(queue.to_string()).or_insert(0) += 1;
        }
        if let Some((kind, id, version)) = object {
            let track = self.tracks.entry((kind.clone(), id.clone())).or_default();
            let newest = track.recorded.entry(queue.clone()).or_insert(0);
            *newest = (*newest).max(*version);
        }
    }

    /// Counts a change once, however many events it raises.
    pub(crate) fn changed(&mut self, object: Option<&(String, String, u64)>) {
        if object.is_none() || self.last_changed.as_ref() != object {
            self.changes += 1;
            self.last_changed = object.cloned();
        }
    }
}

impl Portal {
    /// Tells the audit of a delivery: the object and what the delivery saw of it (`None`: no data).
    pub fn delivered(&mut self, kind: &str, id: &str, sight: impl Into<Sight>, now: u64) {
        self.advance(now);
        self.ledger.deliveries += 1;
        let current = self.store.version(kind, id);
        let seen = match sight.into() {
            Sight::Version(version) => Some(version),
            Sight::Unread => current,
            Sight::Gone if self.store.find(kind, id).is_some() => {
                self.ledger.false_gone += 1;
                return;
            }
            Sight::Gone => current,
        };
        let track = self.ledger.tracks.entry((kind.to_owned(), id.to_owned())).or_default();
        match track.delivered.cmp(&seen) {
            std::cmp::Ordering::Less => track.delivered = seen,
            std::cmp::Ordering::Equal => self.ledger.duplicates += 1,
            std::cmp::Ordering::Greater => self.ledger.regressions += 1,
        }
        if track.parked.is_some() && track.delivered >= track.parked {
            track.parked = None;
        }
    }

    /// Tells the audit that a person has to look at an object: its changes up to the version seen are not lost.
    pub fn parked(&mut self, kind: &str, id: &str, sight: impl Into<Sight>) {
        let current = self.store.version(kind, id);
        let seen = match sight.into() {
            Sight::Version(version) => Some(version),
            Sight::Gone | Sight::Unread => current,
        };
        let track = self.ledger.tracks.entry((kind.to_owned(), id.to_owned())).or_default();
        track.parked = track.parked.max(seen);
    }

    /// The records of all queues by ID.
    pub fn queue(&self) -> Vec<Record> {
        let record = |row: &crate::queue::Row| Record {
            id: row.id,
            timestamp_x: time::iso(row.changed, self.settings.utc_offset_minutes),
            message_id: hex(row.message),
            event_name: row.event.to_string(),
            event_data: row.data.clone(),
            event_additional: row.additional.clone(),
            process_id: row.process.to_string(),
            connector: row.connector.to_string(),
            error: row.error,
        };
        self.table.rows().map(record).collect()
    }

    /// The number of records of all queues.
    pub fn queue_len(&self) -> usize {
        self.table.len()
    }

    /// The number of requests so far, as in the audit.
    pub fn requests(&self) -> u64 {
        self.ledger.requests.values().sum()
    }

    /// When the record was changed last that nobody has reserved and that has waited longest: seconds since the
    /// epoch.
    pub fn oldest_free(&self) -> Option<u64> {
        self.table.rows().filter(|row| row.process.is_empty()).map(|row| row.changed).min()
    }

    /// The version of an object, also of a deleted one; nothing for one that never was.
    pub fn version(&self, kind: &str, id: &str) -> Option<u64> {
        self.store.version(kind, id)
    }

    /// Whether an object exists.
    pub fn exists(&self, kind: &str, id: &str) -> bool {
        self.store.find(kind, id).is_some()
    }

    /// An object's fields as the portal keeps them, version included; nothing if it does not exist.
    pub fn object(&self, kind: &str, id: &str) -> Option<Php> {
        self.store.find(kind, id).map(|object| object.fields.clone().into())
    }

    /// The ids of all objects of a kind, in order.
    pub fn object_ids(&self, kind: &str) -> Vec<String> {
        let shelf = self.store.shelf(kind);
        shelf.map(|shelf| shelf.objects.keys().map(ObjectId::text).collect()).unwrap_or_default()
    }

    /// The figures so far.
    pub fn audit(&self) -> Audit {
        let ledger = &self.ledger;
        let requests = self.requests();
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let per_1000 = |count: u64| {
            if ledger.changes == 0 { 0.0 } else { count as f64 * 1_000.0 / ledger.changes as f64 }
        };
        let mut audit = Audit {
            changes: ledger.changes,
            recorded: ledger.records,
            deliveries: ledger.deliveries,
            duplicates: ledger.duplicates,
            regressions: ledger.regressions,
            false_gone: ledger.false_gone,
            aged_records: ledger.aged_records,
            own_writes_returned: ledger.own.clone(),
            requests,
            requests_by_method: ledger.requests.clone(),
            sub_calls_by_method: ledger.sub_calls.clone(),
            requests_per_1000_changes: per_1000(requests),
            bucket_violations: ledger.bucket_violations,
            operating_refusals: ledger.operating_refusals,
            error_calls: ledger.error_calls,
            token_refreshes: ledger.token_refreshes,
            ..Audit::default()
        };
        self.audit_objects(&mut audit);
        self.audit_records(&mut audit);
        audit
    }

    fn audit_objects(&self, audit: &mut Audit) {
        for ((kind, id), track) in &self.ledger.tracks {
            for (connector, recorded) in &track.recorded {
                if Some(*recorded) <= track.delivered {
                    continue;
                }
                if Some(*recorded) <= track.parked {
                    audit.parked += 1;
                    continue;
                }
                audit.lost.push(LostChange {
                    connector: connector.to_string(),
                    kind: kind.clone(),
                    id: id.clone(),
                    recorded: *recorded,
                    delivered: track.delivered,
                });
            }
        }
    }

    fn audit_records(&self, audit: &mut Audit) {
        let parked: BTreeSet<&str> = self
            .ledger
            .tracks
            .iter()
            .filter(|(_, track)| track.parked.is_some())
            .map(|((_, id), _)| id.as_str())
            .collect();
        let mut held: BTreeMap<(String, String), (usize, bool)> = BTreeMap::new();
        for row in self.table.rows() {
            if row.error {
                audit.error_records += 1;
            }
            if row.process.is_empty() {
                audit.free_records += u64::from(!row.error);
                continue;
            }
            audit.reserved_records += 1;
            let key = (row.connector.to_string(), row.process.to_string());
            let entry = held.entry(key).or_insert((0, true));
            entry.0 += 1;
            entry.1 &= event_id(&row.data).is_some_and(|id| parked.contains(id.as_str()));
        }
        let reservation = |((connector, process_id), (records, parked))| Reservation {
            connector,
            process_id,
            records,
            parked,
        };
        audit.reservations = held.into_iter().map(reservation).collect();
    }
}

/// The object's id in EVENT_DATA, wherever it stands.
fn event_id(data: &Php) -> Option<String> {
    let under =
        ["FIELDS", "FIELDS_AFTER", "FIELDS_BEFORE"].iter().filter_map(|name| data.get(name));
    let mut places = under.chain([data]).filter(|place| place.as_array().is_some());
    places.find_map(|place| {
        ["ID", "id", "POST_ID"].iter().find_map(|name| place.get(name)).map(Php::text)
    })
}
