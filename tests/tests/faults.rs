//! The faults of docs/reliability.md that no other scene plays alone, one scene for each row, on both portals.

#![allow(clippy::wildcard_enum_match_arm)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use b24_offline_core::*;
use b24_offline_emulator::{Fault, FaultKind, Personality};
use b24_offline_tests::mutant::every;
use b24_offline_tests::scene::{DEALS, bound, change, config, deals, fault, nothing_lost, sent};
use b24_offline_tests::{Wire, World, sub_calls, with_errors};
use serde_json::json;

const HOUR: u64 = 3_600_000;
const BOTH: [Personality; 2] = [Personality::Documented, Personality::Source];

fn world(personality: Personality) -> World {
    bound(personality, config(DEALS))
}

fn status(world: &World) -> Status {
    world.machine.as_ref().unwrap().status()
}

/// Everything is delivered, nothing is left, and the portal was never pressed.
fn settled(world: &World, told: &str) {
    nothing_lost(world, told);
    assert_eq!(status(world).held, 0, "{told}");
}

#[test]
fn each_answer_that_is_lost_in_any_way_loses_nothing_and_no_get_repeats_blindly() {
    let kinds = [
        FaultKind::RequestLost { hang_ms: 70_000 },
        FaultKind::AnswerLost { hang_ms: 70_000 },
        FaultKind::AnswerLost { hang_ms: 100 },
        FaultKind::CutBody { keep: 40 },
        FaultKind::TruncatedJson { keep: 40 },
        FaultKind::Html { status: 200, executed: true },
        FaultKind::Html { status: 502, executed: true },
        FaultKind::Html { status: 504, executed: false },
        FaultKind::ExecutedLate { after_ms: 50_000, hang_ms: 100 },
    ];
    for personality in BOTH {
        for kind in &kinds {
            for method in ["event.offline.get", "event.offline.clear", "crm.deal.list"] {
                let told = format!("{personality:?} {method} {kind:?}");
                let mut world = world(personality);
                deals(&mut world, 3);
                world.portal.inject(fault(method, 2, kind.clone()));
                world.start();
                world.pass(HOUR);
                settled(&world, &told);
                assert!(status(&world).counters.unknown > 0, "{told}");
                no_get_before_a_sweep(&world, &told);
            }
        }
    }
}

/// Behind a call with a `get` whose outcome is unknown no other goes out before the queue was listed.
fn no_get_before_a_sweep(world: &World, told: &str) {
    let mut gets = 0;
    for call in &world.calls {
        let methods: Vec<String> = sub_calls(call).into_iter().map(|(_, method)| method).collect();
        let asks = |name: &str| methods.iter().any(|method| method == name);
        if asks("event.offline.list") {
            gets = 0;
        }
        gets += u32::from(asks("event.offline.get"));
        // some answers come meanwhile: far fewer rounds than an hour of blind repeats would have
        assert!(gets < 70, "{told}");
    }
}

#[test]
fn a_portal_that_cannot_be_reached_is_waited_for_with_back_off_and_jitter() {
    for personality in BOTH {
        let mut world = world(personality);
        deals(&mut world, 3);
        world.start();
        world.pass(5_000);
        let before = (world.calls.len(), status(&world).counters.unknown);
        let refused = FaultKind::RefuseConnections { for_ms: 10 * 60_000 };
        world.portal.inject(Fault { method: None, after: 0, count: 1, kind: refused });
        world.pass(10 * 60_000);
        let tries = world.calls.len() - before.0;
        assert!((8..30).contains(&tries), "{personality:?}: {tries} tries");
        // what was surely not sent is no unknown outcome
        assert_eq!(status(&world).counters.unknown, before.1, "{personality:?}");
        let delays: Vec<u64> = world.notices.iter().filter_map(delay).collect();
        assert!(delays.iter().any(|delay| delay % 1_000 != 0), "no jitter: {delays:?}");
        assert!(delays.iter().all(|delay| *delay <= 75_000), "{delays:?}");
        let ids = world.portal.object_ids("crm.deal");
        change(&mut world, &ids[0]);
        world.pass(HOUR);
        settled(&world, "reached again");
        assert!(world.noticed(|notice| *notice == Notice::Reached));
    }
}

