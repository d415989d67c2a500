use b24_offline_emulator::Personality;
use serde_json::json;

use crate::scene::{BOTH, Scene, ids};

#[test]
fn f18_list_reads_everything_and_changes_nothing() {
    for personality in BOTH {
        let mut scene = Scene::new(personality);
        scene.deals(3);
        let (process, _) = scene.reserve(2);
        let before = scene.portal.queue();
        let list = scene.ok("event.offline.list", json!({}));
        assert_eq!(ids(&list), ["1", "2", "3"]);
        assert_eq!(list[0]["PROCESS_ID"], json!(process));
        assert_eq!(list[2]["PROCESS_ID"], "");
        assert_eq!(list[2]["ERROR"], "0");
        assert_eq!(scene.portal.queue(), before);
    }
}

#[test]
fn f18_pages_of_fifty_with_a_total_always() {
    let mut scene = Scene::new(Personality::Documented);
    scene.deals(120);
    let first = scene.body("event.offline.list", json!({}));
    assert_eq!((&first["total"], &first["next"]), (&json!(120), &json!(50)));
    assert_eq!(first["result"].as_array().unwrap().len(), 50);
    let last = scene.body("event.offline.list", json!({"start": 100}));
    assert_eq!(last["result"].as_array().unwrap().len(), 20);
    assert_eq!((&last["total"], last.get("next")), (&json!(120), None));
    let uncounted = scene.body("event.offline.list", json!({"start": -1}));
    assert_eq!(uncounted["total"], json!(120));
    assert_eq!(ids(&uncounted["result"])[0], "1");
    let beyond = scene.body("event.offline.list", json!({"start": 500}));
    assert_eq!((&beyond["result"], &beyond["total"]), (&json!([]), &json!(120)));
}

#[test]
fn f18_operators_and_fields() {
    for personality in BOTH {
        let mut scene = Scene::new(personality);
        scene.deals(4);
        let (process, _) = scene.reserve(1);
        let message = crate::scene::messages(&scene)[2].clone();
        let mut list = |filter: serde_json::Value| {
            ids(&scene.ok("event.offline.list", json!({"filter": filter})))
        };
        assert_eq!(list(json!({">PROCESS_ID": ""})), ["1"]);
        assert_eq!(list(json!({"PROCESS_ID": ""})), ["2", "3", "4"]);
        assert_eq!(list(json!({"@PROCESS_ID": [process]})), ["1"]);
        assert_eq!(list(json!({">PROCESS_ID": process})), [""; 0]);
        assert_eq!(list(json!({"ERROR": 1})), [""; 0]);
        assert_eq!(list(json!({"ERROR": "0", ">ID": "2"})), ["3", "4"]);
        assert_eq!(list(json!({"@ID": [4, 1]})), ["1", "4"]);
        assert_eq!(list(json!({"MESSAGE_ID": message})), ["3"]);
        assert_eq!(list(json!({"%EVENT_NAME": "DEALADD", "<=ID": 2})), ["1", "2"]);
        assert_eq!(list(json!({">TIMESTAMP_X": "2023-11-14T22:13:19+00:00"})).len(), 4);
        assert_eq!(list(json!({"<TIMESTAMP_X": "2023-11-14T22:13:20+00:00"})), [""; 0]);
        for negation in [json!({"!PROCESS_ID": ""}), json!({"!=ID": 1}), json!({"!@ID": [1]})] {
            let refused = scene.err("event.offline.list", json!({"filter": negation}));
            assert_eq!(refused, (400, "ERROR_ARGUMENT".into()));
        }
    }
}

#[test]
fn f18_a_given_order_is_kept() {
    let mut scene = Scene::new(Personality::Source);
    scene.deals(3);
    scene.reserve(2);
    let params = json!({"order": {"PROCESS_ID": "ASC", "ID": "DESC"}});
    assert_eq!(ids(&scene.ok("event.offline.list", params)), ["3", "2", "1"]);
}

#[test]
fn f18_without_the_connector_only_the_records_without_a_source() {
    let mut scene = Scene::new(Personality::Source);
    scene.portal.bind("ONCRMDEALADD", "erp");
    scene.deals(1);
    assert_eq!(ids(&scene.ok("event.offline.list", json!({}))), ["1"]);
    let own = scene.ok("event.offline.list", json!({"auth_connector": "erp"}));
    assert_eq!(ids(&own), ["2"]);
}

#[test]
fn f19_paging_by_offset_loses_records_paging_by_key_does_not() {
    let mut scene = Scene::new(Personality::Documented);
    scene.deals(100);
    scene.ok("event.offline.list", json!({}));
    scene.ok("event.offline.get", json!({"filter": {"<=ID": 10}}));
    let by_offset = scene.ok("event.offline.list", json!({"start": 50}));
    assert_eq!(ids(&by_offset)[0], "61", "51 to 60 were skipped");
    let by_key = scene.ok("event.offline.list", json!({"filter": {">ID": 50}}));
    assert_eq!(ids(&by_key)[0], "51");
}
