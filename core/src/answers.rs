//! What the answer to each kind of sub-call changes.

use crate::State;
use crate::check;
use crate::clock::Moment;
use crate::defect::Defect;
use crate::deletion::is_old;
use crate::failure::Failure;
use crate::id::{EventName, ProcessId, RecordId};
use crate::json::Raw;
use crate::lane::{Stage, Way};
use crate::machine::{Machine, PhaseState};
use crate::notice::Notice;
use crate::ordered::{Map, Set};
use crate::record::{EventData, Key};
use crate::retrieve::{Read, Reading};
use crate::round::{Ask, Feature, Round, Side};
use crate::step::WriteResult;
use crate::time::Millis;
use crate::wire::{ApiError, Class, Row, Rows};

/// What several answers of one round say together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Together {
    looks: u32,
    empty: u32,
    filled: bool,
    looked_errored: bool,
    /// Sweep pages by gap.
    pub(crate) pages: Map<usize, Vec<Option<Rows>>>,
    pub(crate) total: Map<usize, u64>,
    pub(crate) strange: bool,
    pub(crate) sent: Moment,
    /// What was cleared, if the probe does not say otherwise.
    pub(crate) cleared: Vec<(ProcessId, Vec<RecordId>)>,
    pub(crate) refuted: bool,
    /// Something failed that is everybody's trouble.
    pub(crate) failed: bool,
    pub(crate) expired: bool,
    /// Methods that failed.
    pub(crate) troubled: Set<String>,
}

/// A `get` need not say of its rows in which lane they were.
fn mark(mut row: Row, side: Side) -> Row {
    row.errored |= side == Side::Errored;
    row
}

impl Machine {
    pub(crate) fn begin_answers(&mut self, round: &Round) {
        self.together = Together { sent: round.sent, ..Together::default() };
    }

    pub(crate) fn answered(
        &mut self,
        ask: Ask,
        result: Raw<'_>,
        total: Option<u64>,
        number: u64,
        portal: Millis,
    ) {
        match ask {
            Ask::Feature(feature) => {
                self.feature_known(feature, check::allows(result).unwrap_or(true));
            }
            Ask::Bindings => self.bindings_known(result),
            Ask::Bind(event) => self.bound(&event, true),
            Ask::Clear { process, ids } => {
                self.reserve.last_busy = number;
                self.together.cleared.push((process, ids));
            }
            Ask::Probe { process, ids } => self.probed(&process, &ids, result),
            // whatever it answers
            Ask::Error { key, .. } => self.rest(&key),
            Ask::Write(write) => {
                // its record appears after the whole batch (F25)
                self.reserve.last_busy = self.book.rounds.saturating_add(1);
                self.written(&write, WriteResult::Done { result: result.get().to_owned() });
            }
            Ask::Read(reading) => self.was_read(&reading, result),
            Ask::Get { side, limit } => self.got(side, limit, result, number, portal),
            Ask::List(listing) => self.listed(listing, result, number),
            Ask::Delete(run) => self.deleted(run, result, number),
            Ask::Lag => self.book.waiting = total,
            Ask::Sweep(page) => {
                let rows = Rows::of_list(result);
                if rows.is_none() {
                    let why = "event.offline.list gave an answer of another shape".to_owned();
                    self.trouble("event.offline.list", why);
                }
                self.together.strange |= rows.as_ref().is_none_or(|rows| !rows.strange.is_empty());
                self.together.pages.change(page.gap, |pages| {
                    while pages.len() < page.number as usize {
                        pages.push(None);
                    }
                    pages.push(rows);
                });
                if let Some(total) = total {
                    self.together.total.insert(page.gap, total);
                }
            }
        }
    }

    fn got(&mut self, side: Side, limit: u32, result: Raw<'_>, number: u64, portal: Millis) {
        let rows = Rows::of_get(result).filter(|rows| rows.strange.is_empty());
        let Some(rows) = rows.filter(|rows| rows.rows.is_empty() || rows.process.is_some()) else {
            // something was reserved that can't be read here: the sweep shows it as it is
            self.reserve.after_sweep = true;
            self.reserve.last_unknown = number;
            let now = self.now();
            self.sweep.demand(now);
            let why = "event.offline.get gave an answer of another shape".to_owned();
            self.trouble("event.offline.get", why);
            return;
        };
        let full = rows.rows.len() >= limit as usize;
        self.looked(side, rows.rows.len() as u64, full);
        if side == Side::Fresh && full {
            self.reserve.filled(portal);
        }
        let Some(process) = rows.process else { return };
        let rows: Vec<(Row, ProcessId)> =
            rows.rows.into_iter().map(|row| (mark(row, side), process.clone())).collect();
        self.arrive(rows, number);
    }

