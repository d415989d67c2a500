//! Whether a clear clears: it answers `true` also when nothing matched (F15).
//!
//! The first clear of a run, and the first after each sweep, is followed in the same batch by a look
//! at what it named. If that is still there, nothing of the round counts as cleared.

use crate::id::{ProcessId, RecordId};
use crate::json::{Raw, Value};
use crate::machine::Machine;
use crate::round::Ask;
use crate::wire::{Row, Rows};

const CLEAR: &str = "event.offline.clear";
/// A look names at most so many records: a page of them.
const MOST_IDS: usize = 50;

/// The look behind a clear.
pub(crate) fn behind(clear: &Ask) -> Option<Ask> {
    let Ask::Clear { process, ids } = clear else { return None };
    let ids = ids.iter().copied().take(MOST_IDS).collect();
    Some(Ask::Probe { process: process.clone(), ids })
}

/// The parameters of its `event.offline.list`.
pub(crate) fn params(process: &ProcessId, ids: &[RecordId]) -> Value {
    let ids = ids.iter().map(|id| Value::from(id.0)).collect();
    let filter = [("PROCESS_ID", process.as_str().into()), ("@ID", ids)];
    Value::object([("filter", Value::object(filter))])
}

impl Machine {
    /// What the look says. A record that another consumer has taken meanwhile stands under another
    /// process_id (F13), and is not ours to clear.
    pub(crate) fn probed(&mut self, process: &ProcessId, ids: &[RecordId], result: Raw<'_>) {
        let cleared = self.together.cleared.iter().any(|(cleared, _)| cleared == process);
        let Some(rows) = Rows::of_list(result).filter(|rows| cleared && rows.strange.is_empty())
        else {
            return;
        };
        let left = |row: &&Row| ids.contains(&row.id) && row.process.as_ref() == Some(process);
        let left = rows.rows.iter().filter(left).count();
        self.settle.proven = left == 0;
        if left > 0 {
            self.together.refuted = true;
            let why = format!(
                "{CLEAR} says that it has cleared and has not: {left} of {} records looked at are \
                 still there. Check that the connector is spelt as it is bound, and what stands \
                 between here and the portal; what was done stays reserved and is cleared again",
                ids.len()
            );
            self.trouble(CLEAR, why);
        }
    }

    /// The clears of a round were answered; they count unless the look has refuted them.
    pub(crate) fn settled(&mut self, cleared: Vec<(ProcessId, Vec<RecordId>)>, refuted: bool) {
        for (process, ids) in cleared.into_iter().filter(|_| !refuted) {
            self.settle.cleared(&process, &ids);
            for id in ids {
                self.lane.release(&process, id);
                self.lane.forget_parked(&process, id);
            }
        }
    }
}
