//! How long a stop waits, and for what: to the millisecond, because the clock is the scene's.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use b24_offline_core::*;
use b24_offline_emulator::Personality;
use b24_offline_tests::scene::{DEALS, all, bound, config, deals, reject, sent};
use b24_offline_tests::{Disk, Script, Wire, World, sub_calls, with_errors};
use serde_json::json;

/// A world whose machine runs, and works by this script.
fn running(change: impl FnOnce(&mut Config), script: Option<Script>) -> World {
    let mut config = config(DEALS);
    change(&mut config);
    let mut world = bound(Personality::Source, config);
    world.start();
    world.pass(4_100);
    world.script = script;
    world
}

/// Stops it; how long that takes.
fn stop(world: &mut World) -> u64 {
    let from = world.now();
    world.give(Input::Stop);
    assert!(world.until_ended(600_000), "{:?}", world.phase());
    assert_eq!(world.phase(), Some(Phase::Ended(End::Stopped)));
    world.now() - from
}

fn hangs() -> Option<Script> {
    Some(Script::new(|_, _| Vec::new()))
}

#[test]
fn with_nothing_in_hand_it_ends_at_once_but_for_the_last_save() {
    let mut world = running(|config| config.poll = Millis::seconds(60), None);
    assert_eq!(stop(&mut world), 2);
    let mut world = running(
        |config| (config.poll, config.journal) = (Millis::seconds(60), Durability::None),
        None,
    );
    assert_eq!(stop(&mut world), 0);
}

#[test]
fn user_code_that_hangs_is_waited_for_thirty_seconds() {
    let mut world = running(|config| config.poll = Millis::seconds(10), hangs());
    deals(&mut world, 3);
    world.pass(20_000);
    assert_eq!(world.deliveries.len(), 3);
    let took = stop(&mut world);
    assert!((30_000..30_010).contains(&took), "{took}");
    assert_eq!(world.audit().reserved_records, 3);
}

#[test]
fn a_verdict_within_that_time_is_settled_and_nothing_more_is_asked() {
    let script = Script::new(|_, _| vec![(25_000, all(Verdict::Done))]);
    let mut world = running(|config| config.poll = Millis::seconds(10), Some(script));
    deals(&mut world, 3);
    while world.deliveries.is_empty() {
        let end = world.now() + 60_000;
        world.step(end);
    }
    deals(&mut world, 1);
    let gets = sent(&world, "event.offline.get");
    let took = stop(&mut world);
    assert!((25_000..28_000).contains(&took), "{took}");
    assert_eq!(world.audit().reserved_records, 0);
    assert_eq!(sent(&world, "event.offline.get"), gets);
}

#[test]
fn a_call_that_only_looks_is_waited_for_five_seconds() {
    let mut world = running(|config| config.poll = Millis::seconds(10), None);
    world.wire = Some(Wire::new(|_, _, (_, reply)| (50_000, reply)));
    let before = world.calls.len();
    while world.calls.len() == before {
        let end = world.now() + 60_000;
        world.step(end);
    }
    let took = stop(&mut world);
    assert!((5_000..5_010).contains(&took), "{took}");
}

#[test]
fn what_can_not_be_cleared_is_given_up_after_a_minute() {
    let mut world = running(|config| config.poll = Millis::seconds(10), None);
    deals(&mut world, 3);
    let limit = json!({ "error": "OPERATION_TIME_LIMIT", "error_description": "" });
    world.wire = Some(Wire::new(move |call, _, (delay, reply)| {
        let error = |name: &str| (name == "event.offline.clear").then(|| limit.clone());
        (delay, with_errors(call, reply, error))
    }));
    while world.deliveries.is_empty() {
        let end = world.now() + 60_000;
        world.step(end);
    }
    world.pass(2_500);
    assert_eq!(sent(&world, "event.offline.clear"), 1);
    assert_eq!(stop(&mut world), 60_000);
}

#[test]
fn a_write_that_was_taken_is_sent_before_the_end() {
    let mut world = running(|config| config.poll = Millis::seconds(60), hangs());
    let ids = deals(&mut world, 1);
    let params = json!({ "id": ids[0], "fields": { "TITLE": "x" } }).to_string();
    let method = "crm.deal.update".to_owned();
    world.give(Input::Write { write: WriteId(1), method, params });
    let took = stop(&mut world);
    assert!(took < 5_000, "{took}");
    assert!(matches!(world.written[0].result, WriteResult::Done { .. }), "{:?}", world.written);
}

#[test]
fn a_save_that_is_open_is_waited_for() {
    let mut world = running(|config| config.poll = Millis::seconds(60), None);
    world.disk = Disk::Works(40_000);
    assert_eq!(stop(&mut world), 40_000);
}

#[test]
fn a_second_stop_changes_nothing() {
    let mut world = running(|config| config.poll = Millis::seconds(10), hangs());
    deals(&mut world, 3);
    world.pass(20_000);
    world.give(Input::Stop);
    world.pass(20_000);
    let took = stop(&mut world);
    assert!((10_000..10_010).contains(&took), "{took}");
}

#[test]
fn after_a_stop_a_rejected_object_is_not_registered_any_more() {
    let script = Script::new(|_, _| vec![(3_000, all(reject()))]);
    let change = |config: &mut Config| {
        (config.on_reject, config.poll) = (OnReject::Register, Millis::seconds(10));
    };
    let mut world = running(change, Some(script));
    deals(&mut world, 1);
    while world.deliveries.is_empty() {
        let end = world.now() + 60_000;
        world.step(end);
    }
    stop(&mut world);
    let errors = world.calls.iter().flat_map(sub_calls);
    assert_eq!(errors.filter(|(_, method)| method == "event.offline.error").count(), 0);
    // the next run knows it from the journal, rests it and drives it again
    world.script = None;
    world.start();
    world.pass(600_000);
    assert_eq!(world.audit().reserved_records, 0);
    assert_eq!(world.target.objects.len(), 1);
}
