//! Inputs that break the contract are refused before anything changes.

use crate::change::Verdicts;
use crate::error::Misuse;
use crate::id::BatchId;
use crate::input::Input;
use crate::json::Value;
use crate::machine::{Machine, PhaseState};
use crate::ordered::Set;

impl Machine {
    /// Refuses what breaks the contract, before anything changes.
    pub(crate) fn admit(&self, input: &Input) -> Result<(), Misuse> {
        if matches!(self.phase, PhaseState::Ended(_)) {
            return Err(Misuse::Ended { input: input.name() });
        }
        match input {
            Input::Replied { call, .. } if call.0 >= self.book.next_id => {
                Err(Misuse::NoSuchCall(*call))
            }
            Input::Judged { batch, verdicts } => self.admit_verdicts(*batch, verdicts),
            Input::Saved { save, .. } if !self.ledger.is_open(*save) => {
                Err(Misuse::NoSuchSave(*save))
            }
            Input::Write { write, .. } if self.writes.is_open(*write) => {
                Err(Misuse::WriteIdInUse(*write))
            }
            Input::Write { write, params, .. } => {
                let object = Value::read(params).filter(Value::is_object);
                object.map(|_| ()).ok_or(Misuse::WriteParams(*write))
            }
            Input::Tick
            | Input::Nudge
            | Input::Replied { .. }
            | Input::Saved { .. }
            | Input::Redrive(_)
            | Input::Stop => Ok(()),
        }
    }

    fn admit_verdicts(&self, batch: BatchId, verdicts: &Verdicts) -> Result<(), Misuse> {
        let open = self.handler.open.get(&batch).ok_or(Misuse::NoSuchBatch(batch))?;
        let (Verdicts::Some(named) | Verdicts::All { except: named, .. }) = verdicts;
        let mut seen = Set::new();
        for judgement in named {
            if !open.open.contains_key(&judgement.key) || !seen.insert(&judgement.key) {
                return Err(Misuse::NoSuchChange { batch, key: judgement.key.clone() });
            }
        }
        Ok(())
    }
}
