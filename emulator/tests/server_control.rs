//! The control API, route by route.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail anywhere")]

mod served;

use axum::Router;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use served::{Served, portal};

async fn bound() -> Served {
    let portal = portal().await;
    for event in ["ONCRMDEALADD", "ONCRMDEALUPDATE", "ONCRMDEALDELETE"] {
        let body = json!({ "event": event, "connector": "erp" });
        assert_eq!(portal.control("bindings", Some(body)).await["bound"], true);
    }
    portal
}

#[tokio::test]
async fn objects_are_made_changed_deleted_and_restored_one_or_many_at_a_time() {
    let portal = bound().await;
    let made = json!({ "kind": "crm.deal", "count": 3, "fields": { "TITLE": "a" } });
    let made = portal.control("objects/create", Some(made)).await;
    assert_eq!(made["ids"], json!(["1", "2", "3"]));
    let named = json!({ "kind": "crm.deal", "ids": ["3"], "fields": { "TITLE": "b" } });
    assert_eq!(portal.control("objects/change", Some(named)).await["versions"], json!([2]));
    let counted = json!({ "kind": "crm.deal", "count": 2, "fields": {} });
    assert_eq!(portal.control("objects/change", Some(counted)).await["versions"], json!([2, 2]));
    let gone = json!({ "kind": "crm.deal", "count": 1 });
    assert_eq!(portal.control("objects/delete", Some(gone)).await["versions"], json!([3]));
    let back = json!({ "kind": "crm.deal", "ids": ["1"] });
    assert_eq!(portal.control("objects/restore", Some(back)).await["versions"], json!([4]));
    let events: Vec<Value> = portal.control("queue", None).await.as_array().unwrap().clone();
    // three ADD, of which one was refreshed by the return from the bin, three UPDATE, one DELETE (F2)
    assert_eq!(events.len(), 7);
    assert!(events.iter().all(|row| row["CONNECTOR"] == "erp" && row["PROCESS_ID"] == ""));
    let (_, deal) = portal.call("crm.deal.get", json!({ "id": 3 })).await;
    assert_eq!(deal["result"]["TITLE"], "b");
}

