//! The order of the user's writes.

use super::*;

#[test]
fn two_writes_to_one_object_keep_their_order_after_a_refusal() {
    let mut w = world(|_| {});
    let id = make(&mut w, "crm.deal", 1).remove(0);
    w.start();
    w.pass(20_000);
    w.portal.inject(fault("event.offline.get", 1, FaultKind::Delay { ms: 2_000 }));
    w.give(Input::Nudge);
    w.portal.inject(fault("crm.deal.update", 1, FaultKind::QueryLimit));
    for (n, title) in ["first", "second"].iter().enumerate() {
        let params = json!({"id": id, "fields": {"TITLE": title}}).to_string();
        w.give(Input::Write { write: WriteId(n as u64), method: "crm.deal.update".into(), params });
    }
    // both wait while a round is on its way or go together
    w.pass(60_000);
    let title = format!("{:?}", w.portal.object("crm.deal", &id));
    assert!(title.contains("second"), "{title}");
}

#[test]
fn a_write_that_goes_alone_does_not_overtake_an_earlier_one() {
    let mut w = world(|_| {});
    let id = make(&mut w, "crm.deal", 1).remove(0);
    w.start();
    w.pass(20_000);
    w.portal.inject(fault("event.offline.get", 1, FaultKind::Delay { ms: 5_000 }));
    w.give(Input::Nudge);
    for (n, fields) in
        [json!({"TITLE": "first"}), json!({"TITLE": "second", "COMMENTS": null})].iter().enumerate()
    {
        let params = json!({"id": id, "fields": fields}).to_string();
        w.give(Input::Write { write: WriteId(n as u64), method: "crm.deal.update".into(), params });
    }
    w.pass(60_000);
    let title = format!("{:?}", w.portal.object("crm.deal", &id));
    assert!(title.contains("second"), "{title}");
}
