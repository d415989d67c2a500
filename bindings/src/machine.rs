//! The machine as an object of the other language.

use std::sync::{Arc, Mutex, TryLockError};

use b24_offline_core::{
    Config, ConfigError, Input, JournalContents, Misuse, Status, Step, Timestamp,
};
use thiserror::Error;

/// Why the machine did not answer. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, Error, uniffi::Error)]
#[uniffi(flat_error)]
pub enum MachineError {
    /// The configuration can't work, or the journal is another queue's.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The host broke the contract.
    #[error(transparent)]
    Misuse(#[from] Misuse),
    /// It was freed.
    #[error("the machine was freed; open another one")]
    Freed,
    /// It is in use by another call.
    #[error("the machine is in use by another call; give it one input at a time")]
    Busy,
    /// An earlier call panicked.
    #[error(
        "the machine failed in an earlier call, which is a mistake in b24-offline; open another \
         one on the same journal"
    )]
    Broken,
}

/// The state machine that drains one queue, as [`b24_offline_core::Machine`] describes it.
#[derive(Debug, uniffi::Object)]
pub struct Machine {
    inner: Mutex<Option<b24_offline_core::Machine>>,
}

#[uniffi::export]
impl Machine {
    /// Opens the machine on what the host found in its journal. The first input is `Tick`. `seed` feeds the
    /// jitter of back-offs: the same seed and inputs give the same steps.
    #[uniffi::constructor]
    pub fn open(
        config: Config,
        journal: JournalContents,
        seed: u64,
        now: Timestamp,
    ) -> Result<Arc<Machine>, MachineError> {
        let machine = b24_offline_core::Machine::open(config, journal, seed, now)?;
        Ok(Arc::new(Machine { inner: Mutex::new(Some(machine)) }))
    }

    /// Takes one input and answers with one complete step.
    pub fn handle(&self, input: Input, now: Timestamp) -> Result<Step, MachineError> {
        self.with(|machine| Ok(machine.handle(input, now)?))
    }

    /// How it is doing.
    pub fn status(&self) -> Result<Status, MachineError> {
        self.with(|machine| Ok(machine.status()))
    }

    /// Frees its memory now; every later call answers `Freed`. Nothing is lost: the next machine on the same
    /// journal carries on.
    pub fn free(&self) -> Result<(), MachineError> {
        self.locked(|machine| {
            *machine = None;
            Ok(())
        })
    }
}

impl Machine {
    fn with<T>(
        &self,
        work: impl FnOnce(&mut b24_offline_core::Machine) -> Result<T, MachineError>,
    ) -> Result<T, MachineError> {
        self.locked(|machine| work(machine.as_mut().ok_or(MachineError::Freed)?))
    }

    fn locked<T>(
        &self,
        work: impl FnOnce(&mut Option<b24_offline_core::Machine>) -> Result<T, MachineError>,
    ) -> Result<T, MachineError> {
        match self.inner.try_lock() {
            Ok(mut machine) => work(&mut machine),
            Err(TryLockError::WouldBlock) => Err(MachineError::Busy),
            Err(TryLockError::Poisoned(_)) => Err(MachineError::Broken),
        }
    }
}

#[cfg(test)]
mod tests {
    use b24_offline_core::{EventName, Phase};

    use super::*;

    fn open() -> Arc<Machine> {
        let config = Config::new("portal.example", vec![EventName::new("ONCRMDEALADD").unwrap()]);
        Machine::open(config, JournalContents::default(), 7, Timestamp(1)).unwrap()
    }

    #[test]
    fn a_freed_machine_says_so() {
        let machine = open();
        assert_eq!(machine.status().unwrap().phase, Phase::Checking);
        machine.free().unwrap();
        assert_eq!(machine.handle(Input::Tick, Timestamp(2)), Err(MachineError::Freed));
        assert_eq!(machine.status(), Err(MachineError::Freed));
        assert_eq!(machine.free(), Ok(()));
    }

    #[test]
    fn a_machine_in_use_says_so() {
        let machine = open();
        let inside = machine.locked(|_| Ok(machine.status())).unwrap();
        assert_eq!(inside, Err(MachineError::Busy));
    }

    #[test]
    fn after_a_panic_it_says_so() {
        let machine = open();
        let call = std::panic::AssertUnwindSafe(|| machine.locked::<()>(|_| panic!("on purpose")));
        assert!(std::panic::catch_unwind(call).is_err());
        assert_eq!(machine.status(), Err(MachineError::Broken));
    }

    #[test]
    fn misuse_is_told_in_the_cores_words() {
        let input = Input::Saved {
            save: b24_offline_core::SaveId(9),
            outcome: b24_offline_core::SaveOutcome::Done,
        };
        let error = open().handle(input, Timestamp(2)).unwrap_err();
        assert_eq!(error.to_string(), "Saved names save 9, which is not open");
    }
}
