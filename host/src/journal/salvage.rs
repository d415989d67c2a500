//! A damaged journal: what can be read goes into a fresh one, the damaged file is kept aside.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use b24_offline_core::JournalEntry;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::lock::beside;

const MOST_ASIDE: u32 = 9_999;

/// The entries that can be read, from both ends of the table towards the damage.
pub(super) fn readable(connection: &Connection) -> Vec<JournalEntry> {
    let mut entries = BTreeMap::new();
    for order in ["ASC", "DESC"] {
        read_until_damage(connection, order, &mut entries);
    }
    entries.into_iter().map(|(key, value)| JournalEntry { key, value }).collect()
}

fn read_until_damage(connection: &Connection, order: &str, entries: &mut BTreeMap<String, String>) {
    let sql = format!("SELECT key, value FROM journal ORDER BY key {order}");
    let Ok(mut statement) = connection.prepare(&sql) else { return };
    let Ok(mut rows) = statement.query([]) else { return };
    while let Ok(Some(row)) = rows.next() {
        let text = |column| match row.get_ref(column) {
            Ok(ValueRef::Text(bytes)) => std::str::from_utf8(bytes).map(str::to_owned).ok(),
            Ok(_) | Err(_) => None,
        };
        if let (Some(key), Some(value)) = (text(0), text(1)) {
            entries.insert(key, value);
        }
    }
}

/// Where a fresh journal is written before it takes its place.
pub(super) fn fresh_path(journal: &Path) -> PathBuf {
    beside(journal, ".fresh")
}

/// Renames the damaged file, with its log, to the first free `.damaged-N`.
pub(super) fn set_aside(journal: &Path) -> io::Result<PathBuf> {
    let aside =
        (1..=MOST_ASIDE).map(|n| aside(journal, n)).find(|aside| !aside.exists()).ok_or_else(
            || io::Error::other("there are 9,999 damaged journals beside it; remove some"),
        )?;
    fs::rename(journal, &aside)?;
    move_log(journal, &aside)?;
    Ok(aside)
}

/// After a stop between the renames above the log still lies where the fresh journal would take it for its own.
pub(super) fn set_log_aside(journal: &Path) -> io::Result<()> {
    let last =
        (1..=MOST_ASIDE).map(|n| aside(journal, n)).take_while(|aside| aside.exists()).last();
    last.map_or(Ok(()), |last| move_log(journal, &last))
}

fn aside(journal: &Path, n: u32) -> PathBuf {
    beside(journal, &format!(".damaged-{n}"))
}

fn move_log(journal: &Path, aside: &Path) -> io::Result<()> {
    for end in ["-wal", "-shm"] {
        match fs::rename(beside(journal, end), beside(aside, end)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
