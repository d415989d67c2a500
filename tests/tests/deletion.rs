//! Plans without reservation: listed, written down, deleted, delivered; and records close to the age at
//! which the portal deletes them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm
)]

use b24_offline_core::*;
use b24_offline_emulator::{Fault, FaultKind, Personality, Plan};
use b24_offline_tests::mutant::every;
use b24_offline_tests::scene::{
    CONNECTOR, DEALS, all, bound, change, config, deals, fault, nothing_lost, one_step, sent,
    without_reservation,
};
use b24_offline_tests::{Behaviour, Script, World};
use serde_json::json;

const BOTH: [Personality; 2] = [Personality::Documented, Personality::Source];
const DAY: u64 = 86_400_000;

fn worlds(names: &str) -> Vec<World> {
    BOTH.into_iter()
        .map(|personality| {
            let mut world = bound(personality, config(names));
            world.portal.set_plan(without_reservation());
            world
        })
        .collect()
}

fn modes(world: &World) -> Vec<Mode> {
    let mode = |notice: &Notice| match notice {
        Notice::ModeChanged { mode } => Some(*mode),
        _ => None,
    };
    world.notices.iter().filter_map(mode).collect()
}

/// Ids that the queue still holds.
fn queued(world: &World) -> Vec<u64> {
    world.portal.queue().iter().map(|record| record.id).collect()
}

#[test]
fn everything_is_delivered_from_the_journal_and_nothing_is_reserved() {
    for mut world in worlds(DEALS) {
        world.config.until = Until::Empty;
        deals(&mut world, 260);
        world.start();
        assert!(world.until_ended(120_000), "{:#?}", world.notices);
        nothing_lost(&world, "");
        assert_eq!(world.target.objects.len(), 260);
        assert_eq!(modes(&world), [Mode::Delete]);
        assert!(world.journal.keys().all(|key| key == "queue"), "{:?}", world.journal);
        assert_eq!(sent(&world, "event.offline.clear"), 0);
    }
}

#[test]
fn a_record_is_in_the_journal_before_it_leaves_the_queue() {
    for mut world in worlds(DEALS) {
        deals(&mut world, 60);
        world.start();
        let mut all: Vec<u64> = queued(&world);
        while one_step(&mut world) && !all.is_empty() {
            let left = queued(&world);
            for id in all.iter().filter(|id| !left.contains(id)) {
                let done = world.deliveries.iter().any(|c| c.key.starts_with(&format!("{id}@")));
                assert!(world.journal.contains_key(&format!("kept/{id}")) || done, "{id}");
            }
            all = left;
        }
        world.pass(60_000);
        nothing_lost(&world, "");
    }
}

#[test]
fn a_crash_at_any_step_loses_nothing() {
    for personality in BOTH {
        for step in (0..120).step_by(every(11)) {
            let mut world = bound(personality, config(DEALS));
            world.portal.set_plan(without_reservation());
            world.behaviour = Behaviour::Retries { id: "2".into(), times: 2 };
            let ids = deals(&mut world, 7);
            world.start();
            for _ in 0..step {
                one_step(&mut world);
            }
            world.crash_after_saving(step % 2);
            change(&mut world, &ids[step % 7]);
            world.start();
            world.pass(3_000);
            change(&mut world, &ids[(step + 3) % 7]);
            world.pass(400_000);
            nothing_lost(&world, &format!("{personality:?}, step {step}"));
        }
    }
}

#[test]
fn an_unknown_deletion_is_waited_out_before_anything_is_read() {
    for kind in [
        FaultKind::AnswerLost { hang_ms: 9_000 },
        FaultKind::RequestLost { hang_ms: 9_000 },
        FaultKind::ExecutedLate { after_ms: 58_000, hang_ms: 9_000 },
        FaultKind::ExecutedTwice { after_ms: 30_000 },
    ] {
        for mut world in worlds(DEALS) {
            let ids = deals(&mut world, 3);
            world.start();
            world.portal.inject(fault("event.offline.get", 1, kind.clone()));
            while sent(&world, "event.offline.get") == 0 {
                assert!(one_step(&mut world));
            }
            world.pass(20_000);
            change(&mut world, &ids[1]);
            world.pass(400_000);
            nothing_lost(&world, &format!("{kind:?}"));
            assert_eq!(world.target.objects.len(), 3);
        }
    }
}