    /// A lane was looked at.
    pub(crate) fn looked(&mut self, side: Side, records: u64, full: bool) {
        self.together.looks += 1;
        self.together.empty += u32::from(records == 0);
        self.together.filled |= full;
        if side == Side::Errored {
            self.together.looked_errored = !full;
            let counters = &mut self.book.counters;
            counters.recovered = counters.recovered.saturating_add(records);
        }
    }

    /// Takes rows into hand; gives how many were new.
    pub(crate) fn arrive(&mut self, rows: Vec<(Row, ProcessId)>, number: u64) -> u64 {
        if rows.is_empty() {
            return 0;
        }
        let rows = if self.has_any_defect() { self.arrive_defectively(rows) } else { rows };
        let attempts = self.config.retry.attempts;
        let portal = self.book.portal_now();
        let old = rows.iter().any(|(row, _)| is_old(&row.changed_at, portal));
        let ids: Vec<RecordId> = rows.iter().map(|(row, _)| row.id).collect();
        let new = self.lane.arrive(rows, &self.settle, &self.registry, attempts);
        // a sweep lists what is parked each time: nothing has happened then
        if new > 0 {
            self.reserve.last_busy = number;
        }
        self.book.counters.records = self.book.counters.records.saturating_add(new);
        for id in ids {
            if self.deletion.is_found(id) {
                self.lane.set_kept(id, true);
            }
        }
        if old {
            self.keep_ageing();
        }
        self.inherit_tries();
        new
    }

    /// Attempts outlive a restart.
    pub(crate) fn inherit_tries(&mut self) {
        let attempts = self.config.retry.attempts;
        if self.has(Defect::AttemptsByMessage) {
            self.attempts_from_memory();
        }
        let inherited: Vec<(Key, u32)> = self
            .ledger
            .retrying
            .iter()
            .filter(|(key, _)| self.lane.work(key).is_some())
            .map(|(key, failed)| (key.clone(), *failed))
            .collect();
        for (key, failed) in inherited {
            self.ledger.retrying.remove(&key);
            let more = attempts.saturating_sub(failed).max(1);
            self.lane.update(&key, |work| work.tries = crate::lane::Tries::new(failed, more));
            self.lane.set_journalled(&key, true);
        }
    }

    /// What only the whole round tells.
    pub(crate) fn end_answers(&mut self, number: u64) {
        let now = self.now();
        let mut together = std::mem::take(&mut self.together);
        self.settled(std::mem::take(&mut together.cleared), together.refuted);
        if together.looks > 0 {
            self.reserve.backlog = together.filled;
            if together.empty < together.looks {
                self.reserve.idle.found(now);
            }
            let span = self.reserve.idle.span(self.config.poll, now);
            let poll = self.book.random.jitter(span);
            self.reserve.poll_at = now.plus(poll);
        }
        let lanes = if self.has(Defect::EmptyIgnoresErrors) { 1 } else { 2 };
        if together.looks == lanes && together.empty == lanes {
            self.reserve.saw_empty(number);
        }
        if together.looked_errored {
            self.lane.looked(together.sent);
        }
        if together.pages.is_empty() {
            return;
        }
        self.swept(together, number);
    }

    fn was_read(&mut self, reading: &Reading, result: Raw<'_>) {
        for (key, read) in reading.read(result, &self.registry) {
            if let (true, Read::Present(data)) = (self.has(Defect::ReadOnce), &read) {
                self.memory.keep(&key, State::Present, Some(data));
            }
            match read {
                Read::Present(data) => self.has_read(&key, State::Present, Some(data)),
                Read::Gone => self.has_read(&key, State::Gone, None),
                Read::Absent if self.lane.was_deleted(&key) || self.has(Defect::AbsentIsGone) => {
                    self.has_read(&key, State::Gone, None);
                }
                Read::Absent => self.read_alone(&key),
                Read::Data(EventData::Known(data)) => {
                    self.has_read(&key, State::Unread, data);
                }
                Read::Data(EventData::NotNeeded | EventData::ToBeListed) => {
                    self.lane.unread_again(&key);
                }
                Read::Strange(_) if matches!(reading, Reading::Many { .. }) => {
                    self.read_alone(&key);
                }
                Read::Strange(why) => self.unreadable(&key, why),
            }
        }
    }

    fn read_alone(&mut self, key: &Key) {
        self.lane.update(key, |work| work.way = Way::One);
        self.lane.unread_again(key);
    }

