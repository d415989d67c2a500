//! What is no cycle is left alone, and what is one is known.

use super::*;

#[test]
fn a_busy_object_that_we_do_not_write_to_is_never_touched() {
    for personality in BOTH {
        let mut scene = Scene::new(personality, 2, |_| {});
        scene.answers = |_| 0;
        scene.world.start();
        let (busy, other) = (scene.deal(0), scene.deal(1));
        for n in 0..120 {
            change(&mut scene.world, &busy.id);
            scene.pass(500);
            scene.write(&other, &format!("title {n}"));
        }
        scene.pass(SECOND);
        assert!(scene.times(&busy).len() > 100);
        assert!(!scene.world.noticed(|notice| matches!(notice, Notice::Cycle { .. })));
        // and its first write goes at once
        let write = scene.write(&busy, "ours");
        scene.pass(500);
        assert!(matches!(scene.results(write)[..], [WriteResult::Done { .. }]));
        assert!(!scene.world.noticed(|notice| matches!(notice, Notice::Cycle { .. })));
    }
}

#[test]
fn a_write_without_a_delivery_within_ten_seconds_starts_the_trail_anew() {
    for personality in BOTH {
        let mut scene = Scene::new(personality, 1, |_| {});
        scene.robot(10_500);
        scene.world.start();
        scene.pass(10 * MINUTE);
        let deal = scene.deal(0);
        assert!(scene.times(&deal).len() > 40);
        assert_eq!(scene.told(&deal), [0; 0]);
    }
}

#[test]
fn a_write_with_a_lost_answer_counts_as_a_write() {
    for personality in BOTH {
        let mut scene = Scene::new(personality, 1, |_| {});
        scene.robot(4_000);
        let kind = FaultKind::AnswerLost { hang_ms: 50 };
        let method = Some("crm.deal.update".to_owned());
        scene.world.portal.inject(Fault { method, after: 0, count: u64::MAX, kind });
        scene.world.start();
        scene.pass(2 * MINUTE);
        let deal = scene.deal(0);
        assert!(!scene.told(&deal).is_empty(), "{:?}", scene.times(&deal));
        assert!(scene.world.written.iter().any(|w| w.result == WriteResult::Unknown));
        assert!(scene.densest(&deal) <= 10);
    }
}

#[test]
fn a_refused_write_and_another_attempt_are_no_cycle() {
    for personality in BOTH {
        let mut scene = Scene::new(personality, 1, |config| {
            config.retry = Retry { first_delay: Millis::seconds(1), attempts: 9 };
        });
        scene.world.script = Some(Script::new(|_, _| {
            let again = Verdict::Retry { after: Some(Millis::seconds(1)) };
            vec![(5, all(again))]
        }));
        scene.world.start();
        scene.pass(30 * SECOND);
        let deal = scene.deal(0);
        assert_eq!(scene.times(&deal).len(), 9);
        assert_eq!(scene.told(&deal), [0; 0], "each attempt wrote and was of the same record");
        scene.world.script = None;
        for _ in 0..6 {
            scene.answers = |_| 0;
            change(&mut scene.world, &deal.id);
            let params = json!({ "id": deal.id, "fields": "no fields" }).to_string();
            scene.writes += 1;
            let write = WriteId(scene.writes);
            scene.world.give(Input::Write { write, method: "crm.deal.update".into(), params });
            scene.pass(SECOND);
            assert!(matches!(scene.results(write)[..], [WriteResult::Refused { .. }]));
        }
        assert_eq!(scene.told(&deal), [0; 0], "nothing was written");
    }
}

#[test]
fn methods_that_name_no_object_are_never_delayed() {
    for personality in BOTH {
        let mut scene = Scene::new(personality, 1, |_| {});
        scene.robot(10);
        scene.world.start();
        scene.pass(MINUTE);
        let deal = scene.deal(0);
        assert!(scene.told(&deal).last() > Some(&10));
        for (method, params) in [
            ("crm.deal.add", json!({ "id": deal.id, "fields": { "TITLE": "new" } })),
            ("crm.deal.update", json!({ "fields": { "TITLE": "of nothing" } })),
            ("crm.deal.productrows.set", json!({ "id": deal.id, "rows": "" })),
        ] {
            scene.writes += 1;
            let (write, params) = (WriteId(scene.writes), params.to_string());
            scene.world.give(Input::Write { write, method: method.into(), params });
            scene.pass(500);
            assert_eq!(scene.results(write).len(), 1, "{method}");
        }
        // the same object in other words
        for (method, params) in [
            ("CRM.Deal.Update", json!({ "ID": deal.id, "fields": { "TITLE": "ours" } })),
            ("crm.item.update", json!({ "entityTypeId": 2, "id": deal.id, "fields": {} })),
        ] {
            scene.writes += 1;
            let (write, params) = (WriteId(scene.writes), params.to_string());
            scene.world.give(Input::Write { write, method: method.into(), params });
            scene.pass(500);
            assert_eq!(scene.results(write), [] as [&WriteResult; 0], "{method}");
        }
    }
}
