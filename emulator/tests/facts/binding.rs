use b24_offline_emulator::{
    FaultKind, Feature, Notification, Personality, Plan, Request, Settings,
};
use serde_json::json;

use crate::scene::{BOTH, Scene};

#[test]
fn f20_binding_twice_is_an_error() {
    for personality in BOTH {
        let mut scene = Scene::new(personality);
        let bind = json!({"event": "onCrmLeadAdd", "event_type": "offline"});
        assert_eq!(scene.ok("event.bind", bind.clone()), json!(true));
        let outcome = scene.send("event.bind", bind);
        assert_eq!(outcome.status(), Some(400));
        let body = outcome.json().unwrap();
        assert_eq!(body["error"], "ERROR_CORE");
        let text = "Unable to set event handler: Handler already binded";
        assert_eq!(body["error_description"], text);
    }
}

#[test]
fn f20_bindings_are_listed_and_removed_by_connector() {
    let mut scene = Scene::new(Personality::Source);
    scene.portal.remove_bindings();
    let bind = |connector: &str| json!({"event": "ONCRMLEADADD", "event_type": "offline", "auth_connector": connector});
    scene.ok("event.bind", json!({"event": "ONCRMLEADADD", "event_type": "offline"}));
    scene.ok("event.bind", bind("erp"));
    scene.ok("event.bind", json!({"event": "ONCRMLEADADD", "handler": "https://app.example/"}));
    let offline =
        |connector: &str| json!({"event": "ONCRMLEADADD", "connector_id": connector, "offline": 1});
    let list = scene.ok("event.get", json!({}));
    assert_eq!(list[0], offline(""));
    assert_eq!(list[1], offline("erp"));
    assert_eq!(list[2]["handler"], "https://app.example/");
    assert_eq!(list[2]["offline"], 0);
    assert_eq!(scene.ok("event.unbind", bind("erp")), json!({"count": 1}));
    assert_eq!(scene.ok("event.unbind", bind("erp")), json!({"count": 0}));
    assert_eq!(scene.ok("event.get", json!({})).as_array().unwrap().len(), 2);
}

#[test]
fn f20_what_cannot_be_bound() {
    let mut scene = Scene::new(Personality::Documented);
    let mut bind =
        |event: &str| scene.err("event.bind", json!({"event": event, "event_type": "offline"}));
    assert_eq!(bind("ONOFFLINEEVENT"), (400, "ERROR_ARGUMENT".into()));
    assert_eq!(bind("ONNOTHING"), (400, "ERROR_EVENT_NOT_FOUND".into()));
    assert_eq!(bind(""), (400, "ERROR_ARGUMENT".into()));
}

#[test]
fn f20_bindings_vanish_and_unbound_events_are_not_recorded() {
    let mut scene = Scene::new(Personality::Documented);
    scene.fault("event.get", FaultKind::RemoveBindings);
    assert_eq!(scene.ok("event.get", json!({})), json!([]));
    scene.deals(3);
    assert!(scene.rows().is_empty());
    assert_eq!(scene.portal.audit().changes, 0);
}

#[test]
fn f21_event_methods_want_the_application() {
    let mut scene = Scene::new(Personality::Source);
    let code = scene.portal.add_webhook("1");
    for method in ["event.get", "event.bind", "event.offline.get", "event.offline.list"] {
        let request = Request::to(&format!("/rest/1/{code}/{method}.json"), json!({}));
        let outcome = scene.portal.handle(&request, scene.now);
        assert_eq!(outcome.status(), Some(403));
        assert_eq!(outcome.json().unwrap()["error"], "WRONG_AUTH_TYPE");
    }
    let request = Request::to(&format!("/rest/1/{code}/profile"), json!({}));
    assert_eq!(scene.portal.handle(&request, scene.now).status(), Some(200));
    let request = Request::to("/rest/1/wrong/profile", json!({}));
    assert_eq!(scene.portal.handle(&request, scene.now).status(), Some(401));
}

