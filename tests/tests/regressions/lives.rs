//! What long simulated lives have shown.

use super::*;
use b24_offline_emulator::Intrusion;
use b24_offline_tests::scene::{change, deals, one_step};

const DAY: u64 = 24 * HOUR;

/// The same life on a portal of either personality.
fn both(change: impl Fn(&mut Config), life: impl Fn(World)) {
    for personality in [Personality::Documented, Personality::Source] {
        let mut config = config(EVENTS);
        change(&mut config);
        life(bound(personality, config));
    }
}

/// Until when the method is limited, as far as was told.
fn limited_for(w: &World, limited: &str) -> Option<u64> {
    w.notices.iter().find_map(|notice| match notice {
        Notice::MethodLimited { method, delay } if method == limited => Some(delay.0),
        _ => None,
    })
}

#[test]
fn a_wrong_clock_does_not_shorten_the_wait_for_a_limited_method() {
    let mut w = world(|c| c.poll = Millis::seconds(5));
    w.start();
    w.pass(20_000);
    w.skew += i64::try_from(40 * DAY).unwrap();
    w.portal
        .inject(Fault { count: 1_000, ..fault("event.offline.get", 1, FaultKind::OperatingLimit) });
    w.pass(20_000);
    let before = sent(&w, "event.offline.get");
    w.pass(120_000);
    let n = sent(&w, "event.offline.get") - before;
    assert!(n <= 4, "{n} calls of a limited method in two minutes");
}

#[test]
fn a_record_that_its_get_has_hidden_is_found_by_the_next_sweep_though_its_reservation_is_known() {
    let mut w = world(|c| c.sweep = Millis::seconds(60));
    w.script = Some(Script::new(|batch, _| {
        let verdict = |change: &Change| {
            if change.object.id == "3" || change.object.id == "4" {
                reject()
            } else {
                Verdict::Done
            }
        };
        let judge =
            |change: &Change| Judgement { key: change.key.clone(), verdict: verdict(change) };
        vec![(5, Verdicts::Some(batch.changes.iter().map(judge).collect()))]
    }));
    w.start();
    // past the sweeps that list everything however much is ours
    w.pass(20_000);
    let hides = FaultKind::BetweenSelectAndMark(Intrusion::GetAndError { limit: 2 });
    w.portal.inject(fault("event.offline.get", 1, hides));
    deals(&mut w, 4);
    w.pass(100_000);
    assert!(
        ["1", "2"].iter().all(|id| { w.deliveries.iter().any(|change| change.object.id == **id) })
    );
}

#[test]
fn an_older_record_that_comes_late_does_not_settle_what_was_parked_after_it() {
    let mut w = world(|c| c.mode = Mode::Delete);
    w.script = Some(Script::new(|batch, _| {
        let verdict = |change: &Change| {
            if change.key.contains("2@") { reject() } else { Verdict::Done }
        };
        let judge =
            |change: &Change| Judgement { key: change.key.clone(), verdict: verdict(change) };
        vec![(5, Verdicts::Some(batch.changes.iter().map(judge).collect()))]
    }));
    w.start();
    w.pass(10_000);
    // written down, and deleted by a call whose answer nobody gets
    w.portal.inject(fault("event.offline.get", 1, FaultKind::AnswerLost { hang_ms: 9_000 }));
    let id = deals(&mut w, 1).remove(0);
    w.give(Input::Nudge);
    w.pass(5_000);
    assert_eq!(w.portal.queue_len(), 0);
    w.crash();
    change(&mut w, &id);
    w.start();
    w.pass(30_000);
    assert_eq!(status(&w).parked, 1);
    w.pass(300_000);
    let keys: Vec<&str> = w.deliveries.iter().map(|change| change.key.as_str()).collect();
    assert!(keys.iter().any(|key| key.starts_with("1@") && !key.contains(',')), "{keys:?}");
    assert_eq!(status(&w).parked, 1, "the parked change was newer: {keys:?}");
    w.give(Input::Redrive(Redrive::All));
    w.pass(10_000);
    let last = w.deliveries.last().unwrap();
    assert!(last.key.contains("2@"), "{}", last.key);
}

#[test]
fn a_run_until_empty_ends_though_each_sweep_lists_what_is_parked() {
    let mut w = world(|c| c.until = Until::Empty);
    w.script = Some(Script::new(|_, _| vec![(5, all(reject()))]));
    make(&mut w, "crm.deal", 3);
    w.portal.inject(fault("event.offline.get", 1, FaultKind::AnswerLost { hang_ms: 100 }));
    w.start();
    assert!(w.until_ended(HOUR), "{} calls", w.calls.len());
    assert!(w.calls.len() < 60, "{} calls", w.calls.len());
}

#[test]
fn a_suspected_object_does_not_have_a_limited_method_called() {
    let change = |c: &mut Config| (c.poll, c.sweep) = (Millis(HOUR), Millis::seconds(60));
    both(change, |mut w| {
        w.start();
        w.pass(20_000);
        let limit = fault("event.offline.list", 1_000, FaultKind::OperatingLimit);
        w.portal.inject(limit);
        while limited_for(&w, "event.offline.list").is_none() {
            let end = w.now() + 90_000;
            assert!(w.step(end), "{:?}", w.notices);
        }
        let until = w.now() + limited_for(&w, "event.offline.list").unwrap();
        // every batch that reads the object breaks off
        w.wire = Some(Wire::new(|call, _, (delay, reply)| {
            let reads = sub_calls(call).iter().any(|(_, method)| method.starts_with("crm.deal."));
            (delay, if reads { Reply::Unknown { why: Lost::Broken } } else { reply })
        }));
        let before = (sent(&w, "event.offline.list"), sent(&w, "event.get"));
        deals(&mut w, 1);
        w.give(Input::Nudge);
        while !w.noticed(|notice| matches!(notice, Notice::Unreadable { .. })) {
            let end = until - 1_000;
            assert!(w.step(end), "{:?}", w.notices);
        }
        assert_eq!(sent(&w, "event.offline.list"), before.0, "{:?}", w.notices);
        assert!(sent(&w, "event.get") >= before.1 + 3, "{:?}", w.notices);
    });
}

#[test]
fn a_run_until_empty_does_not_end_on_a_look_that_is_older_than_its_last_sweep() {
    let change = |c: &mut Config| (c.until, c.poll) = (Until::Empty, Millis(HOUR));
    both(change, |mut w| {
        deals(&mut w, 3);
        w.portal.inject(fault("event.offline.clear", 1, FaultKind::AnswerLost { hang_ms: 100 }));
        w.start();
        while status(&w).counters.unknown == 0 {
            assert!(one_step(&mut w));
        }
        // the sweep that follows has to wait for its method
        w.portal.inject(fault("event.offline.list", 1, FaultKind::OperatingLimit));
        w.pass(30_000);
        assert!(limited_for(&w, "event.offline.list").is_some_and(|delay| delay > 30_000));
        assert_eq!((status(&w).held, w.left_free(), w.phase()), (0, 0, Some(Phase::Running)));
        // the look that goes with it is refused
        w.portal.inject(fault("event.offline.get", 2, FaultKind::OperatingLimit));
        deals(&mut w, 1);
        // before the next poll
        assert!(w.until_ended(HOUR / 2), "{:?}", status(&w));
        assert_eq!((status(&w).counters.done, w.left_free()), (4, 0), "{:?}", w.notices);
    });
}
