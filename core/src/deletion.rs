//! Lossless deletion: list, write to the journal, delete exactly what was listed, deliver from the journal.
//!
//! The way of plans without reservation, and on every plan that of records close to the age at which the
//! portal deletes reserved ones (F4): reserving those would make them deletable at once. An object's data is
//! read after the deletion, so a change between list and deletion is in it.

mod drive;

use crate::clock::Moment;
use crate::id::RecordId;
use crate::ordered::{Map, Set};
use crate::record::{Key, Record};
use crate::round::Side;
use crate::sweep::LATE;
use crate::time::{Millis, Timestamp, portal_seconds};

/// Records this old are written to the journal before they are reserved: the portal keeps reserved ones for
/// 30 days at least (F4).
const OLD: Millis = Millis::seconds(29 * 86_400);
/// So long it holds that nothing which the journal does not know is that old.
const HOLDS: Millis = Millis::seconds(3_600);
/// After having been away for longer than this, what was reserved and not that old may have been deleted.
pub(crate) const LONG: Millis = Millis::seconds(23 * 3_600);

/// Records on their way out of the queue.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deletion {
    listed: Map<RecordId, Listed>,
    unsure: Map<RecordId, Unsure>,
    /// Since when no free record is known to be old.
    pub(crate) checked: Option<Moment>,
    /// A whole page of free records was old.
    many: bool,
    /// Rows that could not be read, and were told of.
    strange: Vec<String>,
    /// What was deleted last, as far as the portal's answers go.
    gone: Set<RecordId>,
    /// How often in a row some of it was listed again, and until when the queue is left alone for that.
    returned: u32,
    rested: bool,
    pub(crate) rests_until: Moment,
}

/// So many records that were deleted are remembered.
const MOST_GONE: usize = 4_096;
/// The pause after a deletion that has deleted nothing; it doubles, up to the longest.
const PAUSE: Millis = Millis::seconds(2);
const LONGEST_PAUSE: Millis = Millis::seconds(300);

/// A listed record.
#[derive(Debug, Clone)]
struct Listed {
    key: Key,
    record: Record,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The journal does not know it yet.
    Saving,
    /// It may be deleted.
    Due,
    /// The call that deletes it is on its way.
    Asked,
}

/// A record that was perhaps deleted, or will be within the time of a late request (F31).
#[derive(Debug, Clone)]
struct Unsure {
    key: Key,
    record: Record,
    until: Moment,
}

/// Consecutive IDs, all of them listed: a range that goes beyond could hold a record that was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) side: Side,
    pub(crate) first: RecordId,
    pub(crate) last: RecordId,
}

impl Run {
    pub(crate) fn len(&self) -> u64 {
        self.last.0.saturating_sub(self.first.0).saturating_add(1)
    }

    fn ids(self) -> impl Iterator<Item = RecordId> {
        (self.first.0..=self.last.0).map(RecordId)
    }
}

/// Whether a record of this TIMESTAMP_X is so old that it must be in the journal.
pub(crate) fn is_old(changed_at: &str, portal: Timestamp) -> bool {
    let changed = portal_seconds(changed_at).and_then(|seconds| u64::try_from(seconds).ok());
    changed.is_some_and(|changed| portal.since(Timestamp(changed.saturating_mul(1_000))) >= OLD)
}

impl Deletion {
    /// A record that an earlier run has written to the journal: whether it was deleted is not known.
    pub(crate) fn inherit(&mut self, key: Key, record: Record, opened: Moment) {
        let until = opened.plus(LATE);
        self.unsure.insert(record.id, Unsure { key, record, until });
    }

    /// A free record was listed. Whatever an earlier call may still do to it, it goes by its own deletion
    /// now: delivered before that, its entry could be gone while the record is still to be deleted.
    pub(crate) fn list(&mut self, key: Key, record: Record) {
        self.unsure.remove(&record.id);
        self.listed.insert(record.id, Listed { key, record, stage: Stage::Saving });
    }

    pub(crate) fn is_listed(&self, id: RecordId) -> bool {
        self.listed.contains_key(&id)
    }

    /// The journal knows the record: it may be deleted.
    pub(crate) fn saved(&mut self, id: RecordId) {
        if let Some(listed) = self.listed.get_mut(&id) {
            listed.stage = Stage::Due;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.listed.is_empty() && self.unsure.is_empty()
    }

    /// Nothing that was listed is still in the queue as far as is known.
    pub(crate) fn is_through(&self) -> bool {
        self.listed.is_empty()
    }

    pub(crate) fn len(&self) -> u64 {
        (self.listed.len() + self.unsure.len()) as u64
    }

    pub(crate) fn is_due(&self) -> bool {
        self.listed.values().any(|listed| listed.stage == Stage::Due)
    }

    /// The next calls that delete, at most `most`: one for each run of consecutive IDs of a lane.
    pub(crate) fn runs(&mut self, most: usize) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (id, listed) in self.listed.iter().filter(|(_, listed)| listed.stage == Stage::Due) {
            let side = listed.record.side();
            let follows =
                |run: &&mut Run| run.side == side && run.last.0.checked_add(1) == Some(id.0);
            if let Some(run) = runs.last_mut().filter(follows) {
                run.last = *id;
            } else if runs.len() < most {
                runs.push(Run { side, first: *id, last: *id });
            } else {
                break;
            }
        }
        for run in &runs {
            self.set(*run, Stage::Asked);
        }
        runs
    }

    fn set(&mut self, run: Run, stage: Stage) {
        for id in run.ids() {
            if let Some(listed) = self.listed.get_mut(&id) {
                listed.stage = stage;
            }
        }
    }

    /// The call surely was not executed.
    pub(crate) fn again(&mut self, run: Run) {
        self.set(run, Stage::Due);
    }

