//! Random scenes: a portal, a configuration, and what happens to them, made to be shrunk.

use b24_offline_core::{
    BatchSize, Config, Connector, Consumers, Durability, Input, Millis, Notice, OnReject, Phase,
    Redrive, Retrieve, Retry, State, Until, WriteId,
};
use b24_offline_emulator::{
    Charge, Costs, Deed, Fault, FaultKind, Intrusion, Limits, Operating, Personality, Settings,
    Shape,
};
use serde_json::json;

use crate::handler::Behaviour;
use crate::scene::bound_at;
use crate::world::{World, events};

/// The kinds that change in random scenes.
pub const KINDS: [&str; 6] =
    ["crm.deal", "crm.contact", "crm.item:1220", "tasks.task", "crm.currency", "user"];

const EVENTS: &str = "ONCRMDEALADD ONCRMDEALUPDATE ONCRMDEALDELETE ONCRMCONTACTADD \
    ONCRMCONTACTUPDATE ONCRMCONTACTDELETE ONCRMDYNAMICITEMADD ONCRMDYNAMICITEMUPDATE \
    ONCRMDYNAMICITEMDELETE ONTASKADD ONTASKUPDATE ONTASKDELETE ONCRMCURRENCYADD \
    ONCRMCURRENCYUPDATE ONCRMCURRENCYDELETE ONUSERADD ONSTRANGETHING";

/// How the scene is set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Documentation or source.
    pub personality: Personality,
    /// How data is read.
    pub retrieve: Retrieve,
    /// How many records at once; 0 is adaptive.
    pub size: u32,
    /// Parked or registered.
    pub on_reject: OnReject,
    /// Whether the journal outlives a crash.
    pub journal: Durability,
    /// Whether a connector is used.
    pub connector: bool,
    /// How often the portal's counters refuse a method: its operating limit in milliseconds.
    pub operating_ms: u64,
    /// Whom a batch's time is charged to.
    pub charge: Charge,
    /// Seed of the portal.
    pub seed: u64,
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum Event {
    /// People make so many objects of a kind.
    Create(usize, usize),
    /// People change an object: kind and which of its objects.
    Change(usize, usize),
    /// People delete an object.
    Delete(usize, usize),
    /// People take an object back.
    Restore(usize, usize),
    /// An event of an unknown kind, without an id.
    Strange,
    /// Something goes wrong.
    Fault(Fault),
    /// So many milliseconds pass.
    Pass(u64),
    /// The machine is killed and started again after so many milliseconds.
    Crash(u64),
    /// The user's code behaves otherwise.
    Behave(Behaviour),
    /// A hint that there is something new.
    Nudge,
    /// The user drives parked objects again.
    Redrive,
    /// The user writes to an object.
    Write(usize, usize),
    /// The host's clock jumps by so many milliseconds, forward or back.
    TokensExpire,
}

impl Setup {
    /// Whether the queue is told to be shared: some of those that can be.
    fn shares(&self) -> bool {
        self.seed.is_multiple_of(4) && self.on_reject == OnReject::Park
    }
}

/// The world of a setup, its events bound.
#[must_use]
pub fn world(setup: &Setup) -> World {
    let settings = Settings {
        personality: setup.personality,
        seed: setup.seed,
        limits: Limits::Standard,
        operating: Operating { limit_ms: setup.operating_ms, charge: setup.charge },
        costs: Costs::default(),
        ..Settings::default()
    };
    let mut config = Config::new("portal.example", events(EVENTS));
    config.connector = setup.connector.then(|| Connector::new("warehouse").ok()).flatten();
    config.retrieve = setup.retrieve;
    config.on_reject = match setup.journal {
        Durability::Durable => setup.on_reject,
        Durability::None => OnReject::Park,
    };
    config.journal = setup.journal;
    if setup.size > 0 {
        config.batch_size = BatchSize::Fixed(setup.size);
    }
    config.retry = Retry { first_delay: Millis(500), attempts: 4 };
    config.sweep = Millis::seconds(120);
    config.until = Until::Stopped;
    if setup.shares() {
        config.consumers = Consumers::Shared { lease: Millis::seconds(130) };
    }
    bound_at(settings, config)
}

