//! What a sweep has found: reservations that nobody owns, or somebody else.

use crate::answers::Together;
use crate::defect::Defect;
use crate::id::ProcessId;
use crate::machine::Machine;
use crate::notice::Notice;
use crate::sweep::Finished;
use crate::wire::{Row, Rows};

impl Machine {
    pub(crate) fn swept(&mut self, together: Together, number: u64) {
        let now = self.now();
        self.leases.answered(self.book.portal_now());
        let expected = self.known_reserved();
        let mut rows: Vec<(Row, ProcessId)> = Vec::new();
        for (gap, pages) in together.pages {
            let listed: Vec<Option<&Rows>> = pages.iter().map(Option::as_ref).collect();
            let total = together.total.get(&gap).copied();
            self.sweep.listed(gap, &listed, total);
            if total == Some(expected) {
                self.sweep.all_accounted_for();
            }
            for page in pages.into_iter().flatten() {
                for why in page.strange {
                    self.notice(Notice::StrangeRecord { why });
                }
                let owned = |row: Row| row.process.clone().map(|process| (row, process));
                rows.extend(page.rows.into_iter().filter_map(owned));
            }
        }
        self.adopt(rows, number);
        let period = self.book.random.jitter(self.sweep.period());
        let first = self.sweep.completed == 0;
        if let Some(finished) = self.sweep.finish(now, period, together.strange) {
            self.sweep_over(finished, first);
        }
    }

    /// Takes into hand what is nobody else's.
    fn adopt(&mut self, rows: Vec<(Row, ProcessId)>, number: u64) {
        self.watch_listed(&rows);
        let inherited = |(_, process): &(Row, ProcessId)| self.ledger.inherited.contains(process);
        let ignored = |orphan: &(Row, ProcessId)| {
            (self.has(Defect::AdoptNothing) && inherited(orphan))
                || (self.has(Defect::SweepNewOnly) && orphan.0.errored)
        };
        let rows: Vec<(Row, ProcessId)> = rows.into_iter().filter(|row| !ignored(row)).collect();
        let orphans: Vec<(Row, ProcessId)> = if self.leases.is_shared() {
            rows.into_iter().filter(|(row, process)| self.may_adopt(row, process)).collect()
        } else {
            rows
        };
        let inherited = |(_, process): &(Row, ProcessId)| self.ledger.inherited.contains(process);
        let strangers = orphans.iter().filter(|orphan| !inherited(orphan)).count() as u64;
        let new = self.arrive(orphans, number);
        let adopted = new.min(strangers);
        let now_told = self.sweep.adopted(adopted);
        self.tell_of_adopted(now_told);
        self.book.counters.adopted = self.book.counters.adopted.saturating_add(adopted);
    }

    /// With several consumers only what is known here is ours; all else goes by its lease.
    fn may_adopt(&mut self, row: &Row, process: &ProcessId) -> bool {
        let now = self.now();
        self.is_known(row, process)
            || self.is_ours(process)
            || self.ledger.inherited.contains(process)
            || self.leases.listed(process, row, now)
    }

    /// Whether the very record is in hand, or waits to be cleared.
    pub(crate) fn is_known(&self, row: &Row, process: &ProcessId) -> bool {
        self.lane.holds(row.id, process, &row.changed_at)
            || self.settle.waits(process, row.id, &row.changed_at)
    }

    /// Whether the reservation is in hand, waits to be cleared, or holds something that is parked: what
    /// else stands under it is not listed by most sweeps, so no lease would ever end for it.
    pub(crate) fn is_ours(&self, process: &ProcessId) -> bool {
        self.lane.reservations.contains_key(process)
            || self.settle.has(process)
            || self.lane.has_parked_under(process)
    }

    fn sweep_over(&mut self, finished: Finished, first: bool) {
        self.tell_of_adopted(finished.untold);
        self.book.counters.sweeps = self.book.counters.sweeps.saturating_add(1);
        self.reserve.after_sweep = false;
        self.settle.proven = false;
        let now = self.now();
        self.leases.finish(now, self.book.portal_now());
        self.sweep.look_at(self.leases.next_look());
        self.watch_finished(finished);
        self.keep_ageing();
        if first && !self.has(Defect::AdoptNothing) {
            self.forget_what_is_gone();
        }
    }

    fn tell_of_adopted(&mut self, records: u64) {
        if records > 0 {
            self.notice(Notice::Adopted { records });
        }
    }

    /// The first sweep has shown everything that the portal still holds: what an earlier run noted
    /// besides has been settled.
    fn forget_what_is_gone(&mut self) {
        for process in std::mem::take(&mut self.ledger.inherited) {
            if !self.lane.reservations.contains_key(&process) {
                self.ledger.delete_reservation(&process);
            }
        }
        for (key, failed) in std::mem::take(&mut self.ledger.retrying) {
            if self.deletion.holds(&key) {
                self.ledger.retrying.insert(key, failed);
            } else {
                self.ledger.delete_object(&key);
            }
        }
    }
}
