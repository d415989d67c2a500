//! The runner against programs that are wrong on purpose: each fault has to be found, and named.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail anywhere"
)]

use std::path::{Path, PathBuf};

use b24_offline_conformance::play::Bench;
use b24_offline_conformance::run::{Host, Selection, account};
use b24_offline_conformance::{Outcome, Scenario, play};
use b24_offline_emulator::Personality;

const THREE_DEALS: &str = r#"
    title = "Three deals are drained."
    shows = "The portal judges what was delivered."
    listen.events = ["ONCRMDEALADD"]
    [[portal.objects]]
    kind = "crm.deal"
    count = 3
"#;

fn bench() -> Bench {
    Bench { handler: PathBuf::from(env!("CARGO_BIN_EXE_conformance-handler")) }
}

/// A program made of a script, which finds the value of an option in `option NAME`.
fn program(folder: &Path, script: &str) -> String {
    let path = folder.join("listen.sh");
    let option = r#"option() {
        wanted="--$1"; shift
        while [ $# -gt 0 ]; do
            if [ "$1" = "$wanted" ]; then printf %s "$2"; return; fi
            shift
        done
    }"#;
    std::fs::write(&path, format!("{option}\n{script}\n")).unwrap();
    format!("sh '{}'", path.display())
}

async fn played(scenario: &str, script: &str) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let scenario = Scenario::parse("tried", scenario).unwrap();
    let command = program(folder.path(), script);
    play(&scenario, &command, Personality::Documented, &bench()).await
}

/// Asserts that a test failed with a sentence that has these words.
fn assert_failed(outcome: &Outcome, words: &str) {
    let found = outcome.failures.iter().any(|failure| failure.contains(words));
    assert!(found, "'{words}' is missing in {:#?}", outcome.failures);
}

