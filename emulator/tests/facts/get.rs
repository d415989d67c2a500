use b24_offline_emulator::{Deed, FaultKind, Feature, Intrusion, Personality, Plan, Settings};
use serde_json::json;

use crate::scene::{BOTH, Scene, ids};

#[test]
fn f05_defaults_are_clear_and_fifty_by_timestamp() {
    for personality in BOTH {
        let mut scene = Scene::new(personality);
        scene.deals(60);
        scene.now += 5_000;
        // the oldest record becomes the youngest
        scene.portal.change("crm.deal", "1", json!({}), scene.now).unwrap();
        let got = scene.ok("event.offline.get", json!({}));
        assert_eq!(got["process_id"], json!(null));
        assert_eq!(got["events"].as_array().unwrap().len(), 50);
        assert_eq!(got["events"][0]["ID"], "1");
        assert_eq!(scene.rows().len(), 11);
    }
}

#[test]
fn f05_the_oldest_change_comes_first() {
    let mut scene = Scene::new(Personality::Documented);
    scene.deals(2);
    scene.touch("2");
    scene.touch("1");
    let filter = json!({"=EVENT_NAME": "ONCRMDEALUPDATE"});
    let got = scene.ok("event.offline.get", json!({"clear": 0, "filter": filter}));
    let deal = |place: usize| got["events"][place]["EVENT_DATA"]["FIELDS"]["ID"].clone();
    assert_eq!([deal(0), deal(1)], [json!("2"), json!("1")]);
}

#[test]
fn f05_limit_has_no_upper_bound_and_must_be_positive() {
    let mut scene = Scene::new(Personality::Source);
    scene.deals(300);
    assert_eq!(scene.err("event.offline.get", json!({"limit": 0})), (400, "ERROR_ARGUMENT".into()));
    assert_eq!(
        scene.err("event.offline.get", json!({"limit": -5})),
        (400, "ERROR_ARGUMENT".into())
    );
    assert_eq!(scene.reserve(1_000).1.len(), 300);
}

#[test]
fn f05_a_given_order_is_kept() {
    let mut scene = Scene::new(Personality::Documented);
    scene.deals(4);
    let params = json!({"clear": 0, "limit": 2, "order": {"ID": "DESC"}});
    let got = scene.ok("event.offline.get", params);
    assert_eq!(ids(&got["events"]), ["4", "3"]);
    let wrong = json!({"order": {"ID": "UPWARDS"}});
    assert_eq!(scene.err("event.offline.get", wrong), (400, "ERROR_ARGUMENT".into()));
}

#[test]
fn f06_marking_takes_comparisons_only() {
    for personality in BOTH {
        let mut scene = Scene::new(personality);
        scene.deals(6);
        for refused in
            [json!({"@ID": [1, 2]}), json!({"ID": [1, 2]}), json!({"%EVENT_NAME": "DEAL"})]
        {
            let params = json!({"filter": refused});
            assert_eq!(scene.err("event.offline.get", params), (400, "ERROR_ARGUMENT".into()));
        }
        for unknown in ["APP", "PROCESS_ID", "ERROR"] {
            let params = json!({"filter": {unknown: 1}});
            assert_eq!(scene.err("event.offline.get", params), (400, "ERROR_ARGUMENT".into()));
        }
        let filter = json!({">=ID": 2, "<=ID": 3});
        let got = scene.ok("event.offline.get", json!({"filter": filter}));
        assert_eq!(ids(&got["events"]), ["2", "3"]);
        let got = scene.ok("event.offline.get", json!({"filter": {">ID": 5, "<ID": 5}}));
        assert_eq!(got["events"], json!([]));
        assert_eq!(scene.rows().len(), 4);
    }
}

#[test]
fn f06_a_filter_on_the_timestamp_is_refused_by_the_source() {
    let filter = json!({"<=TIMESTAMP_X": "2023-11-14T22:13:20+00:00"});
    let mut documented = Scene::new(Personality::Documented);
    documented.deals(1);
    documented.now += 1_000;
    documented.deals(1);
    let got = documented.ok("event.offline.get", json!({"filter": filter}));
    assert_eq!(ids(&got["events"]), ["1"]);
    let mut source = Scene::new(Personality::Source);
    let refused = source.err("event.offline.get", json!({"filter": filter}));
    assert_eq!(refused, (400, "ERROR_ARGUMENT".into()));
}

#[test]
fn f06_a_reread_takes_all_operators() {
    for personality in BOTH {
        let mut scene = Scene::new(personality);
        scene.deals(3);
        let (process, _) = scene.reserve(50);
        let params = json!({"process_id": process, "clear": 0, "filter": {"@ID": [1, 3], "%EVENT_NAME": "deal"}});
        assert_eq!(ids(&scene.ok("event.offline.get", params)["events"]), ["1", "3"]);
    }
}

