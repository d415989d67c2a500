//! Rounds: what goes into the next batch.

mod call;
mod due;

use crate::clock::Moment;
use crate::config::Until;
use crate::defect::Defect;
use crate::deletion::Run;
use crate::id::{EventName, MessageId, ProcessId, RecordId};
use crate::lane::Stage;
use crate::machine::{Machine, PhaseState};
use crate::ordered::Map;
use crate::probe;
use crate::record::Key;
use crate::reserve::Limits;
use crate::retrieve::{self, Reading};
use crate::sweep::Page;
use crate::time::Millis;
use crate::wire::request::MOST_SUB_CALLS;
use crate::write::Write;

/// How long an object rests after its `error` was sent (F31).
pub(crate) const REST: Millis = Millis::seconds(60);
/// A portal's answer may take 60 s.
pub(crate) const TIMEOUT: Millis = Millis::seconds(65);
/// Verdicts are waited for so long, to be settled with what else is to be asked.
const LINGER: Millis = Millis(300);
/// What is done is settled within this time, or with the next look at the queue.
const SETTLE_WITHIN: Millis = Millis(2_000);
// together with two looks, the bindings and the lag these fit into a batch
const MOST_CLEARS: usize = 18;
const MOST_ERRORS: usize = 4;
const MOST_OF_ONE: usize = 4;
const MOST_WRITES: usize = 8;
const MOST_PAGES: usize = 8;
/// While the sweep holds everything else back it may have more.
const MOST_PAGES_ALONE: usize = 18;
const MOST_BINDS: usize = 4;
/// Records that others' lie between need a call each, and readings need room too.
const MOST_DELETES: usize = 24;

/// The two plan features that matter (F22).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feature {
    OfflineExtended,
    AuthConnector,
}

/// The two lanes of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Fresh,
    Errored,
}

/// A page of free records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listing {
    /// Of one lane, oldest ID first; at most so many of it are taken.
    Lane { side: Side, page: u32, limit: u32 },
    /// Of both lanes, oldest change first: those close to the age of deletion are taken.
    Oldest { page: u32 },
}

/// What one sub-call asks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ask {
    Feature(Feature),
    Bindings,
    Bind(EventName),
    Clear {
        process: ProcessId,
        ids: Vec<RecordId>,
    },
    Error {
        key: Key,
        process: ProcessId,
        messages: Vec<MessageId>,
    },
    Write(Write),
    Read(Reading),
    Get {
        side: Side,
        limit: u32,
    },
    /// Lists free records, to be deleted after the journal knows them.
    List(Listing),
    Delete(Run),
    Lag,
    Sweep(Page),
    /// Whether a clear has cleared.
    Probe {
        process: ProcessId,
        ids: Vec<RecordId>,
    },
}

/// One batch on its way.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    pub(crate) asks: Vec<Asked>,
    pub(crate) number: u64,
    pub(crate) sent: Moment,
}

/// One sub-call on its way.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) method: String,
    pub(crate) ask: Ask,
}

impl Round {
    /// How many objects it reads, and one of them.
    pub(crate) fn objects(&self) -> (usize, Option<Key>) {
        let keys: Vec<Key> = self
            .asks
            .iter()
            .filter_map(|asked| match &asked.ask {
                Ask::Read(reading) => Some(reading.keys()),
                Ask::Feature(_)
                | Ask::Bindings
                | Ask::Bind(_)
                | Ask::Clear { .. }
                | Ask::Error { .. }
                | Ask::Write(_)
                | Ask::Get { .. }
                | Ask::List(_)
                | Ask::Delete(_)
                | Ask::Lag
                | Ask::Sweep(_)
                | Ask::Probe { .. } => None,
            })
            .flatten()
            .collect();
        (keys.len(), keys.into_iter().next())
    }

    pub(crate) fn reserves(&self) -> bool {
        self.asks.iter().any(|asked| matches!(asked.ask, Ask::Get { .. } | Ask::List(_)))
    }
}

