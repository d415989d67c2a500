//! What the machine decides by itself, where a whole scene would show little of it.

use super::{deal as key, deletion, process};
use crate::change::{State, Verdict, Verdicts};
use crate::clock::Moment;
use crate::config::{Config, Limits};
use crate::handler::OpenBatch;
use crate::id::{BatchId, EventName, ObjectId, ProcessId, RecordId, SaveId, WriteId};
use crate::input::Input;
use crate::journal::JournalContents;
use crate::json::{Raw, Value};
use crate::lane::Stage;
use crate::machine::{Machine, PhaseState};
use crate::notice::{Evidence, Notice};
use crate::record::{Record, Records};
use crate::round::{Listing, Side};
use crate::step::{Effect, WakeReason};
use crate::sweep::{Finished, LATE};
use crate::time::{Millis, Timestamp};
use crate::wire::{Row, Rows};

const AT: Timestamp = Timestamp(1_795_434_072_000);
const NOW: &str = "2026-11-23T11:41:12Z";
const OLD: &str = "2026-10-01T00:00:00Z";

/// One that is through with its check.
pub(super) fn machine(change: impl FnOnce(&mut Config)) -> Machine {
    let events = vec![EventName::new("ONCRMDEALUPDATE").unwrap()];
    let mut config = Config::new("portal.example", events);
    config.limits = Limits::Off;
    change(&mut config);
    let mut machine = Machine::open(config, JournalContents::default(), 7, AT).unwrap();
    (machine.phase, machine.ledger.is_opened) = (PhaseState::Running, true);
    machine.choose_mode();
    machine
}

pub(super) fn record(id: u64, under: &str) -> Record {
    Record { process: Some(process(under)), kept: false, ..deletion::record(id, false) }
}

/// A list as the portal answers it: these records with their time of change.
fn list(rows: &[(u64, &str)]) -> String {
    let row = |(id, at): &(u64, &str)| {
        format!(
            r#"{{"ID":{id},"TIMESTAMP_X":"{at}","MESSAGE_ID":"m{id}","EVENT_NAME":"ONCRMDEALUPDATE","EVENT_DATA":{{"FIELDS":{{"ID":{id}}}}}}}"#
        )
    };
    format!("[{}]", rows.iter().map(row).collect::<Vec<_>>().join(","))
}

fn reserved(ids: &[u64], under: &str) -> Vec<(Row, ProcessId)> {
    let rows: Vec<(u64, &str)> = ids.iter().map(|id| (*id, NOW)).collect();
    let rows = Rows::of_list(Raw::read(&list(&rows)).unwrap()).unwrap().rows;
    rows.into_iter().map(|row| (row, process(under))).collect()
}

/// Goes on to this moment, and gives what is told then.
fn told(machine: &mut Machine, now: u64) -> Vec<Notice> {
    let step = machine.handle(Input::Tick, Timestamp(AT.0 + now)).unwrap();
    let notice = |effect| if let Effect::Notice(notice) = effect { Some(notice) } else { None };
    step.effects.into_iter().filter_map(notice).collect()
}

#[test]
fn a_record_is_news_when_it_arrives_and_not_when_it_is_listed_again() {
    let mut machine = machine(|_| {});
    assert_eq!(machine.arrive(reserved(&[1, 2], "p"), 5), 2);
    assert_eq!(machine.reserve.last_busy, 5);
    assert_eq!(machine.arrive(reserved(&[1, 2], "p"), 9), 0);
    assert_eq!(machine.reserve.last_busy, 5);
    assert_eq!(machine.arrive(reserved(&[2, 3], "p"), 11), 1);
    assert_eq!(machine.reserve.last_busy, 11);
}

#[test]
fn a_list_of_free_records_is_news_unless_it_is_empty() {
    let mut machine = machine(|_| {});
    let listing = Listing::Lane { side: Side::Fresh, page: 0, limit: 50 };
    machine.listed(listing, Raw::read("[]").unwrap(), 5);
    assert_eq!(machine.reserve.last_busy, 0);
    machine.listed(listing, Raw::read(&list(&[(1, NOW)])).unwrap(), 6);
    assert_eq!(machine.reserve.last_busy, 6);
}

