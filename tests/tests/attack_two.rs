//! More scenes that try to break the machine: deletion and age under outages, journals of dead runs, notices
//! that are true and false, batches that grow too large.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use b24_offline_core::*;
use b24_offline_emulator::{Deed, Fault, FaultKind, Personality, Request, Shape};
use b24_offline_tests::mutant::every;
use b24_offline_tests::scene::{
    DEALS, all, bound, change, config, deals, fault, nothing_lost, one_step, reject, sent,
    without_reservation,
};
use b24_offline_tests::{Disk, Pair, Script, Wire, World, sub_calls};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

fn both(names: &str, scene: impl Fn(&mut World)) {
    for personality in [Personality::Documented, Personality::Source] {
        scene(&mut bound(personality, config(names)));
    }
}

/// A call of somebody else's, with the scenes' connector.
fn call(world: &mut World, method: &str, mut params: Value) -> Value {
    params["auth"] = json!(world.portal.issue_token("1").access_token);
    params["auth_connector"] = json!("warehouse");
    let now = world.now();
    world.portal.handle(&Request::call(method, params), now).json().unwrap()
}

/// Steps until this holds, at most so many.
fn until(world: &mut World, most: usize, mut is: impl FnMut(&World) -> bool) -> bool {
    (0..most).any(|_| {
        is(world) || {
            one_step(world);
            false
        }
    })
}

/// Whether a key was ever delivered with two different states of its object.
fn keys_with_two_states(world: &World) -> Vec<String> {
    let mut seen: BTreeMap<&str, &Change> = BTreeMap::new();
    let mut twice = Vec::new();
    for change in &world.deliveries {
        let first = seen.entry(&change.key).or_insert(change);
        if first.data != change.data {
            twice.push(change.key.clone());
        }
    }
    twice
}

fn absences(world: &World) -> usize {
    world.notices.iter().filter(|notice| matches!(notice, Notice::LongAbsence { .. })).count()
}

