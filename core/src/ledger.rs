//! What the journal is to know: changes are gathered during a step and handed out as one save.

use crate::config::{Config, Durability};
use crate::error::ConfigError;
use crate::id::{EventName, ProcessId, RecordId, SaveId};
use crate::journal::{
    self, Decoded, FORMAT, JournalCondition, JournalContents, JournalEntry, ObjectEntry,
    ObjectState, QueueEntry,
};
use crate::lane::{Lane, Saved};
use crate::ordered::{Map, Set};
use crate::record::{Key, Record, Records};
use crate::step::Save;
use crate::time::Timestamp;

/// What goes on once a save is durable.
#[derive(Debug, Clone)]
pub(crate) enum AfterSave {
    /// Changes of this reservation may be delivered.
    Reservation(ProcessId),
    /// `event.offline.error` may be sent for this object.
    Intent(Key),
    /// Older parked records have a newer home and may be cleared.
    Clear(Records),
    /// This record may be deleted from the queue.
    Delete(RecordId),
    /// The journal knows that a run is under way: reservations may be made.
    Opened,
}

/// Open changes of the journal.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    durability: Durability,
    /// What each key is to be set to; `None` removes it.
    changes: Map<String, Option<String>>,
    after: Vec<AfterSave>,
    open: Map<SaveId, Vec<AfterSave>>,
    queue: QueueEntry,
    /// Reservations that an earlier run knew: its own, no orphans.
    pub(crate) inherited: Set<ProcessId>,
    /// Failures that an earlier run counted, by object.
    pub(crate) retrying: Map<Key, u32>,
    /// There was no journal before.
    pub(crate) is_new: bool,
    /// How the earlier run left the queue.
    pub(crate) left: Option<Left>,
    /// A reservation may be made.
    pub(crate) is_opened: bool,
}

/// When an earlier run last saw the queue, and whether its journal knows all that it had reserved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left {
    pub(crate) seen: Option<Timestamp>,
    pub(crate) clean: bool,
}

/// What an earlier run left behind.
#[derive(Debug, Default)]
pub(crate) struct Inheritance {
    pub(crate) parked: Vec<(Key, u32, Records)>,
    pub(crate) registered: Vec<(Key, u32, Records)>,
    /// Records that may have no other copy.
    pub(crate) kept: Vec<(Key, Record)>,
    /// Entries that could not be read, and whether one may have been an only trace.
    pub(crate) damaged: Option<(u64, bool)>,
}

impl Ledger {
    pub(crate) fn open(
        config: &Config,
        contents: JournalContents,
    ) -> Result<(Ledger, Inheritance), ConfigError> {
        let connector = config.connector.as_ref().map(|name| name.as_str().to_owned());
        let mut ledger = Ledger {
            durability: config.journal,
            changes: Map::new(),
            after: Vec::new(),
            open: Map::new(),
            queue: QueueEntry {
                format: FORMAT,
                portal: config.portal.clone(),
                connector,
                bound: Vec::new(),
                seen: None,
                clean: false,
            },
            inherited: Set::new(),
            retrying: Map::new(),
            is_new: true,
            left: None,
            is_opened: config.journal == Durability::None,
        };
        let mut inheritance = Inheritance::default();
        if config.journal == Durability::Durable {
            ledger.inherit(contents, &mut inheritance)?;
        }
        Ok((ledger, inheritance))
    }

    fn inherit(
        &mut self,
        contents: JournalContents,
        inheritance: &mut Inheritance,
    ) -> Result<(), ConfigError> {
        let salvaged = contents.condition == JournalCondition::Salvaged;
        let (mut damaged, mut only_trace) = (0u64, salvaged);
        let (mut owned, mut known) = (false, false);
        let is_new = contents.entries.is_empty();
        for entry in contents.entries {
            match journal::decode(&entry) {
                Some(Decoded::Queue(queue)) => {
                    self.recognise(&queue)?;
                    // what an older version has written is written anew before anything that it can't read
                    owned = queue.format == FORMAT && !queue.clean;
                    known = true;
                    self.left = Some(Left { seen: queue.seen, clean: queue.clean });
                    (self.queue.bound, self.queue.seen) = (queue.bound, queue.seen);
                }
                Some(Decoded::Reservation(process)) => {
                    self.inherited.insert(process);
                }
                Some(Decoded::Object(object)) => self.inherit_object(object, inheritance),
                None => {
                    damaged = damaged.saturating_add(1);
                    only_trace |= journal::is_only_trace(&entry.key);
                    self.delete(entry.key);
                }
            }
        }
        if damaged > 0 || salvaged || (!is_new && !known) {
            inheritance.damaged = Some((damaged, only_trace));
        }
        self.is_new = is_new;
        self.is_opened = owned;
        if !owned {
            self.save_queue();
            self.after(AfterSave::Opened);
        }
        Ok(())
    }

    fn recognise(&self, found: &QueueEntry) -> Result<(), ConfigError> {
        if found.format > FORMAT {
            return Err(ConfigError::NewerJournal { found: found.format, known: FORMAT });
        }
        let same = found.portal == self.queue.portal && found.connector == self.queue.connector;
        let name = |queue: &QueueEntry| match &queue.connector {
            Some(connector) => format!("{}, connector '{connector}'", queue.portal),
            None => format!("{}, the queue without a connector", queue.portal),
        };
        if same {
            return Ok(());
        }
        Err(ConfigError::ForeignJournal { found: name(found), wanted: name(&self.queue) })
    }