fn delay(notice: &Notice) -> Option<u64> {
    match notice {
        Notice::BackingOff { delay, .. } => Some(delay.0),
        _ => None,
    }
}

#[test]
fn a_full_bucket_is_waited_out_and_executes_nothing() {
    for personality in BOTH {
        let mut world = world(personality);
        deals(&mut world, 3);
        world.portal.inject(Fault {
            method: None,
            after: 2,
            count: 4,
            kind: FaultKind::QueryLimit,
        });
        world.start();
        world.pass(HOUR);
        settled(&world, "a full bucket");
        let counters = status(&world).counters;
        assert_eq!((counters.refused, counters.unknown), (4, 0), "{personality:?}");
    }
}

#[test]
fn a_second_answer_and_one_to_a_dead_call_count_for_nothing() {
    for personality in BOTH {
        let mut world = world(personality);
        deals(&mut world, 5);
        world.start();
        let mut answered = 0;
        for _ in 0..400 {
            let end = world.now() + 2_000;
            world.step(end);
            // each call so far is answered again, with something else
            for id in world.calls.iter().skip(answered).map(|call| call.id).collect::<Vec<_>>() {
                if world.calls.last().is_none_or(|last| last.id != id) {
                    let body = r#"{"result":{"result":[],"result_error":[]}}"#.to_owned();
                    let reply = Reply::Answer { status: 200, body };
                    world.give(Input::Replied { call: id, reply });
                    answered += 1;
                }
            }
        }
        assert!(answered > 5, "{answered}");
        world.pass(HOUR);
        settled(&world, "answered twice");
        assert_eq!(world.target.applied.values().max(), Some(&1), "{personality:?}");
    }
}

#[test]
fn a_token_that_expires_within_a_batch_costs_only_the_sub_calls_that_say_so() {
    for personality in BOTH {
        let mut world = world(personality);
        deals(&mut world, 3);
        let mut left = 1;
        world.wire = Some(Wire::new(move |call, _, (delay, reply)| {
            let reads = sub_calls(call).iter().any(|(_, method)| method == "crm.deal.list");
            if left == 0 || !reads {
                return (delay, reply);
            }
            left -= 1;
            let expired = json!({ "error": "expired_token", "error_description": "x" });
            let reply = with_errors(call, reply, |method| {
                (method == "crm.deal.list").then(|| expired.clone())
            });
            (delay, reply)
        }));
        world.start();
        world.pass(20_000);
        assert_eq!(sent(&world, "crm.deal.list"), 2, "{personality:?}");
        // the reservation that the same batch made counts
        assert_eq!(status(&world).counters.records, 3, "{personality:?}");
        world.pass(HOUR);
        settled(&world, "an expired sub-call");
    }
}

#[test]
fn a_sub_call_that_fails_is_judged_alone() {
    for personality in BOTH {
        let mut world = world(personality);
        world.start();
        world.pass(10_000);
        // from here on the sweep's part of each batch fails
        world.wire = Some(Wire::refusing("event.offline.list", "ERROR_CORE", "no"));
        deals(&mut world, 3);
        world.pass(HOUR);
        assert_eq!(world.target.applied.len(), 3, "{personality:?}: {:?}", world.notices);
        world.wire = None;
        world.pass(HOUR);
        settled(&world, "a failing sub-call");
    }
}