#[test]
fn an_event_without_a_rule_keeps_its_data_when_its_reservation_ages_out() {
    both("ONSTRANGETHING", |world| {
        world.config.poll = Millis::seconds(3_600);
        world.config.sweep = Millis::seconds(6 * 3_600);
        world.config.retry = Retry { first_delay: Millis::seconds(3_600), attempts: 1_000 };
        let now = world.now();
        world.portal.record_event("ONSTRANGETHING", json!({ "what": ["ever", 7] }), now);
        world.pass(28 * DAY);
        world.script = Some(Script::new(|_, _| vec![(5, all(Verdict::Retry { after: None }))]));
        world.start();
        world.pass(8 * DAY);
        assert_eq!(world.portal.queue().len(), 0);
        world.crash();
        world.script = None;
        world.deliveries.clear();
        world.start();
        world.pass(DAY);
        let data: Vec<Option<&str>> = world.deliveries.iter().map(|c| c.data.as_deref()).collect();
        assert_eq!(data, [Some(r#"{"what":["ever",7]}"#)], "{:#?}", world.notices);
        assert!(world.journal.keys().all(|key| key == "queue"), "{:?}", world.journal);
    });
}

#[test]
fn a_parked_event_without_a_rule_outlives_its_record() {
    both("ONSTRANGETHING", |world| {
        world.config.poll = Millis::seconds(3_600);
        world.config.sweep = Millis::seconds(6 * 3_600);
        let now = world.now();
        world.portal.record_event("ONSTRANGETHING", json!({ "what": ["ever", 7] }), now);
        world.script = Some(Script::new(|_, _| vec![(5, all(reject()))]));
        world.start();
        world.pass(5 * DAY);
        world.crash();
        world.start();
        world.pass(33 * DAY);
        assert_eq!(world.portal.queue().len(), 0);
        world.crash();
        world.script = None;
        world.deliveries.clear();
        world.start();
        world.pass(MINUTE);
        world.give(Input::Redrive(Redrive::All));
        world.pass(DAY);
        let data: Vec<Option<&str>> = world.deliveries.iter().map(|c| c.data.as_deref()).collect();
        assert_eq!(data, [Some(r#"{"what":["ever",7]}"#)], "{:#?}", world.notices);
    });
}

#[test]
fn a_key_never_stands_for_two_states_when_a_deletion_was_not_executed() {
    both(DEALS, |world| {
        world.portal.set_plan(without_reservation());
        let ids = deals(world, 3);
        world.start();
        world.portal.inject(fault("event.offline.get", 1, FaultKind::RequestLost { hang_ms: 500 }));
        // the portal is away for longer than a request may be late
        assert!(until(world, 500, |world| sent(world, "event.offline.get") == 1));
        world.portal.inject(Fault {
            method: None,
            after: 0,
            count: 1,
            kind: FaultKind::RefuseConnections { for_ms: 150_000 },
        });
        world.pass(MINUTE);
        let fields = json!({ "COMMENTS": "between" });
        let deed = Deed::Change { kind: "crm.deal".into(), id: ids[1].clone(), fields };
        world.portal.inject(fault("event.offline.get", 1, FaultKind::Before(deed)));
        world.pass(10 * MINUTE);
        nothing_lost(world, "");
        assert_eq!(keys_with_two_states(world), [""; 0], "{:#?}", world.deliveries);
        assert!(world.journal.keys().all(|key| key == "queue"), "{:?}", world.journal);
    });
}

#[test]
fn a_deletion_that_can_not_be_repeated_in_time_keeps_its_entry() {
    // listed, perhaps deleted, listed again; then deletion is held back for longer than a late request lasts
    both(DEALS, |world| {
        world.portal.set_plan(without_reservation());
        let ids = deals(world, 2);
        world.start();
        world.portal.inject(fault("event.offline.get", 1, FaultKind::RequestLost { hang_ms: 500 }));
        world
            .portal
            .inject(Fault { after: 0, ..fault("event.offline.get", 3, FaultKind::OperatingLimit) });
        world.pass(100_000);
        let late = Deed::Change {
            kind: "crm.deal".into(),
            id: ids[0].clone(),
            fields: json!({ "COMMENTS": "between" }),
        };
        world.portal.inject(fault("event.offline.get", 1, FaultKind::Before(late)));
        let left = |world: &World| world.portal.queue().len();
        assert!(until(world, 5_000, |world| left(world) == 0));
        // the record has left the queue with the change in it; now the machine dies
        world.crash();
        world.start();
        world.pass(10 * MINUTE);
        nothing_lost(world, "");
        assert_eq!(keys_with_two_states(world), [""; 0]);
    });
}

#[test]
fn a_downgrade_of_a_run_that_began_with_a_new_journal_is_no_missing_journal() {
    both(DEALS, |world| {
        world.portal.remove_bindings();
        world.start();
        world.pass(MINUTE);
        world.portal.set_plan(without_reservation());
        deals(world, 3);
        world.pass(5 * MINUTE);
        nothing_lost(world, "");
        assert!(world.noticed(|notice| matches!(notice, Notice::ModeChanged { .. })));
        assert!(!world.noticed(|notice| matches!(notice, Notice::JournalMissing)));
    });
}

#[test]
fn a_run_that_is_stopped_before_it_has_swept_does_not_call_the_queue_clean() {
    for wait in [0, 100, 520, 600, 1_030, 1_050, 1_100] {
        both(DEALS, |world| {
            world.start();
            world.pass(MINUTE);
            deals(world, 4);
            // reserved, and killed before the journal knows
            let before = sent(world, "event.offline.get");
            assert!(until(world, 500, |world| sent(world, "event.offline.get") > before));
            world.crash();
            assert_eq!(world.audit().reserved_records, 4);
            world.start();
            world.pass(wait);
            world.give(Input::Stop);
            assert!(world.until_ended(2 * MINUTE));
            let left = usize::from(world.audit().reserved_records > 0);
            world.crash();
            world.pass(40 * DAY);
            world.start();
            world.pass(MINUTE);
            assert_eq!(absences(world), left, "{wait} {:#?}", world.notices);
        });
    }
}

#[test]
fn an_outage_that_hides_a_reservation_for_long_is_a_long_absence() {
    both(DEALS, |world| {
        deals(world, 4);
        world.pass(28 * DAY + 23 * HOUR);
        world.portal.inject(fault("event.offline.get", 1, FaultKind::AnswerLost { hang_ms: 500 }));
        world.start();
        assert!(until(world, 500, |world| sent(world, "event.offline.get") > 0));
        world.portal.inject(Fault {
            method: None,
            after: 0,
            count: 1,
            kind: FaultKind::RefuseConnections { for_ms: 7 * DAY },
        });
        world.pass(8 * DAY);
        assert_eq!((world.portal.queue().len(), world.deliveries.len()), (0, 0));
        assert_eq!(absences(world), 1, "{:#?}", world.notices.last());
    });
}

#[test]
fn old_records_are_taken_no_faster_than_they_are_done() {
    both(DEALS, |world| {
        world.config.batch_size = BatchSize::Fixed(100);
        deals(world, 4_000);
        world.pass(29 * DAY + HOUR);
        world.script = Some(Script::new(|_, _| Vec::new()));
        world.start();
        world.pass(20 * MINUTE);
        let held = world.machine.as_ref().unwrap().status().held;
        let kept = world.journal.len();
        assert!(held <= 1_000 && kept <= 1_100, "{held} {kept}");
        let before = world.calls.len();
        world.pass(10 * MINUTE);
        assert!(world.calls.len() - before <= 150, "{}", world.calls.len() - before);
        world.crash();
        world.script = None;
        world.start();
        world.pass(HOUR);
        nothing_lost(world, "");
        assert_eq!(world.target.objects.len(), 4_000);
    });
}

#[test]
fn an_entry_of_an_aged_reservation_goes_however_late_the_sweep_is() {
    both(DEALS, |world| {
        world.config.poll = Millis::seconds(3_600);
        world.config.retry = Retry { first_delay: Millis::seconds(3_600), attempts: 1_000 };
        deals(world, 2);
        world.pass(28 * DAY + 23 * HOUR);
        world.script = Some(Script::new(|_, _| vec![(5, all(Verdict::Retry { after: None }))]));
        world.start();
        world.pass(5 * HOUR);
        assert!(world.journal.keys().any(|key| key.starts_with("kept/")));
        assert_eq!(world.audit().reserved_records, 2);
        world.crash();
        world.script = Some(Script::new(|_, _| vec![(10_000, all(Verdict::Done))]));
        world.portal.inject(fault("event.offline.list", 12, FaultKind::OperatingLimit));
        world.start();
        world.pass(20 * MINUTE);
        nothing_lost(world, "");
        assert!(world.journal.keys().all(|key| key == "queue"), "{:?}", world.journal);
    });
}

#[test]
fn a_host_whose_clock_is_slow_does_not_take_age_for_another_consumer() {
    both(DEALS, |world| {
        world.skew = -8 * i64::try_from(DAY).unwrap();
        world.config.poll = Millis::seconds(3_600);
        world.config.sweep = Millis::seconds(3_600);
        world.script = Some(Script::new(|_, _| Vec::new()));
        deals(world, 2);
        world.start();
        world.pass(40 * DAY);
        assert_eq!(world.portal.queue().len(), 0);
        assert!(!world.noticed(|notice| matches!(notice, Notice::AnotherConsumer(_))));
    });
}

/// The rows of the free lane come without MESSAGE_ID.
fn without_message_ids() -> Wire {
    Wire::new(|call, _, (delay, reply)| {
        let Reply::Answer { status, body } = &reply else { return (delay, reply) };
        let mut answer: Value = serde_json::from_str(body).unwrap();
        for (name, _) in sub_calls(call).iter().filter(|(_, m)| m == "event.offline.list") {
            for row in answer["result"]["result"][name].as_array_mut().into_iter().flatten() {
                row["MESSAGE_ID"] = json!("");
            }
        }
        (delay, Reply::Answer { status: *status, body: answer.to_string() })
    })
}

#[test]
fn a_page_of_records_that_can_not_be_read_is_not_listed_without_end() {
    both(DEALS, |world| {
        world.portal.set_plan(without_reservation());
        deals(world, 120);
        world.wire = Some(without_message_ids());
        world.start();
        world.pass(MINUTE);
        let before = world.calls.len();
        world.pass(10 * MINUTE);
        let requests = world.calls.len() - before;
        assert!(requests <= 200, "{requests} requests in ten minutes");
        world.wire = None;
        world.pass(5 * MINUTE);
        nothing_lost(world, "");
    });
}

#[test]
fn a_batch_never_has_more_than_fifty_calls() {
    for personality in [Personality::Documented, Personality::Source] {
        for disk in [2, 600] {
            let mut config = config(DEALS);
            config.on_reject = OnReject::Register;
            config.batch_size = BatchSize::Fixed(2_250);
            let mut world = bound(personality, config);
            world.start();
            world.pass(MINUTE);
            // an own reservation is in the journal, so that the next start sweeps first
            world.script = Some(Script::new(|_, _| Vec::new()));
            deals(&mut world, 1);
            world.pass(20_000);
            world.crash();
            deals(&mut world, 8_000);
            for _ in 0..30 {
                call(&mut world, "event.offline.get", json!({ "clear": 0, "limit": 1 }));
            }
            call(&mut world, "event.offline.get", json!({ "clear": 0, "limit": 6_500 }));
            world.pass(29 * DAY + HOUR);
            let mut first = 8;
            world.script = Some(Script::new(move |batch, _| {
                let rejected = batch
                    .changes
                    .iter()
                    .take(first)
                    .map(|change| Judgement { key: change.key.clone(), verdict: reject() });
                let except = rejected.collect();
                first = 0;
                vec![(5, Verdicts::All { verdict: Verdict::Done, except })]
            }));
            world.disk = Disk::Works(disk);
            world.start();
            world.pass(5 * MINUTE);
            let most = world.calls.iter().map(|call| sub_calls(call).len()).max();
            assert!(most <= Some(50), "{personality:?} {disk}: {most:?}");
        }
    }
}

#[test]
fn a_deletion_of_another_shape_is_not_taken_for_one() {
    both(DEALS, |world| {
        world.portal.set_plan(without_reservation());
        deals(world, 3);
        let ids = deals(world, 1);
        let shape = FaultKind::WrongShape(Shape::Result(json!("what")));
        world.portal.inject(fault("event.offline.get", 1, shape));
        world.start();
        world.pass(20_000);
        change(world, &ids[0]);
        world.pass(5 * MINUTE);
        nothing_lost(world, "");
        assert_eq!(keys_with_two_states(world), [""; 0]);
    });
}

#[test]
fn a_deletion_that_is_not_executed_and_answers_true_is_no_deletion() {
    both(DEALS, |world| {
        world.portal.set_plan(without_reservation());
        let ids = deals(world, 60);
        world.portal.inject(fault("event.offline.get", u64::MAX, FaultKind::NothingMatches));
        world.start();
        world.pass(10 * MINUTE);
        assert_eq!(world.deliveries, []);
        assert!(world.calls.len() <= 400, "{}", world.calls.len());
        change(world, &ids[0]);
        world.portal.clear_faults();
        world.pass(10 * MINUTE);
        nothing_lost(world, "");
        assert_eq!(keys_with_two_states(world), [""; 0]);
    });
}

#[test]
fn two_consumers_that_delete_lose_nothing_when_one_is_killed_at_any_step() {
    for personality in [Personality::Documented, Personality::Source] {
        for step in (0..50).step_by(every(7)) {
            let mut shared = config(DEALS);
            shared.consumers = Consumers::Shared { lease: Millis(150_000) };
            shared.sweep = Millis(MINUTE);
            let mut pair = Pair::new(personality, [shared.clone(), shared]);
            pair.at(0).portal.set_plan(without_reservation());
            let ids = deals(pair.at(0), 6);
            pair.at(step % 2).script = Some(Script::new(|_, _| vec![(4_000, all(Verdict::Done))]));
            pair.start();
            for turn in 0..step {
                let end = pair.now() + HOUR;
                pair.step(end);
                if turn % 9 == 4 {
                    change(pair.at(0), &ids[turn % 6]);
                }
            }
            if step % 3 == 0 {
                let kind = FaultKind::ExecutedLate { after_ms: 50_000, hang_ms: 2_000 };
                pair.at(0).portal.inject(fault("event.offline.get", 1, kind));
            }
            pair.at(0).crash_after_saving(step % 3);
            change(pair.at(0), &ids[1]);
            pair.at(0).start();
            pair.pass(3_000);
            change(pair.at(0), &ids[2]);
            pair.pass(10 * MINUTE);
            let told = format!("{personality:?} {step}");
            let audit = pair.portal().audit();
            assert_eq!(
                (audit.lost.len(), audit.free_records, audit.reserved_records),
                (0, 0, 0),
                "{told}"
            );
            assert_eq!(pair.differing("crm.deal"), [""; 0], "{told}");
            for which in 0..2 {
                let journal = &pair.seen(which).journal;
                assert!(journal.keys().all(|key| key == "queue"), "{told} {journal:?}");
            }
        }
    }
}

#[test]
fn a_stop_in_any_phase_of_a_deletion_ends_and_loses_nothing() {
    both(DEALS, |world| {
        world.portal.set_plan(without_reservation());
        for steps in (0..40).step_by(every(5)) {
            let ids = deals(world, 5);
            world.start();
            for _ in 0..steps {
                one_step(world);
            }
            if steps % 4 == 0 {
                let kind = FaultKind::AnswerLost { hang_ms: 300 };
                world.portal.inject(fault("event.offline.get", 1, kind));
            }
            change(world, &ids[steps % 5]);
            world.give(Input::Stop);
            assert!(world.until_ended(61_000), "{steps}: {:?}", world.phase());
            world.crash();
            world.portal.clear_faults();
        }
        world.start();
        world.pass(10 * MINUTE);
        nothing_lost(world, "");
        assert!(world.journal.keys().all(|key| key == "queue"), "{:?}", world.journal);
    });
}

#[test]
fn an_emptied_queue_ends_after_an_unknown_deletion() {
    for kind in [
        FaultKind::RequestLost { hang_ms: 500 },
        FaultKind::AnswerLost { hang_ms: 500 },
        FaultKind::ExecutedLate { after_ms: 55_000, hang_ms: 500 },
    ] {
        both(DEALS, |world| {
            world.portal.set_plan(without_reservation());
            world.config.until = Until::Empty;
            deals(world, 70);
            world.portal.inject(fault("event.offline.get", 1, kind.clone()));
            world.start();
            assert!(world.until_ended(4 * MINUTE), "{kind:?} {:?}", world.phase());
            nothing_lost(world, "");
            assert_eq!(world.target.objects.len(), 70);
        });
    }
}

#[test]
fn a_deletion_that_deletes_nothing_is_not_repeated_without_end() {
    both(DEALS, |world| {
        world.portal.set_plan(without_reservation());
        deals(world, 60);
        world.portal.inject(fault("event.offline.get", u64::MAX, FaultKind::NothingMatches));
        world.wire = Some(Wire::new(|call, _, (delay, reply)| {
            let Reply::Answer { status, body } = &reply else { return (delay, reply) };
            let mut answer: Value = serde_json::from_str(body).unwrap();
            for (name, _) in sub_calls(call).iter().filter(|(_, m)| m == "event.offline.get") {
                let nothing = json!({ "process_id": null, "events": [] });
                answer["result"]["result"][name] = nothing;
            }
            (delay, Reply::Answer { status: *status, body: answer.to_string() })
        }));
        world.start();
        world.pass(10 * MINUTE);
        assert!(world.deliveries.len() <= 600, "{}", world.deliveries.len());
        world.portal.clear_faults();
        world.wire = None;
        world.pass(10 * MINUTE);
        nothing_lost(world, "");
    });
}
