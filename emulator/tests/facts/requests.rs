use b24_offline_emulator::{FaultKind, Outcome, Request, Settings};
use serde_json::{Value, json};

use crate::scene::Scene;

fn scene() -> Scene {
    Scene::with(Settings::default())
}

fn refresh(scene: &mut Scene, token: &str) -> (Option<u16>, Value) {
    let application = scene.portal.application().clone();
    let params = json!({
        "grant_type": "refresh_token",
        "client_id": application.client_id,
        "client_secret": application.client_secret,
        "refresh_token": token,
    });
    let outcome = scene.portal.handle(&Request::to("/oauth/token/", params), scene.now);
    (outcome.status(), outcome.json().unwrap())
}

#[test]
fn f33_errors_of_authorisation() {
    let mut scene = scene();
    assert_eq!(scene.err("profile", json!({"auth": "nobody"})), (401, "invalid_token".into()));
    assert_eq!(scene.err("profile", json!({"auth": ""})), (401, "NO_AUTH_FOUND".into()));
    scene.portal.expire_tokens();
    assert_eq!(scene.err("profile", json!({})), (401, "expired_token".into()));
    scene.portal.revoke_tokens();
    assert_eq!(scene.err("profile", json!({})), (401, "invalid_token".into()));
    let old = scene.refresh.clone();
    let refused = refresh(&mut scene, &old);
    assert_eq!((refused.0, &refused.1["error"]), (Some(400), &json!("invalid_grant")));
}

#[test]
fn f33_errors_of_methods() {
    let mut scene = scene();
    let body = scene.body("no.such.method", json!({}));
    assert_eq!(body["error"], "ERROR_METHOD_NOT_FOUND");
    assert!(body["error_description"].is_string());
    assert_eq!(scene.err("no.such.method", json!({})).0, 404);
    let mut narrow = Scene::with(Settings { scopes: vec!["crm".into()], ..Settings::default() });
    assert_eq!(narrow.err("tasks.task.list", json!({})), (403, "insufficient_scope".into()));
    narrow.ok("crm.deal.list", json!({}));
    narrow.portal.set_scopes(vec!["task".into()]);
    narrow.ok("tasks.task.list", json!({}));
    assert_eq!(narrow.err("crm.deal.list", json!({})), (403, "insufficient_scope".into()));
    let events = narrow.ok("events", json!({}));
    assert!(events.as_array().unwrap().contains(&json!("ONCRMDEALMOVETOCATEGORY")));
}

#[test]
fn f33_an_unknown_path_answers_html() {
    let mut scene = scene();
    for path in ["/", "/rest", "/rest/a/b/c/d", "/bitrix/admin/"] {
        let outcome = scene.portal.handle(&Request::to(path, json!({})), scene.now);
        let Outcome::Answer { status: 404, content_type, .. } = outcome else {
            panic!("{outcome:?}")
        };
        assert!(content_type.starts_with("text/html"));
    }
}

#[test]
fn f34_an_access_token_lives_one_hour() {
    let mut scene = scene();
    scene.now += 3_599_999;
    scene.ok("profile", json!({}));
    scene.now += 1;
    assert_eq!(scene.err("profile", json!({})), (401, "expired_token".into()));
}

#[test]
fn f34_the_refresh_token_changes_at_each_refresh() {
    let mut scene = scene();
    let old = scene.refresh.clone();
    let (status, tokens) = refresh(&mut scene, &old);
    assert_eq!(status, Some(200));
    assert_eq!(tokens["expires_in"], 3_600);
    assert_eq!(tokens["expires"], scene.now / 1_000 + 3_600);
    scene.token = tokens["access_token"].as_str().unwrap().to_owned();
    scene.ok("profile", json!({}));
    assert_eq!(
        refresh(&mut scene, &old).1["error"],
        "invalid_grant",
        "the old one stopped at once"
    );
    let new = tokens["refresh_token"].as_str().unwrap().to_owned();
    scene.now += 180 * 86_400_000;
    assert_eq!(refresh(&mut scene, &new).1["error"], "invalid_grant", "180 days");
    assert_eq!(scene.portal.audit().token_refreshes, 1);
}

