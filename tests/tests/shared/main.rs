//! Scenes of two consumers on one queue, under both personalities.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use b24_offline_core::*;
use b24_offline_emulator::{Fault, FaultKind, Feature, Personality, Plan, Request};
use b24_offline_tests::mutant::every;
use b24_offline_tests::scene::{DEALS, all, bound, change, config, deals, fault};
use b24_offline_tests::{Pair, Script, Wire, World, sub_calls};
use serde_json::{Value, json};

mod whatever;

const LEASE: u64 = 150_000;
const SWEEP: u64 = 60_000;
const HOUR: u64 = 3_600_000;
const BOTH: [Personality; 2] = [Personality::Documented, Personality::Source];

fn sharing() -> Config {
    let mut config = config(DEALS);
    config.consumers = Consumers::Shared { lease: Millis(LEASE) };
    config.sweep = Millis(SWEEP);
    config
}

fn pair(personality: Personality) -> Pair {
    Pair::new(personality, [sharing(), sharing()])
}

/// A script that answers after so many milliseconds.
fn slow(millis: u64) -> Option<Script> {
    Some(Script::new(move |_, _| vec![(millis, all(Verdict::Done))]))
}

/// A call of somebody else's, with the scenes' connector.
fn call(world: &mut World, method: &str, mut params: Value) -> Value {
    params["auth"] = json!(world.portal.issue_token("1").access_token);
    params["auth_connector"] = json!("warehouse");
    let now = world.now();
    world.portal.handle(&Request::call(method, params), now).json().unwrap()
}

/// Somebody reserves so many records and dies.
fn reserve(world: &mut World, limit: u64) -> usize {
    let params = json!({ "clear": 0, "limit": limit });
    let answer = call(world, "event.offline.get", params);
    answer["result"]["events"].as_array().unwrap().len()
}

fn nothing_lost(pair: &Pair, told: &str) {
    let audit = pair.portal().audit();
    assert_eq!(audit.lost, [], "{told}");
    assert_eq!((audit.free_records, audit.error_records), (0, 0), "{told}");
    assert_eq!((audit.reserved_records, audit.bucket_violations), (0, 0), "{told}");
    assert_eq!(pair.differing("crm.deal"), [""; 0], "{told}");
}

fn another_consumer(world: &World) -> Vec<Evidence> {
    let evidence = world.notices.iter().filter_map(|notice| {
        if let Notice::AnotherConsumer(evidence) = notice { Some(*evidence) } else { None }
    });
    evidence.collect()
}

#[test]
fn two_consumers_drain_one_queue_with_answers_lost() {
    for personality in BOTH {
        let mut pair = pair(personality);
        for which in 0..2 {
            pair.at(which).config.batch_size = BatchSize::Fixed(20);
        }
        let ids = deals(pair.at(0), 300);
        for (method, after) in
            [("event.offline.get", 5), ("event.offline.clear", 3), ("crm.deal.list", 4)]
        {
            let kind = FaultKind::AnswerLost { hang_ms: 500 };
            pair.at(0).portal.inject(Fault { method: Some(method.into()), after, count: 2, kind });
        }
        pair.start();
        for n in 0..60 {
            pair.pass(1_000);
            change(pair.at(0), &ids[n * 5 % 300]);
        }
        pair.pass(HOUR);
        nothing_lost(&pair, "");
        for which in 0..2 {
            let done = pair.seen(which).machine.as_ref().unwrap().status().counters.done;
            assert!(done > 50, "consumer {which} did {done}");
            assert_eq!(another_consumer(pair.seen(which)), []);
        }
    }
}

#[test]
fn a_dead_consumers_reservation_rests_for_its_lease_and_no_longer_than_promised() {
    for personality in BOTH {
        for late in [0, 17_000, 59_000] {
            let mut pair = pair(personality);
            pair.at(1).start();
            pair.pass(5_000 + late);
            deals(pair.at(0), 40);
            let reserved = reserve(pair.at(0), 40);
            assert_eq!(reserved, 40);
            pair.pass(LEASE);
            assert_eq!(pair.seen(1).deliveries, [], "{late}");
            pair.pass(SWEEP + 60_000);
            let counters = pair.seen(1).machine.as_ref().unwrap().status().counters;
            assert_eq!((counters.adopted, counters.done), (40, 40), "{late}");
            nothing_lost(&pair, "");
        }
    }
}

#[test]
fn a_consumer_that_moves_keeps_its_reservation_for_hours() {
    for personality in BOTH {
        let mut pair = pair(personality);
        // one change of the batch is judged every two minutes, over four hours
        pair.at(0).script = Some(Script::new(|batch, _| {
            let one = |(n, change): (usize, &Change)| {
                let judgement = Judgement { key: change.key.clone(), verdict: Verdict::Done };
                (n as u64 * 120_000 + 5, Verdicts::Some(vec![judgement]))
            };
            batch.changes.iter().enumerate().map(one).collect()
        }));
        pair.at(0).config.batch_size = BatchSize::Fixed(240);
        deals(pair.at(0), 120);
        pair.at(0).start();
        pair.pass(3_000);
        assert_eq!(pair.seen(0).deliveries.len(), 120);
        pair.at(1).start();
        pair.pass(120 * 120_000);
        assert_eq!(pair.seen(1).deliveries, []);
        pair.pass(HOUR);
        assert_eq!(pair.seen(0).deliveries.len(), 120);
        nothing_lost(&pair, "");
    }
}

