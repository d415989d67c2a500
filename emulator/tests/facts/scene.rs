//! A portal, an administrator's token and short ways to call.

use b24_offline_emulator::{Fault, FaultKind, Outcome, Personality, Portal, Request, Settings};
use serde_json::{Value, json};

pub(crate) const START: u64 = 1_700_000_000_000;
pub(crate) const BOTH: [Personality; 2] = [Personality::Documented, Personality::Source];

pub(crate) struct Scene {
    pub(crate) portal: Portal,
    pub(crate) token: String,
    pub(crate) refresh: String,
    pub(crate) now: u64,
}

impl Scene {
    pub(crate) fn new(personality: Personality) -> Scene {
        Scene::with(Settings { personality, ..Settings::default() })
    }

    pub(crate) fn with(settings: Settings) -> Scene {
        let mut portal = Portal::new(settings, START);
        let tokens = portal.issue_token("1");
        for event in ["ONCRMDEALADD", "ONCRMDEALUPDATE", "ONCRMDEALDELETE"] {
            assert!(portal.bind(event, ""));
        }
        let (token, refresh) = (tokens.access_token, tokens.refresh_token);
        Scene { portal, token, refresh, now: START }
    }

    /// A fresh token at the scene's time.
    pub(crate) fn sign_in(&mut self) {
        self.portal.advance(self.now);
        self.token = self.portal.issue_token("1").access_token;
    }

    /// A deal with an ADD record.
    pub(crate) fn deal(&mut self) -> String {
        self.portal.create("crm.deal", json!({"TITLE": "Deal"}), self.now).unwrap()
    }

    pub(crate) fn deals(&mut self, count: usize) {
        for _ in 0..count {
            self.deal();
        }
    }

    pub(crate) fn touch(&mut self, id: &str) {
        self.now += 1_000;
        self.portal.change("crm.deal", id, json!({"TITLE": "Changed"}), self.now).unwrap();
    }

    pub(crate) fn send(&mut self, method: &str, params: Value) -> Outcome {
        let mut params = params;
        if params.get("auth").is_none() {
            params["auth"] = json!(self.token);
        }
        self.portal.handle(&Request::call(method, params), self.now)
    }

    /// The whole body of an answer.
    pub(crate) fn body(&mut self, method: &str, params: Value) -> Value {
        let outcome = self.send(method, params);
        outcome.json().unwrap_or_else(|| panic!("{method}: {outcome:?}"))
    }

    /// The result of a call that succeeds.
    pub(crate) fn ok(&mut self, method: &str, params: Value) -> Value {
        let outcome = self.send(method, params);
        assert_eq!(outcome.status(), Some(200), "{method}: {outcome:?}");
        outcome.json().unwrap()["result"].clone()
    }

    /// Status and code of a call that fails.
    pub(crate) fn err(&mut self, method: &str, params: Value) -> (u16, String) {
        let outcome = self.send(method, params);
        let body = outcome.json().unwrap();
        let code = &body["error"];
        let code = code.as_str().map_or_else(|| code.to_string(), str::to_owned);
        (outcome.status().unwrap(), code)
    }

    /// A batch of named commands; the body's `result`.
    pub(crate) fn batch(&mut self, commands: &[(&str, &str)]) -> Value {
        self.ok("batch", batch_params(commands))
    }

    /// A reservation: its process_id and IDs.
    pub(crate) fn reserve(&mut self, limit: u64) -> (String, Vec<String>) {
        let got = self.ok("event.offline.get", json!({"clear": 0, "limit": limit}));
        (got["process_id"].as_str().unwrap().to_owned(), ids(&got["events"]))
    }

    /// ID, PROCESS_ID and ERROR of all records.
    pub(crate) fn rows(&self) -> Vec<(u64, String, bool)> {
        let row =
            |record: b24_offline_emulator::Record| (record.id, record.process_id, record.error);
        self.portal.queue().into_iter().map(row).collect()
    }

    pub(crate) fn fault(&mut self, method: &str, kind: FaultKind) {
        self.portal.inject(Fault { method: Some(method.to_owned()), after: 0, count: 1, kind });
    }
}

pub(crate) fn batch_params(commands: &[(&str, &str)]) -> Value {
    let cmd: serde_json::Map<String, Value> =
        commands.iter().map(|(name, command)| ((*name).to_owned(), json!(command))).collect();
    json!({"halt": 0, "cmd": cmd})
}

pub(crate) fn ids(events: &Value) -> Vec<String> {
    let events = events.as_array().unwrap();
    events.iter().map(|event| event["ID"].as_str().unwrap().to_owned()).collect()
}

pub(crate) fn messages(scene: &Scene) -> Vec<String> {
    scene.portal.queue().into_iter().map(|record| record.message_id).collect()
}
