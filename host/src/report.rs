//! What a host tells a person.

use std::fmt;

use b24_offline_core::{Notice, Severity};

/// Something a person may want to know; `Display` gives one sentence without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// From the machine.
    Notice(Notice),
    /// The handler panicked or answered what makes no sense; its changes are given to it again.
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
                write!(f, "the handler failed ({why}); its {changes} changes are tried again")
            }
        }
    }
}
