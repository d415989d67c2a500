//! The user's code in a scene: what it answers, and the other system that it fills.

use b24_offline_core::{Batch, Change, Judgement, State, Verdict, Verdicts};
use b24_offline_emulator::{Sight, VERSION_FIELD, VERSION_FIELD_CAMEL};
use serde_json::Value;
use std::collections::BTreeMap;

/// How the user's code behaves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Behaviour {
    /// Everything is done.
    #[default]
    Works,
    /// Every batch fails as a whole.
    Down,
    /// The change of this object id fails so many times.
    Retries {
        /// The object's id.
        id: String,
        /// How often.
        times: u32,
    },
    /// The change of this object id is rejected each time.
    Rejects {
        /// The object's id.
        id: String,
    },
    /// Batches with this object id fail as a whole, as when the code throws.
    Throws {
        /// The object's id.
        id: String,
    },
    /// Half of a batch is judged at once, the rest a second later.
    Halves,
}

/// The other system: what was applied last to each object, and every delivery.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// The state and version that each object has there.
    pub objects: BTreeMap<(String, String), (State, Option<u64>)>,
    /// Idempotency keys of everything that was applied, with how often.
    pub applied: BTreeMap<String, u32>,
    /// Whether it drops what comes under a key that it has applied.
    pub inbox: bool,
    failures: BTreeMap<String, u32>,
}

/// What the data of a change shows.
#[must_use]
pub(crate) fn sight(change: &Change) -> Sight {
    match change.state {
        State::Gone => Sight::Gone,
        State::Unread => Sight::Unread,
        State::Present => version(change).map_or(Sight::Unread, Sight::Version),
    }
}

fn version(change: &Change) -> Option<u64> {
    let data: Value = serde_json::from_str(change.data.as_deref()?).ok()?;
    let value = data
        .get(VERSION_FIELD)
        .or_else(|| data.get(VERSION_FIELD_CAMEL))
        .or_else(|| data.get("version"))?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

impl Target {
    /// What the user's code answers, and after how long.
    pub fn answer(&mut self, behaviour: &Behaviour, batch: &Batch) -> Vec<(u64, Verdicts)> {
        let all = |verdict| vec![(5, Verdicts::All { verdict, except: Vec::new() })];
        let retry = Verdict::Retry { after: None };
        let single = |change: Option<&Change>, verdict: Verdict| match change {
            None => vec![(5, Verdicts::All { verdict: Verdict::Done, except: Vec::new() })],
            Some(change) => {
                let except = vec![Judgement { key: change.key.clone(), verdict }];
                vec![(5, Verdicts::All { verdict: Verdict::Done, except })]
            }
        };
        let find = |id: &String| batch.changes.iter().find(|change| change.object.id == *id);
        match behaviour {
            Behaviour::Works => all(Verdict::Done),
            Behaviour::Down => all(retry),
            Behaviour::Retries { id, times } => {
                let change = find(id);
                let failed = self.failures.entry(id.clone()).or_default();
                if change.is_some() && *failed < *times {
                    *failed += 1;
                    return single(change, retry);
                }
                all(Verdict::Done)
            }
            Behaviour::Rejects { id } => {
                single(find(id), Verdict::Reject { reason: "no such account".into() })
            }
            Behaviour::Throws { id } => match find(id) {
                Some(_) => all(retry),
                None => all(Verdict::Done),
            },
            Behaviour::Halves => {
                let half = batch.changes.len() / 2;
                let done =
                    |change: &Change| Judgement { key: change.key.clone(), verdict: Verdict::Done };
                let first = batch.changes.iter().take(half).map(done).collect();
                let rest = batch.changes.iter().skip(half).map(done).collect();
                vec![(5, Verdicts::Some(first)), (1_000, Verdicts::Some(rest))]
            }
        }
    }

    /// Puts a change into the other system.
    pub fn apply(&mut self, change: &Change) {
        if self.inbox && self.applied.contains_key(&change.key) {
            return;
        }
        let object = (change.object.kind.clone(), change.object.id.clone());
        self.objects.insert(object, (change.state, version(change)));
        *self.applied.entry(change.key.clone()).or_default() += 1;
    }
}
