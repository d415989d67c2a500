use b24_offline_emulator::Personality;
use serde_json::json;

use crate::scene::{BOTH, Scene, ids, messages};

#[test]
fn f14_nothing_but_clear_error_and_age_ends_a_reservation() {
    let mut scene = Scene::new(Personality::Documented);
    scene.deals(1);
    scene.reserve(1);
    scene.now += 29 * 86_400_000;
    scene.portal.advance(scene.now);
    assert_eq!(scene.rows()[0].1.len(), 32);
}

#[test]
fn f15_clear_takes_ids_or_message_ids() {
    for personality in BOTH {
        let mut scene = Scene::new(personality);
        scene.deals(4);
        let all = messages(&scene);
        let (process, _) = scene.reserve(3);
        let clear = json!({"process_id": process, "id": ["1", 4]});
        assert_eq!(scene.ok("event.offline.clear", clear.clone()), json!(true));
        assert_eq!(scene.rows().len(), 3, "4 is free, it does not belong to the reservation");
        assert_eq!(
            scene.ok("event.offline.clear", clear),
            json!(true),
            "clearing twice is harmless"
        );
        let clear = json!({"process_id": process, "message_id": [all[1]]});
        scene.ok("event.offline.clear", clear);
        let left: Vec<u64> = scene.rows().into_iter().map(|(id, ..)| id).collect();
        assert_eq!(left, [3, 4]);
    }
}

#[test]
fn f15_arguments_are_checked() {
    let mut scene = Scene::new(Personality::Source);
    let refused = (400, "ERROR_ARGUMENT".to_owned());
    for params in [
        json!({}),
        json!({"process_id": null}),
        json!({"process_id": "p", "message_id": ["short"]}),
        json!({"process_id": "p", "message_id": "x".repeat(32)}),
        json!({"process_id": "p", "id": [0]}),
        json!({"process_id": "p", "id": ["1", -1]}),
        json!({"process_id": ["p"]}),
    ] {
        assert_eq!(scene.err("event.offline.clear", params), refused);
    }
    let body = scene.body("event.offline.clear", json!({"process_id": "p", "id": [0]}));
    assert_eq!(body["argument"], "id");
}

#[test]
fn f15_of_two_kinds_of_keys_one_wins() {
    for (personality, left) in [(Personality::Documented, 2), (Personality::Source, 1)] {
        let mut scene = Scene::new(personality);
        scene.deals(2);
        let all = messages(&scene);
        let (process, _) = scene.reserve(2);
        let both = json!({"process_id": process, "id": [1], "message_id": [all[1]]});
        scene.ok("event.offline.clear", both);
        assert_eq!(scene.rows()[0].0, left);
        assert_eq!(scene.rows().len(), 1);
    }
}

#[test]
fn f15_an_empty_list_clears_the_whole_reservation() {
    for personality in BOTH {
        for empty in [json!({"id": []}), json!({"message_id": []}), json!({"id": {}}), json!({})] {
            let mut scene = Scene::new(personality);
            scene.deals(3);
            let (process, _) = scene.reserve(2);
            let mut params = empty;
            params["process_id"] = json!(process);
            scene.ok("event.offline.clear", params);
            assert_eq!(scene.rows(), [(3, String::new(), false)]);
        }
    }
}

#[test]
fn f15_an_empty_process_id_clears_the_whole_free_queue() {
    for personality in BOTH {
        let mut scene = Scene::new(personality);
        scene.deals(3);
        scene.reserve(1);
        scene.ok("event.offline.clear", json!({"process_id": ""}));
        assert_eq!(scene.rows().len(), 1);
        assert_eq!(scene.rows()[0].0, 1);
    }
}

