use std::collections::BTreeMap;

use b24_offline_emulator::{
    Charge, Costs, FaultKind, Limits, Operating, Outcome, Request, Settings,
};
use serde_json::json;

use crate::scene::{Scene, batch_params};

fn profile(scene: &mut Scene, address: &str) -> Outcome {
    let request = Request::call("profile", json!({"auth": scene.token})).from_address(address);
    scene.portal.handle(&request, scene.now)
}

fn passed(scene: &mut Scene, tries: usize) -> usize {
    (0..tries).filter(|_| profile(scene, "10.0.0.1").status() == Some(200)).count()
}

#[test]
fn f29_the_bucket_blocks_above_fifty_and_leaks_two_a_second() {
    let mut scene = Scene::with(Settings::default());
    assert_eq!(
        passed(&mut scene, 100),
        51,
        "the level exceeds 50, the following request is blocked"
    );
    let blocked = profile(&mut scene, "10.0.0.1");
    assert_eq!(blocked.status(), Some(503));
    assert_eq!(blocked.json().unwrap()["error"], "QUERY_LIMIT_EXCEEDED");
    assert_eq!(profile(&mut scene, "10.0.0.2").status(), Some(200), "per source address");
    scene.now += 999;
    assert_eq!(passed(&mut scene, 5), 0, "it leaks once a second");
    scene.now += 1;
    assert_eq!(passed(&mut scene, 5), 2);
    scene.now += 25_000;
    assert_eq!(passed(&mut scene, 100), 50);
    assert_eq!(scene.portal.audit().bucket_violations, 49 + 1 + 5 + 3 + 50);
}

#[test]
fn f29_two_requests_a_second_are_never_blocked() {
    let mut scene = Scene::with(Settings::default());
    for _ in 0..2_000 {
        assert_eq!(profile(&mut scene, "10.0.0.1").status(), Some(200));
        scene.now += 500;
        if scene.now.is_multiple_of(1_000_000) {
            scene.sign_in();
        }
    }
}

#[test]
fn f29_enterprise_has_a_larger_bucket_and_off_has_none() {
    let mut scene = Scene::with(Settings { limits: Limits::Enterprise, ..Settings::default() });
    assert_eq!(passed(&mut scene, 300), 251);
    scene.now += 1_000;
    assert_eq!(passed(&mut scene, 10), 5);
    let mut scene = Scene::with(Settings { limits: Limits::Off, ..Settings::default() });
    assert_eq!(passed(&mut scene, 1_000), 1_000);
    assert_eq!(scene.portal.audit().bucket_violations, 0);
}

#[test]
fn f29_a_batch_counts_as_one_request() {
    let mut scene = Scene::with(Settings::default());
    for _ in 0..51 {
        scene.batch(&[("a", "profile"), ("b", "profile"), ("c", "profile")]);
    }
    assert_eq!(scene.send("batch", json!({"cmd": {}})).status(), Some(503));
}

/// Each `profile` takes 100 s of counted time, the limit is 250 s.
fn slow(charge: Charge) -> Scene {
    let costs = Costs {
        base_ms: 0,
        per_row_us: 0,
        extra_ms: BTreeMap::from([("profile".to_owned(), 100_000)]),
    };
    Scene::with(Settings {
        costs,
        operating: Operating { limit_ms: 250_000, charge },
        request_limit_ms: 1_000_000,
        ..Settings::default()
    })
}

#[test]
fn f30_above_the_limit_the_next_call_is_refused_until_a_basket_drops_out() {
    let mut scene = slow(Charge::Methods);
    let mut reset = 0;
    for spent in [100.0, 200.0, 300.0] {
        let time = scene.body("profile", json!({}))["time"].clone();
        assert_eq!(time["operating"], json!(spent));
        reset = time["operating_reset_at"].as_u64().unwrap();
        scene.now += 60_000;
    }
    assert_eq!(reset, 1_700_000_000 + 600);
    let refused = scene.send("profile", json!({}));
    assert_eq!(refused.status(), Some(429));
    let body = refused.json().unwrap();
    assert_eq!(body["error"], "OPERATION_TIME_LIMIT");
    assert!(body.get("time").is_none(), "the 429 carries no time");
    assert_eq!(scene.send("server.time", json!({})).status(), Some(200), "other methods go on");
    scene.now = reset * 1_000 - 1;
    assert_eq!(scene.send("profile", json!({})).status(), Some(429));
    scene.now = reset * 1_000;
    assert_eq!(scene.send("profile", json!({})).status(), Some(200));
    assert_eq!(scene.portal.audit().operating_refusals, 2);
}

