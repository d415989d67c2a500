//! Which faults a life has, and how often.

use b24_offline_core::{Consumers, Durability, OnReject};
use b24_offline_emulator::{Deed, Fault, FaultKind, Intrusion, Robot, Shape};
use serde_json::json;

use crate::life::NOBODY;
use crate::plan::{Damage, Happening, KINDS, Settings, What};
use crate::random::Random;

/// Families of happenings; each life has some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Wire,
    Late,
    Refused,
    Shape,
    Together,
    Crash,
    Host,
    Others,
    Portal,
    Journal,
    Handler,
    Writes,
    Bulk,
}

const FAMILIES: [Family; 13] = [
    Family::Wire,
    Family::Late,
    Family::Refused,
    Family::Shape,
    Family::Together,
    Family::Crash,
    Family::Host,
    Family::Others,
    Family::Portal,
    Family::Journal,
    Family::Handler,
    Family::Writes,
    Family::Bulk,
];

/// Makes the happenings of one life.
#[derive(Debug)]
pub(crate) struct Maker {
    families: Vec<Family>,
    kinds: Vec<usize>,
    /// Of ten happenings so many are changes.
    changes: u64,
    /// Things happen in so many bursts, or evenly.
    bursts: Vec<u64>,
}

const METHODS: [Option<&str>; 12] = [
    None,
    Some("event.offline.get"),
    Some("event.offline.get"),
    Some("event.offline.clear"),
    Some("event.offline.clear"),
    Some("event.offline.list"),
    Some("event.offline.error"),
    Some("event.offline.error"),
    Some("crm.deal.list"),
    Some("crm.deal.get"),
    Some("event.get"),
    Some("crm.deal.update"),
];

impl Maker {
    pub(crate) fn new(settings: &Settings, random: &mut Random) -> Maker {
        let mut families: Vec<Family> = FAMILIES.to_vec();
        families.retain(|_| random.once_in(3));
        // what an `error` left to be resumed by the journal alone is lost with it
        if settings.journal == Durability::None || settings.on_reject == OnReject::Register {
            families.retain(|family| *family != Family::Journal);
        }
        if settings.consumers != Consumers::Sole {
            families.push(Family::Others);
        }
        if !random.once_in(6) {
            families.retain(|family| *family != Family::Bulk);
        }
        let mut kinds: Vec<usize> = (0..KINDS.len()).collect();
        kinds.retain(|_| random.once_in(2));
        kinds.push(0);
        let bursts = match random.below(3) {
            0 => Vec::new(),
            _ => (0..random.within(1, 6)).map(|_| random.below(settings.span)).collect(),
        };
        Maker { families, kinds, changes: random.within(3, 8), bursts }
    }

    /// The next thing that happens, now and then with what belongs to it.
    pub(crate) fn happening(&self, settings: &Settings, random: &mut Random) -> Vec<Happening> {
        let at = if self.bursts.is_empty() || random.once_in(4) {
            random.below(settings.span)
        } else {
            random.pick(&self.bursts) + random.below(100_000.min(settings.span / 4))
        };
        if self.families.is_empty() || random.below(10) < self.changes {
            let what = self.change(random);
            return vec![Happening { at, what }];
        }
        let what = match random.pick(&self.families) {
            Family::Wire => fault(random, wire),
            Family::Late if random.once_in(2) => return late_burst(at, random),
            Family::Late => fault(random, late),
            Family::Refused => fault(random, refused),
            Family::Shape => shape_fault(random),
            Family::Together => fault(random, together),
            Family::Crash => crash(random),
            Family::Host => host(random),
            Family::Others if settings.consumers != Consumers::Sole && random.once_in(2) => {
                return two_at_work(at, random);
            }
            Family::Others => others(settings, random),
            Family::Portal => portal(random),
            Family::Journal => return journal(at, random),
            Family::Handler => return down(at, settings, random),
            Family::Writes => self.write(random),
            Family::Bulk => bulk(settings, random),
        };
        vec![Happening { at, what }]
    }

    fn change(&self, random: &mut Random) -> What {
        let kind = *random.pick(&self.kinds);
        let object = random.below(4);
        match random.below(20) {
            0..=4 => What::Create { kind, count: random.within(1, 4) },
            5..=15 => What::Change { kind, object },
            16 | 17 => What::Delete { kind, object },
            18 => What::Restore { kind, object },
            _ => What::Strange,
        }
    }

