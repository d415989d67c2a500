//! The security list of docs/reliability.md, as far as the machine has a part in it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use b24_offline_core::*;
use b24_offline_emulator::{Fault, FaultKind, Personality};
use b24_offline_tests::scene::{DEALS, bound, config, deals};
use b24_offline_tests::{Behaviour, World, sub_calls};
use serde_json::{Value, json};

const HOUR: u64 = 3_600_000;
const BOTH: [Personality; 2] = [Personality::Documented, Personality::Source];
/// A value in the objects' data.
const CANARY: &str = "canary-of-the-crm-7f3a";

/// Values that a query string, PHP's brackets or a log could take for something else.
const VALUES: [&str; 12] = [
    "a&b=c",
    "[0]",
    "]",
    "#x",
    "100%25 %",
    "line\nbreak\r\n",
    "+ +",
    "Сделка ёЁ 😀",
    "\"quoted\" \\ back",
    "a=1&auth=stolen",
    "?x",
    "\t",
];

fn write(world: &mut World, number: u64, params: &Value) {
    world.give(Input::Write {
        write: WriteId(number),
        method: "crm.deal.update".into(),
        params: params.to_string(),
    });
}

fn title_of(world: &World, id: &str) -> String {
    let object = world.portal.object("crm.deal", id).unwrap();
    object.get("TITLE").unwrap().text()
}

#[test]
fn values_with_every_special_character_arrive_as_they_were_given() {
    for personality in BOTH {
        let mut world = bound(personality, config(DEALS));
        let ids = deals(&mut world, VALUES.len());
        world.start();
        world.pass(10_000);
        for (number, (id, value)) in ids.iter().zip(VALUES).enumerate() {
            let fields = json!({ "TITLE": value, "COMMENTS": format!("{value}{value}") });
            write(&mut world, number as u64, &json!({ "id": id, "fields": fields }));
        }
        world.pass(HOUR);
        let batched = world.calls.iter().flat_map(sub_calls);
        let batched = batched.filter(|(_, method)| method == "crm.deal.update").count();
        assert_eq!(batched, VALUES.len(), "they fit a batch");
        for (id, value) in ids.iter().zip(VALUES) {
            assert_eq!(title_of(&world, id), value, "{personality:?}");
        }
    }
}

#[test]
fn a_value_like_a_reference_goes_alone_exactly_as_it_is() {
    for personality in BOTH {
        let mut world = bound(personality, config(DEALS));
        let ids = deals(&mut world, 1);
        world.start();
        world.pass(10_000);
        let title = "price $result[c00][0] & more";
        let params = json!({ "id": ids[0], "fields": { "TITLE": title } });
        write(&mut world, 1, &params);
        world.pass(HOUR);
        let alone: Vec<&Call> =
            world.calls.iter().filter(|call| call.method == "crm.deal.update").collect();
        assert_eq!(alone.len(), 1);
        assert_eq!(serde_json::from_str::<Value>(&alone[0].params).unwrap(), params);
        assert_eq!(title_of(&world, &ids[0]), title);
    }
}

#[test]
fn a_write_nested_deeper_than_php_reads_goes_alone() {
    let mut world = bound(Personality::Source, config(DEALS));
    let ids = deals(&mut world, 1);
    world.start();
    world.pass(10_000);
    let deep = (0..70).fold(json!("x"), |inner, _| json!({ "a": inner }));
    let params = json!({ "id": ids[0], "fields": { "TITLE": "new", "UF": deep } });
    write(&mut world, 1, &params);
    world.pass(HOUR);
    let alone = world.calls.iter().find(|call| call.method == "crm.deal.update").unwrap();
    assert_eq!(serde_json::from_str::<Value>(&alone.params).unwrap(), params);
}

