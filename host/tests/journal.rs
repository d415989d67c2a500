//! The SQLite journal: order, damage, a full or closed disk, one process at a time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail anywhere"
)]

use std::fs;
use std::path::{Path, PathBuf};

use b24_offline::{Journal, JournalError, SqliteJournal};
use b24_offline_core::{
    JournalCondition, JournalContents, JournalEntry, Save, SaveId, SaveOutcome,
};

fn save(puts: &[(&str, &str)], deletes: &[&str]) -> Save {
    let entry =
        |(key, value): &(&str, &str)| JournalEntry { key: (*key).into(), value: (*value).into() };
    Save {
        id: SaveId(1),
        puts: puts.iter().map(entry).collect(),
        deletes: deletes.iter().map(|key| (*key).into()).collect(),
    }
}

fn open(path: &Path) -> (SqliteJournal, JournalContents) {
    SqliteJournal::open(path, None).unwrap()
}

fn pairs(contents: &JournalContents) -> Vec<(&str, &str)> {
    contents.entries.iter().map(|entry| (entry.key.as_str(), entry.value.as_str())).collect()
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    (folder, path)
}

/// A journal of `count` entries, each of 400 bytes.
async fn filled(path: &Path, count: usize) {
    let (journal, _) = open(path);
    let value = "v".repeat(400);
    for number in 0..count {
        let outcome = journal.save(save(&[(&format!("key-{number:05}"), &value)], &[])).await;
        assert_eq!(outcome, SaveOutcome::Done);
    }
}

#[tokio::test]
async fn saves_are_found_again_in_the_order_of_the_calls() {
    let (_folder, path) = place();
    let (journal, contents) = open(&path);
    assert_eq!(contents, JournalContents::default());
    let first = journal.save(save(&[("a", "1"), ("b", "1")], &[]));
    let second = journal.save(save(&[("b", "2")], &["a", "never-there"]));
    // polled in the wrong order
    assert_eq!(second.await, SaveOutcome::Done);
    assert_eq!(first.await, SaveOutcome::Done);
    drop(journal);
    let (_journal, contents) = open(&path);
    assert_eq!(pairs(&contents), [("b", "2")]);
    assert_eq!(contents.condition, JournalCondition::Intact);
}

#[tokio::test]
async fn a_save_whose_future_is_dropped_is_made_all_the_same() {
    let (_folder, path) = place();
    let (journal, _) = open(&path);
    drop(journal.save(save(&[("a", "1")], &[])));
    drop(journal);
    assert_eq!(pairs(&open(&path).1), [("a", "1")]);
}

#[tokio::test]
async fn a_second_holder_is_told_who_has_it() {
    let (_folder, path) = place();
    let (journal, _) = open(&path);
    let error = SqliteJournal::open(&path, None).unwrap_err();
    let own = std::process::id();
    assert!(matches!(error, JournalError::InUse { pid: Some(pid), .. } if pid == own), "{error}");
    assert!(error.to_string().contains(&own.to_string()), "{error}");
    drop(journal);
    open(&path);
}

#[tokio::test]
async fn a_full_disk_fails_the_save_and_harms_nothing() {
    let (_folder, path) = place();
    let (journal, _) = SqliteJournal::open(&path, Some(32 * 1024)).unwrap();
    assert_eq!(journal.save(save(&[("small", "1")], &[])).await, SaveOutcome::Done);
    let large = "x".repeat(64 * 1024);
    let outcome = journal.save(save(&[("small", "2"), ("large", &large)], &[])).await;
    assert!(matches!(&outcome, SaveOutcome::Failed { why } if why.contains("full")), "{outcome:?}");
    assert_eq!(journal.save(save(&[("other", "1")], &[])).await, SaveOutcome::Done);
    drop(journal);
    assert_eq!(pairs(&open(&path).1), [("other", "1"), ("small", "1")]);
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    let (folder, _) = place();
    let path = folder.path().join("missing").join("queue.db");
    let error = SqliteJournal::open(&path, None).unwrap_err();
    assert!(error.to_string().contains("missing"), "{error}");
    assert!(matches!(error, JournalError::Unusable { .. }), "{error}");
}