#[test]
fn f21_the_offline_methods_want_an_administrator() {
    let mut scene = Scene::new(Personality::Source);
    let user = scene.portal.add_user("Bob", false);
    scene.token = scene.portal.issue_token(&user).access_token;
    let offline = json!({"event": "ONCRMLEADADD", "event_type": "offline", "process_id": "p", "message_id": []});
    for method in [
        "event.bind",
        "event.unbind",
        "event.offline.get",
        "event.offline.list",
        "event.offline.clear",
        "event.offline.error",
    ] {
        assert_eq!(scene.err(method, offline.clone()), (403, "ACCESS_DENIED".into()), "{method}");
    }
    scene.ok("event.get", json!({}));
    scene.portal.set_administrator(&user, true);
    scene.ok("event.offline.get", json!({}));
}

#[test]
fn f22_features_in_all_shapes() {
    for (feature, shown) in [
        (Feature::On, json!("Y")),
        (Feature::Off, json!("N")),
        (Feature::OnAsBoolean, json!(true)),
        (Feature::OffAsBoolean, json!(false)),
        (Feature::SelfHosted, json!("en_selfhosted")),
    ] {
        let plan = Plan { offline_extended: feature, auth_connector: feature };
        let mut scene = Scene::with(Settings { plan, ..Settings::default() });
        for code in ["rest_offline_extended", "rest_auth_connector"] {
            assert_eq!(scene.ok("feature.get", json!({"CODE": code})), json!({"value": shown}));
        }
    }
    let mut scene = Scene::new(Personality::Documented);
    assert_eq!(scene.err("feature.get", json!({})), (400, "CODE_EMPTY".into()));
}

fn forms(notifications: Vec<Notification>) -> usize {
    let is_form = |sent: &Notification| matches!(sent, Notification::Form { .. });
    notifications.iter().filter(|sent| is_form(sent)).count()
}

#[test]
fn f27_a_handler_hears_of_new_records_at_most_once_in_min_timeout() {
    let mut scene = Scene::new(Personality::Source);
    let handler = "https://app.example/hook";
    scene.ok(
        "event.bind",
        json!({"event": "ONOFFLINEEVENT", "handler": handler, "options": {"minTimeout": 5}}),
    );
    scene.deals(3);
    let sent = scene.portal.take_notifications();
    let Some(Notification::Form { handler: to, form, .. }) =
        sent.iter().find(|sent| matches!(sent, Notification::Form { .. }))
    else {
        panic!("no form")
    };
    assert_eq!(to, handler);
    let body = b24_offline_emulator::fold(form);
    assert!(body.starts_with("event=ONOFFLINEEVENT&ts=1700000000&auth%5B"), "{body}");
    assert!(!body.contains("data"), "the empty data leaves no trace");
    assert!(body.contains(&scene.portal.application().application_token));
    assert_eq!(forms(sent), 1);
    scene.now += 4_999;
    scene.deal();
    assert_eq!(forms(scene.portal.take_notifications()), 0, "and nothing trails behind");
    scene.now += 1;
    assert_eq!(forms(scene.portal.take_notifications()), 0);
    scene.deal();
    assert_eq!(forms(scene.portal.take_notifications()), 1);
}

#[test]
fn f27_min_timeout_0_is_once_a_hit() {
    let mut scene = Scene::new(Personality::Documented);
    scene.ok(
        "event.bind",
        json!({"event": "ONOFFLINEEVENT", "handler": "https://a.example/", "options": {"minTimeout": "0"}}),
    );
    scene.deals(3);
    assert_eq!(forms(scene.portal.take_notifications()), 3);
    scene.batch(&[
        ("a", "crm.deal.update?id=1&fields[A]=1"),
        ("b", "crm.deal.update?id=2&fields[A]=1"),
    ]);
    assert_eq!(forms(scene.portal.take_notifications()), 1);
}

#[test]
fn f28_push_and_pull_counts_records_by_connector() {
    let mut scene = Scene::new(Personality::Source);
    scene.portal.bind("ONCRMDEALADD", "erp");
    scene.deal();
    let sent = scene.portal.take_notifications();
    let Notification::Push { module, command, params, .. } = &sent[0] else { panic!("no push") };
    assert_eq!((*module, *command), ("rest", "event_offline"));
    let expected = r#"[{"connector_id":"","count":1},{"connector_id":"erp","count":1}]"#;
    assert_eq!(serde_json::to_string(params).unwrap(), expected);
    assert!(!format!("{sent:?}").contains("token"));
}