#[test]
fn no_write_brings_its_own_authorisation_or_speaks_for_the_queue() {
    let mut world = bound(Personality::Source, config(DEALS));
    world.start();
    world.pass(10_000);
    let before = world.calls.len();
    let refused = [
        ("crm.deal.update", r#"{"auth":"stolen"}"#),
        ("crm.deal.update", r#"{"AUTH_CONNECTOR":"other"}"#),
        ("event.offline.clear", r#"{"process_id":""}"#),
        ("EVENT.OFFLINE.GET", "{}"),
        ("crm.deal.update?id=1", "{}"),
        ("../oauth/token", "{}"),
        ("crm.deal.update\n", "{}"),
        ("", "{}"),
    ];
    for (number, (method, params)) in refused.into_iter().enumerate() {
        let write = WriteId(number as u64);
        world.give(Input::Write { write, method: method.into(), params: params.into() });
        let last = world.written.last().unwrap();
        assert_eq!(last.write, write, "{method}");
        assert!(matches!(last.result, WriteResult::Refused { .. }), "{method}: {last:?}");
    }
    assert!(!world.calls[before..].iter().any(|call| call.method != "batch"));
}

#[test]
fn the_journal_and_the_notices_hold_ids_only() {
    for (personality, on_reject, mode) in [
        (Personality::Documented, OnReject::Park, Mode::Auto),
        (Personality::Source, OnReject::Register, Mode::Auto),
        (Personality::Source, OnReject::Park, Mode::Delete),
    ] {
        let mut config = config(DEALS);
        (config.on_reject, config.mode) = (on_reject, mode);
        config.retry = Retry { first_delay: Millis(500), attempts: 2 };
        let mut world = bound(personality, config);
        let now = world.now();
        let fields = json!({ "TITLE": CANARY, "COMMENTS": CANARY });
        let ids: Vec<String> =
            (0..4).filter_map(|_| world.portal.create("crm.deal", fields.clone(), now)).collect();
        world.behaviour = Behaviour::Rejects { id: ids[0].clone() };
        let lost = FaultKind::AnswerLost { hang_ms: 500 };
        world.portal.inject(Fault { method: None, after: 3, count: 2, kind: lost });
        world.start();
        for _ in 0..600 {
            let end = world.now() + 2_000;
            world.step(end);
            let kept = format!("{:?}", world.journal);
            assert!(!kept.contains(CANARY), "{personality:?}: {kept}");
        }
        assert!(
            world.deliveries.iter().any(|change| change.data.iter().any(|d| d.contains(CANARY)))
        );
        assert!(!format!("{:?}", world.notices).contains(CANARY));
        let words: String = world.notices.iter().map(Notice::to_string).collect();
        assert!(!words.contains(CANARY), "{words}");
        assert!(
            world
                .notices
                .iter()
                .any(|notice| matches!(notice, Notice::Parked { .. } | Notice::Registered { .. }))
        );
    }
}

#[test]
fn an_answer_nested_deeper_than_64_levels_is_no_answer() {
    for levels in [10, 70, 5_000] {
        let mut world = bound(Personality::Source, config(DEALS));
        deals(&mut world, 2);
        let deep = format!("{{\"result\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
        let mut left = 3;
        world.wire = Some(b24_offline_tests::Wire::new(move |_, _, (delay, reply)| {
            let spoilt = left > 0;
            left -= i32::from(spoilt);
            let answer = || Reply::Answer { status: 200, body: deep.clone() };
            (delay, if spoilt { answer() } else { reply })
        }));
        world.start();
        world.pass(HOUR);
        let told = |notice: &Notice| matches!(notice, Notice::BackingOff { why, .. } if why.contains("64 levels"));
        assert_eq!(world.noticed(told), levels > 64, "{levels}: {:?}", world.notices);
        assert_eq!(world.audit().lost, [], "{levels}");
    }
}

#[test]
fn the_core_denies_what_may_panic_and_forbids_unsafe_code() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src");
    let lib = std::fs::read_to_string(folder.join("lib.rs")).unwrap();
    for lint in ["unwrap_used", "expect_used", "panic", "indexing_slicing", "unreachable", "todo"] {
        let denied = lib.lines().any(|line| {
            line.starts_with("#![cfg_attr(not(test), deny(")
                && line.contains(&format!("clippy::{lint}"))
        });
        assert!(denied, "{lint}");
    }
    assert!(lib.contains(r#"#![cfg_attr(not(feature = "uniffi"), forbid(unsafe_code))]"#));
    let mut open = vec![folder];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines().filter(|line| line.contains("allow(") || line.contains("expect("))
        {
            let excused = ["unwrap_used", "expect_used", "clippy::panic", "indexing_slicing"];
            let excuses = excused.iter().any(|lint| line.contains(lint));
            assert!(!excuses, "{}: {line}", path.display());
        }
    }
}
