//! Several consumers on one queue: whose a reservation is goes by how long it has rested.
//!
//! A reservation that this machine does not know is another consumer's until it was seen unchanged
//! for a lease. Of each only a fingerprint is kept, whatever its size. A lease passes on the host's
//! clock and on the portal's: the one may jump, and a reservation must not be taken for that.

use crate::clock::Moment;
use crate::config::Consumers;
use crate::fingerprint::Fingerprint;
use crate::id::ProcessId;
use crate::ordered::Map;
use crate::sweep::LATE;
use crate::time::{Millis, Timestamp};
use crate::wire::Row;

/// Not more are watched at once; the others follow when these are adopted or gone.
const MOST_WATCHED: usize = 4_096;

/// The reservations of others.
#[derive(Debug, Clone)]
pub(crate) struct Leases {
    /// `None` for the only consumer: it adopts at once.
    lease: Option<Millis>,
    watched: Map<ProcessId, Watched>,
    /// When the present sweep began.
    began: Moment,
    /// What time it was at the portal when it answered the present sweep first.
    answered: Option<Timestamp>,
}

/// One reservation of somebody else's.
#[derive(Debug, Clone)]
struct Watched {
    /// As the last complete sweep saw it; `None` before the first.
    seen: Option<Fingerprint>,
    /// Since when it has looked like that, and the portal's time of it.
    since: Moment,
    since_portal: Timestamp,
    /// When its lease ends on both clocks, as far as is known.
    ends: Moment,
    /// What the present sweep has listed of it; `None` when nothing yet.
    listing: Option<Fingerprint>,
    /// When it was last seen to have rested for its lease.
    rested: Option<Moment>,
    /// It is adopted as it is listed.
    adopted: bool,
}

impl Leases {
    pub(crate) fn new(consumers: Consumers) -> Leases {
        let lease = match consumers {
            Consumers::Sole => None,
            Consumers::Shared { lease } => Some(lease),
        };
        Leases { lease, watched: Map::new(), began: Moment(0), answered: None }
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.lease.is_some()
    }

    /// No reservation is watched.
    pub(crate) fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }

    /// A sweep begins. What had rested is adopted if that was seen just now: else somebody may have
    /// moved it since.
    pub(crate) fn begin(&mut self, now: Moment) {
        self.began = now;
        self.answered = None;
        for watched in self.watched.values_mut() {
            watched.listing = None;
            watched.adopted = watched.rested.is_some_and(|at| at.plus(LATE) >= now);
        }
    }

    /// The portal has answered pages of the present sweep, at this time of its own.
    pub(crate) fn answered(&mut self, portal: Timestamp) {
        self.answered.get_or_insert(portal);
    }

    /// A record of an unknown reservation was listed; `true` when it is to be adopted.
    pub(crate) fn listed(&mut self, process: &ProcessId, row: &Row, now: Moment) -> bool {
        if self.lease.is_none() {
            return true;
        }
        if !self.watched.contains_key(process) {
            if self.watched.len() >= MOST_WATCHED {
                return false;
            }
            self.watched.insert(process.clone(), Watched::new());
        }
        let Some(watched) = self.watched.get_mut(process) else { return false };
        if watched.adopted {
            // the rest of it follows, even if another sweep has to list it
            watched.rested = Some(now);
            return true;
        }
        let listing = watched.listing.unwrap_or_else(Fingerprint::new);
        watched.listing = Some(listing.and(&row.id.to_string()).and(&row.changed_at));
        false
    }

    /// A sweep has listed everything: what is as it was has rested, what is not begins anew, what was
    /// not there is gone or in hand.
    pub(crate) fn finish(&mut self, now: Moment, portal: Timestamp) {
        let Some(lease) = self.lease else { return };
        let listed = self.answered.unwrap_or(portal);
        let mut watched = std::mem::take(&mut self.watched);
        for one in watched.values_mut() {
            if one.listing != one.seen {
                (one.seen, one.since, one.rested) = (one.listing, now, None);
                (one.since_portal, one.ends) = (portal, now.plus(lease));
                continue;
            }
            let ends = one.since_portal.plus(lease);
            if one.since.plus(lease) > self.began {
                continue;
            }
            if ends <= listed {
                one.rested = Some(now);
            } else {
                one.ends = now.plus(ends.since(portal));
            }
        }
        self.watched = watched.into_iter().filter(|(_, one)| one.listing.is_some()).collect();
    }

    /// When the next sweep is wanted: what has rested is adopted at once.
    pub(crate) fn next_look(&self) -> Option<Moment> {
        self.watched.values().map(|one| one.rested.unwrap_or(one.ends)).min()
    }
}

impl Watched {
    fn new() -> Watched {
        Watched {
            seen: None,
            since: Moment(0),
            since_portal: Timestamp(0),
            ends: Moment(0),
            listing: None,
            rested: None,
            adopted: false,
        }
    }
}

