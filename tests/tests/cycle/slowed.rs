//! What goes round is slowed down and told, whatever its rhythm.

use super::*;

#[test]
fn an_object_that_goes_round_is_slowed_down_and_reported() {
    for personality in BOTH {
        let mut scene = Scene::new(personality, 1, |config| config.poll = Millis::seconds(4));
        scene.robot(10);
        scene.world.start();
        scene.pass(40 * SECOND);
        let deal = scene.deal(0);
        assert!(scene.times(&deal).len() >= 4, "{:?}", scene.deliveries);
        assert_eq!(scene.told(&deal)[..3], [2, 4, 8]);
        scene.pass(12 * 60 * MINUTE);
        assert!(scene.densest(&deal) <= 10, "{:?}", scene.times(&deal));
        let told = scene.told(&deal);
        assert_eq!(told.iter().max(), Some(&3_600), "an hour at most");
        assert!(told.is_sorted() && told.len() < 25, "{told:?}");
        let first = scene.world.notices.iter().find(|n| matches!(n, Notice::Cycle { .. }));
        assert!(first.unwrap().to_string().starts_with("cycle: each write to crm.deal"));
        // the last write is held still
        scene.world.give(Input::Stop);
        assert_eq!(scene.until_ended(MINUTE), Some(Phase::Ended(End::Stopped)));
        scene.answered_once();
        nothing_lost(&scene.world, "slowed down");
    }
}

#[test]
fn several_writes_and_several_rules_stay_within_ten_deliveries_in_twenty_seconds() {
    for personality in BOTH {
        for (answers, delays) in [
            ((|_| 3) as fn(&ObjectId) -> u64, &[10][..]),
            (|_| 1, &[10, 300]),
            (|_| 1, &[10, 300, 700]),
            (|_| 2, &[250, 0]),
            (|_| 1, &[3_000]),
        ] {
            let mut scene = Scene::new(personality, 2, |_| {});
            scene.answers = answers;
            for delay in delays {
                scene.robot(*delay);
            }
            scene.world.start();
            scene.pass(5 * MINUTE);
            for deal in [scene.deal(0), scene.deal(1)] {
                assert!(scene.densest(&deal) <= 10, "{delays:?} {:?}", scene.times(&deal));
                assert!(!scene.told(&deal).is_empty(), "{delays:?} {:?}", scene.times(&deal));
            }
        }
    }
}

#[test]
fn a_usual_poll_and_the_portals_limit_find_the_cycle_too() {
    for personality in BOTH {
        let mut scene = Scene::new(personality, 1, |config| {
            (config.poll, config.limits) = (Millis::seconds(5), Limits::Standard);
        });
        scene.robot(10);
        scene.world.start();
        scene.pass(5 * MINUTE);
        let deal = scene.deal(0);
        assert!(scene.densest(&deal) <= 10 && scene.told(&deal).len() >= 3);
        assert_eq!(scene.world.audit().bucket_violations, 0);
    }
}

#[test]
fn deliveries_are_never_delayed() {
    for personality in BOTH {
        let mut scene = Scene::new(personality, 1, |_| {});
        scene.robot(10);
        scene.world.start();
        scene.pass(10 * MINUTE);
        let deal = scene.deal(0);
        assert!(scene.told(&deal).last() > Some(&60));
        for _ in 0..30 {
            let before = scene.times(&deal).len();
            let id = deal.id.clone();
            change(&mut scene.world, &id);
            scene.world.give(Input::Nudge);
            let since = scene.world.now();
            scene.pass(SECOND);
            let delivered = scene.times(&deal)[before];
            assert!(delivered - since < 300, "{} ms", delivered - since);
        }
    }
}

#[test]
fn a_slowed_object_is_free_again_once_the_rule_is_gone() {
    for personality in BOTH {
        let mut scene = Scene::new(personality, 1, |_| {});
        scene.robot(10);
        scene.world.start();
        scene.pass(40 * SECOND);
        let deal = scene.deal(0);
        let slowest = scene.told(&deal).last().copied().unwrap();
        scene.world.portal.clear_faults();
        scene.pass(2 * slowest * SECOND);
        scene.answered_once();
        // a rule again: it begins with the first delay
        let before = scene.told(&deal).len();
        scene.robot(10);
        change(&mut scene.world, &deal.id);
        scene.pass(10 * SECOND);
        assert_eq!(scene.told(&deal)[before], 2);
    }
}

#[test]
fn a_crash_forgets_the_trail_and_it_builds_up_again() {
    for personality in BOTH {
        let mut scene = Scene::new(personality, 1, |_| {});
        scene.robot(10);
        scene.world.start();
        scene.pass(2 * MINUTE);
        let deal = scene.deal(0);
        assert!(scene.told(&deal).last() > Some(&20));
        scene.world.crash();
        scene.pass(MINUTE);
        let before = scene.told(&deal).len();
        scene.world.start();
        change(&mut scene.world, &deal.id);
        scene.pass(20 * SECOND);
        assert_eq!(scene.told(&deal)[before..before + 3], [2, 4, 8]);
        let since = scene.world.now();
        scene.pass(20 * MINUTE);
        let times = scene.times(&deal);
        assert!(times.iter().filter(|at| **at > since).count() < 10);
    }
}
