//! `--exec`: verdicts of a program, one or many, good and bad.

use std::collections::BTreeMap;

use b24_offline_emulator::Settings;
use serde_json::{Value, json};

use crate::served::{Served, assert_code, both, finish, lines_of, object, settings, sight, text};

async fn deals(titles: &[&str]) -> (Served, Vec<String>) {
    deals_on(settings(), titles).await
}

async fn deals_on(settings: Settings, titles: &[&str]) -> (Served, Vec<String>) {
    let served = Served::start(settings).await;
    served.bind(&["ONCRMDEALADD", "ONCRMDEALUPDATE"], "");
    let ids = served.people(|portal, now| {
        let make = |title: &&str| portal.create("crm.deal", json!({ "TITLE": title }), now);
        titles.iter().map(make).collect::<Option<Vec<_>>>().unwrap()
    });
    (served, ids)
}

fn told_from(served: &Served, name: &str) -> Vec<Value> {
    served.told(&(lines_of(&served.path(name)).join("\n") + "\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_output_and_exit_0_means_done() {
    let (served, _) = deals(&["a", "b", "c"]).await;
    let output = finish(served.listen(&["--exec", "cat >> done.jsonl", "--until-empty"])).await;
    assert_code(&output, 0);
    assert_eq!(told_from(&served, "done.jsonl").len(), 3);
    served.assert_drained();
}

/// First attempts of `again` are retried, `bad` is always rejected, all others are done.
const JUDGE: &str = r#"
    cat > batch.$$
    again='"TITLE":"again".*"attempt":1,'
    grep -v "$again" batch.$$ | grep -v '"TITLE":"bad"' >> done.jsonl
    grep "$again" batch.$$ | sed 's/^{"key":\("[^"]*"\).*/{"key":\1,"verdict":"retry","after":0.1}/'
    grep '"TITLE":"bad"' batch.$$ |
        sed 's/^{"key":\("[^"]*"\).*/{"key":\1,"verdict":"reject","reason":"no such customer"}/'
    rm batch.$$
"#;

#[tokio::test(flavor = "multi_thread")]
async fn verdicts_single_out_changes() {
    for settings in both() {
        verdicts_single_out_changes_on(settings).await;
    }
}

async fn verdicts_single_out_changes_on(settings: Settings) {
    let titles = ["good", "again", "bad", "good", "again"];
    let (served, ids) = deals_on(settings, &titles).await;
    let output = finish(served.listen(&["--exec", JUDGE, "--until-empty"])).await;
    assert_code(&output, 0);
    let said = text(&output.stderr);
    let parked: Vec<&str> = said.lines().filter(|line| line.contains("parked")).collect();
    assert_eq!(parked.len(), 1, "{said}");
    assert!(parked[0].contains("no such customer") && parked[0].contains(&ids[2]), "{said}");

    let lines = told_from(&served, "done.jsonl");
    let attempts: BTreeMap<(&str, &str), u64> =
        lines.iter().map(|line| (object(line), line["attempt"].as_u64().unwrap())).collect();
    let attempt = |index: usize| attempts.get(&("crm.deal", ids[index].as_str())).copied();
    let found = [0, 1, 2, 3, 4].map(attempt);
    assert_eq!(found, [Some(1), Some(2), None, Some(1), Some(2)]);

    served.people(|portal, _| portal.parked("crm.deal", &ids[2], Some(1)));
    let audit = served.audit();
    assert!(audit.lost.is_empty(), "{audit:#?}");
    assert_eq!(audit.error_calls, 0, "{audit:#?}");
    assert!(audit.reservations.iter().all(|reservation| reservation.parked), "{audit:#?}");

    // a restart leaves the parked one alone; a later change delivers it and clears its record
    let output = finish(served.listen(&["--exec", "cat >> second.jsonl", "--until-empty"])).await;
    assert_code(&output, 0);
    assert!(lines_of(&served.path("second.jsonl")).is_empty());
    served.people(|portal, now| portal.change("crm.deal", &ids[2], json!({"TITLE": "good"}), now));
    let output = finish(served.listen(&["--exec", "cat >> second.jsonl", "--until-empty"])).await;
    assert_code(&output, 0);
    let second = told_from(&served, "second.jsonl");
    assert_eq!(second.len(), 1);
    assert_eq!(object(&second[0]), ("crm.deal", ids[2].as_str()));
    served.assert_drained();
}

#[tokio::test(flavor = "multi_thread")]
async fn any_other_exit_means_that_all_are_tried_again() {
    let (served, _) = deals(&["a", "b", "c"]).await;
    let command = "if [ -e failed ]; then cat >> done.jsonl; else touch failed; exit 7; fi";
    let output = finish(served.listen(&["--exec", command, "--until-empty"])).await;
    assert_code(&output, 0);
    let said = text(&output.stderr);
    assert!(said.contains("exit status: 7"), "{said}");
    let lines = told_from(&served, "done.jsonl");
    assert!(lines.iter().all(|line| line["attempt"] == 2), "{lines:#?}");
    served.assert_drained();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_no_verdict_is_shown_and_all_are_tried_again() {
    let (served, _) = deals(&["a", "b"]).await;
    let command =
        "if [ -e failed ]; then cat >> done.jsonl; else touch failed; echo hello there; fi";
    let output = finish(served.listen(&["--exec", command, "--until-empty"])).await;
    assert_code(&output, 0);
    let said = text(&output.stderr);
    assert!(said.contains("hello there"), "{said}");
    assert_eq!(told_from(&served, "done.jsonl").len(), 2);
    served.assert_drained();
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_output_is_not_kept() {
    let (served, _) = deals(&["a"]).await;
    let command = "if [ -e failed ]; then cat >> done.jsonl; \
                   else touch failed; yes | head -c 20000000; fi";
    let output = finish(served.listen(&["--exec", command, "--until-empty"])).await;
    assert_code(&output, 0);
    let said = text(&output.stderr);
    assert!(said.contains("4 MiB"), "{said}");
    assert_eq!(told_from(&served, "done.jsonl").len(), 1);
    served.assert_drained();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handlers_own_words_pass_through() {
    let (served, _) = deals(&["a"]).await;
    let command = "cat > done.jsonl; echo from the handler >&2";
    let output = finish(served.listen(&["--exec", command, "--until-empty"])).await;
    assert_code(&output, 0);
    let said = text(&output.stderr);
    assert!(said.lines().any(|line| line == "from the handler"), "{said}");
    let lines = told_from(&served, "done.jsonl");
    assert_eq!(sight(&lines[0]), b24_offline_emulator::Sight::Version(1));
    served.assert_drained();
}