#[test]
fn a_record_that_was_not_listed_is_never_deleted() {
    for mut world in worlds(DEALS) {
        deals(&mut world, 2);
        // another queue's record lies between
        world.portal.bind("ONCRMCONTACTADD", "shop");
        let now = world.now();
        world.portal.create("crm.contact", json!({ "NAME": "x" }), now);
        deals(&mut world, 2);
        world.start();
        world.pass(60_000);
        assert_eq!(sent(&world, "event.offline.get"), 2);
        let lost = world.audit().lost;
        assert!(lost.iter().all(|lost| lost.connector == "shop"), "{lost:?}");
    }
}

#[test]
fn a_record_that_can_not_be_read_is_not_deleted_with_the_one_behind_it() {
    for mut world in worlds(DEALS) {
        world.portal.bind("ON-BAD", CONNECTOR);
        let now = world.now();
        world.portal.record_event("ON-BAD", json!({ "N": 1 }), now);
        let bad = queued(&world);
        assert_eq!(bad.len(), 1);
        deals(&mut world, 1);
        world.start();
        world.pass(60_000);
        assert_eq!((world.deliveries.len(), queued(&world)), (1, bad));
        let strange = |notice: &&Notice| matches!(notice, Notice::StrangeRecord { .. });
        assert_eq!(world.notices.iter().filter(strange).count(), 1, "told once");
    }
}

#[test]
fn what_fails_is_parked_in_the_journal_and_driven_again_by_the_user() {
    for mut world in worlds(DEALS) {
        let ids = deals(&mut world, 3);
        world.behaviour = Behaviour::Rejects { id: ids[1].clone() };
        world.start();
        world.pass(60_000);
        assert!(world.journal.contains_key(&format!("object/crm.deal/{}", ids[1])));
        assert!(!world.journal.keys().any(|key| key.starts_with("kept/")));
        world.crash();
        world.start();
        world.pass(200_000);
        assert_eq!(world.machine.as_ref().unwrap().status().parked, 1);
        assert_eq!(world.deliveries.len(), 3);
        world.behaviour = Behaviour::Works;
        world.give(Input::Redrive(Redrive::All));
        world.pass(10_000);
        assert_eq!(world.target.objects.len(), 3);
        assert!(world.journal.keys().all(|key| key == "queue"), "{:?}", world.journal);
    }
}

#[test]
fn an_event_without_a_rule_keeps_its_data_over_a_restart() {
    for mut world in worlds("ONSTRANGETHING") {
        let now = world.now();
        world.portal.record_event("ONSTRANGETHING", json!({ "what": ["ever", 7] }), now);
        world.script = Some(Script::new(|_, _| Vec::new()));
        world.start();
        world.pass(20_000);
        assert_eq!((world.deliveries.len(), queued(&world).len()), (1, 0));
        world.crash();
        world.script = None;
        world.start();
        world.pass(100_000);
        assert_eq!(world.deliveries.len(), 2);
        assert_eq!(world.deliveries[0].key, world.deliveries[1].key);
        let data = world.deliveries[1].data.as_deref().unwrap();
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(data, json!({ "what": ["ever", 7] }));
    }
}

#[test]
fn the_plan_may_lose_and_get_reservation_in_the_middle() {
    for mut world in worlds(DEALS) {
        world.portal.set_plan(Plan::default());
        world.start();
        let mut plans = [without_reservation(), Plan::default(), without_reservation()].into_iter();
        for round in 0..60 {
            deals(&mut world, 9);
            if round % 20 == 10 {
                world.portal.set_plan(plans.next().unwrap());
            }
            world.pass(20_000);
        }
        world.pass(700_000);
        nothing_lost(&world, "");
        assert_eq!(world.target.objects.len(), 540);
        assert_eq!(modes(&world), [Mode::Delete, Mode::Reserve, Mode::Delete]);
        world.crash();
        world.start();
        world.pass(10_000);
        assert_eq!(world.phase(), Some(Phase::Running));
    }
}

#[test]
fn deletion_can_be_chosen_on_any_plan_and_needs_a_journal() {
    for personality in BOTH {
        let mut config = config(DEALS);
        config.mode = Mode::Delete;
        let mut refused = config.clone();
        refused.journal = Durability::None;
        let opened = Machine::open(refused, JournalContents::default(), 1, Timestamp(0));
        assert!(matches!(opened, Err(ConfigError::DeleteNeedsJournal)));
        let mut world = bound(personality, config);
        deals(&mut world, 30);
        world.start();
        world.pass(30_000);
        nothing_lost(&world, "");
        assert_eq!(world.target.objects.len(), 30);
    }
}