/// Lets one thing happen.
pub fn happen(world: &mut World, event: &Event, number: usize) {
    let now = world.now();
    let kind = |kind: usize| KINDS.get(kind % KINDS.len()).copied().unwrap_or("crm.deal");
    match event {
        Event::Create(which, count) => {
            for n in 0..*count {
                let title = format!("{number}-{n}");
                let fields = match kind(*which) {
                    "crm.currency" => json!({ "CURRENCY": format!("C{number}X{n}") }),
                    "user" => json!({ "NAME": title }),
                    _ => json!({ "TITLE": title, "title": title }),
                };
                world.portal.create(kind(*which), fields, now);
            }
        }
        Event::Change(which, object) => {
            if let Some(id) = pick(world, kind(*which), *object) {
                let fields = json!({ "COMMENTS": format!("{number}") });
                world.portal.change(kind(*which), &id, fields, now);
            }
        }
        Event::Delete(which, object) => {
            if let Some(id) = pick(world, kind(*which), *object) {
                world.portal.delete(kind(*which), &id, now);
            }
        }
        Event::Restore(which, object) => {
            let id = (object + 1).to_string();
            world.portal.restore(kind(*which), &id, now);
        }
        Event::Strange => world.portal.record_event("ONSTRANGETHING", json!(false), now),
        Event::Fault(fault) => world.portal.inject(fault.clone()),
        Event::Pass(millis) => world.pass(*millis),
        Event::Crash(millis) => {
            world.crash();
            world.pass(*millis);
            world.start();
        }
        Event::Behave(behaviour) => world.behaviour = behaviour.clone(),
        Event::Nudge => world.give(Input::Nudge),
        Event::Redrive => world.give(Input::Redrive(Redrive::All)),
        Event::Write(which, object) => {
            let which = if *which == 0 { "crm.deal" } else { "crm.contact" };
            if let Some(id) = pick(world, which, *object) {
                let write = WriteId(number as u64);
                let params = json!({ "id": id, "fields": { "OPPORTUNITY": number } }).to_string();
                let method = format!("{which}.update");
                world.give(Input::Write { write, method, params });
            }
        }
        Event::TokensExpire => world.portal.expire_tokens(),
    }
}

fn pick(world: &World, kind: &str, object: usize) -> Option<String> {
    let ids = world.portal.object_ids(kind);
    ids.get(object.checked_rem(ids.len())?).cloned()
}

/// The machine is running, or is started again.
fn revive(world: &mut World) {
    if world.phase().is_none_or(|phase| matches!(phase, Phase::Ended(_))) {
        world.crash();
        world.start();
    }
}

/// Plays a scene: faults and changes, then quiet. Gives what is wrong at the end, if anything.
///
/// # Errors
/// A text that says which promise was broken.
pub fn play(setup: &Setup, happenings: &[Event]) -> Result<World, String> {
    let mut world = world(setup);
    world.start();
    for (number, event) in happenings.iter().enumerate() {
        happen(&mut world, event, number);
        revive(&mut world);
    }
    // quiet: nothing fails any more, and the machine has time for retries, rests and sweeps
    world.portal.clear_faults();
    world.behaviour = Behaviour::Works;
    for _ in 0..120 {
        world.pass(60_000);
        revive(&mut world);
        let audit = world.audit();
        let idle = world.machine.as_ref().is_some_and(|machine| machine.status().held == 0);
        let open = world.left_reserved();
        if audit.lost.is_empty()
            && idle
            && open.is_empty()
            && audit.free_records + audit.error_records == 0
        {
            break;
        }
    }
    // a call that is executed twice, or a list that hides rows, looks like another consumer
    let lies = |event: &Event| {
        let Event::Fault(fault) = event else { return false };
        matches!(fault.kind, FaultKind::ExecutedTwice { .. } | FaultKind::WrongShape(_))
    };
    let another = |notice: &Notice| matches!(notice, Notice::AnotherConsumer(_));
    if world.noticed(another) && !happenings.iter().any(lies) {
        return Err(format!("false evidence of another consumer: {:?}", world.notices));
    }
    judge(&world, setup).map(|()| world)
}

