//! Rejected, registered and parked changes.

use super::*;

#[test]
fn thousand_registered_objects_are_redriven() {
    let mut w = world(|c| {
        c.on_reject = OnReject::Register;
        c.batch_size = BatchSize::Fixed(100);
        c.limits = Limits::Off;
    });
    make(&mut w, "crm.deal", 1_100);
    let end = w.now() + 600_000;
    w.script = Some(Script::new(move |_, now| {
        vec![(5, all(if now < end { reject() } else { Verdict::Done }))]
    }));
    w.start();
    w.pass(6 * HOUR);
    assert_eq!(status(&w).held, 0, "{:?}", status(&w));
}

#[test]
fn a_batch_never_has_more_than_fifty_sub_calls() {
    let mut w = world(|c| {
        c.on_reject = OnReject::Register;
        c.poll = Millis(500);
        c.limits = Limits::Off;
        c.retry = Retry { first_delay: Millis(100), attempts: 1000 };
    });
    let ids = make(&mut w, "crm.deal", 5);
    let end = w.now() + 60_000;
    w.script = Some(Script::new(move |b, now| {
        let v = if now < end { retry(Some(60_000)) } else { reject() };
        let e = b
            .changes
            .iter()
            .map(|c| Judgement { key: c.key.clone(), verdict: v.clone() })
            .collect();
        vec![(5, Verdicts::All { verdict: Verdict::Done, except: e })]
    }));
    w.start();
    for _ in 0..30 {
        w.pass(2_000);
        for id in &ids {
            let now = w.now();
            w.portal.change("crm.deal", id, json!({"TITLE": "x"}), now);
        }
    }
    w.pass(120_000);
    let most = w.calls.iter().map(|c| sub_calls(c).len()).max().unwrap();
    assert!(most <= 50, "{most} sub-calls in one batch");
}

#[test]
fn rejected_records_without_a_rule_are_parked_and_keep_their_data() {
    let mut w = world(|c| {
        c.on_reject = OnReject::Register;
        c.batch_size = BatchSize::Fixed(1);
    });
    let now = w.now();
    w.portal.record_event("ONSTRANGETHING", json!({"A": 1}), now);
    w.script = Some(Script::new(|_, _| vec![(8_000, all(reject()))]));
    w.start();
    w.pass(2_000);
    let now = w.now();
    w.portal.record_event("ONSTRANGETHING", json!({"A": 1}), now);
    w.pass(20_000);
    let rejected = w.deliveries.len();
    w.crash();
    w.script = None;
    w.start();
    w.pass(HOUR);
    // they share a MESSAGE_ID: an `error` for one would delete the other, so they are parked
    assert_eq!(sent(&w, "event.offline.error"), 0);
    assert_eq!((rejected, status(&w).parked), (2, 2));
    w.give(Input::Redrive(Redrive::All));
    w.pass(60_000);
    assert!(w.deliveries[rejected..].iter().all(|c| c.data.is_some()), "{:?}", w.deliveries);
    assert_eq!(w.deliveries.len(), 4);
}

#[test]
fn the_rest_counts_from_when_the_error_was_really_sent() {
    // the transport's first sending is answered "expired_token" after 40 s; it refreshes and repeats,
    // the repeat hangs and is executed 55 s after that
    let mut w = world(|c| c.on_reject = OnReject::Register);
    let id = make(&mut w, "crm.deal", 1).remove(0);
    w.script = Some(Script::new({
        let mut n = 0;
        move |_, _| {
            n += 1;
            vec![(5, all(if n == 2 { reject() } else { Verdict::Done }))]
        }
    }));
    w.start();
    w.pass(20_000);
    let now = w.now();
    w.portal.change("crm.deal", &id, json!({"TITLE": "y"}), now);
    w.portal.inject(fault(
        "event.offline.error",
        1,
        FaultKind::ExecutedLate { after_ms: 95_000, hang_ms: 64_000 },
    ));
    while sent(&w, "event.offline.error") == 0 {
        let end = w.now() + 60_000;
        w.step(end);
    }
    let now = w.now();
    w.portal.schedule(
        now + 94_990,
        Deed::Change { kind: "crm.deal".into(), id, fields: json!({"TITLE": "z"}) },
    );
    w.pass(HOUR);
    assert_eq!(w.audit().lost, []);
}

#[test]
fn parking_again_after_a_crash_keeps_the_newer_records_home() {
    let mut w = world(|_| {});
    let id = make(&mut w, "crm.deal", 1).remove(0);
    w.script = Some(Script::new(|_, _| vec![(5, all(reject()))]));
    w.start();
    w.pass(20_000);
    let now = w.now();
    w.portal.change("crm.deal", &id, json!({"TITLE": "b"}), now);
    while w.notices.iter().filter(|n| matches!(n, Notice::Parked { .. })).count() < 2 {
        let end = w.now() + 60_000;
        w.step(end);
    }
    w.crash_after_saving(1);
    let before = w.deliveries.len();
    w.start();
    w.pass(HOUR);
    assert_eq!(w.deliveries.len(), before, "a parked object was driven again by a restart");
}

#[test]
fn attempts_at_a_record_without_a_rule_outlive_a_restart_and_leave_no_entry() {
    let mut w = world(|c| c.retry = Retry { first_delay: Millis(1_000), attempts: 4 });
    let now = w.now();
    w.portal.record_event("ONSTRANGETHING", json!({"A": 1}), now);
    w.script = Some(Script::new(|_, _| vec![(5, all(retry(None)))]));
    w.start();
    for _ in 0..20 {
        w.pass(2_500);
        w.crash();
        w.start();
    }
    let most = w.deliveries.iter().map(|c| c.attempt).max().unwrap();
    w.script = None;
    w.pass(600_000);
    assert!(
        w.deliveries.len() <= 6,
        "{} deliveries of 4 attempts, most {most}",
        w.deliveries.len()
    );
}

#[test]
fn an_entry_of_a_retried_record_without_a_rule_is_removed() {
    let mut w = world(|_| {});
    let now = w.now();
    w.portal.record_event("ONSTRANGETHING", json!({"A": 1}), now);
    w.script = Some(Script::new(|_, _| vec![(5, all(retry(None)))]));
    w.start();
    w.pass(2_500);
    w.crash();
    w.script = None;
    w.start();
    w.pass(HOUR);
    assert_eq!(w.audit().reserved_records, 0);
    assert!(w.journal.keys().all(|k| k == "queue"), "{:?}", w.journal);
}

#[test]
fn what_is_not_reserved_is_parked_because_no_error_call_could_name_it() {
    let mut w = world(|c| c.on_reject = OnReject::Register);
    w.portal.set_plan(b24_offline_tests::scene::without_reservation());
    make(&mut w, "crm.deal", 1);
    w.script = Some(Script::new(|_, _| vec![(5, all(reject()))]));
    w.start();
    w.pass(60_000);
    assert_eq!(status(&w).parked, 1, "{:?}", w.notices);
    assert!(!w.noticed(|notice| matches!(notice, Notice::Registered { .. })));
    assert_eq!(sent(&w, "event.offline.error"), 0);
}
