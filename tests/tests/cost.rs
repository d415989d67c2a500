//! What draining costs, under both personalities: requests, and time by the portal's bucket and its operating limit.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use b24_offline_core::*;
use b24_offline_emulator::{Costs, FaultKind, Personality, Settings};
use b24_offline_tests::scene::{DEALS, bound, bound_at, config, deals, fault};
use b24_offline_tests::{World, mutant};
use serde_json::json;

const BOTH: [Personality; 2] = [Personality::Documented, Personality::Source];

fn until_empty(batch_size: BatchSize) -> Config {
    Config { until: Until::Empty, batch_size, ..config(DEALS) }
}

/// Requests and milliseconds from a cold start to the end of an emptied queue.
fn drained(personality: Personality, changes: usize, batch_size: BatchSize) -> (usize, u64) {
    let mut world = bound(personality, until_empty(batch_size));
    deals(&mut world, changes);
    let start = world.now();
    world.start();
    assert!(world.until_ended(3_600_000), "{:?} {:#?}", world.phase(), world.notices);
    let audit = world.audit();
    assert_eq!((audit.lost.len(), audit.bucket_violations, audit.free_records), (0, 0, 0));
    (world.calls.len(), world.now() - start)
}

#[test]
fn a_cold_start_with_five_thousand_changes_costs_eight_requests_and_less_than_fifteen_seconds() {
    for personality in BOTH {
        let (requests, millis) = drained(personality, 5_000, BatchSize::Adaptive);
        assert!(requests <= 8 && millis <= 15_000, "{requests} {millis}");
        let (requests, millis) = drained(personality, 5_000, BatchSize::Fixed(2_250));
        assert!(requests <= 7 && millis <= 15_000, "{requests} {millis}");
    }
}

#[test]
fn each_further_thousand_changes_cost_less_than_half_a_request() {
    if mutant::is_tried() {
        return;
    }
    for personality in BOTH {
        let (some, _) = drained(personality, 5_000, BatchSize::Adaptive);
        let (more, _) = drained(personality, 25_000, BatchSize::Adaptive);
        assert!((more - some) * 2 <= 20, "{some} {more}");
    }
}

#[test]
fn a_single_change_is_delivered_after_two_requests() {
    for personality in BOTH {
        let mut world = bound(personality, config(DEALS));
        world.start();
        world.pass(60_000);
        let before = world.calls.len();
        deals(&mut world, 1);
        world.give(Input::Nudge);
        let start = world.now();
        while world.deliveries.is_empty() {
            assert!(world.step(start + 10_000), "{:#?}", world.notices);
        }
        assert_eq!(world.calls.len() - before, 2);
        assert!(world.now() - start < 2_000, "{}", world.now() - start);
    }
}

/// When the queue was looked at within so many milliseconds, counted from now.
fn looks(world: &mut World, millis: u64) -> Vec<u64> {
    let (start, mut looks) = (world.now(), Vec::new());
    while world.now() < start + millis {
        let before = world.calls.len();
        world.step(start + millis);
        let new = world.calls.get(before..).unwrap_or_default();
        if new.iter().any(|call| call.params.contains("event.offline.get")) {
            looks.push(world.now() - start);
        }
    }
    looks
}

#[test]
fn an_idle_queue_is_looked_at_less_and_less_and_at_once_after_a_nudge() {
    for personality in BOTH {
        let mut world = bound(personality, config(DEALS));
        world.start();
        let first = looks(&mut world, 30_000);
        assert!((5..=9).contains(&first.len()), "{first:?}");
        world.pass(600_000);
        let before = world.calls.len();
        let idle = looks(&mut world, 600_000);
        // half a minute with its jitter, and the sweeps go with the looks
        assert!((16..=28).contains(&idle.len()), "{idle:?}");
        assert_eq!(world.calls.len() - before, idle.len());
        deals(&mut world, 1);
        world.give(Input::Nudge);
        let nudged = looks(&mut world, 30_000);
        assert!(nudged.first().is_some_and(|at| *at < 1_000), "{nudged:?}");
        assert!(nudged.len() >= 5, "{nudged:?}");
        assert_eq!(world.deliveries.len(), 1);
    }
}

