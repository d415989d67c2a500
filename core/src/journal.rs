//! The journal's entries and their encoding: what the host keeps for the machine.
//!
//! An entry is a key and a value, both text. Values carry a checksum, so that a torn or altered
//! one is noticed. Entries hold ids and times only, never the portal's data.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Unique in the journal; at most some hundred bytes.
    pub key: String,
    /// Opaque to the host.
    pub value: String,
}

/// What the host found in its journal when it opened it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JournalContents {
    /// Every entry, in any order. Empty for a new journal.
    pub entries: Vec<JournalEntry>,
    /// Whether all of it could be read.
    pub condition: JournalCondition,
}

/// Whether a journal could be read as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalCondition {
    /// All of it, or it is new.
    #[default]
    Intact,
    /// It was damaged: the entries are what could be saved.
    Salvaged,
}