#[tokio::test]
async fn another_programs_database_is_left_untouched() {
    let (_folder, path) = place();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE books (title TEXT)").unwrap();
    drop(other);
    let before = fs::read(&path).unwrap();
    let error = SqliteJournal::open(&path, None).unwrap_err();
    assert!(matches!(error, JournalError::NotAJournal { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn reading_does_not_change_the_file() {
    let (_folder, path) = place();
    filled(&path, 20).await;
    let before = fs::read(&path).unwrap();
    drop(open(&path));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_damaged_page_costs_only_what_it_held() {
    let (folder, path) = place();
    filled(&path, 500).await;
    let mut bytes = fs::read(&path).unwrap();
    let pages = bytes.len() / 4096;
    assert!(pages > 20, "{pages}");
    let middle = pages / 2 * 4096;
    bytes[middle..middle + 4096].fill(0xA5);
    fs::write(&path, &bytes).unwrap();

    let (journal, contents) = open(&path);
    assert_eq!(contents.condition, JournalCondition::Salvaged);
    let saved = contents.entries.len();
    assert!((200..500).contains(&saved), "{saved} of 500 saved");
    assert_eq!(fs::read(folder.path().join("queue.db.damaged-1")).unwrap(), bytes);
    drop(journal);

    // a stop before the machine's first save must not hide it
    let (journal, contents) = open(&path);
    assert_eq!(contents.condition, JournalCondition::Salvaged);
    assert_eq!(contents.entries.len(), saved);
    assert_eq!(journal.save(save(&[("a", "1")], &[])).await, SaveOutcome::Done);
    drop(journal);
    let (_journal, contents) = open(&path);
    assert_eq!(contents.condition, JournalCondition::Intact);
    assert_eq!(contents.entries.len(), saved + 1);
}

#[tokio::test]
async fn a_file_that_is_nothing_any_more_is_kept_aside() {
    let (folder, path) = place();
    for number in 1..=2 {
        fs::write(&path, b"torn to pieces").unwrap();
        let (_journal, contents) = open(&path);
        assert_eq!(contents.condition, JournalCondition::Salvaged);
        assert!(contents.entries.is_empty());
        let aside = folder.path().join(format!("queue.db.damaged-{number}"));
        assert_eq!(fs::read(aside).unwrap(), b"torn to pieces");
    }
}

#[tokio::test]
async fn a_salvage_that_was_stopped_is_finished() {
    let (_folder, path) = place();
    fs::write(&path, b"torn to pieces").unwrap();
    let (journal, _) = open(&path);
    drop(journal);
    // as after a stop between the two renames
    let fresh = path.with_file_name("queue.db.fresh");
    fs::rename(&path, &fresh).unwrap();
    let (_journal, contents) = open(&path);
    assert_eq!(contents.condition, JournalCondition::Salvaged);
    assert!(!fresh.exists());
}

#[tokio::test]
async fn the_log_of_a_damaged_journal_never_gets_into_the_fresh_one() {
    let (folder, path) = place();
    let at = |name: &str| folder.path().join(name);
    let (journal, _) = open(&path);
    assert_eq!(journal.save(save(&[("old", "1")], &[])).await, SaveOutcome::Done);
    fs::copy(at("queue.db-wal"), at("log")).unwrap();
    drop(journal);
    let (journal, _) = open(&at("other.db"));
    assert_eq!(journal.save(save(&[("kept", "2")], &[])).await, SaveOutcome::Done);
    drop(journal);
    // as after a stop when the damaged file was set aside, and its log was not yet
    fs::rename(&path, at("queue.db.damaged-1")).unwrap();
    fs::rename(at("log"), at("queue.db-wal")).unwrap();
    fs::rename(at("other.db"), at("queue.db.fresh")).unwrap();
    let (_journal, contents) = open(&path);
    assert_eq!(pairs(&contents), [("kept", "2")]);
    assert!(at("queue.db.damaged-1-wal").exists());
}

#[tokio::test]
async fn what_was_saved_is_there_after_a_stop_without_close() {
    let (folder, path) = place();
    let (journal, _) = open(&path);
    assert_eq!(journal.save(save(&[("a", "1")], &[])).await, SaveOutcome::Done);
    // the files as a killed process leaves them: the log is not merged yet
    let copy = folder.path().join("copy.db");
    fs::copy(&path, &copy).unwrap();
    fs::copy(folder.path().join("queue.db-wal"), folder.path().join("copy.db-wal")).unwrap();
    let (_journal, contents) = open(&copy);
    assert_eq!(pairs(&contents), [("a", "1")]);
}

#[tokio::test]
async fn a_journal_whose_log_can_t_be_written_is_refused() {
    let (folder, path) = place();
    filled(&path, 3).await;
    let wal = folder.path().join("queue.db-wal");
    let _ = fs::remove_file(&wal);
    fs::create_dir(&wal).unwrap();
    let before = fs::read(&path).unwrap();
    let error = SqliteJournal::open(&path, None).unwrap_err();
    assert!(matches!(error, JournalError::Unusable { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    fs::remove_dir(&wal).unwrap();
    assert_eq!(open(&path).1.entries.len(), 3);
}
