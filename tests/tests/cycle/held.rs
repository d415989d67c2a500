//! What becomes of writes that are held back.

use super::*;

#[test]
fn two_objects_are_independent_and_others_writes_overtake_held_ones() {
    for personality in BOTH {
        let mut scene = Scene::new(personality, 2, |_| {});
        scene.answers = |object| u64::from(object.id == "1");
        scene.robot(10);
        scene.world.start();
        scene.pass(2 * MINUTE);
        let (round, calm) = (scene.deal(0), scene.deal(1));
        assert!(scene.told(&round).last() > Some(&20));
        let contact = make(&mut scene.world, "crm.contact", 1).remove(0);
        let contact = ObjectId::new("crm.contact", contact);
        let held = scene.write(&round, "held");
        for object in [&calm, &contact] {
            let write = scene.write(object, "at once");
            scene.pass(500);
            assert!(matches!(scene.results(write)[..], [WriteResult::Done { .. }]), "{object}");
        }
        assert_eq!(scene.results(held), [] as [&WriteResult; 0]);
        let status = scene.world.machine.as_ref().unwrap().status();
        assert!(status.writes_open >= 1, "a held write is open");
        assert_eq!(scene.told(&calm), [0; 0]);
    }
}

#[test]
fn writes_of_one_object_keep_their_order() {
    for personality in BOTH {
        let mut scene = Scene::new(personality, 1, |config| config.poll = Millis::seconds(2));
        scene.robot(10);
        scene.world.start();
        scene.pass(40 * SECOND);
        let deal = scene.deal(0);
        assert!(scene.told(&deal).len() >= 3);
        scene.answers = |_| 0;
        let waiting = scene.world.machine.as_ref().unwrap().status().writes_open;
        let from = scene.writes + 1;
        let last = (0..6).map(|n| scene.write(&deal, &format!("title {n}"))).last().unwrap();
        // a value that goes alone stands in the line as well
        let params = json!({ "id": deal.id, "fields": { "TITLE": "the last", "COMMENTS": null } });
        scene.writes += 1;
        scene.world.give(Input::Write {
            write: WriteId(scene.writes),
            method: "crm.deal.update".into(),
            params: params.to_string(),
        });
        assert_eq!(scene.world.machine.as_ref().unwrap().status().writes_open, waiting + 7);
        scene.world.portal.clear_faults();
        scene.pass(3 * 60 * MINUTE);
        scene.answered_once();
        let order: Vec<u64> = scene.world.written.iter().map(|written| written.write.0).collect();
        let order: Vec<u64> = order.into_iter().filter(|write| *write >= from).collect();
        assert_eq!(order, (from..=last.0 + 1).collect::<Vec<u64>>());
        let shown = format!("{:?}", scene.world.portal.object("crm.deal", &deal.id));
        assert!(shown.contains("the last"), "{shown}");
    }
}

#[test]
fn an_emptied_queue_ends_with_writes_held() {
    for personality in BOTH {
        let mut scene = Scene::new(personality, 3, |config| config.until = Until::Empty);
        scene.robot(10);
        scene.world.start();
        let phase = scene.until_ended(10 * MINUTE);
        assert_eq!(phase, Some(Phase::Ended(End::Empty)), "{:#?}", scene.world.notices);
        scene.answered_once();
        let held = scene.world.written.iter().filter_map(|written| written.result.trouble());
        let held: Vec<String> = held.collect();
        assert_eq!(held.len(), 3, "{held:?}");
        assert!(held.iter().all(|why| why.contains("cycle")), "{held:?}");
        for n in 0..3 {
            assert!(!scene.told(&scene.deal(n)).is_empty());
        }
        nothing_lost(&scene.world, "ended");
    }
}

#[test]
fn a_stop_ends_with_writes_held_and_sends_none_before_its_time() {
    for personality in BOTH {
        let mut scene = Scene::new(personality, 1, |_| {});
        scene.robot(10);
        scene.world.start();
        scene.pass(30 * SECOND);
        let deal = scene.deal(0);
        let held = scene.write(&deal, "held");
        let updates = scene.world.calls.iter().filter(|call| call.params.contains("update"));
        let updates = updates.count();
        let since = scene.world.now();
        scene.world.give(Input::Stop);
        assert_eq!(scene.until_ended(MINUTE), Some(Phase::Ended(End::Stopped)));
        assert!(scene.world.now() - since < 6 * SECOND, "nothing is left to be waited for");
        let after = scene.world.calls.iter().filter(|call| call.params.contains("update"));
        assert_eq!(after.count(), updates);
        let why = scene.results(held)[0].trouble().unwrap();
        assert!(why.starts_with("was not sent") && why.contains("cycle"), "{why}");
        scene.answered_once();
    }
}