    /// The portal refused a reading: a list's objects are tried one by one, then each is judged.
    pub(crate) fn reading_refused(&mut self, reading: &Reading, error: &ApiError) {
        match reading {
            Reading::Many { keys, .. } => {
                for key in keys {
                    self.read_alone(key);
                }
            }
            Reading::One { key }
                if error.class == Class::NotFound
                    || (error.class == Class::Other && self.lane.was_deleted(key)) =>
            {
                self.has_read(key, State::Gone, None);
            }
            Reading::One { key } => {
                let why = format!("{} {}", error.code, error.description);
                self.unreadable(key, why.trim().to_owned());
            }
            Reading::Listed { keys } => {
                for key in keys {
                    self.unreadable(key, error.description.clone());
                }
            }
        }
    }

    /// An object that can't be read waits, and is parked after as many failures as attempts.
    pub(crate) fn unreadable(&mut self, key: &Key, why: String) {
        let (now, retry) = (self.now(), self.config.retry);
        let given_up = self.lane.update(key, |work| {
            work.tries.unreadable = work.tries.unreadable.saturating_add(1);
            let times = work.tries.unreadable;
            let delay = retry.first_delay.doubled(times.saturating_sub(1), Millis::seconds(3_600));
            work.join();
            work.stage = Stage::Waiting { until: now.plus(delay.max(Millis(1))) };
            times >= retry.attempts
        });
        let Some(given_up) = given_up else { return };
        self.notice(Notice::Unreadable { object: key.object(), why: why.clone() });
        if given_up {
            self.reject(key, format!("it cannot be read: {why}"));
        }
    }

    pub(crate) fn feature_known(&mut self, feature: Feature, allowed: bool) {
        match feature {
            Feature::OfflineExtended => {
                // what it says of a plan counts again once it agrees with what the plan does
                self.check.refused &= allowed;
                self.check.extended = Some(allowed && !self.check.refused);
            }
            Feature::AuthConnector => self.check.connectors = Some(allowed),
        }
        if self.check.extended == Some(false) && !self.may_delete() {
            self.fail(Failure::PlanWithoutReservation);
            return;
        }
        if let (Some(false), Some(connector)) =
            (self.check.connectors, self.config.connector.clone())
        {
            self.fail(Failure::PlanWithoutConnector { connector });
            return;
        }
        if self.phase == PhaseState::Running {
            self.choose_mode();
        }
        self.check_complete();
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other error is tried again")]
    pub(crate) fn bind_refused(&mut self, event: &EventName, error: &ApiError) {
        match error.class {
            Class::AlreadyBound => self.bound(event, false),
            Class::UnknownEvent | Class::NotFound => {
                let why = error.description.clone();
                self.fail(Failure::UnknownEvent { event: event.clone(), why });
            }
            Class::Licence => match self.config.connector.clone() {
                Some(connector) => self.fail(Failure::PlanWithoutConnector { connector }),
                None => self.fail(Failure::PlanWithoutReservation),
            },
            Class::NotAdministrator => self.fail(Failure::NotAdministrator),
            Class::Scope => self.fail(Failure::ScopeMissing { method: "event.bind".into() }),
            _ => {
                self.rebind.missed(event);
                self.trouble("event.bind", format!("event.bind {event}: {}", error.description));
            }
        }
    }

    /// Starts draining once everything is known and bound.
    pub(crate) fn check_complete(&mut self) {
        let bound = self.check.missing.as_ref().is_some_and(Vec::is_empty);
        if self.phase != PhaseState::Checking || !self.check.is_known() || !bound {
            return;
        }
        let now_bound = std::mem::take(&mut self.check.bound);
        self.choose_mode();
        self.tell_of_absence();
        let is_new = std::mem::take(&mut self.ledger.is_new);
        if self.is_deleting() && is_new && now_bound.is_empty() {
            self.notice(Notice::JournalMissing);
        }
        self.ledger.set_bound(self.config.events.clone());
        let bound = u32::try_from(now_bound.len()).unwrap_or(u32::MAX);
        self.notice(Notice::Ready { bound, parked: self.lane.parked_count() });
        self.phase = PhaseState::Running;
        let now = self.now();
        self.sweep.demand_once(now);
        // what an earlier run has left is found before anything is added to it
        let fresh = self.ledger.is_durable() && self.ledger.inherited.is_empty();
        self.reserve.after_sweep |= self.sweep.completed == 0 && !fresh;
        self.reserve.poll_at = now;
    }
}

#[cfg(feature = "view")]
#[path = "view/together.rs"]
mod view;
