//! Scenes of draining, under both personalities.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm
)]

use b24_offline_core::*;
use b24_offline_emulator::{Fault, FaultKind, Personality, Settings, Shape};
use b24_offline_tests::scene::{DEALS, bound, config, deals};
use b24_offline_tests::{Behaviour, World};
use serde_json::json;

fn draining() -> Config {
    Config { until: Until::Empty, ..config(DEALS) }
}

fn both(scene: impl Fn(&mut World)) {
    for personality in [Personality::Documented, Personality::Source] {
        scene(&mut bound(personality, draining()));
    }
}

fn clean(world: &World) {
    let audit = world.audit();
    assert_eq!(audit.lost, [], "{:#?}", world.notices);
    assert_eq!((audit.regressions, audit.false_gone, audit.bucket_violations), (0, 0, 0));
    assert!(audit.reservations.iter().all(|left| left.parked), "{:?}", audit.reservations);
    assert_eq!((audit.free_records, audit.error_records), (0, 0));
    assert_eq!(audit.own_writes_returned.get("warehouse"), None);
}

#[test]
fn a_queue_is_drained_and_the_machine_ends() {
    both(|world| {
        deals(world, 120);
        world.start();
        assert!(world.until_ended(600_000), "{:?} {:#?}", world.phase(), world.notices);
        assert_eq!(world.phase(), Some(Phase::Ended(End::Empty)));
        assert_eq!(world.target.objects.len(), 120);
        clean(world);
    });
}

#[test]
fn an_empty_queue_ends_at_once_after_a_sweep() {
    both(|world| {
        world.start();
        assert!(world.until_ended(60_000));
        assert!(world.calls.len() <= 3, "{:?}", world.calls);
    });
}

#[test]
fn a_lost_answer_of_a_get_is_found_by_the_sweep() {
    both(|world| {
        deals(world, 150);
        world.portal.inject(Fault {
            method: Some("event.offline.get".into()),
            after: 0,
            count: 1,
            kind: FaultKind::AnswerLost { hang_ms: 1_000 },
        });
        world.start();
        assert!(world.until_ended(600_000), "{:?} {:#?}", world.phase(), world.notices);
        let status = world.machine.as_ref().unwrap().status();
        assert_eq!(status.counters.adopted, 150);
        assert!(world.noticed(|notice| matches!(notice, Notice::Adopted { .. })));
        clean(world);
    });
}

#[test]
fn five_thousand_deals_cost_few_requests() {
    both(|world| {
        deals(world, 5_000);
        world.start();
        assert!(world.until_ended(3_600_000), "{:?} {:#?}", world.phase(), world.notices);
        clean(world);
        let audit = world.audit();
        assert!(audit.requests_per_1000_changes <= 5.0, "{}", audit.requests_per_1000_changes);
    });
}

#[test]
fn five_thousand_deals_by_fifty_cost_at_most_sixty_requests_a_thousand() {
    both(|world| {
        world.config.batch_size = BatchSize::Fixed(50);
        deals(world, 5_000);
        world.start();
        assert!(world.until_ended(3_600_000), "{:?} {:#?}", world.phase(), world.notices);
        clean(world);
        let audit = world.audit();
        assert!(audit.requests_per_1000_changes <= 60.0, "{}", audit.requests_per_1000_changes);
    });
}

#[test]
fn a_rejected_change_is_parked_and_a_later_change_clears_it() {
    both(|world| {
        let ids = deals(world, 10);
        world.behaviour = Behaviour::Rejects { id: ids[3].clone() };
        world.start();
        assert!(world.until_ended(600_000), "{:?} {:#?}", world.phase(), world.notices);
        clean(world);
        let audit = world.audit();
        assert_eq!((audit.reserved_records, audit.parked, audit.error_calls), (1, 1, 0));
        // a restart does not drive it again
        world.behaviour = Behaviour::Works;
        world.crash();
        world.start();
        assert!(world.until_ended(600_000));
        assert_eq!(world.audit().reserved_records, 1);
        // a later change is delivered, and its success clears the parked record
        let now = world.now();
        world.portal.change("crm.deal", &ids[3], json!({"TITLE": "again"}), now);
        world.crash();
        world.start();
        assert!(world.until_ended(600_000));
        clean(world);
        assert_eq!(world.audit().reserved_records, 0);
        assert!(world.journal.keys().all(|key| key == "queue"), "{:?}", world.journal);
    });
}

