//! The search for reservations that nobody owns: among everything that is reserved while little is ours,
//! else in the gaps between the known process_ids, so that its cost does not grow with what is ours.

use crate::clock::Moment;
use crate::id::{ProcessId, RecordId};
use crate::json::Value;
use crate::ordered::{Map, Set};
use crate::time::Millis;
use crate::wire::Rows;

/// A page of `event.offline.list` (F18).
pub(crate) const PAGE: usize = 50;
/// So few records are listed with all others: that shows what is hidden in a reservation of ours.
const FEW: u64 = 12;
/// With more known reservations than this, the reserved records are counted, and listed in one go
/// if there are others than the known.
const MOST_GAPS: usize = 24;
/// So many pages of one gap are asked for at once.
const MOST_PAGES: u32 = 18;
/// Every so many sweeps list everything however much is ours: a reservation may hold a record that its
/// `get` hid.
const FULL_EVERY: u64 = 12;
/// A call that timed out may execute within this time (F12, F31).
pub(crate) const LATE: Millis = Millis::seconds(65);

/// When to sweep, and how far the present sweep is.
#[derive(Debug, Clone)]
pub(crate) struct Sweep {
    period: Millis,
    due: Moment,
    /// Once more, for a call that may execute late.
    again: Option<Moment>,
    /// Once more, for a reservation that will have rested for its lease.
    look: Option<Moment>,
    run: Option<Run>,
    full: bool,
    pub(crate) completed: u64,
    /// The round in which the last completed sweep began.
    pub(crate) completed_from: u64,
}

#[derive(Debug, Clone)]
struct Run {
    gaps: Vec<Gap>,
    from_round: u64,
    /// How many records were adopted that nobody was told of.
    untold: u64,
    told: bool,
    /// Too many gaps to list them: if as many records are reserved as are known, that is enough.
    counted: bool,
    began: Moment,
    /// It lists every reserved record, the known ones too.
    everything: bool,
    /// Something in it could not be read.
    strange: bool,
}

/// A sweep that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Finished {
    /// How many adopted records are to be told of.
    pub(crate) untold: u64,
    pub(crate) began: Moment,
    /// It has listed every reserved record, and each could be read.
    pub(crate) everything: bool,
}

/// A span of process_ids, and the ID up to which it was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gap {
    above: String,
    below: Option<String>,
    last: RecordId,
    pages: u32,
    done: bool,
}

/// One page of one gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) gap: usize,
    pub(crate) number: u32,
}

impl Sweep {
    pub(crate) fn new(period: Millis) -> Sweep {
        Sweep {
            period,
            due: Moment(0),
            again: None,
            look: None,
            run: None,
            full: true,
            completed: 0,
            completed_from: 0,
        }
    }

    pub(crate) fn is_due(&self, now: Moment) -> bool {
        self.run.is_some() || self.next() <= now
    }

    pub(crate) fn is_running(&self) -> bool {
        self.run.is_some()
    }

    /// Whether a call may still execute late.
    pub(crate) fn is_to_look_again(&self) -> bool {
        self.again.is_some()
    }

    pub(crate) fn next(&self) -> Moment {
        [self.again, self.look].into_iter().flatten().fold(self.due, Moment::min)
    }

    /// An outcome is unknown: look now, and once more when it can't execute any longer.
    pub(crate) fn demand(&mut self, now: Moment) {
        self.due = now;
        self.run = None;
        self.again = Some(now.plus(LATE));
    }

    /// Look now.
    pub(crate) fn demand_once(&mut self, now: Moment) {
        if self.run.is_none() {
            self.due = self.due.min(now);
        }
    }

    /// Look once more at this moment; replaces the earlier one.
    pub(crate) fn look_at(&mut self, at: Option<Moment>) {
        self.look = at;
    }

