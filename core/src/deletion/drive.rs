//! What the machine asks for lossless deletion, and what the answers change.

use super::{LONG, is_old};
use crate::clock::Moment;
use crate::config::Mode;
use crate::defect::Defect;
use crate::deletion::Run;
use crate::dispatch::Miss;
use crate::id::RecordId;
use crate::json::Raw;
use crate::ledger::AfterSave;
use crate::machine::{Machine, PhaseState};
use crate::notice::Notice;
use crate::record::{Key, Record};
use crate::round::{Ask, Feature, Listing, Side};
use crate::sweep::PAGE;
use crate::time::Timestamp;
use crate::wire::{Row, Rows};

/// So many pages of a lane are listed at once while there is a backlog.
const MOST_PAGES: u32 = 12;
/// So many rows that can't be read are told of.
const MOST_STRANGE: usize = 600;

impl Machine {
    pub(crate) fn is_deleting(&self) -> bool {
        self.mode == Some(Mode::Delete)
    }

    /// Whether a plan without reservation can be worked with.
    pub(crate) fn may_delete(&self) -> bool {
        self.config.mode != Mode::Reserve && self.ledger.is_durable()
    }

    /// How records are taken from now on.
    pub(crate) fn choose_mode(&mut self) {
        let mode = match self.config.mode {
            Mode::Auto if self.check.extended == Some(false) => Mode::Delete,
            Mode::Auto | Mode::Reserve => Mode::Reserve,
            Mode::Delete => Mode::Delete,
        };
        let before = self.mode.replace(mode);
        if before != Some(mode) && (mode == Mode::Delete || before.is_some()) {
            self.notice(Notice::ModeChanged { mode });
        }
    }

    /// A plan may get reservation while it is done without.
    pub(crate) fn plan_asks(&self) -> Option<Ask> {
        let unsure = self.is_deleting() && self.config.mode == Mode::Auto && !self.check.refused;
        (unsure && !self.pace.is_limited("feature.get", self.now()))
            .then_some(Ask::Feature(Feature::OfflineExtended))
    }

    /// Whether no free record is so old that reserving would make it deletable.
    pub(crate) fn knows_no_old(&self, now: Moment) -> bool {
        let ignores = self.has(Defect::IgnoreAge) || !self.ledger.is_durable();
        self.is_deleting() || ignores || self.deletion.holds_until() > now
    }

    /// Whether old records are to be looked for.
    pub(crate) fn is_oldest_due(&self, now: Moment) -> bool {
        let due = self.phase == PhaseState::Running && !self.knows_no_old(now);
        // those that are free have time: only what is reserved is deleted by its age
        let room = || self.room(now).is_some() || self.lane.is_looking();
        due && self.deletion.is_through() && self.deletion.rests_until <= now && room()
    }

    pub(crate) fn oldest_asks(&self, now: Moment) -> Vec<Ask> {
        if !self.is_oldest_due(now) || self.pace.is_limited("event.offline.list", now) {
            return Vec::new();
        }
        let room = self.room(now).map_or(1, |room| room.fresh.div_ceil(PAGE as u32));
        let pages = if self.deletion.many { room.clamp(1, MOST_PAGES) } else { 1 };
        (0..pages).map(|page| Ask::List(Listing::Oldest { page })).collect()
    }

    pub(crate) fn list_asks(&self, side: Side, limit: u32) -> Vec<Ask> {
        let wanted = limit.div_ceil(PAGE as u32).clamp(1, MOST_PAGES);
        // a page of rows that can't be read must not hide what lies behind it
        let more = self.reserve.backlog || !self.deletion.strange.is_empty();
        let pages = if side == Side::Fresh && more { wanted } else { 1 };
        (0..pages).map(|page| Ask::List(Listing::Lane { side, page, limit })).collect()
    }

    pub(crate) fn delete_asks(&mut self, room: usize) -> Vec<Ask> {
        if self.pace.is_limited("event.offline.get", self.now()) {
            return Vec::new();
        }
        self.deletion.runs(room).into_iter().map(Ask::Delete).collect()
    }