#[test]
fn a_restored_object_does_not_end_as_deleted_when_its_deletion_is_delivered_last() {
    both(|world| {
        world.config.batch_size = BatchSize::Fixed(10);
        let ids = deals(world, 10);
        let now = world.now();
        world.portal.delete("crm.deal", &ids[4], now);
        world.portal.restore("crm.deal", &ids[4], now);
        world.start();
        assert!(world.until_ended(600_000), "{:?} {:#?}", world.phase(), world.notices);
        let object = ("crm.deal".to_owned(), ids[4].clone());
        assert_eq!(world.target.objects[&object].0, State::Present);
        clean(world);
    });
}

#[test]
fn a_deleted_object_is_gone_and_costs_no_question_of_its_own() {
    both(|world| {
        let ids = deals(world, 30);
        let now = world.now();
        for id in &ids[..20] {
            world.portal.delete("crm.deal", id, now);
        }
        world.start();
        assert!(world.until_ended(600_000));
        let gone = world.target.objects.values().filter(|(state, _)| *state == State::Gone);
        assert_eq!(gone.count(), 20);
        assert_eq!(world.audit().sub_calls_by_method.get("crm.deal.get"), None);
        clean(world);
    });
}

#[test]
fn an_object_that_a_list_leaves_out_is_asked_for_by_its_own_method() {
    both(|world| {
        deals(world, 20);
        world.portal.inject(Fault {
            method: Some("crm.deal.list".into()),
            after: 0,
            count: 1,
            kind: FaultKind::WrongShape(Shape::Result(
                (1..=10).map(|id| json!({ "ID": id.to_string() })).collect(),
            )),
        });
        world.start();
        assert!(world.until_ended(600_000));
        assert_eq!(world.audit().sub_calls_by_method.get("crm.deal.get"), Some(&10));
        assert!(world.target.objects.values().all(|(state, _)| *state == State::Present));
        clean(world);
    });
}

#[test]
fn nothing_of_a_registered_object_moves_for_a_minute_after_the_error_was_sent() {
    both(|world| {
        world.config.on_reject = OnReject::Register;
        world.config.until = Until::Stopped;
        let id = deals(world, 1).remove(0);
        world.behaviour = Behaviour::Rejects { id: id.clone() };
        world.start();
        world.pass(5_000);
        assert_eq!((world.deliveries.len(), world.audit().error_calls), (1, 1));
        world.behaviour = Behaviour::Works;
        let now = world.now();
        world.portal.change("crm.deal", &id, json!({"TITLE": "meanwhile"}), now);
        world.crash();
        world.start();
        world.pass(60_000);
        assert_eq!(world.deliveries.len(), 1);
        world.pass(120_000);
        let again = world.deliveries.get(1).unwrap();
        assert!(again.data.as_deref().unwrap().contains("meanwhile"), "{again:?}");
        assert_eq!((again.origin, again.attempt), (Origin::Redriven, 2));
        clean(world);
        assert_eq!(world.audit().reserved_records, 0);
    });
}

#[test]
fn the_same_seed_and_inputs_give_the_same_calls() {
    let run = || {
        let mut world = World::new(Settings::default(), draining());
        deals(&mut world, 300);
        world.portal.inject(Fault {
            method: None,
            after: 2,
            count: 3,
            kind: FaultKind::Html { status: 502, executed: true },
        });
        world.start();
        world.pass(120_000);
        (world.calls.clone(), world.journal.clone(), world.notices.clone())
    };
    assert_eq!(run(), run());
}
