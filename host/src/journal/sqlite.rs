//! A journal in a SQLite file.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;

use b24_offline_core::{JournalCondition, JournalContents, JournalEntry, Save, SaveOutcome};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, params};
use thiserror::Error;
use tokio::sync::oneshot;

use super::lock::{Lock, Refused};
use super::{Journal, salvage};
use crate::disk::sync_folder;

/// "B24o": tells a journal from other programs' databases.
const APPLICATION_ID: i32 = 0x4232_346F;
/// `user_version` of a journal whose salvage the machine has not yet heard of and answered.
const SALVAGED: i32 = 1;

/// A journal in one SQLite file, used by one process at a time.
///
/// It writes ahead (`journal_mode=WAL`) with `synchronous=FULL`, on a thread of its own, in the
/// order of the calls. Dropping it waits for the saves that were given to it, and frees the lock.
pub struct SqliteJournal {
    path: PathBuf,
    queue: Option<mpsc::Sender<(Save, oneshot::Sender<SaveOutcome>)>>,
    writer: Option<JoinHandle<()>>,
}

/// A journal that can't be used, in a sentence that says why and what to do.
#[derive(Debug, Error)]
pub enum JournalError {
    /// Another process uses it.
    #[error("the journal {path} is in use by {}; stop that one, or name another journal", process(.pid))]
    InUse {
        /// The journal.
        path: PathBuf,
        /// The other process, where it could be read.
        pid: Option<u32>,
    },
    /// The file or its folder can't be read or written.
    #[error(
        "the journal {path} can't be opened ({why}); name a file in a folder that exists and is \
         writable"
    )]
    Unusable {
        /// The journal.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
    /// A database of another program.
    #[error("{path} is the database of another program; it was left untouched, name another file")]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
}

fn process(pid: &Option<u32>) -> String {
    pid.map_or("another process".into(), |pid| format!("process {pid}"))
}

impl fmt::Debug for SqliteJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SqliteJournal({})", self.path.display())
    }
}

/// Why a file could not be read as a journal.
enum Trouble {
    Damaged,
    Foreign,
    Other(String),
}

impl SqliteJournal {
    /// Locks and opens the journal, or makes a new one, and reads it.
    ///
    /// A damaged file is kept aside as `PATH.damaged-N`, what can be read of it starts a fresh one,
    /// and the condition says [`JournalCondition::Salvaged`] until the first save.
    ///
    /// # Errors
    /// [`JournalError`] when another process has it, when it can't be read or written, or when it
    /// is another program's database.
    ///
    /// ```
    /// use b24_offline::SqliteJournal;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("queue.db");
    /// let (journal, contents) = SqliteJournal::open(&path, None).unwrap();
    /// assert!(contents.entries.is_empty());
    /// assert!(SqliteJournal::open(&path, None).is_err(), "one at a time");
    /// drop(journal);
    /// assert!(SqliteJournal::open(&path, None).is_ok());
    /// ```
    ///
    /// `most_bytes` bounds the file: a save that would make it larger fails.
    pub fn open(
        path: impl AsRef<Path>,
        most_bytes: Option<u64>,
    ) -> Result<(SqliteJournal, JournalContents), JournalError> {
        let path = path.as_ref().to_owned();
        let unusable = |why: String| JournalError::Unusable { path: path.clone(), why };
        let lock = Lock::take(&path).map_err(|refused| match refused {
            Refused::Held(pid) => JournalError::InUse { path: path.clone(), pid },
            Refused::Io(error) => unusable(error.to_string()),
        })?;
        finish_salvage(&path).map_err(|error| unusable(error.to_string()))?;
        let opened = match open_file(&path, most_bytes) {
            Err(Trouble::Damaged) => renew(&path).and_then(|()| open_file(&path, most_bytes)),
            opened => opened,
        };
        let (connection, contents) = opened.map_err(|trouble| match trouble {
            Trouble::Foreign => JournalError::NotAJournal { path: path.clone() },
            Trouble::Damaged => unusable("it is damaged again and again".into()),
            Trouble::Other(why) => unusable(why),
        })?;
        let (queue, saves) = mpsc::channel();
        let work = move || write_all(connection, &saves, lock);
        let writer = std::thread::Builder::new()
            .name("journal".into())
            .spawn(work)
            .map_err(|error| unusable(error.to_string()))?;
        Ok((SqliteJournal { path, queue: Some(queue), writer: Some(writer) }, contents))
    }
}

impl Journal for SqliteJournal {
    fn save(&self, save: Save) -> impl Future<Output = SaveOutcome> + Send + 'static {
        let (answer, outcome) = oneshot::channel();
        if let Some(queue) = &self.queue {
            // a writer that is gone drops the sender, which is answered below
            let _ = queue.send((save, answer));
        }
        async move {
            let gone = |_| SaveOutcome::Failed { why: "the journal's thread has ended".into() };
            outcome.await.unwrap_or_else(gone)
        }
    }
}

