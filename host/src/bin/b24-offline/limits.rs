//! The bucket of requests, as `--limits` names it.

use clap::ValueEnum;

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LimitsName {
    Standard,
    Enterprise,
    Off,
}

impl LimitsName {
    /// The bucket that an emulated portal has.
    pub(crate) fn limits(self) -> b24_offline_emulator::Limits {
        match self {
            LimitsName::Standard => b24_offline_emulator::Limits::Standard,
            LimitsName::Enterprise => b24_offline_emulator::Limits::Enterprise,
            LimitsName::Off => b24_offline_emulator::Limits::Off,
        }
    }

    /// The same for a consumer that keeps to it.
    pub(crate) fn kept_to(self) -> b24_offline::Limits {
        match self {
            LimitsName::Standard => b24_offline::Limits::Standard,
            LimitsName::Enterprise => b24_offline::Limits::Enterprise,
            LimitsName::Off => b24_offline::Limits::Off,
        }
    }
}
