//! Failing inputs: made small, kept as files, and played again by each run.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::decoder::Decoder;
use crate::feed::Feed;
use crate::tally::Tally;

/// So often at most a failing case is played while it is made small.
const MOST_PLAYS: usize = 4_000;

/// Inputs of one play.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Case {
    pub(crate) decoder: Decoder,
    pub(crate) setup: u64,
    pub(crate) parts: Vec<Vec<u8>>,
}

/// The folder with the files.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("kept")
}

/// Plays a feed; a panic is a failure like others. The feed is lost then, but for what it was made of.
pub(crate) fn play(
    decoder: Decoder,
    setup: u64,
    feed: &mut Feed,
    tally: &mut Tally,
) -> Result<(), String> {
    let played = catch_unwind(AssertUnwindSafe(|| decoder.play(setup, feed, tally)));
    played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("it panics: {}", text.unwrap_or("without words")))
    })
}

impl Case {
    /// What is wrong with it, if anything.
    pub(crate) fn failure(&self) -> Option<String> {
        let mut feed = Feed::kept(self.parts.clone());
        play(self.decoder, self.setup, &mut feed, &mut Tally::default()).err()
    }

    /// The smallest case found that fails as well.
    pub(crate) fn shrunk(self) -> Case {
        let mut search = Search { best: self, plays: 0 };
        search.parts();
        for at in 0..search.best.parts.len() {
            search.bytes(at);
        }
        search.best
    }

    /// Writes it down.
    pub(crate) fn keep(&self, why: &str, folder: &Path) -> Result<PathBuf> {
        let part = |bytes: &Vec<u8>| match std::str::from_utf8(bytes) {
            Ok(text) => json!(text),
            Err(_) => json!({ "bytes": bytes }),
        };
        let parts: Vec<Value> = self.parts.iter().map(part).collect();
        let file = json!({
            "decoder": self.decoder.name(), "setup": self.setup, "why": why, "parts": parts,
        });
        let text = serde_json::to_string_pretty(&file)? + "\n";
        let sum = text.bytes().fold(17u32, |sum, byte| sum.wrapping_mul(31) ^ u32::from(byte));
        let path = folder.join(format!("{}-{sum:08x}.json", self.decoder.name()));
        fs::create_dir_all(folder)?;
        fs::write(&path, text)?;
        Ok(path)
    }

    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Case> {
        let told = || format!("{} is no kept input", path.display());
        let file: Value = serde_json::from_slice(&fs::read(path)?).with_context(told)?;
        let decoder = file["decoder"].as_str().and_then(Decoder::named).with_context(told)?;
        let setup = file["setup"].as_u64().with_context(told)?;
        let byte = |value: &Value| value.as_u64().and_then(|byte| u8::try_from(byte).ok());
        let part = |part: &Value| match part.as_str() {
            Some(text) => Some(text.to_owned().into_bytes()),
            None => part["bytes"].as_array()?.iter().map(byte).collect(),
        };
        let parts = file["parts"].as_array().with_context(told)?;
        let parts = parts.iter().map(part).collect::<Option<Vec<_>>>().with_context(told)?;
        Ok(Case { decoder, setup, parts })
    }
}

/// Plays every kept case again; gives how many there were.
///
/// # Errors
/// Names the first that fails.
pub(crate) fn replay() -> Result<usize> {
    let mut paths: Vec<PathBuf> = match fs::read_dir(folder()) {
        Ok(entries) => {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?
        }
        Err(_) => Vec::new(),
    };
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    for path in &paths {
        if let Some(why) = Case::read(path)?.failure() {
            anyhow::bail!("the kept input {} fails again: {why}", path.display());
        }
    }
    Ok(paths.len())
}

struct Search {
    best: Case,
    plays: usize,
}

impl Search {
    /// Takes a case for the best one if it fails.
    fn tries(&mut self, case: Case) -> bool {
        self.plays += 1;
        let fails = self.plays < MOST_PLAYS && case.failure().is_some();
        if fails {
            self.best = case;
        }
        fails
    }

    /// Leaves out parts, many at once at first.
    fn parts(&mut self) {
        let mut size = self.best.parts.len().div_ceil(2);
        while size > 0 {
            let mut at = 0;
            while at < self.best.parts.len() {
                let mut case = self.best.clone();
                let end = (at + size).min(case.parts.len());
                case.parts.drain(at..end);
                if !self.tries(case) {
                    at += size;
                }
            }
            size /= 2;
        }
    }

    /// Leaves out bytes of a part, many at once at first.
    fn bytes(&mut self, part: usize) {
        let length = |case: &Case| case.parts.get(part).map_or(0, Vec::len);
        let mut size = length(&self.best).div_ceil(2);
        while size > 0 {
            let mut at = 0;
            while at < length(&self.best) {
                let mut case = self.best.clone();
                let end = (at + size).min(length(&case));
                if let Some(bytes) = case.parts.get_mut(part) {
                    bytes.drain(at..end);
                }
                if !self.tries(case) {
                    at += size;
                }
            }
            size /= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_read_as_it_was_kept() {
        let parts = vec![b"200 {}".to_vec(), vec![0xff, 0]];
        let case = Case { decoder: Decoder::Answers, setup: 7, parts };
        let folder = tempfile::tempdir().unwrap();
        let path = case.keep("only a test", folder.path()).unwrap();
        assert_eq!(Case::read(&path).unwrap(), case);
    }
}
