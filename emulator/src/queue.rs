//! The table of records and its indexes (F1–F4).

pub(crate) mod select;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use md5::{Digest, Md5};

use crate::php::Php;

/// A connector's name; empty for the queue without a source.
pub(crate) type Connector = Arc<str>;
/// The name of a reservation; empty for free records.
pub(crate) type ProcessId = Arc<str>;

/// The MESSAGE_ID of F1: MD5 of the event's name, `|` and the JSON of its data.
pub(crate) fn message_id(event: &str, data: &Php) -> u128 {
    let digest = Md5::digest(format!("{event}|{}", data.json()));
    u128::from_be_bytes(digest.into())
}

/// A MESSAGE_ID as 32 hexadecimal digits.
pub(crate) fn hex(message: u128) -> String {
    format!("{message:032x}")
}

/// One record.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: u64,
    /// TIMESTAMP_X, seconds since the epoch: the last change, not the reservation (F4).
    pub(crate) changed: u64,
    pub(crate) message: u128,
    pub(crate) event: Arc<str>,
    pub(crate) data: Php,
    pub(crate) additional: Php,
    pub(crate) process: ProcessId,
    pub(crate) connector: Connector,
    pub(crate) error: bool,
}

/// What a change brings into one queue.
#[derive(Clone, Debug)]
pub(crate) struct News {
    pub(crate) event: Arc<str>,
    pub(crate) data: Php,
    pub(crate) additional: Php,
    pub(crate) connector: Connector,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    last_id: u64,
    rows: BTreeMap<u64, Row>,
    /// The unique key of F2, APP left out: there is one application.
    by_key: BTreeMap<(Connector, u128, ProcessId), u64>,
    by_process: BTreeMap<(Connector, ProcessId), BTreeSet<u64>>,
    free: BTreeMap<(Connector, bool), BTreeSet<(u64, u64)>>,
    reserved: BTreeSet<(u64, u64)>,
}

impl Table {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    pub(crate) fn row(&self, id: u64) -> Option<&Row> {
        self.rows.get(&id)
    }

    /// Records a change: into the free record of the same object and event, which keeps its ID and its ERROR
    /// (F2, F17), else as a new record.
    pub(crate) fn record(&mut self, news: News, seconds: u64) -> u64 {
        let message = message_id(&news.event, &news.data);
        let free: ProcessId = "".into();
        let key = (news.connector.clone(), message, free.clone());
        if let Some(id) = self.by_key.get(&key).copied() {
            self.unindex(id);
            if let Some(row) = self.rows.get_mut(&id) {
                row.changed = seconds;
                row.data = news.data;
                row.additional = news.additional;
            }
            self.index(id);
            return id;
        }
        self.last_id += 1;
        let row = Row {
            id: self.last_id,
            changed: seconds,
            message,
            event: news.event,
            data: news.data,
            additional: news.additional,
            process: free,
            connector: news.connector,
            error: false,
        };
        self.rows.insert(row.id, row);
        self.index(self.last_id);
        self.last_id
    }

    /// Puts records under a process_id, whatever they stood under before (F7, F13).
    pub(crate) fn mark(&mut self, ids: &[u64], process: &ProcessId) {
        for id in ids {
            self.unindex(*id);
            if let Some(row) = self.rows.get_mut(id) {
                row.process = process.clone();
            }
            self.index(*id);
        }
    }

    pub(crate) fn remove(&mut self, id: u64) {
        self.unindex(id);
        self.rows.remove(&id);
    }

    /// All records under a process_id; the empty one names the free records.
    pub(crate) fn of_process(&self, connector: &Connector, process: &ProcessId) -> Vec<u64> {
        let ids = self.by_process.get(&(connector.clone(), process.clone()));
        ids.map(|ids| ids.iter().copied().collect()).unwrap_or_default()
    }

    pub(crate) fn by_key(
        &self,
        connector: &Connector,
        message: u128,
        process: &ProcessId,
    ) -> Option<u64> {
        self.by_key.get(&(connector.clone(), message, process.clone())).copied()
    }

    /// All copies of one MESSAGE_ID in a queue.
    pub(crate) fn copies(&self, connector: &Connector, message: u128) -> Vec<u64> {
        let first: (Connector, u128, ProcessId) = (connector.clone(), message, "".into());
        self.by_key
            .range(first..)
            .take_while(|((of, id, _), _)| of == connector && *id == message)
            .map(|(_, id)| *id)
            .collect()
    }

    /// Registers a record as an error: free again, ERROR 1 (F16).
    pub(crate) fn set_error(&mut self, id: u64) {
        self.unindex(id);
        if let Some(row) = self.rows.get_mut(&id) {
            row.error = true;
            row.process = "".into();
        }
        self.index(id);
    }

    /// Deletes reserved records whose last change is older than `life` seconds (F4). Returns how many.
    pub(crate) fn age(&mut self, seconds: u64, life: u64) -> usize {
        let Some(oldest_kept) = seconds.checked_sub(life) else { return 0 };
        let old: Vec<u64> = self.reserved.range(..(oldest_kept, 0)).map(|(_, id)| *id).collect();
        old.iter().for_each(|id| self.remove(*id));
        old.len()
    }

    fn index(&mut self, id: u64) {
        let Some(row) = self.rows.get(&id) else { return };
        let key = (row.connector.clone(), row.message, row.process.clone());
        let process = (row.connector.clone(), row.process.clone());
        if row.process.is_empty() {
            let lane = self.free.entry((row.connector.clone(), row.error)).or_default();
            lane.insert((row.changed, id));
        } else {
            self.reserved.insert((row.changed, id));
        }
        self.by_process.entry(process).or_default().insert(id);
        // two copies under one key can only meet where the server's own two-step marking lets them: the later wins
        if let Some(other) = self.by_key.insert(key, id).filter(|other| *other != id) {
            self.drop_twin(other);
        }
    }

    fn drop_twin(&mut self, id: u64) {
        let place = self.rows.get(&id).map(Place::of);
        self.rows.remove(&id);
        if let Some(place) = place {
            self.leave_lanes(&place);
        }
    }

    fn unindex(&mut self, id: u64) {
        let Some(place) = self.rows.get(&id).map(Place::of) else { return };
        self.by_key.remove(&(place.connector.clone(), place.message, place.process.clone()));
        self.leave_lanes(&place);
    }

    fn leave_lanes(&mut self, place: &Place) {
        let process = (place.connector.clone(), place.process.clone());
        if let Some(ids) = self.by_process.get_mut(&process) {
            ids.remove(&place.id);
            if ids.is_empty() {
                self.by_process.remove(&process);
            }
        }
        if place.process.is_empty() {
            if let Some(lane) = self.free.get_mut(&(place.connector.clone(), place.error)) {
                lane.remove(&(place.changed, place.id));
            }
        } else {
            self.reserved.remove(&(place.changed, place.id));
        }
    }
}

/// Where a record stands in the indexes.
struct Place {
    id: u64,
    changed: u64,
    message: u128,
    process: ProcessId,
    connector: Connector,
    error: bool,
}

impl Place {
    fn of(row: &Row) -> Place {
        Place {
            id: row.id,
            changed: row.changed,
            message: row.message,
            process: row.process.clone(),
            connector: row.connector.clone(),
            error: row.error,
        }
    }
}
