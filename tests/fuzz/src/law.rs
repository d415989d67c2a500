//! What a machine may hand out whatever it was told.

use std::collections::{BTreeMap, BTreeSet};

use b24_offline_core::{
    Batch, BatchId, Call, Config, Effect, Notice, ObjectId, OnReject, Save, Severity, Step,
    Timestamp, Verdict, Verdicts,
};
use serde::de::IgnoredAny;
use serde_json::Value;

/// A sub-call carries at most so many variables, and a batch so many sub-calls.
const MOST_VARIABLES: usize = 900;
const MOST_SUB_CALLS: usize = 50;
/// The host guide promises that keys of the journal stay below some hundred bytes.
const MOST_KEY: usize = 700;

/// What one machine has done so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Law {
    connector: Option<String>,
    registers: bool,
    open: BTreeMap<BatchId, Vec<(String, ObjectId)>>,
    /// Records of changes that were judged done.
    done: BTreeSet<u64>,
    /// From here on a clear may take records that no done covers: something was parked or inherited.
    parked: bool,
    /// Whether the last step had a warning or an error.
    pub(crate) warned: bool,
}

/// A sub-call of a batch.
#[derive(Debug)]
pub(crate) struct SubCall {
    pub(crate) name: String,
    pub(crate) method: String,
    /// As it was written behind the method.
    pub(crate) query: String,
    pub(crate) params: Vec<(String, String)>,
}

impl SubCall {
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.params
            .iter()
            .filter(move |(found, _)| {
                found
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
            })
            .map(|(_, value)| value.as_str())
    }
}

/// The sub-calls of a batch; none of another call.
pub(crate) fn sub_calls(call: &Call) -> Result<Vec<SubCall>, String> {
    let wrong = |error| format!("the parameters of {} are no JSON: {error}", call.method);
    if call.method != "batch" {
        // a user's numbers may be larger than any type
        serde_json::from_str::<IgnoredAny>(&call.params).map_err(wrong)?;
        return Ok(Vec::new());
    }
    let params: Value = serde_json::from_str(&call.params).map_err(wrong)?;
    let fields = params.as_object().ok_or("the parameters are no object")?;
    let Some(Value::Object(commands)) = fields.get("cmd") else {
        return Err("a batch without commands".into());
    };
    let mut sub_calls = Vec::new();
    for (name, command) in commands {
        let text = command.as_str().ok_or("a command that is no text")?;
        let (method, query) = text.split_once('?').ok_or("a command without '?'")?;
        let params = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let (name, method, query) = (name.clone(), method.to_owned(), query.to_owned());
        sub_calls.push(SubCall { name, method, query, params });
    }
    Ok(sub_calls)
}

fn law(kept: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if kept { Ok(()) } else { Err(what()) }
}

impl Law {
    pub(crate) fn of(config: &Config, inherited: bool) -> Law {
        Law {
            connector: config.connector.as_ref().map(|name| name.as_str().to_owned()),
            registers: config.on_reject == OnReject::Register,
            parked: inherited,
            ..Law::default()
        }
    }

    /// Checks a step.
    pub(crate) fn step(&mut self, step: &Step, now: Timestamp) -> Result<(), String> {
        self.warned = false;
        if let Some(wake) = &step.wake_at {
            law(wake.at > now || !step.effects.is_empty(), || {
                format!("a step without effects wakes at or before now: {wake:?}")
            })?;
        }
        for effect in &step.effects {
            match effect {
                Effect::Notice(notice) => self.notice(notice)?,
                Effect::Deliver(batch) => self.deliver(batch)?,
                Effect::Save(save) => Law::save(save)?,
                Effect::Call(_) | Effect::Written(_) => {}
            }
        }
        for effect in &step.effects {
            if let Effect::Call(call) = effect {
                self.call(call)?;
            }
        }
        Ok(())
    }

    fn notice(&mut self, notice: &Notice) -> Result<(), String> {
        self.warned |= notice.severity() > Severity::Info;
        self.parked |= matches!(notice, Notice::Parked { .. } | Notice::Registered { .. });
        let told = notice.to_string();
        law(told.len() < 20_000, || format!("a notice of {} bytes", told.len()))
    }

