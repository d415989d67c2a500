//! One method call, alone or within a batch.

use crate::error::{Answered, RestError};
use crate::fault::{Deed, FaultKind, Intrusion, Shape};
use crate::php::{Php, PhpArray};
use crate::portal::{Caller, Portal};
use crate::settings::Charge;
use crate::time;

/// What a method answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    pub(crate) result: Php,
    pub(crate) total: Option<usize>,
    pub(crate) next: Option<usize>,
    /// Rows that count for the run time.
    pub(crate) rows: usize,
    /// A body that takes the place of the whole answer.
    pub(crate) body: Option<Php>,
}

impl Reply {
    pub(crate) fn rows(result: Php, rows: usize) -> Reply {
        Reply { result, rows, ..Reply::default() }
    }
}

impl From<Php> for Reply {
    fn from(result: Php) -> Reply {
        Reply::rows(result, 1)
    }
}

/// A call that has run.
pub(crate) struct Called {
    pub(crate) answered: Answered<Reply>,
    pub(crate) elapsed_ms: u64,
    pub(crate) time: Php,
}

impl Portal {
    /// Runs one method. `began` is when, in milliseconds since the epoch: within a batch the clock of the counters
    /// goes on while the portal's stands still.
    pub(crate) fn call(
        &mut self,
        method: &str,
        params: &Php,
        caller: &Caller,
        began: u64,
        in_batch: bool,
    ) -> Called {
        let method = method.to_ascii_lowercase();
        let struck = self.faults.strike(std::slice::from_ref(&method), true);
        let charged = match self.settings.operating.charge {
            Charge::Methods => true,
            Charge::Batch => !in_batch,
            Charge::Absent => false,
        };
        let account = account(caller, &method);
        let limit = self.settings.operating.limit_ms;
        let exceeded = charged && self.counters.spent(&account, began) > limit;
        if exceeded || struck.contains(&FaultKind::OperatingLimit) {
            self.ledger.operating_refusals += 1;
            return Called {
                answered: Err(RestError::operating()),
                elapsed_ms: 0,
                time: self.time(began, 0, None),
            };
        }
        let mut after: Vec<&Deed> = Vec::new();
        let mut shapes: Vec<&Shape> = Vec::new();
        let mut intrusions: Vec<Intrusion> = Vec::new();
        for kind in &struck {
            if let FaultKind::Before(deed) = kind {
                self.act(deed);
            } else if let FaultKind::After(deed) = kind {
                after.push(deed);
            } else if let FaultKind::WrongShape(shape) = kind {
                shapes.push(shape);
            } else if let FaultKind::BetweenSelectAndMark(intrusion) = kind {
                intrusions.push(intrusion.clone());
            }
        }
        let mut answered = if struck.contains(&FaultKind::NothingMatches) {
            Ok(Reply::rows(Php::Bool(true), 0))
        } else {
            self.dispatch(&method, params, caller, &intrusions)
        };
        after.into_iter().for_each(|deed| self.act(deed));
        if let Ok(reply) = &mut answered {
            shapes.into_iter().for_each(|shape| distort(reply, shape));
        }
        let elapsed_ms = self.cost(&method, answered.as_ref().map_or(0, |reply| reply.rows));
        if charged {
            self.counters.charge(&account, began, elapsed_ms);
        }
        let time = self.time(began, elapsed_ms, charged.then_some(&account));
        Called { answered, elapsed_ms, time }
    }

    fn cost(&self, method: &str, rows: usize) -> u64 {
        let costs = &self.settings.costs;
        let extra = costs.extra_ms.get(method).copied().unwrap_or_default();
        costs.base_ms + extra + costs.per_row_us * rows as u64 / 1_000
    }

    /// The `time` object. Without an account the counters are left out, where counters exist they are 0.
    pub(crate) fn time(&mut self, began: u64, elapsed_ms: u64, account: Option<&String>) -> Php {
        #[expect(clippy::cast_precision_loss, reason = "the portal writes floats as well")]
        let seconds = |milliseconds: u64| milliseconds as f64 / 1_000.0;
        let zone = self.settings.utc_offset_minutes;
        let finished = began + elapsed_ms;
        let mut time = PhpArray::new();
        time.set("start", seconds(began));
        time.set("finish", seconds(finished));
        time.set("duration", seconds(elapsed_ms));
        time.set("processing", seconds(elapsed_ms));
        time.set("date_start", time::iso(began / 1_000, zone));
        time.set("date_finish", time::iso(finished / 1_000, zone));
        if self.settings.operating.charge == Charge::Absent {
            return time.into();
        }
        match account {
            Some(account) => {
                if let Some(reset) = self.counters.reset_at(account) {
                    time.set("operating_reset_at", reset.div_ceil(1_000));
                }
                time.set("operating", seconds(self.counters.spent(account, began)));
            }
            None => time.set("operating", 0_i64),
        }
        time.into()
    }

    fn dispatch(
        &mut self,
        method: &str,
        params: &Php,
        caller: &Caller,
        intrusions: &[Intrusion],
    ) -> Answered<Reply> {
        if method.starts_with("event.") && !caller.application {
            return Err(RestError::new(
                403,
                "WRONG_AUTH_TYPE",
                "Current authorization type is denied for this method",
            ));
        }
        match method {
            "event.bind" => self.event_bind(caller, params).map(Reply::from),
            "event.unbind" => self.event_unbind(caller, params).map(Reply::from),
            "event.get" => Ok(self.event_get().into()),
            "event.offline.get" => self.offline_get(caller, params, intrusions),
            "event.offline.clear" => self.offline_clear(caller, params),
            "event.offline.error" => self.offline_error(caller, params),
            "event.offline.list" => self.offline_list(caller, params),
            _ => match self.system_method(method, params, caller) {
                Some(answered) => answered,
                None => self.object_method(method, params, caller),
            },
        }
    }
}

/// Whose run time it is: each application or webhook has counters of its own (F30).
pub(crate) fn account(caller: &Caller, method: &str) -> String {
    let owner = if caller.application { "app" } else { "webhook" };
    format!("{owner} {method}")
}

fn distort(reply: &mut Reply, shape: &Shape) {
    match shape {
        Shape::Result(value) => reply.result = value.clone().into(),
        Shape::Body(value) => reply.body = Some(value.clone().into()),
        Shape::UnaskedId(id) => {
            if let Some(list) = list_within(&mut reply.result) {
                let mut stranger = list.values().next().cloned().unwrap_or(Php::empty());
                if let Php::Array(fields) = &mut stranger {
                    let name = if fields.get("id").is_some() { "id" } else { "ID" };
                    fields.set(name, id.as_str());
                }
                list.push(stranger);
            }
        }
        Shape::Repeated => {
            if let Some(list) = list_within(&mut reply.result) {
                let values: Vec<Php> = list.values().cloned().collect();
                values.into_iter().for_each(|value| list.push(value));
            }
        }
    }
}

/// The list that a result is or wraps (`items`, `tasks`, `events`, …).
fn list_within(result: &mut Php) -> Option<&mut PhpArray> {
    let Php::Array(array) = result else { return None };
    if array.is_list() {
        return Some(array);
    }
    array.iter_mut().find_map(|(_, value)| match value {
        Php::Array(inner) if inner.is_list() => Some(inner),
        Php::Array(_) | Php::Null | Php::Bool(_) | Php::Int(_) | Php::Float(_) | Php::Text(_) => {
            None
        }
    })
}