    fn inherit_object(&mut self, object: ObjectEntry, inheritance: &mut Inheritance) {
        let (state, attempts) = (object.state, object.attempts);
        let Some((key, records)) = object.open() else { return };
        match state {
            ObjectState::Retrying => {
                self.retrying.insert(key, attempts);
            }
            ObjectState::Parked => inheritance.parked.push((key, attempts, records)),
            ObjectState::Registered => inheritance.registered.push((key, attempts, records)),
            ObjectState::Kept => {
                let kept = |record| (key.clone(), Record { kept: true, process: None, ..record });
                inheritance.kept.extend(records.into_values().map(kept));
            }
        }
    }

    pub(crate) fn is_durable(&self) -> bool {
        self.durability == Durability::Durable
    }

    pub(crate) fn bound(&self) -> &[EventName] {
        &self.queue.bound
    }

    pub(crate) fn set_bound(&mut self, bound: Vec<EventName>) {
        if self.queue.bound != bound {
            self.queue.bound = bound;
            self.save_queue();
        }
    }

    /// Writes down that nothing is left of which the journal does not know; `false` when it is so already.
    pub(crate) fn set_clean(&mut self) -> bool {
        let news = self.is_durable() && !self.queue.clean;
        if news {
            self.queue.clean = true;
            self.save_queue();
        }
        news
    }

    /// When the queue was last looked at and every binding was there, by the host's clock.
    pub(crate) fn seen(&self) -> Option<Timestamp> {
        self.queue.seen
    }

    /// Everything was there at this time; it becomes durable now, or with the entry's next change.
    pub(crate) fn set_seen(&mut self, at: Timestamp, now: bool) {
        self.queue.seen = Some(at);
        if now {
            self.save_queue();
        }
    }

    fn save_queue(&mut self) {
        self.put(journal::queue_entry(&self.queue));
    }

    fn put(&mut self, entry: JournalEntry) {
        self.changes.insert(entry.key, Some(entry.value));
    }

    fn delete(&mut self, key: String) {
        self.changes.insert(key, None);
    }

    pub(crate) fn put_object(&mut self, key: &Key, state: ObjectState, n: u32, records: &Records) {
        let entry = ObjectEntry::new(key, state, n, records);
        self.put(journal::object_entry(key, &entry));
    }

    pub(crate) fn delete_object(&mut self, key: &Key) {
        self.delete(journal::object_key(key));
    }

    /// Writes down a record that will have no other copy, or may lose it.
    pub(crate) fn keep(&mut self, key: &Key, record: &Record) {
        self.put(journal::kept_entry(key, record));
    }

    /// Records that are done, or have another home.
    pub(crate) fn forget_kept(&mut self, records: &Records) {
        for record in records.values().filter(|record| record.kept) {
            self.delete(journal::kept_key(record.id));
        }
    }

    pub(crate) fn delete_reservation(&mut self, process: &ProcessId) {
        self.delete(journal::reservation_key(process));
    }

    pub(crate) fn after(&mut self, next: AfterSave) {
        self.after.push(next);
    }

    /// Writes down every reservation that the journal does not know yet.
    pub(crate) fn note_reservations(&mut self, lane: &mut Lane, save: SaveId) {
        let unsaved = lane.reservations.iter().filter(|(_, known)| known.saved == Saved::No);
        let unsaved: Vec<ProcessId> = unsaved.map(|(process, _)| process.clone()).collect();
        for process in unsaved {
            let Some(reservation) = lane.reservations.get_mut(&process) else { continue };
            reservation.saved = Saved::Pending(save);
            let entry = journal::reservation_entry(&process, reservation.records.iter());
            self.put(entry);
            self.after.push(AfterSave::Reservation(process));
        }
    }

    /// What is to be saved now. Without a journal everything counts as saved at once.
    pub(crate) fn flush(&mut self, id: SaveId) -> Flushed {
        let after = std::mem::take(&mut self.after);
        let (mut puts, mut deletes) = (Vec::new(), Vec::new());
        for (key, value) in std::mem::take(&mut self.changes) {
            match value {
                Some(value) => puts.push(JournalEntry { key, value }),
                None => deletes.push(key),
            }
        }
        if !self.is_durable() {
            return Flushed::AtOnce(after);
        }
        if puts.is_empty() && deletes.is_empty() {
            return Flushed::Nothing;
        }
        self.open.insert(id, after);
        Flushed::Save(Save { id, puts, deletes })
    }

    pub(crate) fn saved(&mut self, id: SaveId) -> Option<Vec<AfterSave>> {
        self.open.remove(&id)
    }

    pub(crate) fn is_open(&self, id: SaveId) -> bool {
        self.open.contains_key(&id)
    }

    pub(crate) fn has_open(&self) -> bool {
        !self.open.is_empty()
    }
}

/// What a flush gives.
#[derive(Debug)]
pub(crate) enum Flushed {
    Nothing,
    AtOnce(Vec<AfterSave>),
    Save(Save),
}

#[cfg(feature = "view")]
#[path = "view/ledger.rs"]
mod view;