#[test]
fn f34_a_refresh_whose_answer_is_lost_has_used_up_the_token() {
    let mut scene = scene();
    let old = scene.refresh.clone();
    scene.fault("oauth.token", FaultKind::RequestLost { hang_ms: 0 });
    scene.fault("profile", FaultKind::Delay { ms: 1 });
    let application = scene.portal.application().clone();
    let params = json!({
        "grant_type": "refresh_token",
        "client_id": application.client_id,
        "client_secret": application.client_secret,
        "refresh_token": old,
    });
    let request = Request::to("/oauth/token/", params);
    let lost = Outcome::NoAnswer { executed: false, hang_ms: 0 };
    assert_eq!(scene.portal.handle(&request, scene.now), lost);
    assert_eq!(scene.portal.waiting_faults().len(), 1, "the other one waits for its method");
    scene.fault("oauth.token", FaultKind::AnswerLost { hang_ms: 0 });
    let lost = Outcome::NoAnswer { executed: true, hang_ms: 0 };
    assert_eq!(scene.portal.handle(&request, scene.now), lost);
    assert_eq!(refresh(&mut scene, &old).1["error"], "invalid_grant");
}

#[test]
fn f34_wrong_clients_and_grants_are_refused() {
    let mut scene = scene();
    let application = scene.portal.application().clone();
    let mut ask = |grant: &str, secret: &str, code: &str| {
        let params = json!({
            "grant_type": grant,
            "client_id": application.client_id,
            "client_secret": secret,
            "code": code,
        });
        let request = Request::to("/oauth/token", params);
        scene.portal.handle(&request, scene.now).json().unwrap()["error"].clone()
    };
    assert_eq!(ask("refresh_token", "wrong", ""), "invalid_client");
    assert_eq!(ask("password", &application.client_secret, ""), "invalid_request");
    assert_eq!(ask("authorization_code", &application.client_secret, "x"), "invalid_grant");
    let code = scene.portal.issue_code("1");
    let params = json!({
        "grant_type": "authorization_code",
        "client_id": application.client_id,
        "client_secret": application.client_secret,
        "code": code,
    });
    let request = Request::to("/oauth/token/", params);
    let tokens = scene.portal.handle(&request, scene.now).json().unwrap();
    assert!(tokens["refresh_token"].is_string());
    assert_eq!(scene.portal.handle(&request, scene.now).json().unwrap()["error"], "invalid_grant");
}

#[test]
fn secrets_stay_out_of_debug() {
    let mut scene = scene();
    let tokens = scene.portal.issue_token("1");
    let application = scene.portal.application().clone();
    let code = scene.portal.add_webhook("1");
    let request =
        Request::to(&format!("/rest/1/{code}/profile"), json!({"auth": tokens.access_token}));
    let answer = refresh(&mut scene, &tokens.refresh_token);
    let outcome = Outcome::Answer {
        status: 200,
        content_type: "application/json",
        body: answer.1.to_string(),
        delay_ms: 0,
    };
    let shown = format!("{:?} {tokens:?} {application:?} {request:?} {outcome:?}", scene.portal);
    let fresh = answer.1["access_token"].as_str().unwrap();
    for secret in [
        &tokens.access_token,
        &tokens.refresh_token,
        &application.client_secret,
        &application.application_token,
        &code,
        &fresh.to_owned(),
    ] {
        assert!(!shown.contains(secret.as_str()), "{shown}");
    }
}

#[test]
fn one_seed_gives_one_course() {
    let run = |seed: u64| {
        let mut scene = Scene::with(Settings { seed, ..Settings::default() });
        scene.deals(3);
        let first = format!("{:?}", scene.send("event.offline.get", json!({"clear": 0})));
        (first, scene.token.clone(), scene.portal.queue())
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7).1, run(8).1);
}