impl Machine {
    /// What the next round asks; `None` when nothing is due.
    pub(crate) fn next_round(&mut self, now: Moment) -> Option<Vec<Ask>> {
        match &self.phase {
            PhaseState::Checking => self.check_asks(),
            PhaseState::Running => self.drain_asks(now),
            PhaseState::Stopping { .. } => self.closing_asks(),
            PhaseState::Closing(_) | PhaseState::Ended(_) => None,
        }
    }

    /// First what the plan allows and what is bound, then what is missing.
    fn check_asks(&self) -> Option<Vec<Ask>> {
        let mut asks = Vec::new();
        if self.may("feature.get") {
            let unknown = |known: Option<bool>, feature| known.is_none().then_some(feature);
            let check = &self.check;
            asks.extend(unknown(check.extended, Feature::OfflineExtended).map(Ask::Feature));
            asks.extend(unknown(check.connectors, Feature::AuthConnector).map(Ask::Feature));
        }
        if self.check.missing.is_none() && self.may("event.get") {
            asks.push(Ask::Bindings);
        }
        if self.check.is_known() && self.may("event.bind") {
            let missing = self.check.missing.iter().flatten();
            asks.extend(missing.take(MOST_SUB_CALLS).cloned().map(Ask::Bind));
        }
        (!asks.is_empty()).then_some(asks)
    }

    /// Whether the portal lets this method be called now.
    fn may(&self, method: &str) -> bool {
        !self.pace.is_limited(method, self.now())
    }

    fn clears(&self) -> Vec<Ask> {
        if !self.may("event.offline.clear") {
            return Vec::new();
        }
        let calls = self.settle.calls(MOST_CLEARS).into_iter();
        let mut asks: Vec<Ask> = calls.map(|(process, ids)| Ask::Clear { process, ids }).collect();
        if !self.settle.proven && self.may("event.offline.list") {
            let probe = asks.first().and_then(probe::behind);
            asks.splice(asks.len().min(1)..asks.len().min(1), probe);
        }
        asks
    }

    /// Something harmless that shows whether the portal answers without the suspected object.
    fn suspect_ask(&self) -> Option<Ask> {
        self.suspect.as_ref()?;
        let asks = [("event.offline.list", Ask::Lag), ("event.get", Ask::Bindings)];
        asks.into_iter().find(|(method, _)| self.may(method)).map(|(_, ask)| ask)
    }

    fn write_asks(&mut self, now: Moment, room: usize) -> Vec<Ask> {
        // with nothing to read there is room for more
        let most = if self.lane.has_unread() { MOST_WRITES } else { 3 * MOST_WRITES };
        self.take_writes(most.min(room), true, now).into_iter().map(Ask::Write).collect()
    }

    fn closing_asks(&mut self) -> Option<Vec<Ask>> {
        let now = self.book.clock.now();
        let mut asks = self.clears();
        asks.extend(self.write_asks(now, MOST_SUB_CALLS.saturating_sub(asks.len())));
        if self.lane.is_verifying() {
            asks.extend(self.read_asks(now, MOST_SUB_CALLS.saturating_sub(asks.len())));
        }
        (!asks.is_empty()).then_some(asks)
    }

    fn drain_asks(&mut self, now: Moment) -> Option<Vec<Ask>> {
        if !self.is_round_due(now) {
            return None;
        }
        let mut asks = self.clears();
        asks.extend(self.error_asks(now));
        let mut tail = Vec::new();
        if let Some(Limits { fresh, mut errored }) = self.get_limits(now) {
            let to_the_end = self.config.until == Until::Empty;
            if self.has(Defect::NoErrorLane) || (self.has(Defect::EmptyIgnoresErrors) && to_the_end)
            {
                errored = 0;
            }
            let sides = [(Side::Fresh, fresh), (Side::Errored, errored)];
            for (side, limit) in sides.into_iter().filter(|(_, limit)| *limit > 0) {
                if self.is_deleting() {
                    tail.extend(self.list_asks(side, limit));
                } else {
                    tail.push(Ask::Get { side, limit });
                }
            }
            if fresh > 0 {
                // a nudge that comes from now on asks for another look
                self.reserve.idle.by_nudge = std::mem::take(&mut self.reserve.nudged);
            }
        }
        tail.extend(self.oldest_asks(now));
        let room = MOST_SUB_CALLS.saturating_sub(asks.len() + tail.len());
        tail.extend(self.sweep_asks(now, room));
        let room = MOST_DELETES.min(MOST_SUB_CALLS.saturating_sub(asks.len() + tail.len()));
        tail.extend(self.delete_asks(room));
        let binds = if self.may("event.bind") { MOST_BINDS } else { 0 };
        let room = binds.min(MOST_SUB_CALLS.saturating_sub(asks.len() + tail.len()));
        tail.extend(self.rebind.due.iter().take(room).cloned().map(Ask::Bind));
        if asks.is_empty() && tail.is_empty() {
            tail.extend(self.suspect_ask());
        }
        let free = MOST_SUB_CALLS.saturating_sub(asks.len() + tail.len());
        let writes = self.write_asks(now, free);
        let free = free.saturating_sub(writes.len());
        asks.extend(writes);
        if free > 0 {
            asks.extend(self.read_asks(now, free));
        }
        asks.extend(tail);
        (!asks.is_empty()).then_some(asks)
    }

