//! What people do on the portal: objects made, changed, deleted, one or many at a time.

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Asked, Refusal, done, told};
use crate::object::ObjectId;
use crate::portal::Portal;
use crate::server::state::Shared;

/// The most objects that one call makes.
const MOST: usize = 1_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    kind: String,
    #[serde(default)]
    fields: Map<String, Value>,
    #[serde(default = "one")]
    count: usize,
}

fn one() -> usize {
    1
}

pub(super) async fn create(State(shared): State<Shared>, Asked(asked): Asked<Create>) -> Answer {
    if asked.count > MOST {
        return Err(Refusal::bad(format!("at most {MOST} objects a call")));
    }
    let fields = Value::Object(asked.fields);
    let ids: Option<Vec<String>> = shared.with_portal(|portal, now| {
        (0..asked.count).map(|_| portal.create(&asked.kind, fields.clone(), now)).collect()
    });
    match ids {
        Some(ids) => told(json!({ "ids": ids })),
        None => {
            Err(Refusal::missing(format!("there is no kind of objects called {:?}", asked.kind)))
        }
    }
}

/// Which objects of a kind: those named by `ids`, or the `count` with the lowest ids.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    kind: String,
    #[serde(default)]
    ids: Option<Vec<String>>,
    #[serde(default)]
    count: Option<usize>,
    #[serde(default)]
    fields: Map<String, Value>,
}

impl Which {
    fn ids(&self, portal: &Portal) -> Result<Vec<String>, Refusal> {
        match (&self.ids, self.count) {
            (Some(ids), None) => Ok(ids.clone()),
            (None, Some(count)) => {
                let ids = portal
                    .store
                    .shelf(&self.kind)
                    .into_iter()
                    .flat_map(|shelf| shelf.objects.keys());
                Ok(ids.take(count).map(ObjectId::text).collect())
            }
            (Some(_), Some(_)) | (None, None) => {
                Err(Refusal::bad("name the objects by ids, or say how many by count"))
            }
        }
    }

    /// Does one thing to each object. Answers the versions; an object that is not there stops it.
    fn each(&self, shared: &Shared, act: impl Fn(&mut Portal, &str, u64) -> Option<u64>) -> Answer {
        let versions: Result<Vec<u64>, Refusal> = shared.with_portal(|portal, now| {
            let ids = self.ids(portal)?;
            let missing = |id: &str| Refusal::missing(format!("there is no {} {id}", self.kind));
            ids.iter().map(|id| act(portal, id, now).ok_or_else(|| missing(id))).collect()
        });
        told(json!({ "versions": versions? }))
    }
}

pub(super) async fn change(State(shared): State<Shared>, Asked(asked): Asked<Which>) -> Answer {
    let fields = Value::Object(asked.fields.clone());
    asked.each(&shared, |portal, id, now| portal.change(&asked.kind, id, fields.clone(), now))
}

pub(super) async fn delete(State(shared): State<Shared>, Asked(asked): Asked<Which>) -> Answer {
    asked.each(&shared, |portal, id, now| portal.delete(&asked.kind, id, now))
}

pub(super) async fn restore(State(shared): State<Shared>, Asked(asked): Asked<Which>) -> Answer {
    asked.each(&shared, |portal, id, now| portal.restore(&asked.kind, id, now))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    event: String,
    #[serde(default)]
    data: Value,
}

pub(super) async fn event(State(shared): State<Shared>, Asked(asked): Asked<Event>) -> Answer {
    shared.with_portal(|portal, now| portal.record_event(&asked.event, asked.data, now));
    done()
}
