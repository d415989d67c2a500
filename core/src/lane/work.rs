//! An object on its way to the user's code, and how far it has come.

use crate::change::{Origin, State};
use crate::clock::Moment;
use crate::fingerprint::Fingerprint;
use crate::id::{BatchId, RecordId};
use crate::record::{self, Records};

/// A change that failed for good; its records stay reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parked {
    pub(crate) records: Records,
    pub(crate) attempts: u32,
}

/// An object on its way to the user's code.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    /// What the present attempt stands for.
    pub(crate) records: Records,
    /// What arrived since its data was asked for.
    pub(crate) later: Records,
    pub(crate) stage: Stage,
    pub(crate) tries: Tries,
    pub(crate) origin: Origin,
    pub(crate) way: Way,
    /// It has been through `event.offline.error`: it is parked if it fails again.
    pub(crate) registered: bool,
    /// When its rest after that ended.
    pub(crate) rested_by: Moment,
    /// What was delivered last, where it is compared with a later reading.
    pub(crate) delivered: Option<Fingerprint>,
    /// The delivery that was done last and no longer was what the portal had.
    pub(crate) overtaken: Option<Fingerprint>,
    /// Judged done; it is read again before its records are cleared.
    pub(crate) done: bool,
    /// How often that reading differed.
    pub(crate) differed: u32,
}

/// How often the user's code, and the portal, failed on an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tries {
    pub(crate) failed: u32,
    /// With so many failures it is rejected.
    pub(crate) most: u32,
    pub(crate) unreadable: u32,
    /// How often a batch failed with this object and not without it.
    pub(crate) strikes: u32,
    /// Failures since the user's code last succeeded at anything, and when that was.
    pub(crate) suspect: u32,
    pub(crate) suspect_since: u64,
    /// At most so many changes in the batch that it is delivered in.
    pub(crate) companions: u32,
}

/// How an object is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// With others of its kind, where the kind has such a method.
    Many,
    /// By itself: a list left it out, or could not be had.
    One,
}

/// How far an object has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    Unread,
    Reading,
    Ready {
        state: State,
        data: Option<String>,
    },
    Delivered(BatchId),
    Waiting {
        until: Moment,
    },
    /// Rejected; the journal does not know yet that `error` will be sent.
    Intent,
    /// `error` may be sent.
    ErrorDue,
    /// `error` was sent; nothing of the object moves before this moment.
    Resting {
        until: Moment,
    },
    /// The rest is over; the error lane is to be looked at.
    Looking,
}

impl Work {
    pub(crate) fn new(records: Records, attempts: u32) -> Work {
        Work {
            origin: record::origin(&records),
            records,
            later: Records::new(),
            stage: Stage::Unread,
            tries: Tries::new(0, attempts),
            way: Way::Many,
            registered: false,
            rested_by: Moment(0),
            delivered: None,
            overtaken: None,
            done: false,
            differed: 0,
        }
    }

    pub(super) fn anchor(&self) -> RecordId {
        self.records.keys().next().copied().unwrap_or(RecordId(0))
    }

    pub(super) fn size(&self) -> u64 {
        (self.records.len() + self.later.len()) as u64
    }

    /// Everything that arrived joins: the next reading comes after all of it.
    /// What is done stands for what was delivered alone.
    pub(crate) fn join(&mut self) {
        if !self.done {
            self.records.extend(std::mem::take(&mut self.later));
            self.delivered = None;
        }
    }

    /// The records, and behind `#` what was delivered where that is compared later: the same records
    /// with newer data are another change to whoever has applied them.
    pub(crate) fn idempotency_key(&self) -> String {
        let records = record::idempotency_key(&self.records);
        self.effect().map_or_else(|| records.clone(), |effect| format!("{records}#{effect}"))
    }

    /// What the last delivery was, after those that were done and overtaken: another consumer may have
    /// brought the same state before one of them brought an older one.
    pub(super) fn effect(&self) -> Option<Fingerprint> {
        let delivered = self.delivered?;
        Some(self.overtaken.map_or(delivered, |before| before.and(&delivered.to_string())))
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.stage, Stage::Waiting { .. }) || self.is_aside()
    }

    /// Rejected and registered: nothing of the object moves before its rest is over.
    pub(super) fn is_aside(&self) -> bool {
        match self.stage {
            Stage::Unread
            | Stage::Reading
            | Stage::Ready { .. }
            | Stage::Delivered(_)
            | Stage::Waiting { .. } => false,
            Stage::Intent | Stage::ErrorDue | Stage::Resting { .. } | Stage::Looking => true,
        }
    }

    /// Whether a new record must wait for the next reading.
    pub(super) fn is_past_reading(&self) -> bool {
        self.done || !matches!(self.stage, Stage::Unread | Stage::Waiting { .. })
    }
}

impl Tries {
    pub(crate) fn new(failed: u32, more: u32) -> Tries {
        Tries {
            failed,
            most: failed.saturating_add(more),
            unreadable: 0,
            strikes: 0,
            suspect: 0,
            suspect_since: 0,
            companions: u32::MAX,
        }
    }
}
