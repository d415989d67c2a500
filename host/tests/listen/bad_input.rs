//! Bad input: a sentence that says what is wrong and what to do, the exit code, no secret shown.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use b24_offline_emulator::{Fault, FaultKind, Feature, Plan, Settings};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::served::{BINARY, Served, assert_code, finish, settings, text};

const ENDPOINT: [&str; 2] = ["--endpoint", "https://portal.example/rest/"];

/// Runs `listen`, asserts code and words, and that no secret is shown.
async fn refused(command: Command, code: i32, words: &[&str]) -> String {
    let output = finish(command).await;
    assert_code(&output, code);
    let said = text(&output.stderr);
    for word in words {
        assert!(said.contains(word), "'{word}' is missing in: {said}");
    }
    let shown = said + &text(&output.stdout);
    assert!(!shown.contains("canary"), "{shown}");
    shown
}

/// A folder with an auth file whose secrets are canaries.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_auth(&folder, &auth(), 0o600);
    folder
}

fn auth() -> Value {
    json!({
        "access_token": "canary-access", "refresh_token": "canary-refresh", "client_id": "app.1",
        "client_secret": "canary-secret", "oauth_url": "https://oauth.example/oauth/token/",
    })
}

fn write_auth(folder: &tempfile::TempDir, document: &Value, mode: u32) {
    let path = folder.path().join("auth.json");
    fs::write(&path, document.to_string()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}

fn listen(folder: &tempfile::TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.arg("listen").args(arguments).current_dir(folder.path());
    command.args(["--auth", "auth.json", "--event", "ONCRMDEALADD"]).kill_on_drop(true);
    command
}

async fn wrong_usage(arguments: &[&str], words: &[&str]) {
    let folder = folder();
    refused(listen(&folder, arguments), 2, words).await;
}

#[tokio::test]
async fn addresses_that_are_not_used() {
    let endpoint = |address: &'static str| ["--jsonl", "--endpoint", address];
    wrong_usage(&endpoint("http://127.0.0.1:1/rest/"), &["plain http", "--allow-http"]).await;
    let far = ["--jsonl", "--allow-http", "--endpoint", "http://portal.example/rest/"];
    wrong_usage(&far, &["this machine only", "use https"]).await;
    let webhook = endpoint("https://portal.example/rest/1/canary-code/");
    wrong_usage(&webhook, &["webhook", "OAuth token"]).await;
    let userinfo = endpoint("https://user:canary@portal.example/rest/");
    wrong_usage(&userinfo, &["user or a password"]).await;
    wrong_usage(&endpoint("https://portal.example/rest/?auth=canary"), &["query"]).await;
    wrong_usage(&endpoint("portal.example"), &["looks like https://"]).await;
    wrong_usage(&endpoint("https://portal.example"), &["/rest/"]).await;
}

#[tokio::test]
async fn auth_files_that_are_not_used() {
    let arguments = [ENDPOINT[0], ENDPOINT[1], "--jsonl"];
    let folder = folder();
    write_auth(&folder, &auth(), 0o644);
    refused(listen(&folder, &arguments), 2, &["chmod 600", "auth.json"]).await;
    for field in ["access_token", "refresh_token", "client_id", "client_secret", "oauth_url"] {
        let mut document = auth();
        document.as_object_mut().unwrap().remove(field);
        write_auth(&folder, &document, 0o600);
        refused(listen(&folder, &arguments), 2, &[field, "add it"]).await;
    }
    let mut document = auth();
    document["oauth_url"] = json!("http://oauth.example/oauth/token/");
    write_auth(&folder, &document, 0o600);
    refused(listen(&folder, &arguments), 2, &["oauth_url", "plain http"]).await;
    write_auth(&folder, &json!("canary"), 0o600);
    refused(listen(&folder, &arguments), 2, &["not a JSON object", "client_secret"]).await;
    fs::remove_file(folder.path().join("auth.json")).unwrap();
    refused(listen(&folder, &arguments), 2, &["auth.json", "can't be read"]).await;
    fs::create_dir(folder.path().join("auth.json")).unwrap();
    refused(listen(&folder, &arguments), 2, &["auth.json is no file"]).await;
}

#[tokio::test]
async fn options_that_make_no_sense() {
    let with = |more: &[&'static str]| [&ENDPOINT, more].concat();
    wrong_usage(&with(&[]), &["--jsonl", "--exec"]).await;
    wrong_usage(&with(&["--jsonl", "--exec", "cat"]), &["--jsonl", "--exec"]).await;
    for empty in ["", " \n"] {
        wrong_usage(&with(&["--exec", empty]), &["--exec is empty", "name a program"]).await;
    }
    let jsonl = |more: &[&'static str]| with(&[&["--jsonl"], more].concat());
    wrong_usage(&jsonl(&["--event", "NOT AN EVENT"]), &["NOT AN EVENT", "ONCRMDEALUPDATE"]).await;
    wrong_usage(&jsonl(&["--event", "ONOFFLINEEVENT"]), &["ONOFFLINEEVENT"]).await;
    wrong_usage(&jsonl(&["--connector", ""]), &["connector", "leave it out"]).await;
    let long = "x".repeat(256);
    wrong_usage(
        &[ENDPOINT[0], ENDPOINT[1], "--jsonl", "--connector", &long],
        &["256 bytes", "shorter"],
    )
    .await;
    wrong_usage(&jsonl(&["--connector", "ware\nhouse"]), &["control characters"]).await;
    wrong_usage(&jsonl(&["--mode", "delete"]), &["needs a durable journal", "auto or reserve"])
        .await;
    wrong_usage(&jsonl(&["--on-reject", "register"]), &["journal"]).await;
    wrong_usage(&jsonl(&["--attempts", "0"]), &["attempts", "1 to 1,000"]).await;
    wrong_usage(&jsonl(&["--batch-size", "0"]), &["batch size"]).await;
    wrong_usage(&jsonl(&["--poll", "0"]), &["poll"]).await;
    wrong_usage(&jsonl(&["--poll", "-1"]), &["--poll", "seconds from 0 on"]).await;
    wrong_usage(&jsonl(&["--poll", "soon"]), &["--poll", "number of seconds"]).await;
    wrong_usage(&jsonl(&["--ca", "missing.pem"]), &["missing.pem", "PEM"]).await;
    wrong_usage(&jsonl(&["--ca", "auth.json"]), &["no certificate"]).await;
    wrong_usage(&jsonl(&["--journal", "no/such/folder/q.db"]), &["no/such/folder"]).await;
    wrong_usage(&jsonl(&["--write-back", " "]), &["--write-back is empty"]).await;
    let unread = jsonl(&["--write-back", "TITLE", "--retrieve", "none"]);
    wrong_usage(&unread, &["--write-back", "--retrieve none"]).await;
    // what is refused is not explained before
    let shown = refused(listen(&folder(), &jsonl(&["--poll", "0"])), 2, &[]).await;
    assert!(!shown.contains("there is no journal"), "{shown}");
    wrong_usage(&["--jsonl"], &["--endpoint"]).await;
}

#[tokio::test]
async fn another_programs_database_is_left_untouched() {
    let folder = folder();
    let path = folder.path().join("books.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE books (title TEXT)").unwrap();
    drop(other);
    let before = fs::read(&path).unwrap();
    let arguments = [ENDPOINT[0], ENDPOINT[1], "--jsonl", "--journal", "books.db"];
    refused(listen(&folder, &arguments), 2, &["another program", "untouched"]).await;
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_of_another_portal_or_queue_is_left_untouched() {
    let served = Served::start(settings()).await;
    served.bind(&["ONCRMDEALADD"], "");
    served.deals(3);
    let output =
        finish(served.listen(&["--exec", "exit 1", "--attempts", "1", "--until-empty"])).await;
    assert_code(&output, 0);
    let before = fs::read(served.path("queue.db")).unwrap();
    let queue = served.listen(&["--connector", "warehouse", "--jsonl"]);
    refused(queue, 2, &["belongs to", "untouched"]).await;
    let other = Served::start(settings()).await;
    let mut portal = other.bare(&["--allow-http", "--jsonl", "--endpoint"]);
    portal.arg(format!("http://{}/rest/", other.running.http));
    portal.arg("--journal").arg(served.path("queue.db"));
    refused(portal, 2, &["belongs to", "untouched"]).await;
    assert_eq!(fs::read(served.path("queue.db")).unwrap(), before);
}

/// Runs against a portal and asserts that nothing of its secrets is shown or kept.
async fn turned_away(served: &Served, arguments: &[&str], code: i32, words: &[&str]) {
    let arguments = [&["--jsonl", "--until-empty"], arguments].concat();
    let shown = refused(served.listen(&arguments), code, words).await;
    let journal = fs::read(served.path("queue.db")).unwrap_or_default();
    let kept = String::from_utf8_lossy(&journal).into_owned();
    for secret in served.secrets() {
        assert!(!shown.contains(&secret), "{shown}");
        assert!(!kept.contains(&secret), "the journal holds a secret");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_rights_that_are_not_enough() {
    let served = Served::start(settings()).await;
    turned_away(&served, &["--event", "ONNOSUCHTHING"], 2, &["ONNOSUCHTHING"]).await;
    served.people(|portal, _| portal.set_administrator("1", false));
    turned_away(&served, &[], 4, &["administrator"]).await;
    served.people(|portal, _| portal.revoke_tokens());
    turned_away(&served, &[], 3, &["sign in again"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_a_portal_repeats_are_not_shown() {
    let served = Served::start(settings()).await;
    served.people(|portal, _| portal.set_administrator("1", false));
    for secret in served.secrets() {
        let description = format!("no rights for {secret}\nhere");
        let code = "SOMETHING_NEW".to_owned();
        let kind = FaultKind::Error { status: 400, code, description };
        served.people(|portal, _| {
            portal.inject(Fault { method: None, after: 0, count: 1, kind });
        });
        let words = ["administrator", "no rights for …"];
        turned_away(&served, &["--log", "json"], 4, &words).await;
        let waiting = served.people(|portal, _| portal.waiting_faults().to_vec());
        assert!(waiting.is_empty(), "{waiting:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_that_are_not_enough() {
    let plan = Plan { offline_extended: Feature::Off, auth_connector: Feature::Off };
    let served = Served::start(Settings { plan, ..settings() }).await;
    turned_away(&served, &["--mode", "reserve"], 4, &["rest_offline_extended"]).await;
    let plan = Plan { auth_connector: Feature::Off, ..Plan::default() };
    let served = Served::start(Settings { plan, ..settings() }).await;
    turned_away(&served, &["--connector", "w"], 4, &["rest_auth_connector"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_that_differs_in_spelling_only() {
    let served = Served::start(settings()).await;
    served.bind(&["ONCRMDEALADD"], "Warehouse");
    turned_away(&served, &["--connector", "warehouse"], 2, &["Warehouse", "spelling"]).await;
}

#[tokio::test]
async fn help_teaches() {
    let mut command = Command::new(BINARY);
    command.args(["listen", "--help"]);
    let output = finish(command).await;
    assert_code(&output, 0);
    let help = text(&output.stdout);
    for word in [
        "A second signal",
        "0.01 to 86400",
        "Examples:",
        "Exit codes:",
        "\"verdict\": \"retry\"",
        "--until-empty",
    ] {
        assert!(help.contains(word), "{word} is missing in: {help}");
    }
}
