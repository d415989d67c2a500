use b24_offline_emulator::Personality;
use serde_json::{Value, json};

use crate::scene::{BOTH, Scene, messages};

#[test]
fn f01_message_id_is_a_key_of_the_object_and_event() {
    let mut scene = Scene::new(Personality::Source);
    let id = scene.deal();
    scene.touch(&id);
    let first = messages(&scene);
    // MD5 of ONCRMDEALADD|{"FIELDS":{"ID":"1"}}
    assert_eq!(first[0], "de1a7b2f2aaf48a01035f5f332e41767");
    assert_ne!(first[0], first[1], "another event, another key");
    scene.ok("event.offline.get", json!({}));
    scene.touch(&id);
    assert_eq!(messages(&scene), [first[1].clone()], "the same key for ever");
}

#[test]
fn f02_a_change_of_a_free_record_refreshes_it_under_its_id() {
    for personality in BOTH {
        let mut scene = Scene::new(personality);
        let id = scene.deal();
        scene.touch(&id);
        let before = scene.portal.queue();
        scene.touch(&id);
        let after = scene.portal.queue();
        assert_eq!(after.len(), before.len());
        assert_eq!(after[1].id, before[1].id);
        assert!(after[1].timestamp_x > before[1].timestamp_x);
    }
}

#[test]
fn f02_a_change_of_a_reserved_record_makes_a_second_free_one() {
    for personality in BOTH {
        let mut scene = Scene::new(personality);
        let id = scene.deal();
        scene.touch(&id);
        let (process, held) = scene.reserve(50);
        scene.touch(&id);
        let rows = scene.rows();
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[2], (3, String::new(), false));
        assert_eq!(messages(&scene)[1], messages(&scene)[2]);
        scene.ok("event.offline.clear", json!({"process_id": process, "id": held}));
        assert_eq!(scene.rows(), [(3, String::new(), false)], "the newer change survives");
    }
}

#[test]
fn f03_data_is_of_any_shape_and_an_empty_map_is_a_list() {
    let mut scene = Scene::new(Personality::Documented);
    scene.portal.bind("ONUSERADD", "");
    scene.portal.record_event("ONCRMDEALADD", json!(false), scene.now);
    scene.portal.record_event("oncrmdealadd", json!({}), scene.now);
    scene.portal.create("user", json!({"NAME": "Ann", "ACTIVE": true}), scene.now).unwrap();
    let events = scene.ok("event.offline.get", json!({}))["events"].clone();
    assert_eq!(events[0]["EVENT_DATA"], json!(false));
    assert_eq!(events[0]["EVENT_ADDITIONAL"], json!(false));
    assert_eq!(events[1]["EVENT_DATA"], json!([]), "an empty map is written as []");
    assert_eq!(events[1]["EVENT_NAME"], "ONCRMDEALADD");
    assert_eq!(events[2]["EVENT_DATA"]["NAME"], "Ann", "the whole user");
    assert_eq!(events[2]["EVENT_ADDITIONAL"], json!({"user_id": "1"}));
}

#[test]
fn f04_only_reserved_records_age_and_by_their_last_change() {
    for (personality, life) in
        [(Personality::Documented, 2_592_000_u64), (Personality::Source, 2_952_000)]
    {
        let mut scene = Scene::new(personality);
        scene.deal();
        scene.now += 20 * 86_400_000;
        scene.deal();
        scene.sign_in();
        // reserved late: the life counts from the change all the same
        scene.reserve(1);
        scene.now = crate::scene::START + life * 1_000;
        scene.portal.advance(scene.now);
        assert_eq!(scene.rows().len(), 2, "not older than its life yet");
        scene.now += 1_000;
        scene.portal.advance(scene.now);
        assert_eq!(scene.rows(), [(2, String::new(), false)]);
        assert_eq!(scene.portal.audit().aged_records, 1);
        scene.now += 365 * 86_400_000;
        scene.portal.advance(scene.now);
        assert_eq!(scene.rows().len(), 1, "a free record never ages");
    }
}

#[test]
fn f04_a_record_that_is_already_too_old_is_deleted_once_it_is_reserved() {
    let mut scene = Scene::new(Personality::Documented);
    scene.deal();
    scene.now += 31 * 86_400_000;
    scene.sign_in();
    let (_, held) = scene.reserve(50);
    assert_eq!(held, ["1"], "the answer still shows it");
    scene.now += 1;
    scene.portal.advance(scene.now);
    assert!(scene.rows().is_empty());
}

