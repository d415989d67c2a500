//! What the table of objects in hand promises to everything that asks it.

use super::*;
use crate::change::State;
use crate::config::Retrieve;
use crate::fingerprint::Fingerprint;
use crate::id::{BatchId, EventName, MessageId, ObjectId};
use crate::record::EventData;
use crate::rule::Registry;
use crate::tests::{deal as key, process};
use crate::time::Millis;

fn record(id: u64, under: &str) -> Record {
    Record {
        id: RecordId(id),
        process: Some(process(under)),
        message: MessageId::new(format!("m{id}")).unwrap(),
        event: EventName::new("ONCRMDEALUPDATE").unwrap(),
        changed_at: "2026-11-23T10:11:12Z".into(),
        errored: false,
        deleted: false,
        kept: false,
        owner: None,
        data: EventData::NotNeeded,
    }
}

/// Objects 1 to `count`, each with the record of its own number, under one reservation that is saved.
fn lane(count: u64) -> Lane {
    let mut lane = Lane::default();
    for id in 1..=count {
        lane.take(key(id), record(id, "p"), 3);
    }
    if let Some(reservation) = lane.reservations.get_mut(&process("p")) {
        reservation.saved = Saved::Yes;
    }
    lane
}

fn ready(lane: &mut Lane, id: u64) {
    lane.set_stage(&key(id), Stage::Ready { state: State::Present, data: None });
}

fn parked(ids: &[u64]) -> Parked {
    let records = ids.iter().map(|id| (RecordId(*id), record(*id, "p"))).collect();
    Parked { records, attempts: 2 }
}

#[test]
fn an_object_is_in_hand_from_its_first_record_until_it_is_finished() {
    let mut lane = lane(1);
    lane.set_stage(&key(1), Stage::Reading);
    lane.take(key(1), record(2, "p"), 3);
    assert!(lane.is_in_hand(RecordId(1)) && lane.is_in_hand(RecordId(2)));
    assert_eq!((lane.working(), lane.busy_records(), lane.reserved_in_hand()), (1, 2, 2));
    let work = lane.finish(&key(1)).unwrap();
    assert_eq!((work.records.len(), work.later.len()), (1, 1));
    assert!(!lane.is_in_hand(RecordId(1)) && !lane.is_in_hand(RecordId(2)));
    assert_eq!((lane.working(), lane.busy_records(), lane.reserved_in_hand()), (0, 0, 0));
    assert!(lane.entries.is_empty() && lane.finish(&key(1)).is_none());
}

#[test]
fn what_is_parked_is_found_by_its_records_and_its_reservation() {
    let mut lane = Lane::default();
    lane.park(&key(1), parked(&[1, 2]));
    assert_eq!((lane.parked_count(), lane.parked_keys()), (1, vec![key(1)]));
    assert!(lane.is_in_hand(RecordId(2)) && lane.has_parked_under(&process("p")));
    assert!(!lane.has_parked_under(&process("q")));
    assert_eq!((lane.newest(&key(1)), lane.newest(&key(2))), (Some(RecordId(2)), None));
    lane.forget_parked(&process("q"), RecordId(1));
    assert!(lane.is_in_hand(RecordId(1)));
    lane.forget_parked(&process("p"), RecordId(1));
    assert!(!lane.is_in_hand(RecordId(1)) && lane.is_in_hand(RecordId(2)));
    assert_eq!(lane.unpark(&key(1)).map(|parked| parked.records.len()), Some(1));
    assert!(!lane.is_in_hand(RecordId(2)) && lane.entries.is_empty());
    assert_eq!((lane.parked_count(), lane.unpark(&key(1))), (0, None));
}

#[test]
fn an_entry_lasts_while_the_object_is_in_work_or_parked() {
    let mut lane = lane(1);
    lane.park(&key(1), parked(&[5]));
    lane.set_journalled(&key(1), true);
    lane.set_journalled(&key(2), true);
    assert!(lane.is_journalled(&key(1)) && !lane.is_journalled(&key(2)));
    lane.finish(&key(1));
    assert!(lane.is_journalled(&key(1)));
    lane.unpark(&key(1));
    assert!(!lane.is_journalled(&key(1)));
}

#[test]
fn what_waits_or_rests_moves_on_at_its_time_and_not_before() {
    let mut lane = lane(2);
    lane.set_stage(&key(1), Stage::Waiting { until: Moment(10) });
    lane.set_stage(&key(2), Stage::Resting { until: Moment(20) });
    assert_eq!((lane.next_retry(), lane.next_rest()), (Some(Moment(10)), Some(Moment(20))));
    assert_eq!((lane.busy_records(), lane.idle_records()), (0, 2));
    lane.wake(Moment(9));
    assert!(!lane.has_unread() && !lane.is_looking());
    lane.wake(Moment(10));
    assert!(lane.has_unread() && !lane.is_looking());
    lane.wake(Moment(20));
    assert!(lane.is_looking());
    assert_eq!((lane.busy_records(), lane.idle_records()), (1, 1));
    assert_eq!((lane.next_retry(), lane.next_rest()), (None, None));
    // a look that was sent before the rest was over may not have seen everything
    lane.looked(Moment(19));
    assert!(lane.is_looking());
    lane.looked(Moment(20));
    assert!(!lane.is_looking());
    assert_eq!(lane.unread().count(), 2);
}

