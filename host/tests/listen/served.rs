//! An emulated portal, and `listen` started against it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use b24_offline_emulator::server::{Running, ServeOptions, serve};
use b24_offline_emulator::{Audit, Costs, Limits, Personality, Portal, Settings, Sight};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_b24-offline");

/// A portal without a bucket, and a folder with an auth file for it.
pub(crate) struct Served {
    pub(crate) running: Running,
    folder: tempfile::TempDir,
}

/// Portals of both personalities that answer at once.
pub(crate) fn both() -> [Settings; 2] {
    [Personality::Documented, Personality::Source]
        .map(|personality| Settings { personality, ..settings() })
}

/// A documented portal that answers at once.
pub(crate) fn settings() -> Settings {
    let costs = Costs { base_ms: 0, per_row_us: 0, ..Costs::default() };
    Settings { limits: Limits::Off, costs, ..Settings::default() }
}

impl Served {
    pub(crate) async fn start(settings: Settings) -> Served {
        let folder = tempfile::tempdir().unwrap();
        let options = ServeOptions {
            settings,
            https: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
            ca_file: Some(folder.path().join("ca.pem")),
            ..ServeOptions::default()
        };
        let served = Served { running: serve(options).await.unwrap(), folder };
        served.write_auth("1");
        served
    }

    /// A new pair of tokens of a user in the auth file.
    pub(crate) fn write_auth(&self, user: &str) {
        let (tokens, application) =
            self.people(|portal, _| (portal.issue_token(user), portal.application().clone()));
        let oauth_url = format!("{}/oauth/token/", self.secure_origin());
        let document = json!({
            "access_token": tokens.access_token, "refresh_token": tokens.refresh_token,
            "client_id": application.client_id, "client_secret": application.client_secret,
            "oauth_url": oauth_url,
        });
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let file = options.open(self.path("auth.json")).unwrap();
        serde_json::to_writer(file, &document).unwrap();
    }

    /// Every secret of the auth file as it stands.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("auth.json")).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        ["access_token", "refresh_token", "client_secret"]
            .map(|field| document[field].as_str().unwrap().to_owned())
            .to_vec()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn people<T>(&self, work: impl FnOnce(&mut Portal, u64) -> T) -> T {
        self.running.with_portal(work)
    }

    /// Binds an event for the queue of a connector, as an earlier run would have.
    pub(crate) fn bind(&self, events: &[&str], connector: &str) {
        self.people(|portal, _| {
            for event in events {
                assert!(portal.bind(event, connector), "{event}");
            }
        });
    }

    /// Deals that people made; their ids.
    pub(crate) fn deals(&self, count: usize) -> Vec<String> {
        self.people(|portal, now| {
            let deal = |number| json!({ "TITLE": format!("Deal {number}") });
            (0..count).map(|n| portal.create("crm.deal", deal(n), now).unwrap()).collect()
        })
    }

    /// `listen` through TLS with a journal, for deals.
    pub(crate) fn listen(&self, arguments: &[&str]) -> Command {
        let endpoint = format!("{}/rest/", self.secure_origin());
        let mut command = self.bare(&["--endpoint", &endpoint]);
        command.arg("--ca").arg(self.path("ca.pem"));
        command.arg("--journal").arg(self.path("queue.db"));
        command.args(arguments);
        command
    }

    fn secure_origin(&self) -> String {
        format!("https://localhost:{}", self.running.https.unwrap().port())
    }

    /// `listen` with the auth file and what makes a test quick, without an address.
    pub(crate) fn bare(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.arg("listen").arg("--auth").arg(self.path("auth.json"));
        command.args(["--event", "ONCRMDEALADD", "--event", "ONCRMDEALUPDATE"]);
        command.args(["--event", "ONCRMDEALDELETE"]);
        command.args(["--limits", "off", "--poll", "0.05", "--sweep", "0.3"]);
        command.args(["--retry-delay", "0.05"]);
        command.args(arguments).current_dir(self.folder.path()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Tells the audit what was delivered, from lines as `--jsonl` writes them.
    pub(crate) fn told(&self, lines: &str) -> Vec<Value> {
        let lines: Vec<Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        self.people(|portal, now| {
            for line in &lines {
                let (kind, id) = object(line);
                portal.delivered(kind, id, sight(line), now);
            }
        });
        lines
    }

    pub(crate) fn audit(&self) -> Audit {
        self.people(|portal, _| portal.audit())
    }

    /// Nothing lost, nothing left in either lane or reserved.
    pub(crate) fn assert_drained(&self) {
        let audit = self.audit();
        assert!(audit.lost.is_empty(), "{audit:#?}");
        assert!(audit.reservations.is_empty(), "{audit:#?}");
        assert_eq!((audit.free_records, audit.error_records), (0, 0), "{audit:#?}");
        assert_eq!(audit.bucket_violations, 0, "{audit:#?}");
        assert!(audit.changes > 0, "{audit:#?}");
    }
}

pub(crate) fn object(line: &Value) -> (&str, &str) {
    let object = &line["object"];
    (object["kind"].as_str().unwrap(), object["id"].as_str().unwrap())
}

pub(crate) fn sight(line: &Value) -> Sight {
    match line["state"].as_str().unwrap() {
        "gone" => Sight::Gone,
        "unread" => Sight::Unread,
        _ => Sight::Version(line["data"]["VERSION"].as_str().unwrap().parse().unwrap()),
    }
}

/// Runs a command that ends by itself.
pub(crate) async fn finish(mut command: Command) -> Output {
    let output = tokio::time::timeout(Duration::from_secs(90), command.output()).await;
    output.expect("the command did not end").unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Asserts the exit code and shows what was said otherwise.
pub(crate) fn assert_code(output: &Output, code: i32) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "standard error: {said}");
}

/// Waits until something holds, which another process makes true.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// The lines of a file that may not exist yet.
pub(crate) fn lines_of(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Sends a signal to a process, or to a group named by its negative id.
pub(crate) fn signal(name: &str, target: &str) {
    let sent = std::process::Command::new("kill").args(["-s", name, "--", target]).status();
    assert!(sent.unwrap().success());
}

pub(crate) fn pid(child: &Child) -> String {
    child.id().unwrap().to_string()
}

/// Waits for the end of a command that was told to end.
pub(crate) async fn ended(child: Child) -> Output {
    let output = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output()).await;
    output.expect("the command did not end").unwrap()
}