#[test]
fn a_new_journal_beside_old_bindings_is_told_of() {
    for mut world in worlds(DEALS) {
        world.start();
        world.pass(10_000);
        assert!(world.noticed(|notice| matches!(notice, Notice::JournalMissing)));
        world.crash();
        world.notices.clear();
        world.start();
        world.pass(10_000);
        assert!(!world.noticed(|notice| matches!(notice, Notice::JournalMissing)));
    }
    for mut world in worlds(DEALS) {
        world.portal.remove_bindings();
        world.start();
        world.pass(10_000);
        assert!(!world.noticed(|notice| matches!(notice, Notice::JournalMissing)));
    }
}

#[test]
fn records_of_29_days_are_written_down_before_anything_reserves_them() {
    for personality in BOTH {
        let mut world = bound(personality, config(DEALS));
        world.config.until = Until::Empty;
        deals(&mut world, 120);
        world.pass(29 * DAY + DAY / 2);
        deals(&mut world, 10);
        world.start();
        let mut reserved_old = 0;
        while one_step(&mut world) {
            let rows = world.portal.queue();
            reserved_old += rows.iter().filter(|r| r.id <= 120 && !r.process_id.is_empty()).count();
        }
        assert_eq!(reserved_old, 0);
        assert!(matches!(world.phase(), Some(Phase::Ended(End::Empty))), "{:?}", world.phase());
        nothing_lost(&world, "");
        assert_eq!(world.target.objects.len(), 130);
        assert!(world.noticed(|notice| matches!(notice, Notice::Aged { .. })));
    }
}

#[test]
fn a_reservation_that_reaches_the_age_is_driven_from_the_journal() {
    for personality in BOTH {
        let mut world = bound(personality, config(DEALS));
        world.config.poll = Millis::seconds(3_600);
        world.config.sweep = Millis::seconds(6 * 3_600);
        world.config.retry = Retry { first_delay: Millis::seconds(3_600), attempts: 1_000 };
        deals(&mut world, 4);
        world.pass(28 * DAY);
        world.behaviour = Behaviour::Down;
        world.start();
        // the portal deletes what is reserved, the machine is killed, and it is delivered all the same
        world.pass(8 * DAY);
        assert_eq!(queued(&world).len(), 0);
        world.crash();
        world.behaviour = Behaviour::Works;
        world.start();
        world.pass(DAY);
        assert_eq!(world.target.objects.len(), 4, "{:#?}", world.notices);
        assert_eq!(world.audit().lost, []);
        assert!(world.journal.keys().all(|key| key == "queue"), "{:?}", world.journal.keys());
    }
}

#[test]
fn verdicts_that_come_late_do_not_remove_what_was_listed_again() {
    // the same object changes while it is with the user's code, in every phase of a deletion
    for personality in BOTH {
        for step in (0..60).step_by(every(7)) {
            let mut world = bound(personality, config(DEALS));
            world.portal.set_plan(without_reservation());
            world.script = Some(Script::new(|_, _| vec![(2_500, all(Verdict::Done))]));
            let ids = deals(&mut world, 2);
            world.start();
            for _ in 0..step {
                one_step(&mut world);
            }
            change(&mut world, &ids[0]);
            world.give(Input::Nudge);
            world.pass(4_000);
            change(&mut world, &ids[0]);
            world.crash();
            world.start();
            world.pass(300_000);
            nothing_lost(&world, &format!("{personality:?} {step}"));
        }
    }
}

#[test]
fn the_error_lane_is_drained_without_reservation_too() {
    for mut world in worlds(DEALS) {
        let ids = deals(&mut world, 2);
        let kind = FaultKind::BetweenSelectAndMark(b24_offline_emulator::Intrusion::GetAndError {
            limit: 1,
        });
        world.portal.inject(Fault { method: None, after: 0, count: 1, kind });
        world.start();
        world.pass(60_000);
        change(&mut world, &ids[0]);
        world.pass(400_000);
        nothing_lost(&world, CONNECTOR);
        assert_eq!(world.target.objects.len(), 2);
    }
}
