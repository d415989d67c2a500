//! The end of a run, the check at its start, bindings.

use super::*;

fn is_lost_binding(n: &Notice) -> bool {
    matches!(n, Notice::BindingsLost { .. })
}

#[test]
fn until_empty_after_an_unknown_clear_ends_soon_and_without_a_hot_loop() {
    let mut w = world(|c| c.until = Until::Empty);
    make(&mut w, "crm.deal", 3);
    w.portal.inject(fault("event.offline.clear", 1, FaultKind::AnswerLost { hang_ms: 100 }));
    w.start();
    let from = w.now();
    assert!(w.until_ended(2 * HOUR));
    assert!(w.calls.len() < 40, "{} requests", w.calls.len());
    assert!(w.now() - from < 120_000, "{} s", (w.now() - from) / 1000);
}

#[test]
fn until_empty_ends_with_many_parked_after_an_unknown_outcome() {
    let mut w = world(|c| {
        c.until = Until::Empty;
        c.batch_size = BatchSize::Fixed(2);
        c.sweep = Millis::seconds(60);
    });
    make(&mut w, "crm.deal", 120);
    w.script = Some(Script::new(|_, _| vec![(5, all(reject()))]));
    w.portal.inject(Fault {
        after: 20,
        ..fault("event.offline.get", 1, FaultKind::AnswerLost { hang_ms: 100 })
    });
    w.start();
    let ended = w.until_ended(2 * HOUR);
    assert!(ended, "{:?} {} requests", status(&w), w.calls.len());
    assert!(w.calls.len() < 300, "{} requests", w.calls.len());
}

#[test]
fn one_html_answer_at_start_and_json_refusals_after_are_a_portal() {
    let mut w = world(|_| {});
    w.portal.inject(fault("feature.get", 1, FaultKind::Html { status: 502, executed: false }));
    w.portal.inject(Fault { after: 0, count: 9, ..fault("feature.get", 1, FaultKind::QueryLimit) });
    w.start();
    w.pass(10 * 60_000);
    assert_eq!(w.phase(), Some(Phase::Running));
}

#[test]
fn html_for_a_minute_in_a_later_check_is_no_end() {
    let mut w = world(|_| {});
    w.start();
    w.pass(20_000);
    w.portal.inject(fault(
        "event.offline.get",
        1,
        FaultKind::Error { status: 403, code: "WRONG_LICENSE".into(), description: "x".into() },
    ));
    for _ in 0..10_000 {
        if w.phase() == Some(Phase::Checking) {
            break;
        }
        let end = w.now() + 60_000;
        w.step(end);
    }
    assert_eq!(w.phase(), Some(Phase::Checking));
    let from = w.now();
    w.wire = Some(Wire::new(move |_, now, (d, r)| {
        if now < from + 120_000 {
            (d, Reply::Answer { status: 502, body: "<html>".into() })
        } else {
            (d, r)
        }
    }));
    w.pass(10 * 60_000);
    assert_eq!(w.phase(), Some(Phase::Running), "{:?}", w.notices);
}

#[test]
fn lost_bindings_are_reported_though_the_answer_to_bind_is_lost() {
    let mut w = world(|c| {
        c.sweep = Millis::seconds(60);
        c.events = events("ONCRMDEALADD ONCRMDEALUPDATE");
    });
    w.start();
    w.pass(10_000);
    w.portal.remove_bindings();
    w.portal.inject(Fault {
        count: 1,
        ..fault("event.bind", 1, FaultKind::AnswerLost { hang_ms: 100 })
    });
    w.pass(HOUR);
    assert!(!w.portal.bindings().is_empty());
    assert!(w.noticed(is_lost_binding), "{:?}", w.notices);
}

#[test]
fn lost_bindings_are_reported_at_start_though_the_answer_to_bind_is_lost() {
    let mut w = world(|c| c.events = events("ONCRMDEALADD ONCRMDEALUPDATE"));
    w.start();
    w.pass(10_000);
    w.crash();
    w.portal.remove_bindings();
    w.portal.inject(Fault {
        count: 1,
        ..fault("event.bind", 1, FaultKind::AnswerLost { hang_ms: 100 })
    });
    w.start();
    w.pass(HOUR);
    assert!(w.noticed(is_lost_binding), "{:?}", w.notices);
}

#[test]
fn lost_bindings_are_reported_though_it_is_killed_after_bind() {
    let mut w = world(|c| c.events = events("ONCRMDEALADD ONCRMDEALUPDATE"));
    w.start();
    w.pass(10_000);
    w.crash();
    w.portal.remove_bindings();
    w.start();
    while sent(&w, "event.bind") == 0 {
        let end = w.now() + 60_000;
        w.step(end);
    }
    w.crash();
    w.start();
    w.pass(HOUR);
    assert!(w.noticed(is_lost_binding), "{:?}", w.notices);
}
