//! `--jsonl`: lines out of both personalities, plain and over TLS.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::served::{Served, assert_code, both, finish, object, settings, text};

/// Deals made, changed and deleted, contacts beside them.
fn busy(served: &Served) {
    served.bind(&["ONCRMDEALADD", "ONCRMDEALUPDATE", "ONCRMDEALDELETE"], "");
    served.bind(&["ONCRMCONTACTADD"], "");
    let deals = served.deals(120);
    served.people(|portal, now| {
        for id in &deals[..40] {
            portal.change("crm.deal", id, json!({"TITLE": "[b]x & y=%41"}), now).unwrap();
        }
        for id in &deals[..10] {
            portal.delete("crm.deal", id, now).unwrap();
        }
        for _ in 0..10 {
            portal.create("crm.contact", json!({"NAME": "Ann"}), now).unwrap();
        }
    });
}

fn assert_busy_lines(lines: &[Value]) {
    let mut states: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for line in lines {
        states.insert(object(line), line["state"].as_str().unwrap());
        let fields: Vec<&String> = line.as_object().unwrap().keys().collect();
        let wanted =
            ["attempt", "changed_at", "data", "events", "key", "object", "origin", "state"];
        assert_eq!(fields, wanted);
    }
    assert_eq!(states.len(), 130);
    assert_eq!(states.values().filter(|state| **state == "gone").count(), 10);
    assert_eq!(states.values().filter(|state| **state == "present").count(), 120);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_personalities_are_drained_through_tls() {
    for settings in both() {
        let served = Served::start(settings).await;
        busy(&served);
        let arguments = ["--event", "ONCRMCONTACTADD", "--jsonl", "--until-empty"];
        let output = finish(served.listen(&arguments)).await;
        assert_code(&output, 0);
        let lines = served.told(&text(&output.stdout));
        assert_busy_lines(&lines);
        assert!(lines.iter().any(|line| line["data"]["TITLE"] == "[b]x & y=%41"));
        served.assert_drained();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_without_a_journal() {
    let served = Served::start(settings()).await;
    busy(&served);
    let endpoint = format!("http://{}/rest/", served.running.http);
    let arguments = ["--endpoint", &endpoint, "--allow-http", "--event", "ONCRMCONTACTADD"];
    let mut command = served.bare(&arguments);
    command.args(["--jsonl", "--until-empty"]);
    let output = finish(command).await;
    assert_code(&output, 0);
    assert_busy_lines(&served.told(&text(&output.stdout)));
    served.assert_drained();
    assert!(text(&output.stderr).contains("there is no journal"), "{}", text(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_renewed_in_the_auth_file() {
    let served = Served::start(settings()).await;
    served.bind(&["ONCRMDEALADD"], "");
    served.deals(5);
    let before = served.secrets();
    served.people(|portal, _| portal.expire_tokens());
    let output = finish(served.listen(&["--jsonl", "--until-empty"])).await;
    assert_code(&output, 0);
    served.told(&text(&output.stdout));
    served.assert_drained();
    assert_eq!(served.audit().token_refreshes, 1);
    let after = served.secrets();
    assert!(before[0] != after[0] && before[1] != after[1], "the pair was not written back");
    let again = finish(served.listen(&["--jsonl", "--until-empty"])).await;
    assert_code(&again, 0);
    assert_eq!(served.audit().token_refreshes, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_back_does_not_come_back() {
    let served = Served::start(settings()).await;
    served.bind(&["ONCRMDEALADD", "ONCRMDEALUPDATE"], "warehouse");
    let ids = served.deals(30);
    let arguments =
        ["--connector", "warehouse", "--write-back", "TITLE", "--jsonl", "--until-empty"];
    let output = finish(served.listen(&arguments)).await;
    assert_code(&output, 0);
    assert_eq!(served.told(&text(&output.stdout)).len(), 30);
    served.assert_drained();
    let audit = served.audit();
    let written = audit.sub_calls_by_method.get("crm.deal.update").copied().unwrap_or_default()
        + audit.requests_by_method.get("crm.deal.update").copied().unwrap_or_default();
    assert_eq!(written, 30, "{audit:#?}");
    assert_eq!(audit.own_writes_returned.get("warehouse").copied().unwrap_or_default(), 0);
    let versions = served.people(|portal, _| {
        ids.iter().map(|id| portal.version("crm.deal", id).unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(versions, vec![2; 30]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_a_kind_lacks_is_told_once() {
    let served = Served::start(settings()).await;
    served.bind(&["ONCRMDEALADD"], "");
    served.deals(30);
    let arguments = ["--write-back", "TITEL", "--batch-size", "10", "--jsonl", "--until-empty"];
    let output = finish(served.listen(&arguments)).await;
    assert_code(&output, 0);
    served.told(&text(&output.stdout));
    served.assert_drained();
    let said = text(&output.stderr);
    let warning = "crm.deal has no field 'TITEL' to write back; nothing is written";
    assert_eq!(said.matches(warning).count(), 1, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_as_json_lines() {
    let served = Served::start(settings()).await;
    let output = finish(served.listen(&["--jsonl", "--until-empty", "--log", "json"])).await;
    assert_code(&output, 0);
    let said = text(&output.stderr);
    let notices: Vec<Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ready = notices.iter().find(|notice| notice["notice"] == "ready").unwrap();
    assert_eq!((&ready["bound"], &ready["severity"]), (&json!(3), &json!("info")));
}
