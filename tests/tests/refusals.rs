//! What the machine makes of each refusal: of a whole batch, and of a sub-call alone.
#![allow(clippy::unwrap_used, clippy::panic, clippy::wildcard_enum_match_arm)]

use b24_offline_core::*;
use b24_offline_emulator::{Personality, Settings};
use b24_offline_tests::scene::{DEALS, all, bound, config, deals, reject, sent};
use b24_offline_tests::{Script, Wire, World, events, with_errors};
use serde_json::json;

fn running() -> World {
    let mut world = bound(Personality::Source, config(DEALS));
    world.start();
    world.pass(10_000);
    world
}

/// The next so many batches are refused as a whole.
fn refusing(code: &'static str, count: usize) -> Wire {
    let mut left = count;
    Wire::new(move |_, _, (delay, reply)| {
        if left == 0 {
            return (delay, reply);
        }
        left -= 1;
        let body = json!({ "error": code, "error_description": "no" }).to_string();
        (delay, Reply::Answer { status: 403, body })
    })
}

fn failure(world: &World) -> Option<Failure> {
    match world.phase() {
        Some(Phase::Ended(End::Failed(failure))) => Some(failure),
        _ => None,
    }
}

#[test]
fn a_batch_that_is_refused_for_good_ends_the_machine_with_the_reason() {
    let why = |code: &str| format!("{code} no");
    for (code, expected) in [
        ("INVALID_TOKEN", Failure::SignInAgain { why: why("INVALID_TOKEN") }),
        ("WRONG_AUTH_TYPE", Failure::Webhook),
        ("ACCESS_DENIED", Failure::NotAdministrator),
        ("INSUFFICIENT_SCOPE", Failure::ScopeMissing { method: "batch".into() }),
        ("PORTAL_DELETED", Failure::PortalGone { why: why("PORTAL_DELETED") }),
    ] {
        let mut world = running();
        world.wire = Some(refusing(code, 1));
        world.pass(20_000);
        assert_eq!(failure(&world), Some(expected), "{code}");
        assert!(world.noticed(|notice| matches!(notice, Notice::Failed(_))), "{code}");
    }
}

#[test]
fn a_batch_that_is_refused_for_now_is_sent_again() {
    for code in ["QUERY_LIMIT_EXCEEDED", "INTERNAL_SERVER_ERROR", "ERROR_CORE", "NOT_FOUND"] {
        let mut world = running();
        world.wire = Some(refusing(code, 2));
        world.pass(60_000);
        deals(&mut world, 2);
        world.pass(60_000);
        let told = |notice: &&Notice| matches!(notice, Notice::BackingOff { .. });
        assert_eq!(world.notices.iter().filter(told).count(), 2, "{code} {:#?}", world.notices);
        assert!(world.noticed(|notice| *notice == Notice::Reached), "{code}");
        let counters = world.machine.as_ref().unwrap().status().counters;
        let refused = if code == "QUERY_LIMIT_EXCEEDED" { 2 } else { 0 };
        assert_eq!((counters.done, counters.refused), (2, refused), "{code}");
    }
}

#[test]
fn one_failure_alone_is_not_worth_telling_that_it_is_over() {
    let mut world = running();
    world.wire = Some(refusing("ERROR_CORE", 1));
    world.pass(60_000);
    assert!(!world.noticed(|notice| *notice == Notice::Reached));
}

#[test]
fn an_expired_token_five_times_in_a_row_is_one_that_nobody_renews() {
    for (times, ends) in [(4, false), (5, true)] {
        let mut world = running();
        world.wire = Some(refusing("EXPIRED_TOKEN", times));
        world.pass(300_000);
        let signs_in = matches!(failure(&world), Some(Failure::SignInAgain { .. }));
        assert_eq!(signs_in, ends, "{times} {:?}", world.phase());
    }
}

#[test]
fn the_operating_time_of_the_batch_itself_holds_everything_back() {
    let mut world = running();
    world.wire = Some(refusing("OPERATION_TIME_LIMIT", 1));
    world.pass(6_000);
    let limited = |notice: &Notice| matches!(notice, Notice::MethodLimited { method, .. } if method == "batch");
    assert!(world.noticed(limited));
    let calls = world.calls.len();
    world.pass(50_000);
    assert_eq!(world.calls.len(), calls);
    world.pass(20_000);
    assert!(world.calls.len() > calls);
}