#[test]
fn a_slow_consumer_that_applies_an_older_copy_ends_with_the_newest_state() {
    for personality in BOTH {
        let mut pair = pair(personality);
        let id = deals(pair.at(0), 1).remove(0);
        let mut first = true;
        pair.at(0).script = Some(Script::new(move |_, _| {
            let millis = if std::mem::take(&mut first) { 2 * LEASE + 2 * SWEEP } else { 5 };
            vec![(millis, all(Verdict::Done))]
        }));
        pair.at(0).start();
        pair.pass(3_000);
        pair.at(1).start();
        change(pair.at(0), &id);
        // the other one delivers the change, then adopts the older copy and delivers that too
        pair.pass(2 * LEASE + SWEEP);
        assert_eq!(pair.seen(1).deliveries.len(), 2);
        assert_eq!(pair.portal().audit().regressions, 0);
        pair.pass(HOUR);
        // the slow one has put the older state into the target, and then the newest again
        assert_eq!(pair.portal().audit().regressions, 1);
        let keys: Vec<&str> =
            pair.seen(0).deliveries.iter().map(|change| change.key.as_str()).collect();
        assert_eq!(keys.len(), 2);
        let records = |key: &str| key.split('#').next().unwrap().to_owned();
        assert_eq!(records(keys[0]), records(keys[1]));
        assert_ne!(keys[0], keys[1], "an inbox would drop the newest state");
        nothing_lost(&pair, "");
    }
}

#[test]
fn the_same_records_with_the_same_data_keep_their_key_on_every_consumer() {
    let mut pair = pair(Personality::Source);
    deals(pair.at(0), 5);
    pair.at(0).script = slow(10 * HOUR);
    pair.at(0).start();
    pair.pass(3_000);
    pair.at(1).start();
    pair.pass(LEASE + 2 * SWEEP + 60_000);
    let keys = |which: usize| -> Vec<String> {
        pair.seen(which).deliveries.iter().map(|change| change.key.clone()).collect()
    };
    assert_eq!(keys(0), keys(1));
    assert!(keys(0).iter().all(|key| key.len() > 32 && key.contains('#')), "{:?}", keys(0));
}

#[test]
fn orphans_of_2500_records_are_adopted_again_and_again() {
    for personality in BOTH {
        let mut world = bound(personality, sharing());
        world.start();
        world.pass(5_000);
        for turn in 1..=2 {
            deals(&mut world, 2_500);
            assert_eq!(reserve(&mut world, 2_500), 2_500);
            world.pass(LEASE + SWEEP + 60_000);
            let counters = world.machine.as_ref().unwrap().status().counters;
            assert_eq!(counters.adopted, 2_500 * turn);
            world.pass(10 * 60_000);
            let audit = world.audit();
            assert_eq!((audit.lost.len(), audit.reserved_records), (0, 0));
            assert_eq!(audit.regressions, 0);
        }
    }
}

#[test]
fn killed_at_any_step_with_and_without_a_journal_nothing_is_lost() {
    for personality in BOTH {
        for journal in [Durability::Durable, Durability::None] {
            for steps in (0..56).step_by(3 * every(4)) {
                let mut pair = pair(personality);
                for which in 0..2 {
                    pair.at(which).config.journal = journal;
                    pair.at(which).config.batch_size = BatchSize::Fixed(3);
                }
                let ids = deals(pair.at(0), 12);
                pair.start();
                for step in 0..steps {
                    let end = pair.now() + HOUR;
                    pair.step(end);
                    if step % 7 == 3 {
                        change(pair.at(0), &ids[step % 12]);
                    }
                }
                let adopted = |pair: &Pair, which: usize| {
                    pair.seen(which).machine.as_ref().map(|m| m.status().counters.adopted)
                };
                pair.at(0).crash_after_saving(steps % 3);
                change(pair.at(0), &ids[1]);
                pair.at(0).start();
                pair.pass(20_000);
                if journal == Durability::Durable {
                    // its own reservations are known to it and wait for nobody
                    assert_eq!(adopted(&pair, 0), Some(0));
                }
                pair.pass(LEASE + SWEEP + 60_000);
                nothing_lost(&pair, &format!("{personality:?} {journal:?} {steps}"));
            }
        }
    }
}

#[test]
fn an_emptied_queue_ends_only_when_nothing_is_left_that_may_come_back() {
    for personality in BOTH {
        let mut config = sharing();
        config.until = Until::Empty;
        let mut world = bound(personality, config);
        deals(&mut world, 90);
        let kind = FaultKind::AnswerLost { hang_ms: 500 };
        world.portal.inject(fault("event.offline.get", 1, kind));
        world.start();
        world.pass(LEASE);
        assert_eq!(world.phase(), Some(Phase::Running));
        assert_eq!(world.deliveries, [], "an unknown reservation was taken for our own");
        assert!(world.until_ended(SWEEP + 60_000));
        assert_eq!(world.phase(), Some(Phase::Ended(End::Empty)));
        assert_eq!((world.audit().lost.len(), world.audit().reserved_records), (0, 0));
    }
}

