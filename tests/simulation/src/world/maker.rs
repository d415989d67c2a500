//! How machines are opened: as they are, or wrong in one way.

use b24_offline_core::{Config, ConfigError, JournalContents, Machine, Timestamp};

/// How machines are opened.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Maker {
    #[cfg(feature = "defect")]
    pub(crate) defect: Option<b24_offline_core::Defect>,
}

impl Maker {
    pub(super) fn open(
        self,
        config: Config,
        journal: JournalContents,
        seed: u64,
        now: Timestamp,
    ) -> Result<Machine, ConfigError> {
        #[cfg(feature = "defect")]
        if let Some(defect) = self.defect {
            return Machine::open_with_defect(defect, config, journal, seed, now);
        }
        Machine::open(config, journal, seed, now)
    }
}