    /// The call was perhaps executed, perhaps will be.
    pub(crate) fn lost(&mut self, run: Run, now: Moment) {
        for id in run.ids() {
            if let Some(Listed { key, record, .. }) = self.listed.remove(&id) {
                self.unsure.insert(id, Unsure { key, record, until: now.plus(LATE) });
            }
        }
    }

    /// The call was executed: what was listed is no longer in the queue.
    pub(crate) fn taken(&mut self, run: Run) -> Vec<(Key, Record)> {
        let taken = run.ids().filter_map(|id| self.listed.remove(&id));
        let taken: Vec<(Key, Record)> = taken.map(|listed| (listed.key, listed.record)).collect();
        if self.gone.len() > MOST_GONE {
            self.gone = Set::new();
        }
        for (_, record) in &taken {
            self.gone.insert(record.id);
            self.unsure.remove(&record.id);
        }
        taken
    }

    /// Whether the queue still holds what was deleted: then it is left alone, longer each time. An ID is never
    /// given twice, so the portal has not done what it said.
    pub(crate) fn returned(&mut self, listed: &[RecordId], now: Moment) -> Option<Millis> {
        if !listed.iter().any(|id| self.gone.contains(id)) {
            self.returned = if listed.is_empty() { self.returned } else { 0 };
            return None;
        }
        // after the pause it is tried once more
        if std::mem::take(&mut self.rested) {
            return None;
        }
        self.rested = true;
        let pause = PAUSE.doubled(self.returned, LONGEST_PAUSE);
        self.returned = self.returned.saturating_add(1);
        self.rests_until = now.plus(pause);
        Some(pause)
    }

    /// A record that the journal knows is in hand by another way; `true` when it waited here.
    pub(crate) fn is_found(&mut self, id: RecordId) -> bool {
        let is_due = self.listed.get(&id).is_some_and(|listed| listed.stage == Stage::Due);
        self.unsure.remove(&id).is_some() || (is_due && self.listed.remove(&id).is_some())
    }

    /// What can't be deleted late any more is deleted again: only an answer tells that it is gone. Delivered
    /// before, a record that is still there would come once more under the same key, with newer data.
    pub(crate) fn ripen(&mut self, now: Moment) {
        let ripe = self.unsure.iter().filter(|(_, unsure)| unsure.until <= now);
        let ripe: Vec<RecordId> = ripe.map(|(id, _)| *id).collect();
        for id in ripe {
            if let Some(Unsure { key, record, .. }) = self.unsure.remove(&id) {
                self.listed.insert(id, Listed { key, record, stage: Stage::Due });
            }
        }
    }

    pub(crate) fn next_ripe(&self) -> Option<Moment> {
        self.unsure.values().map(|unsure| unsure.until).min()
    }

    /// Objects whose records wait here.
    pub(crate) fn holds(&self, key: &Key) -> bool {
        self.listed.values().any(|listed| listed.key == *key)
            || self.unsure.values().any(|unsure| unsure.key == *key)
    }

    /// Until when it holds that no free record is old.
    pub(crate) fn holds_until(&self) -> Moment {
        self.checked.map_or(Moment(0), |checked| checked.plus(HOLDS))
    }
}

#[cfg(feature = "view")]
#[path = "view/deletion.rs"]
mod view;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::deletion::{key, record};

    #[test]
    fn only_consecutive_ids_of_one_lane_go_into_one_call() {
        let mut deletion = Deletion::default();
        for (id, errored) in [(1, false), (2, false), (4, false), (5, true), (6, true), (9, false)]
        {
            deletion.list(key(id), record(id, errored));
        }
        assert_eq!(deletion.runs(9), []);
        for id in [1, 2, 4, 5, 6] {
            deletion.saved(RecordId(id));
        }
        let runs = deletion.runs(9);
        let spans: Vec<(u64, u64)> = runs.iter().map(|run| (run.first.0, run.last.0)).collect();
        assert_eq!(spans, [(1, 2), (4, 4), (5, 6)]);
        assert_eq!(deletion.runs(9), []);
        deletion.again(runs[1]);
        assert_eq!(deletion.runs(9), runs[1..2]);
    }

    #[test]
    fn what_was_perhaps_deleted_waits_for_as_long_as_a_request_may_be_late() {
        let mut deletion = Deletion::default();
        deletion.list(key(1), record(1, false));
        deletion.saved(RecordId(1));
        let runs = deletion.runs(1);
        deletion.lost(runs[0], Moment(1_000));
        assert!(deletion.is_through() && !deletion.is_empty());
        deletion.ripen(Moment(65_999));
        assert!(!deletion.is_due());
        deletion.ripen(Moment(66_000));
        assert_eq!(deletion.runs(1), runs);
        assert_eq!(deletion.taken(runs[0]).len(), 1);
        assert!(deletion.is_empty());
    }

    #[test]
    fn an_object_waits_here_while_a_record_of_it_is_listed_or_perhaps_deleted() {
        let mut deletion = Deletion::default();
        deletion.list(key(1), record(1, false));
        assert!(deletion.holds(&key(1)) && !deletion.holds(&key(2)));
        deletion.saved(RecordId(1));
        let runs = deletion.runs(1);
        deletion.lost(runs[0], Moment(0));
        assert!(deletion.holds(&key(1)) && !deletion.holds(&key(2)));
    }

    #[test]
    fn age_counts_from_the_change_by_the_portals_time() {
        let portal = Timestamp(1_795_434_072_000);
        assert!(is_old("2026-10-25T11:41:12Z", portal));
        assert!(!is_old("2026-10-25T11:41:13+00:00", portal));
        assert!(!is_old("some day", portal) && !is_old("2030-01-01T00:00:00Z", portal));
    }
}