fn judge(world: &World, setup: &Setup) -> Result<(), String> {
    let audit = world.audit();
    let expect = |kept: bool, what: String| if kept { Ok(()) } else { Err(what) };
    expect(audit.lost.is_empty(), format!("lost: {:?}", audit.lost))?;
    expect(audit.bucket_violations == 0, "a request above the bucket".into())?;
    expect(audit.regressions == 0, "a target went back to an older state".into())?;
    // a delivery may call an object gone that somebody restores meanwhile, but never for good
    for ((kind, id), (state, _)) in &world.target.objects {
        let gone = *state == State::Gone && world.portal.exists(kind, id);
        expect(!gone, format!("{kind} {id} exists and stayed gone in the target"))?;
    }
    let left = world.left_reserved();
    expect(left.is_empty(), format!("left reserved: {left:?}"))?;
    let free = world.left_free();
    expect(free == 0, format!("{free} records left in the queue"))?;
    if setup.connector {
        let own = audit.own_writes_returned.get("warehouse").copied().unwrap_or(0);
        expect(own == 0, format!("{own} of our own writes came back"))?;
    }
    let held = world.machine.as_ref().map(|machine| machine.status().held);
    expect(held == Some(0), format!("still in hand: {held:?}"))?;
    if setup.on_reject == OnReject::Park {
        expect(audit.error_calls == 0, "event.offline.error was called".into())?;
    }
    Ok(())
}

/// A fault of a method, once, from the wire's repertoire.
#[must_use]
pub fn fault(method: usize, kind: usize, after: u64, number: u64) -> Fault {
    const METHODS: [Option<&str>; 8] = [
        None,
        Some("event.offline.get"),
        Some("event.offline.clear"),
        Some("event.offline.list"),
        Some("event.offline.error"),
        Some("crm.deal.list"),
        Some("event.get"),
        Some("crm.deal.update"),
    ];
    let method = METHODS.get(method % METHODS.len()).copied().flatten().map(str::to_owned);
    let hang_ms = 500 + number * 7_000 % 90_000;
    let late = 1_000 + number * 977 % 58_000;
    let deed = Deed::Change {
        kind: "crm.deal".into(),
        id: (number % 9 + 1).to_string(),
        fields: json!({ "COMMENTS": "at the same time" }),
    };
    let kind = match kind % 22 {
        0 => FaultKind::RequestLost { hang_ms },
        1 => FaultKind::AnswerLost { hang_ms },
        2 => FaultKind::ExecutedLate { after_ms: late, hang_ms: late.min(hang_ms) },
        3 => FaultKind::ExecutedTwice { after_ms: late },
        4 => FaultKind::Delay { ms: late },
        5 => FaultKind::Html { status: 502, executed: number.is_multiple_of(2) },
        6 => FaultKind::Html { status: 200, executed: true },
        7 => FaultKind::QueryLimit,
        8 => FaultKind::Overload,
        9 => FaultKind::OperatingLimit,
        10 => FaultKind::BatchDies { after_calls: usize::try_from(number % 6).unwrap_or(0) },
        11 => FaultKind::CutBody { keep: 100 },
        12 => FaultKind::TruncatedJson { keep: 60 },
        13 => FaultKind::WrongShape(Shape::Result(json!("what"))),
        14 => FaultKind::WrongShape(Shape::UnaskedId("99999".into())),
        15 => FaultKind::GiantAnswer { bytes: 20_000_000 },
        16 => FaultKind::ExpireTokens,
        17 => FaultKind::Before(deed),
        18 => FaultKind::After(deed),
        19 => FaultKind::WrongShape(Shape::Repeated),
        20 => FaultKind::RefuseConnections { for_ms: late },
        _ => FaultKind::BetweenSelectAndMark(Intrusion::Deed(deed)),
    };
    Fault { method, after, count: 1 + number % 2, kind }
}