#[test]
fn further_pages_of_old_records_are_asked_for_behind_a_whole_page_of_them() {
    for (old, recent, pages) in [(50, 0, 10), (49, 1, 1), (49, 0, 1), (1, 0, 1)] {
        let mut machine = machine(|_| {});
        let mut rows: Vec<(u64, &str)> = (1..=old).map(|id| (id, OLD)).collect();
        rows.extend((1..=recent).map(|id| (100 + id, NOW)));
        machine.listed(Listing::Oldest { page: 0 }, Raw::read(&list(&rows)).unwrap(), 1);
        for id in 1..=old {
            machine.deletion.saved(RecordId(id));
        }
        for run in machine.deletion.runs(9) {
            machine.deletion.taken(run);
        }
        assert_eq!(machine.oldest_asks(Moment(0)).len(), pages, "{old} and {recent}");
    }
}

#[test]
fn a_batch_that_failed_as_a_whole_is_tried_in_smaller_ones_and_in_the_end_one_by_one() {
    for (attempts, companions) in [(5, 3), (4, 3), (3, 1), (2, 1)] {
        let mut machine = machine(|config| config.retry.attempts = attempts);
        let id = BatchId(1);
        for n in 1..=9 {
            machine.lane.take(key(n), record(n, "p"), attempts);
            machine.lane.set_stage(&key(n), Stage::Delivered(id));
        }
        let open = (1..=9).map(|n| (n.to_string(), key(n))).collect();
        machine.handler.open.insert(id, OpenBatch::new(open, Moment(0)));
        let verdict = Verdict::Retry { after: None };
        machine.judged(id, Verdicts::All { verdict, except: Vec::new() });
        let most = machine.lane.work(&key(4)).map(|work| work.tries.companions);
        assert_eq!(most, Some(companions), "{attempts}");
    }
}

/// A sweep that begins at this moment and lists these rows; what is told of other consumers.
fn sweep(machine: &mut Machine, now: u64, rows: &[(Row, ProcessId)]) -> Vec<Notice> {
    let mut notices = told(machine, now);
    let now = Moment(now);
    machine.sweep = crate::sweep::Sweep::new(Millis::seconds(60));
    machine.sweep.begin([].iter(), 0, now, 1, true);
    machine.watch_begins(now);
    machine.watch_listed(rows);
    machine.watch_finished(Finished { untold: 0, began: now, everything: true });
    notices.extend(told(machine, now.0));
    notices.retain(|notice| matches!(notice, Notice::AnotherConsumer(_)));
    notices
}

#[test]
fn unknown_reservations_are_evidence_when_no_earlier_call_can_execute_any_more() {
    let mut machine = machine(|_| {});
    let rows = reserved(&[1, 2], "other");
    let evidence = || [Notice::AnotherConsumer(Evidence::Reserved { records: 2 })];
    for now in [0, 30_000, LATE.0 - 1, LATE.0] {
        assert_eq!(sweep(&mut machine, now, &rows), [], "{now}");
    }
    assert_eq!(sweep(&mut machine, LATE.0 + 1, &rows), evidence());
    // a call of unknown outcome may explain the next ones, also if it was told of only after the sweep began
    machine.reserve.last_unknown = 7;
    assert_eq!(sweep(&mut machine, 200_000, &rows), []);
    assert_eq!(sweep(&mut machine, 200_000 + LATE.0, &rows), []);
    assert_eq!(sweep(&mut machine, 200_001 + LATE.0, &rows), evidence());
}

#[test]
fn a_record_hidden_in_a_reservation_that_waits_to_be_cleared_is_nobody_elses() {
    let mut machine = machine(|_| {});
    for now in [LATE.0, LATE.0 + 1] {
        assert_eq!(sweep(&mut machine, now, &[]), []);
    }
    machine.settle.add(&Records::from_iter([(RecordId(1), record(1, "p"))]), Moment(0));
    assert_eq!(sweep(&mut machine, LATE.0 + 2, &reserved(&[2], "p")), []);
    let other = sweep(&mut machine, LATE.0 + 3, &reserved(&[2, 3, 4], "q"));
    assert_eq!(other, [Notice::AnotherConsumer(Evidence::Reserved { records: 3 })]);
}

