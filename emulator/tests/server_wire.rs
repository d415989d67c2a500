//! The portal over real sockets: routes, bodies, TLS, and faults as a client feels them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail anywhere")]

mod served;

use std::time::Duration;

use b24_offline_emulator::server::{ServeError, ServeOptions, serve};
use b24_offline_emulator::{Costs, Fault, FaultKind, Request, Settings};
use serde_json::{Value, json};

use served::{Served, portal, portal_with};

fn fault(portal: &Served, kind: FaultKind) {
    let fault = Fault { method: Some("feature.get".into()), after: 0, count: 1, kind };
    portal.running.with_portal(|portal, _| portal.inject(fault));
}

async fn json_of(answer: reqwest::Response) -> Value {
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn the_same_method_answers_under_every_form_of_path_and_body() {
    let portal = portal().await;
    let query = format!("?CODE=rest_offline_extended&auth={}", portal.token);
    for path in ["/rest/feature.get", "/rest/feature.get.json", "/rest//feature.get"] {
        let answer = portal.client.get(portal.url(&format!("{path}{query}"))).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/json; charset=utf-8");
        assert_eq!(json_of(answer).await["result"], json!({ "value": "Y" }), "{path}");
    }
    let form = portal
        .client
        .post(portal.url("/rest/feature.get"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(query.trim_start_matches('?').to_owned());
    assert_eq!(json_of(form.send().await.unwrap()).await["result"]["value"], "Y");
    let (status, answer) = portal.call("feature.get", json!({"CODE": "rest_auth_connector"})).await;
    assert_eq!((status, &answer["result"]["value"]), (200, &json!("Y")));
}

#[tokio::test]
async fn parameters_of_the_query_are_read_beside_a_json_body() {
    let portal = portal().await;
    let url = portal.url(&format!("/rest/feature.get?auth={}&CODE=nothing", portal.token));
    let answer = portal.post(&url, &json!({ "CODE": "rest_auth_connector" })).send().await.unwrap();
    assert_eq!(json_of(answer).await["result"]["value"], "Y");
}

#[tokio::test]
async fn http_and_https_serve_one_portal() {
    let portal = portal().await;
    let (_, bound) = portal
        .call("event.bind", json!({ "event": "ONCRMDEALADD", "event_type": "offline" }))
        .await;
    assert_eq!(bound["result"], true);
    let request =
        portal.post(&portal.secure_url("/rest/event.get"), &json!({"auth": portal.token}));
    let held = json_of(request.send().await.unwrap()).await;
    assert_eq!(held["result"][0]["event"], "ONCRMDEALADD");
}

#[tokio::test]
async fn a_client_that_does_not_know_the_authority_does_not_connect() {
    let portal = portal().await;
    let stranger = reqwest::Client::builder().no_proxy().build().unwrap();
    let error = stranger.get(portal.secure_url("/rest/event.get")).send().await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
}

#[tokio::test]
async fn a_webhook_is_refused_for_events_and_not_for_others() {
    // F21
    let portal = portal().await;
    let hook = portal.control("webhooks", Some(json!({}))).await;
    let hook = hook["url"].as_str().unwrap().to_owned();
    let answer = portal.client.post(format!("{hook}event.offline.get")).send().await.unwrap();
    assert_eq!(answer.status(), 403);
    assert_eq!(json_of(answer).await["error"], "WRONG_AUTH_TYPE");
    let answer = portal.client.post(format!("{hook}server.time.json")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_once() {
    // F34
    let portal = portal().await;
    let auth = portal.control("token", Some(json!({}))).await;
    let text = |name: &str| auth[name].as_str().unwrap().to_owned();
    assert_eq!(
        text("oauth_url"),
        format!("http://localhost:{}/oauth/token/", portal.running.http.port())
    );
    let url = format!(
        "{}?grant_type=refresh_token&client_id={}&client_secret={}&refresh_token={}",
        portal.url("/oauth/token/"),
        text("client_id"),
        text("client_secret"),
        text("refresh_token"),
    );
    let renewed = json_of(portal.client.get(&url).send().await.unwrap()).await;
    assert_ne!(renewed["access_token"], auth["access_token"]);
    assert_ne!(renewed["refresh_token"], auth["refresh_token"]);
    let again = portal.client.post(&url).send().await.unwrap();
    assert_eq!(again.status(), 400);
    assert_eq!(json_of(again).await["error"], "invalid_grant");
}

#[tokio::test]
async fn a_browser_may_call_with_the_plain_headers_only() {
    // F35
    let portal = portal().await;
    let asked = portal
        .client
        .request(reqwest::Method::OPTIONS, portal.url("/rest/event.get"))
        .header("origin", "https://elsewhere.example")
        .header("access-control-request-headers", "authorization")
        .send()
        .await
        .unwrap();
    assert_eq!(asked.status(), 200);
    assert_eq!(asked.headers()["access-control-allow-origin"], "*");
    assert_eq!(asked.headers()["access-control-allow-headers"], "origin, content-type, accept");
    let answer = portal.client.get(portal.url("/rest/event.get")).send().await.unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert_eq!(answer.status(), 401);
}

#[tokio::test]
async fn the_page_loads_its_parts_from_here_only() {
    let portal = portal().await;
    let page = portal.client.get(portal.url("/")).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let page = page.text().await.unwrap();
    for (part, content_type) in
        [("/page/style.css", "text/css"), ("/page/script.js", "text/javascript")]
    {
        assert!(page.contains(part));
        let answer = portal.client.get(portal.url(part)).send().await.unwrap();
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with(content_type));
    }
}

#[tokio::test]
async fn other_paths_are_not_the_portal_s() {
    let portal = portal().await;
    for path in ["/rest", "/control/nothing", "/elsewhere"] {
        let answer = portal.client.get(portal.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn a_lost_answer_is_a_connection_that_ends_after_the_execution() {
    // F12
    let portal = portal().await;
    portal.call("event.bind", json!({"event": "ONCRMDEALADD", "event_type": "offline"})).await;
    portal.control("objects/create", Some(json!({ "kind": "crm.deal" }))).await;
    let fault = Fault {
        method: Some("event.offline.get".into()),
        after: 0,
        count: 1,
        kind: FaultKind::AnswerLost { hang_ms: 0 },
    };
    portal.running.with_portal(|portal, _| portal.inject(fault));
    let url = format!("/rest/event.offline.get?clear=0&auth={}", portal.token);
    let error = portal.client.post(portal.url(&url)).send().await.unwrap_err();
    assert!(error.is_request() && !error.is_connect() && !error.is_timeout(), "{error:?}");
    let reserved = portal.running.with_portal(|portal, _| portal.audit().reserved_records);
    assert_eq!(reserved, 1);
}

#[tokio::test]
async fn a_lost_request_is_not_executed_and_hangs_as_long_as_told() {
    let portal = portal().await;
    fault(&portal, FaultKind::RequestLost { hang_ms: 3_600_000 });
    let url = portal.url(&format!("/rest/feature.get?CODE=x&auth={}", portal.token));
    let waiting = portal.client.get(url).timeout(Duration::from_millis(100));
    assert!(waiting.send().await.unwrap_err().is_timeout());
    assert!(portal.try_call("feature.get").await.is_ok());
}

#[tokio::test]
async fn a_cut_body_ends_before_its_declared_length() {
    let portal = portal().await;
    fault(&portal, FaultKind::CutBody { keep: 10 });
    let error = portal.try_call("feature.get").await.unwrap_err();
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    // the connection is gone, the portal is not
    assert!(portal.try_call("feature.get").await.is_ok());
}

#[tokio::test]
async fn a_proxy_answers_html() {
    let portal = portal().await;
    fault(&portal, FaultKind::Html { status: 502, executed: false });
    let answer = portal.client.get(portal.url("/rest/feature.get")).send().await.unwrap();
    assert_eq!(answer.status(), 502);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
}

#[tokio::test]
async fn a_portal_that_has_moved_leads_those_who_follow_back_to_itself() {
    let portal = portal().await;
    fault(&portal, FaultKind::Redirect { status: 307 });
    let params = json!({ "CODE": "rest_auth_connector" });
    let (status, answer) = portal.call("feature.get", params).await;
    // this client follows, and so is seen twice
    assert_eq!((status, &answer["result"]["value"]), (200, &json!("Y")));
    let audit = portal.running.with_portal(|portal, _| portal.audit());
    assert_eq!(audit.requests_by_method["feature.get"], 2);
    assert!(portal.running.with_portal(|portal, _| portal.waiting_faults().is_empty()));
}

#[tokio::test]
async fn a_giant_answer_has_exactly_its_size_and_is_json() {
    let portal = portal().await;
    fault(&portal, FaultKind::GiantAnswer { bytes: 5_000_000 });
    let body = portal.try_call("feature.get").await.unwrap();
    assert_eq!(body.len(), 5_000_000);
    let value: Value = serde_json::from_slice(&body).unwrap();
    assert!(value["result"].is_string());
}

#[tokio::test]
async fn refused_connections_are_dropped_for_their_time() {
    let portal = portal().await;
    fault(&portal, FaultKind::RefuseConnections { for_ms: 1_000 });
    assert!(portal.try_call("feature.get").await.is_err());
    assert!(portal.try_call("feature.get").await.is_err());
    portal.control("clock", Some(json!({ "advance": 1_000 }))).await;
    assert!(portal.try_call("feature.get").await.is_ok());
}

#[tokio::test]
async fn a_method_takes_the_time_that_it_costs() {
    let extra_ms = [("feature.get".to_owned(), 300)].into();
    let costs = Costs { base_ms: 0, per_row_us: 0, extra_ms };
    let portal = portal_with(Settings { costs, ..Settings::default() }).await;
    let begun = std::time::Instant::now();
    let (_, answer) = portal.call("feature.get", json!({ "CODE": "x" })).await;
    assert!(begun.elapsed() >= Duration::from_millis(300), "{answer}");
}

#[tokio::test]
async fn shutting_down_ends_hanging_connections_too() {
    let portal = portal().await;
    fault(&portal, FaultKind::RequestLost { hang_ms: 3_600_000 });
    let Served { running, client, token } = portal;
    let url = format!("http://{}/rest/feature.get?auth={token}", running.http);
    let hanging = tokio::spawn(client.get(&url).send());
    while running.with_portal(|portal, _| portal.audit().requests) == 0 {
        tokio::task::yield_now().await;
    }
    running.shutdown().await;
    assert!(hanging.await.unwrap().is_err());
    assert!(client.get(&url).send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn a_portal_without_tls_names_itself_without_it() {
    let running = serve(ServeOptions::default()).await.unwrap();
    let settings = running.with_portal(|portal, _| portal.settings().clone());
    assert_eq!(settings.domain, format!("localhost:{}", running.http.port()));
    assert!(!settings.tls && running.https.is_none() && running.authority_pem.is_none());
    let renewed = running.with_portal(|portal, now| {
        let application = portal.application().clone();
        let exchange = json!({
            "grant_type": "refresh_token",
            "client_id": application.client_id,
            "client_secret": application.client_secret,
            "refresh_token": portal.issue_token("1").refresh_token,
        });
        portal.handle(&Request::to("/oauth/token/", exchange), now).json().unwrap()
    });
    let endpoint = format!("http://localhost:{}/rest/", running.http.port());
    assert_eq!(renewed["client_endpoint"], endpoint);
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let running = serve(ServeOptions::default()).await.unwrap();
    let taken = ServeOptions { http: running.http, ..ServeOptions::default() };
    let error = serve(taken).await.unwrap_err();
    assert!(matches!(error, ServeError::Listen { address, .. } if address == running.http));
    assert!(error.to_string().contains(&running.http.to_string()), "{error}");
}

#[tokio::test]
async fn the_authority_s_certificate_is_written_where_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authority.pem");
    let options = ServeOptions {
        https: Some(([127, 0, 0, 1], 0).into()),
        ca_file: Some(path.clone()),
        ..ServeOptions::default()
    };
    let running = serve(options.clone()).await.unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), running.authority_pem.clone().unwrap());
    let nowhere = ServeOptions { ca_file: Some(folder.path().join("no/such")), ..options };
    assert!(matches!(serve(nowhere).await.unwrap_err(), ServeError::Write { .. }));
}