#[test]
fn something_can_be_tried_unless_all_is_delivered_done_or_at_rest() {
    let mut lane = lane(4);
    assert!((1..=4).all(|id| lane.is_to_be_tried(&key(id))) && !lane.is_to_be_tried(&key(9)));
    lane.set_stage(&key(1), Stage::Delivered(BatchId(1)));
    lane.set_stage(&key(2), Stage::Resting { until: Moment(20) });
    lane.update(&key(3), Work::verify);
    assert!((1..=3).all(|id| !lane.is_to_be_tried(&key(id))) && lane.is_to_be_tried(&key(4)));
    assert!(lane.has_something_to_try() && lane.is_verifying() && lane.is_done(&key(3)));
    assert_eq!(lane.delivered(), 1);
    lane.finish(&key(4));
    assert!(!lane.has_something_to_try());
    lane.finish(&key(3));
    assert!(!lane.has_something_to_try() && !lane.is_verifying());
    lane.set_stage(&key(2), Stage::Unread);
    assert!(lane.has_something_to_try());
}

#[test]
fn a_very_record_is_known_by_id_reservation_and_time() {
    let mut lane = lane(1);
    let at = record(1, "p").changed_at;
    assert!(lane.holds(RecordId(1), &process("p"), &at));
    assert!(!lane.holds(RecordId(1), &process("q"), &at));
    assert!(!lane.holds(RecordId(1), &process("p"), "later"));
    assert!(!lane.holds(RecordId(2), &process("p"), &at));
    // the portal has freed and changed it: it is another one, under another reservation
    let again = Record { changed_at: "later".into(), ..record(1, "q") };
    lane.take(key(1), again, 3);
    assert!(lane.holds(RecordId(1), &process("q"), "later"));
    assert_eq!(lane.settled_reservations(), [process("p")]);
    assert_eq!(lane.settled_reservations(), []);
    assert_eq!(lane.processes().iter().cloned().collect::<Vec<_>>(), [process("q")]);
}

#[test]
fn a_reservation_is_saved_by_the_save_that_it_waits_for() {
    let mut lane = lane(1);
    let saved = |lane: &Lane| lane.reservations.get(&process("p")).map(|known| known.saved);
    lane.reservations.get_mut(&process("p")).unwrap().saved = Saved::Pending(SaveId(4));
    ready(&mut lane, 1);
    assert_eq!(lane.next_batch(BatchId(1), 9, None), []);
    lane.confirm_saved(&process("p"), Some(SaveId(3)));
    assert_eq!(saved(&lane), Some(Saved::Pending(SaveId(4))));
    lane.confirm_saved(&process("p"), Some(SaveId(4)));
    assert_eq!(saved(&lane), Some(Saved::Yes));
    assert_eq!(lane.next_batch(BatchId(1), 9, None).len(), 1);
    // one more record of it is to be written down again
    lane.take(key(2), record(2, "p"), 3);
    assert_eq!(saved(&lane), Some(Saved::No));
}

#[test]
fn a_batch_has_as_many_changes_as_each_of_them_bears_company() {
    let mut lane = lane(5);
    for id in 1..=5 {
        ready(&mut lane, id);
    }
    lane.update(&key(2), |work| work.tries.companions = 2);
    let ids = |batch: &[(Key, crate::change::Change)]| {
        batch.iter().map(|(_, change)| change.object.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&lane.next_batch(BatchId(1), 9, Some(&key(4)))), ["4"]);
    assert_eq!(ids(&lane.next_batch(BatchId(2), 9, None)), ["1", "2"]);
    assert_eq!(ids(&lane.next_batch(BatchId(3), 1, None)), ["3"]);
    for id in 1..=3 {
        ready(&mut lane, id);
    }
    lane.update(&key(2), |work| work.tries.companions = 1);
    assert_eq!(ids(&lane.next_batch(BatchId(4), 9, None)), ["1", "3", "5"]);
    assert_eq!(ids(&lane.next_batch(BatchId(5), 9, None)), ["2"]);
    lane.update(&key(2), |work| assert_eq!(work.tries.companions, 1));
    lane.reunite();
    lane.update(&key(2), |work| assert_eq!(work.tries.companions, u32::MAX));
}

