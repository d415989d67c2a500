//! Scenes that notice what mutants of the core showed that no other scene did (docs/mutants.md).

use super::*;
use b24_offline_tests::scene::one_step;

#[test]
fn a_portal_that_says_already_bound_is_bound() {
    let mut w = World::new(
        b24_offline_emulator::Settings::default(),
        config("ONCRMDEALADD ONCRMDEALUPDATE"),
    );
    let words = "Unable to set event handler: Handler already binded";
    w.wire = Some(Wire::refusing("event.bind", "ERROR_CORE", words));
    w.start();
    w.pass(20_000);
    assert!(w.noticed(|notice| matches!(notice, Notice::Ready { .. })), "{:?}", w.notices);
    assert_eq!(w.phase(), Some(Phase::Running));
}

#[test]
fn what_was_surely_not_sent_is_no_unknown_outcome_and_what_was_lost_is_one() {
    for (reply, unknown) in [
        (Reply::NotSent(NotSent::Network { why: "down".into() }), 0),
        (Reply::Unknown { why: Lost::Broken }, 1),
    ] {
        let mut w = world(|_| {});
        w.start();
        w.pass(10_000);
        let mut left = 1;
        w.wire = Some(Wire::new(move |_, _, (delay, good)| {
            left -= 1;
            (delay, if left >= 0 { reply.clone() } else { good })
        }));
        w.pass(60_000);
        assert_eq!(status(&w).counters.unknown, unknown);
    }
}

#[test]
fn until_empty_waits_for_a_sweep_behind_the_empty_look_of_an_unknown_outcome() {
    for after in 0..12 {
        let mut w = world(|c| c.until = Until::Empty);
        make(&mut w, "crm.deal", 3);
        // executed after the answer was given up, up to a minute later
        let kind = FaultKind::ExecutedLate { after_ms: 55_000, hang_ms: 100 };
        let method = Some("event.offline.get".into());
        w.portal.inject(Fault { method, after, count: 1, kind });
        w.start();
        assert!(w.until_ended(HOUR), "{after}");
        assert_eq!(w.audit().lost, [], "{after}: {:?}", w.notices);
        assert_eq!(w.left_free(), 0, "{after}");
    }
}

#[test]
fn an_emptied_queue_does_not_end_while_a_save_or_a_write_is_open() {
    let mut w = world(|c| c.until = Until::Empty);
    make(&mut w, "crm.deal", 2);
    w.disk = b24_offline_tests::Disk::Works(30_000);
    w.start();
    let mut asked = false;
    while !matches!(w.phase(), Some(Phase::Ended(_))) {
        let end = w.now() + 1_000;
        w.step(end);
        if !asked && status(&w).counters.delivered > 0 {
            asked = true;
            let params = r#"{"id":"1","fields":{"TITLE":null}}"#.to_owned();
            let method = "crm.deal.update".to_owned();
            w.give(Input::Write { write: WriteId(1), method, params });
        }
    }
    assert_eq!(w.written.len(), 1, "{:?}", w.written);
    assert!(matches!(w.written[0].result, WriteResult::Done { .. }), "{:?}", w.written);
    assert_eq!(w.audit().lost, []);
}

#[test]
fn a_write_that_the_portal_refuses_is_told_and_not_tried_again() {
    for (code, again) in [("ERROR_CORE", false), ("QUERY_LIMIT_EXCEEDED", true)] {
        let mut w = world(|_| {});
        let ids = make(&mut w, "crm.deal", 1);
        w.start();
        w.pass(10_000);
        let mut left = 1;
        w.wire = Some(Wire::new(move |call, _, (delay, reply)| {
            if call.method == "crm.deal.update" && left > 0 {
                left -= 1;
                let body = json!({ "error": code, "error_description": "no" }).to_string();
                return (delay, Reply::Answer { status: 400, body });
            }
            (delay, reply)
        }));
        // null goes alone, not in a batch
        let params = json!({ "id": ids[0], "fields": { "TITLE": null } }).to_string();
        w.give(Input::Write { write: WriteId(1), method: "crm.deal.update".into(), params });
        w.pass(HOUR);
        let sent = w.calls.iter().filter(|call| call.method == "crm.deal.update").count();
        assert_eq!(sent, 1 + usize::from(again), "{code}");
        let done = matches!(w.written[0].result, WriteResult::Done { .. });
        assert_eq!((w.written.len(), done), (1, again), "{code}: {:?}", w.written);
    }
}

#[test]
fn what_failed_while_the_handler_was_down_counts_no_more_when_it_works_again() {
    let mut w = world(|c| c.retry = Retry { first_delay: Millis(500), attempts: 4 });
    make(&mut w, "crm.deal", 3);
    w.behaviour = Behaviour::Down;
    w.start();
    while !w.noticed(|notice| *notice == Notice::HandlerDown) {
        let end = w.now() + 60_000;
        w.step(end);
    }
    // one change shows that it works again; each of the others fails as often as it may
    let (mut worked, mut failed) = (false, std::collections::BTreeMap::new());
    w.script = Some(Script::new(move |batch, _| {
        let mut except = Vec::new();
        for change in &batch.changes {
            let times: &mut u32 = failed.entry(change.object.id.clone()).or_default();
            if !worked {
                (worked, *times) = (true, 3);
            } else if *times < 3 {
                *times += 1;
                except.push(Judgement { key: change.key.clone(), verdict: retry(None) });
            }
        }
        vec![(5, Verdicts::All { verdict: Verdict::Done, except })]
    }));
    w.pass(6 * HOUR);
    assert_eq!((status(&w).parked, status(&w).counters.done), (0, 3), "{:?}", w.notices);
}