    pub(crate) fn listed(&mut self, listing: Listing, result: Raw<'_>, number: u64) {
        let Some(rows) = Rows::of_list(result) else {
            let why = "event.offline.list gave an answer of another shape".to_owned();
            self.trouble("event.offline.list", why);
            return;
        };
        let full = rows.sent >= PAGE;
        self.tell_of_strange(rows.strange);
        let free = rows.rows.into_iter().filter(|row| row.process.is_none());
        let chosen: Vec<Row> = match listing {
            Listing::Lane { side, page, limit } => {
                let left = limit.saturating_sub(page.saturating_mul(PAGE as u32)) as usize;
                let rows: Vec<Row> = free.take(left).collect();
                if page == 0 {
                    // with nothing to take, another look would only show the same
                    self.looked(side, rows.len() as u64, full && !rows.is_empty());
                }
                rows
            }
            Listing::Oldest { page } => {
                let portal = self.book.portal_now();
                let old: Vec<Row> = free.filter(|row| is_old(&row.changed_at, portal)).collect();
                if page == 0 {
                    self.deletion.many = full && old.len() >= PAGE;
                    let now = self.now();
                    self.deletion.checked = old.is_empty().then_some(now);
                    self.keep_ageing();
                }
                if !old.is_empty() {
                    self.notice(Notice::Aged { records: old.len() as u64 });
                }
                old
            }
        };
        if !chosen.is_empty() {
            self.reserve.last_busy = number;
        }
        let (ids, now): (Vec<RecordId>, _) =
            (chosen.iter().map(|row| row.id).collect(), self.now());
        if let Some(delay) = self.deletion.returned(&ids, now) {
            let why = "event.offline.get says that it has deleted records and has not: they are \
                       delivered again and again. Check that the connector is spelt as it is bound, \
                       and what stands between here and the portal";
            self.notice(Notice::BackingOff { delay, why: why.to_owned() });
            return;
        }
        for row in chosen {
            self.keep(row);
        }
    }

    /// Rows that can't be read stay where they are; each is told of once.
    fn tell_of_strange(&mut self, strange: Vec<String>) {
        for why in strange {
            if !self.deletion.strange.contains(&why) && self.deletion.strange.len() < MOST_STRANGE {
                self.deletion.strange.push(why.clone());
                self.notice(Notice::StrangeRecord { why });
            }
        }
    }

    /// Writes a free record down, to be deleted once that is durable.
    fn keep(&mut self, row: Row) {
        let (key, record) = Key::of(row, None, &self.registry);
        let record = Record { kept: true, ..record };
        if self.deletion.is_listed(record.id) {
            return;
        }
        // what is in hand under this ID was read before: its end is not that of the entry
        self.lane.set_kept(record.id, false);
        self.ledger.keep(&key, &record);
        self.ledger.after(AfterSave::Delete(record.id));
        let id = record.id;
        self.deletion.list(key, record);
        if self.has(Defect::DeleteBeforeSaved) {
            self.deletion.saved(id);
        }
    }

    /// The portal has deleted a run: whatever it held of what was listed is no longer there.
    pub(crate) fn deleted(&mut self, run: Run, result: Raw<'_>, number: u64) {
        self.reserve.last_busy = number;
        if Rows::of_get(result).is_none() {
            self.reserve.last_unknown = self.reserve.last_unknown.max(number);
            self.missed(Ask::Delete(run), &Miss::Unknown);
            let why = "event.offline.get gave an answer of another shape".to_owned();
            self.trouble("event.offline.get", why);
            return;
        }
        let taken = self.deletion.taken(run);
        self.arrive_deleted(taken);
    }

    fn arrive_deleted(&mut self, records: Vec<(Key, Record)>) {
        let attempts = self.config.retry.attempts;
        let count = records.len() as u64;
        self.book.counters.records = self.book.counters.records.saturating_add(count);
        for (key, record) in records {
            self.lane.take(key, record, attempts);
        }
        if count > 0 {
            self.inherit_tries();
        }
    }

    /// What an earlier run had reserved may have been deleted by age while nobody was there.
    pub(crate) fn tell_of_absence(&mut self) {
        let Some(left) = &mut self.ledger.left else { return };
        let reserved = !left.clean || !self.ledger.inherited.is_empty();
        // told once, by the first check
        let seen = left.seen.take().filter(|_| reserved);
        self.tell_of_long(seen);
    }

    /// The queue is seen again: what a call of unknown outcome has reserved may have been deleted by age.
    pub(crate) fn tell_of_outage(&mut self) {
        let seen = self.ledger.seen().filter(|_| self.reserve.after_sweep);
        self.tell_of_long(seen);
    }

    fn tell_of_long(&mut self, seen: Option<Timestamp>) {
        let until = self.book.clock.wall();
        if let Some(since) = seen.filter(|since| until.since(*since) > LONG) {
            self.notice(Notice::LongAbsence { since, until });
        }
    }

    /// Records in hand that reach the age at which the portal deletes them are written down.
    pub(crate) fn keep_ageing(&mut self) {
        if !self.ledger.is_durable() || self.has(Defect::IgnoreAge) {
            return;
        }
        let ageing = self.lane.ageing(self.book.portal_now());
        if ageing.is_empty() {
            return;
        }
        self.notice(Notice::Aged { records: ageing.len() as u64 });
        for (key, record) in ageing {
            self.lane.set_kept(record.id, true);
            // as it will be: without a reservation, and with the data that nobody else has then
            self.ledger.keep(&key, &Record { process: None, ..record });
        }
    }
}
