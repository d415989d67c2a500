//! The machine's durable memory.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use b24_offline_core::{JournalCondition, JournalContents, JournalEntry, Save, SaveOutcome};

mod lock;
mod salvage;
mod sqlite;

pub use sqlite::{JournalError, SqliteJournal};

/// Keeps what the machine tells it to keep.
pub trait Journal: Send + Sync + 'static {
    /// Makes a save durable, all or nothing, and then gives its outcome.
    ///
    /// The save takes its place in the order when this is called, not when the future is first
    /// polled; a save is never overtaken by a later one. A dropped future does not undo the save.
    fn save(&self, save: Save) -> impl Future<Output = SaveOutcome> + Send + 'static;
}

/// No journal: for [`Durability::None`](b24_offline_core::Durability::None), where none is needed.
impl<J: Journal> Journal for Option<J> {
    fn save(&self, save: Save) -> impl Future<Output = SaveOutcome> + Send + 'static {
        let saving = self.as_ref().map(|journal| journal.save(save));
        async move {
            match saving {
                Some(saving) => saving.await,
                None => SaveOutcome::Failed { why: "there is no journal".into() },
            }
        }
    }
}

/// A journal in memory, for tests and demonstrations: its clones share the entries, so that one
/// of them can outlive a consumer that "crashed".
///
/// ```
/// use b24_offline::MemoryJournal;
/// let journal = MemoryJournal::default();
/// assert!(journal.contents().entries.is_empty());
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryJournal {
    entries: Arc<Mutex<BTreeMap<String, String>>>,
}

impl MemoryJournal {
    /// Every entry, as a restart would find it.
    #[must_use]
    pub fn contents(&self) -> JournalContents {
        let entry = |(key, value): (&String, &String)| JournalEntry {
            key: key.clone(),
            value: value.clone(),
        };
        let entries = self.locked().iter().map(entry).collect();
        JournalContents { entries, condition: JournalCondition::Intact }
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for MemoryJournal {
    fn save(&self, save: Save) -> impl Future<Output = SaveOutcome> + Send + 'static {
        let mut entries = self.locked();
        for key in &save.deletes {
            entries.remove(key);
        }
        entries.extend(save.puts.into_iter().map(|entry| (entry.key, entry.value)));
        std::future::ready(SaveOutcome::Done)
    }
}