#[test]
fn a_binding_that_is_refused_for_good_ends_the_check_with_the_reason() {
    let event = || events(DEALS).remove(0);
    let connector = || Connector::new("warehouse").unwrap();
    for (code, expected) in [
        ("ERROR_EVENT_NOT_FOUND", Failure::UnknownEvent { event: event(), why: "no".into() }),
        ("NOT_FOUND", Failure::UnknownEvent { event: event(), why: "no".into() }),
        ("WRONG_LICENSE", Failure::PlanWithoutConnector { connector: connector() }),
        ("ACCESS_DENIED", Failure::NotAdministrator),
        ("INSUFFICIENT_SCOPE", Failure::ScopeMissing { method: "event.bind".into() }),
    ] {
        let mut world = World::new(Settings::default(), config("ONCRMDEALADD"));
        world.wire = Some(Wire::refusing("event.bind", code, "no"));
        world.start();
        world.pass(20_000);
        assert_eq!(failure(&world), Some(expected), "{code}");
    }
    let mut world = World::new(Settings::default(), config("ONCRMDEALADD"));
    world.config.connector = None;
    world.wire = Some(Wire::refusing("event.bind", "WRONG_LICENSE", "no"));
    world.start();
    world.pass(20_000);
    assert_eq!(failure(&world), Some(Failure::PlanWithoutReservation));
    // anything else is tried again
    let mut world = World::new(Settings::default(), config("ONCRMDEALADD"));
    world.wire = Some(Wire::refusing("event.bind", "ERROR_CORE", "no"));
    world.start();
    world.pass(20_000);
    assert_eq!((failure(&world), world.phase()), (None, Some(Phase::Checking)));
    assert!(sent(&world, "event.bind") > 1);
}

#[test]
fn a_portal_without_feature_get_is_tried_as_if_it_allowed_everything() {
    let mut world = bound(Personality::Source, config(DEALS));
    world.wire = Some(Wire::refusing("feature.get", "ERROR_METHOD_NOT_FOUND", "no"));
    world.start();
    world.pass(10_000);
    assert_eq!(world.phase(), Some(Phase::Running));
    let mut world = bound(Personality::Source, config(DEALS));
    world.wire = Some(Wire::refusing("feature.get", "INSUFFICIENT_SCOPE", "no"));
    world.start();
    world.pass(10_000);
    assert_eq!(failure(&world), Some(Failure::ScopeMissing { method: "feature.get".into() }));
}

#[test]
fn a_reading_that_the_rights_do_not_allow_ends_and_any_other_refusal_parks_one_object() {
    for (code, ends) in [("INSUFFICIENT_SCOPE", true), ("ERROR_CORE", false)] {
        let mut world = running();
        world.config.retry.attempts = 2;
        deals(&mut world, 1);
        let error = json!({ "error": code, "error_description": "no" });
        world.wire = Some(Wire::new(move |call, _, (delay, reply)| {
            let reads = |name: &str| name.starts_with("crm.deal.").then(|| error.clone());
            (delay, with_errors(call, reply, reads))
        }));
        world.pass(3_600_000);
        assert_eq!(matches!(failure(&world), Some(Failure::ScopeMissing { .. })), ends, "{code}");
        let parked = world.machine.as_ref().map_or(0, |machine| machine.status().parked);
        assert_eq!(parked, u64::from(!ends), "{code}");
    }
}

#[test]
fn the_emptied_queue_is_looked_at_once_more_after_what_was_found_is_done_or_parked() {
    for verdict in [Verdict::Done, reject()] {
        // it needs no reading, so no look is on its way with one
        let mut world = bound(Personality::Source, config("ONSTRANGETHING"));
        world.config.until = Until::Empty;
        let given = verdict.clone();
        world.script = Some(Script::new(move |_, _| vec![(5, all(given.clone()))]));
        let happens = |world: &mut World, number: u64| {
            let now = world.now();
            world.portal.record_event("ONSTRANGETHING", json!({ "N": number }), now);
        };
        happens(&mut world, 1);
        world.start();
        while world.deliveries.is_empty() {
            let end = world.now() + 60_000;
            world.step(end);
        }
        happens(&mut world, 2);
        assert!(world.until_ended(600_000));
        assert_eq!((world.deliveries.len(), world.left_free()), (2, 0), "{verdict:?}");
    }
}
