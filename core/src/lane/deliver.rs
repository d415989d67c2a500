//! From reserved to delivered: what needs no reading, and the batches for the user's code.

use super::{Lane, Saved, Stage, Way};
use crate::change::{Change, Origin, State};
use crate::config::Retrieve;
use crate::defect::Defect;
use crate::fingerprint::Fingerprint;
use crate::id::BatchId;
use crate::record::{self, EventData, Key};
use crate::rule::Registry;

impl Lane {
    /// Makes ready what needs no call: changes without a rule, everything when nothing is to be
    /// read.
    pub(crate) fn prepare(&mut self, registry: &Registry, retrieve: Retrieve) {
        let plain: Vec<(Key, Stage)> = self
            .unread()
            .filter_map(|key| Some((key.clone(), self.without_reading(key, registry, retrieve)?)))
            .collect();
        for (key, stage) in plain {
            self.set_stage(&key, stage);
        }
    }

    fn without_reading(&self, key: &Key, registry: &Registry, retrieve: Retrieve) -> Option<Stage> {
        let work = self.work(key)?;
        match key {
            Key::Record { .. } => {
                let record = work.records.values().next()?;
                match &record.data {
                    EventData::Known(data) => {
                        Some(Stage::Ready { state: State::Unread, data: data.clone() })
                    }
                    EventData::NotNeeded => Some(Stage::Ready { state: State::Unread, data: None }),
                    EventData::ToBeListed => None,
                }
            }
            Key::Object(object) => {
                let read = retrieve != Retrieve::None && registry.rule(&object.kind).is_some();
                (!read).then_some(Stage::Ready { state: State::Unread, data: None })
            }
        }
    }

    /// Whether the journal knows every reservation that the object's records are under.
    fn is_saved(&self, key: &Key) -> bool {
        if self.broken.has(Defect::DeliverBeforeSaved) {
            return true;
        }
        self.work(key).is_some_and(|work| {
            work.records.values().filter_map(|record| record.process.as_ref()).all(|process| {
                let reservation = self.reservations.get(process);
                reservation.is_none_or(|reservation| reservation.saved == Saved::Yes)
            })
        })
    }

    /// Up to `most` changes that can be delivered, fewer where one of them must not have so many
    /// companions. `only` narrows the choice to one object.
    pub(crate) fn next_batch(
        &mut self,
        batch: BatchId,
        most: u32,
        only: Option<&Key>,
    ) -> Vec<(Key, Change)> {
        self.rejoin_emptied();
        let mut most = most;
        let mut chosen: Vec<Key> = Vec::new();
        for key in self.ready() {
            if chosen.len() as u64 >= u64::from(most) {
                break;
            }
            if only.is_some_and(|only| only != key) || !self.is_saved(key) {
                continue;
            }
            let Some(work) = self.work(key) else { continue };
            let companions = work.tries.companions;
            if !chosen.is_empty() && chosen.len() as u64 >= u64::from(companions) {
                continue;
            }
            most = most.min(companions);
            chosen.push(key.clone());
        }
        chosen.into_iter().filter_map(|key| self.deliver(key, batch)).collect()
    }

    /// An object whose records the portal freed and changed meanwhile starts again.
    fn rejoin_emptied(&mut self) {
        for key in self.index.emptied.clone() {
            self.update(&key, |work| {
                work.join();
                work.stage = Stage::Unread;
            });
            if self.work(&key).is_some_and(|work| work.records.is_empty()) {
                self.finish(&key);
            }
        }
    }

    fn deliver(&mut self, key: Key, batch: BatchId) -> Option<(Key, Change)> {
        let timeless = self.broken.has(Defect::KeyWithoutTime);
        let verifies = self.verifies;
        let change = self.update(&key, |work| {
            let Stage::Ready { state, data } = std::mem::replace(&mut work.stage, Stage::Unread)
            else {
                return None;
            };
            work.stage = Stage::Delivered(batch);
            if verifies {
                // read again, it is read in the same way: another method has other fields
                work.delivered = Fingerprint::of(state, data.as_deref());
            } else {
                work.way = Way::Many;
            }
            Some(Change {
                key: if timeless {
                    record::key_without_time(&work.records)
                } else {
                    work.idempotency_key()
                },
                object: key.object(),
                events: record::events(&work.records),
                state,
                data,
                changed_at: record::changed_at(&work.records),
                attempt: work.tries.failed.saturating_add(1),
                origin: match work.origin {
                    Origin::Redriven => Origin::Redriven,
                    Origin::Fresh | Origin::Recovered => record::origin(&work.records),
                },
            })
        })??;
        Some((key, change))
    }
}
