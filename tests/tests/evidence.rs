//! Scenes of what one consumer sees of another, and of clears that clear nothing, under both personalities.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use b24_offline_core::*;
use b24_offline_emulator::{Fault, FaultKind, Personality, Request};
use b24_offline_tests::scene::{DEALS, all, bound, config, deals, nothing_lost};
use b24_offline_tests::{Behaviour, Script, World, sub_calls};
use serde_json::{Value, json};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

fn both(scene: impl Fn(&mut World)) {
    for personality in [Personality::Documented, Personality::Source] {
        let mut config = config(DEALS);
        config.sweep = Millis(MINUTE);
        scene(&mut bound(personality, config));
    }
}

/// A call of somebody else's, with the scenes' connector.
fn call(world: &mut World, method: &str, mut params: Value) -> Value {
    params["auth"] = json!(world.portal.issue_token("1").access_token);
    params["auth_connector"] = json!("warehouse");
    let now = world.now();
    world.portal.handle(&Request::call(method, params), now).json().unwrap()
}

fn another_consumer(world: &World) -> Vec<Evidence> {
    let evidence = world.notices.iter().filter_map(|notice| {
        if let Notice::AnotherConsumer(evidence) = notice { Some(*evidence) } else { None }
    });
    evidence.collect()
}

fn clear_calls(world: &World) -> usize {
    let calls = world.calls.iter().flat_map(sub_calls);
    calls.filter(|(_, method)| method == "event.offline.clear").count()
}

fn backed_off(world: &World) -> usize {
    let told = |notice: &&Notice| matches!(notice, Notice::BackingOff { why, .. } if why.contains("has cleared and has not"));
    world.notices.iter().filter(told).count()
}

fn faulty(method: &str, count: u64, kind: FaultKind) -> Fault {
    Fault { method: Some(method.into()), after: 0, count, kind }
}

#[test]
fn reservations_that_no_call_of_ours_explains_are_told_once_a_sweep_and_adopted() {
    both(|world| {
        world.start();
        world.pass(5 * MINUTE);
        for turn in 1..=2 {
            deals(world, 70);
            call(world, "event.offline.get", json!({ "clear": 0, "limit": 70 }));
            world.pass(2 * MINUTE);
            let seen = vec![Evidence::Reserved { records: 70 }; turn];
            assert_eq!(another_consumer(world), seen, "{:#?}", world.notices);
        }
        assert_eq!(world.target.objects.len(), 140);
        nothing_lost(world, "");
    });
}

#[test]
fn what_an_earlier_run_or_a_lost_call_may_have_reserved_is_no_evidence() {
    both(|world| {
        // the answer of a get is lost, and so is the process
        deals(world, 30);
        world.portal.inject(faulty("event.offline.get", 1, FaultKind::AnswerLost { hang_ms: 900 }));
        world.start();
        world.pass(2_000);
        world.crash();
        world.journal.clear();
        world.start();
        world.pass(4 * MINUTE);
        // a get is executed long after it was given up
        deals(world, 30);
        let kind = FaultKind::ExecutedLate { after_ms: 59_000, hang_ms: 1_000 };
        world.portal.inject(faulty("event.offline.get", 1, kind));
        world.pass(4 * MINUTE);
        // and one is answered in another shape
        deals(world, 30);
        let shape = b24_offline_emulator::Shape::Result(json!("what"));
        world.portal.inject(faulty("event.offline.get", 1, FaultKind::WrongShape(shape)));
        world.pass(4 * MINUTE);
        assert_eq!(another_consumer(world), []);
        assert_eq!(world.target.objects.len(), 90);
        nothing_lost(world, "");
    });
}