#[test]
fn f30_sub_calls_are_charged_to_their_own_methods() {
    let mut scene = slow(Charge::Methods);
    let commands = [("a", "profile"), ("b", "profile"), ("c", "profile"), ("d", "profile")];
    let mut params = batch_params(&commands);
    params["cmd"]["e"] = json!("server.time");
    let body = scene.body("batch", params);
    assert_eq!(body["time"]["operating"], 0, "batch itself is exempt");
    let parts = &body["result"];
    assert_eq!(parts["result_time"]["c"]["operating"], json!(300.0));
    assert_eq!(parts["result_error"]["d"]["error"], "OPERATION_TIME_LIMIT");
    assert!(parts["result_time"].get("d").is_none());
    assert!(parts["result"]["e"].is_string());
}

#[test]
fn f30_measured_a_batch_is_charged_to_batch() {
    let mut scene = slow(Charge::Batch);
    let commands = [("a", "profile"), ("b", "profile"), ("c", "profile"), ("d", "profile")];
    let body = scene.body("batch", batch_params(&commands));
    assert_eq!(body["time"]["operating"], json!(400.0));
    assert_eq!(body["result"]["result_error"], json!([]));
    let refused = scene.send("batch", batch_params(&commands));
    assert_eq!(refused.status(), Some(429));
    assert!(refused.json().unwrap().get("time").is_none());
    assert_eq!(scene.send("profile", json!({})).status(), Some(200));
}

#[test]
fn f30_the_counters_may_be_absent() {
    let mut scene = slow(Charge::Absent);
    for _ in 0..10 {
        let time = scene.body("profile", json!({}))["time"].clone();
        assert!(time.get("operating").is_none() && time.get("operating_reset_at").is_none());
        assert!(time["duration"].is_f64());
    }
}

#[test]
fn f30_a_refusal_can_be_injected() {
    let mut scene = Scene::with(Settings::default());
    scene.deal();
    scene.fault("crm.deal.get", FaultKind::OperatingLimit);
    let parts = scene.batch(&[("a", "crm.deal.get?id=1"), ("b", "crm.deal.get?id=1")]);
    assert_eq!(parts["result_error"]["a"]["error"], "OPERATION_TIME_LIMIT");
    assert_eq!(parts["result"]["b"]["ID"], "1");
}

#[test]
fn f31_a_request_beyond_sixty_seconds_answers_nothing_but_has_executed() {
    let costs = Costs { base_ms: 20_000, ..Costs::default() };
    let mut scene = Scene::with(Settings { costs, ..Settings::default() });
    scene.deals(6);
    let command = |id: usize| (format!("c{id}"), format!("crm.deal.update?id={id}&fields[N]=1"));
    let commands: Vec<(String, String)> = (1..=6).map(command).collect();
    let pairs: Vec<(&str, &str)> =
        commands.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let outcome = scene.send("batch", batch_params(&pairs));
    let Outcome::NoAnswer { executed: true, hang_ms } = outcome else { panic!("{outcome:?}") };
    assert!(hang_ms > 60_000);
    let versions: Vec<u64> =
        (1..=6).map(|id| scene.portal.version("crm.deal", &id.to_string()).unwrap()).collect();
    assert_eq!(versions, [2, 2, 2, 2, 1, 1], "up to the sub-call that the limit met");
    let updates = scene.portal.queue().into_iter().filter(|r| r.event_name == "ONCRMDEALUPDATE");
    assert_eq!(updates.count(), 4, "what was changed is recorded");
}

#[test]
fn the_delay_is_the_run_time_of_the_methods() {
    let costs = Costs { base_ms: 10, per_row_us: 2_000, extra_ms: BTreeMap::new() };
    let mut scene = Scene::with(Settings { costs, ..Settings::default() });
    scene.deals(10);
    let outcome = scene.send("event.offline.get", json!({"clear": 0}));
    let Outcome::Answer { delay_ms, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(delay_ms, 10 + 20);
    let time = &outcome.json().unwrap()["time"];
    assert_eq!(time["duration"], json!(0.03));
    assert_eq!(time["start"], json!(1_700_000_000.0));
    assert_eq!(time["date_start"], "2023-11-14T22:13:20+00:00");
}
