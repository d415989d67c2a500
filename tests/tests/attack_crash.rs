//! Scenes that try to break the machine from below: killed at every point, journals that lie, disks
//! that fail, handlers that hang, late calls, clocks that jump.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use b24_offline_core::*;
use b24_offline_emulator::{Fault, FaultKind, Personality};
use b24_offline_tests::mutant::every;
use b24_offline_tests::scene::{DEALS, all, bound, change, config, deals, nothing_lost, one_step};
use b24_offline_tests::{Behaviour, Disk, Script, World, sub_calls};

const HOUR: u64 = 3_600_000;

fn world(personality: Personality, change: impl FnOnce(&mut Config)) -> World {
    let mut config = config(DEALS);
    change(&mut config);
    bound(personality, config)
}

/// Deals change while the machine drains, one is rejected; killed after `steps` steps with so many
/// saves more durable, a change right before the next start, then quiet.
fn killed_after(steps: usize, saves: usize, on_reject: OnReject, journal: Durability) -> World {
    let mut world = world(Personality::Source, |config| {
        config.on_reject = on_reject;
        config.journal = journal;
        config.batch_size = BatchSize::Fixed(2);
        config.sweep = Millis::seconds(60);
    });
    let ids = deals(&mut world, 4);
    world.behaviour = Behaviour::Rejects { id: ids[1].clone() };
    world.start();
    for step in 0..steps {
        one_step(&mut world);
        if step % 9 == 4 {
            change(&mut world, &ids[1]);
        }
    }
    world.crash_after_saving(saves);
    change(&mut world, &ids[2]);
    world.start();
    world.pass(130_000);
    world.behaviour = Behaviour::Works;
    world.crash();
    world.start();
    world.give(Input::Redrive(Redrive::All));
    world.pass(600_000);
    world
}

#[test]
fn killed_at_any_step_with_any_saves_nothing_is_lost() {
    for steps in (0..60).step_by(every(7)) {
        for saves in 0..3 {
            let world = killed_after(steps, saves, OnReject::Park, Durability::Durable);
            nothing_lost(&world, &format!("{steps} {saves}"));
        }
        let world = killed_after(steps, 0, OnReject::Park, Durability::None);
        nothing_lost(&world, &format!("{steps} without a journal"));
    }
}

#[test]
fn killed_at_any_step_of_a_registration_nothing_is_lost() {
    for steps in (0..60).step_by(every(7)) {
        for saves in 0..3 {
            let world = killed_after(steps, saves, OnReject::Register, Durability::Durable);
            nothing_lost(&world, &format!("{steps} {saves}"));
        }
    }
}

#[test]
fn a_journal_of_any_earlier_moment_loses_nothing_that_the_portal_holds() {
    let mut journals = Vec::new();
    let scene = |journals: &mut Vec<_>| {
        let mut world = world(Personality::Documented, |config| {
            config.batch_size = BatchSize::Fixed(2);
            config.sweep = Millis::seconds(60);
        });
        let ids = deals(&mut world, 5);
        world.behaviour = Behaviour::Rejects { id: ids[0].clone() };
        world.start();
        for step in 0..70 {
            one_step(&mut world);
            if step % 16 == 7 {
                change(&mut world, &ids[0]);
            }
            if journals.last() != Some(&world.journal) {
                journals.push(world.journal.clone());
            }
        }
        world.crash();
        world
    };
    scene(&mut journals);
    assert!(journals.len() > 8, "{}", journals.len());
    for (number, journal) in journals.clone().into_iter().enumerate() {
        let mut world = scene(&mut Vec::new());
        world.journal = journal;
        world.behaviour = Behaviour::Works;
        world.start();
        world.give(Input::Redrive(Redrive::All));
        world.pass(600_000);
        nothing_lost(&world, &format!("rolled back to {number}"));
    }
}

#[test]
fn a_damaged_entry_costs_a_notice_and_no_change() {
    let torn = |text: &str, at: usize| text.chars().take(at).collect::<String>();
    for damage in 0..4 {
        let mut world = world(Personality::Source, |_| {});
        let ids = deals(&mut world, 3);
        world.behaviour = Behaviour::Rejects { id: ids[0].clone() };
        world.start();
        world.pass(20_000);
        world.crash();
        for (key, value) in &mut world.journal {
            match damage {
                0 => *value = torn(value, 20),
                1 => *value = value.replace('1', "2"),
                2 => value.clear(),
                _ if key != "queue" => *value = "0000000000000000 null".into(),
                _ => {}
            }
        }
        world.behaviour = Behaviour::Works;
        world.start();
        world.pass(600_000);
        let resync =
            |notice: &Notice| matches!(notice, Notice::JournalDamaged { resync: true, .. });
        assert!(world.noticed(resync), "{damage}");
        nothing_lost(&world, &format!("damage {damage}"));
        assert_eq!(world.audit().reserved_records, 0);
    }
}