/// A line for a deal, as the contract wants it.
fn line(id: u32, version: u32) -> String {
    let data = format!(r#"{{"ID":"{id}","VERSION":"{version}"}}"#);
    let line = format!(
        r#"{{"key":"{id}@x","object":{{"kind":"crm.deal","id":"{id}"}},"events":["ONCRMDEALADD"],"state":"present","data":{data},"changed_at":"x","attempt":1,"origin":"fresh"}}"#
    );
    format!("echo '{line}'\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_delivers_nothing_loses_everything() {
    let outcome = played(THREE_DEALS, "exit 0").await;
    assert_eq!(outcome.lost, 3);
    assert_failed(&outcome, "lost objects: 3, expected 0");
    assert_failed(&outcome, "free records: 3, expected 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_object_that_is_left_out_is_named() {
    let outcome = played(THREE_DEALS, &(line(1, 1) + &line(3, 1))).await;
    assert_eq!(outcome.lost, 1);
    assert_failed(&outcome, "lost are crm.deal 2 version 1 (delivered: nothing)");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_goes_back_is_a_regression() {
    let scenario = format!(
        "{THREE_DEALS}
        [[steps]]
        change = {{ kind = 'crm.deal', ids = ['1'], fields = {{ TITLE = 'x' }} }}
        [[steps]]
        start = {{}}
        [[steps]]
        exit = {{}}"
    );
    let outcome = played(&scenario, &(line(1, 2) + &line(1, 1))).await;
    assert_failed(&outcome, "regressions: 1, expected 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_exit_code_fails() {
    let outcome = played(THREE_DEALS, "exit 4").await;
    assert_failed(&outcome, "exit status: 4, expected was the exit code 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_on_standard_error_is_found_and_not_shown() {
    let script = r#"cat "$(option auth "$@")" >&2; echo >&2"#;
    let outcome = played(THREE_DEALS, script).await;
    assert_failed(&outcome, "a secret on standard error");
    let shown = outcome.said.join("\n") + &outcome.failures.join("\n");
    for field in ["access_token", "refresh_token", "client_secret"] {
        assert!(shown.contains(&format!(r#""{field}":"(secret)""#)), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_journal_is_found() {
    let script = r#"cp "$(option auth "$@")" "$(option journal "$@")""#;
    let outcome = played(THREE_DEALS, script).await;
    assert_failed(&outcome, "a secret in the file queue.journal");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auth_file_that_others_may_read_fails() {
    let outcome = played(THREE_DEALS, r#"chmod 644 "$(option auth "$@")""#).await;
    assert_failed(&outcome, "the mode 644");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_another_shape_fails() {
    let outcome = played(THREE_DEALS, "echo '{\"key\": \"1\"}'; echo no JSON").await;
    assert_failed(&outcome, "other fields than the contract's");
    assert_failed(&outcome, "no JSON line");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_hangs_is_killed() {
    let scenario = format!(
        "{THREE_DEALS}
        [[steps]]
        start = {{}}
        [[steps]]
        exit = {{ within = 1 }}"
    );
    let outcome = played(&scenario, "echo still here >&2; exec sleep 1000").await;
    assert_failed(&outcome, "did not end within 1 s and was killed");
    assert_eq!(outcome.said, ["still here"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_for_a_program_that_has_ended_ends_too() {
    let scenario = format!(
        "{THREE_DEALS}
        [[steps]]
        start = {{}}
        [[steps]]
        wait = {{ done = 3 }}
        [[steps]]
        exit = {{}}"
    );
    let outcome = played(&scenario, "exit 1").await;
    assert_failed(
        &outcome,
        "'main' ended with exit status: 1 before it was so: 0 of 3 changes done",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handler_s_done_changes_are_told_to_the_portal() {
    let scenario = format!("{THREE_DEALS}\n[[handler]]\nids = ['3']\nthen = {{ retry = {{}} }}");
    let scenario = scenario.replace("events =", "output = 'exec'\nlisten.events =");
    let lines = line(1, 1) + &line(2, 1) + &line(3, 1);
    let script = format!("({lines}) | sh -c \"$(option exec \"$@\")\" > /dev/null");
    let outcome = played(&scenario, &script).await;
    assert_eq!(outcome.lost, 1, "{outcome:#?}");
    assert_failed(&outcome, "lost are crm.deal 3");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expectation_that_is_not_met_fails() {
    for (expect, words) in [
        ("notices = ['resync']", "no line on standard error has 'resync'"),
        ("no_notices = ['bad']", "not expected on standard error: too bad"),
        ("json_notices = true", "no JSON object on standard error: too bad"),
        ("parked = ['crm.deal 1']", "announced as parked"),
        ("handed = 2", "changes handed: 1, expected 2"),
        ("bound = []", "bound are"),
        ("damaged_journal = true", "was not kept aside"),
        ("tokens_renewed = true", "the auth file was not renewed"),
        ("calls = { batch = 1 }", "calls of batch: 0, expected 1"),
        ("change = [{ state = 'gone' }]", "changes as in"),
        ("object = [{ kind = 'crm.deal', id = '1', version = 2 }]", "version of crm.deal 1: 1"),
        (
            "object = [{ kind = 'crm.deal', id = '1', fields = { TITLE = 'x' } }]",
            "TITLE of crm.deal",
        ),
    ] {
        let scenario = format!("{THREE_DEALS}\n[expect]\n{expect}");
        let outcome = played(&scenario, &("echo too bad >&2\n".to_owned() + &line(1, 1))).await;
        assert_failed(&outcome, words);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_counted_in_the_account() {
    let folder = tempfile::tempdir().unwrap();
    let command = program(folder.path(), "exit 0");
    let hosts = vec![Host { name: "broken".to_owned(), command }];
    let selection = Selection {
        scenarios: vec![Scenario::parse("tried", THREE_DEALS).unwrap()],
        hosts: hosts.clone(),
        personalities: vec![Personality::Documented, Personality::Source],
        jobs: 2,
    };
    let all = selection.play(&bench(), |_| {}).await.unwrap();
    let text = account(&all, &hosts);
    assert!(text.contains("6 objects lost in 2 tests\n0 passed, 2 failed"), "{text}");
}

#[test]
fn every_scenario_of_the_folder_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files = std::fs::read_dir(&folder).unwrap().count();
    let scenarios = Scenario::read_all(&folder).unwrap();
    assert_eq!(scenarios.len(), files);
    assert!(scenarios.len() >= 28);
}

#[test]
fn scenarios_that_make_no_sense_are_refused() {
    let parse = |text: &str| Scenario::parse("tried", &format!("{THREE_DEALS}\n{text}"));
    parse("").unwrap();
    for wrong in [
        "[portal.colour]",
        "[auth]\ncolour = 1",
        "[expect]\ncolour = 1",
        "[[handler]]\nthen = { exit = 1 }",
        "[[steps]]\nexit = {}",
        "[[steps]]\nstart = {}",
        "[[steps]]\nstart = {}\n[[steps]]\nstart = {}\n[[steps]]\nexit = {}",
        "[[steps]]\nsign_in = { colour = 1 }",
        "[[steps]]\nfault = { kind = { answer_lost = { hang_ms = 0, colour = 1 } } }",
    ] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}
