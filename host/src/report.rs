//! What a host tells a person.

use std::fmt;

use b24_offline_core::{Notice, Severity};

/// Something a person may want to know; `Display` gives one sentence without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// From the machine.
    Notice(Notice),
    /// The handler panicked or answered what makes no sense; that was an attempt of its changes.
    HandlerFailed {
        /// How many changes.
        changes: usize,
        /// What was wrong.
        why: String,
    },
}

impl Report {
    /// How loud it is.
    ///
    /// ```
    /// use b24_offline::{Notice, Report, Severity};
    /// assert_eq!(Report::Notice(Notice::Reached).severity(), Severity::Info);
    /// ```
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Report::Notice(notice) => notice.severity(),
            Report::HandlerFailed { .. } => Severity::Warning,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Report::Notice(notice) => notice.fmt(f),
            Report::HandlerFailed { changes, why } => {
                let noun = if *changes == 1 { "change" } else { "changes" };
                write!(f, "the handler failed on {changes} {noun}: {why}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_change_is_told_as_one() {
        let told = |changes| Report::HandlerFailed { changes, why: "it panicked".into() };
        assert_eq!(told(1).to_string(), "the handler failed on 1 change: it panicked");
        assert_eq!(told(2).to_string(), "the handler failed on 2 changes: it panicked");
    }
}