#[test]
fn a_verdict_after_stop_is_verified_and_settled() {
    for personality in BOTH {
        let mut world = bound(personality, sharing());
        deals(&mut world, 7);
        world.script = slow(5_000);
        world.start();
        world.pass(4_000);
        assert_eq!(world.deliveries.len(), 7);
        world.give(Input::Stop);
        assert!(world.until_ended(60_000));
        assert_eq!(world.audit().reserved_records, 0);
    }
}

#[test]
fn what_can_not_be_verified_after_stop_is_found_by_the_next_start() {
    for personality in BOTH {
        let mut world = bound(personality, sharing());
        let ids = deals(&mut world, 7);
        world.script = slow(5_000);
        world.start();
        world.pass(4_000);
        world.give(Input::Stop);
        // one is changed, and cannot be delivered any more; the others can't be read
        change(&mut world, &ids[2]);
        let kind = FaultKind::AnswerLost { hang_ms: 500 };
        world.portal.inject(fault("crm.deal.list", 99, kind));
        assert!(world.until_ended(61_000), "{:?}", world.phase());
        assert_eq!(world.audit().reserved_records, 7);
        world.portal.clear_faults();
        world.crash();
        world.script = None;
        world.start();
        world.pass(60_000);
        let audit = world.audit();
        assert_eq!((audit.lost.len(), audit.reserved_records, audit.free_records), (0, 0, 0));
    }
}

#[test]
fn an_object_that_is_another_one_at_each_reading_is_delivered_ever_more_rarely() {
    let mut config = sharing();
    config.retry.first_delay = Millis(0);
    let mut world = bound(Personality::Source, config);
    deals(&mut world, 3);
    let mut reading = 0;
    world.wire = Some(Wire::new(move |call, _, (delay, reply)| {
        let Reply::Answer { status, body } = &reply else { return (delay, reply) };
        let mut answer: Value = serde_json::from_str(body).unwrap();
        for (name, _) in sub_calls(call).iter().filter(|(_, method)| method == "crm.deal.list") {
            for object in answer["result"]["result"][name].as_array_mut().into_iter().flatten() {
                reading += 1;
                object["SEEN"] = json!(reading);
            }
        }
        (delay, Reply::Answer { status: *status, body: answer.to_string() })
    }));
    world.start();
    world.pass(HOUR);
    let deliveries = world.deliveries.len();
    assert!((30..=45).contains(&deliveries), "{deliveries}");
    world.pass(24 * HOUR);
    assert!(world.deliveries.len() <= deliveries + 3 * 26, "{}", world.deliveries.len());
}

#[test]
fn without_reservation_two_consumers_lose_nothing_and_end_at_the_newest_state() {
    for personality in BOTH {
        let mut pair = pair(personality);
        let plan = Plan { offline_extended: Feature::Off, ..Plan::default() };
        pair.at(0).portal.set_plan(plan);
        pair.at(0).script = slow(20_000);
        let ids = deals(pair.at(0), 60);
        for method in ["event.offline.get", "event.offline.list", "crm.deal.list"] {
            let kind = FaultKind::AnswerLost { hang_ms: 500 };
            pair.at(0).portal.inject(Fault {
                method: Some(method.into()),
                after: 3,
                count: 2,
                kind,
            });
        }
        pair.start();
        for n in 0..60 {
            pair.pass(1_000);
            change(pair.at(0), &ids[n * 7 % 60]);
            if n == 30 {
                pair.at(1).crash_after_saving(1);
                pair.at(1).start();
            }
        }
        pair.pass(HOUR);
        nothing_lost(&pair, "");
    }
}

#[test]
fn without_data_nothing_is_read_again() {
    let mut config = sharing();
    config.retrieve = Retrieve::None;
    let mut world = bound(Personality::Source, config);
    deals(&mut world, 3);
    world.start();
    world.pass(10_000);
    assert!(world.deliveries.iter().all(|change| !change.key.contains('#')));
    assert_eq!((world.deliveries.len(), world.audit().reserved_records), (3, 0));
}

#[test]
fn what_a_shared_queue_can_not_have_is_refused_in_words() {
    let refused = |change: &dyn Fn(&mut Config)| {
        let mut config = sharing();
        change(&mut config);
        Machine::open(config, JournalContents::default(), 1, Timestamp(0)).map(|_| ()).unwrap_err()
    };
    let short = refused(&|config| {
        config.consumers = Consumers::Shared { lease: Millis(129_999) };
    });
    assert_eq!(short.to_string(), "the lease of a shared queue must be 130 seconds to one day");
    let long = Millis::seconds(86_401);
    assert_eq!(refused(&|config| config.consumers = Consumers::Shared { lease: long }), short);
    let register = refused(&|config| config.on_reject = OnReject::Register);
    assert_eq!(register, ConfigError::RegisterNeedsSole);
    assert!(register.to_string().contains("for a single consumer"), "{register}");
}
