//! The emulated portal of one test, and the folder with its auth file.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use b24_offline_emulator::server::{Clock, Running, ServeOptions, serve};
use b24_offline_emulator::{Costs, Limits, Personality, Portal, Request, Settings};
use serde_json::{Map, Value, json};

use crate::handler;
use crate::scenario::{Objects, Scenario};
use crate::seen::Seen;

/// The administrator whose token is used.
pub(crate) const USER: &str = "1";

/// What a test plays on.
pub(crate) struct Stage {
    pub(crate) portal: Running,
    pub(crate) seen: Seen,
    /// The queue that the scenario is about.
    pub(crate) connector: String,
    folder: tempfile::TempDir,
    secrets: Mutex<BTreeSet<String>>,
    log_read: Mutex<u64>,
}

impl Stage {
    /// Serves the portal and sets up what the scenario begins with.
    pub(crate) async fn open(scenario: &Scenario, personality: Personality) -> Result<Stage> {
        let costs = Costs { base_ms: 0, per_row_us: 0, ..Costs::default() };
        let settings = Settings {
            personality,
            plan: scenario.portal.plan.plan(),
            limits: scenario.portal.limits.unwrap_or(Limits::Off),
            costs,
            seed: 1,
            ..Settings::default()
        };
        let portal = serve(ServeOptions { settings, ..ServeOptions::default() }).await?;
        let stage = Stage {
            portal,
            seen: Seen::default(),
            connector: scenario.listen.connector().to_owned(),
            folder: tempfile::tempdir()?,
            secrets: Mutex::new(scenario.auth.secrets.iter().cloned().collect()),
            log_read: Mutex::new(0),
        };
        handler::prepare(&stage.handler(), &scenario.handler)?;
        stage.people(|portal, _| {
            let bound = scenario.portal.bound.as_deref();
            for event in bound.unwrap_or(scenario.listen.events()) {
                portal.bind(event, &stage.connector);
            }
        });
        scenario.portal.objects.iter().try_for_each(|objects| stage.create(objects))?;
        if !scenario.auth.missing {
            stage.sign_in(&scenario.auth.without)?;
        }
        Ok(stage)
    }

    /// The folder of the auth file and the journal.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The handler's folder.
    pub(crate) fn handler(&self) -> PathBuf {
        self.folder().join("handler")
    }

    fn auth(&self) -> PathBuf {
        self.folder().join("auth.json")
    }

    pub(crate) fn people<T>(&self, work: impl FnOnce(&mut Portal, u64) -> T) -> T {
        self.portal.with_portal(work)
    }

    /// People make objects.
    pub(crate) fn create(&self, objects: &Objects) -> Result<()> {
        let fields = Value::Object(objects.fields.clone());
        let made = self.people(|portal, now| {
            let make = |_| portal.create(&objects.kind, fields.clone(), now);
            (0..objects.count).map(make).collect::<Option<Vec<_>>>()
        });
        made.map(|_| ()).with_context(|| format!("the portal has no {}", objects.kind))
    }

    /// Writes a new pair of tokens into the auth file, which lacks some fields.
    pub(crate) fn sign_in(&self, without: &[String]) -> Result<()> {
        let origin = format!("http://{}", self.portal.http);
        let mut document = self.people(|portal, _| {
            let tokens = portal.issue_token(USER);
            let mut document = portal.auth_document(&tokens, &origin);
            document.insert("expires_at".to_owned(), tokens.expires_at.into());
            document
        });
        self.hold_secrets(&document);
        for field in without {
            ensure!(document.remove(field).is_some(), "an auth file has no {field}");
        }
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(self.auth())?.write_all(Value::Object(document).to_string().as_bytes())?;
        Ok(())
    }