    /// Starts if it is due; the reservations are those in hand, with so many records. `counts`: others
    /// than these are not expected.
    pub(crate) fn begin<'a>(
        &mut self,
        known: impl Iterator<Item = &'a ProcessId>,
        records: u64,
        now: Moment,
        round: u64,
        counts: bool,
    ) {
        if self.run.is_some() {
            return;
        }
        if self.again.is_some_and(|at| at <= now) {
            self.again = None;
        }
        if self.look.is_some_and(|at| at <= now) {
            self.look = None;
        }
        // the portal's collation need not tell upper from lower case, so neither does this order
        let mut names: Set<String> = known.map(|id| id.as_str().to_ascii_lowercase()).collect();
        let plain = |name: &String| name.bytes().all(|b| b.is_ascii_alphanumeric());
        let many = !self.full && names.len() > MOST_GAPS;
        let few = records <= FEW;
        let everything = self.full || few || many || !names.iter().all(plain);
        if everything {
            names = Set::new();
        }
        let mut gaps = Vec::new();
        let mut above = String::new();
        for name in names {
            gaps.push(Gap::new(above, Some(name.clone())));
            above = name;
        }
        gaps.push(Gap::new(above, None));
        self.run = Some(Run {
            gaps,
            from_round: round,
            untold: 0,
            told: false,
            counted: many && counts,
            began: now,
            everything,
            strange: false,
        });
    }

    /// The pages to ask for next.
    pub(crate) fn pages(&self, most: usize) -> Vec<Page> {
        let Some(run) = &self.run else { return Vec::new() };
        let open = run.gaps.iter().enumerate().filter(|(_, gap)| !gap.done);
        let pages =
            open.flat_map(|(at, gap)| (0..gap.pages).map(move |number| Page { gap: at, number }));
        pages.take(most).collect()
    }

    pub(crate) fn params(&self, page: Page) -> Option<Value> {
        let gap = self.run.as_ref()?.gaps.get(page.gap)?;
        let mut filter: Map<String, Value> = Map::new();
        filter.insert(">PROCESS_ID".into(), gap.above.as_str().into());
        if let Some(below) = &gap.below {
            filter.insert("<PROCESS_ID".into(), below.as_str().into());
        }
        if gap.last.0 > 0 {
            filter.insert(">ID".into(), gap.last.0.into());
        }
        let start = u64::from(page.number) * PAGE as u64;
        Some(Value::object([
            ("filter", Value::Object(filter)),
            ("order", Value::object([("ID", "ASC".into())])),
            ("start", start.into()),
        ]))
    }

    /// The answers to the pages of one gap, in order; `None` for a page that was not answered.
    pub(crate) fn listed(&mut self, gap: usize, pages: &[Option<&Rows>], total: Option<u64>) {
        let Some(gap) = self.run.as_mut().and_then(|run| run.gaps.get_mut(gap)) else { return };
        for page in pages {
            let Some(page) = page else { return };
            if page.sent < PAGE {
                gap.done = true;
                return;
            }
            match page.last_id().filter(|id| *id > gap.last) {
                Some(id) => gap.last = id,
                // a full page without a usable ID can't be passed; the next sweep tries again
                None => {
                    gap.done = true;
                    return;
                }
            }
        }
        let left = total.unwrap_or(0).saturating_sub((pages.len() * PAGE) as u64);
        let pages = u32::try_from(left.div_ceil(PAGE as u64)).unwrap_or(u32::MAX);
        gap.pages = pages.clamp(1, MOST_PAGES);
    }

    /// As many records are reserved as are known here: there are no others.
    pub(crate) fn all_accounted_for(&mut self) {
        if let Some(run) = self.run.as_mut().filter(|run| run.counted) {
            for gap in &mut run.gaps {
                gap.done = true;
            }
            run.everything = false;
        }
    }

    /// Records were adopted; gives how many to tell of now. The first are told of at once, all
    /// others together at the end.
    pub(crate) fn adopted(&mut self, records: u64) -> u64 {
        let Some(run) = self.run.as_mut().filter(|_| records > 0) else { return 0 };
        if std::mem::replace(&mut run.told, true) {
            run.untold = run.untold.saturating_add(records);
            return 0;
        }
        records
    }

    /// Ends the run when every gap was listed.
    pub(crate) fn finish(&mut self, now: Moment, next: Millis, strange: bool) -> Option<Finished> {
        if strange {
            self.full = true;
        }
        if let Some(run) = &mut self.run {
            run.strange |= strange;
        }
        let run = self.run.take_if(|run| run.gaps.iter().all(|gap| gap.done))?;
        self.completed = self.completed.saturating_add(1);
        self.completed_from = run.from_round;
        self.due = now.plus(next);
        self.full = strange || self.completed.is_multiple_of(FULL_EVERY);
        let everything = run.everything && !run.strange;
        Some(Finished { untold: run.untold, began: run.began, everything })
    }

    /// The span to the next sweep before its jitter, which may make it a quarter longer: it is never
    /// longer than the period.
    pub(crate) fn period(&self) -> Millis {
        Millis(self.period.0.saturating_sub(self.period.0 / 5))
    }

    /// Whether the present run lists every reserved record.
    pub(crate) fn lists_everything(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.everything)
    }

    /// When the present run began.
    pub(crate) fn began(&self) -> Option<Moment> {
        self.run.as_ref().map(|run| run.began)
    }
}

