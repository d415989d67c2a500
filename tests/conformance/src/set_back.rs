//! Sets a journal back in time, in either format: a database, or a file with one entry a line.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use rusqlite::Connection;
use serde_json::{Value, json};

const DATABASE: &[u8] = b"SQLite format 3";
/// The entry that says whose journal it is, and when its queue was last looked at.
const QUEUE: &str = "queue";

/// Makes the journal one of a program that has looked at the queue so many milliseconds earlier.
pub(crate) fn set_back(journal: &Path, milliseconds: u64) -> Result<()> {
    let bytes =
        fs::read(journal).with_context(|| format!("{} can't be read", journal.display()))?;
    if bytes.starts_with(DATABASE) {
        in_database(journal, milliseconds)
    } else {
        let text = in_text(std::str::from_utf8(&bytes)?, milliseconds)?;
        Ok(fs::write(journal, text)?)
    }
}

fn in_database(journal: &Path, milliseconds: u64) -> Result<()> {
    let database = Connection::open(journal)?;
    let read = "SELECT value FROM journal WHERE key = ?1";
    let value: String = database.query_row(read, [QUEUE], |row| row.get(0))?;
    let earlier = earlier(&value, milliseconds)?;
    database.execute("UPDATE journal SET value = ?2 WHERE key = ?1", [QUEUE, &earlier])?;
    Ok(())
}

fn in_text(text: &str, milliseconds: u64) -> Result<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let entry = |line: &String| serde_json::from_str::<(String, String)>(line).ok();
    let found = lines.iter_mut().find_map(|line| {
        let (key, value) = entry(line)?;
        (key == QUEUE).then_some((line, value))
    });
    let (line, value) = found.context("the journal has no entry of its queue")?;
    *line = json!([QUEUE, earlier(&value, milliseconds)?]).to_string();
    Ok(lines.join("\n") + "\n")
}

/// The entry's value, `CHECKSUM JSON`, with an earlier time.
fn earlier(value: &str, milliseconds: u64) -> Result<String> {
    let (_, text) = value.split_once(' ').context("the entry has no checksum")?;
    let mut queue: Value = serde_json::from_str(text)?;
    let seen = queue.get_mut("seen").context("the journal does not say when the queue was seen")?;
    let at = seen.as_u64().context("no time")?.saturating_sub(milliseconds);
    *seen = at.into();
    let text = queue.to_string();
    Ok(format!("{:016x} {text}", checksum(QUEUE, &text)))
}

/// FNV-1a over key and text, as the machine checks it.
fn checksum(key: &str, text: &str) -> u64 {
    let bytes = key.bytes().chain([0]).chain(text.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(seen: u64) -> String {
        let text = format!(r#"{{"bound":[],"seen":{seen}}}"#);
        format!("{:016x} {text}", checksum(QUEUE, &text))
    }

    #[test]
    fn both_formats_are_set_back_with_a_checksum_that_fits() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("text");
        let lines = |value: &str| {
            format!("{{\"header\":1}}\n[\"kept/1\",\"x\"]\n{}\n", json!([QUEUE, value]))
        };
        fs::write(&text, lines(&value(5_000))).unwrap();
        set_back(&text, 2_000).unwrap();
        assert_eq!(fs::read_to_string(&text).unwrap(), lines(&value(3_000)));
        let path = folder.path().join("database");
        let database = Connection::open(&path).unwrap();
        database.execute("CREATE TABLE journal (key TEXT PRIMARY KEY, value TEXT)", []).unwrap();
        database.execute("INSERT INTO journal VALUES (?1, ?2)", [QUEUE, &value(5_000)]).unwrap();
        set_back(&path, 2_000).unwrap();
        let read =
            database.query_row("SELECT value FROM journal", [], |row| row.get::<_, String>(0));
        assert_eq!(read.unwrap(), value(3_000));
    }

    #[test]
    fn a_journal_that_says_nothing_of_its_queue_is_refused() {
        in_text("[\"kept/1\",\"x\"]\n", 1).unwrap_err();
        earlier("0123 {}", 1).unwrap_err();
    }
}
