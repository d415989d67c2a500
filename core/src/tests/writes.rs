//! The line of the user's own writes.

use crate::id::{ObjectId, WriteId};
use crate::json::Value;
use crate::write::Writes;

fn add(writes: &mut Writes, id: u64, object: Option<&str>) {
    let params = Value::object([("id", Value::from(id))]);
    let object = object.map(|object| ObjectId::new("crm.deal", object));
    writes.add(WriteId(id), "crm.deal.update".into(), params, object);
}

#[test]
fn none_overtakes_an_earlier_write_of_its_object_and_others_pass_one_that_waits() {
    let mut writes = Writes::default();
    for (id, object) in [(1, Some("a")), (2, Some("a")), (3, Some("b")), (4, None)] {
        add(&mut writes, id, object);
    }
    let next = |writes: &Writes, waiting: &[u64]| {
        let at = writes.next(&|write| waiting.contains(&write.id.0))?;
        writes.queue().get(at).map(|write| write.id.0)
    };
    assert_eq!(next(&writes, &[]), Some(1));
    assert_eq!(next(&writes, &[1]), Some(3));
    assert_eq!(next(&writes, &[1, 3]), Some(4));
    assert_eq!(next(&writes, &[1, 3, 4]), None);
    assert!(!writes.is_sending() && writes.take(4).is_none());
    let second = writes.take(1).unwrap();
    let third = writes.take(1).unwrap();
    assert_eq!((second.id, third.id, writes.is_sending()), (WriteId(2), WriteId(3), true));
    // surely not executed: each goes back to its own place
    writes.put_back(third);
    writes.put_back(second);
    let ids: Vec<u64> = writes.queue().iter().map(|write| write.id.0).collect();
    assert_eq!((ids, writes.is_sending()), (vec![1, 2, 3, 4], false));
}

#[test]
fn what_is_open_at_the_end_is_told_with_whether_it_was_sent() {
    let mut writes = Writes::default();
    for id in 1..=3 {
        add(&mut writes, id, None);
    }
    writes.take(0);
    writes.take(0);
    writes.close(WriteId(1));
    assert!(writes.is_open(WriteId(2)) && !writes.is_open(WriteId(1)));
    assert_eq!(writes.open_count(), 2);
    assert_eq!(writes.drain(), [(WriteId(2), true), (WriteId(3), false)]);
    assert_eq!((writes.open_count(), writes.queue().len()), (0, 0));
}

#[test]
fn a_write_that_belongs_to_the_queue_or_brings_its_own_authorisation_is_refused() {
    let objects = |name: &str| Value::object([(name, Value::Null)]);
    for method in ["crm.deal.update", "CRM.DEAL.UPDATE", "batch"] {
        assert_eq!(Writes::objection(method, &objects("id")), None, "{method}");
    }
    for method in ["event.bind", "EVENT.OFFLINE.GET", "crm.deal.update?auth=1", "", "a b"] {
        assert!(Writes::objection(method, &objects("id")).is_some(), "{method}");
    }
    for name in ["auth", "AUTH", "auth_connector", "Auth_Connector"] {
        assert!(Writes::objection("crm.deal.update", &objects(name)).is_some(), "{name}");
    }
    assert_eq!(Writes::objection("crm.deal.update", &objects("author")), None);
    let mut writes = Writes::default();
    writes.add(WriteId(1), "BATCH".into(), objects("cmd"), None);
    writes.add(WriteId(2), "crm.deal.update".into(), Value::object([("id", 1.into())]), None);
    let batched: Vec<bool> = writes.queue().iter().map(|write| write.batched).collect();
    assert_eq!(batched, [false, true]);
}
