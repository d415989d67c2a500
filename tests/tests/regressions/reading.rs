//! What an answer says of an object.

use super::*;

#[test]
fn an_outage_of_the_portal_parks_no_object_at_one_attempt() {
    let mut w = world(|c| c.retry.attempts = 1);
    make(&mut w, "crm.deal", 8);
    let mut since = None;
    w.wire = Some(Wire::new(move |c, at, (d, r)| {
        if sub_calls(c).iter().any(|(_, m)| m == "crm.deal.list") {
            since.get_or_insert(at);
        }
        if since.is_some_and(|since| at < since + 300_000) {
            return (d, Reply::Answer { status: 502, body: "<html>".into() });
        }
        (d, r)
    }));
    w.start();
    w.pass(HOUR);
    assert_eq!(
        status(&w).parked,
        0,
        "{:?}",
        w.notices.iter().filter(|n| !matches!(n, Notice::BackingOff { .. })).collect::<Vec<_>>()
    );
}

#[test]
fn a_failing_portal_makes_no_restored_object_gone() {
    let mut w = world(|c| c.retrieve = Retrieve::Get);
    let id = make(&mut w, "crm.deal", 1).remove(0);
    let now = w.now();
    w.portal.delete("crm.deal", &id, now);
    w.portal.restore("crm.deal", &id, now + 1_500);
    w.wire = Some(Wire::new({
        let mut n = 0;
        move |c, _, (d, r)| {
            n += usize::from(sub_calls(c).iter().any(|(_, m)| m == "crm.deal.get"));
            if n == 1 {
                (
                    d,
                    with_errors(c, r, |m| {
                        (m == "crm.deal.get").then(
                            || json!({"error": "INTERNAL_SERVER_ERROR", "error_description": "x"}),
                        )
                    }),
                )
            } else {
                (d, r)
            }
        }
    }));
    w.start();
    w.pass(HOUR);
    assert_eq!(w.audit().false_gone, 0);
    assert!(w.deliveries.iter().all(|c| c.state == State::Present));
}

#[test]
fn rows_that_cannot_be_read_hide_no_orphans() {
    let mut w = world(|c| c.sweep = Millis::seconds(60));
    w.portal.bind("ON-BAD", "warehouse");
    let now = w.now();
    for n in 0..120 {
        w.portal.record_event("ON-BAD", json!({"N": n}), now);
    }
    make(&mut w, "crm.deal", 30);
    w.start();
    w.pass(4 * HOUR);
    let deals = w.deliveries.iter().filter(|c| c.object.kind == "crm.deal").count();
    assert_eq!(deals, 30, "{:?}", w.audit().lost.len());
}

#[test]
fn an_answer_without_the_objects_id_is_not_delivered_as_present() {
    for bad in [json!({"what": 1}), json!([["1"]])] {
        for retrieve in [Retrieve::Get, Retrieve::List] {
            let mut w = world(|c| c.retrieve = retrieve);
            make(&mut w, "crm.deal", 1);
            for m in ["crm.deal.get", "crm.deal.list"] {
                w.portal.inject(fault(m, 1, FaultKind::WrongShape(Shape::Result(bad.clone()))));
            }
            w.start();
            w.pass(HOUR);
            let seen: Vec<_> = w.deliveries.iter().map(|c| (c.state, c.data.clone())).collect();
            assert!(
                seen.iter()
                    .all(|(s, d)| *s == State::Present && d.as_ref().unwrap().contains("TITLE")),
                "{seen:?}"
            );
        }
    }
}

#[test]
fn an_empty_answer_of_get_makes_no_deal_gone() {
    for bad in [json!([]), json!(null), json!(false), json!({})] {
        let mut w = world(|c| c.retrieve = Retrieve::Get);
        make(&mut w, "crm.deal", 1);
        w.portal.inject(fault(
            "crm.deal.get",
            1,
            FaultKind::WrongShape(Shape::Result(bad.clone())),
        ));
        w.start();
        w.pass(HOUR);
        assert_eq!(w.audit().false_gone, 0, "{bad}");
    }
}
