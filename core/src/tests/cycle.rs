//! When the breaker of cycles holds an object's writes back.

use crate::clock::Moment;
use crate::cycle::Cycle;
use crate::id::{ObjectId, RecordId};

const ECHO: u64 = 10_000;

fn object() -> ObjectId {
    ObjectId::new("crm.deal", "1")
}

/// A write that is answered at once, and a delivery of a newer record so many milliseconds later.
fn round(cycle: &mut Cycle, at: u64, newest: u64, echo: u64) {
    cycle.sent(&object(), Some(RecordId(newest - 1)), Moment(at));
    cycle.answered(&object(), true, Moment(at));
    cycle.delivered(&object(), Some(RecordId(newest)), Moment(at + echo));
}

fn held(cycle: &Cycle, at: u64) -> Option<u64> {
    cycle.held(Some(&object()), Moment(at)).map(|until| until.0)
}

#[test]
fn after_three_echoes_in_a_row_the_writes_wait_twice_as_long_each_time() {
    let mut cycle = Cycle::default();
    for n in 0..2 {
        round(&mut cycle, n * 20_000, 10 + n, ECHO);
        assert_eq!(held(&cycle, n * 20_000 + ECHO), None);
    }
    round(&mut cycle, 40_000, 12, ECHO);
    assert_eq!((held(&cycle, 50_000), held(&cycle, 51_999)), (Some(52_000), Some(52_000)));
    assert_eq!((held(&cycle, 52_000), cycle.held(None, Moment(50_000))), (None, None));
    assert_eq!(cycle.held(Some(&ObjectId::new("crm.deal", "2")), Moment(50_000)), None);
    // each further delivery counts, also without a write before it
    cycle.delivered(&object(), Some(RecordId(13)), Moment(50_000));
    assert_eq!(held(&cycle, 50_000), Some(54_000));
    cycle.delivered(&object(), Some(RecordId(13)), Moment(50_000));
    assert_eq!(held(&cycle, 50_000), Some(54_000), "the same record is no news");
    cycle.delivered(&object(), Some(RecordId(14)), Moment(50_001));
    assert_eq!(held(&cycle, 50_001), Some(54_000), "no longer an echo of that write");
}

#[test]
fn a_write_without_an_echo_begins_anew_and_one_that_was_refused_counts_for_nothing() {
    let mut cycle = Cycle::default();
    for n in 0..3 {
        round(&mut cycle, n, 10 + n, 0);
    }
    assert_eq!(held(&cycle, 2), Some(2_002));
    // it is held no longer than until it is known that no echo comes
    cycle.sent(&object(), Some(RecordId(12)), Moment(5_000));
    assert_eq!(held(&cycle, 5_000), Some(7_000));
    cycle.answered(&object(), true, Moment(5_000));
    round(&mut cycle, 15_001, 20, 0);
    assert_eq!(held(&cycle, 15_001), None);
    // refused: what was delivered after it was no echo of it
    for n in 0..9 {
        cycle.sent(&object(), Some(RecordId(30)), Moment(30_000 + n));
        cycle.answered(&object(), false, Moment(30_000 + n));
        cycle.delivered(&object(), Some(RecordId(31 + n)), Moment(30_000 + n));
    }
    assert_eq!(held(&cycle, 30_008), None);
}

#[test]
fn a_delivery_of_what_was_there_before_the_first_write_is_no_echo_of_it() {
    let mut cycle = Cycle::default();
    cycle.sent(&object(), Some(RecordId(5)), Moment(0));
    cycle.answered(&object(), true, Moment(0));
    cycle.delivered(&object(), Some(RecordId(5)), Moment(1));
    for n in 1..=2 {
        round(&mut cycle, n, 5 + n, 0);
    }
    assert_eq!(held(&cycle, 2), None);
    round(&mut cycle, 3, 8, 0);
    assert_eq!(held(&cycle, 3), Some(2_003));
}

#[test]
fn an_object_whose_time_has_come_is_free_while_another_is_still_held() {
    let mut cycle = Cycle::default();
    for n in 0..3 {
        round(&mut cycle, n * 20_000, 10 + n, ECHO);
    }
    let other = ObjectId::new("crm.deal", "2");
    for n in 0..4 {
        cycle.sent(&other, Some(RecordId(n)), Moment(50_001));
        cycle.answered(&other, true, Moment(50_001));
        cycle.delivered(&other, Some(RecordId(n + 1)), Moment(50_001));
    }
    let until = cycle.held(Some(&other), Moment(52_000)).map(|until| until.0);
    assert_eq!(until, Some(54_001));
    assert_eq!((held(&cycle, 51_999), held(&cycle, 52_000)), (Some(52_000), None));
    assert_eq!(held(&cycle, 52_001), None);
}