    fn error_asks(&mut self, now: Moment) -> Vec<Ask> {
        if !self.may("event.offline.error") {
            return Vec::new();
        }
        let keys: Vec<Key> = self.lane.errors_due().take(MOST_ERRORS).cloned().collect();
        let mut asks = Vec::new();
        for key in keys {
            let Some(work) = self.lane.work(&key) else { continue };
            let mut by_process: Map<ProcessId, Vec<MessageId>> = Map::new();
            for record in work.records.values().filter(|record| !record.errored) {
                let Some(process) = record.process.clone() else { continue };
                let message = record.message.clone();
                by_process.change(process, |messages| messages.push(message));
            }
            // records of more reservations than that stay reserved, and go with the rest when done
            for (process, messages) in by_process.into_iter().take(MOST_OF_ONE) {
                asks.push(Ask::Error { key: key.clone(), process, messages });
            }
            // until the answer tells more exactly
            let until = now.plus(TIMEOUT).plus(TIMEOUT).plus(REST);
            self.lane.set_stage(&key, Stage::Resting { until });
            if asks.len() >= MOST_ERRORS {
                break;
            }
        }
        asks
    }

    fn sweeps_no_more(&self) -> bool {
        self.has(Defect::NoSweep) || (self.has(Defect::SweepOnce) && self.sweep.completed > 0)
    }

    fn sweep_asks(&mut self, now: Moment, room: usize) -> Vec<Ask> {
        if self.is_last_sweep_due() {
            self.sweep.demand_once(now);
        }
        if !self.sweep.is_due(now) || !self.may("event.offline.list") || self.sweeps_no_more() {
            return Vec::new();
        }
        let mut asks = Vec::new();
        if !self.sweep.is_running() {
            let known = self.known_processes();
            let counts = !self.leases.is_shared();
            let records = self.known_reserved();
            self.sweep.begin(known.iter(), records, now, self.book.rounds, counts);
            self.watch_begins(now);
            self.rebind.unseen = true;
            asks.extend(self.plan_asks());
            asks.push(Ask::Lag);
        }
        // the round that began the sweep may have been refused
        let binds = self.rebind.unseen && self.may("event.get");
        asks.splice(0..0, binds.then_some(Ask::Bindings));
        let most = if self.reserve.after_sweep { MOST_PAGES_ALONE } else { MOST_PAGES };
        let most = most.min(room.saturating_sub(asks.len()));
        asks.extend(self.sweep.pages(most).into_iter().map(Ask::Sweep));
        asks
    }

    fn read_asks(&mut self, now: Moment, calls: usize) -> Vec<Ask> {
        if self.suspect.is_some() {
            return Vec::new();
        }
        let pace = &self.pace;
        let limited = |method: &str| pace.is_limited(method, now);
        let readings = retrieve::plan(
            &self.lane,
            &self.registry,
            self.config.retrieve,
            calls,
            self.read_cap,
            self.phase != PhaseState::Running,
            &limited,
        );
        for key in readings.iter().flat_map(Reading::keys) {
            self.lane.set_stage(&key, Stage::Reading);
        }
        readings.into_iter().map(Ask::Read).collect()
    }
}
