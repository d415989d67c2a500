//! What one seed makes: the settings of a life, and all that happens in it.

use b24_offline_core::{Consumers, Durability, Millis, Mode, OnReject, Retrieve};
use b24_offline_emulator::{Charge, Fault, Personality};
use serde::{Deserialize, Serialize};

use crate::faults;
use crate::random::{Random, mix};

/// Kinds that change in a life.
pub(crate) const KINDS: [&str; 6] =
    ["crm.deal", "crm.contact", "crm.item:1220", "tasks.task", "crm.currency", "user"];

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
pub(crate) const DAY: u64 = 24 * HOUR;
/// Between two sweeps in production: the default, and what one would choose for a quiet queue.
const LONG_SWEEPS: [Millis; 3] = [Millis::seconds(300), Millis::seconds(600), Millis::seconds(900)];

/// A life: settings and happenings, in order of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) settings: Settings,
    pub(crate) happenings: Vec<Happening>,
}

/// How a life is set up. The defaults are the plainest ones: a shrunk life has few others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    pub(crate) personality: Personality,
    pub(crate) retrieve: Retrieve,
    pub(crate) consumers: Consumers,
    pub(crate) mode: Mode,
    pub(crate) on_reject: OnReject,
    pub(crate) journal: Durability,
    pub(crate) connector: bool,
    /// How many records at once; 0 is adaptive.
    pub(crate) size: u32,
    pub(crate) until_empty: bool,
    /// The operating limit of a method in milliseconds, and whom a batch is charged to.
    pub(crate) operating_ms: u64,
    pub(crate) charge: Charge,
    pub(crate) poll: Millis,
    pub(crate) sweep: Millis,
    pub(crate) first_delay: Millis,
    pub(crate) attempts: u32,
    /// The phase with faults, in milliseconds.
    pub(crate) span: u64,
    pub(crate) manners: Manners,
    /// Milliseconds until a save is durable.
    pub(crate) disk: u64,
    /// Whether the plan has reservation, at the beginning and when the faults are over.
    pub(crate) extended: bool,
    pub(crate) extended_last: bool,
    /// Parked objects are driven again when the faults are over.
    pub(crate) redrive: bool,
}

/// How the user's code behaves: shares of the objects in percent, and how long it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Manners {
    /// Fail some times, then work.
    pub(crate) flaky: u64,
    /// Are rejected.
    pub(crate) poison: u64,
    /// Make their whole batch fail.
    pub(crate) throwing: u64,
    /// Are never judged before the faults are over.
    pub(crate) hanging: u64,
    /// Batches are judged in two parts.
    pub(crate) halves: bool,
    /// Milliseconds until a verdict, at most.
    pub(crate) slowness: u64,
}

/// Something that happens, so many milliseconds after the beginning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Happening {
    pub(crate) at: u64,
    pub(crate) what: What,
}

/// What happens. Objects are named by kind and place among the kind's objects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    Create {
        kind: usize,
        count: u64,
    },
    Change {
        kind: usize,
        object: u64,
    },
    Delete {
        kind: usize,
        object: u64,
    },
    Restore {
        kind: usize,
        object: u64,
    },
    /// An event without an object.
    Strange,
    Fault(Fault),
    /// The machine is killed, and started again so many milliseconds later.
    Crash {
        down: u64,
    },
    /// As `Crash`, after so many more effects.
    CrashWithin {
        effects: u64,
        down: u64,
    },
    /// The machine is asked to stop, and started again after its end.
    Stop {
        down: u64,
    },
    /// From now on every change fails, or no more does.
    Down(bool),
    Nudge,
    Redrive,
    /// The user writes; an odd write does not fit into a batch.
    Write {
        object: u64,
        odd: bool,
    },
    TokensExpire,
    /// The host's clock jumps.
    Clock {
        by: i64,
    },
    /// The host sleeps.
    Sleep {
        ms: u64,
    },
    /// Another consumer reserves so many records of a lane and is never seen again.
    Orphan {
        errored: bool,
        limit: u64,
    },
    /// Another consumer, alive, reserves so many records and clears them so many milliseconds later.
    Other {
        limit: u64,
        holds: u64,
    },
    /// Another consumer reserves so many records and registers them as errors.
    LeaveErrored {
        limit: u64,
    },
    /// So many new objects, all reserved by another consumer.
    HugeOrphan {
        count: u64,
    },
    LoseBindings,
    /// The plan loses, or has again, reservation.
    Plan {
        extended: bool,
    },
    /// The next so many answers come twice, the second so many milliseconds later.
    Repeat {
        answers: u64,
        after: u64,
    },
    /// The next so many saves fail.
    DiskFull {
        saves: u64,
    },
    /// What the next start finds of the journal.
    Journal(Damage),
}

