//! What a run came to: deliveries told to the audit, the audit itself, the table, the logs.

use axum::body::to_bytes;
use axum::extract::{Request, State};
use serde::Deserialize;
use serde_json::{Deserializer, Value, json};

use super::answer::{Answer, Refusal, told};
use crate::audit::Sight;
use crate::object::{VERSION_FIELD, VERSION_FIELD_CAMEL};
use crate::server::state::Shared;
use crate::server::wire::LONGEST_BODY;

/// An object that was delivered or parked, in the form in which `b24-offline listen --jsonl` writes a change;
/// other fields of the line are passed over.
#[derive(Deserialize)]
struct Change {
    object: Object,
    #[serde(default)]
    state: Seen,
    #[serde(default)]
    data: Value,
}

#[derive(Deserialize)]
struct Object {
    kind: String,
    id: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Seen {
    Present,
    Gone,
    #[default]
    Unread,
}

impl Change {
    fn sight(&self) -> Result<Sight, Refusal> {
        let object = &self.object;
        match self.state {
            Seen::Gone => Ok(Sight::Gone),
            Seen::Unread => Ok(Sight::Unread),
            Seen::Present => version(&self.data).map(Sight::Version).ok_or_else(|| {
                Refusal::bad(format!("the data of {} {} has no version", object.kind, object.id))
            }),
        }
    }
}

fn version(data: &Value) -> Option<u64> {
    let version = data.get(VERSION_FIELD).or_else(|| data.get(VERSION_FIELD_CAMEL))?;
    version.as_u64().or_else(|| version.as_str()?.parse().ok())
}

/// Reads changes from a body of JSON lines, or of one array.
async fn changes(request: Request) -> Result<Vec<Change>, Refusal> {
    let body = to_bytes(request.into_body(), LONGEST_BODY)
        .await
        .map_err(|_| Refusal::bad("the body is too long or did not come whole"))?;
    let mut changes = Vec::new();
    for value in Deserializer::from_slice(&body).into_iter::<Value>() {
        let value = value.map_err(|error| Refusal::bad(error.to_string()))?;
        let values = if let Value::Array(values) = value { values } else { vec![value] };
        for value in values {
            let change = serde_json::from_value(value);
            changes.push(change.map_err(|error| Refusal::bad(error.to_string()))?);
        }
    }
    Ok(changes)
}

pub(super) async fn delivered(State(shared): State<Shared>, request: Request) -> Answer {
    let changes = changes(request).await?;
    shared.with_portal(|portal, now| {
        for change in &changes {
            portal.delivered(&change.object.kind, &change.object.id, change.sight()?, now);
        }
        told(json!({ "counted": changes.len() }))
    })
}

pub(super) async fn parked(State(shared): State<Shared>, request: Request) -> Answer {
    let changes = changes(request).await?;
    shared.with_portal(|portal, _| {
        for change in &changes {
            portal.parked(&change.object.kind, &change.object.id, change.sight()?);
        }
        told(json!({ "counted": changes.len() }))
    })
}

pub(super) async fn audit(State(shared): State<Shared>) -> Answer {
    shared.with_portal(|portal, _| told(portal.audit()))
}

pub(super) async fn queue(State(shared): State<Shared>) -> Answer {
    shared.with_portal(|portal, _| told(portal.queue()))
}

pub(super) async fn requests(State(shared): State<Shared>) -> Answer {
    told(shared.requests())
}

pub(super) async fn notifications(State(shared): State<Shared>) -> Answer {
    told(shared.notifications())
}
