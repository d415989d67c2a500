//! Slowing down, and not more than needed.

use super::*;

#[test]
fn a_limited_method_does_not_hold_others_back() {
    let mut w = world(|c| c.batch_size = BatchSize::Fixed(2_250));
    make(&mut w, "crm.deal", 4_000);
    w.portal
        .inject(Fault { count: 100_000, ..fault("crm.deal.list", 1, FaultKind::OperatingLimit) });
    w.start();
    w.pass(10_000);
    make(&mut w, "crm.contact", 5);
    w.pass(20_000);
    let contacts = w.deliveries.iter().filter(|c| c.object.kind == "crm.contact").count();
    assert_eq!(contacts, 5);
}

#[test]
fn a_sweep_of_another_shape_backs_off() {
    let mut w = world(|_| {});
    w.portal.inject(Fault {
        count: 1_000_000,
        ..fault("event.offline.list", 1, FaultKind::WrongShape(Shape::Result(json!("what"))))
    });
    w.start();
    w.pass(HOUR);
    let before = w.calls.len();
    w.pass(60_000);
    let n = w.calls.len() - before;
    assert!(n <= 15, "{n} requests a minute after an hour of failing");
}

#[test]
fn a_refused_sub_call_backs_off_more_and_more() {
    for method in ["event.offline.get", "event.offline.list", "event.offline.clear"] {
        let mut w = world(|_| {});
        make(&mut w, "crm.deal", 3);
        w.wire = Some(Wire::refusing(method, "ERROR_CORE", "something"));
        w.start();
        w.pass(HOUR);
        let before = w.calls.len();
        w.pass(60_000);
        let n = w.calls.len() - before;
        assert!(n <= 15, "{method} {n} requests a minute after an hour of failing");
    }
}

#[test]
fn a_limited_event_get_is_not_asked_before_its_reset() {
    let mut w = world(|c| c.sweep = Millis::seconds(60));
    w.start();
    w.pass(10_000);
    w.portal.inject(Fault { count: 100, ..fault("event.get", 1, FaultKind::OperatingLimit) });
    w.pass(70_000);
    let limited = w.notices.iter().find_map(|n| match n {
        Notice::MethodLimited { method, delay } if method == "event.get" => Some(*delay),
        _ => None,
    });
    let before = sent(&w, "event.get");
    w.pass(200_000);
    let n = sent(&w, "event.get") - before;
    assert!(n == 0, "asked {n} times although limited for {limited:?}");
}

#[test]
fn a_limited_batch_is_held_although_a_write_of_its_own_succeeds() {
    let mut w = world(|_| {});
    let id = make(&mut w, "crm.deal", 1).remove(0);
    w.start();
    w.pass(20_000);
    w.portal.inject(fault("crm.deal.update", 1, FaultKind::Delay { ms: 3_000 }));
    let at = w.now();
    w.wire = Some(Wire::new(move |c, now, (d, r)| {
        if c.method == "batch" && now >= at {
            return (
                20,
                Reply::Answer {
                    status: 429,
                    body: r#"{"error":"OPERATION_TIME_LIMIT","error_description":"x"}"#.into(),
                },
            );
        }
        (d, r)
    }));
    let params = json!({"id": id, "fields": {"TITLE": null}}).to_string();
    w.give(Input::Write { write: WriteId(1), method: "crm.deal.update".into(), params });
    w.give(Input::Nudge);
    let before = w.calls.iter().filter(|c| c.method == "batch").count();
    w.pass(30_000);
    let n = w.calls.iter().filter(|c| c.method == "batch").count() - before;
    assert!(n <= 1, "{n} batches within a limit of a minute");
}

#[test]
fn restarts_in_a_row_stay_below_the_bucket() {
    let mut bad = 0;
    for gap in [100, 300, 1_000, 2_000] {
        let mut w = world(|c| c.poll = Millis(10));
        make(&mut w, "crm.deal", 10);
        for _ in 0..200 {
            w.start();
            w.pass(gap);
            w.crash();
        }
        bad += w.audit().bucket_violations;
    }
    assert_eq!(bad, 0);
}

#[test]
fn many_parked_objects_do_not_make_sweeps_dearer() {
    let mut w = world(|c| {
        c.batch_size = BatchSize::Fixed(5);
        c.sweep = Millis::seconds(300);
    });
    make(&mut w, "crm.deal", 600);
    w.script = Some(Script::new(|_, _| vec![(5, all(reject()))]));
    w.start();
    w.pass(HOUR);
    let before = sent(&w, "event.offline.list");
    let sweeps = status(&w).counters.sweeps;
    w.pass(HOUR);
    let n = sent(&w, "event.offline.list") - before;
    let sweeps = status(&w).counters.sweeps - sweeps;
    assert!(n as u64 <= sweeps * 8, "{n} lists in {sweeps} sweeps");
}

#[test]
fn a_sub_call_that_always_says_expired_ends_in_sign_in_again_or_backs_off() {
    let mut w = world(|_| {});
    w.start();
    w.pass(10_000);
    w.wire = Some(Wire::new(|c, _, (d, r)| {
        (
            d,
            with_errors(c, r, |_| {
                Some(json!({"error": "expired_token", "error_description": "x"}))
            }),
        )
    }));
    w.pass(HOUR);
    let before = w.calls.len();
    w.pass(60_000);
    let n = w.calls.len() - before;
    assert!(
        n <= 15 || matches!(w.phase(), Some(Phase::Ended(_))),
        "{n} requests a minute {:?}",
        w.phase()
    );
}

#[test]
fn one_expired_answer_after_an_outage_is_no_end() {
    let mut w = world(|_| {});
    w.start();
    w.pass(10_000);
    let at = w.now();
    let mut n = 0;
    w.wire = Some(Wire::new(move |_, now, (d, r)| {
        if now < at {
            return (d, r);
        }
        n += 1;
        match n {
            1..=4 => (d, Reply::NotSent(NotSent::Network { why: "down".into() })),
            5 => (d, Reply::Answer { status: 401, body: r#"{"error":"expired_token"}"#.into() }),
            _ => (d, r),
        }
    }));
    w.pass(HOUR);
    assert_eq!(w.phase(), Some(Phase::Running), "{:?}", w.notices);
}
