//! The loop that the documentation of the queue describes, run against a portal of its own with
//! the same changes: reserve 50 records, read each object, confirm the reservation.

use std::collections::BTreeSet;

use anyhow::{Context, bail, ensure};
use b24_offline_emulator::{Outcome, Portal, Request, Settings, Sight, Tokens};
use serde_json::{Map, Value, json};

use super::people::{KINDS, Kind, People};
use super::{CONNECTOR, Rate};

/// Where the turned clock begins: 2026-11-23T00:00:00Z, in milliseconds.
const BEGAN: u64 = 1_795_392_000_000;
const PAGE: u64 = 50;
/// So long a loop waits that was told to slow down, or found nothing.
const PAUSE_MS: u64 = 1_000;

/// What the loop needed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Documented {
    /// Requests that were answered, those that the bucket refused left out.
    pub(crate) requests: u64,
    /// How long it took on the turned clock.
    pub(crate) seconds: u64,
}

/// The loop with its portal and clock.
struct Loop {
    portal: Portal,
    people: People,
    rate: Rate,
    tokens: Tokens,
    now: u64,
}

impl Documented {
    /// Runs it on a turned clock, without HTTP and without any fault.
    ///
    /// # Errors
    /// When it lost something: its figures would stand for less work.
    pub(crate) fn measure(
        settings: Settings,
        people: People,
        rate: Rate,
    ) -> anyhow::Result<Documented> {
        let mut portal = Portal::new(settings, BEGAN);
        for event in KINDS.iter().flat_map(Kind::events) {
            portal.bind(&event, CONNECTOR);
        }
        let tokens = portal.issue_token("1");
        let mut run = Loop { portal, people, rate, tokens, now: BEGAN };
        while run.round()? {}
        let audit = run.portal.audit();
        ensure!(audit.lost.is_empty(), "the documented loop is at fault: {:?}", audit.lost);
        Ok(Documented {
            requests: audit.requests - audit.bucket_violations,
            seconds: (run.now - BEGAN) / 1_000,
        })
    }
}

impl Loop {
    /// One page of the queue; `false` when all is done.
    fn round(&mut self) -> anyhow::Result<bool> {
        let reserved = self.call("event.offline.get", json!({ "clear": 0, "limit": PAGE }))?;
        let events = reserved.get("events").and_then(Value::as_array).context("no events")?;
        if events.is_empty() {
            self.now += PAUSE_MS;
            return Ok(!self.people.are_done());
        }
        let mut read = BTreeSet::new();
        for event in events {
            let (kind, id, deleted) = meant(event).context("a record without an object")?;
            if deleted {
                self.portal.delivered(kind.name, &id, Sight::Gone, self.now);
            } else if read.insert((kind.name, id.clone())) {
                self.read(kind, &id)?;
            }
        }
        let process = reserved.get("process_id").cloned().context("no process_id")?;
        self.call("event.offline.clear", json!({ "process_id": process }))?;
        Ok(true)
    }

    fn read(&mut self, kind: &Kind, id: &str) -> anyhow::Result<()> {
        let (method, params) = match kind.name.split_once(':') {
            Some((stem, number)) => {
                (format!("{stem}.get"), json!({ "entityTypeId": number, "id": id }))
            }
            None if kind.name == "tasks.task" => {
                ("tasks.task.get".to_owned(), json!({ "taskId": id, "select": ["*"] }))
            }
            None => (format!("{}.get", kind.name), json!({ "id": id })),
        };
        // its answer holds the object as it is now; an object deleted meanwhile answers an error
        self.send(&method, params)?;
        let sight = Sight::from(self.portal.version(kind.name, id));
        self.portal.delivered(kind.name, id, sight, self.now);
        Ok(())
    }

    fn call(&mut self, method: &str, params: Value) -> anyhow::Result<Value> {
        let mut answer = self.send(method, params)?;
        answer.get_mut("result").map(Value::take).with_context(|| format!("{method}: {answer}"))
    }

    /// Sends a request, later if the bucket is full.
    fn send(&mut self, method: &str, params: Value) -> anyhow::Result<Value> {
        loop {
            self.people_go_on();
            if self.now / 1_000 + 60 > self.tokens.expires_at {
                self.tokens = self.portal.issue_token("1");
            }
            let Value::Object(mut params) = params.clone() else { bail!("no parameters") };
            self.authorise(&mut params);
            let request = Request::call(method, Value::Object(params));
            let Outcome::Answer { status, body, delay_ms, .. } =
                self.portal.handle(&request, self.now)
            else {
                bail!("{method} was not answered");
            };
            if status == 503 || status == 429 {
                self.now += PAUSE_MS;
                continue;
            }
            self.now += delay_ms;
            return Ok(serde_json::from_str(&body)?);
        }
    }

    fn authorise(&self, params: &mut Map<String, Value>) {
        params.insert("auth".into(), self.tokens.access_token.clone().into());
        params.insert("auth_connector".into(), CONNECTOR.into());
    }

    fn people_go_on(&mut self) {
        let due = self.rate.made_after(self.now - BEGAN);
        while self.people.made() < due && self.people.change(&mut self.portal, self.now).is_some() {
        }
    }
}

/// The object that a record is about, and whether it was deleted.
fn meant(event: &Value) -> Option<(&'static Kind, String, bool)> {
    let name = event.get("EVENT_NAME")?.as_str()?;
    let action = |kind: &Kind| name.strip_prefix(kind.stem).map(|action| action == "DELETE");
    let (kind, deleted) = KINDS.iter().find_map(|kind| Some((kind, action(kind)?)))?;
    let data = event.get("EVENT_DATA")?;
    let places = ["FIELDS", "FIELDS_AFTER", "FIELDS_BEFORE"];
    let id = places.iter().find_map(|place| data.get(place)?.get("ID"))?;
    let text = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    Some((kind, text, deleted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_needs_a_request_for_each_object_and_two_for_each_page() {
        let settings = Settings { seed: 5, ..Settings::default() };
        let rate = Rate { before: 900, per_second: 100 };
        let measured = Documented::measure(settings, People::new(5, 1_000), rate).unwrap();
        assert!((700..1_000).contains(&measured.requests), "{measured:?}");
        // 50 at once and then two a second
        let paced = (measured.requests - 51) / 2;
        assert!((paced..paced + 20).contains(&measured.seconds), "{measured:?}");
    }
}