#[test]
fn an_object_whose_records_were_taken_from_it_is_not_delivered() {
    let mut lane = lane(2);
    ready(&mut lane, 1);
    ready(&mut lane, 2);
    lane.update(&key(2), |work| work.later.insert(RecordId(7), record(7, "p")));
    for id in 1..=2 {
        lane.update(&key(id), |work| work.records.remove(&RecordId(id)));
    }
    assert_eq!(lane.next_batch(BatchId(1), 9, None), []);
    assert!(lane.work(&key(1)).is_none());
    let work = lane.work(&key(2)).unwrap();
    assert_eq!((&work.stage, work.records.len()), (&Stage::Unread, 1));
}

#[test]
fn without_a_rule_or_a_reading_an_object_is_ready_at_once() {
    let registry = Registry::new(&[]);
    let mut lane = lane(1);
    let other = Key::from(ObjectId::new("no.such", "1"));
    let own = Key::Record { kind: "ONX".into(), record: RecordId(3) };
    let listed = Key::Record { kind: "ONX".into(), record: RecordId(4) };
    let known = EventData::Known(Some("[1]".into()));
    lane.take(other.clone(), record(2, "p"), 3);
    lane.take(own.clone(), Record { data: known, ..record(3, "p") }, 3);
    lane.take(listed.clone(), Record { data: EventData::ToBeListed, ..record(4, "p") }, 3);
    lane.prepare(&registry, Retrieve::List);
    let unread =
        |data: Option<&str>| Stage::Ready { state: State::Unread, data: data.map(str::to_owned) };
    let stage = |lane: &Lane, key: &Key| lane.work(key).map(|work| work.stage.clone());
    assert_eq!(stage(&lane, &key(1)), Some(Stage::Unread));
    assert_eq!(stage(&lane, &other), Some(unread(None)));
    assert_eq!(stage(&lane, &own), Some(unread(Some("[1]"))));
    assert_eq!(stage(&lane, &listed), Some(Stage::Unread));
    lane.prepare(&registry, Retrieve::None);
    assert_eq!(stage(&lane, &key(1)), Some(unread(None)));
}

#[test]
fn a_small_reservation_waits_for_what_is_with_the_users_code_but_not_for_long() {
    use crate::config::BatchSize;
    let mut lane = lane(151);
    let reserve = crate::reserve::Reserve::new(BatchSize::Fixed(100));
    let fresh =
        |lane: &Lane, waited| reserve.limits(lane, 0, 0, Millis(waited)).map(|limits| limits.fresh);
    assert_eq!(fresh(&lane, 0), Some(49));
    lane.set_stage(&key(1), Stage::Delivered(BatchId(1)));
    assert_eq!((fresh(&lane, 0), fresh(&lane, 4_999), fresh(&lane, 5_000)), (None, None, Some(49)));
    lane.finish(&key(151));
    assert_eq!(fresh(&lane, 0), Some(50));
    // what waits for a time takes no room until there is a lot of it
    lane.set_stage(&key(2), Stage::Waiting { until: Moment(9) });
    assert_eq!(fresh(&lane, 0), Some(51));
    let far = |held_back| reserve.limits(&lane, held_back, held_back, Millis(0)).is_some();
    assert!(far(998) && !far(999));
}

#[test]
fn failures_during_an_outage_are_forgiven_and_earlier_ones_are_not() {
    let mut lane = lane(2);
    for (id, since) in [(1, 7), (2, 6)] {
        lane.update(&key(id), |work| {
            (work.tries.failed, work.tries.suspect, work.tries.suspect_since) = (5, 3, since);
        });
    }
    lane.forgive(7);
    let tries = |id| lane.work(&key(id)).map(|work| (work.tries.failed, work.tries.suspect));
    assert_eq!((tries(1), tries(2)), (Some((2, 0)), Some((5, 0))));
}

#[test]
fn a_reading_counts_where_one_was_asked_for() {
    let mut lane = lane(1);
    let read = |lane: &mut Lane, data: &str, now: u64| {
        lane.read(&key(1), State::Present, Some(data.into()), Moment(now), Millis(0))
    };
    assert_eq!(read(&mut lane, "{}", 0), None);
    lane.set_stage(&key(1), Stage::Reading);
    lane.take(key(1), record(2, "p"), 3);
    lane.unread_again(&key(1));
    assert_eq!(lane.work(&key(1)).map(|work| work.records.len()), Some(2));
    ready(&mut lane, 1);
    lane.unread_again(&key(1));
    assert!(!lane.has_unread(), "nothing was asked for");
    lane.set_stage(&key(1), Stage::Reading);
    assert_eq!(read(&mut lane, "{}", 0), Some(Checked::On));
    assert_eq!(lane.ready().count(), 1);
}

