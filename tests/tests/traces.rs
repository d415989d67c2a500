//! Golden traces: the machine answers the kept inputs byte for byte, on this host and on every other one, whose own
//! tests replay the same files.
//!
//! `B24_BLESS=1` writes the files anew, after a change of the machine that is meant to change its answers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::fs;
use std::path::PathBuf;

use b24_offline_core::{
    BatchSize, Config, Durability, Input, Machine, Millis, OnReject, Redrive, Retrieve, Timestamp,
    Until, Verdict, WriteId,
};
use b24_offline_emulator::{Fault, FaultKind, Personality};
use b24_offline_tests::scene::{DEALS, all, bound, change, config, deals, make, reject};
use b24_offline_tests::{Behaviour, Script, Traces, World};
use serde_json::{Value, json};

const MINUTE: u64 = 60_000;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("conformance").join("traces")
}

/// A scene: its name, its configuration, and what happens in it.
type Scene = (&'static str, fn() -> Config, fn(&mut World));

const SCENES: [Scene; 7] = [
    ("every-kind", every_kind, drained),
    ("retried-and-parked", small, retried_and_parked),
    ("lost-answers", small, lost_answers),
    ("registered", registering, registered),
    ("own-writes", one_by_one, own_writes),
    ("killed", small, killed),
    ("odd-texts", unread, odd_texts),
];

fn small() -> Config {
    let mut config = config(DEALS);
    config.poll = Millis::seconds(20);
    config.batch_size = BatchSize::Fixed(4);
    config
}

fn every_kind() -> Config {
    let mut config = config(
        "ONCRMDEALADD ONCRMCONTACTADD ONCRMDYNAMICITEMADD ONTASKADD ONCRMCURRENCYADD ONUSERADD \
         ONSTRANGETHING",
    );
    config.until = Until::Empty;
    config
}

fn registering() -> Config {
    Config { on_reject: OnReject::Register, poll: Millis::seconds(60), ..small() }
}

fn one_by_one() -> Config {
    Config { retrieve: Retrieve::Get, ..small() }
}

fn unread() -> Config {
    Config { retrieve: Retrieve::None, journal: Durability::None, ..config("ONSTRANGETHING") }
}

fn drained(world: &mut World) {
    for kind in ["crm.deal", "crm.contact", "crm.item:1220", "tasks.task", "user"] {
        make(world, kind, 2);
    }
    let now = world.now();
    world.portal.create("crm.currency", json!({ "CURRENCY": "CHE" }), now);
    world.portal.record_event("ONSTRANGETHING", json!(false), now);
    world.start();
    assert!(world.until_ended(10 * MINUTE));
}

fn retried_and_parked(world: &mut World) {
    let ids = deals(world, 6);
    world.behaviour = Behaviour::Retries { id: ids[1].clone(), times: 2 };
    world.start();
    world.pass(20_000);
    change(world, &ids[2]);
    world.behaviour = Behaviour::Rejects { id: ids[2].clone() };
    world.pass(20_000);
    world.behaviour = Behaviour::Down;
    change(world, &ids[0]);
    change(world, &ids[3]);
    world.pass(MINUTE);
    world.behaviour = Behaviour::Works;
    world.give(Input::Redrive(Redrive::All));
    world.pass(MINUTE);
}

fn lost_answers(world: &mut World) {
    let fault = |method: Option<&str>, kind| Fault {
        method: method.map(str::to_owned),
        after: 0,
        count: 1,
        kind,
    };
    deals(world, 3);
    world.start();
    world.pass(5_000);
    let faults = [
        fault(None, FaultKind::AnswerLost { hang_ms: 500 }),
        fault(None, FaultKind::QueryLimit),
        fault(Some("crm.deal.list"), FaultKind::OperatingLimit),
        fault(None, FaultKind::Html { status: 502, executed: true }),
        fault(None, FaultKind::TruncatedJson { keep: 60 }),
    ];
    for fault in faults {
        world.portal.inject(fault);
        deals(world, 2);
        world.give(Input::Nudge);
        world.pass(40_000);
    }
    world.pass(6 * MINUTE);
}

fn registered(world: &mut World) {
    let ids = deals(world, 2);
    world.behaviour = Behaviour::Rejects { id: ids[0].clone() };
    world.start();
    world.pass(5_000);
    world.behaviour = Behaviour::Works;
    world.pass(3 * MINUTE);
    world.give(Input::Stop);
    assert!(world.until_ended(MINUTE));
}

fn own_writes(world: &mut World) {
    let ids = deals(world, 2);
    world.start();
    world.pass(5_000);
    let texts = [json!("plain & simple"), json!("$result[x]"), Value::Null];
    for (n, text) in (1..).zip(texts) {
        let params = json!({ "id": ids[0], "fields": { "TITLE": text } }).to_string();
        let method = "crm.deal.update".to_owned();
        world.give(Input::Write { write: WriteId(n), method, params });
    }
    world.pass(20_000);
}

fn killed(world: &mut World) {
    let ids = deals(world, 5);
    world.script = Some(Script::new(|_, _| vec![(400, all(reject()))]));
    world.start();
    world.pass(2_000);
    world.crash();
    world.pass(1_000);
    world.script = Some(Script::new(|_, _| vec![(400, all(Verdict::Done))]));
    world.start();
    world.pass(10_000);
    change(world, &ids[1]);
    world.pass(10_000);
    world.give(Input::Stop);
    assert!(world.until_ended(MINUTE));
}

fn odd_texts(world: &mut World) {
    let now = world.now();
    let odd = [
        json!({ "TEXT": "äöü ß 你好 🙂 \u{2028} \u{7f} \u{1} \t\r\n \"quoted\" \\ / </script>" }),
        json!({ "NUMBERS": [0, -1, 1.5, 1e300, 9_007_199_254_740_993_u64, "007"] }),
        json!({ "EMPTY": ["", null, false, [], {}], "деталь": { "ключ": "значение" } }),
    ];
    for data in odd {
        world.portal.record_event("ONSTRANGETHING", data, now);
    }
    world.start();
    world.pass(20_000);
}

/// Every trace's file name and text.
fn recorded(personality: Personality) -> Vec<(String, String)> {
    let mut recorded = Vec::new();
    for (scene, config, happens) in SCENES {
        let mut world = bound(personality, config());
        world.traces = Some(Traces::default());
        happens(&mut world);
        let traces = world.traces.unwrap_or_default();
        for (start, text) in (1..).zip(traces.texts()) {
            recorded.push((format!("{scene}-{start}.trace"), text.clone()));
        }
    }
    recorded
}

fn bless() {
    if std::env::var_os("B24_BLESS").is_none() {
        return;
    }
    let _ = fs::remove_dir_all(folder());
    fs::create_dir_all(folder()).unwrap();
    for (name, text) in recorded(Personality::Documented) {
        fs::write(folder().join(name), text).unwrap();
    }
}

/// The scenes are such that both personalities answer them alike.
#[test]
fn the_scenes_give_the_kept_traces_and_a_machine_repeats_them() {
    bless();
    let mut names: Vec<String> = fs::read_dir(folder())
        .expect("the folder of the traces")
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    for personality in [Personality::Documented, Personality::Source] {
        let mut recorded = recorded(personality);
        recorded.sort_unstable();
        assert_eq!(names, recorded.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
        for (name, text) in &recorded {
            let kept = fs::read_to_string(folder().join(name)).unwrap();
            for (line, (kept, now)) in (1..).zip(kept.lines().zip(text.lines())) {
                assert_eq!(
                    kept, now,
                    "{name}, line {line}; if that is meant, run with B24_BLESS=1"
                );
            }
            assert_eq!(kept.len(), text.len(), "{name}");
        }
    }
    repeat(&names);
}

fn repeat(names: &[String]) {
    for name in names {
        let text = fs::read_to_string(folder().join(name)).unwrap();
        let mut lines = text.lines();
        let mut next = || lines.next();
        let config: Config = serde_json::from_str(next().unwrap()).unwrap();
        let contents = serde_json::from_str(next().unwrap()).unwrap();
        let opened: Value = serde_json::from_str(next().unwrap()).unwrap();
        let (seed, now) = (opened["seed"].as_u64().unwrap(), opened["now"].as_u64().unwrap());
        let mut machine = Machine::open(config, contents, seed, Timestamp(now)).unwrap();
        let mut steps = 0;
        while let (Some(now), Some(input), Some(step)) = (next(), next(), next()) {
            let now = Timestamp(now.parse().unwrap());
            let answer = machine.handle(serde_json::from_str(input).unwrap(), now).unwrap();
            assert_eq!(serde_json::to_string(&answer).unwrap(), step, "{name}");
            steps += 1;
        }
        assert!(steps > 5, "{name} has {steps} steps");
    }
}

/// A browser can't read files, so the tests of `wasm/` carry the traces with them.
#[test]
fn the_tests_in_the_browser_carry_every_trace() {
    let carried = include_str!("../../wasm/tests/scenes/mod.rs");
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(carried.contains(&format!("/traces/{name}\"")), "{name} is missing");
    }
}
