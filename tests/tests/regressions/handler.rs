//! The user's code hangs, is down, asks for odd delays; nudges.

use super::*;

#[test]
fn a_handler_that_is_down_and_asks_for_a_day_is_tried_within_minutes() {
    let mut w = world(|c| c.batch_size = BatchSize::Fixed(2));
    make(&mut w, "crm.deal", 20);
    let end = w.now() + 600_000;
    w.script = Some(Script::new(move |_, now| {
        vec![(5, all(if now < end { retry(Some(86_400_000)) } else { Verdict::Done }))]
    }));
    w.start();
    w.pass(HOUR);
    assert!(status(&w).counters.done >= 10, "{:?}", status(&w));
}

#[test]
fn one_hanging_batch_does_not_stop_the_tries_of_a_handler_that_is_down() {
    let mut w = world(|c| c.batch_size = BatchSize::Fixed(2));
    let ids = make(&mut w, "crm.deal", 20);
    let end = w.now() + 60_000;
    let first = ids[0].clone();
    w.script = Some(Script::new(move |b, now| {
        if b.changes.iter().any(|c| c.object.id == first) {
            return vec![];
        }
        vec![(5, all(if now < end { retry(None) } else { Verdict::Done }))]
    }));
    w.start();
    w.pass(6 * HOUR);
    assert!(status(&w).counters.done >= 17, "{:?}", status(&w));
}

#[test]
fn an_hour_without_the_target_parks_few_and_loses_nothing() {
    let mut w = world(|_| {});
    make(&mut w, "crm.deal", 10);
    w.behaviour = Behaviour::Down;
    w.start();
    w.pass(HOUR);
    w.behaviour = Behaviour::Works;
    w.pass(HOUR);
    let status = status(&w);
    assert!(status.parked <= 4 && status.parked + status.counters.done == 10, "{status:?}");
    assert_eq!(w.audit().lost, []);
}

#[test]
fn a_down_handler_that_asks_for_no_delay_is_tried_with_back_off() {
    let mut w = world(|c| c.batch_size = BatchSize::Fixed(2));
    make(&mut w, "crm.deal", 40);
    w.script = Some(Script::new(|_, _| vec![(5, all(retry(Some(0))))]));
    w.start();
    w.pass(60_000);
    assert!(status(&w).parked <= 3, "{:?}", status(&w));
    assert!(w.deliveries.len() <= 40, "{} deliveries in a minute", w.deliveries.len());
}

#[test]
fn a_nudge_during_a_look_is_not_swallowed() {
    let mut w = world(|c| {
        c.poll = Millis::seconds(86_400);
        c.sweep = Millis::seconds(86_400);
    });
    w.start();
    w.pass(60_000);
    w.portal.inject(fault("event.offline.get", 1, FaultKind::Delay { ms: 5_000 }));
    w.give(Input::Nudge);
    w.pass(1_000);
    make(&mut w, "crm.deal", 1);
    w.give(Input::Nudge);
    w.pass(10 * 60_000);
    assert_eq!(w.deliveries.len(), 1);
}

#[test]
fn a_try_that_hangs_is_followed_by_one_of_another_object() {
    let mut w = world(|c| c.batch_size = BatchSize::Fixed(2));
    make(&mut w, "crm.deal", 20);
    let mut failed = 0;
    w.script = Some(Script::new(move |_, _| {
        failed += 1;
        if failed <= 4 { vec![(5, all(retry(None)))] } else { vec![] }
    }));
    w.start();
    while w.deliveries.len() < 5 {
        let end = w.now() + HOUR;
        w.step(end);
    }
    assert!(w.noticed(|notice| *notice == Notice::HandlerDown), "{:?}", w.notices);
    let hung = w.deliveries[w.deliveries.len() - 1].object.clone();
    let tried = w.deliveries.len();
    w.pass(59_000);
    assert_eq!(w.deliveries.len(), tried, "while it does not count as hanging");
    w.pass(3_000);
    assert_eq!(w.deliveries.len(), tried + 1);
    assert_ne!(w.deliveries[tried].object, hung);
}