#[test]
fn an_object_that_makes_every_batch_fail_is_isolated_and_parked() {
    for personality in BOTH {
        let mut world = world(personality);
        let ids = deals(&mut world, 12);
        let bad = format!("%5D={}&", ids[6]);
        let other = format!("?id={}", ids[6]);
        world.wire = Some(Wire::new(move |call, _, (delay, reply)| {
            let params = call.params.replace('"', "&");
            let reads =
                params.contains("crm.deal.") && (params.contains(&bad) || params.contains(&other));
            let html = Reply::Answer { status: 502, body: "<html>".into() };
            (delay, if reads { html } else { reply })
        }));
        world.start();
        world.pass(3 * HOUR);
        assert_eq!(world.target.applied.len(), 11, "{personality:?}");
        let parked = |notice: &Notice| matches!(notice, Notice::Parked { object, .. } if object.id == ids[6]);
        assert!(world.noticed(parked), "{personality:?}: {:?}", world.notices);
        assert_eq!(status(&world).parked, 1, "{personality:?}");
        assert_eq!(world.audit().lost, [], "{personality:?}");
    }
}

#[test]
fn a_batch_that_dies_after_any_sub_call_loses_nothing() {
    for personality in BOTH {
        for after_calls in (0..8).step_by(every(3)) {
            let mut world = world(personality);
            deals(&mut world, 4);
            for after in [2, 4, 7] {
                let kind = FaultKind::BatchDies { after_calls };
                world.portal.inject(Fault { method: None, after, count: 1, kind });
            }
            world.start();
            world.pass(HOUR);
            settled(&world, &format!("{personality:?}: died after {after_calls}"));
        }
    }
}

#[test]
fn a_laptop_that_slept_takes_open_calls_as_unknown_and_bursts_nowhere() {
    for personality in BOTH {
        let mut world = world(personality);
        deals(&mut world, 3);
        world.start();
        while world.calls.len() < 4 {
            let end = world.now() + 2_000;
            world.step(end);
        }
        // the answers of before the sleep never come
        let refused = |_: &Call, _, _| (u64::from(u32::MAX), Reply::Unknown { why: Lost::Broken });
        world.wire = Some(Wire::new(refused));
        world.pass(3_000);
        world.wire = None;
        world.skew += 8 * HOUR as i64;
        let before = world.calls.len();
        world.give(Input::Tick);
        world.pass(1_000);
        assert!(world.calls.len() - before <= 3, "{personality:?}: a burst");
        world.pass(HOUR);
        settled(&world, "slept");
    }
}

#[test]
fn what_stands_for_an_empty_map_is_accepted_and_so_are_numbers_as_texts() {
    for personality in BOTH {
        let mut world = world(personality);
        deals(&mut world, 3);
        world.wire = Some(Wire::new(|_, _, (delay, reply)| match reply {
            Reply::Answer { status, body } => {
                let body = body.replace("{}", "[]").replace("\"result\":null", "\"result\":[]");
                let body = body.replacen('{', r#"{"unknown":{"a":[1]},"#, 1);
                (delay, Reply::Answer { status, body })
            }
            other @ (Reply::NotSent(_) | Reply::Unknown { .. }) => (delay, other),
        }));
        world.start();
        world.pass(HOUR);
        settled(&world, "odd shapes");
        assert_eq!(world.target.applied.len(), 3);
    }
}

#[test]
fn many_waiting_records_cost_fixed_batches_and_little_memory() {
    let count = if std::env::var_os("B24_DEEP").is_some() { 100_000 } else { 6_000 };
    for personality in BOTH {
        let mut world = world(personality);
        deals(&mut world, count);
        world.start();
        let (mut most_held, mut most_kept, mut told) = (0, 0, false);
        while world.target.applied.len() < count {
            let end = world.now() + 60_000;
            world.step(end);
            most_held = most_held.max(status(&world).held);
            most_kept = most_kept.max(world.journal.values().map(String::len).sum());
            told |= status(&world).waiting.is_some_and(|waiting| waiting > 0);
        }
        assert!(told, "no progress was told");
        assert!(most_held <= 2 * 2_250, "{personality:?}: {most_held} objects in hand");
        assert!(most_kept <= 1_000_000, "{personality:?}: {most_kept} bytes in the journal");
        world.pass(HOUR);
        settled(&world, "many waiting");
    }
}
