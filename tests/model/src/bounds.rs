//! The bounds of a world: how it is configured and how much may happen in it.

use b24_offline_core::{
    BatchSize, Config, Consumers, Durability, EventName, Limits, Millis, OnReject, Retry,
};

use crate::wire::EVENT_NAMES;

/// How much may still happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Left {
    /// Changes of objects.
    pub changes: u8,
    /// Kills.
    pub crashes: u8,
    /// Faults of the network or the portal.
    pub faults: u8,
    /// Verdicts other than done.
    pub failures: u8,
    /// Records put into the error lane by another tool.
    pub errors: u8,
    /// Redrives by the user.
    pub redrives: u8,
    /// Times that a month nearly passes.
    pub months: u8,
    /// Changes of the plan.
    pub plans: u8,
}

/// A bounded world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Names it on the command line.
    pub name: &'static str,
    /// What is special about it.
    pub about: &'static str,
    /// Only with `--deep`.
    pub deep: bool,
    /// How many objects change.
    pub objects: u8,
    /// How many events an object has.
    pub events: u8,
    /// How many machines drain the queue.
    pub consumers: usize,
    /// Whether there is a journal.
    pub journal: bool,
    /// Rejected changes are registered first.
    pub register: bool,
    /// The server selects and marks in two steps (F13).
    pub two_steps: bool,
    /// Other things happen between the sub-calls of a batch.
    pub split: bool,
    /// Saves are durable before the machine hears of anything else. Otherwise whatever can happen happens
    /// meanwhile.
    pub prompt: bool,
    /// The queue is drained by deletion.
    pub delete: bool,
    /// How many records are reserved at once.
    pub batch: u32,
    /// How many attempts a change has.
    pub attempts: u32,
    /// How much may happen.
    pub left: Left,
}

impl Bounds {
    /// The machine's configuration in this world.
    #[must_use]
    pub fn config(&self) -> Config {
        let events = EVENT_NAMES.iter().take(usize::from(self.events));
        let events = events.filter_map(|name| EventName::new(*name).ok()).collect();
        let mut config = Config::new("portal.example", events);
        config.limits = Limits::Off;
        config.batch_size = BatchSize::Fixed(self.batch);
        config.sweep = Millis::seconds(60);
        config.retry = Retry { first_delay: Millis::seconds(1), attempts: self.attempts };
        if !self.journal {
            config.journal = Durability::None;
        }
        if self.register {
            config.on_reject = OnReject::Register;
        }
        if self.consumers > 1 {
            config.consumers = Consumers::Shared { lease: Millis::seconds(130) };
        }
        config
    }
}
