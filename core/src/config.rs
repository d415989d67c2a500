//! What the user decides once, at [`Machine::open`](crate::Machine::open).

use serde::{Deserialize, Serialize};

use crate::error::ConfigError;
use crate::id::{Connector, EventName};
use crate::rule::Rule;
use crate::time::Millis;

/// Twice the time limit of a call: a consumer that is alive moves on, or its calls have failed.
const LEAST_LEASE: Millis = Millis::seconds(130);

/// Everything the machine is told by its user. Start from [`Config::new`] and change fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct Config {
    /// Names the portal in the journal, so that another portal's journal is refused: the host
    /// part of its address, without scheme and path.
    pub portal: String,
    /// The source key; `None` is the queue without a source (F23, F25).
    pub connector: Option<Connector>,
    /// The events to be recorded; bound at start where missing (F20). At least one.
    pub events: Vec<EventName>,
    /// Rules for events that the built-in registry does not know, or knows otherwise.
    pub rules: Vec<Rule>,
    /// How the objects' data is read.
    pub retrieve: Retrieve,
    /// Who else drains this queue.
    pub consumers: Consumers,
    /// What becomes of a rejected change.
    pub on_reject: OnReject,
    /// Whether the host keeps what `Save` tells it over a restart.
    pub journal: Durability,
    /// Reservation or lossless deletion.
    pub mode: Mode,
    /// The portal's bucket of requests (F29).
    pub limits: Limits,
    /// How many records are reserved at once.
    pub batch_size: BatchSize,
    /// How long an empty queue is left alone; 10 ms to a day. While nothing comes and nothing is written it is left
    /// alone for longer: an eighth of that time, at most six times this interval and a minute; where changes
    /// announce themselves by nudges, half of that time and at most five minutes. A nudge is followed at once.
    pub poll: Millis,
    /// How long between two sweeps; 10 ms to a day.
    pub sweep: Millis,
    /// How a change that asks for another attempt is treated.
    pub retry: Retry,
    /// When the machine ends by itself.
    pub until: Until,
}

/// How the objects' data is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Retrieve {
    /// Many objects a call, where their kind has such a method. The default.
    List,
    /// One by one: gives fields that a list leaves out, at up to fifty times the cost.
    Get,
    /// Not at all: every change is [`State::Unread`](crate::State::Unread), deletions too.
    None,
}

/// Who drains the queue of this connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Consumers {
    /// This machine alone: reservations that nobody here knows are adopted at once.
    Sole,
    /// Others too, each started with `Shared`. A reservation that this machine does not know is left
    /// alone until it was seen unchanged for `lease`; then its consumer counts as dead and it is
    /// adopted. So a change that waits, hangs or is parked elsewhere for longer than the lease is
    /// delivered here as well.
    ///
    /// As two consumers may then hold two copies of one object, each object is read again after its
    /// change was judged done, and delivered again if it differs from what was delivered: nothing is
    /// cleared before. A field that differs at each reading makes its object be delivered again and
    /// again, at growing distances up to an hour: leave such fields out by a rule of your own. A change
    /// without data ([`State::Unread`](crate::State::Unread)) is not read again: there only the target
    /// can refuse older versions. So it is for a consumer that dies after having applied an old copy
    /// which another one has cleared meanwhile.
    ///
    /// Idempotency keys name the data as well: `#` and a hash follow the records, so that to an inbox
    /// the same records with newer data are another change. Without data nothing follows.
    Shared {
        /// How long a reservation rests unchanged before it counts as abandoned: 130 s to a day, longer
        /// than the user's code takes for a batch.
        lease: Millis,
    },
}

/// What becomes of a change that is rejected or has used up its attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum OnReject {
    /// Parked: its record stays reserved, `event.offline.error` is never called. The default.
    Park,
    /// Registered with `event.offline.error` first, rested for 60 s, redriven once, then parked.
    /// Only for [`Consumers::Sole`] with [`Durability::Durable`] (F16).
    Register,
}

/// Whether the host keeps the journal over a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Durability {
    /// `Saved` means: on disk.
    Durable,
    /// There is no journal; no `Save` is handed out. Parked changes are driven again by a restart.
    None,
}

/// How records are taken from the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Mode {
    /// By the plan. The default.
    Auto,
    /// Reservation; needs a plan with `rest_offline_extended` (F11).
    Reserve,
    /// Lossless deletion, on any plan: records are listed, written to the journal, deleted from the queue,
    /// and delivered from the journal, which is their only home then. Needs [`Durability::Durable`].
    Delete,
}

/// The portal's leaky bucket (F29).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Limits {
    /// 2 requests a second, 50 at most at once. The default.
    Standard,
    /// 5 requests a second, 250 at most at once.
    Enterprise,
    /// No limit, as on one's own server.
    Off,
}

/// How many records are reserved at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum BatchSize {
    /// Starts at some hundreds, grows while the portal answers quickly, shrinks when it does not.
    Adaptive,
    /// At most so many; 1 to 2,250. Still shrinks when the portal can't cope.
    Fixed(u32),
}

/// How a change that asks for another attempt is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct Retry {
    /// The delay before the second attempt; it doubles with each further one, up to an hour.
    pub first_delay: Millis,
    /// How many attempts a change has before it is rejected; at least 1.
    pub attempts: u32,
}

/// When the machine ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Until {
    /// Never: it ends by `Stop` or by a failure.
    Stopped,
    /// When both lanes are empty, nothing is reserved but what is parked, and nothing is in flight.
    Empty,
}

