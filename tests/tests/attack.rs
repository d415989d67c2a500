//! Scenes that try to break the machine from outside: orphans and hidden records, generations of parked
//! ones, verdicts in pieces, misuse, answers of every shape, stops at any time.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::cell::RefCell;
use std::rc::Rc;

use b24_offline_core::*;
use b24_offline_emulator::{Fault, FaultKind, Intrusion, Personality};
use b24_offline_tests::mutant::every;
use b24_offline_tests::scene::{
    DEALS, all, bound, change, config, deals, nothing_lost, one_step, reject,
};
use b24_offline_tests::{Script, Wire, World};

const HOUR: u64 = 3_600_000;

fn world(personality: Personality, change: impl FnOnce(&mut Config)) -> World {
    let mut config = config(DEALS);
    change(&mut config);
    bound(personality, config)
}

#[test]
fn orphans_of_both_lanes_are_adopted_while_own_reservations_are_held() {
    let mut world = world(Personality::Source, |config| config.sweep = Millis::seconds(60));
    deals(&mut world, 2_500);
    let lost = FaultKind::AnswerLost { hang_ms: 200 };
    let method = Some("event.offline.get".to_owned());
    world.portal.inject(Fault { method, after: 1, count: 3, kind: lost });
    world.script = Some(Script::new(|_, _| vec![(20_000, all(Verdict::Done))]));
    world.start();
    world.pass(2 * HOUR);
    assert!(world.machine.as_ref().unwrap().status().counters.adopted > 0);
    nothing_lost(&world, "");
}

#[test]
fn records_that_a_get_marked_but_hid_are_found() {
    let mut world = world(Personality::Source, |config| config.sweep = Millis::seconds(60));
    deals(&mut world, 20);
    let kind = FaultKind::BetweenSelectAndMark(Intrusion::GetAndError { limit: 7 });
    let method = Some("event.offline.get".to_owned());
    world.portal.inject(Fault { method, after: 0, count: 1, kind });
    world.start();
    world.pass(3 * HOUR);
    nothing_lost(&world, "");
}

#[test]
fn several_generations_of_a_parked_object_are_cleared_by_one_done() {
    for journal in [Durability::Durable, Durability::None] {
        let mut world = world(Personality::Source, |config| config.journal = journal);
        let id = deals(&mut world, 1).remove(0);
        world.script = Some(Script::new(|_, _| vec![(5, all(reject()))]));
        world.start();
        for _ in 0..4 {
            world.pass(20_000);
            change(&mut world, &id);
        }
        world.pass(20_000);
        let kept = if journal == Durability::Durable { 1 } else { 5 };
        assert_eq!(world.audit().reserved_records, kept, "{journal:?}");
        world.script = None;
        world.give(Input::Redrive(Redrive::Objects(vec![ObjectId::new("crm.deal", id.as_str())])));
        world.pass(60_000);
        assert_eq!(world.audit().reserved_records, 0, "{journal:?}");
        nothing_lost(&world, "");
    }
}

#[test]
fn verdicts_in_pieces_in_any_order_settle_each_change_once() {
    let mut world = world(Personality::Source, |_| {});
    deals(&mut world, 9);
    world.script = Some(Script::new(|batch, _| {
        let one = |change: &Change| {
            let verdict = match change.object.id.as_str() {
                "4" => Verdict::Retry { after: Some(Millis(0)) },
                _ => Verdict::Done,
            };
            Verdicts::Some(vec![Judgement { key: change.key.clone(), verdict }])
        };
        let pieces = batch.changes.iter().rev().enumerate();
        pieces.map(|(n, change)| (n as u64 * 400, one(change))).collect()
    }));
    world.start();
    world.pass(60_000);
    let status = world.machine.as_ref().unwrap().status();
    assert_eq!((status.counters.done, status.parked, status.held), (8, 1, 0));
    assert_eq!(status.counters.retried, 5);
}

