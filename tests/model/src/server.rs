//! An exact model of the queue, from `docs/protocol.md`: small enough to be copied for every state.
//!
//! It knows one queue of one application. Facts `F1` to `F35` are those of the protocol.

/// Changes of so many objects at most are modelled.
pub const MOST_OBJECTS: usize = 2;
/// An object has so many events: added and updated.
pub const EVENTS: u8 = 2;
/// A reserved record whose last change is older than this is deleted (F4): 30 days.
pub const LIFE: u64 = 30 * 86_400;

/// What makes a MESSAGE_ID: an object and an event (F1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    /// Which object, from 0 on.
    pub object: u8,
    /// Which event, from 0 on.
    pub event: u8,
}

/// One row of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// `ID`.
    pub id: u64,
    /// `MESSAGE_ID`, and with it the event and its data.
    pub message: Message,
    /// `TIMESTAMP_X` in seconds: when it last changed.
    pub changed: u64,
    /// The object's version after that change; no portal has such a field, only the invariants use it.
    pub version: u8,
    /// `PROCESS_ID`; 0 is the empty one, the record is free.
    pub process: u64,
    /// `ERROR`.
    pub error: bool,
}

/// Which records a call speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// `ID` compared with each of these.
    Id(Compare, Vec<u64>),
    /// `PROCESS_ID` compared with each of these.
    Process(Compare, Vec<u64>),
    /// `MESSAGE_ID` is one of these.
    Message(Vec<Message>),
    /// `EVENT_NAME` is one of these.
    Event(Vec<u8>),
    /// `ERROR` is this.
    Error(bool),
}

/// The operator before a field's name (F6, F18).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// None, `=` or `@`.
    Is,
    /// `>`.
    Above,
    /// `>=`.
    From,
    /// `<`.
    Below,
    /// `<=`.
    UpTo,
}

impl Compare {
    fn holds(self, value: u64, wanted: &[u64]) -> bool {
        match self {
            Compare::Is => wanted.contains(&value),
            Compare::Above => wanted.iter().all(|wanted| value > *wanted),
            Compare::From => wanted.iter().all(|wanted| value >= *wanted),
            Compare::Below => wanted.iter().all(|wanted| value < *wanted),
            Compare::UpTo => wanted.iter().all(|wanted| value <= *wanted),
        }
    }
}

impl Term {
    fn holds(&self, record: &Record) -> bool {
        match self {
            Term::Id(compare, ids) => compare.holds(record.id, ids),
            Term::Process(compare, ids) => compare.holds(record.process, ids),
            Term::Message(messages) => messages.contains(&record.message),
            Term::Event(events) => events.contains(&record.message.event),
            Term::Error(error) => record.error == *error,
        }
    }
}

/// `event.offline.get` as it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Get {
    /// Read this reservation again instead of making one; 0 is the empty one, the free records (F8).
    pub process: Option<u64>,
    /// Delete what is returned (F7).
    pub clear: bool,
    /// The lane.
    pub error: bool,
    /// At most so many records.
    pub limit: usize,
    /// Only these records.
    pub filter: Vec<Term>,
}

/// Which records a `clear` names (F15).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// Neither ids nor message ids: the whole reservation.
    All,
    /// `id`.
    Ids(Vec<u64>),
    /// `message_id`.
    Messages(Vec<Message>),
}

/// The queue and the objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// By ID.
    pub records: Vec<Record>,
    /// The versions of the objects.
    pub versions: [u8; MOST_OBJECTS],
    /// Whether the plan has `rest_offline_extended` (F11).
    pub extended: bool,
    pub(crate) next_record: u64,
    pub(crate) next_process: u64,
}

impl Default for Server {
    fn default() -> Self {
        Server {
            records: Vec::new(),
            versions: [0; MOST_OBJECTS],
            extended: true,
            next_record: 1,
            next_process: 1,
        }
    }
}

impl Server {
    /// An object changes (F2): gives the record that says so.
    pub fn change(&mut self, message: Message, now: u64) -> u64 {
        let Some(version) = self.versions.get_mut(usize::from(message.object)) else { return 0 };
        *version += 1;
        let version = *version;
        let free = |record: &&mut Record| record.message == message && record.process == 0;
        if let Some(record) = self.records.iter_mut().find(free) {
            (record.changed, record.version) = (now, version);
            return record.id;
        }
        let id = self.next_record;
        self.next_record += 1;
        let (process, error) = (0, false);
        self.records.push(Record { id, message, changed: now, version, process, error });
        id
    }

    /// A fresh process_id (F7).
    pub fn fresh(&mut self) -> u64 {
        self.next_process += 1;
        self.next_process - 1
    }

