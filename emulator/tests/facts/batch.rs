use b24_offline_emulator::{Php, Request, Settings};
use serde_json::{Value, json};

use crate::scene::{Scene, batch_params};

fn scene() -> Scene {
    Scene::with(Settings::default())
}

#[test]
fn f32_sub_calls_run_in_the_order_given() {
    let mut scene = scene();
    scene.deal();
    // names in the reverse of their sorted order: the raw JSON keeps it
    let body =
        r#"{"cmd":{"z":"crm.deal.update?id=1&fields[TITLE]=First","a":"crm.deal.get?id=1"}}"#;
    let mut params: Php = serde_json::from_str(body).unwrap();
    if let Php::Array(array) = &mut params {
        array.set("auth", scene.token.as_str());
    }
    let outcome = scene.portal.handle(&Request::call("batch", params), scene.now);
    assert_eq!(outcome.json().unwrap()["result"]["result"]["a"]["TITLE"], "First");
    let body = format!("{outcome:?}");
    assert!(body.find("\"z\"").unwrap() < body.find("\"a\"").unwrap());
}

#[test]
fn f32_empty_parts_are_lists_and_numbered_names_come_back_as_a_list() {
    let mut scene = scene();
    let parts = scene.batch(&[("a", "server.time")]);
    for part in ["result_error", "result_total", "result_next"] {
        assert_eq!(parts[part], json!([]), "{part}");
    }
    assert!(parts["result_time"]["a"]["duration"].is_number());
    let parts = scene.ok("batch", json!({"cmd": {"0": "server.time", "1": "scope"}}));
    assert!(parts["result"].is_array());
    let parts = scene.ok("batch", json!({"cmd": ["server.time", "nothing.here"]}));
    assert_eq!(parts["result"].as_array().unwrap().len(), 1);
    assert_eq!(parts["result_error"]["1"]["error"], "ERROR_METHOD_NOT_FOUND");
    let parts = scene.ok("batch", json!({"cmd": {}}));
    assert_eq!(parts["result"], json!([]));
    assert_eq!(scene.err("batch", json!({})), (400, "ERROR_ARGUMENT".into()));
}

#[test]
fn f32_totals_and_pages_stand_beside_the_results() {
    let mut scene = scene();
    scene.deals(60);
    let parts =
        scene.batch(&[("deals", "crm.deal.list?order[ID]=ASC"), ("free", "event.offline.list")]);
    assert_eq!(parts["result_total"], json!({"deals": 60, "free": 60}));
    assert_eq!(parts["result_next"], json!({"deals": 50, "free": 50}));
}

#[test]
fn f32_above_fifty_each_further_one_gets_an_error() {
    let mut scene = scene();
    let cmd: serde_json::Map<String, Value> =
        (0..53).map(|number| (format!("c{number:02}"), json!("server.time"))).collect();
    let parts = scene.ok("batch", json!({"cmd": cmd}));
    assert_eq!(parts["result"].as_object().unwrap().len(), 50);
    let errors = parts["result_error"].as_object().unwrap();
    assert_eq!(errors.len(), 3);
    assert_eq!(errors["c52"]["error"], "ERROR_BATCH_LENGTH_EXCEEDED");
}

#[test]
fn f32_no_nesting_and_halt() {
    let mut scene = scene();
    let commands = [("a", "server.time"), ("b", "batch?cmd[x]=profile"), ("c", "server.time")];
    let parts = scene.batch(&commands);
    assert_eq!(parts["result_error"]["b"]["error"], "ERROR_BATCH_METHOD_NOT_ALLOWED");
    assert!(parts["result"]["c"].is_string());
    for halt in [json!(1), json!("1"), json!(true)] {
        let mut params = batch_params(&commands);
        params["halt"] = halt;
        let parts = scene.ok("batch", params);
        assert!(parts["result"].get("c").is_none());
        assert!(parts["result_error"].get("b").is_some());
    }
}

#[test]
fn f32_results_are_referred_to() {
    let mut scene = scene();
    let parts = scene.batch(&[
        ("a1", "crm.deal.add?fields[TITLE]=Made"),
        ("a2", "crm.deal.get?id=$result[a1]"),
        (
            "a3",
            "crm.deal.update?id=$result[a2][ID]&fields[TITLE]=%24result%5Ba2%5D%5BTITLE%5D%20again",
        ),
        ("a4", "crm.deal.get?id=1"),
        ("a5", "crm.deal.list?filter[@ID][]=$result[a1]"),
    ]);
    assert_eq!(parts["result_error"], json!([]));
    assert_eq!(parts["result"]["a2"]["TITLE"], "Made");
    assert_eq!(parts["result"]["a4"]["TITLE"], "Made again", "also when it was percent-encoded");
    assert_eq!(parts["result"]["a5"][0]["ID"], "1");
}

#[test]
fn f32_a_failing_path_keeps_the_deepest_value_and_an_array_reads_as_1() {
    let mut scene = scene();
    scene.deals(2);
    scene.portal.change("crm.deal", "2", json!({"TITLE": "Second"}), scene.now).unwrap();
    let parts = scene.batch(&[
        ("a", "crm.deal.get?id=2"),
        ("b", "crm.deal.get?id=$result[a][NOTHING]"),
        ("c", "crm.deal.get?id=$result[missing][ID]"),
        ("d", "crm.deal.update?id=2&fields[COMMENTS]=$result[a][TITLE][deeper]"),
        ("e", "crm.deal.get?id=2"),
    ]);
    assert_eq!(parts["result"]["b"]["ID"], "1");
    assert_eq!(parts["result"]["c"]["ID"], "1");
    assert_eq!(parts["result"]["e"]["COMMENTS"], "Second");
}

#[test]
fn f32_what_php_does_to_the_query_string() {
    let mut scene = scene();
    scene.deal();
    let value = "a%26b%3Dc%5Bd%5D%23%25%0Ae+f";
    scene.batch(&[("a", &format!("crm.deal.update?id=1&fields[TITLE]={value}"))]);
    let deal = scene.ok("crm.deal.get", json!({"id": 1}));
    assert_eq!(deal["TITLE"], "a&b=c[d]#%\ne f");
}

#[test]
fn f32_variables_beyond_the_thousandth_are_cut_without_a_word() {
    let mut scene = scene();
    scene.deals(1_200);
    let (process, held) = scene.reserve(1_200);
    let ids: Vec<String> =
        held.iter().enumerate().map(|(place, id)| format!("id[{place}]={id}")).collect();
    let command = format!("event.offline.clear?process_id={process}&{}", ids.join("&"));
    let parts = scene.batch(&[("clear", &command)]);
    assert_eq!(parts["result"]["clear"], json!(true), "and still it answers true");
    assert_eq!(scene.rows().len(), 1_200 - 999);
    // alone, as JSON, nothing is cut
    scene.ok("event.offline.clear", json!({"process_id": process, "id": held}));
    assert!(scene.rows().is_empty());
}

#[test]
fn f32_methods_are_found_in_any_case() {
    let mut scene = scene();
    let parts = scene.batch(&[("a", "Event.Offline.List"), ("b", "SERVER.TIME")]);
    assert_eq!(parts["result_error"], json!([]));
}