#[test]
fn each_kind_announces_itself_in_its_own_shape() {
    let mut scene = Scene::new(Personality::Documented);
    let events = [
        "ONCRMDYNAMICITEMADD_1220",
        "ONCRMDYNAMICITEMADD",
        "ONTASKADD",
        "ONTASKUPDATE",
        "ONTASKDELETE",
        "ONTASKCOMMENTADD",
        "ONSALEORDERSAVED",
        "ONBOOKINGADD",
        "ONCALENDARENTRYADD",
        "ONLIVEFEEDPOSTADD",
        "ONCRMCURRENCYADD",
        "ONCRMTIMELINECOMMENTADD",
    ];
    for event in events {
        assert!(scene.portal.bind(event, ""));
    }
    let now = scene.now;
    let portal = &mut scene.portal;
    portal.create("crm.item:1220", json!({"title": "Item"}), now).unwrap();
    let task = portal.create("tasks.task", json!({"TITLE": "Task"}), now).unwrap();
    portal.change("tasks.task", &task, json!({"TITLE": "Task 2"}), now).unwrap();
    portal.delete("tasks.task", &task, now).unwrap();
    portal.create("task.commentitem", json!({"TASK_ID": 7}), now).unwrap();
    portal.create("sale.order", json!({}), now).unwrap();
    portal.create("booking.v1.booking", json!({}), now).unwrap();
    portal.create("calendar.event", json!({}), now).unwrap();
    portal.create("log.blogpost", json!({}), now).unwrap();
    portal.create("crm.currency", json!({"CURRENCY": "CHE"}), now).unwrap();
    portal.create("crm.timeline.comment", json!({}), now).unwrap();
    let data: Vec<(String, Value)> = scene
        .portal
        .queue()
        .into_iter()
        .map(|record| (record.event_name, serde_json::to_value(record.event_data).unwrap()))
        .collect();
    let of = |event: &str| data.iter().find(|(name, _)| name == event).unwrap().1.clone();
    let dynamic = json!({"FIELDS": {"ID": "1", "ENTITY_TYPE_ID": "1220"}});
    assert_eq!(of("ONCRMDYNAMICITEMADD"), dynamic);
    assert_eq!(of("ONCRMDYNAMICITEMADD_1220"), dynamic);
    assert_eq!(of("ONTASKADD")["FIELDS_BEFORE"], "undefined");
    assert_eq!(of("ONTASKADD")["FIELDS_AFTER"], json!({"ID": 1}));
    assert_eq!(of("ONTASKUPDATE")["FIELDS_BEFORE"], json!({"ID": 1}));
    assert_eq!(of("ONTASKDELETE")["FIELDS_BEFORE"], json!({"ID": 1}));
    assert_eq!(of("ONTASKDELETE")["FIELDS_AFTER"], "undefined");
    assert_eq!(of("ONTASKCOMMENTADD")["FIELDS_AFTER"], json!({"ID": 1, "TASK_ID": 7}));
    assert_eq!(of("ONSALEORDERSAVED")["FIELDS"]["ID"], 1);
    assert_eq!(of("ONBOOKINGADD"), json!({"ID": 1}));
    assert_eq!(of("ONCALENDARENTRYADD"), json!({"id": "1"}));
    assert_eq!(of("ONLIVEFEEDPOSTADD"), json!({"FIELDS": {"POST_ID": "1"}}));
    assert_eq!(of("ONCRMCURRENCYADD"), json!({"FIELDS": {"ID": "CHE"}}));
    assert_eq!(of("ONCRMTIMELINECOMMENTADD"), json!({"ID": 1}));
}

#[test]
fn a_deal_that_moves_to_another_category_raises_two_events() {
    let mut scene = Scene::new(Personality::Documented);
    scene.portal.bind("ONCRMDEALMOVETOCATEGORY", "");
    let id = scene.deal();
    scene.portal.change("crm.deal", &id, json!({"CATEGORY_ID": 1}), scene.now).unwrap();
    let names: Vec<String> =
        scene.portal.queue().into_iter().map(|record| record.event_name).collect();
    assert_eq!(names, ["ONCRMDEALADD", "ONCRMDEALUPDATE", "ONCRMDEALMOVETOCATEGORY"]);
    assert_eq!(scene.portal.audit().changes, 2, "one change counts once");
}