#[test]
fn records_of_ours_that_somebody_clears_are_told_of_once_and_delivered_all_the_same() {
    both(|world| {
        deals(world, 9);
        world.script = Some(Script::new(|_, _| vec![(5 * HOUR, all(Verdict::Done))]));
        world.start();
        world.pass(5 * MINUTE);
        let process = world.portal.queue()[0].process_id.clone();
        call(world, "event.offline.clear", json!({ "process_id": process, "id": [1, 2, 3, 4] }));
        world.pass(3 * HOUR);
        assert_eq!(another_consumer(world), [Evidence::Cleared { records: 4 }]);
        world.script = None;
        world.pass(3 * HOUR);
        assert_eq!(world.target.objects.len(), 9);
        assert_eq!(another_consumer(world).len(), 1);
        nothing_lost(world, "");
    });
}

#[test]
fn a_parked_record_that_somebody_clears_is_told_of_and_one_that_the_portal_deletes_is_not() {
    both(|world| {
        let ids = deals(world, 2);
        world.config.sweep = Millis(HOUR);
        world.config.poll = Millis(HOUR);
        world.behaviour = Behaviour::Rejects { id: ids[0].clone() };
        world.start();
        world.pass(MINUTE);
        // it is known from the journal, then seen by a sweep of this run
        world.crash();
        world.start();
        world.pass(26 * HOUR);
        let row = world.portal.queue().remove(0);
        let cleared = json!({ "process_id": row.process_id, "id": [row.id] });
        call(world, "event.offline.clear", cleared);
        world.pass(26 * HOUR);
        assert_eq!(another_consumer(world), [Evidence::Cleared { records: 1 }]);
        // another run knows it from the journal alone, as after a clear of its own that came late
        world.crash();
        world.start();
        world.behaviour = Behaviour::Rejects { id: ids[1].clone() };
        b24_offline_tests::scene::change(world, &ids[1]);
        world.pass(40 * 24 * HOUR);
        assert_eq!(world.audit().reserved_records, 0);
        assert_eq!(another_consumer(world).len(), 1, "{:#?}", world.notices);
    });
}

#[test]
fn a_clear_that_matches_nothing_is_noticed_and_repeated_without_a_second_delivery() {
    both(|world| {
        world.config.batch_size = BatchSize::Fixed(20);
        deals(world, 60);
        world.portal.inject(faulty("event.offline.clear", 6, FaultKind::NothingMatches));
        world.start();
        world.pass(3 * MINUTE);
        assert!(backed_off(world) >= 1, "{:#?}", world.notices);
        assert_eq!(world.deliveries.len(), 60);
        assert_eq!(another_consumer(world), []);
        nothing_lost(world, "");
    });
}

#[test]
fn a_portal_that_never_clears_causes_no_burst_and_no_second_delivery() {
    both(|world| {
        deals(world, 60);
        world.portal.inject(faulty("event.offline.clear", u64::MAX, FaultKind::NothingMatches));
        world.start();
        world.pass(HOUR);
        assert_eq!(world.deliveries.len(), 60);
        assert!((50..=100).contains(&clear_calls(world)), "{}", clear_calls(world));
        assert!(backed_off(world) >= 50, "{}", backed_off(world));
        world.portal.clear_faults();
        world.pass(2 * MINUTE);
        nothing_lost(world, "");
    });
}

#[test]
fn a_clear_that_fails_between_two_sweeps_is_noticed_after_the_next() {
    both(|world| {
        deals(world, 5);
        world.start();
        world.pass(10_000);
        assert_eq!(backed_off(world), 0);
        world.pass(2 * MINUTE);
        deals(world, 5);
        world.portal.inject(faulty("event.offline.clear", 2, FaultKind::NothingMatches));
        world.pass(2 * MINUTE);
        assert_eq!(backed_off(world), 2);
        assert_eq!(world.deliveries.len(), 10);
        nothing_lost(world, "");
    });
}

#[test]
fn a_record_that_another_consumer_has_taken_over_is_no_failed_clear() {
    // F13: the other one's mark is the later one and owns the records
    both(|world| {
        deals(world, 6);
        let last = b24_offline_emulator::Intrusion::GetLast { limit: 3 };
        world.portal.inject(faulty("event.offline.get", 1, FaultKind::BetweenSelectAndMark(last)));
        world.start();
        world.pass(4 * MINUTE);
        assert_eq!(backed_off(world), 0);
        nothing_lost(world, "");
    });
}