    fn write(&self, random: &mut Random) -> What {
        match random.below(6) {
            0 => What::Fault(Fault {
                method: None,
                after: 0,
                count: 1,
                kind: FaultKind::Robot(Robot {
                    kind: "crm.deal".into(),
                    times: random.within(1, 5),
                    delay_ms: random.below(2) * random.spread(1, 60_000),
                    fields: json!({ "COMMENTS": "by a rule" }),
                }),
            }),
            1 => What::Write { object: random.below(4), odd: true },
            2 if random.once_in(3) => What::Write { object: NOBODY, odd: false },
            _ => What::Write { object: random.below(4), odd: false },
        }
    }
}

fn fault(random: &mut Random, kind: impl Fn(&mut Random) -> FaultKind) -> What {
    let method = random.pick(&METHODS).map(str::to_owned);
    let (after, count) = (random.below(3), random.within(1, 3));
    What::Fault(Fault { method, after, count, kind: kind(random) })
}

/// A wrong shape strikes a method that is named: an empty answer of another one could be the truth.
fn shape_fault(random: &mut Random) -> What {
    loop {
        let what = fault(random, shape);
        if matches!(&what, What::Fault(fault) if fault.method.is_some()) {
            return what;
        }
    }
}

fn wire(random: &mut Random) -> FaultKind {
    let hang_ms = random.spread(100, 90_000);
    match random.below(9) {
        0 => FaultKind::RequestLost { hang_ms },
        1..=3 => FaultKind::AnswerLost { hang_ms },
        4 => FaultKind::Html { status: *random.pick(&[200, 502, 504]), executed: true },
        5 => FaultKind::BatchDies { after_calls: usize::try_from(random.below(8)).unwrap_or(0) },
        6 => FaultKind::CutBody { keep: 100 },
        7 => FaultKind::TruncatedJson { keep: usize::try_from(random.below(400)).unwrap_or(0) },
        _ => FaultKind::GiantAnswer { bytes: 17_000_000 },
    }
}

fn late(random: &mut Random) -> FaultKind {
    let after_ms = random.spread(200, 59_000);
    match random.below(4) {
        0 => FaultKind::ExecutedTwice { after_ms },
        1 => FaultKind::Delay { ms: random.spread(1_000, 90_000) },
        _ => FaultKind::ExecutedLate { after_ms, hang_ms: random.below(after_ms) },
    }
}

/// A call that runs late or twice, and an object that changes again and again until it has.
fn late_burst(at: u64, random: &mut Random) -> Vec<Happening> {
    let method = *random.pick(&["event.offline.get", "event.offline.error", "event.offline.clear"]);
    let after_ms = random.within(2_000, 59_000);
    let kind = match random.below(3) {
        0 => FaultKind::ExecutedTwice { after_ms },
        _ => FaultKind::ExecutedLate { after_ms, hang_ms: random.below(2_000) },
    };
    let fault = Fault { method: Some(method.into()), after: 0, count: 1, kind };
    let object = random.below(4);
    let change = || What::Change { kind: 0, object };
    let mut burst = vec![
        Happening { at, what: change() },
        Happening { at: at + 1, what: What::Fault(fault) },
        Happening { at: at + 2, what: What::Nudge },
    ];
    for _ in 0..random.within(1, 4) {
        let at = at + random.within(500, after_ms);
        burst.push(Happening { at, what: change() });
        burst.push(Happening { at: at + 1, what: What::Nudge });
    }
    burst
}

/// Two consumers hold two copies of one object: ours the older one.
fn two_at_work(at: u64, random: &mut Random) -> Vec<Happening> {
    let change = What::Change { kind: 0, object: random.below(4) };
    let (first, second) = (random.within(500, 2_000), random.within(100, 1_500));
    let other = What::Other { limit: 5, holds: random.within(1, 1_000) };
    vec![
        Happening { at, what: change.clone() },
        Happening { at: at + 1, what: What::Nudge },
        Happening { at: at + first, what: change },
        Happening { at: at + first + second, what: other },
    ]
}

fn refused(random: &mut Random) -> FaultKind {
    match random.below(7) {
        0 | 1 => FaultKind::QueryLimit,
        2 => FaultKind::Overload,
        3 => FaultKind::Html { status: 502, executed: false },
        4 | 5 => FaultKind::OperatingLimit,
        _ => FaultKind::RefuseConnections { for_ms: random.spread(100, 120_000) },
    }
}

