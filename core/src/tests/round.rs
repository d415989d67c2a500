//! What goes into a round.

use super::machine::{machine, record};
use super::{deal as key, deletion, process};
use crate::clock::Moment;
use crate::config::Durability;
use crate::id::{EventName, RecordId, WriteId};
use crate::json::{Raw, Value};
use crate::lane::{Settle, Stage, Way};
use crate::machine::{Machine, PhaseState};
use crate::record::{Key, Records};
use crate::round::Ask;
use crate::time::Millis;
use crate::wire::Rows;

#[test]
fn a_round_has_error_calls_for_four_objects_or_for_as_many_as_make_four_calls() {
    let errors = |reservations: &[&str]| {
        let mut machine = machine(|_| {});
        for n in 1..=6 {
            for (at, under) in (0..).zip(reservations) {
                machine.lane.take(key(n), record(10 * n + at, under), 3);
            }
            machine.lane.set_stage(&key(n), Stage::ErrorDue);
        }
        let asks = machine.next_round(Moment(0)).unwrap();
        let error =
            |ask: &Ask| if let Ask::Error { key, .. } = ask { Some(key.clone()) } else { None };
        let keys: Vec<Key> = asks.iter().filter_map(error).collect();
        let rest = machine.lane.errors_due().count();
        (keys.len(), rest)
    };
    assert_eq!(errors(&["p"]), (4, 2));
    assert_eq!(errors(&["p", "q"]), (4, 4));
    assert_eq!(errors(&["p", "q", "r"]), (6, 4));
    assert_eq!(errors(&["p", "q", "r", "s", "t"]), (4, 5));
}

#[test]
fn a_round_has_three_times_as_many_writes_when_nothing_is_to_be_read() {
    for (unread, most) in [(false, 24), (true, 8)] {
        let mut machine = machine(|_| {});
        if unread {
            machine.lane.take(key(1), record(1, "p"), 3);
        }
        for n in 1..=30 {
            let params = Value::object([("id", Value::from(n))]);
            machine.writes.add(WriteId(n), "crm.deal.update".into(), params, None);
        }
        let asks = machine.next_round(Moment(0)).unwrap();
        let writes = asks.iter().filter(|ask| matches!(ask, Ask::Write(_))).count();
        assert_eq!(writes, most, "{unread}");
    }
}

/// Has more of everything to ask than fits into a round.
fn overfull() -> Machine {
    let mut machine = machine(|_| {});
    machine.deletion.checked = Some(Moment(0));
    // the first sweep has listed everything
    machine.sweep.begin([].iter(), 0, Moment(0), 1, true);
    let empty = Rows::of_list(Raw::read("[]").unwrap()).unwrap();
    machine.sweep.listed(0, &[Some(&empty)], Some(0));
    machine.sweep.finish(Moment(0), Millis(0), false).unwrap();
    for n in 1..=20 {
        let done = record(1_000 + n, &format!("done{n:02}"));
        machine.settle.add(&Records::from_iter([(done.id, done)]), Moment(0));
        machine.rebind.due.insert(EventName::new(format!("ONX{n}")).unwrap());
        let params = Value::object([("id", n.into())]);
        machine.writes.add(WriteId(n), "crm.deal.update".into(), params, None);
    }
    for n in 1..=100 {
        machine.lane.take(key(n), record(n, "p"), 3);
        machine.lane.update(&key(n), |work| work.way = Way::One);
        if n <= 10 {
            machine.lane.set_stage(&key(n), Stage::ErrorDue);
        }
    }
    machine
}

#[test]
fn everything_has_its_share_of_a_full_round() {
    let shares = |mut machine: Machine| {
        let asks = machine.next_round(Moment(0)).unwrap();
        let mut shares = [0; 8];
        for ask in &asks {
            let share = match ask {
                Ask::Clear { .. } | Ask::Probe { .. } => 0,
                Ask::Error { .. } => 1,
                Ask::Write(_) => 2,
                Ask::Read(_) => 3,
                Ask::Get { .. } => 4,
                Ask::Sweep(_) | Ask::Lag | Ask::Bindings => 5,
                Ask::Bind(_) => 6,
                Ask::Delete(_) => 7,
                Ask::Feature(_) | Ask::List(_) => panic!("{ask:?}"),
            };
            shares[share] += 1;
        }
        assert_eq!(asks.len(), 50);
        shares
    };
    assert_eq!(shares(overfull()), [19, 4, 8, 3, 2, 10, 4, 0]);
    // records that others' lie between are deleted one by one
    let mut deleting = overfull();
    for n in 1..=30 {
        deleting.deletion.list(key(0), deletion::record(2 * n, false));
        deleting.deletion.saved(RecordId(2 * n));
    }
    assert_eq!(shares(deleting), [19, 4, 0, 0, 0, 10, 0, 17]);
    // with nothing to settle there is room for more readings
    let mut settled = overfull();
    settled.settle = Settle::default();
    for n in 1..=10 {
        settled.lane.set_stage(&key(n), Stage::Unread);
    }
    assert_eq!(shares(settled), [0, 0, 8, 32, 2, 4, 4, 0]);
}

#[test]
fn what_an_earlier_run_has_left_is_swept_before_anything_is_reserved() {
    let first_asks = |durability, left: bool| {
        let mut machine = machine(|config| config.journal = durability);
        machine.phase = PhaseState::Checking;
        let check = &mut machine.check;
        (check.extended, check.connectors) = (Some(true), Some(true));
        check.missing = Some(Vec::new());
        if left {
            machine.ledger.inherited.insert(process("p"));
        }
        machine.deletion.checked = Some(Moment(0));
        machine.check_complete();
        let asks = machine.next_round(Moment(0)).unwrap();
        assert!(asks.iter().any(|ask| matches!(ask, Ask::Sweep(_))));
        // once it has swept, the plan that is checked again changes nothing
        machine.sweep.completed = 1;
        (machine.reserve.after_sweep, machine.phase) = (false, PhaseState::Checking);
        machine.check_complete();
        assert!(!machine.reserve.after_sweep);
        asks.iter().any(|ask| matches!(ask, Ask::Get { .. }))
    };
    assert!(first_asks(Durability::Durable, false));
    assert!(!first_asks(Durability::Durable, true));
    assert!(!first_asks(Durability::None, false));
}
