use b24_offline_emulator::{FaultKind, Feature, Personality, Plan, Robot, Settings};
use serde_json::{Value, json};

use crate::scene::{BOTH, Scene, batch_params};

/// A portal where one deal exists, bound without a source and for the connector `erp`, nothing recorded yet.
fn two_queues(personality: Personality) -> Scene {
    let mut scene = Scene::new(personality);
    scene.portal.remove_bindings();
    scene.deal();
    scene.portal.bind("ONCRMDEALUPDATE", "");
    scene.portal.bind("ONCRMDEALUPDATE", "erp");
    scene
}

fn connectors(scene: &Scene) -> Vec<String> {
    scene.portal.queue().into_iter().map(|record| record.connector).collect()
}

fn update(connector: Option<&str>) -> Value {
    let mut params = json!({"id": 1, "fields": {"TITLE": "Written"}});
    if let Some(connector) = connector {
        params["auth_connector"] = json!(connector);
    }
    params
}

#[test]
fn f23_a_write_with_a_connector_stays_out_of_that_queue_alone() {
    for personality in BOTH {
        let mut scene = two_queues(personality);
        scene.ok("crm.deal.update", update(Some("erp")));
        assert_eq!(connectors(&scene), [""]);
        scene.ok("crm.deal.update", update(Some("other")));
        assert_eq!(connectors(&scene), ["", "erp"]);
    }
}

#[test]
fn f23_each_queue_call_needs_its_connector() {
    for personality in BOTH {
        let mut scene = two_queues(personality);
        scene.portal.change("crm.deal", "1", json!({}), scene.now).unwrap();
        let got = scene.ok("event.offline.get", json!({"clear": 0, "auth_connector": "erp"}));
        let process = got["process_id"].as_str().unwrap();
        assert_eq!(got["events"][0]["ID"], "2");
        let mut clear = json!({"process_id": process});
        scene.ok("event.offline.clear", clear.clone());
        assert_eq!(scene.rows().len(), 2, "without the connector it matches nothing");
        clear["auth_connector"] = json!("erp");
        scene.ok("event.offline.clear", clear);
        assert_eq!(connectors(&scene), [""]);
    }
}

#[test]
fn f24_in_a_batch_only_the_outer_connector_counts() {
    for personality in BOTH {
        let mut scene = two_queues(personality);
        let command = "crm.deal.update?id=1&fields[TITLE]=A&auth_connector=erp";
        scene.batch(&[("write", command)]);
        assert!(connectors(&scene).contains(&"erp".to_owned()), "the cycle comes back");
        scene.ok("event.offline.clear", json!({"process_id": "", "auth_connector": "erp"}));
        let mut outer = batch_params(&[("write", "crm.deal.update?id=1&fields[TITLE]=B")]);
        outer["auth_connector"] = json!("erp");
        scene.ok("batch", outer);
        assert_eq!(connectors(&scene), [""]);
    }
}

#[test]
fn f24_without_the_feature_a_connector_is_refused_on_the_outer_call_only() {
    let plan = Plan { auth_connector: Feature::Off, ..Plan::default() };
    let mut scene = Scene::with(Settings { plan, ..Settings::default() });
    scene.deal();
    for method in ["event.offline.get", "crm.deal.get", "profile", "batch"] {
        let params = json!({"id": 1, "auth_connector": "erp", "cmd": {"a": "profile"}});
        assert_eq!(scene.err(method, params), (403, "WRONG_LICENSE".into()), "{method}");
    }
    let inner = scene.batch(&[("a", "crm.deal.get?id=1&auth_connector=erp")]);
    assert_eq!(inner["result"]["a"]["ID"], "1");
    scene.ok("profile", json!({"auth_connector": null}));
}

#[test]
fn f25_without_a_connector_the_own_change_comes_back_or_not() {
    let mut documented = two_queues(Personality::Documented);
    documented.ok("crm.deal.update", update(None));
    assert_eq!(connectors(&documented), ["", "erp"]);
    let audit = documented.portal.audit();
    assert_eq!(audit.own_writes_returned.get(""), Some(&1));
    let mut source = two_queues(Personality::Source);
    source.ok("crm.deal.update", update(None));
    assert_eq!(connectors(&source), ["erp"]);
    assert_eq!(source.portal.audit().own_writes_returned.get(""), None);
}

#[test]
fn f25_a_webhook_is_not_the_application() {
    for personality in BOTH {
        let mut scene = two_queues(personality);
        let code = scene.portal.add_webhook("1");
        let path = format!("/rest/1/{code}/crm.deal.update");
        let request = b24_offline_emulator::Request::to(&path, update(Some("erp")));
        scene.portal.handle(&request, scene.now);
        assert_eq!(connectors(&scene), ["", "erp"]);
    }
}

fn robot(delay_ms: u64, times: u64) -> Robot {
    Robot { kind: "crm.deal".into(), times, delay_ms, fields: json!({"UF_ROBOT": "1"}) }
}

#[test]
fn f25_what_robots_change_within_the_own_call_is_never_announced_by_the_source() {
    for (personality, recorded) in [(Personality::Documented, 2), (Personality::Source, 1)] {
        let mut scene = two_queues(personality);
        scene.portal.add_robot(robot(0, 1));
        scene.ok("crm.deal.update", update(Some("erp")));
        assert_eq!(scene.portal.version("crm.deal", "1"), Some(3));
        assert_eq!(connectors(&scene).len(), recorded);
        assert_eq!(connectors(&scene).contains(&"erp".to_owned()), recorded == 2);
    }
}

#[test]
fn f25_rows_appear_only_after_the_whole_batch() {
    for personality in BOTH {
        let mut scene = two_queues(personality);
        let mut params = batch_params(&[
            ("a", "crm.deal.update?id=1&fields[TITLE]=A"),
            ("b", "event.offline.get?clear=0"),
        ]);
        params["auth_connector"] = json!("other");
        let parts = scene.ok("batch", params);
        assert_eq!(parts["result"]["b"]["events"], json!([]));
        assert_eq!(connectors(&scene), ["", "erp"]);
        assert!(scene.rows().iter().all(|(_, process, _)| process.is_empty()));
    }
}

#[test]
fn f26_the_connector_cannot_stop_an_indirect_cycle() {
    for personality in BOTH {
        let mut scene = two_queues(personality);
        scene.fault("crm.deal.update", FaultKind::Robot(robot(500, 2)));
        for round in 0..3 {
            scene.ok("crm.deal.update", update(Some("erp")));
            scene.now += 500;
            scene.portal.advance(scene.now);
            let drained = scene.ok("event.offline.get", json!({"auth_connector": "erp"}));
            let expected = usize::from(round < 2);
            assert_eq!(drained["events"].as_array().unwrap().len(), expected, "round {round}");
        }
        assert_eq!(scene.portal.audit().own_writes_returned.get("erp"), None);
    }
}