#[test]
fn f07_a_reservation_has_a_fresh_name_of_32_characters() {
    let mut scene = Scene::new(Personality::Source);
    scene.deals(3);
    let (first, held) = scene.reserve(2);
    let (second, rest) = scene.reserve(2);
    assert_eq!((first.len(), second.len()), (32, 32));
    assert_ne!(first, second);
    assert_eq!((held, rest), (vec!["1".into(), "2".into()], vec!["3".into()]));
    let named: Vec<String> = scene.rows().into_iter().map(|(_, process, _)| process).collect();
    assert_eq!(named, [first.clone(), first, second]);
}

#[test]
fn f08_reread_without_clear_0_deletes_the_whole_reservation() {
    for personality in BOTH {
        let mut scene = Scene::new(personality);
        scene.deals(5);
        let (process, _) = scene.reserve(50);
        let got = scene.ok("event.offline.get", json!({"process_id": process, "limit": 1}));
        assert_eq!(got["process_id"], json!(process));
        assert_eq!(got["events"].as_array().unwrap().len(), 1);
        assert!(scene.rows().is_empty(), "also what the limit hid");
    }
}

#[test]
fn f08_a_reread_that_finds_nothing_deletes_nothing() {
    let mut scene = Scene::new(Personality::Source);
    scene.deals(2);
    let (process, _) = scene.reserve(50);
    let params = json!({"process_id": process, "filter": {"ID": 99}});
    assert_eq!(scene.ok("event.offline.get", params)["events"], json!([]));
    assert_eq!(scene.rows().len(), 2);
}

#[test]
fn f08_a_reread_has_a_limit_of_fifty_too() {
    let mut scene = Scene::new(Personality::Documented);
    scene.deals(70);
    let (process, _) = scene.reserve(70);
    let got = scene.ok("event.offline.get", json!({"process_id": process, "clear": 0}));
    assert_eq!(got["events"].as_array().unwrap().len(), 50);
}

#[test]
fn f08_an_empty_process_id_means_the_free_records_and_deletes_them_all() {
    for personality in BOTH {
        let mut scene = Scene::new(personality);
        scene.deals(5);
        let (process, _) = scene.reserve(2);
        scene.ok("event.offline.get", json!({"process_id": "", "limit": 1}));
        let kept: Vec<String> = scene.rows().into_iter().map(|(_, process, _)| process).collect();
        assert_eq!(kept, [process.clone(), process]);
    }
}

#[test]
fn f09_each_lane_is_read_alone() {
    for personality in BOTH {
        let mut scene = Scene::new(personality);
        scene.deals(2);
        let (process, _) = scene.reserve(1);
        let message = crate::scene::messages(&scene)[0].clone();
        scene.ok("event.offline.error", json!({"process_id": process, "message_id": [message]}));
        let plain = scene.ok("event.offline.get", json!({"clear": 0}));
        assert_eq!(ids(&plain["events"]), ["2"]);
        let errors = scene.ok("event.offline.get", json!({"clear": 0, "error": 1}));
        assert_eq!(ids(&errors["events"]), ["1"]);
        let process = &errors["process_id"];
        let reread = json!({"process_id": process, "clear": 0, "error": 0});
        assert_eq!(scene.ok("event.offline.get", reread)["events"], json!([]));
        let reread = json!({"process_id": process, "clear": 0, "error": 1});
        assert_eq!(ids(&scene.ok("event.offline.get", reread)["events"]), ["1"]);
    }
}

#[test]
fn f10_an_empty_queue_answers_a_fresh_process_id() {
    let mut scene = Scene::new(Personality::Source);
    let got = scene.ok("event.offline.get", json!({"clear": 0}));
    assert_eq!(got["process_id"].as_str().unwrap().len(), 32);
    assert_eq!(got["events"], json!([]));
}

#[test]
fn f11_reserving_needs_the_plan() {
    for (feature, allowed) in [
        (Feature::On, true),
        (Feature::OnAsBoolean, true),
        (Feature::SelfHosted, true),
        (Feature::Off, false),
        (Feature::OffAsBoolean, false),
    ] {
        let plan = Plan { offline_extended: feature, ..Plan::default() };
        let mut scene = Scene::with(Settings { plan, ..Settings::default() });
        scene.deals(1);
        let outcome = scene.send("event.offline.get", json!({"clear": 0}));
        assert_eq!(outcome.status(), Some(if allowed { 200 } else { 403 }));
        if !allowed {
            assert_eq!(outcome.json().unwrap()["error"], "WRONG_LICENSE");
            assert_eq!(scene.rows(), [(1, String::new(), false)], "nothing was marked");
            assert_eq!(ids(&scene.ok("event.offline.get", json!({}))["events"]), ["1"]);
        }
    }
}