#[tokio::test]
async fn the_routes_are_listed_and_each_is_there() {
    let portal = portal().await;
    let listed = portal.control("", None).await;
    let listed = listed["routes"].as_array().unwrap();
    assert!(listed.contains(&json!("POST /control/delivered")), "{listed:?}");
    for route in listed {
        let (method, path) = route.as_str().unwrap().split_once(' ').unwrap();
        // a method that no route knows is answered with those that it does
        let request = portal.client.request(reqwest::Method::TRACE, portal.url(path));
        let answer = request.send().await.unwrap();
        let allowed = answer.headers()["allow"].to_str().unwrap();
        assert!(allowed.split(',').any(|other| other == method), "{route}: {allowed}");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_a_reason() {
    let portal = portal().await;
    let cases = [
        ("objects/create", json!({ "kind": "crm.unicorn" }), 404, "crm.unicorn"),
        ("objects/change", json!({ "kind": "crm.deal", "ids": ["9"] }), 404, "crm.deal 9"),
        ("objects/change", json!({ "kind": "crm.deal" }), 400, "by ids"),
        ("objects/create", json!({ "kind": "crm.deal", "cuont": 2 }), 400, "cuont"),
        ("faults", json!({ "kind": "meteor" }), 400, "meteor"),
        ("clock", json!({ "frozen": 1 }), 400, "never goes back"),
        ("delivered", json!({ "object": { "kind": "crm.deal" } }), 400, "id"),
    ];
    for (path, body, status, reason) in cases {
        let (answered, text) = portal.try_control(path, Some(body)).await;
        assert_eq!(answered, status, "{path}: {text}");
        assert!(text["error"].as_str().unwrap().contains(reason), "{path}: {text}");
    }
}

#[tokio::test]
async fn tokens_expire_and_are_revoked() {
    let portal = portal().await;
    portal.control("token/expire", Some(json!({}))).await;
    let (status, answer) = portal.call("event.get", json!({})).await;
    assert_eq!((status, &answer["error"]), (401, &json!("expired_token")));
    portal.control("token/revoke", Some(json!({}))).await;
    let (status, answer) = portal.call("event.get", json!({})).await;
    assert_eq!((status, &answer["error"]), (401, &json!("invalid_token")));
}

#[tokio::test]
async fn a_user_without_rights_may_not_read_the_queue() {
    // F21
    let mut portal = portal().await;
    let user = portal.control("users", Some(json!({ "name": "Ann" }))).await["id"].clone();
    let auth = portal.control("token", Some(json!({ "user": user }))).await;
    portal.token = auth["access_token"].as_str().unwrap().to_owned();
    let (status, _) = portal.call("event.offline.list", json!({})).await;
    assert_eq!(status, 403);
    let rights = json!({ "user": user, "administrator": true });
    portal.control("users/rights", Some(rights)).await;
    let (status, _) = portal.call("event.offline.list", json!({})).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_turned_clock_ages_what_is_reserved() {
    // F4
    let portal = bound().await;
    portal.control("objects/create", Some(json!({ "kind": "crm.deal" }))).await;
    let get = json!({ "clear": 0, "auth_connector": "erp" });
    let (_, taken) = portal.call("event.offline.get", get).await;
    assert_eq!(taken["result"]["events"].as_array().unwrap().len(), 1);
    let before = portal.control("clock", None).await["now"].as_u64().unwrap();
    let forty_days = 40 * 86_400_000_u64;
    let turned = portal.control("clock", Some(json!({ "advance": forty_days }))).await;
    assert!(turned["now"].as_u64().unwrap() >= before + forty_days);
    assert_eq!(portal.control("queue", None).await, json!([]));
    assert_eq!(portal.control("audit", None).await["aged_records"], 1);
}

#[tokio::test]
async fn a_clock_stands_still_where_it_is_told() {
    let portal = portal().await;
    let noon = 4_000_000_000_000_u64;
    portal.control("clock", Some(json!({ "frozen": noon }))).await;
    assert_eq!(portal.control("clock", None).await["now"], noon);
    portal.control("clock", Some(json!({ "advance": 7 }))).await;
    assert_eq!(portal.control("clock", None).await["now"], noon + 7);
    assert_eq!(portal.running.with_portal(|portal, _| portal.now()), noon + 7);
}

#[tokio::test]
async fn a_plan_is_taken_away_while_it_runs() {
    // F11
    let portal = bound().await;
    let plan = json!({ "plan": { "offline_extended": "off" } });
    let settings = portal.control("settings", Some(plan)).await;
    assert_eq!(settings["plan"]["offline_extended"], "off");
    assert_eq!(portal.control("settings", None).await, settings);
    let get = json!({ "clear": 0, "auth_connector": "erp" });
    let (status, answer) = portal.call("event.offline.get", get).await;
    assert_eq!((status, &answer["error"]), (403, &json!("WRONG_LICENSE")));
}

#[tokio::test]
async fn faults_wait_strike_and_are_forgotten() {
    let portal = portal().await;
    let fault = json!({ "method": "event.get", "after": 1, "kind": "query_limit" });
    portal.control("faults", Some(fault.clone())).await;
    portal.control("faults", Some(fault)).await;
    assert_eq!(portal.control("faults", None).await.as_array().unwrap().len(), 2);
    let statuses = [
        portal.call("event.get", json!({})).await.0,
        portal.call("event.get", json!({})).await.0,
        portal.call("event.get", json!({})).await.0,
    ];
    assert_eq!(statuses, [200, 503, 200]);
    let fault = json!({ "count": 9, "kind": { "html": { "status": 504, "executed": true } } });
    portal.control("faults", Some(fault)).await;
    let forgotten = portal.client.delete(portal.url("/control/faults")).send().await.unwrap();
    assert_eq!(forgotten.status(), 200);
    assert_eq!(portal.control("faults", None).await, json!([]));
}

#[tokio::test]
async fn a_robot_answers_the_application_s_write() {
    // F26
    let portal = bound().await;
    portal.control("objects/create", Some(json!({ "kind": "crm.deal" }))).await;
    portal.call("event.offline.get", json!({ "auth_connector": "erp" })).await;
    let robot =
        json!({ "kind": "crm.deal", "times": 1, "delay_ms": 5, "fields": { "STAGE_ID": "WON" } });
    portal.control("robots", Some(robot)).await;
    let write = json!({ "id": 1, "fields": { "TITLE": "x" }, "auth_connector": "erp" });
    portal.call("crm.deal.update", write).await;
    portal.control("clock", Some(json!({ "advance": 5 }))).await;
    let rows = portal.control("queue", None).await;
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(rows[0]["EVENT_NAME"], "ONCRMDEALUPDATE");
}

#[tokio::test]
async fn the_audit_hears_of_deliveries_in_the_form_of_listen() {
    let portal = bound().await;
    portal.control("objects/create", Some(json!({ "kind": "crm.deal", "count": 3 }))).await;
    let lost = |audit: &Value| audit["lost"].as_array().unwrap().len();
    assert_eq!(lost(&portal.control("audit", None).await), 3);
    let line = |id: &str, state: &str, data: Value| json!({ "key": "k", "object": { "kind": "crm.deal", "id": id }, "state": state, "data": data });
    let lines = format!(
        "{}\n{}\n",
        line("1", "present", json!({ "VERSION": "1" })),
        line("2", "unread", Value::Null)
    );
    let told =
        portal.client.post(portal.url("/control/delivered")).body(lines).send().await.unwrap();
    assert_eq!(told.status(), 200);
    portal.control("parked", Some(json!([line("3", "unread", Value::Null)]))).await;
    let audit = portal.control("audit", None).await;
    assert_eq!((lost(&audit), &audit["deliveries"], &audit["parked"]), (0, &json!(2), &json!(1)));
    let without = json!([line("1", "present", json!({}))]);
    assert_eq!(portal.try_control("delivered", Some(without)).await.0, 400);
}

#[tokio::test]
async fn requests_are_logged_without_their_parameters() {
    let portal = portal().await;
    portal.call("Event.Get", json!({})).await;
    portal.control("faults", Some(json!({ "kind": { "request_lost": { "hang_ms": 0 } } }))).await;
    assert!(portal.try_call("event.get").await.is_err());
    let log = portal.control("requests", None).await;
    let entries: Vec<_> =
        log.as_array().unwrap().iter().map(|entry| (&entry["method"], &entry["status"])).collect();
    assert_eq!(entries, [(&json!("event.get"), &json!(200)), (&json!("event.get"), &Value::Null)]);
    assert!(!log.to_string().contains(&portal.token));
}

#[tokio::test]
async fn a_bound_handler_is_told_of_new_records() {
    // F27
    let (heard, mut hearing) = mpsc::unbounded_channel();
    let handler = Router::new().route(
        "/hook",
        post(move |body: String| async move {
            heard.send(body).unwrap();
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, handler).await });
    let portal = bound().await;
    let bind = json!({ "event": "onOfflineEvent", "handler": format!("http://{address}/hook") });
    assert_eq!(portal.call("event.bind", bind).await.1["result"], true);
    portal.control("objects/create", Some(json!({ "kind": "crm.deal" }))).await;
    let form = hearing.recv().await.unwrap();
    assert!(form.starts_with("event=ONOFFLINEEVENT&"), "{form}");
    assert!(form.contains("application_token"), "{form}");
    let told = portal.control("notifications", None).await;
    let push = &told.as_array().unwrap()[0]["push"];
    assert_eq!(push["params"], json!([{ "connector_id": "erp", "count": 1 }]));
}
