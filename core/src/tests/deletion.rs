//! Records on their way out of the queue.

use crate::clock::Moment;
use crate::deletion::{Deletion, Run};
use crate::id::{EventName, MessageId, RecordId};
use crate::record::{EventData, Key, Record};
use crate::round::Side;
use crate::sweep::LATE;
use crate::time::Millis;

/// A record that only the journal holds.
pub(crate) fn record(id: u64, errored: bool) -> Record {
    Record {
        id: RecordId(id),
        process: None,
        message: MessageId::new("m").unwrap(),
        event: EventName::new("ONX").unwrap(),
        changed_at: "t".into(),
        errored,
        deleted: false,
        kept: true,
        owner: None,
        data: EventData::NotNeeded,
    }
}

pub(crate) fn key(id: u64) -> Key {
    Key::Record { kind: "ONX".into(), record: RecordId(id) }
}

fn run(first: u64, last: u64) -> Run {
    Run { side: Side::Fresh, first: RecordId(first), last: RecordId(last) }
}

/// These records were listed, and the journal knows them.
fn listed(deletion: &mut Deletion, ids: impl Iterator<Item = u64>) {
    for id in ids {
        deletion.list(key(id), record(id, false));
        deletion.saved(RecordId(id));
    }
}

fn ids(ids: &[u64]) -> Vec<RecordId> {
    ids.iter().copied().map(RecordId).collect()
}

#[test]
fn a_run_is_as_long_as_its_ids_and_at_most_so_many_are_asked_for() {
    let mut deletion = Deletion::default();
    listed(&mut deletion, [1, 2, 3, 5, 7, 8].into_iter());
    assert_eq!((run(1, 3).len(), run(5, 5).len()), (3, 1));
    assert!(deletion.is_due() && deletion.len() == 6 && !deletion.is_through());
    assert_eq!(deletion.runs(2), [run(1, 3), run(5, 5)]);
    assert_eq!(deletion.runs(2), [run(7, 8)]);
    assert!(!deletion.is_due());
    assert_eq!(deletion.taken(run(1, 3)).len(), 3);
    assert_eq!((deletion.taken(run(1, 3)).len(), deletion.len()), (0, 3));
    assert!(deletion.is_listed(RecordId(7)) && !deletion.is_listed(RecordId(2)));
}

#[test]
fn what_was_deleted_and_is_listed_again_makes_it_wait_longer_each_time() {
    let mut deletion = Deletion::default();
    listed(&mut deletion, 1..=2);
    deletion.taken(run(1, 2));
    let now = Moment(1_000);
    assert_eq!(deletion.returned(&ids(&[3]), now), None);
    for pause in [2_000, 4_000, 8_000] {
        assert_eq!(deletion.returned(&ids(&[2, 3]), now), Some(Millis(pause)));
        assert_eq!(deletion.rests_until, Moment(1_000 + pause));
        // after the pause it is tried once more
        assert_eq!(deletion.returned(&ids(&[2, 3]), now), None);
    }
    // an empty page says nothing; one with others says that it is over
    assert_eq!(deletion.returned(&[], now), None);
    assert_eq!(deletion.returned(&ids(&[1]), now), Some(Millis(16_000)));
    assert_eq!(deletion.returned(&ids(&[1]), now), None);
    assert_eq!(deletion.returned(&ids(&[4]), now), None);
    assert_eq!(deletion.returned(&ids(&[1]), now), Some(Millis(2_000)));
    for _ in 0..40 {
        deletion.returned(&ids(&[1]), now);
    }
    assert!(deletion.rests_until <= Moment(301_000));
}

#[test]
fn only_the_last_thousands_that_were_deleted_are_remembered() {
    let mut deletion = Deletion::default();
    listed(&mut deletion, 1..=4_098);
    deletion.taken(run(1, 4_096));
    deletion.taken(run(4_097, 4_097));
    assert!(deletion.returned(&ids(&[1]), Moment(0)).is_some());
    assert!(deletion.returned(&ids(&[1]), Moment(0)).is_none(), "tried once more");
    deletion.taken(run(4_098, 4_098));
    assert_eq!(deletion.returned(&ids(&[1]), Moment(0)), None);
    assert!(deletion.returned(&ids(&[4_098]), Moment(0)).is_some());
}

#[test]
fn a_record_of_an_earlier_run_waits_until_no_call_of_that_can_be_late() {
    let mut deletion = Deletion::default();
    assert_eq!(deletion.next_ripe(), None);
    deletion.inherit(key(1), record(1, false), Moment(10));
    deletion.inherit(key(2), record(2, false), Moment(5));
    assert_eq!(deletion.next_ripe(), Some(Moment(5).plus(LATE)));
    assert!(deletion.is_through() && !deletion.is_empty());
    // found by another way, or listed: it waits no longer
    assert!(deletion.is_found(RecordId(1)) && !deletion.is_found(RecordId(1)));
    deletion.list(key(2), record(2, false));
    assert_eq!((deletion.next_ripe(), deletion.len()), (None, 1));
    assert!(!deletion.is_found(RecordId(2)), "the journal does not know it yet");
    deletion.saved(RecordId(2));
    assert!(deletion.is_found(RecordId(2)) && deletion.is_empty());
}

#[test]
fn that_no_free_record_is_old_holds_for_an_hour() {
    let mut deletion = Deletion::default();
    assert_eq!(deletion.holds_until(), Moment(0));
    deletion.checked = Some(Moment(7));
    assert_eq!(deletion.holds_until(), Moment(3_600_007));
}