#[test]
fn f12_a_lost_answer_leaves_a_reservation_that_only_a_list_finds() {
    for personality in BOTH {
        let mut scene = Scene::new(personality);
        scene.deals(2);
        scene.fault("event.offline.get", FaultKind::AnswerLost { hang_ms: 30_000 });
        assert_eq!(scene.send("event.offline.get", json!({"clear": 0})).status(), None);
        assert_eq!(scene.ok("event.offline.get", json!({"clear": 0}))["events"], json!([]));
        let found = scene.ok("event.offline.list", json!({"filter": {">PROCESS_ID": ""}}));
        assert_eq!(ids(&found), ["1", "2"]);
    }
}

#[test]
fn f12_with_clear_a_lost_answer_is_loss_at_once() {
    let mut scene = Scene::new(Personality::Documented);
    scene.deals(2);
    scene.fault("event.offline.get", FaultKind::AnswerLost { hang_ms: 0 });
    scene.send("event.offline.get", json!({}));
    assert!(scene.rows().is_empty());
    assert_eq!(scene.portal.audit().lost.len(), 2);
}

#[test]
fn f12_a_request_that_timed_out_may_execute_later() {
    let mut scene = Scene::new(Personality::Source);
    scene.deals(2);
    scene.fault("event.offline.get", FaultKind::ExecutedLate { after_ms: 40_000, hang_ms: 30_000 });
    scene.send("event.offline.get", json!({"clear": 0}));
    assert!(scene.rows().iter().all(|(_, process, _)| process.is_empty()));
    let due = scene.portal.next_event().unwrap();
    assert_eq!(due, scene.now + 40_000);
    scene.portal.advance(due);
    assert!(scene.rows().iter().all(|(_, process, _)| process.len() == 32));
    assert_eq!(scene.portal.next_event(), None);
}

fn intruded(personality: Personality, intrusion: Intrusion) -> (Scene, Vec<String>, String) {
    let mut scene = Scene::new(personality);
    scene.deals(3);
    scene.fault("event.offline.get", FaultKind::BetweenSelectAndMark(intrusion));
    let (process, held) = scene.reserve(50);
    (scene, held, process)
}

#[test]
fn f13_documented_parallel_gets_are_disjoint() {
    let (scene, held, _) = intruded(Personality::Documented, Intrusion::Get { limit: 2 });
    assert_eq!(held, ["3"]);
    assert_eq!(scene.portal.other_reservations()[0].1, [1, 2]);
}

#[test]
fn f13_in_the_source_both_return_the_same_records_and_the_later_mark_owns_them() {
    let (mut scene, held, process) = intruded(Personality::Source, Intrusion::Get { limit: 2 });
    assert_eq!(held, ["1", "2", "3"]);
    assert!(scene.rows().iter().all(|(_, owner, _)| *owner == process));
    let (other, ids) = scene.portal.other_reservations()[0].clone();
    assert_eq!(ids, [1, 2]);
    scene.ok("event.offline.clear", json!({"process_id": other, "id": ids}));
    assert_eq!(scene.rows().len(), 3, "the earlier caller's clear matches nothing");

    let (scene, held, process) = intruded(Personality::Source, Intrusion::GetLast { limit: 2 });
    assert_eq!(held, ["1", "2", "3"]);
    let owners: Vec<bool> = scene.rows().iter().map(|(_, owner, _)| *owner == process).collect();
    assert_eq!(owners, [false, false, true]);
}

#[test]
fn f13_one_reservation_can_hold_both_lanes_in_the_source() {
    let (scene, held, process) = intruded(Personality::Source, Intrusion::GetAndError { limit: 1 });
    assert_eq!(held, ["2", "3"], "the errored record is reserved but not shown");
    let errored = (1, process.clone(), true);
    assert_eq!(scene.rows()[0], errored);
}

#[test]
fn f13_a_change_between_select_and_mark_is_in_the_reservation() {
    let fields = json!({"TITLE": "Between"});
    let deed = Deed::Change { kind: "crm.deal".into(), id: "1".into(), fields };
    let (scene, held, _) = intruded(Personality::Source, Intrusion::Deed(deed));
    assert_eq!(held, ["1", "2", "3"]);
    assert_eq!(scene.rows()[3], (4, String::new(), false), "an UPDATE record of its own");
}