#[test]
fn while_the_users_code_is_down_the_object_that_failed_is_tried_again_before_others() {
    let mut machine = machine(|_| {});
    for id in 1..=3 {
        machine.lane.take(key(id), record(id, "p"), 9);
        let mut batch = OpenBatch::default();
        batch.judged(key(id), false);
        machine.handler.closed(&batch);
    }
    machine.ledger.note_reservations(&mut machine.lane, SaveId(1));
    machine.lane.confirm_saved(&process("p"), Some(SaveId(1)));
    machine.handler.hold(Some(key(2)), Moment(0), Millis(1_000), Millis(0));
    for id in 1..=3 {
        machine.lane.set_stage(&key(id), Stage::Ready { state: State::Present, data: None });
    }
    let tried = |machine: &mut Machine, now| {
        let step = machine.handle(Input::Tick, Timestamp(AT.0 + now)).unwrap();
        let batch = |effect| if let Effect::Deliver(batch) = effect { Some(batch) } else { None };
        let changes = step.effects.into_iter().filter_map(batch).flat_map(|batch| batch.changes);
        changes.map(|change| change.object.id).collect::<Vec<_>>()
    };
    let mut other = machine.clone();
    assert_eq!((tried(&mut machine, 999), tried(&mut machine, 1_000)), (vec![], vec!["2".into()]));
    // one that can't be tried does not keep the others from it
    other.lane.set_stage(&key(2), Stage::Resting { until: Moment(90_000) });
    assert_eq!(tried(&mut other, 1_000), ["1"]);
}

#[test]
fn it_wakes_when_a_write_is_held_no_longer_and_when_a_small_reservation_is_made_after_all() {
    let mut machine = machine(|_| {});
    assert_eq!(machine.next_wake(), None);
    machine.lane.take(key(1), record(1, "p"), 3);
    machine.lane.set_stage(&key(1), Stage::Delivered(BatchId(1)));
    let wake =
        |machine: &Machine| machine.next_wake().map(|wake| (wake.at.since(AT).0, wake.reason));
    assert_eq!(wake(&machine), Some((300, WakeReason::Settle)));
    machine.book.clock.advance(Timestamp(AT.0 + 300));
    assert_eq!(wake(&machine), Some((5_000, WakeReason::Poll)));
    let object = ObjectId::new("crm.deal", "1");
    for n in 0..3 {
        machine.cycle.sent(&object, Some(RecordId(n)), Moment(0));
        machine.cycle.answered(&object, true, Moment(0));
        machine.cycle.delivered(&object, Some(RecordId(n + 1)), Moment(0));
    }
    assert_eq!(wake(&machine), Some((5_000, WakeReason::Poll)), "no write waits");
    let params = Value::object([("id", 1.into())]);
    machine.writes.add(WriteId(1), "crm.deal.update".into(), params, Some(object));
    for phase in [PhaseState::Running, PhaseState::Stopping { since: Moment(0) }] {
        machine.phase = phase;
        assert_eq!(wake(&machine), Some((2_000, WakeReason::HeldWrite)));
    }
}

#[test]
fn a_clear_has_cleared_unless_the_very_records_are_still_there() {
    let list = |id: u64, under: &str| {
        format!(
            r#"[{{"ID":{id},"TIMESTAMP_X":"t","MESSAGE_ID":"m","EVENT_NAME":"ONX","PROCESS_ID":"{under}"}}]"#
        )
    };
    let proven = |answer: &str| {
        let (mut machine, ids) = (machine(|_| {}), [RecordId(1)]);
        machine.together.cleared.push((process("p"), ids.to_vec()));
        machine.probed(&process("p"), &ids, Raw::read(answer).unwrap());
        assert_eq!(machine.together.refuted, !machine.settle.proven, "{answer}");
        machine.settle.proven
    };
    assert!(proven("[]") && !proven(&list(1, "p")));
    // another consumer has taken it, or what was not asked for is told
    assert!(proven(&list(1, "q")) && proven(&list(2, "p")));
}
