//! `batch` (F32): up to 50 sub-calls in one request, later ones may use the results of earlier ones.

use crate::error::{Answered, RestError};
use crate::hit::Execution;
use crate::php::{Key, Php, PhpArray, unfold};
use crate::portal::{Caller, Portal};
use crate::settings::Charge;

/// Sub-calls that run; each further one gets an error of its own.
const LONGEST: usize = 50;

/// The parts of a batch's answer.
#[derive(Debug, Default)]
struct Parts {
    result: PhpArray,
    error: PhpArray,
    total: PhpArray,
    next: PhpArray,
    time: PhpArray,
}

/// The sub-calls: name, method, query string.
pub(crate) fn commands(params: &Php) -> Vec<(Key, String, String)> {
    let Some(cmd) = params.get_any_case("cmd").and_then(Php::as_array) else { return Vec::new() };
    let command = |(key, value): (&Key, &Php)| {
        let text = value.text();
        let (method, query) = text.split_once('?').unwrap_or((&text, ""));
        (key.clone(), method.trim().to_ascii_lowercase(), query.to_owned())
    };
    cmd.iter().map(command).collect()
}

impl Portal {
    /// Runs a batch. It ends early at the portal's limit of time (F31) or when the server dies after
    /// `dies_after` sub-calls; what has run by then has run.
    pub(crate) fn batch(&mut self, params: &Php, caller: &Caller, dies_after: usize) -> Execution {
        let began = self.now;
        let account = crate::call::account(caller, "batch");
        let charged = self.settings.operating.charge == Charge::Batch;
        let limit = self.settings.operating.limit_ms;
        if charged && self.counters.spent(&account, began) > limit {
            self.ledger.operating_refusals += 1;
            return Execution::refused(RestError::operating());
        }
        if params.get_any_case("cmd").and_then(Php::as_array).is_none() {
            return Execution::refused(RestError::missing("cmd"));
        }
        let halt = params.get_any_case("halt").map_or(0, Php::int) != 0;
        let mut parts = Parts::default();
        let mut elapsed = 0;
        let mut cut = false;
        for (place, (name, method, query)) in commands(params).into_iter().enumerate() {
            if place >= dies_after || elapsed > self.settings.request_limit_ms {
                cut = true;
                break;
            }
            let params = referring(unfold(&query, self.settings.max_input_vars), &parts.result);
            let ran = self.sub_call(place, &method, &params, caller, began + elapsed);
            elapsed += ran.1;
            let failed = ran.0.is_err();
            parts.put(&name, ran.0, ran.2);
            if failed && halt {
                break;
            }
        }
        cut |= elapsed > self.settings.request_limit_ms;
        if charged {
            self.counters.charge(&account, began, elapsed);
        }
        let time = self.time(began, elapsed, charged.then_some(&account));
        let mut body = PhpArray::new();
        body.set("result", parts.answer());
        body.set("time", time);
        Execution { status: 200, body: body.into(), elapsed_ms: elapsed, cut }
    }

    fn sub_call(
        &mut self,
        place: usize,
        method: &str,
        params: &Php,
        caller: &Caller,
        began: u64,
    ) -> (Answered<crate::call::Reply>, u64, Php) {
        if place >= LONGEST {
            let error =
                RestError::new(400, "ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded");
            return (Err(error), 0, Php::Null);
        }
        if method == "batch" {
            let text = "Method is not allowed for batch usage";
            let error = RestError::new(405, "ERROR_BATCH_METHOD_NOT_ALLOWED", text);
            return (Err(error), 0, Php::Null);
        }
        *self.ledger.sub_calls.entry(method.to_owned()).or_insert(0) += 1;
        // the source key of the outer call alone counts, the caller carries it (F24)
        let called = self.call(method, params, caller, began, true);
        (called.answered, called.elapsed_ms, called.time)
    }
}

impl Parts {
    fn put(&mut self, name: &Key, answered: Answered<crate::call::Reply>, time: Php) {
        match answered {
            Ok(reply) => {
                self.result.set(name.clone(), reply.result);
                if let Some(total) = reply.total {
                    self.total.set(name.clone(), total);
                }
                if let Some(next) = reply.next {
                    self.next.set(name.clone(), next);
                }
                self.time.set(name.clone(), time);
            }
            Err(error) => self.error.set(name.clone(), error.body()),
        }
    }

    fn answer(self) -> Php {
        Php::map([
            ("result", self.result),
            ("result_error", self.error),
            ("result_total", self.total),
            ("result_next", self.next),
            ("result_time", self.time),
        ])
    }
}

/// Puts the results of earlier sub-calls in the place of `$result[name][field]…`.
fn referring(params: Php, results: &PhpArray) -> Php {
    match params {
        Php::Text(text) if text.contains("$result[") => refer(&text, results),
        Php::Array(array) => Php::Array(
            array
                .iter()
                .map(|(key, value)| (key.clone(), referring(value.clone(), results)))
                .collect(),
        ),
        Php::Null | Php::Bool(_) | Php::Int(_) | Php::Float(_) | Php::Text(_) => params,
    }
}

fn refer(text: &str, results: &PhpArray) -> Php {
    let mut written = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("$result[") {
        let (keys, behind) = path(after);
        if keys.is_empty() {
            written.push_str(before);
            written.push_str("$result[");
            rest = after;
            continue;
        }
        let value = reached(&keys, results);
        if written.is_empty() && before.is_empty() && behind.is_empty() {
            return value;
        }
        written.push_str(before);
        written.push_str(&value.text());
        rest = behind;
    }
    written.push_str(rest);
    Php::Text(written)
}

/// The keys of `name][field]…` and what stands behind them.
fn path(text: &str) -> (Vec<&str>, &str) {
    let mut keys = Vec::new();
    let Some((first, mut rest)) = text.split_once(']') else { return (keys, text) };
    keys.push(first);
    while let Some((key, after)) = rest.strip_prefix('[').and_then(|open| open.split_once(']')) {
        keys.push(key);
        rest = after;
    }
    (keys, rest)
}

/// The value at a path; where the path fails, the deepest value that it reached.
fn reached(keys: &[&str], results: &PhpArray) -> Php {
    let mut keys = keys.iter();
    let Some(mut value) = keys.next().and_then(|first| results.get(first)) else {
        return Php::Array(results.clone());
    };
    for key in keys {
        match value.as_array().and_then(|array| array.get(key)) {
            Some(inner) => value = inner,
            None => break,
        }
    }
    value.clone()
}