fn shape(random: &mut Random) -> FaultKind {
    FaultKind::WrongShape(match random.below(6) {
        0 => Shape::Result(json!("what")),
        1 => Shape::Result(json!([])),
        2 => Shape::Result(json!({ "process_id": null, "events": [] })),
        3 => Shape::UnaskedId("99999".into()),
        4 => Shape::Result(json!(null)),
        _ => Shape::Repeated,
    })
}

/// People and other consumers act in the very moment of a call.
fn together(random: &mut Random) -> FaultKind {
    let id = random.within(1, 4).to_string();
    let kind = "crm.deal".to_owned();
    let deed = match random.below(6) {
        0 => Deed::Delete { kind, id },
        1 => Deed::Restore { kind, id },
        2 => Deed::Create { kind, fields: json!({ "TITLE": "at the same time" }) },
        _ => Deed::Change { kind, id, fields: json!({ "COMMENTS": "at the same time" }) },
    };
    let limit = random.within(1, 5);
    match random.below(8) {
        0 | 1 => FaultKind::Before(deed),
        2 | 3 => FaultKind::After(deed),
        4 => FaultKind::BetweenSelectAndMark(Intrusion::Deed(deed)),
        5 => FaultKind::BetweenSelectAndMark(Intrusion::Get { limit }),
        6 => FaultKind::BetweenSelectAndMark(Intrusion::GetLast { limit }),
        _ => FaultKind::BetweenSelectAndMark(Intrusion::GetAndError { limit }),
    }
}

fn crash(random: &mut Random) -> What {
    let down = random.spread(1, 100_000);
    match random.below(8) {
        0 => What::Stop { down },
        1..=3 => What::Crash { down },
        _ => What::CrashWithin { effects: random.within(1, 12), down },
    }
}

fn host(random: &mut Random) -> What {
    match random.below(6) {
        0 => {
            let by = i64::try_from(random.spread(1_000, 40 * 86_400_000)).unwrap_or(0);
            What::Clock { by: if random.once_in(2) { -by } else { by } }
        }
        1 => What::Sleep { ms: random.spread(1_000, 3 * 86_400_000) },
        2 | 3 => What::Repeat { answers: random.within(1, 4), after: random.spread(1, 120_000) },
        4 => What::Nudge,
        _ => What::TokensExpire,
    }
}

fn others(settings: &Settings, random: &mut Random) -> What {
    if let (Consumers::Shared { lease }, false) = (settings.consumers, random.once_in(4)) {
        return What::Other { limit: random.within(1, 5), holds: random.below(lease.0 - 10_000) };
    }
    match random.below(6) {
        0 | 1 => What::Orphan { errored: false, limit: random.within(1, 10) },
        2 => What::Orphan { errored: true, limit: random.within(1, 10) },
        3 => What::Redrive,
        _ => What::LeaveErrored { limit: random.within(1, 10) },
    }
}

fn portal(random: &mut Random) -> What {
    match random.below(6) {
        0 => What::Plan { extended: false },
        1 | 2 => What::Plan { extended: true },
        3 => What::TokensExpire,
        _ => What::LoseBindings,
    }
}

fn journal(at: u64, random: &mut Random) -> Vec<Happening> {
    if random.once_in(4) {
        return vec![Happening { at, what: What::DiskFull { saves: random.within(1, 3) } }];
    }
    let damage = *random.pick(&[Damage::Torn, Damage::RolledBack, Damage::Deleted]);
    let crash = What::Crash { down: random.spread(1, 60_000) };
    vec![Happening { at, what: What::Journal(damage) }, Happening { at: at + 1, what: crash }]
}

fn down(at: u64, settings: &Settings, random: &mut Random) -> Vec<Happening> {
    let end = at + random.spread(1_000, settings.span / 4);
    vec![Happening { at, what: What::Down(true) }, Happening { at: end, what: What::Down(false) }]
}

fn bulk(settings: &Settings, random: &mut Random) -> What {
    // what hangs for weeks is listed by each of ten thousand sweeps
    let most = if settings.is_long() { 4 } else { 40 };
    match random.below(60) {
        0 if settings.is_long() => What::HugeOrphan { count: random.within(51, 60) },
        0 => What::HugeOrphan { count: 2_500 },
        1..=6 if !settings.is_long() => What::HugeOrphan { count: random.within(51, 160) },
        _ => What::Create { kind: 0, count: random.within(most / 8 + 1, most) },
    }
}