    fn deliver(&mut self, batch: &Batch) -> Result<(), String> {
        law(!batch.changes.is_empty(), || "an empty batch".into())?;
        for change in &batch.changes {
            let same = |(_, object): &&(String, ObjectId)| {
                *object == change.object && !object.id.is_empty()
            };
            let twice = self.open.values().flatten().find(same);
            law(twice.is_none(), || format!("{} is delivered twice at once", change.object))?;
            // a verdict names its change by the key
            let named = batch.changes.iter().filter(|other| other.key == change.key).count();
            law(named == 1, || format!("two changes with the key {} in one batch", change.key))?;
            law(!change.key.is_empty() && !change.events.is_empty() && change.attempt > 0, || {
                format!("a change lacks its key, its events or its attempt: {change:?}")
            })?;
            let line = change.json_line();
            law(!line.contains(['\n', '\r']), || format!("a line breaks in two: {line}"))?;
            law(serde_json::from_str::<IgnoredAny>(&line).is_ok(), || {
                format!("a change is no JSON: {line}")
            })?;
            let entry = (change.key.clone(), change.object.clone());
            self.open.entry(batch.id).or_default().push(entry);
        }
        Ok(())
    }

    /// Keeps what a verdict allows.
    pub(crate) fn judged(&mut self, batch: &Batch, verdicts: &Verdicts) {
        self.open.remove(&batch.id);
        for change in &batch.changes {
            if verdicts.of(&change.key) == Some(&Verdict::Done) {
                let ids = change.key.split(',').filter_map(|part| part.split_once('@'));
                self.done.extend(ids.filter_map(|(id, _)| id.parse::<u64>().ok()));
            }
        }
    }

    fn save(save: &Save) -> Result<(), String> {
        for entry in &save.puts {
            law(!entry.key.is_empty() && entry.key.len() <= MOST_KEY, || {
                format!("a key of the journal has {} bytes", entry.key.len())
            })?;
        }
        let written: BTreeSet<&String> = save.puts.iter().map(|entry| &entry.key).collect();
        law(!save.deletes.iter().any(|key| written.contains(key)), || {
            "a save writes and removes the same key".into()
        })
    }

    /// Checks a call.
    pub(crate) fn call(&self, call: &Call) -> Result<(), String> {
        let sub_calls = sub_calls(call)?;
        law(call.method != "batch" || !sub_calls.is_empty(), || "an empty batch".into())?;
        law(sub_calls.len() <= MOST_SUB_CALLS, || format!("{} sub-calls", sub_calls.len()))?;
        let asks_plan = |sub: &SubCall| matches!(sub.method.as_str(), "feature.get" | "event.get");
        let connector = call.connector.as_ref().map(|name| name.as_str().to_owned());
        law(connector == self.connector || sub_calls.iter().all(asks_plan), || {
            format!("{} goes out with the connector {connector:?}", call.method)
        })?;
        sub_calls.iter().try_for_each(|sub| self.sub_call(sub))
    }

    fn sub_call(&self, sub: &SubCall) -> Result<(), String> {
        let told = |what: &str| format!("{what}: {sub:?}");
        let named = |name: &str| sub.values(name).next().is_some();
        let name_fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_');
        law(sub.method.bytes().all(name_fits), || told("a method of another shape"))?;
        law(sub.params.len() <= MOST_VARIABLES, || told("too many variables"))?;
        law(!named("auth") && !named("auth_connector"), || told("authorisation inside a batch"))?;
        let process = sub.values("process_id").collect::<Vec<_>>();
        law(process.iter().all(|id| !id.is_empty()), || told("an empty process_id"))?;
        match sub.method.as_str() {
            "event.offline.clear" => {
                let ids: Vec<&str> = sub.values("id").collect();
                law(process.len() == 1 && !ids.is_empty(), || told("a clear without ids"))?;
                law(!named("message_id"), || told("a clear by two kinds of keys"))?;
                for id in ids {
                    let id: u64 = id.parse().map_err(|_| told("an id that is no number"))?;
                    let allowed = self.parked || self.done.contains(&id);
                    law(allowed, || told("a clear of a record that was not judged done"))?;
                }
            }
            "event.offline.error" => {
                law(self.registers, || told("an error without OnReject::Register"))?;
                let messages: Vec<&str> = sub.values("message_id").collect();
                let named = !messages.is_empty() && messages.iter().all(|id| !id.is_empty());
                law(process.len() == 1 && named, || told("an error without messages"))?;
            }
            "event.offline.get" => {
                law(process.is_empty(), || told("a get with a process_id"))?;
                let reserves = sub.values("clear").all(|clear| clear == "0") && named("clear");
                // a get that deletes names the records from the first to the last
                let bounded = ["filter[>=ID]", "filter[<=ID]"].iter().all(|bound| {
                    sub.params.iter().any(|(name, id)| name == bound && !id.is_empty())
                });
                law(reserves || bounded, || told("a get that deletes what it does not name"))?;
            }
            _ => {}
        }
        Ok(())
    }
}
