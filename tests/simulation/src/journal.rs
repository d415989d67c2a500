//! The host's journal and its disk.

use b24_offline_core::{JournalCondition, JournalContents, JournalEntry, Save};
use std::collections::{BTreeMap, BTreeSet};

use crate::plan::Damage;
use crate::witness::Object;

/// What is durable.
#[derive(Debug, Clone, Default)]
pub(crate) struct Journal {
    entries: BTreeMap<String, String>,
    /// The records that each entry names.
    named: BTreeMap<String, BTreeSet<u64>>,
    /// As it was at the last start.
    earlier: BTreeMap<String, String>,
}

/// The records that an entry names: `[7,"…"]` in one of a reservation, `{"id":7,…` in one of an object.
fn ids_in(value: &str) -> BTreeSet<u64> {
    let number = |part: &str| {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        part.as_bytes().get(digits).filter(|next| **next == b',')?;
        part[..digits].parse::<u64>().ok()
    };
    let reserved = value.split('[').skip(1).filter_map(number);
    reserved.chain(value.split("\"id\":").skip(1).filter_map(number)).collect()
}

fn text_in<'a>(value: &'a str, name: &str) -> &'a str {
    let rest = value.split_once(&format!("\"{name}\":\"")).map_or("", |(_, rest)| rest);
    rest.split('"').next().unwrap_or("")
}

impl Journal {
    pub(crate) fn write(&mut self, save: &Save) {
        for key in &save.deletes {
            self.entries.remove(key);
            self.named.remove(key);
        }
        for entry in &save.puts {
            self.named.insert(entry.key.clone(), ids_in(&entry.value));
            self.entries.insert(entry.key.clone(), entry.value.clone());
        }
    }

    /// Whether some entry names the record.
    pub(crate) fn names(&self, id: u64) -> bool {
        self.named.values().any(|ids| ids.contains(&id))
    }

    /// Whether some entry speaks of the reservation.
    pub(crate) fn knows(&self, process: &str) -> bool {
        self.entries.iter().any(|(key, value)| key.contains(process) || value.contains(process))
    }

    /// At least as many as there are reservations that some entry speaks of.
    pub(crate) fn most_reservations(&self) -> usize {
        self.keys().filter(|key| *key != "queue").count()
    }

    /// The entry of a registered object with a record of this MESSAGE_ID.
    pub(crate) fn registered(&self, message: &str) -> Option<&str> {
        self.objects("registered").find(|(_, value)| value.contains(message)).map(|(key, _)| key)
    }

    /// The entries of objects in a state.
    pub(crate) fn objects(&self, state: &str) -> impl Iterator<Item = (&str, &str)> {
        let state = format!("\"state\":\"{state}\"");
        self.entries
            .iter()
            .filter(move |(_, value)| value.contains(&state))
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The parked objects with their records.
    pub(crate) fn parked(&self) -> BTreeMap<Object, BTreeSet<u64>> {
        let mut parked = BTreeMap::new();
        for (key, value) in self.objects("parked") {
            let object = match key.strip_prefix("object/").and_then(|rest| rest.split_once('/')) {
                Some((kind, id)) => (kind.to_owned(), id.to_owned()),
                // a record of its own
                None => {
                    let id = key.trim_start_matches("record/");
                    let kind = text_in(value, "kind");
                    (kind.to_owned(), format!("{id}@{}", text_in(value, "changed_at")))
                }
            };
            parked.insert(object, self.named.get(key).cloned().unwrap_or_default());
        }
        parked
    }

    pub(crate) fn knows_bindings(&self) -> bool {
        self.entries.get("queue").is_some_and(|queue| {
            // a torn one knows nothing
            queue.contains("\"bound\":[\"") && queue.ends_with("\"]}")
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// What a start finds; `true` when a damage changed anything.
    pub(crate) fn open(&mut self, damage: Option<Damage>) -> (JournalContents, bool) {
        let before = self.entries.clone();
        match damage {
            None => {}
            Some(Damage::Deleted) => self.entries.clear(),
            Some(Damage::RolledBack) => self.entries = self.earlier.clone(),
            Some(Damage::Torn) => {
                if let Some(mut last) = self.entries.last_entry() {
                    let keep = last.get().len() / 2;
                    last.get_mut().truncate(keep);
                }
            }
        }
        self.named = self.entries.iter().map(|(key, value)| (key.clone(), ids_in(value))).collect();
        self.earlier = before.clone();
        let entry = |(key, value): (&String, &String)| JournalEntry {
            key: key.clone(),
            value: value.clone(),
        };
        let entries = self.entries.iter().map(entry).collect();
        let contents = JournalContents { entries, condition: JournalCondition::Intact };
        (contents, before != self.entries)
    }
}