#[test]
fn an_error_call_that_may_have_been_executed_is_not_repeated_and_one_that_was_not_is() {
    for (reply, times) in [
        (Reply::NotSent(NotSent::Network { why: "down".into() }), 2),
        (Reply::Unknown { why: Lost::Broken }, 1),
    ] {
        let mut w = world(|c| c.on_reject = OnReject::Register);
        make(&mut w, "crm.deal", 1);
        w.script = Some(Script::new(|_, _| vec![(5, all(reject()))]));
        let mut lost = false;
        w.wire = Some(Wire::new(move |call, _, (delay, good)| {
            let errors = sub_calls(call).iter().any(|(_, name)| name == "event.offline.error");
            let loses = errors && !lost;
            lost |= errors;
            (delay, if loses { reply.clone() } else { good })
        }));
        w.start();
        w.pass(50_000);
        assert_eq!(sent(&w, "event.offline.error"), times);
    }
}

#[test]
fn the_check_waits_for_a_method_that_may_not_be_called_now_and_asks_it_once_more() {
    for method in ["feature.get", "event.get", "event.bind"] {
        let settings = b24_offline_emulator::Settings::default();
        let mut w = World::new(settings, config("ONCRMDEALADD ONCRMDEALUPDATE"));
        let limit = json!({ "error": "OPERATION_TIME_LIMIT", "error_description": "" });
        let mut refused = false;
        w.wire = Some(Wire::new(move |call, _, (delay, reply)| {
            let first = !refused && sub_calls(call).iter().any(|(_, name)| name == method);
            refused |= first;
            let error = |name: &str| (first && name == method).then(|| limit.clone());
            (delay, with_errors(call, reply, error))
        }));
        w.start();
        w.pass(10_000);
        let asked = sent(&w, method);
        w.pass(45_000);
        assert_eq!(sent(&w, method), asked, "{method}");
        assert_eq!(w.phase(), Some(Phase::Checking), "{method}");
        w.pass(660_000);
        assert_eq!(w.phase(), Some(Phase::Running), "{method}");
    }
}

#[test]
fn only_the_objects_that_are_named_are_driven_again() {
    let mut w = world(|_| {});
    let ids = make(&mut w, "crm.deal", 3);
    w.script = Some(Script::new(|_, _| vec![(5, all(reject()))]));
    w.start();
    w.pass(20_000);
    assert_eq!(status(&w).parked, 3);
    w.script = None;
    let named = ObjectId::new("crm.deal", ids[1].as_str());
    let other = ObjectId::new("crm.contact", ids[0].as_str());
    w.give(Input::Redrive(Redrive::Objects(vec![named.clone(), other])));
    w.pass(20_000);
    let driven: Vec<&Change> = w.deliveries[3..].iter().collect();
    assert_eq!(driven.len(), 1);
    assert_eq!(
        (&driven[0].object, driven[0].origin, driven[0].attempt),
        (&named, Origin::Redriven, 2)
    );
    assert_eq!((status(&w).parked, status(&w).counters.done), (2, 1));
}

#[test]
fn a_queue_that_was_emptied_before_a_write_is_looked_at_once_more_without_waiting_for_the_next_poll()
 {
    let mut w = world(|c| (c.until, c.poll) = (Until::Empty, Millis(HOUR)));
    w.start();
    let write = |w: &mut World| {
        let params = r#"{"fields":{"TITLE":"x"}}"#.to_owned();
        w.give(Input::Write { write: WriteId(1), method: "crm.deal.add".into(), params });
    };
    let mut asked = false;
    while sent(&w, "event.offline.get") == 0 {
        assert!(one_step(&mut w));
    }
    while !matches!(w.phase(), Some(Phase::Ended(_))) {
        if !std::mem::replace(&mut asked, true) {
            write(&mut w);
        }
        assert!(w.step(w.now() + 20_000), "{:?}", status(&w));
    }
    assert!(matches!(w.written[0].result, WriteResult::Done { .. }), "{:?}", w.written);
}

#[test]
fn a_run_ends_when_the_journal_knows_of_it_whatever_comes_meanwhile() {
    let mut w = world(|c| c.until = Until::Empty);
    make(&mut w, "crm.deal", 3);
    w.disk = b24_offline_tests::Disk::Works(3_000);
    w.start();
    while w.phase() != Some(Phase::Stopping) {
        assert!(one_step(&mut w));
    }
    for input in [Input::Nudge, Input::Stop, Input::Tick] {
        w.give(input);
        assert_eq!(w.phase(), Some(Phase::Stopping));
    }
    assert!(w.until_ended(3_000));
}
