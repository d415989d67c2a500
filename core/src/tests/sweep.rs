//! When a sweep begins, what it asks, and when it is over.

use crate::clock::Moment;
use crate::id::ProcessId;
use crate::json::Raw;
use crate::sweep::{Finished, LATE, PAGE, Sweep};
use crate::time::Millis;
use crate::wire::Rows;

const PERIOD: Millis = Millis(100_000);

/// One that has listed everything once.
fn swept() -> Sweep {
    let mut sweep = Sweep::new(PERIOD);
    begin(&mut sweep, 0, 0, 0);
    assert!(over(&mut sweep, 0).is_some_and(|finished| finished.everything));
    sweep
}

/// So many reservations are known, with so many records.
fn begin(sweep: &mut Sweep, names: usize, records: u64, now: u64) {
    let names: Vec<ProcessId> =
        (0..names).map(|n| ProcessId::new(format!("p{n:02}")).unwrap()).collect();
    sweep.begin(names.iter(), records, Moment(now), 7, true);
}

fn rows(first: u64, count: usize) -> Rows {
    let row =
        |id: u64| format!(r#"{{"ID":{id},"TIMESTAMP_X":"t","MESSAGE_ID":"m","EVENT_NAME":"ONX"}}"#);
    let rows: Vec<String> = (first..).take(count).map(row).collect();
    Rows::of_list(Raw::read(&format!("[{}]", rows.join(","))).unwrap()).unwrap()
}

/// Every gap answers with no rows.
fn over(sweep: &mut Sweep, now: u64) -> Option<Finished> {
    let empty = rows(1, 0);
    for page in sweep.pages(99) {
        sweep.listed(page.gap, &[Some(&empty)], Some(0));
    }
    sweep.finish(Moment(now), PERIOD, false)
}

#[test]
fn a_sweep_is_due_by_its_period_by_a_demand_and_by_a_lease() {
    let mut sweep = swept();
    assert!(!sweep.is_due(Moment(99_999)) && sweep.is_due(Moment(100_000)));
    sweep.look_at(Some(Moment(50_000)));
    assert_eq!(sweep.next(), Moment(50_000));
    sweep.demand_once(Moment(60_000));
    assert_eq!(sweep.next(), Moment(50_000));
    sweep.look_at(None);
    assert_eq!(sweep.next(), Moment(60_000));
    sweep.demand(Moment(10));
    assert!(sweep.is_due(Moment(10)) && sweep.is_to_look_again());
    begin(&mut sweep, 0, 0, 10);
    assert!(over(&mut sweep, 20).is_some());
    // the call may have executed after that look
    assert_eq!(sweep.next(), Moment(10).plus(LATE));
    begin(&mut sweep, 0, 0, 10 + LATE.0 - 1);
    over(&mut sweep, 10 + LATE.0 - 1);
    assert!(sweep.is_to_look_again());
    sweep.look_at(Some(Moment(10).plus(LATE)));
    begin(&mut sweep, 0, 0, 10 + LATE.0);
    assert!(!sweep.is_to_look_again());
    over(&mut sweep, 100_000);
    assert_eq!((sweep.next(), sweep.completed, sweep.completed_from), (Moment(200_000), 4, 7));
}

#[test]
fn a_demand_breaks_off_the_sweep_that_runs_and_a_wish_does_not() {
    let mut sweep = swept();
    begin(&mut sweep, 0, 0, 100_000);
    assert!(sweep.is_running() && sweep.is_due(Moment(0)));
    assert_eq!(sweep.began(), Some(Moment(100_000)));
    begin(&mut sweep, 0, 0, 100_500);
    assert_eq!(sweep.began(), Some(Moment(100_000)), "the one that runs goes on");
    sweep.demand_once(Moment(0));
    assert!(sweep.is_running());
    sweep.demand(Moment(100_600));
    assert!(!sweep.is_running() && sweep.began().is_none());
}

#[test]
fn with_more_gaps_than_are_worth_it_the_reserved_records_are_counted() {
    let mut sweep = swept();
    begin(&mut sweep, 24, 50, 0);
    assert_eq!(sweep.pages(99).len(), 25);
    assert!(!sweep.lists_everything());
    sweep.all_accounted_for();
    assert!(sweep.finish(Moment(0), PERIOD, false).is_none(), "gaps are listed, not counted");
    over(&mut sweep, 0);
    begin(&mut sweep, 25, 50, 0);
    assert!(sweep.pages(99).len() == 1 && sweep.lists_everything());
    sweep.all_accounted_for();
    let finished = sweep.finish(Moment(0), PERIOD, false);
    assert_eq!(finished.map(|finished| finished.everything), Some(false));
    // few records are listed with all others
    begin(&mut sweep, 2, 13, 0);
    assert!(sweep.pages(99).len() == 3 && !sweep.lists_everything());
    over(&mut sweep, 0);
    begin(&mut sweep, 2, 12, 0);
    assert!(sweep.pages(99).len() == 1 && sweep.lists_everything());
    sweep.all_accounted_for();
    assert!(sweep.is_running() && sweep.finish(Moment(0), PERIOD, false).is_none());
}

#[test]
fn every_twelfth_sweep_and_the_one_after_a_strange_row_list_everything() {
    let mut sweep = swept();
    let mut everything = Vec::new();
    for _ in 2..=14 {
        begin(&mut sweep, 2, 50, 0);
        everything.push(sweep.lists_everything());
        over(&mut sweep, 0);
    }
    // the thirteenth is the one behind twelve
    assert_eq!(everything.iter().position(|all| *all), Some(11));
    assert_eq!(everything.iter().filter(|all| **all).count(), 1);
    begin(&mut sweep, 0, 0, 0);
    let empty = rows(1, 0);
    sweep.listed(0, &[Some(&empty)], None);
    let finished = sweep.finish(Moment(0), PERIOD, true);
    assert_eq!(finished.map(|finished| finished.everything), Some(false));
    begin(&mut sweep, 2, 50, 0);
    assert!(sweep.lists_everything());
}

#[test]
fn pages_follow_one_another_by_id_and_at_most_eighteen_at_once() {
    let mut sweep = swept();
    begin(&mut sweep, 0, 0, 0);
    let (first, second) = (rows(1, PAGE), rows(51, PAGE));
    sweep.listed(0, &[Some(&first), Some(&second)], Some(100_000));
    assert_eq!(sweep.pages(99).len(), 18);
    assert_eq!(sweep.pages(5).len(), 5);
    let params =
        |sweep: &Sweep, at: usize| sweep.params(sweep.pages(99).remove(at)).unwrap().to_string();
    let wanted = |start: u64| {
        format!(
            r#"{{"filter":{{">ID":100,">PROCESS_ID":""}},"order":{{"ID":"ASC"}},"start":{start}}}"#
        )
    };
    assert_eq!(params(&sweep, 0), wanted(0));
    assert_eq!(params(&sweep, 2), wanted(100));
    // 51 rows are left behind these pages: two more
    let third = rows(101, PAGE);
    sweep.listed(0, &[Some(&third)], Some(101));
    assert_eq!(sweep.pages(99).len(), 2);
    sweep.listed(0, &[Some(&rows(151, PAGE))], Some(100));
    assert_eq!(sweep.pages(99).len(), 1);
    // a full page that leads no further ends it
    sweep.listed(0, &[Some(&rows(151, PAGE))], Some(100));
    assert!(sweep.finish(Moment(0), PERIOD, false).is_some());
}

#[test]
fn the_first_adopted_records_are_told_of_at_once_and_the_others_at_the_end() {
    let mut sweep = swept();
    assert_eq!(sweep.adopted(3), 0, "none runs");
    begin(&mut sweep, 0, 0, 0);
    assert_eq!([0, 3, 4, 5].map(|records| sweep.adopted(records)), [0, 3, 0, 0]);
    assert_eq!(over(&mut sweep, 0).map(|finished| finished.untold), Some(9));
    assert_eq!(sweep.period(), Millis(80_000));
}
