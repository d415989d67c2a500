use b24_offline_emulator::{Personality, Settings, Sight};
use serde_json::json;

use crate::scene::{Scene, batch_params};

#[test]
fn a_change_is_lost_until_it_or_a_newer_one_is_delivered() {
    let mut scene = Scene::new(Personality::Documented);
    let id = scene.deal();
    scene.portal.delivered("crm.deal", &id, Some(1), scene.now);
    assert!(scene.portal.audit().lost.is_empty());
    scene.touch(&id);
    let lost = scene.portal.audit().lost;
    assert_eq!(lost.len(), 1);
    assert_eq!((lost[0].recorded, lost[0].delivered), (2, Some(1)));
    scene.portal.delivered("crm.deal", &id, Sight::Unread, scene.now);
    let audit = scene.portal.audit();
    assert!(audit.lost.is_empty());
    assert_eq!((audit.changes, audit.recorded, audit.deliveries), (2, 2, 2));
}

#[test]
fn own_changes_that_are_not_recorded_cannot_be_lost() {
    let mut scene = Scene::new(Personality::Source);
    scene.deal();
    scene.portal.delivered("crm.deal", "1", Some(1), scene.now);
    scene.ok("crm.deal.update", json!({"id": 1, "fields": {"TITLE": "Own"}}));
    assert!(scene.portal.audit().lost.is_empty());
}

#[test]
fn duplicates_regressions_and_false_absence_are_counted() {
    let mut scene = Scene::new(Personality::Documented);
    let id = scene.deal();
    scene.touch(&id);
    for sight in [Sight::Version(2), Sight::Version(2), Sight::Version(1), Sight::Gone] {
        scene.portal.delivered("crm.deal", &id, sight, scene.now);
    }
    let audit = scene.portal.audit();
    assert_eq!((audit.duplicates, audit.regressions, audit.false_gone), (1, 1, 1));
    scene.portal.delete("crm.deal", &id, scene.now).unwrap();
    assert_eq!(scene.portal.audit().lost.len(), 1);
    scene.portal.delivered("crm.deal", &id, Sight::Gone, scene.now);
    let audit = scene.portal.audit();
    assert!(audit.lost.is_empty());
    assert_eq!(audit.false_gone, 1);
}

#[test]
fn a_parked_change_is_not_lost_but_a_newer_one_is() {
    let mut scene = Scene::new(Personality::Documented);
    let id = scene.deal();
    let (process, _) = scene.reserve(50);
    scene.portal.parked("crm.deal", &id, Sight::Version(1));
    let audit = scene.portal.audit();
    assert_eq!((audit.lost.len(), audit.parked), (0, 1));
    assert_eq!(audit.reservations.len(), 1);
    assert_eq!(audit.reservations[0].process_id, process);
    assert!(audit.reservations[0].parked);
    scene.touch(&id);
    assert_eq!(scene.portal.audit().lost.len(), 1);
    scene.portal.delivered("crm.deal", &id, Some(2), scene.now);
    let audit = scene.portal.audit();
    assert_eq!((audit.lost.len(), audit.parked), (0, 0));
    assert!(!audit.reservations[0].parked, "nothing explains the reservation any more");
}

#[test]
fn records_left_over_are_counted_by_lane() {
    let mut scene = Scene::new(Personality::Documented);
    scene.deals(4);
    scene.reserve(1);
    let (process, _) = scene.reserve(1);
    let message = crate::scene::messages(&scene)[1].clone();
    scene.ok("event.offline.error", json!({"process_id": process, "message_id": [message]}));
    let audit = scene.portal.audit();
    assert_eq!((audit.free_records, audit.error_records, audit.reserved_records), (2, 1, 1));
    assert_eq!(scene.portal.queue_len(), 4);
}

#[test]
fn requests_are_counted_by_method() {
    let mut scene = Scene::with(Settings::default());
    scene.deals(10);
    scene.ok("profile", json!({}));
    scene.ok("batch", batch_params(&[("a", "profile"), ("b", "crm.deal.get?id=1")]));
    let audit = scene.portal.audit();
    assert_eq!(audit.requests, 2);
    assert_eq!(scene.portal.requests(), 2);
    assert_eq!(audit.requests_by_method["batch"], 1);
    assert_eq!(audit.sub_calls_by_method["profile"], 1);
    assert!((audit.requests_per_1000_changes - 200.0).abs() < 1e-9);
    assert!(serde_json::to_string(&audit).unwrap().contains("\"lost\":[{"));
}

#[test]
fn large_queues_are_read_by_index() {
    let mut scene =
        Scene::with(Settings { limits: b24_offline_emulator::Limits::Off, ..Settings::default() });
    scene.deals(20_000);
    let mut drained = 0;
    while drained < 20_000 {
        let (process, held) = scene.reserve(100);
        drained += held.len();
        scene.ok("event.offline.clear", json!({"process_id": process, "id": held}));
        let params = json!({"filter": {"@ID": held}, "start": -1});
        assert_eq!(scene.ok("crm.deal.list", params).as_array().unwrap().len(), 50);
    }
    assert_eq!(scene.portal.queue_len(), 0);
}
