use b24_offline_emulator::{Deed, Fault, FaultKind, Feature, Outcome, Plan, Settings, Shape};
use serde_json::{Value, json};

use crate::scene::{Scene, batch_params, ids};

fn scene() -> Scene {
    let mut scene = Scene::with(Settings::default());
    scene.deals(3);
    scene
}

fn version(scene: &Scene) -> u64 {
    scene.portal.version("crm.deal", "1").unwrap()
}

fn update() -> Value {
    json!({"id": 1, "fields": {"TITLE": "Written"}})
}

#[test]
fn faults_strike_by_method_and_count() {
    let mut scene = scene();
    scene.portal.inject(Fault {
        method: Some("crm.deal.get".into()),
        after: 1,
        count: 2,
        kind: FaultKind::Html { status: 502, executed: false },
    });
    scene.ok("profile", json!({}));
    let statuses: Vec<Option<u16>> =
        (0..4).map(|_| scene.send("crm.deal.get", json!({"id": 1})).status()).collect();
    assert_eq!(statuses, [Some(200), Some(502), Some(502), Some(200)]);
    assert!(scene.portal.waiting_faults().is_empty());
}

#[test]
fn a_fault_of_a_request_strikes_the_batch_that_holds_the_method() {
    let mut scene = scene();
    scene.fault("crm.deal.update", FaultKind::AnswerLost { hang_ms: 5 });
    scene.batch(&[("a", "crm.deal.get?id=1")]);
    let commands = [("a", "crm.deal.get?id=1"), ("b", "crm.deal.update?id=1&fields[A]=1")];
    let outcome = scene.send("batch", batch_params(&commands));
    assert_eq!(outcome, Outcome::NoAnswer { executed: true, hang_ms: 5 });
    assert_eq!(version(&scene), 2);
}

#[test]
fn lost_requests_are_not_executed_and_lost_answers_are() {
    let mut scene = scene();
    scene.fault("crm.deal.update", FaultKind::RequestLost { hang_ms: 9 });
    let lost = scene.send("crm.deal.update", update());
    assert_eq!((lost, version(&scene)), (Outcome::NoAnswer { executed: false, hang_ms: 9 }, 1));
    scene.fault("crm.deal.update", FaultKind::AnswerLost { hang_ms: 9 });
    let lost = scene.send("crm.deal.update", update());
    assert_eq!((lost, version(&scene)), (Outcome::NoAnswer { executed: true, hang_ms: 9 }, 2));
}

#[test]
fn executed_late_and_executed_twice() {
    let mut scene = scene();
    scene.fault("crm.deal.update", FaultKind::ExecutedLate { after_ms: 100, hang_ms: 50 });
    scene.send("crm.deal.update", update());
    scene.fault("crm.deal.update", FaultKind::ExecutedTwice { after_ms: 200 });
    assert_eq!(scene.send("crm.deal.update", update()).status(), Some(200));
    assert_eq!(version(&scene), 2);
    scene.portal.advance(scene.now + 150);
    assert_eq!(version(&scene), 3);
    assert_eq!(scene.portal.next_event(), Some(scene.now + 200));
    scene.portal.advance(scene.now + 200);
    assert_eq!(version(&scene), 4);
    let audit = scene.portal.audit();
    assert_eq!(audit.requests_by_method["crm.deal.update"], 2, "requests, not executions");
}

#[test]
fn delays_and_pages_of_a_proxy() {
    let mut scene = scene();
    scene.fault("crm.deal.update", FaultKind::Delay { ms: 70_000 });
    let Outcome::Answer { delay_ms, status: 200, .. } = scene.send("crm.deal.update", update())
    else {
        panic!("no answer")
    };
    assert!(delay_ms >= 70_000);
    for (status, executed) in [(502, false), (502, true), (504, true), (200, true)] {
        let before = version(&scene);
        scene.fault("crm.deal.update", FaultKind::Html { status, executed });
        let outcome = scene.send("crm.deal.update", update());
        assert_eq!(outcome.status(), Some(status));
        assert_eq!(outcome.json(), None, "not JSON");
        assert_eq!(version(&scene), before + u64::from(executed));
    }
}

#[test]
fn refusals_are_not_executed() {
    let mut scene = scene();
    let custom = FaultKind::Error {
        status: 500,
        code: "PORTAL_DELETED".into(),
        description: "Portal was deleted".into(),
    };
    for (kind, status, code) in [
        (FaultKind::QueryLimit, 503, "QUERY_LIMIT_EXCEEDED"),
        (FaultKind::Overload, 503, "OVERLOAD_LIMIT"),
        (FaultKind::OperatingLimit, 429, "OPERATION_TIME_LIMIT"),
        (custom, 500, "PORTAL_DELETED"),
    ] {
        scene.fault("crm.deal.update", kind);
        assert_eq!(scene.err("crm.deal.update", update()), (status, code.into()));
        assert_eq!(version(&scene), 1);
    }
}

#[test]
fn a_batch_dies_after_some_sub_calls() {
    let mut scene = scene();
    scene.fault("batch", FaultKind::BatchDies { after_calls: 2 });
    let commands = [
        ("a", "crm.deal.update?id=1&fields[A]=1"),
        ("b", "crm.deal.update?id=2&fields[A]=1"),
        ("c", "crm.deal.update?id=3&fields[A]=1"),
    ];
    let outcome = scene.send("batch", batch_params(&commands));
    assert!(matches!(outcome, Outcome::NoAnswer { executed: true, .. }));
    let versions: Vec<u64> =
        ["1", "2", "3"].iter().map(|id| scene.portal.version("crm.deal", id).unwrap()).collect();
    assert_eq!(versions, [2, 2, 1]);
}