impl Drop for SqliteJournal {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn write_all(
    mut connection: Connection,
    saves: &mpsc::Receiver<(Save, oneshot::Sender<SaveOutcome>)>,
    lock: Lock,
) {
    let mut accepted = false;
    while let Ok((save, answer)) = saves.recv() {
        let outcome = match write(&mut connection, &save, accepted) {
            Ok(()) => SaveOutcome::Done,
            Err(error) => SaveOutcome::Failed { why: error.to_string() },
        };
        if outcome == SaveOutcome::Done && !accepted {
            accepted = true;
            // an error here only leaves the log in place
            let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
        }
        let _ = answer.send(outcome);
    }
    // closed before the next process may open it
    drop(connection);
    drop(lock);
}

fn write(connection: &mut Connection, save: &Save, accepted: bool) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    {
        let mut delete = transaction.prepare_cached("DELETE FROM journal WHERE key = ?1")?;
        for key in &save.deletes {
            delete.execute(params![key])?;
        }
        let put = "INSERT INTO journal (key, value) VALUES (?1, ?2) \
                   ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        let mut put = transaction.prepare_cached(put)?;
        for entry in &save.puts {
            put.execute(params![entry.key, entry.value])?;
        }
    }
    if !accepted {
        // the machine knows of a salvage
        transaction.pragma_update(None, "user_version", 0)?;
    }
    transaction.commit()
}

fn open_file(
    path: &Path,
    most_bytes: Option<u64>,
) -> Result<(Connection, JournalContents), Trouble> {
    let connection = Connection::open(path).map_err(trouble)?;
    // until the machine has accepted it, reading must not change the file
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(trouble)?;
    let id: i32 = number(&connection, "application_id")?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(trouble)?;
    match (id, tables) {
        (APPLICATION_ID, _) => {}
        (0, 0) => create(&connection, 0).map_err(trouble)?,
        _ => return Err(Trouble::Foreign),
    }
    connection.pragma_update(None, "journal_mode", "WAL").map_err(trouble)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(trouble)?;
    if let Some(bytes) = most_bytes {
        let page: i64 = number(&connection, "page_size")?;
        let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page.max(1);
        connection
            .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
            .map_err(trouble)?;
    }
    let sound: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(trouble)?;
    if sound != "ok" {
        return Err(Trouble::Damaged);
    }
    let contents = read(&connection)?;
    Ok((connection, contents))
}

fn create(connection: &Connection, version: i32) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         PRAGMA application_id = {APPLICATION_ID};
         PRAGMA user_version = {version};
         CREATE TABLE journal (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
         COMMIT;"
    ))
}

fn read(connection: &Connection) -> Result<JournalContents, Trouble> {
    let mut statement =
        connection.prepare("SELECT key, value FROM journal ORDER BY key").map_err(trouble)?;
    let rows =
        statement.query_map([], |row| Ok(JournalEntry { key: row.get(0)?, value: row.get(1)? }));
    let entries: rusqlite::Result<Vec<_>> = rows.map_err(trouble)?.collect();
    let entries = entries.map_err(trouble)?;
    let condition = match number::<i32>(connection, "user_version")? {
        SALVAGED => JournalCondition::Salvaged,
        _ => JournalCondition::Intact,
    };
    Ok(JournalContents { entries, condition })
}

fn number<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> Result<T, Trouble> {
    connection.pragma_query_value(None, name, |row| row.get(0)).map_err(trouble)
}

fn trouble(error: rusqlite::Error) -> Trouble {
    let code = error.sqlite_error_code();
    let corrupt = matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase));
    // a table or a value of another shape than ours, in a file that has our mark
    let misshapen = matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::SqlInputError { .. }
    );
    if corrupt || misshapen { Trouble::Damaged } else { Trouble::Other(error.to_string()) }
}

/// Puts a fresh journal with what can be read in the damaged one's place.
fn renew(path: &Path) -> Result<(), Trouble> {
    let io = |error: io::Error| Trouble::Other(error.to_string());
    let entries = Connection::open(path).map(|damaged| {
        let _ = damaged.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        salvage::readable(&damaged)
    });
    let fresh = salvage::fresh_path(path);
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
        Ok(()) | Err(_) => {}
    }
    let mut connection = Connection::open(&fresh).map_err(trouble)?;
    create(&connection, SALVAGED).map_err(trouble)?;
    let transaction = connection.transaction().map_err(trouble)?;
    for entry in entries.unwrap_or_default() {
        transaction
            .execute("INSERT INTO journal VALUES (?1, ?2)", params![entry.key, entry.value])
            .map_err(trouble)?;
    }
    transaction.commit().map_err(trouble)?;
    drop(connection);
    // from here on a stop in the middle is finished by the next start
    salvage::set_aside(path).map_err(io)?;
    fs::rename(&fresh, path).and_then(|()| sync_folder(path)).map_err(io)
}

/// A salvage that was stopped after the damaged file was set aside: the fresh one takes its place.
fn finish_salvage(path: &Path) -> io::Result<()> {
    let fresh = salvage::fresh_path(path);
    if fresh.exists() && !path.exists() {
        salvage::set_log_aside(path)?;
        fs::rename(&fresh, path)?;
        sync_folder(path)?;
    }
    Ok(())
}