    /// The free records that a `get` without process_id would take, oldest change first (F5).
    #[must_use]
    pub fn select(&self, get: &Get) -> Vec<u64> {
        let fits = |record: &&Record| {
            record.process == 0
                && record.error == get.error
                && get.filter.iter().all(|term| term.holds(record))
        };
        let mut found: Vec<&Record> = self.records.iter().filter(fits).collect();
        found.sort_by_key(|record| (record.changed, record.id));
        found.iter().take(get.limit).map(|record| record.id).collect()
    }

    /// Marks these records, whoever has marked them meanwhile (F13), and gives those that the `get` returns: its
    /// lane alone is shown (F9). With `clear` what was marked is deleted (F7); those records come second.
    pub fn mark(&mut self, ids: &[u64], process: u64, get: &Get) -> (Vec<Record>, Vec<Record>) {
        for id in ids {
            let Some(at) = self.records.iter().position(|record| record.id == *id) else {
                continue;
            };
            let Some(message) = self.records.get(at).map(|record| record.message) else { continue };
            // two copies under one key can only meet where the marking is in two steps (F2)
            self.records.retain(|record| {
                record.id == *id || record.message != message || record.process != process
            });
            if let Some(record) = self.records.iter_mut().find(|record| record.id == *id) {
                record.process = process;
            }
        }
        self.read_again(process, get)
    }

    /// Reads a reservation, up to `limit` records of one lane; with `clear` all of it goes, also what was hidden, if
    /// anything was returned (F8, F9). Gives the rows and what was deleted.
    pub fn read_again(&mut self, process: u64, get: &Get) -> (Vec<Record>, Vec<Record>) {
        let fits = |record: &&Record| {
            record.process == process
                && record.error == get.error
                && get.filter.iter().all(|term| term.holds(record))
        };
        let mut rows: Vec<Record> = self.records.iter().filter(fits).cloned().collect();
        rows.sort_by_key(|record| (record.changed, record.id));
        rows.truncate(get.limit);
        let gone = if get.clear && !rows.is_empty() {
            self.remove(|record| record.process == process)
        } else {
            Vec::new()
        };
        (rows, gone)
    }

    /// `event.offline.clear` (F15): gives what was deleted.
    pub fn clear(&mut self, process: u64, named: &Named) -> Vec<Record> {
        self.remove(|record| {
            record.process == process
                && match named {
                    Named::All => true,
                    Named::Ids(ids) => ids.contains(&record.id),
                    Named::Messages(messages) => messages.contains(&record.message),
                }
        })
    }

    /// `event.offline.error` (F16): gives what was deleted. It does not ask whether the process_id still holds
    /// anything.
    pub fn error(&mut self, process: u64, messages: &[Message]) -> Vec<Record> {
        let mut gone = Vec::new();
        for message in messages {
            gone.extend(self.remove(|record| {
                record.message == *message && !record.error && record.process != process
            }));
            let held = |record: &&mut Record| {
                record.message == *message && !record.error && record.process == process
            };
            if let Some(record) = self.records.iter_mut().find(held) {
                (record.error, record.process) = (true, 0);
                let id = record.id;
                // the key of a free record is unique, in whichever lane it is (F2)
                gone.extend(self.remove(|record| {
                    record.message == *message && record.process == 0 && record.id != id
                }));
            }
        }
        gone
    }

    /// `event.offline.list` (F18): a page of up to 50 by ID, and how many there are.
    #[must_use]
    pub fn list(&self, filter: &[Term], start: usize) -> (Vec<Record>, usize) {
        let fits = |record: &&Record| filter.iter().all(|term| term.holds(record));
        let found: Vec<&Record> = self.records.iter().filter(fits).collect();
        (found.iter().skip(start).take(50).map(|record| (*record).clone()).collect(), found.len())
    }

    /// Another tool reserves this free record and calls `error` for it (F16, F17).
    pub fn errored_by_another(&mut self, id: u64) {
        let Some(record) = self.records.iter().find(|record| record.id == id) else { return };
        let message = record.message;
        let process = self.fresh();
        if let Some(record) = self.records.iter_mut().find(|record| record.id == id) {
            record.process = process;
        }
        self.error(process, &[message]);
    }

    /// The reserved records that have outlived their life (F4).
    #[must_use]
    pub fn aged(&self, now: u64) -> Vec<u64> {
        let old = |record: &&Record| record.process != 0 && record.changed + LIFE < now;
        self.records.iter().filter(old).map(|record| record.id).collect()
    }

    /// Deletes reserved records that have outlived their life (F4).
    pub fn age(&mut self, now: u64) -> Vec<Record> {
        self.remove(|record| record.process != 0 && record.changed + LIFE < now)
    }

    fn remove(&mut self, gone: impl Fn(&Record) -> bool) -> Vec<Record> {
        let (gone, left): (Vec<Record>, Vec<Record>) =
            std::mem::take(&mut self.records).into_iter().partition(gone);
        self.records = left;
        gone
    }
}
