//! What each sub-call of a round says to the portal.

use super::{Ask, Asked, Feature, Listing, Side};
use crate::defect::Defect;
use crate::deletion::Run;
use crate::dispatch::Miss;
use crate::json::Value;
use crate::machine::{Machine, PhaseState};
use crate::ordered::Map;
use crate::probe;
use crate::sweep::PAGE;
use crate::wire::request;

/// A page of a list in the order of one field.
fn listing(filter: Value, order: &'static str, page: u32) -> Value {
    let start = u64::from(page).saturating_mul(PAGE as u64);
    Value::object([
        ("filter", filter),
        ("order", Value::object([(order, "ASC".into())])),
        ("start", start.into()),
    ])
}

fn list_params(which: Listing) -> Value {
    match which {
        Listing::Lane { side, page, .. } => {
            let error = u64::from(side == Side::Errored);
            let free = [("=PROCESS_ID", "".into()), ("=ERROR", error.into())];
            listing(Value::object(free), "ID", page)
        }
        Listing::Oldest { page } => {
            listing(Value::object([("=PROCESS_ID", "".into())]), "TIMESTAMP_X", page)
        }
    }
}

fn delete_params(run: &Run, from: bool) -> Value {
    let mut ids: Map<String, Value> = Map::new();
    ids.insert("<=ID".into(), run.last.0.into());
    if from {
        ids.insert(">=ID".into(), run.first.0.into());
    }
    Value::object([
        ("clear", 1.into()),
        ("error", u64::from(run.side == Side::Errored).into()),
        ("filter", Value::Object(ids)),
        ("limit", run.len().into()),
    ])
}

impl Machine {
    /// Method and parameters of a sub-call.
    pub(crate) fn call_of(&self, ask: &Ask) -> Option<(String, Value)> {
        let call = |method: &str, params: Value| Some((method.to_owned(), params));
        match ask {
            Ask::Feature(Feature::OfflineExtended) => {
                call("feature.get", Value::object([("CODE", "rest_offline_extended".into())]))
            }
            Ask::Feature(Feature::AuthConnector) => {
                call("feature.get", Value::object([("CODE", "rest_auth_connector".into())]))
            }
            Ask::Bindings => call("event.get", Value::object([])),
            Ask::Bind(event) => {
                let event = event.as_str().into();
                let params = [("event", event), ("event_type", "offline".into())];
                call("event.bind", Value::object(params))
            }
            Ask::Clear { process, .. } if self.has(Defect::ClearWithoutIds) => {
                let params = [("process_id", process.as_str().into())];
                call("event.offline.clear", Value::object(params))
            }
            Ask::Clear { process, ids } => {
                let ids = ids.iter().map(|id| Value::from(id.0)).collect();
                let params = [("process_id", process.as_str().into()), ("id", ids)];
                call("event.offline.clear", Value::object(params))
            }
            Ask::Error { process, messages, .. } => {
                let messages = messages.iter().map(|id| Value::from(id.as_str())).collect();
                let params = [("process_id", process.as_str().into()), ("message_id", messages)];
                call("event.offline.error", Value::object(params))
            }
            Ask::Write(write) => Some((write.method.clone(), write.params.clone())),
            Ask::Read(reading) => reading.call(&self.lane, &self.registry),
            Ask::Get { side, limit } => {
                let error = u64::from(*side == Side::Errored);
                let limit = u64::from(*limit);
                let params =
                    [("clear", 0.into()), ("limit", limit.into()), ("error", error.into())];
                call("event.offline.get", Value::object(params))
            }
            Ask::List(which) => call("event.offline.list", list_params(*which)),
            Ask::Delete(run) => {
                let from = !self.has(Defect::DeleteUpTo);
                call("event.offline.get", delete_params(run, from))
            }
            Ask::Lag => {
                let free = Value::object([("=PROCESS_ID", "".into())]);
                call("event.offline.list", Value::object([("filter", free)]))
            }
            Ask::Probe { process, ids } => call("event.offline.list", probe::params(process, ids)),
            Ask::Sweep(page) => call("event.offline.list", self.sweep.params(*page)?),
        }
    }

    /// Names, methods and commands of a round's sub-calls.
    pub(crate) fn compose(&mut self, asks: Vec<Ask>) -> (Vec<Asked>, String) {
        let mut commands = Vec::new();
        let mut asked = Vec::new();
        for (number, ask) in asks.into_iter().enumerate() {
            let Some((method, mut params)) = self.call_of(&ask) else {
                self.missed(ask, &Miss::NotExecuted);
                continue;
            };
            if self.has(Defect::InnerConnector) && self.phase != PhaseState::Checking {
                self.connect_within(&mut params);
            }
            // a name that is no number (F32), padded so that PHP's and our order agree
            let name = format!("c{number:02}");
            commands.push((name.clone(), request::command(&method, &params)));
            asked.push(Asked { name, method, ask });
        }
        (asked, request::batch(&commands))
    }

    fn connect_within(&self, params: &mut Value) {
        if let (Value::Object(fields), Some(name)) = (params, &self.config.connector) {
            fields.insert("auth_connector".into(), name.as_str().into());
        }
    }
}
