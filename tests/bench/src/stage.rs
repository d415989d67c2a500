//! An emulated portal that is served, with deals that wait in its queue, and a folder with an auth file for it.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use b24_offline_emulator::server::{Running, ServeOptions, serve};
use b24_offline_emulator::{Audit, Costs, Fault, Limits, Portal, Settings, Sight};
use b24_offline_tests::scene::{CONNECTOR, DEALS};
use serde::Deserialize;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// How the portal of a measurement answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As in the scenes on virtual time: 20 ms a call and 0.3 ms a row, the standard bucket.
    Portal,
    /// At once and without a bucket.
    AtOnce,
}

/// The portal of one measurement.
#[derive(Debug)]
pub struct Stage {
    // before the runtime: it is dropped first
    running: Running,
    runtime: Runtime,
    folder: tempfile::TempDir,
}

/// A line of `listen --jsonl`, as far as the portal's audit needs it.
#[derive(Deserialize)]
struct Line {
    object: Named,
    state: String,
    data: Option<Versioned>,
}

#[derive(Deserialize)]
struct Named {
    kind: String,
    id: String,
}

#[derive(Deserialize)]
struct Versioned {
    #[serde(rename = "VERSION")]
    version: Option<String>,
}

impl Stage {
    /// Serves a portal over HTTP and HTTPS, with everything bound.
    ///
    /// # Errors
    /// When no socket or file can be had.
    pub fn open(pace: Pace) -> Result<Stage> {
        let settings = match pace {
            Pace::Portal => Settings::default(),
            Pace::AtOnce => Settings {
                limits: Limits::Off,
                costs: Costs { base_ms: 0, per_row_us: 0, ..Costs::default() },
                ..Settings::default()
            },
        };
        let folder = tempfile::tempdir()?;
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let options = ServeOptions {
            settings,
            https: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
            ca_file: Some(folder.path().join("ca.pem")),
            ..ServeOptions::default()
        };
        let running = runtime.block_on(serve(options))?;
        let stage = Stage { running, runtime, folder };
        stage.people(|portal, _| {
            for event in DEALS.split_whitespace() {
                portal.bind(event, CONNECTOR);
            }
        });
        stage.sign_in()?;
        Ok(stage)
    }

    /// Works on the portal.
    pub fn people<T>(&self, work: impl FnOnce(&mut Portal, u64) -> T) -> T {
        self.running.with_portal(work)
    }

    /// People make so many deals with these fields.
    ///
    /// # Errors
    /// When the portal refuses them.
    pub fn deals(&self, count: u64, fields: &Value) -> Result<()> {
        let made = self.people(|portal, now| {
            (0..count).filter_map(|_| portal.create("crm.deal", fields.clone(), now)).count()
        });
        anyhow::ensure!(made as u64 == count, "the portal made {made} deals of {count}");
        Ok(())
    }

    /// Something goes wrong.
    pub fn inject(&self, fault: Fault) {
        self.people(|portal, _| portal.inject(fault));
    }

    /// So many requests have come.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.people(|portal, _| portal.requests())
    }

    /// Tells the portal of the deliveries that a program has printed, one JSON line each. Answers how many.
    ///
    /// # Errors
    /// When a line is none of `listen --jsonl`.
    pub fn tell(&self, output: &[u8]) -> Result<u64> {
        let mut told = 0;
        for line in output.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line: Line = serde_json::from_slice(line)
                .with_context(|| format!("no change: {}", String::from_utf8_lossy(line)))?;
            let version = line.data.and_then(|data| data.version);
            let sight = match (line.state.as_str(), version) {
                ("gone", _) => Sight::Gone,
                (_, Some(version)) => Sight::Version(version.parse()?),
                _ => Sight::Unread,
            };
            self.people(|portal, now| {
                portal.delivered(&line.object.kind, &line.object.id, sight, now);
            });
            told += 1;
        }
        Ok(told)
    }

    /// The portal's audit.
    #[must_use]
    pub fn audit(&self) -> Audit {
        self.people(|portal, _| portal.audit())
    }

    /// Where a file of this measurement lies.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Host and port of plain HTTP.
    #[must_use]
    pub fn http(&self) -> String {
        format!("localhost:{}", self.running.http.port())
    }

    /// Host and port of HTTPS.
    #[must_use]
    pub fn https(&self) -> String {
        self.running
            .https
            .map(|address| format!("localhost:{}", address.port()))
            .unwrap_or_default()
    }

    /// The certificate of the authority of HTTPS.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// The options of `listen` for this portal.
    #[must_use]
    pub fn listen(&self, limits: &str) -> Vec<String> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let endpoint = format!("http://{}/rest/", self.http());
        let mut options = ["--allow-http", "--jsonl", "--until-empty"].map(str::to_owned).to_vec();
        let auth = text(&self.path("auth.json"));
        let journal = text(&self.path("queue.journal"));
        for (name, value) in [
            ("--endpoint", endpoint.as_str()),
            ("--auth", &auth),
            ("--journal", &journal),
            ("--connector", CONNECTOR),
            ("--limits", limits),
        ] {
            options.extend([name.to_owned(), value.to_owned()]);
        }
        for event in DEALS.split_whitespace() {
            options.extend(["--event".to_owned(), event.to_owned()]);
        }
        options
    }

    /// Ends the server.
    pub fn close(self) {
        self.runtime.block_on(self.running.shutdown());
    }

    fn sign_in(&self) -> Result<()> {
        let document = self.people(|portal, _| {
            let tokens = portal.issue_token("1");
            portal.auth_document(&tokens, &format!("http://{}", self.http()))
        });
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(self.path("auth.json"));
        Ok(file?.write_all(Value::Object(document).to_string().as_bytes())?)
    }
}