/// What happens to a journal while nobody has it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Damage {
    /// One entry is cut.
    Torn,
    /// It is as it was at the start before.
    RolledBack,
    /// It is gone.
    Deleted,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            personality: Personality::Documented,
            retrieve: Retrieve::List,
            consumers: Consumers::Sole,
            mode: Mode::Auto,
            on_reject: OnReject::Park,
            journal: Durability::Durable,
            connector: false,
            size: 0,
            until_empty: false,
            operating_ms: 480_000,
            charge: Charge::Methods,
            poll: Millis::seconds(60),
            sweep: Millis::seconds(300),
            first_delay: Millis(500),
            attempts: 4,
            span: HOUR,
            manners: Manners::default(),
            disk: 2,
            extended: true,
            extended_last: true,
            redrive: false,
        }
    }
}

impl Settings {
    /// Whether a life is one of forty days at production intervals.
    pub(crate) fn is_long(&self) -> bool {
        self.span == 40 * DAY && LONG_SWEEPS.contains(&self.sweep)
    }
}

impl Plan {
    /// A life of about two hundred calls, its intervals scaled to a span between minutes and forty days.
    pub(crate) fn short(seed: u64) -> Plan {
        let mut random = Random::new(seed);
        let span = random.spread(4 * MINUTE, 40 * DAY);
        let mut settings = Settings { span, ..settings(&mut random) };
        settings.poll = Millis((span / random.within(30, 80)).clamp(500, DAY / 2));
        settings.sweep = Millis((span / random.within(7, 22)).clamp(15_000, DAY));
        settings.first_delay = Millis((span / 2_000).clamp(100, HOUR / 2));
        let count = random.within(6, 44);
        Plan::of(seed, settings, count, &mut random)
    }

    /// Forty days with sweeps, rests, ages and tokens as in production, looked at every ten minutes to half an hour.
    pub(crate) fn long(seed: u64) -> Plan {
        let mut random = Random::new(mix(seed, 0x10_96));
        let mut settings = Settings { span: 40 * DAY, ..settings(&mut random) };
        settings.poll = Millis::seconds(random.within(600, 1_800));
        settings.sweep = *random.pick(&LONG_SWEEPS);
        settings.first_delay = Millis::seconds(5);
        settings.attempts = 5;
        settings.manners.slowness = settings.manners.slowness.min(5_000);
        let count = random.within(200, 500);
        Plan::of(seed, settings, count, &mut random)
    }

    fn of(seed: u64, settings: Settings, count: u64, random: &mut Random) -> Plan {
        let maker = faults::Maker::new(&settings, random);
        let mut happenings: Vec<Happening> = (0..count)
            .flat_map(|_| maker.happening(&settings, random))
            .filter(|happening| happening.at < settings.span)
            .collect();
        happenings.sort_by_key(|happening| happening.at);
        Plan { seed, settings, happenings }
    }
}

fn settings(random: &mut Random) -> Settings {
    let journal = if random.once_in(4) { Durability::None } else { Durability::Durable };
    let registers = journal == Durability::Durable && random.once_in(3);
    let durable = journal == Durability::Durable;
    let mode = match random.below(8) {
        0 if durable => Mode::Delete,
        1 => Mode::Reserve,
        _ => Mode::Auto,
    };
    let may_delete = durable && mode != Mode::Reserve;
    let consumers = if !registers && random.once_in(6) {
        Consumers::Shared { lease: Millis::seconds(random.within(130, 900)) }
    } else {
        Consumers::Sole
    };
    let personality = if random.once_in(2) { Personality::Documented } else { Personality::Source };
    let charge = *random.pick(&[Charge::Methods, Charge::Methods, Charge::Batch, Charge::Absent]);
    Settings {
        personality,
        retrieve: *random.pick(&[Retrieve::List, Retrieve::List, Retrieve::Get, Retrieve::None]),
        on_reject: if registers { OnReject::Register } else { OnReject::Park },
        journal,
        connector: random.once_in(2),
        size: *random.pick(&[0, 1, 2, 5, 20, 100]),
        until_empty: random.once_in(8),
        operating_ms: if random.once_in(8) { random.within(200, 3_000) } else { 480_000 },
        charge,
        attempts: u32::try_from(random.within(1, 5)).unwrap_or(4),
        manners: manners(random),
        disk: random.spread(1, 4_000),
        mode,
        consumers,
        extended: !may_delete || !random.once_in(4),
        extended_last: !may_delete || !random.once_in(4),
        redrive: random.once_in(2),
        ..Settings::default()
    }
}

fn manners(random: &mut Random) -> Manners {
    let mut share = |times| if random.once_in(times) { random.within(10, 50) } else { 0 };
    let (flaky, poison, throwing, hanging) = (share(2), share(3), share(5), share(6));
    Manners {
        flaky,
        poison,
        throwing,
        hanging,
        halves: random.once_in(4),
        slowness: random.spread(1, 30_000),
    }
}
