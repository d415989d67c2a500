//! Records that arrive: from a `get` of either lane, or adopted by the sweep.

use super::{Lane, Saved, Settle, Stage, Work};
use crate::defect::Defect;
use crate::id::ProcessId;
use crate::record::{Key, Record, Records};
use crate::rule::Registry;
use crate::wire::Row;

impl Lane {
    /// Takes rows into hand; gives how many were new. A row that is in hand already, or judged and
    /// only waiting to be cleared, counts for nothing.
    pub(crate) fn arrive(
        &mut self,
        rows: Vec<(Row, ProcessId)>,
        settle: &Settle,
        registry: &Registry,
        attempts: u32,
    ) -> u64 {
        let mut new = 0;
        for (row, process) in rows {
            let (key, record) = Key::of(row, Some(process), registry);
            let known = self.known(record.id).is_some_and(|known| known.is_same(&record));
            if known || settle.is_cleared(&record) {
                continue;
            }
            self.take(key, record, attempts);
            new += 1;
        }
        new
    }

    /// Takes one record into hand, from wherever else it was: the portal has freed and changed it.
    pub(crate) fn take(&mut self, key: Key, mut record: Record, attempts: u32) {
        let id = record.id;
        record.kept |= self.displace(id);
        if let Some(process) = record.process.clone() {
            let changed_at = record.changed_at.clone();
            self.reservations.change(process, |reservation| {
                if reservation.records.insert(id, changed_at) {
                    reservation.saved = Saved::No;
                }
            });
        }
        if self.work(&key).is_none() {
            self.begin(key, Work::new(Records::from_iter([(id, record)]), attempts));
            return;
        }
        self.placed.insert(id, key.clone());
        let broken = self.broken;
        self.update(&key, |work| {
            let resting = matches!(work.stage, Stage::Resting { .. });
            let other = work.records.values().all(|known| known.message != record.message);
            let resumed = resting
                && ((broken.has(Defect::ResumeWhenErrored) && record.errored)
                    || (broken.has(Defect::RestByMessage) && other));
            let doubled =
                matches!(work.stage, Stage::Delivered(_)) && broken.has(Defect::TwoAtOnce);
            if resumed || doubled {
                work.records.insert(id, record);
                work.join();
                work.stage = Stage::Unread;
            } else if work.is_past_reading() && !broken.has(Defect::StaleJoin) {
                work.later.insert(id, record);
            } else {
                work.records.insert(id, record);
            }
        });
    }
}