impl Config {
    /// A configuration with every default: lists, one consumer, parking, a durable journal,
    /// standard limits, adaptive size, 5 s between polls, 5 minutes between sweeps, 5 attempts
    /// from 5 s on.
    ///
    /// ```
    /// use b24_offline_core::{Config, EventName};
    /// let events = vec![EventName::new("ONCRMDEALUPDATE").unwrap()];
    /// let config = Config::new("portal.example", events);
    /// assert_eq!(config.retry.attempts, 5);
    /// ```
    pub fn new(portal: impl Into<String>, events: Vec<EventName>) -> Config {
        Config {
            portal: portal.into(),
            connector: None,
            events,
            rules: Vec::new(),
            retrieve: Retrieve::List,
            consumers: Consumers::Sole,
            on_reject: OnReject::Park,
            journal: Durability::Durable,
            mode: Mode::Auto,
            limits: Limits::Standard,
            batch_size: BatchSize::Adaptive,
            poll: Millis::seconds(5),
            sweep: Millis::seconds(300),
            retry: Retry { first_delay: Millis::seconds(5), attempts: 5 },
            until: Until::Stopped,
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.events.is_empty() {
            return Err(ConfigError::NoEvents);
        }
        if self.mode == Mode::Delete && self.journal != Durability::Durable {
            return Err(ConfigError::DeleteNeedsJournal);
        }
        if self.on_reject == OnReject::Register {
            if self.consumers != Consumers::Sole {
                return Err(ConfigError::RegisterNeedsSole);
            }
            if self.journal != Durability::Durable {
                return Err(ConfigError::RegisterNeedsJournal);
            }
        }
        self.check_numbers()?;
        self.rules.iter().try_for_each(Rule::check)
    }

    fn check_numbers(&self) -> Result<(), ConfigError> {
        let day = Millis::seconds(86_400);
        let within = |span: Millis| span >= Millis(10) && span <= day;
        let wrong = |option, range| Err(ConfigError::OutOfRange { option, range });
        if !within(self.poll) {
            return wrong("the poll interval", "10 milliseconds to one day");
        }
        if !within(self.sweep) {
            return wrong("the sweep interval", "10 milliseconds to one day");
        }
        if let Consumers::Shared { lease } = self.consumers
            && !(LEAST_LEASE..=day).contains(&lease)
        {
            return wrong("the lease of a shared queue", "130 seconds to one day");
        }
        if self.retry.attempts == 0 || self.retry.attempts > 1_000 {
            return wrong("the number of attempts", "1 to 1,000");
        }
        if self.retry.first_delay > Millis::seconds(3_600) {
            return wrong("the first delay of a retry", "at most one hour");
        }
        match self.batch_size {
            BatchSize::Fixed(size) if size == 0 || size > 2_250 => {
                wrong("the batch size", "1 to 2,250 records")
            }
            BatchSize::Fixed(_) | BatchSize::Adaptive => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(change: impl FnOnce(&mut Config)) -> Result<(), ConfigError> {
        let mut config = Config::new("portal.example", vec![EventName::new("ONX").unwrap()]);
        change(&mut config);
        config.check()
    }

    #[test]
    fn numbers_are_taken_up_to_their_bounds_and_not_beyond() {
        let day = 86_400_000;
        for (span, taken) in [(9, false), (10, true), (day, true), (day + 1, false)] {
            assert_eq!(checked(|config| config.poll = Millis(span)).is_ok(), taken, "{span}");
            assert_eq!(checked(|config| config.sweep = Millis(span)).is_ok(), taken, "{span}");
        }
        for (lease, taken) in [(129_999, false), (130_000, true), (day, true), (day + 1, false)] {
            let shared = Consumers::Shared { lease: Millis(lease) };
            assert_eq!(checked(|config| config.consumers = shared).is_ok(), taken, "{lease}");
        }
        for (attempts, taken) in [(0, false), (1, true), (1_000, true), (1_001, false)] {
            let result = checked(|config| config.retry.attempts = attempts);
            assert_eq!(result.is_ok(), taken, "{attempts}");
        }
        for (delay, taken) in [(0, true), (3_600_000, true), (3_600_001, false)] {
            let result = checked(|config| config.retry.first_delay = Millis(delay));
            assert_eq!(result.is_ok(), taken, "{delay}");
        }
        for (size, taken) in [(0, false), (1, true), (2_250, true), (2_251, false)] {
            let result = checked(|config| config.batch_size = BatchSize::Fixed(size));
            assert_eq!(result.is_ok(), taken, "{size}");
        }
    }

    #[test]
    fn what_needs_a_journal_or_a_sole_consumer_is_not_had_without() {
        let durability = [Durability::Durable, Durability::None];
        for journal in durability {
            let durable = journal == Durability::Durable;
            let deletes = checked(|config| (config.mode, config.journal) = (Mode::Delete, journal));
            assert_eq!(deletes.is_ok(), durable);
            let registers = checked(|config| {
                (config.on_reject, config.journal) = (OnReject::Register, journal);
            });
            assert_eq!(registers.is_ok(), durable);
        }
        let shared = Consumers::Shared { lease: Millis::seconds(150) };
        let both = |config: &mut Config| {
            (config.on_reject, config.consumers) = (OnReject::Register, shared);
        };
        assert_eq!(checked(both), Err(ConfigError::RegisterNeedsSole));
        assert_eq!(checked(|config| config.events.clear()), Err(ConfigError::NoEvents));
    }
}