    /// The access token as the auth file has it; empty where there is none.
    pub(crate) fn access_token(&self) -> String {
        let document = self.auth_document().unwrap_or_default();
        document.get("access_token").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn auth_document(&self) -> Option<Map<String, Value>> {
        serde_json::from_slice(&fs::read(self.auth()).ok()?).ok()
    }

    /// What is wrong with the auth file's rights, if anything is.
    pub(crate) fn auth_mode(&self) -> Option<String> {
        #[cfg(unix)]
        {
            let mode = fs::metadata(self.auth()).ok()?.permissions();
            let mode = std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777;
            (mode != 0o600).then(|| format!("the auth file has the mode {mode:o}, not 600"))
        }
        #[cfg(not(unix))]
        None
    }

    fn hold_secrets(&self, document: &Map<String, Value>) {
        let fields = ["access_token", "refresh_token", "client_secret"];
        let values = fields.iter().filter_map(|field| document.get(*field)?.as_str());
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.extend(values.map(str::to_owned));
    }

    /// Every secret that the auth file was seen to hold, and those of the scenario.
    pub(crate) fn secrets(&self) -> Vec<String> {
        if let Some(document) = self.auth_document() {
            self.hold_secrets(&document);
        }
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Takes in what the handlers have written, and what the auth file holds.
    pub(crate) fn look(&self) -> Result<()> {
        let mut from = self.log_read.lock().unwrap_or_else(PoisonError::into_inner);
        let (entries, next) = handler::entries(&self.handler(), *from)?;
        *from = next;
        entries.into_iter().for_each(|entry| self.seen.handled(entry, &self.portal));
        if let Some(document) = self.auth_document() {
            self.hold_secrets(&document);
        }
        Ok(())
    }

    /// A line of standard error. What it speaks of was given to a handler before.
    pub(crate) fn noticed(&self, line: &str) {
        if let Err(error) = self.look() {
            self.seen.all().violations.push(format!("{error:#}"));
        }
        self.seen.noticed(line, &self.portal);
    }

    /// Another program at the same address makes requests.
    pub(crate) fn use_bucket(&self, requests: u64) {
        self.people(|portal, now| {
            let token = portal.issue_token(USER).access_token;
            let params = json!({ "auth": token, "CODE": "rest_offline_extended" });
            for _ in 0..requests {
                // what it is answered is of no interest
                let _ = portal.handle(&Request::call("feature.get", params.clone()), now);
            }
        });
    }

    /// The portal's clock moves on at once, and what becomes due on the way happens.
    pub(crate) fn turn_clock(&self, milliseconds: u64) {
        let clock = self.portal.clock();
        let offset = clock.offset.saturating_add(milliseconds);
        self.portal.set_clock(Clock { offset, ..clock });
        self.people(|_, _| ());
    }

    /// Another tool of the same application reserves records, and registers them as errors if told to.
    pub(crate) fn other_tool(&self, records: u64, registers: bool) -> Result<()> {
        let call = self.others_call();
        let got = call("event.offline.get", json!({ "clear": 0, "limit": records }))?;
        let rows = got.get("events").and_then(Value::as_array).cloned().unwrap_or_default();
        ensure!(rows.len() as u64 == records, "the other tool found {} records", rows.len());
        if registers {
            let messages: Vec<_> = rows.iter().filter_map(|row| row.get("MESSAGE_ID")).collect();
            let named = json!({ "process_id": got.get("process_id"), "message_id": messages });
            call("event.offline.error", named)?;
        }
        Ok(())
    }

    /// Another tool of the same application clears all that is reserved.
    pub(crate) fn clear_reserved(&self) -> Result<()> {
        let queue = self.people(|portal, _| portal.queue());
        let ours = queue.into_iter().filter(|record| record.connector == self.connector);
        let reserved: BTreeSet<String> = ours.map(|record| record.process_id).collect();
        let reserved: Vec<&String> = reserved.iter().filter(|name| !name.is_empty()).collect();
        ensure!(!reserved.is_empty(), "nothing is reserved");
        let call = self.others_call();
        for process in reserved {
            call("event.offline.clear", json!({ "process_id": process }))?;
        }
        Ok(())
    }

    /// How another tool of the same application calls the portal.
    fn others_call(&self) -> impl Fn(&str, Value) -> Result<Value> {
        let token = self.people(|portal, _| portal.issue_token(USER)).access_token;
        move |method: &str, mut params: Value| {
            if let Some(params) = params.as_object_mut() {
                params.insert("auth".to_owned(), json!(token));
                params.insert("auth_connector".to_owned(), json!(self.connector));
            }
            let request = Request::call(method, params);
            let outcome = self.people(|portal, now| portal.handle(&request, now));
            outcome.json().and_then(|body| body.get("result").cloned()).context(method.to_owned())
        }
    }
}
