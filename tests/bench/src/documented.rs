//! The loop that the documentation of the queue describes, on virtual time: once as it stands, object by object, and
//! once as well as its own means allow.

use anyhow::{Context, Result, bail};
use b24_offline_emulator::{Outcome, Portal, Request, Settings, Sight, VERSION_FIELD};
use b24_offline_tests::scene::{CONNECTOR, DEALS};
use serde_json::{Value, json};

use crate::cost::Cost;
use crate::figure::real;

/// Where the turned clock begins, in milliseconds.
const BEGAN: u64 = 1_795_392_000_000;
/// So long a loop waits that was told to slow down.
const PAUSE_MS: u64 = 1_000;
/// A token is renewed that lives shorter than this, in seconds.
const SPARE: u64 = 60;

/// How the loop reads what it has reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `event.offline.get` with its 50 records, one `crm.deal.get` for each object, `event.offline.clear`.
    Naive,
    /// The same with one `crm.deal.list` for the 50.
    Best,
}

impl Way {
    /// What it is called in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Way::Naive => "documented loop, naive",
            Way::Best => "documented loop, best",
        }
    }
}

struct Loop {
    portal: Portal,
    token: String,
    expires_at: u64,
    now: u64,
    refused: u64,
}

/// Drains so many new deals; requests that the bucket refused are sent again a second later and not counted, as the
/// loop could know the bucket.
///
/// # Errors
/// When it loses something.
pub fn drain(changes: u64, way: Way) -> Result<Cost> {
    let mut portal = Portal::new(Settings::default(), BEGAN);
    DEALS.split_whitespace().for_each(|event| {
        portal.bind(event, CONNECTOR);
    });
    for number in 0..changes {
        portal.create("crm.deal", json!({ "TITLE": number.to_string() }), BEGAN);
    }
    let mut run = Loop { portal, token: String::new(), expires_at: 0, now: BEGAN, refused: 0 };
    while run.round(way)? {}
    let cost = Cost::of(&run.portal.audit(), real(run.now - BEGAN) / 1_000.0)?;
    Ok(Cost { requests: cost.requests - run.refused, refused: 0, ..cost })
}

impl Loop {
    /// One reservation; `false` when nothing waits.
    fn round(&mut self, way: Way) -> Result<bool> {
        let reserved = self.call("event.offline.get", &json!({ "clear": 0 }))?;
        let events = reserved.get("events").and_then(Value::as_array).context("no events")?;
        if events.is_empty() {
            return Ok(false);
        }
        let id = |event: &Value| event.pointer("/EVENT_DATA/FIELDS/ID").cloned();
        let ids: Vec<Value> = events.iter().filter_map(id).collect();
        match way {
            Way::Naive => {
                for id in ids {
                    let deal = self.call("crm.deal.get", &json!({ "id": id }))?;
                    self.deliver(&deal)?;
                }
            }
            Way::Best => {
                let filter = json!({ "filter": { "@ID": ids }, "start": -1, "select": ["*", "UF_*"] });
                let deals = self.call("crm.deal.list", &filter)?;
                let deals = deals.as_array().context("no list of deals")?;
                deals.iter().try_for_each(|deal| self.deliver(deal))?;
            }
        }
        let process = reserved.get("process_id").cloned().context("no process_id")?;
        self.call("event.offline.clear", &json!({ "process_id": process }))?;
        Ok(true)
    }

    fn deliver(&mut self, deal: &Value) -> Result<()> {
        let field = |name| deal.get(name).and_then(Value::as_str).context("a deal without a field");
        let sight = Sight::Version(field(VERSION_FIELD)?.parse()?);
        self.portal.delivered("crm.deal", field("ID")?, sight, self.now);
        Ok(())
    }

    /// Calls a method, later if the bucket is full.
    fn call(&mut self, method: &str, params: &Value) -> Result<Value> {
        loop {
            if self.now / 1_000 + SPARE > self.expires_at {
                let tokens = self.portal.issue_token("1");
                (self.token, self.expires_at) = (tokens.access_token, tokens.expires_at);
            }
            let mut params = params.clone();
            if let Some(params) = params.as_object_mut() {
                params.insert("auth".to_owned(), json!(self.token));
                params.insert("auth_connector".to_owned(), json!(CONNECTOR));
            }
            let outcome = self.portal.handle(&Request::call(method, params), self.now);
            let Outcome::Answer { status, body, delay_ms, .. } = outcome else {
                bail!("{method} was not answered");
            };
            if status == 503 {
                self.refused += 1;
                self.now += PAUSE_MS;
                continue;
            }
            self.now += delay_ms;
            let mut answer: Value = serde_json::from_str(&body)?;
            let result = answer.get_mut("result").map(Value::take);
            return result.with_context(|| format!("{method}: {answer}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn naively_each_object_costs_a_request_and_each_page_two() {
        let cost = drain(120, Way::Naive).unwrap();
        // three pages, their objects, and the look at the empty queue
        assert_eq!((cost.changes, cost.requests, cost.refused), (120, 3 * 2 + 120 + 1, 0));
        // 50 at once and then two a second
        assert!((38.0..50.0).contains(&cost.seconds), "{cost:?}");
    }

    #[test]
    fn at_best_each_page_costs_three_requests() {
        let cost = drain(120, Way::Best).unwrap();
        assert_eq!((cost.changes, cost.requests), (120, 3 * 3 + 1));
    }
}