#[test]
fn misuse_changes_nothing() {
    let mut world = world(Personality::Source, |_| {});
    deals(&mut world, 2);
    let given = Rc::new(RefCell::new(None));
    let seen = Rc::clone(&given);
    world.script = Some(Script::new(move |batch, _| {
        *seen.borrow_mut() = Some(batch.clone());
        Vec::new()
    }));
    world.start();
    world.pass(10_000);
    let held = Input::Write { write: WriteId(7), method: "a.b".into(), params: "{}".into() };
    world.give(held.clone());
    let batch = given.borrow().clone().unwrap();
    let now = Timestamp(world.now());
    let machine = world.machine.as_mut().unwrap();
    let before = format!("{machine:?}");
    let write = |params: &str| {
        let params = params.to_owned();
        Input::Write { write: WriteId(1), method: "crm.deal.update".into(), params }
    };
    let unknown = || Judgement { key: "7@t".into(), verdict: Verdict::Done };
    let own = || Judgement { key: batch.changes[0].key.clone(), verdict: Verdict::Done };
    let reply = Reply::Unknown { why: Lost::Broken };
    let wrong = [
        Input::Replied { call: CallId(u64::MAX), reply },
        Input::Judged { batch: BatchId(u64::MAX), verdicts: all(Verdict::Done) },
        Input::Saved { save: SaveId(u64::MAX), outcome: SaveOutcome::Done },
        write("[]"),
        write("{"),
        write(""),
        Input::Judged { batch: BatchId(0), verdicts: Verdicts::Some(vec![unknown(), unknown()]) },
        Input::Judged { batch: batch.id, verdicts: Verdicts::Some(vec![unknown()]) },
        Input::Judged { batch: batch.id, verdicts: Verdicts::Some(vec![own(), own()]) },
        held,
    ];
    for input in wrong {
        let later = now.plus(Millis::seconds(5_000));
        assert!(machine.handle(input.clone(), later).is_err(), "{input:?}");
        assert_eq!(format!("{machine:?}"), before, "{input:?}");
    }
}

#[test]
fn answers_of_every_shape_to_every_call_are_survived() {
    let deep = format!(r#"{{"result":{}{}}}"#, "[".repeat(60), "]".repeat(60));
    let huge = format!(r#"{{"result":"{}"}}"#, "a".repeat(1_000_000));
    let wide = format!(r#"{{"result":{{"result":[{}1]}}}}"#, "1,".repeat(200_000));
    let bodies = [
        "",
        "[]",
        "null",
        "{}",
        "7",
        "[[]]",
        r#"{"result":[]}"#,
        r#"{"result":{"result":[]}}"#,
        r#"{"result":{"result":[],"result_error":[]}}"#,
        r#"{"error":[]}"#,
        r#"{"error":{}}"#,
        r#"{"error":""}"#,
        r#"{"error":null}"#,
        r#"[{"result":[]}]"#,
        "<html>",
        "\u{0}",
        "\"\u{fffd}\"",
        r#"{"result":{"result":{"c00":18446744073709551616}}}"#,
        &deep,
        &huge,
        &wide,
    ];
    for body in bodies {
        for status in [200, 400, 500, 503] {
            for from in [0, 2, 4] {
                let mut world = world(Personality::Source, |_| {});
                deals(&mut world, 3);
                let (body, mut calls) = (body.to_owned(), 0);
                world.wire = Some(Wire::new(move |_, _, (delay, reply)| {
                    calls += 1;
                    let spoilt = calls > from && calls < from + 6;
                    let answer = || Reply::Answer { status, body: body.clone() };
                    (delay, if spoilt { answer() } else { reply })
                }));
                world.start();
                world.pass(HOUR);
                nothing_lost(&world, &format!("{status} {from}"));
            }
        }
    }
}

#[test]
fn a_stop_in_any_phase_ends_within_a_minute_and_loses_nothing() {
    for steps in (0..40).step_by(every(5)) {
        let mut world = world(Personality::Source, |config| {
            config.batch_size = BatchSize::Fixed(3);
        });
        deals(&mut world, 10);
        world.start();
        for _ in 0..steps {
            one_step(&mut world);
        }
        world.give(Input::Stop);
        assert!(world.until_ended(61_000), "{steps}: {:?}", world.phase());
        world.crash();
        world.start();
        world.pass(HOUR);
        nothing_lost(&world, &format!("stopped after {steps}"));
    }
}
