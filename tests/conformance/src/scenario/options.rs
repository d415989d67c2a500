//! The options of `listen`, those of the contract alone.

use std::path::Path;

use serde::Deserialize;

/// Where the changes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// `--jsonl`.
    Jsonl,
    /// `--exec`, with the handler that plays the scenario's rules.
    Exec,
}

/// The options with which `listen` is started. Each may be left out; an empty text leaves an option of the
/// scenario out of a single start.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// `--endpoint`; `{port}` is the portal's port. The portal's own address if left out.
    pub endpoint: Option<String>,
    /// `--allow-http`; given if left out.
    pub allow_http: Option<bool>,
    /// `--connector`.
    pub connector: Option<String>,
    /// `--event`, repeated.
    pub events: Option<Vec<String>>,
    /// The name of the journal's file; `queue.journal` if left out, no journal if empty.
    pub journal: Option<String>,
    /// `--jsonl` (if left out) or `--exec`.
    pub output: Option<Output>,
    /// `--until-empty`; given if left out.
    pub until_empty: Option<bool>,
    /// `--poll`; 0.1 if left out.
    pub poll: Option<f64>,
    /// `--sweep`; 0.5 if left out.
    pub sweep: Option<f64>,
    /// `--retry-delay`; 0.1 if left out.
    pub retry_delay: Option<f64>,
    /// `--attempts`.
    pub attempts: Option<u32>,
    /// `--limits`; `off` if left out.
    pub limits: Option<String>,
    /// `--on-reject`.
    pub on_reject: Option<String>,
    /// `--mode`.
    pub mode: Option<String>,
    /// `--retrieve`.
    pub retrieve: Option<String>,
    /// `--batch-size`.
    pub batch_size: Option<u32>,
    /// `--write-back`.
    pub write_back: Option<String>,
    /// `--log`.
    pub log: Option<String>,
}

macro_rules! first_given {
    ($one:expr, $other:expr, $($field:ident),+) => {
        Options { $($field: $one.$field.clone().or_else(|| $other.$field.clone())),+ }
    };
}

/// Where the files of a run lie, and where its portal is.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// The folder of the auth file and the journal.
    pub folder: &'a Path,
    /// The portal's port.
    pub port: u16,
    /// The command of the handler.
    pub handler: &'a str,
}

impl Options {
    /// These options, and the other's where nothing is said here.
    #[must_use]
    pub fn over(&self, other: &Options) -> Options {
        first_given!(
            self,
            other,
            endpoint,
            allow_http,
            connector,
            events,
            journal,
            output,
            until_empty,
            poll,
            sweep,
            retry_delay,
            attempts,
            limits,
            on_reject,
            mode,
            retrieve,
            batch_size,
            write_back,
            log
        )
    }

    /// The events.
    #[must_use]
    pub fn events(&self) -> &[String] {
        self.events.as_deref().unwrap_or_default()
    }

    /// The queue's connector; empty for the queue without a source.
    #[must_use]
    pub fn connector(&self) -> &str {
        self.connector.as_deref().unwrap_or_default()
    }

    /// Whether a handler is started for each batch.
    #[must_use]
    pub fn runs_handler(&self) -> bool {
        self.output == Some(Output::Exec)
    }

    /// The journal's file name; empty without a journal.
    #[must_use]
    pub fn journal(&self) -> &str {
        self.journal.as_deref().unwrap_or("queue.journal")
    }

    /// The arguments for `listen`.
    #[must_use]
    pub fn arguments(&self, places: Places<'_>) -> Vec<String> {
        let mut all = Vec::new();
        let mut option = |name: &str, value: &str| {
            if !value.is_empty() {
                all.extend([format!("--{name}"), value.to_owned()]);
            }
        };
        let file = |name: &str| places.folder.join(name).to_string_lossy().into_owned();
        let endpoint = self.endpoint.as_deref().unwrap_or("http://127.0.0.1:{port}/rest/");
        option("endpoint", &endpoint.replace("{port}", &places.port.to_string()));
        option("auth", &file("auth.json"));
        self.events().iter().for_each(|event| option("event", event));
        if !self.journal().is_empty() {
            option("journal", &file(self.journal()));
        }
        let seconds = |given: Option<f64>, default: f64| given.unwrap_or(default).to_string();
        option("poll", &seconds(self.poll, 0.1));
        option("sweep", &seconds(self.sweep, 0.5));
        option("retry-delay", &seconds(self.retry_delay, 0.1));
        option("limits", self.limits.as_deref().unwrap_or("off"));
        let number = |given: Option<u32>| given.map(|number| number.to_string());
        let text = |given: Option<String>| given.unwrap_or_default();
        option("attempts", &text(number(self.attempts)));
        option("batch-size", &text(number(self.batch_size)));
        option("connector", self.connector());
        option("on-reject", &text(self.on_reject.clone()));
        option("mode", &text(self.mode.clone()));
        option("retrieve", &text(self.retrieve.clone()));
        option("write-back", &text(self.write_back.clone()));
        option("log", &text(self.log.clone()));
        if self.runs_handler() {
            option("exec", places.handler);
        } else {
            all.push("--jsonl".to_owned());
        }
        all.extend(self.allow_http.unwrap_or(true).then(|| "--allow-http".to_owned()));
        all.extend(self.until_empty.unwrap_or(true).then(|| "--until-empty".to_owned()));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_may_differ_from_the_scenario() {
        let scenario = Options {
            connector: Some("warehouse".into()),
            attempts: Some(2),
            ..Options::default()
        };
        let start = Options {
            connector: Some(String::new()),
            journal: Some(String::new()),
            ..Options::default()
        };
        let folder = Path::new("/somewhere");
        let places = Places { folder, port: 81, handler: "handler" };
        let line = start.over(&scenario).arguments(places).join(" ");
        assert!(line.contains("--endpoint http://127.0.0.1:81/rest/ --auth /somewhere/auth.json"));
        assert!(line.contains("--attempts 2") && line.contains("--jsonl"), "{line}");
        assert!(!line.contains("connector") && !line.contains("--journal"), "{line}");
    }
}
