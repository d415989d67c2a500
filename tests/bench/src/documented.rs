//! The loop that the documentation of the queue describes, on virtual time: once as it stands, object by object, and
//! once as well as its own means allow.

use anyhow::{Context, Result};
use b24_offline_emulator::{Outcome, Portal, Request, Settings, Sight, VERSION_FIELD};
use b24_offline_tests::scene::{CONNECTOR, DEALS};
use serde_json::{Value, json};

use crate::cost::Cost;
use crate::figure::real;
use crate::hosts::lost_answer;

/// Where the turned clock begins, in milliseconds.
const BEGAN: u64 = 1_795_392_000_000;
/// So long a loop waits that was told to slow down.
const PAUSE_MS: u64 = 1_000;
/// A token is renewed that lives shorter than this, in seconds.
const SPARE: u64 = 60;
/// Objects of a list, and calls of a batch.
const PAGE: usize = 50;

/// How the loop reads what it has reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `event.offline.get` with its 50 records, one `crm.deal.get` for each object, `event.offline.clear`.
    Naive,
    /// The same with one `crm.deal.list` for the 50.
    Lists,
    /// 2,500 records at once, read by one batch of 50 lists.
    Best,
}

impl Way {
    /// From the plainest to the cleverest.
    pub const ALL: [Way; 3] = [Way::Naive, Way::Lists, Way::Best];

    /// What it is called in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Way::Naive => "documented loop, naive",
            Way::Lists => "documented loop, lists of 50",
            Way::Best => "documented loop, best",
        }
    }

    fn limit(self) -> usize {
        match self {
            Way::Naive | Way::Lists => PAGE,
            Way::Best => PAGE * PAGE,
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
    let mut run = Loop::new(changes);
    while run.round(way)? {}
    let cost = Cost::of(&run.portal.audit(), real(run.now - BEGAN) / 1_000.0)?;
    Ok(Cost { requests: cost.requests - run.refused, refused: 0, ..cost })
}

/// How many objects are lost when one answer of the queue is, on its way to the loop.
///
/// # Errors
/// When something else goes wrong.
pub fn lost(changes: u64, way: Way) -> Result<u64> {
    let mut run = Loop::new(changes);
    run.portal.inject(lost_answer());
    while run.round(way)? {}
    Ok(run.portal.audit().lost.len() as u64)
}

impl Loop {
    fn new(changes: u64) -> Loop {
        let mut portal = Portal::new(Settings::default(), BEGAN);
        for event in DEALS.split_whitespace() {
            portal.bind(event, CONNECTOR);
        }
        for number in 0..changes {
            portal.create("crm.deal", json!({ "TITLE": number.to_string() }), BEGAN);
        }
        Loop { portal, token: String::new(), expires_at: 0, now: BEGAN, refused: 0 }
    }

    /// One reservation; `false` when nothing waits.
    fn round(&mut self, way: Way) -> Result<bool> {
        let wanted = json!({ "clear": 0, "limit": way.limit() });
        // an answer that is lost is asked for again, which reserves other records
        let Some(reserved) = self.call("event.offline.get", &wanted)? else { return Ok(true) };
        let events = reserved.get("events").and_then(Value::as_array).context("no events")?;
        if events.is_empty() {
            return Ok(false);
        }
        let id = |event: &Value| Some(event.pointer("/EVENT_DATA/FIELDS/ID")?.as_str()?.to_owned());
        let ids: Vec<String> = events.iter().filter_map(id).collect();
        match way {
            Way::Naive => {
                for id in ids {
                    let deal = self.result("crm.deal.get", &json!({ "id": id }))?;
                    self.deliver(&deal)?;
                }
            }
            Way::Lists => {
                let select = ["*", "UF_*"];
                let filter = json!({ "filter": { "@ID": ids }, "start": -1, "select": select });
                let deals = self.result("crm.deal.list", &filter)?;
                self.deliver_all(&deals)?;
            }
            Way::Best => {
                let commands: Vec<String> = ids.chunks(PAGE).map(list).collect();
                let answer = self.result("batch", &json!({ "halt": 1, "cmd": commands }))?;
                let lists = answer.get("result").and_then(Value::as_array).context("no lists")?;
                lists.iter().try_for_each(|deals| self.deliver_all(deals))?;
            }
        }
        let process = reserved.get("process_id").cloned().context("no process_id")?;
        self.result("event.offline.clear", &json!({ "process_id": process }))?;
        Ok(true)
    }

    fn deliver_all(&mut self, deals: &Value) -> Result<()> {
        let deals = deals.as_array().context("no list of deals")?;
        deals.iter().try_for_each(|deal| self.deliver(deal))
    }

    fn deliver(&mut self, deal: &Value) -> Result<()> {
        let field = |name| deal.get(name).and_then(Value::as_str).context("a deal without a field");
        let sight = Sight::Version(field(VERSION_FIELD)?.parse()?);
        self.portal.delivered("crm.deal", field("ID")?, sight, self.now);
        Ok(())
    }

    fn result(&mut self, method: &str, params: &Value) -> Result<Value> {
        self.call(method, params)?.with_context(|| format!("{method} was not answered"))
    }

    /// Calls a method, later if the bucket is full. None when the answer is lost.
    fn call(&mut self, method: &str, params: &Value) -> Result<Option<Value>> {
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
                return Ok(None);
            };
            if status == 503 {
                self.refused += 1;
                self.now += PAUSE_MS;
                continue;
            }
            self.now += delay_ms;
            let mut answer: Value = serde_json::from_str(&body)?;
            let result = answer.get_mut("result").map(Value::take);
            return result.with_context(|| format!("{method}: {answer}")).map(Some);
        }
    }
}

/// A call of a batch that lists these deals.
fn list(ids: &[String]) -> String {
    let named: String = ids.iter().map(|id| format!("&filter[@ID][]={id}")).collect();
    format!("crm.deal.list?start=-1&select[]=*&select[]=UF_*{named}")
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
    fn with_lists_each_page_costs_three_requests_and_at_best_each_fifty_pages() {
        let requests = |changes, way| drain(changes, way).unwrap().requests;
        assert_eq!(requests(120, Way::Lists), 3 * 3 + 1);
        assert_eq!(requests(120, Way::Best), 3 + 1);
        assert_eq!(requests(2_600, Way::Best), 2 * 3 + 1);
    }

    #[test]
    fn a_lost_answer_loses_all_that_it_named() {
        let lost = Way::ALL.map(|way| lost(120, way).unwrap());
        assert_eq!(lost, [50, 50, 120]);
        assert_eq!(super::lost(5_000, Way::Best).unwrap(), 2_500);
    }
}