#[cfg(feature = "view")]
#[path = "view/shared.rs"]
mod view;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Raw;
    use crate::wire::Rows;

    const LEASE: u64 = 130_000;

    fn leases() -> Leases {
        Leases::new(Consumers::Shared { lease: Millis(LEASE) })
    }

    fn row(id: u64) -> Row {
        let text = format!(
            r#"[{{"ID":{id},"TIMESTAMP_X":"t","MESSAGE_ID":"m","EVENT_NAME":"ONX","PROCESS_ID":"p"}}]"#
        );
        Rows::of_list(Raw::read(&text).unwrap()).unwrap().rows.remove(0)
    }

    /// One sweep that lists these records of one reservation; how many are to be adopted.
    fn sweep(leases: &mut Leases, at: u64, ids: impl Iterator<Item = u64>) -> usize {
        sweep_when(leases, at, at, ids)
    }

    /// The same, with the portal's time.
    fn sweep_when(
        leases: &mut Leases,
        at: u64,
        portal: u64,
        ids: impl Iterator<Item = u64>,
    ) -> usize {
        let process = ProcessId::new("p").unwrap();
        leases.begin(Moment(at));
        leases.answered(Timestamp(portal + 1));
        let adopted = ids.filter(|id| leases.listed(&process, &row(*id), Moment(at + 1))).count();
        leases.finish(Moment(at + 2), Timestamp(portal + 1));
        adopted
    }

    #[test]
    fn what_rests_for_a_lease_is_adopted_by_the_next_sweep() {
        let mut leases = leases();
        assert_eq!(sweep(&mut leases, 0, 1..=2_500), 0);
        assert_eq!(leases.next_look(), Some(Moment(2 + LEASE)));
        // one millisecond too early proves nothing
        assert_eq!(sweep(&mut leases, 1 + LEASE, 1..=2_500), 0);
        assert_eq!(sweep(&mut leases, 2 + LEASE, 1..=2_500), 0);
        assert_eq!(leases.next_look(), Some(Moment(4 + LEASE)));
        assert_eq!(sweep(&mut leases, 4 + LEASE, 1..=2_500), 2_500);
        assert!(leases.is_empty());
        assert_eq!(leases.next_look(), None);
    }

    #[test]
    fn any_difference_begins_the_lease_anew() {
        let mut leases = leases();
        sweep(&mut leases, 0, 1..=3);
        assert_eq!(sweep(&mut leases, LEASE + 10, 1..=2), 0);
        assert_eq!(leases.next_look(), Some(Moment(2 * LEASE + 12)));
        sweep(&mut leases, 2 * LEASE + 12, 1..=2);
        assert_eq!(sweep(&mut leases, 2 * LEASE + 20, 1..=2), 2);
    }

    #[test]
    fn a_rest_that_was_seen_long_ago_is_looked_at_again() {
        let mut leases = leases();
        sweep(&mut leases, 0, 1..=3);
        sweep(&mut leases, LEASE + 10, 1..=3);
        assert_eq!(sweep(&mut leases, 3 * LEASE, 1..=3), 0);
        assert_eq!(sweep(&mut leases, 3 * LEASE + 10, 1..=3), 3);
    }

    #[test]
    fn a_clock_that_jumps_ends_no_lease() {
        let mut leases = leases();
        let day = 86_400_000;
        sweep_when(&mut leases, 0, 0, 1..=3);
        assert_eq!(sweep_when(&mut leases, day, 20_000, 1..=3), 0);
        assert_eq!(leases.next_look(), Some(Moment(day + 2 + LEASE - 20_000)));
        assert_eq!(sweep_when(&mut leases, day + LEASE, 20_000 + LEASE, 1..=3), 0);
        assert_eq!(sweep_when(&mut leases, day + LEASE + 10, 20_010 + LEASE, 1..=3), 3);
    }

    #[test]
    fn what_an_interrupted_sweep_has_begun_to_adopt_the_next_one_ends() {
        let mut leases = leases();
        let process = ProcessId::new("p").unwrap();
        sweep(&mut leases, 0, 1..=100);
        sweep(&mut leases, LEASE + 10, 1..=100);
        leases.begin(Moment(LEASE + 20));
        assert!(leases.listed(&process, &row(1), Moment(LEASE + 60_000)));
        assert_eq!(sweep(&mut leases, LEASE + 120_000, 51..=100), 50);
    }

    #[test]
    fn the_only_consumer_adopts_at_once_and_watches_nothing() {
        let mut leases = Leases::new(Consumers::Sole);
        assert_eq!(sweep(&mut leases, 0, 1..=3), 3);
        assert!(leases.is_empty());
    }

    #[test]
    fn many_reservations_of_others_are_watched_in_bounded_memory() {
        let mut leases = leases();
        leases.begin(Moment(0));
        for number in 0..10_000 {
            let process = ProcessId::new(format!("p{number}")).unwrap();
            assert!(!leases.listed(&process, &row(number + 1), Moment(1)));
        }
        assert_eq!(leases.watched.len(), MOST_WATCHED);
    }
}
