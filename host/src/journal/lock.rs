//! One process at a time: a lock held for the whole run on a file beside the journal.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Held as long as it lives; the system frees it when the process ends, however that happens.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

pub(super) enum Refused {
    /// Another process has it; its id if it could be read.
    Held(Option<u32>),
    Io(io::Error),
}

impl Lock {
    pub(super) fn take(journal: &Path) -> Result<Lock, Refused> {
        let path = beside(journal, ".lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(Refused::Io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // where a lock forbids reading, the holder stays unnamed
                let _ = file.read_to_string(&mut holder);
                return Err(Refused::Held(holder.trim().parse().ok()));
            }
            Err(TryLockError::Error(error)) => return Err(Refused::Io(error)),
        }
        file.set_len(0).map_err(Refused::Io)?;
        writeln!(file, "{}", std::process::id()).map_err(Refused::Io)?;
        Ok(Lock { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // the file stays: removing it would let two processes lock two files of the same name
        let _ = self.file.rewind().and_then(|()| self.file.set_len(0));
        let _ = self.file.unlock();
    }
}

/// The path with `end` behind its name.
pub(super) fn beside(journal: &Path, end: &str) -> PathBuf {
    let mut name = journal.file_name().unwrap_or_default().to_owned();
    name.push(end);
    journal.with_file_name(name)
}