#[test]
fn where_nudges_announce_changes_the_looks_between_are_five_minutes_apart() {
    for personality in BOTH {
        let mut world = bound(personality, config(DEALS));
        world.start();
        world.pass(60_000);
        deals(&mut world, 1);
        world.give(Input::Nudge);
        world.pass(1_200_000);
        let before = world.calls.len();
        let idle = looks(&mut world, 3_600_000);
        // a sweep is due as often, and looks too; once an hour old records are looked for first
        assert!((11..=17).contains(&idle.len()), "{idle:?}");
        assert!(world.calls.len() - before <= idle.len() + 1);
        // one that was missed is found all the same, and then they are not relied upon
        deals(&mut world, 1);
        world.pass(400_000);
        assert_eq!(world.deliveries.len(), 2);
        world.pass(600_000);
        assert!(looks(&mut world, 600_000).len() >= 16);
    }
}

#[test]
fn a_write_that_goes_alone_does_not_keep_the_start_waiting() {
    for personality in BOTH {
        let settings = Settings { personality, ..Settings::default() };
        let mut world = World::new(settings, config(DEALS));
        world.portal.inject(fault("event.bind", 6, FaultKind::OperatingLimit));
        world.start();
        world.pass(2_000);
        assert_eq!(world.phase(), Some(Phase::Checking));
        let params = json!({"id": "1", "fields": {"COMMENTS": null}}).to_string();
        world.give(Input::Write { write: WriteId(1), method: "crm.deal.update".into(), params });
        world.pass(1_400_000);
        assert_eq!((world.phase(), world.written.len()), (Some(Phase::Running), 1));
    }
}

fn slow(personality: Personality, extra_ms: u64, config: Config) -> World {
    let extra_ms = BTreeMap::from([("crm.deal.list".to_owned(), extra_ms)]);
    let costs = Costs { extra_ms, ..Costs::default() };
    bound_at(Settings { personality, costs, ..Settings::default() }, config)
}

#[test]
fn a_method_that_nears_its_operating_limit_is_slowed_down_for_and_never_refused() {
    let changes = if mutant::is_tried() { 6_000 } else { 20_000 };
    for personality in BOTH {
        // 400 lists of two seconds: the portal lets it run for 480 seconds in ten minutes
        let mut world = slow(personality, 2_000, until_empty(BatchSize::Adaptive));
        deals(&mut world, changes);
        world.start();
        assert!(world.until_ended(7_200_000), "{:?} {:#?}", world.phase(), world.notices);
        let audit = world.audit();
        assert_eq!((audit.lost.len(), audit.operating_refusals), (0, 0), "{:#?}", world.notices);
    }
}

#[test]
fn a_portal_that_answers_slowly_gets_smaller_batches() {
    for personality in BOTH {
        let mut world = slow(personality, 1_000, until_empty(BatchSize::Adaptive));
        deals(&mut world, 3_000);
        world.start();
        assert!(world.until_ended(7_200_000), "{:?} {:#?}", world.phase(), world.notices);
        let most = |call: &Call| call.params.matches("crm.deal.list").count();
        let lists: Vec<usize> = world.calls.iter().map(most).filter(|lists| *lists > 0).collect();
        // the first took ten seconds, five are the target
        assert!(lists.len() > 8 && lists.iter().skip(2).all(|lists| *lists <= 5), "{lists:?}");
    }
}

#[test]
fn a_write_that_goes_alone_takes_its_turn_while_thousands_of_changes_are_drained() {
    for personality in BOTH {
        let config =
            Config { batch_size: BatchSize::Fixed(100), ..until_empty(BatchSize::Adaptive) };
        let mut world = bound(personality, config);
        let ids = deals(&mut world, 3_000);
        world.start();
        world.pass(6_000);
        let start = world.now();
        for number in 0..5 {
            // a null means nothing inside a batch
            let id = ids.get(number as usize);
            let params = json!({"id": id, "fields": {"TITLE": "t", "COMMENTS": null}}).to_string();
            let method = "crm.deal.update".to_owned();
            world.give(Input::Write { write: WriteId(number), method, params });
        }
        while world.written.len() < 5 {
            assert!(world.step(start + 60_000), "{:?}", world.written);
        }
        // two requests a second, every other one is a write
        assert!(world.now() - start <= 6_000, "{}", world.now() - start);
        assert!(world.audit().free_records > 500);
        assert!(world.until_ended(3_600_000), "{:?} {:#?}", world.phase(), world.notices);
        assert_eq!(world.audit().lost.len(), 0);
    }
}
