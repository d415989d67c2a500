//! Whether somebody else is at work on a queue that is told to have one consumer.
//!
//! Two things show it: reservations that no call of ours can have made, and records of ours that are
//! gone without our clear. A call with an unknown outcome may explain either for as long as it can
//! still execute, and so may those of an earlier run.

use crate::clock::Moment;
use crate::config::OnReject;
use crate::id::{ProcessId, RecordId};
use crate::machine::Machine;
use crate::notice::{Evidence, Notice};
use crate::ordered::{Map, Set};
use crate::record::Records;
use crate::sweep::{Finished, LATE};
use crate::time::portal_seconds;
use crate::wire::Row;

/// Records that changed longer ago may be gone because the portal deletes them at 30 days (F4).
const OLD: i64 = 25 * 86_400;

/// What the sweeps have shown so far.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    /// The last round with an unknown outcome that was noticed.
    unknown: u64,
    /// From then on nothing of it can execute any more.
    clear_from: Moment,
    /// A sweep has shown everything that such calls have left.
    sure: bool,
    /// Unknown reservations in the present sweep, with their records.
    strangers: Map<ProcessId, u64>,
    /// Records in hand that this run has not seen reserved when no earlier call could execute any
    /// more, and those that were told to be gone.
    unproven: Set<RecordId>,
    /// In hand when the present sweep began, and not listed yet.
    missing: Set<RecordId>,
}

impl Default for Watch {
    fn default() -> Self {
        Watch {
            unknown: 0,
            // an earlier run may have ended with calls on their way
            clear_from: Moment(0).plus(LATE),
            sure: false,
            strangers: Map::new(),
            unproven: Set::new(),
            missing: Set::new(),
        }
    }
}

impl Machine {
    /// Records known from the journal alone may be gone already.
    pub(crate) fn watch_inherited(&mut self, records: &Records) {
        self.watch.unproven.extend(records.keys().copied());
    }

    pub(crate) fn watch_begins(&mut self, now: Moment) {
        self.leases.begin(now);
        if self.leases.is_shared() {
            return;
        }
        if self.reserve.last_unknown > self.watch.unknown {
            self.watch.unknown = self.reserve.last_unknown;
            self.watch.clear_from = now.plus(LATE);
            self.watch.sure = false;
        }
        self.watch.strangers = Map::new();
        self.watch.missing =
            if self.sweep.lists_everything() { self.watched() } else { Set::new() };
    }

    /// Records in hand whose absence would tell something.
    fn watched(&self) -> Set<RecordId> {
        let registers = self.config.on_reject == OnReject::Register;
        let now = i64::try_from(self.book.portal_now().0 / 1_000).unwrap_or(i64::MAX);
        let mut watched = Set::new();
        for record in self.lane.reserved(registers) {
            let at = portal_seconds(&record.changed_at).unwrap_or(i64::MIN);
            let tells = now.saturating_sub(at) < OLD && !self.settle.is_cleared(record);
            if tells && !self.watch.unproven.contains(&record.id) {
                watched.insert(record.id);
            }
        }
        watched
    }

    /// Rows that a sweep has listed, before they are taken into hand.
    pub(crate) fn watch_listed(&mut self, rows: &[(Row, ProcessId)]) {
        if self.leases.is_shared() {
            return;
        }
        let proves = self.sweep.began().is_some_and(|began| began >= Moment(0).plus(LATE));
        let mut strangers = std::mem::take(&mut self.watch.strangers);
        let mut parked: Option<Set<ProcessId>> = None;
        for (row, process) in rows {
            self.watch.missing.remove(&row.id);
            if self.is_known(row, process) {
                if proves {
                    self.watch.unproven.remove(&row.id);
                }
                continue;
            }
            self.watch.unproven.insert(row.id);
            if let Some(records) = strangers.get_mut(process) {
                *records += 1;
                continue;
            }
            let ours = self.is_ours(process) || self.ledger.inherited.contains(process);
            // parked records keep their reservations known
            if !ours && !parked.get_or_insert_with(|| self.lane.processes()).contains(process) {
                strangers.insert(process.clone(), 1);
            }
        }
        self.watch.strangers = strangers;
    }

    /// A sweep is over: tells what it has shown.
    pub(crate) fn watch_finished(&mut self, finished: Finished) {
        let known = self.reserve.last_unknown == self.watch.unknown;
        let clear = known && finished.began >= self.watch.clear_from;
        let missing = std::mem::take(&mut self.watch.missing);
        let records = std::mem::take(&mut self.watch.strangers).into_values().sum();
        if std::mem::replace(&mut self.watch.sure, clear) && clear && records > 0 {
            self.notice(Notice::AnotherConsumer(Evidence::Reserved { records }));
        }
        if !finished.everything || self.leases.is_shared() {
            return;
        }
        if clear && !missing.is_empty() {
            let watched = self.watched();
            let gone: Vec<RecordId> =
                missing.iter().filter(|id| watched.contains(id)).copied().collect();
            let records = gone.len() as u64;
            // told once
            self.watch.unproven.extend(gone);
            if records > 0 {
                self.notice(Notice::AnotherConsumer(Evidence::Cleared { records }));
            }
        }
        let unproven = std::mem::take(&mut self.watch.unproven).into_iter();
        self.watch.unproven = unproven.filter(|id| self.lane.is_in_hand(*id)).collect();
    }
}
