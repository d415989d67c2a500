//! Errors, split by whose fault they are: [`ConfigError`] is the configuration's,
//! [`Misuse`] the host's. Whatever the portal does is never an error here: it becomes state and a
//! [`Notice`](crate::Notice).

use thiserror::Error;

use crate::id::{BatchId, CallId, SaveId, WriteId};

/// A text that is no valid id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Error), uniffi(flat_error))]
pub enum InvalidValue {
    /// Empty, over 128 bytes, or with control characters.
    #[error("a process_id must have 1 to 128 characters without control characters")]
    ProcessId,
    /// Empty, over 128 bytes, or with control characters.
    #[error("a MESSAGE_ID must have 1 to 128 characters without control characters")]
    MessageId,
    /// An empty connector is not the same as none.
    #[error("the connector is empty; leave it out to use the queue without a source")]
    ConnectorEmpty,
    /// The portal keeps 255 bytes.
    #[error("the connector has {bytes} bytes; a portal keeps at most 255, choose a shorter one")]
    ConnectorTooLong {
        /// How many bytes it has.
        bytes: usize,
    },
    /// Control characters, or white space at an end.
    #[error("the connector has control characters or white space at its ends; remove them")]
    ConnectorCharacters,
    /// Not a name of an event.
    #[error("'{text}' is no name of an event; names look like ONCRMDEALUPDATE")]
    EventName {
        /// What was given, at most 100 characters of it.
        text: String,
    },
    /// `ONOFFLINEEVENT` announces the queue and can't be queued itself (F20).
    #[error("ONOFFLINEEVENT announces the queue and cannot be recorded in it; name other events")]
    EventOfTheQueue,
}

/// Why [`Machine::open`](crate::Machine::open) refuses.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Error), uniffi(flat_error))]
pub enum ConfigError {
    /// No event named.
    #[error("no event is named; name at least one, for example ONCRMDEALUPDATE")]
    NoEvents,
    /// `OnReject::Register` needs a durable journal.
    #[error(
        "registering rejected changes with event.offline.error needs a durable journal, or a crash \
         would lose them; name a journal, or park rejected changes"
    )]
    RegisterNeedsJournal,
    /// [`Mode::Delete`](crate::Mode::Delete) needs a durable journal.
    #[error(
        "draining by deletion needs a durable journal, which is the only copy then; name a journal, \
         or use the mode auto or reserve"
    )]
    DeleteNeedsJournal,
    /// `OnReject::Register` is for a single consumer.
    #[error(
        "registering rejected changes with event.offline.error is for a single consumer: that call \
         deletes what another one has reserved; park rejected changes, or let one consumer drain the \
         queue"
    )]
    RegisterNeedsSole,
    /// A number outside its range.
    #[error("{option} must be {range}")]
    OutOfRange {
        /// Which option.
        option: &'static str,
        /// The range in words.
        range: &'static str,
    },
    /// A rule of the user's that can't be used.
    #[error("the retrieval rule for {kind}: {why}")]
    Rule {
        /// The rule's kind.
        kind: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The journal belongs to another portal or queue.
    #[error(
        "the journal belongs to {found}, not to {wanted}; it was left untouched, name another \
         journal"
    )]
    ForeignJournal {
        /// Whose it is.
        found: String,
        /// What is configured.
        wanted: String,
    },
    /// The journal was written by a newer version.
    #[error(
        "the journal has format {found}, this version reads up to {known}; use a newer version"
    )]
    NewerJournal {
        /// The journal's format.
        found: u64,
        /// The newest format known here.
        known: u64,
    },
}

/// The host broke the contract of [`Machine::handle`](crate::Machine::handle). Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Error), uniffi(flat_error))]
pub enum Misuse {
    /// A reply to a call that was never handed out.
    #[error("Replied names call {0}, which was never handed out")]
    NoSuchCall(CallId),
    /// Verdicts for a batch that is not open.
    #[error("Judged names batch {0}, which is not open")]
    NoSuchBatch(BatchId),
    /// A verdict for a change that is not, or no longer, open in its batch.
    #[error("Judged names the change '{key}', which is not open in batch {batch}")]
    NoSuchChange {
        /// The batch.
        batch: BatchId,
        /// The idempotency key that was given.
        key: String,
    },
    /// A save that is not open.
    #[error("Saved names save {0}, which is not open")]
    NoSuchSave(SaveId),
    /// A write with an id that is in use.
    #[error("Write uses id {0}, which an open write has")]
    WriteIdInUse(WriteId),
    /// A write whose parameters are no JSON object.
    #[error("the parameters of write {0} are not a JSON object")]
    WriteParams(WriteId),
    /// The machine has ended.
    #[error("the machine has ended; {input} came too late")]
    Ended {
        /// The input's name.
        input: &'static str,
    },
}