#[test]
fn f16_error_frees_the_record_in_the_other_lane_and_deletes_other_copies() {
    for personality in BOTH {
        let mut scene = Scene::new(personality);
        let id = scene.deal();
        scene.touch(&id);
        let (process, _) = scene.reserve(50);
        scene.touch(&id);
        assert_eq!(scene.rows().len(), 3);
        let message = messages(&scene)[1].clone();
        let params = json!({"process_id": process, "message_id": [message]});
        assert_eq!(scene.ok("event.offline.error", params), json!(true));
        let rows = scene.rows();
        assert_eq!(rows.len(), 2, "the newer free change is deleted");
        assert_eq!(rows[1], (2, String::new(), true));
        assert_eq!(scene.portal.audit().error_calls, 1);
    }
}

#[test]
fn f16_error_with_a_stale_process_id_deletes_the_newer_change() {
    for personality in BOTH {
        let mut scene = Scene::new(personality);
        scene.deals(1);
        let (process, held) = scene.reserve(50);
        scene.ok("event.offline.clear", json!({"process_id": process, "id": held}));
        scene.portal.delete("crm.deal", "1", scene.now).unwrap();
        let params = json!({"process_id": process, "message_id": messages(&scene)});
        scene.ok("event.offline.error", params);
        assert!(scene.rows().is_empty());
    }
}

#[test]
fn f16_an_errored_record_stays_as_it_is_and_the_newer_change_is_deleted() {
    for personality in BOTH {
        let mut scene = Scene::new(personality);
        scene.deals(1);
        let message = messages(&scene)[0].clone();
        let (process, _) = scene.reserve(50);
        let params = json!({"process_id": process, "message_id": [message]});
        scene.ok("event.offline.error", params);
        let redriven = scene.ok("event.offline.get", json!({"clear": 0, "error": 1}));
        let process = redriven["process_id"].as_str().unwrap().to_owned();
        scene.portal.delete("crm.deal", "1", scene.now).unwrap();
        scene.portal.restore("crm.deal", "1", scene.now).unwrap();
        assert_eq!(scene.rows().len(), 3);
        let params = json!({"process_id": process, "message_id": [message]});
        scene.ok("event.offline.error", params);
        let rows = scene.rows();
        assert_eq!(
            rows.len(),
            2,
            "the free ADD record is gone, the DELETE record is another object's key"
        );
        assert_eq!(rows[0], (1, process, true));
    }
}

#[test]
fn f16_arguments() {
    let mut scene = Scene::new(Personality::Documented);
    scene.deals(1);
    let refused = (400, "ERROR_ARGUMENT".to_owned());
    assert_eq!(scene.err("event.offline.error", json!({"message_id": []})), refused);
    assert_eq!(scene.err("event.offline.error", json!({"process_id": "p"})), refused);
    assert_eq!(
        scene.err("event.offline.error", json!({"process_id": "p", "message_id": "m"})),
        refused
    );
    // not length-checked, and an empty list does nothing
    for list in [json!([]), json!(["short"])] {
        let params = json!({"process_id": "p", "message_id": list});
        assert_eq!(scene.ok("event.offline.error", params), json!(true));
    }
    assert_eq!(scene.rows(), [(1, String::new(), false)]);
}

#[test]
fn f17_an_object_in_the_error_lane_is_dark() {
    for personality in BOTH {
        let mut scene = Scene::new(personality);
        let id = scene.deal();
        scene.ok("event.offline.get", json!({}));
        scene.touch(&id);
        let (process, _) = scene.reserve(50);
        let params = json!({"process_id": process, "message_id": messages(&scene)});
        scene.ok("event.offline.error", params);
        scene.touch(&id);
        scene.touch(&id);
        assert_eq!(scene.rows(), [(2, String::new(), true)], "merged, ERROR stays");
        assert_eq!(scene.ok("event.offline.get", json!({}))["events"], json!([]));
        let drained = scene.ok("event.offline.get", json!({"error": 1}));
        assert_eq!(ids(&drained["events"]), ["2"]);
        scene.touch(&id);
        assert_eq!(scene.ok("event.offline.get", json!({}))["events"].as_array().unwrap().len(), 1);
    }
}