#[test]
fn a_full_disk_ends_it_before_anything_is_delivered_and_the_next_start_carries_on() {
    let mut world = world(Personality::Source, |config| config.until = Until::Empty);
    deals(&mut world, 7);
    world.disk = Disk::Full;
    world.start();
    assert!(world.until_ended(HOUR));
    assert!(matches!(world.phase(), Some(Phase::Ended(End::Failed(Failure::Journal { .. })))));
    assert_eq!(world.deliveries, []);
    world.crash();
    world.disk = Disk::Works(2);
    world.start();
    assert!(world.until_ended(HOUR));
    nothing_lost(&world, "");
}

#[test]
fn a_slow_disk_holds_deliveries_back_until_the_keys_are_durable() {
    let mut world = world(Personality::Source, |_| {});
    world.disk = Disk::Works(30_000);
    deals(&mut world, 5);
    world.start();
    world.pass(29_000);
    assert_eq!(world.deliveries, []);
    world.pass(60_000);
    assert_eq!(world.deliveries.len(), 5);
}

#[test]
fn while_a_handler_hangs_the_others_go_on_and_its_object_stays_locked() {
    let mut world = world(Personality::Source, |config| config.batch_size = BatchSize::Fixed(2));
    let ids = deals(&mut world, 40);
    let hung = ids[3].clone();
    world.script = Some(Script::new(move |batch, _| {
        let hangs = batch.changes.iter().any(|change| change.object.id == hung);
        vec![(if hangs { 2 * HOUR } else { 5 }, all(Verdict::Done))]
    }));
    world.start();
    world.pass(60_000);
    change(&mut world, &ids[3]);
    world.pass(HOUR);
    let status = world.machine.as_ref().unwrap().status();
    assert_eq!((status.counters.done, status.delivering), (39, 1));
    let seen = |world: &World| world.deliveries.iter().filter(|c| c.object.id == ids[3]).count();
    assert_eq!(seen(&world), 1);
    world.pass(4 * HOUR);
    assert_eq!(seen(&world), 2);
    nothing_lost(&world, "");
}

#[test]
fn a_late_or_second_error_call_deletes_nothing_that_is_not_redriven() {
    for kind in [
        FaultKind::ExecutedLate { after_ms: 55_000, hang_ms: 1_000 },
        FaultKind::ExecutedLate { after_ms: 58_000, hang_ms: 64_000 },
        FaultKind::ExecutedTwice { after_ms: 58_000 },
        FaultKind::RequestLost { hang_ms: 500 },
        FaultKind::AnswerLost { hang_ms: 500 },
        FaultKind::QueryLimit,
    ] {
        for at in (0..60_000).step_by(7_300 * every(3)) {
            let mut world = world(Personality::Source, |config| {
                config.on_reject = OnReject::Register;
            });
            let id = deals(&mut world, 1).remove(0);
            world.behaviour = Behaviour::Rejects { id: id.clone() };
            let method = Some("event.offline.error".to_owned());
            world.portal.inject(Fault { method, after: 0, count: 1, kind: kind.clone() });
            world.start();
            let sent = |world: &World| {
                let methods = world.calls.iter().flat_map(sub_calls);
                methods.filter(|(_, method)| method == "event.offline.error").count()
            };
            while sent(&world) == 0 {
                one_step(&mut world);
            }
            world.behaviour = Behaviour::Works;
            let rejected_at = world.now();
            world.pass(at);
            let now = world.now();
            world.portal.delete("crm.deal", &id, now);
            world.portal.restore("crm.deal", &id, now);
            let before = world.deliveries.len();
            world.pass((rejected_at + 59_900).saturating_sub(world.now()));
            assert_eq!(world.deliveries.len(), before, "{kind:?}: delivered within its rest");
            world.pass(HOUR);
            nothing_lost(&world, &format!("{kind:?} {at}"));
            let present = world.target.objects.values().all(|(state, _)| *state == State::Present);
            assert!(present, "{kind:?} {at}");
        }
    }
}

#[test]
fn clocks_that_jump_lose_nothing_and_cause_no_burst() {
    for jump in [86_400_000i64, -86_400_000, 90_000, -1_000, 3_600_000 * 24 * 400] {
        let mut world = world(Personality::Source, |_| {});
        let ids = deals(&mut world, 30);
        world.behaviour = Behaviour::Retries { id: ids[0].clone(), times: 2 };
        world.start();
        for step in 0..60 {
            one_step(&mut world);
            if step % 11 == 3 {
                world.skew += jump;
                change(&mut world, &ids[step % 30]);
            }
        }
        world.behaviour = Behaviour::Works;
        world.pass(2 * HOUR);
        nothing_lost(&world, &format!("{jump}"));
    }
}