#[test]
fn what_is_done_and_reads_otherwise_is_delivered_again_ever_more_rarely() {
    let mut lane = Lane::new(true, Broken::default());
    lane.take(key(1), record(1, "p"), 3);
    let done_and_read = |lane: &mut Lane, delivered: &str, data: &str| {
        lane.update(&key(1), |work| {
            work.delivered = Fingerprint::of(State::Present, Some(delivered));
            work.verify();
            work.stage = Stage::Reading;
        });
        lane.read(&key(1), State::Present, Some(data.into()), Moment(0), Millis(0))
    };
    let stage = |lane: &Lane| lane.work(&key(1)).map(|work| work.stage.clone()).unwrap();
    assert_eq!(done_and_read(&mut lane, "1", "1"), Some(Checked::Same));
    assert_eq!(done_and_read(&mut lane, "1", "2"), Some(Checked::On));
    assert_eq!(stage(&lane), Stage::Ready { state: State::Present, data: Some("2".into()) });
    for expected in [1_000, 2_000, 4_000] {
        done_and_read(&mut lane, "2", "3");
        assert_eq!(stage(&lane), Stage::Waiting { until: Moment(expected) });
        assert!(!lane.is_done(&key(1)));
    }
    // a record that has arrived says why: it is read once more, and the delays begin anew
    lane.update(&key(1), |work| work.later.insert(RecordId(2), record(2, "p")));
    done_and_read(&mut lane, "3", "4");
    let work = lane.work(&key(1)).unwrap();
    assert_eq!((&work.stage, work.records.len(), work.differed), (&Stage::Unread, 2, 0));
}

#[test]
fn records_whose_entry_is_to_go_or_to_stay_are_marked_wherever_they_are() {
    let portal = Timestamp(1_795_434_072_000);
    let old = |id| Record { changed_at: "2026-10-20T00:00:00Z".into(), ..record(id, "p") };
    let mut lane = lane(1);
    lane.take(key(2), old(2), 3);
    lane.set_stage(&key(2), Stage::Reading);
    lane.take(key(2), old(3), 3);
    let ageing = |lane: &Lane| lane.ageing(portal).iter().map(|(_, r)| r.id.0).collect::<Vec<_>>();
    assert_eq!(ageing(&lane), [2, 3]);
    lane.set_kept(RecordId(3), true);
    assert_eq!(ageing(&lane), [2]);
    // freed and changed at the portal, it keeps the mark
    lane.take(key(4), record(3, "q"), 3);
    assert_eq!(lane.work(&key(4)).unwrap().records.get(&RecordId(3)).map(|r| r.kept), Some(true));
    lane.set_kept(RecordId(3), false);
    assert_eq!(lane.work(&key(4)).unwrap().records.get(&RecordId(3)).map(|r| r.kept), Some(false));
}

#[test]
fn reserved_records_are_those_that_no_error_call_may_have_moved() {
    let mut lane = lane(2);
    lane.update(&key(2), |work| work.registered = true);
    lane.park(&key(3), parked(&[3]));
    lane.take(key(4), Record { process: None, ..record(4, "p") }, 3);
    let ids = |registers| lane.reserved(registers).map(|record| record.id.0).collect::<Vec<_>>();
    assert_eq!((ids(false), ids(true)), (vec![1, 3], vec![1]));
    assert_eq!(lane.reserved_in_hand(), 3);
}

#[test]
fn what_is_done_waits_for_a_clear_that_names_its_ids() {
    let mut settle = Settle::default();
    let records: Records = (1..=1_000).map(|id| (RecordId(id), record(id, "p"))).collect();
    assert!(settle.is_empty() && settle.since().is_none());
    settle.add(&records, Moment(5));
    settle.add(&records, Moment(9));
    assert_eq!((settle.since(), settle.ids().count()), (Some(Moment(5)), 1_000));
    assert!(settle.has(&process("p")) && !settle.has(&process("q")));
    let at = record(1, "p").changed_at;
    assert!(settle.is_cleared(&record(1, "p")) && !settle.is_cleared(&record(1, "q")));
    assert!(settle.waits(&process("p"), RecordId(1), &at));
    assert!(!settle.waits(&process("p"), RecordId(1), "later"));
    let sizes = |calls: Vec<(ProcessId, Vec<RecordId>)>| {
        calls.iter().map(|(_, ids)| ids.len()).collect::<Vec<_>>()
    };
    assert_eq!(sizes(settle.calls(9)), [800, 200]);
    assert_eq!(sizes(settle.calls(1)), [800]);
    let ids: Vec<RecordId> = (1..=999).map(RecordId).collect();
    settle.cleared(&process("p"), &ids);
    assert_eq!((settle.since(), settle.ids().count()), (Some(Moment(5)), 1));
    settle.cleared(&process("p"), &[RecordId(1_000)]);
    assert!(settle.is_empty() && settle.since().is_none() && !settle.has(&process("p")));
}
