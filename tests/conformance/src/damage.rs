//! Damages a journal, whatever its format: a database with a log beside it, or a file with one entry a line.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::scenario::step::Place;

/// What stands beside a database and holds its newest entries.
const LOG: &str = "-wal";
/// The index of the log, made anew from it.
const INDEX: &str = "-shm";

/// Overwrites bytes of the journal and of its log, and removes the index of that.
pub(crate) fn damage(journal: &Path, place: Place) -> Result<()> {
    overwrite(journal, place)?;
    if beside(journal, LOG).exists() {
        overwrite(&beside(journal, LOG), Place::All)?;
    }
    if beside(journal, INDEX).exists() {
        fs::remove_file(beside(journal, INDEX))?;
    }
    Ok(())
}

/// Deletes the journal and what a database keeps beside it.
pub(crate) fn delete(journal: &Path) -> Result<()> {
    fs::remove_file(journal).with_context(|| format!("{} can't be deleted", journal.display()))?;
    for end in [LOG, INDEX] {
        if beside(journal, end).exists() {
            fs::remove_file(beside(journal, end))?;
        }
    }
    Ok(())
}

fn beside(journal: &Path, end: &str) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

fn overwrite(path: &Path, place: Place) -> Result<()> {
    let mut bytes =
        fs::read(path).with_context(|| format!("{} can't be damaged", path.display()))?;
    ensure!(!bytes.is_empty() || place == Place::All, "{} is empty", path.display());
    let range = range(bytes.len(), place);
    let mut damaged = bytes.get_mut(range).into_iter().flatten();
    // or it might begin and end within two texts of a file with lines, and make one valid text of them
    if let Some(first) = damaged.next() {
        *first = b'\n';
    }
    for byte in damaged {
        *byte = if *byte == b'?' { b'!' } else { b'?' };
    }
    Ok(fs::write(path, bytes)?)
}

fn range(length: usize, place: Place) -> Range<usize> {
    match place {
        Place::Middle => length / 4..length - length / 4,
        Place::End => length / 2..length,
        Place::All => 0..length,
    }
}

/// The first journal that was kept aside.
pub(crate) fn kept_aside(journal: &Path) -> PathBuf {
    beside(journal, ".damaged-1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_bytes_are_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("q");
        let after = |place| {
            fs::write(&journal, "abcdefg?").unwrap();
            damage(&journal, place).unwrap();
            fs::read_to_string(&journal).unwrap()
        };
        assert_eq!(after(Place::Middle), "ab\n???g?");
        assert_eq!(after(Place::End), "abcd\n??!");
        assert_eq!(after(Place::All), "\n??????!");
    }

    #[test]
    fn the_log_of_a_database_is_damaged_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["q", "q-wal", "q-shm"] {
            fs::write(path(name), "abcd").unwrap();
        }
        damage(&path("q"), Place::End).unwrap();
        assert_eq!(fs::read(path("q-wal")).unwrap(), b"\n???");
        assert!(!path("q-shm").exists());
        damage(&path("none"), Place::All).unwrap_err();
        delete(&path("q")).unwrap();
        assert!(!path("q").exists() && !path("q-wal").exists());
        delete(&path("q")).unwrap_err();
    }
}
