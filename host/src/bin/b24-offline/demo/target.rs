//! The other system that receives the changes: it takes most of them, some only at the second
//! attempt, one never, and writes a note back to some deals.

use std::sync::Arc;

use b24_offline::{
    Batch, Change, Handle, Handler, Judgement, Millis, State, Verdict, Verdicts, WriteResult,
};
use b24_offline_emulator::{Sight, VERSION_FIELD, VERSION_FIELD_CAMEL};
use serde_json::{Value, json};

use super::people::REFUSED;
use super::scene::{Counts, Scene};

/// Of so many changes one is asked for again at first.
const ONE_RETRY_OF: u64 = 100;
const RETRY_AFTER: Millis = Millis(500);
/// Of so many deals one gets a note written back.
const ONE_NOTE_OF: u64 = 20;

/// The handler.
#[derive(Debug)]
pub(crate) struct Target {
    scene: Arc<Scene>,
    handle: Handle,
}

impl Target {
    pub(crate) fn new(scene: Arc<Scene>, handle: Handle) -> Target {
        Target { scene, handle }
    }

    /// The verdict, or nothing if the consumer dies here.
    fn take(&self, change: &Change) -> Option<Verdict> {
        let (sight, number) = (sight(change), change.object.id.parse().unwrap_or(0_u64));
        if (change.object.kind.as_str(), change.object.id.as_str()) == REFUSED {
            self.scene.refuse(&change.key, sight);
            return Some(Verdict::Reject { reason: "it has no customer number".into() });
        }
        if change.attempt == 1 && number % ONE_RETRY_OF == 7 {
            Counts::add_one(&self.scene.counts.retried);
            return Some(Verdict::Retry { after: Some(RETRY_AFTER) });
        }
        if self.scene.deliver(change, sight) {
            return None;
        }
        let present = change.state == State::Present;
        if present && change.object.kind == "crm.deal" && number % ONE_NOTE_OF == 0 {
            self.write_note(&change.object.id);
        }
        Some(Verdict::Done)
    }

    /// Writes through the machine, so that the change does not come back.
    fn write_note(&self, deal: &str) {
        let fields = json!({ "id": deal, "fields": { "COMMENTS": "in the warehouse" } });
        let written = self.handle.write("crm.deal.update", fields.to_string());
        let scene = self.scene.clone();
        tokio::spawn(async move {
            // a deal that was deleted meanwhile refuses its note; a killed consumer writes none
            if let Ok(WriteResult::Done { .. }) = written.await {
                Counts::add_one(&scene.counts.written);
            }
        });
    }
}

impl Handler for Target {
    async fn handle(&self, batch: Batch) -> Verdicts {
        let mut judgements = Vec::with_capacity(batch.changes.len());
        for change in &batch.changes {
            let Some(verdict) = self.take(change) else {
                return std::future::pending().await;
            };
            judgements.push(Judgement { key: change.key.clone(), verdict });
        }
        Verdicts::Some(judgements)
    }
}

/// What the change shows of its object: the version among the data.
fn sight(change: &Change) -> Sight {
    let version = || {
        let data: Value = serde_json::from_str(change.data.as_deref()?).ok()?;
        let version = data.get(VERSION_FIELD).or_else(|| data.get(VERSION_FIELD_CAMEL))?;
        version.as_u64().or_else(|| version.as_str()?.parse().ok())
    };
    match change.state {
        // data without a version stands for nothing that was made
        State::Present => Sight::Version(version().unwrap_or(0)),
        State::Gone => Sight::Gone,
        State::Unread => Sight::Unread,
    }
}