#[test]
fn broken_bodies() {
    let mut scene = scene();
    scene.fault("crm.deal.list", FaultKind::CutBody { keep: 40 });
    let outcome = scene.send("crm.deal.list", json!({}));
    let Outcome::CutBody { sent, declared, status: 200, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(sent.len(), 40);
    assert!(declared > 100);
    scene.fault("crm.deal.list", FaultKind::TruncatedJson { keep: 40 });
    let outcome = scene.send("crm.deal.list", json!({}));
    assert_eq!((outcome.status(), outcome.json()), (Some(200), None));
    scene.fault("crm.deal.list", FaultKind::GiantAnswer { bytes: 100_000_000 });
    let outcome = scene.send("crm.deal.list", json!({}));
    assert!(matches!(outcome, Outcome::Giant { bytes: 100_000_000, .. }));
}

#[test]
fn wrong_shapes() {
    let mut scene = scene();
    let strike = |scene: &mut Scene, shape: Shape| {
        scene.fault("crm.deal.list", FaultKind::WrongShape(shape));
    };
    strike(&mut scene, Shape::Result(json!("text")));
    assert_eq!(scene.ok("crm.deal.list", json!({})), "text");
    strike(&mut scene, Shape::Body(json!([1, 2])));
    assert_eq!(scene.body("crm.deal.list", json!({})), json!([1, 2]));
    strike(&mut scene, Shape::UnaskedId("777".into()));
    let parts = scene.batch(&[("a", "crm.deal.list?filter[@ID][]=1")]);
    assert_eq!(ids(&parts["result"]["a"]), ["1", "777"]);
    strike(&mut scene, Shape::Repeated);
    assert_eq!(ids(&scene.ok("crm.deal.list", json!({"filter": {"ID": 2}}))), ["2", "2"]);
    scene.portal.create("crm.item:130", json!({}), scene.now).unwrap();
    scene.fault("crm.item.list", FaultKind::WrongShape(Shape::UnaskedId("9".into())));
    let items = scene.ok("crm.item.list", json!({"entityTypeId": 130}));
    assert_eq!(items["items"][1]["id"], "9");
}

#[test]
fn what_changes_under_the_client() {
    let mut scene = scene();
    scene.fault("event.offline.list", FaultKind::ExpireTokens);
    assert_eq!(scene.err("event.offline.list", json!({})), (401, "expired_token".into()));
    scene.token = scene.portal.issue_token("1").access_token;
    let plan = |offline_extended| Plan { offline_extended, ..Plan::default() };
    scene.fault("event.offline.get", FaultKind::SetPlan(plan(Feature::Off)));
    assert_eq!(scene.err("event.offline.get", json!({"clear": 0})), (403, "WRONG_LICENSE".into()));
    scene.fault("event.offline.get", FaultKind::SetPlan(plan(Feature::On)));
    scene.ok("event.offline.get", json!({"clear": 0}));
    scene.fault("profile", FaultKind::RefuseConnections { for_ms: 5_000 });
    assert_eq!(scene.send("profile", json!({})), Outcome::Refused);
    scene.now += 4_999;
    assert_eq!(scene.send("server.time", json!({})), Outcome::Refused);
    scene.now += 1;
    scene.ok("profile", json!({}));
}

#[test]
fn foreign_changes_just_before_and_just_after_a_call() {
    let mut scene = scene();
    scene.ok("event.offline.get", json!({}));
    let deed = |title: &str| Deed::Change {
        kind: "crm.deal".into(),
        id: "1".into(),
        fields: json!({"TITLE": title}),
    };
    scene.fault("crm.deal.get", FaultKind::Before(deed("Before")));
    assert_eq!(scene.ok("crm.deal.get", json!({"id": 1}))["TITLE"], "Before");
    scene.fault("crm.deal.get", FaultKind::After(deed("After")));
    let commands = [
        ("a", "crm.deal.get?id=1"),
        ("b", "event.offline.get?clear=0"),
        ("c", "crm.deal.get?id=1"),
    ];
    let parts = scene.batch(&commands);
    assert_eq!(parts["result"]["a"]["TITLE"], "Before");
    assert_eq!(parts["result"]["b"]["events"].as_array().unwrap().len(), 1);
    assert_eq!(parts["result"]["c"]["TITLE"], "After");
}

#[test]
fn people_act_at_a_later_time() {
    let mut scene = scene();
    let deed = Deed::Create { kind: "crm.deal".into(), fields: json!({"TITLE": "Later"}) };
    scene.portal.schedule(scene.now + 10, deed);
    scene.portal.schedule(u64::MAX, Deed::Delete { kind: "crm.deal".into(), id: "1".into() });
    assert_eq!(scene.portal.next_event(), Some(scene.now + 10));
    scene.now += 10;
    assert_eq!(scene.ok("crm.deal.get", json!({"id": 4}))["TITLE"], "Later");
    scene.portal.advance(u64::MAX);
    assert!(scene.portal.exists("crm.deal", "1"), "time ends with the year 9999");
}

#[test]
fn faults_are_written_as_json() {
    let text = r#"{"method": "batch", "kind": {"batch_dies": {"after_calls": 3}}}"#;
    let fault: Fault = serde_json::from_str(text).unwrap();
    assert_eq!(fault.kind, FaultKind::BatchDies { after_calls: 3 });
    assert_eq!((fault.after, fault.count), (0, 1));
    let back: Fault = serde_json::from_value(serde_json::to_value(&fault).unwrap()).unwrap();
    assert_eq!(back, fault);
    let settings: Settings =
        serde_json::from_str(r#"{"personality": "source", "limits": "off"}"#).unwrap();
    assert_eq!(settings.max_input_vars, 1_000);
}
