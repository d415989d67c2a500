//! The command `b24-offline emulator`, and `listen` against it in a process of its own.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail anywhere"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const BINARY: &str = env!("CARGO_BIN_EXE_b24-offline");

struct Emulator {
    child: Child,
    ready: Value,
    folder: tempfile::TempDir,
}

impl Emulator {
    /// Starts it and waits for its ready line.
    async fn start(arguments: &[&str]) -> Emulator {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(BINARY);
        command.arg("emulator").args(arguments).current_dir(folder.path());
        command.args(["--auth-out", "auth.json"]);
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.next_line().await.unwrap().unwrap();
        Emulator { child, ready: serde_json::from_str(&ready).unwrap(), folder }
    }

    fn url(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A control call: GET without a body, else POST.
    async fn control(&self, path: &str, body: Option<String>) -> Value {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}{path}", self.url("control"));
        let request = match body {
            Some(body) => client.post(url).body(body),
            None => client.get(url),
        };
        let answer = request.send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    async fn listen(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(BINARY);
        command.arg("listen").args(arguments).current_dir(self.folder.path());
        command.args(["--auth", "auth.json", "--journal", "queue.db", "--jsonl", "--until-empty"]);
        command.args(["--event", "ONCRMDEALADD", "--sweep", "1", "--poll", "0.2"]);
        let output = command.kill_on_drop(true).output().await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{said}");
        String::from_utf8(output.stdout).unwrap()
    }

    async fn drained_by(&self, arguments: &[&str]) {
        self.control("bindings", Some(json!({ "event": "ONCRMDEALADD" }).to_string())).await;
        let deals = json!({ "kind": "crm.deal", "count": 25 });
        self.control("objects/create", Some(deals.to_string())).await;
        let lines = self.listen(arguments).await;
        let told = self.control("delivered", Some(lines)).await;
        assert_eq!(told, json!({ "counted": 25 }));
        let audit = self.control("audit", None).await;
        assert_eq!((&audit["lost"], &audit["free_records"]), (&json!([]), &json!(0)), "{audit:#}");
        assert_eq!((&audit["reservations"], &audit["changes"]), (&json!([]), &json!(25)));
        assert_eq!(audit["bucket_violations"], 0, "{audit:#}");
    }

    /// Ends it with SIGTERM.
    async fn stop(mut self) {
        let pid = self.child.id().unwrap().to_string();
        let sent = std::process::Command::new("kill").arg(pid).status().unwrap();
        assert!(sent.success());
        assert_eq!(self.child.wait().await.unwrap().code(), Some(0));
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn both_personalities_over_tls_within_the_bucket() {
    for personality in ["documented", "source"] {
        let arguments =
            ["--personality", personality, "--tls", "--ca-out", "ca.pem", "--seed", "7"];
        let emulator = Emulator::start(&arguments).await;
        assert_eq!(mode(&emulator.path("auth.json")), 0o600);
        emulator.drained_by(&["--endpoint", emulator.url("https"), "--ca", "ca.pem"]).await;
        emulator.stop().await;
    }
}

#[tokio::test]
async fn plain_http_with_another_bucket_and_a_connector() {
    let emulator = Emulator::start(&["--limits", "enterprise", "--plan", "self-hosted"]).await;
    assert_eq!(emulator.ready["https"], Value::Null);
    let endpoint = emulator.url("http");
    let arguments = ["--endpoint", endpoint, "--allow-http", "--limits", "enterprise"];
    emulator.drained_by(&arguments).await;
    emulator.stop().await;
}

#[tokio::test]
async fn plans_are_played() {
    for (plan, extended, connector) in
        [("full", "on", "on"), ("no-reservation", "off", "on"), ("no-connector", "on", "off")]
    {
        let emulator = Emulator::start(&["--plan", plan]).await;
        let settings = emulator.control("settings", None).await;
        let wanted = json!({ "offline_extended": extended, "auth_connector": connector });
        assert_eq!(settings["plan"], wanted);
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut command = Command::new(BINARY);
    let output = command.args(["emulator", "--port", &port]).output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&port) && said.contains("choose another --port"), "{said}");
    assert_eq!(said.matches("in use").count(), 1, "{said}");
}

#[tokio::test]
async fn an_authority_without_https_is_refused() {
    let mut command = Command::new(BINARY);
    let output = command.args(["emulator", "--ca-out", "ca.pem"]).output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("--ca-out") && said.contains("--tls-port"), "{said}");
}