impl Gap {
    fn new(above: String, below: Option<String>) -> Gap {
        Gap { above, below, last: RecordId(0), pages: 1, done: false }
    }
}

#[cfg(feature = "view")]
#[path = "view/sweep.rs"]
mod view;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Raw;

    fn sweep(known: &[&str], records: u64) -> Sweep {
        let known: Vec<ProcessId> = known.iter().map(|id| ProcessId::new(*id).unwrap()).collect();
        let mut sweep = Sweep::new(Millis(1_000));
        sweep.full = false;
        sweep.begin(known.iter(), records, Moment(0), 1, true);
        sweep
    }

    #[test]
    fn the_gaps_lie_between_the_known_reservations() {
        let sweep = sweep(&["b2", "a1"], 50);
        let filters: Vec<String> = sweep
            .pages(9)
            .into_iter()
            .map(|page| sweep.params(page).unwrap().get("filter").unwrap().to_string())
            .collect();
        assert_eq!(
            filters,
            [
                r#"{"<PROCESS_ID":"a1",">PROCESS_ID":""}"#,
                r#"{"<PROCESS_ID":"b2",">PROCESS_ID":"a1"}"#,
                r#"{">PROCESS_ID":"b2"}"#
            ]
        );
    }

    #[test]
    fn little_is_listed_together_with_what_is_known() {
        let sweep = sweep(&["b2", "a1"], 12);
        let pages = sweep.pages(9);
        assert_eq!(pages.len(), 1);
        let params = sweep.params(pages[0]).unwrap();
        assert_eq!(params.get("filter").unwrap().to_string(), r#"{">PROCESS_ID":""}"#);
        assert!(sweep.lists_everything());
    }

    #[test]
    fn many_or_odd_reservations_are_swept_in_one_go() {
        let names: Vec<String> = (0..40).map(|n| format!("p{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(sweep(&names, 50).pages(99).len(), 1);
        assert_eq!(sweep(&["a-b"], 50).pages(99).len(), 1);
    }

    #[test]
    fn a_gap_is_paged_by_id_until_a_page_is_not_full() {
        let mut sweep = sweep(&[], 50);
        let row = |id: u64| {
            let text =
                format!(r#"[{{"ID":{id},"TIMESTAMP_X":"t","MESSAGE_ID":"m","EVENT_NAME":"ONX"}}]"#);
            Rows::of_list(Raw::read(&text).unwrap()).unwrap()
        };
        let mut full = row(90);
        full.sent = PAGE;
        sweep.listed(0, &[Some(&full)], Some(190));
        assert_eq!(sweep.pages(9).len(), 3);
        assert_eq!(sweep.finish(Moment(0), Millis(1), false), None);
        sweep.listed(0, &[None, None, None], None);
        let params = sweep.params(Page { gap: 0, number: 1 }).unwrap();
        assert_eq!(params.get("filter").unwrap().get(">ID"), Some(&Value::from(90)));
        sweep.listed(0, &[Some(&row(91)), None, None], None);
        let finished = Finished { untold: 0, began: Moment(0), everything: false };
        assert_eq!(sweep.finish(Moment(0), Millis(1), false), Some(finished));
        assert_eq!(sweep.completed_from, 1);
    }
}
