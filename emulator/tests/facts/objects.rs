use b24_offline_emulator::{Settings, VERSION_FIELD, VERSION_FIELD_CAMEL};
use serde_json::{Value, json};

use crate::scene::{Scene, ids};

fn scene() -> Scene {
    Scene::with(Settings::default())
}

/// Kind, parameters of the method, wrapper of the object, and the method when it is not the kind with `.get`.
fn kinds() -> Vec<(&'static str, &'static str, Value, &'static str)> {
    vec![
        ("crm.lead", "crm.lead.get", json!({"id": 1}), ""),
        ("crm.deal", "crm.deal.get", json!({"ID": "1"}), ""),
        ("crm.contact", "crm.contact.get", json!({"id": 1}), ""),
        ("crm.company", "crm.company.get", json!({"id": 1}), ""),
        ("crm.quote", "crm.quote.get", json!({"id": 1}), ""),
        ("crm.activity", "crm.activity.get", json!({"id": 1}), ""),
        ("crm.requisite", "crm.requisite.get", json!({"id": 1}), ""),
        ("crm.requisite.bankdetail", "crm.requisite.bankdetail.get", json!({"id": 1}), ""),
        ("crm.timeline.comment", "crm.timeline.comment.get", json!({"id": 1}), ""),
        ("crm.item:1220", "crm.item.get", json!({"entityTypeId": 1220, "id": 1}), "item"),
        ("tasks.task", "tasks.task.get", json!({"taskId": 1}), "task"),
        ("task.commentitem", "task.commentitem.get", json!({"TASKID": 7, "ITEMID": 1}), ""),
        ("sale.order", "sale.order.get", json!({"id": 1}), "order"),
        ("booking.v1.booking", "booking.v1.booking.get", json!({"id": 1}), "booking"),
        ("calendar.event", "calendar.event.getbyid", json!({"id": 1}), ""),
    ]
}

#[test]
fn every_kind_has_a_get_that_shows_the_version() {
    let mut scene = scene();
    for (kind, method, params, wrapper) in kinds() {
        let fields = json!({"TITLE": "T", "title": "t", "TASK_ID": 7});
        assert_eq!(scene.portal.create(kind, fields, scene.now).as_deref(), Some("1"), "{kind}");
        scene.portal.change(kind, "1", json!({"X": 1}), scene.now).unwrap();
        let result = scene.ok(method, params);
        let object = if wrapper.is_empty() { &result } else { &result[wrapper] };
        let version = [VERSION_FIELD, VERSION_FIELD_CAMEL].iter().find_map(|name| object.get(name));
        let version = version.unwrap_or_else(|| panic!("{kind}: {object}"));
        assert!(*version == json!("2") || *version == json!(2), "{kind}: {version}");
    }
}

#[test]
fn every_kind_says_in_its_own_way_that_an_object_is_missing() {
    let mut scene = scene();
    for (kind, method, params, _) in kinds() {
        if kind == "calendar.event" {
            assert_eq!(scene.ok(method, params), json!(false));
            continue;
        }
        let (status, code) = scene.err(method, params);
        assert_eq!(status, 400, "{kind}");
        let expected = match kind {
            "crm.item:1220" => "NOT_FOUND",
            "tasks.task" => "1048584",
            "task.commentitem" => "ERROR_CORE",
            "sale.order" => "201240400001",
            "booking.v1.booking" => "1021",
            _ => "",
        };
        assert_eq!(code, expected, "{kind}");
    }
    let body = scene.body("crm.deal.get", json!({"id": 5}));
    assert_eq!(body["error_description"], "Not found");
    assert_eq!(scene.err("crm.deal.get", json!({"id": 0})), (400, "".into()));
    assert_eq!(scene.err("crm.deal.get", json!({})), (400, "".into()));
    assert_eq!(scene.err("tasks.task.get", json!({})), (400, "100".into()));
    assert_eq!(scene.err("crm.item.get", json!({"id": 1})), (400, "100".into()));
    let unknown_type = json!({"entityTypeId": 99, "id": 1});
    assert_eq!(scene.err("crm.item.get", unknown_type), (400, "NOT_FOUND".into()));
}

#[test]
fn kinds_that_are_found_by_a_filter_or_a_code() {
    let mut scene = scene();
    scene.portal.create("crm.currency", json!({"CURRENCY": "CHE"}), scene.now).unwrap();
    assert_eq!(scene.ok("crm.currency.get", json!({"id": "CHE"}))["CURRENCY"], "CHE");
    assert_eq!(scene.err("crm.currency.get", json!({"id": "XXX"})), (400, "".into()));
    scene.portal.create("log.blogpost", json!({"TITLE": "P"}), scene.now).unwrap();
    assert_eq!(scene.ok("log.blogpost.get", json!({"POST_ID": 1}))[0]["TITLE"], "P");
    assert_eq!(scene.ok("log.blogpost.get", json!({"POST_ID": 2})), json!([]));
    scene.portal.create("sonet_group", json!({"NAME": "G"}), scene.now).unwrap();
    let group = scene.ok("sonet_group.get", json!({"FILTER": {"ID": [1, 2]}}));
    assert_eq!(group[0]["NAME"], "G");
    let user = scene.portal.add_user("Eve", false);
    for params in
        [json!({"FILTER": {"ID": user}}), json!({"ID": user}), json!({"FILTER": {"@ID": [user]}})]
    {
        let users = scene.ok("user.get", params);
        assert_eq!(users[0]["NAME"], "Eve");
        assert_eq!(users[0]["ACTIVE"], json!(true));
        assert_eq!(users.as_array().unwrap().len(), 1);
    }
    assert_eq!(scene.ok("user.get", json!({"FILTER": {"ID": 99}})), json!([]));
}

#[test]
fn the_application_writes_in_each_style() {
    let mut scene = scene();
    assert_eq!(scene.ok("crm.lead.add", json!({"fields": {"TITLE": "L", "OPPORTUNITY": 5}})), 1);
    assert_eq!(scene.ok("crm.lead.update", json!({"id": 1, "fields": {"TITLE": "M"}})), true);
    let lead = scene.ok("crm.lead.get", json!({"id": 1}));
    assert_eq!((&lead["TITLE"], &lead["OPPORTUNITY"]), (&json!("M"), &json!("5")));
    assert_eq!(scene.ok("crm.lead.delete", json!({"id": 1})), true);
    assert_eq!(scene.err("crm.lead.delete", json!({"id": 1})), (400, "".into()));
    assert_eq!(scene.err("crm.lead.update", json!({"id": 1, "fields": {}})), (400, "".into()));
    assert_eq!(scene.err("crm.lead.add", json!({"fields": "no"})), (400, "".into()));

    let made = scene.ok("crm.item.add", json!({"entityTypeId": 1220, "fields": {"title": "I"}}));
    assert_eq!((&made["item"]["id"], &made["item"]["title"]), (&json!(1), &json!("I")));
    let params = json!({"entityTypeId": 1220, "id": 1, "fields": {"opportunity": 7}});
    assert_eq!(scene.ok("crm.item.update", params)["item"]["opportunity"], 7);
    assert_eq!(scene.ok("crm.item.delete", json!({"entityTypeId": 1220, "id": 1})), json!([]));

    let made = scene.ok("tasks.task.add", json!({"fields": {"TITLE": "T", "RESPONSIBLE_ID": 1}}));
    let expected = (json!("1"), json!("T"), json!("1"), json!("1"));
    let task = &made["task"];
    let shown = (&task["id"], &task["title"], &task["responsibleId"], &task["version"]);
    assert_eq!(shown, (&expected.0, &expected.1, &expected.2, &expected.3));
    let params = json!({"taskId": 1, "fields": {"UF_CRM_TASK": ["D_1"]}});
    assert_eq!(scene.ok("tasks.task.update", params)["task"]["ufCrmTask"], json!(["D_1"]));
    assert_eq!(scene.ok("tasks.task.delete", json!({"taskId": 1})), json!({"task": true}));

    scene.ok("user.update", json!({"ID": 1, "NAME": "Root"}));
    assert_eq!(scene.ok("user.current", json!({}))["NAME"], "Root");
    assert!(scene.ok("user.current", json!({})).get("auth").is_none());
    assert_eq!(scene.ok("task.commentitem.add", json!({"0": 7, "1": {"POST_MESSAGE": "Hi"}})), 1);
    let comment = scene.ok("task.commentitem.get", json!({"TASKID": 7, "ITEMID": 1}));
    assert_eq!(comment["POST_MESSAGE"], "Hi");
    assert_eq!(scene.err("task.commentitem.get", json!({"TASKID": 8, "ITEMID": 1})).0, 400);
}

#[test]
fn lists_have_pages_of_fifty() {
    let mut scene = scene();
    scene.deals(120);
    let body = scene.body("crm.deal.list", json!({"select": ["ID"]}));
    assert_eq!((&body["total"], &body["next"]), (&json!(120), &json!(50)));
    assert_eq!(body["result"][0], json!({"ID": "1"}));
    let body = scene.body("crm.deal.list", json!({"start": 100}));
    assert_eq!((body["result"].as_array().unwrap().len(), body.get("next")), (20, None));
    let body = scene.body("crm.deal.list", json!({"start": -1, "filter": {">ID": 60}}));
    assert_eq!((body.get("total"), body.get("next")), (None, None));
    assert_eq!(ids(&body["result"])[0], "61");
    assert_eq!(body["result"].as_array().unwrap().len(), 50);
    let many: Vec<u64> = (1..=70).collect();
    let body = scene.body("crm.deal.list", json!({"filter": {"@ID": many}, "start": -1}));
    assert_eq!(body["result"].as_array().unwrap().len(), 50, "a page is 50 whatever is asked");
}

#[test]
fn lists_filter_by_operators() {
    let mut scene = scene();
    for (title, amount) in [("Alpha", 10), ("Beta", 9), ("Gamma", 100)] {
        let fields = json!({"TITLE": title, "OPPORTUNITY": amount});
        scene.portal.create("crm.deal", fields, scene.now).unwrap();
    }
    let mut found = |filter: Value| {
        ids(&scene.ok("crm.deal.list", json!({"filter": filter, "order": {"OPPORTUNITY": "ASC"}})))
    };
    assert_eq!(found(json!({})), ["2", "1", "3"], "numbers in the order of numbers");
    assert_eq!(found(json!({"@ID": ["3", "1", "77"]})), ["1", "3"]);
    assert_eq!(found(json!({"ID": [2]})), ["2"]);
    assert_eq!(found(json!({"=TITLE": "Beta"})), ["2"]);
    assert_eq!(found(json!({"!TITLE": "Beta"})), ["1", "3"]);
    assert_eq!(found(json!({"!@ID": [1, 2]})), ["3"]);
    assert_eq!(found(json!({"%TITLE": "ET"})), ["2"]);
    assert_eq!(found(json!({">OPPORTUNITY": 9, "<=OPPORTUNITY": "100"})), ["1", "3"]);
    assert_eq!(found(json!({">=ID": 2, "<ID": 3})), ["2"]);
    assert_eq!(scene.err("crm.deal.list", json!({"filter": "ID"})), (400, "".into()));
    assert_eq!(scene.err("crm.deal.list", json!({"order": "ID"})), (400, "".into()));
}

#[test]
fn lists_select_what_is_asked() {
    let mut scene = scene();
    let fields = json!({
        "NAME": "Ann", "UF_CRM_1": "x", "PHONE": [{"VALUE": "1"}], "EMAIL": [{"VALUE": "a@b"}],
    });
    scene.portal.create("crm.contact", fields, scene.now).unwrap();
    let fields = json!({"TITLE": "D", "CONTACT_IDS": [1]});
    scene.portal.create("crm.deal", fields, scene.now).unwrap();
    let mut shown = |method: &str, select: Value| {
        let object = scene.ok(method, json!({"select": select}))[0].clone();
        let dates = ["DATE_CREATE", "DATE_MODIFY", "VERSION"];
        let names = object.as_object().unwrap().keys().cloned();
        names.filter(|name| !dates.contains(&name.as_str())).collect::<Vec<String>>()
    };
    assert_eq!(shown("crm.contact.list", json!(["*"])), ["ID", "NAME"]);
    assert_eq!(shown("crm.contact.list", json!([])), ["ID", "NAME"]);
    assert_eq!(shown("crm.contact.list", json!(["*", "UF_*"])), ["ID", "NAME", "UF_CRM_1"]);
    let named = shown("crm.contact.list", json!(["*", "UF_*", "PHONE"]));
    assert_eq!(named, ["ID", "NAME", "PHONE", "UF_CRM_1"]);
    assert_eq!(shown("crm.contact.list", json!(["NAME"])), ["ID", "NAME"]);
    let lists = shown("crm.deal.list", json!(["*", "UF_*", "CONTACT_IDS"]));
    assert_eq!(lists, ["ID", "TITLE"], "only get shows the contacts");
    assert_eq!(scene.ok("crm.deal.get", json!({"id": 1}))["CONTACT_IDS"], json!(["1"]));
    assert_eq!(scene.ok("crm.contact.get", json!({"id": 1}))["PHONE"][0]["VALUE"], "1");
}

#[test]
fn wrapped_lists_and_dynamic_types() {
    let mut scene = scene();
    for kind in ["crm.item:1220", "crm.item:1220", "crm.item:130", "tasks.task", "sale.order"] {
        scene.portal.create(kind, json!({"title": "T", "TITLE": "T"}), scene.now).unwrap();
    }
    let params =
        json!({"entityTypeId": 1220, "filter": {"@id": [1, 2]}, "select": ["id", "title"]});
    let body = scene.body("crm.item.list", params);
    let items = json!([{"id": 1, "title": "T"}, {"id": 2, "title": "T"}]);
    assert_eq!((&body["result"]["items"], &body["total"]), (&items, &json!(2)));
    let other = scene.ok("crm.item.list", json!({"entityTypeId": 130}));
    assert_eq!(other["items"].as_array().unwrap().len(), 1);
    assert_eq!(scene.ok("crm.item.list", json!({"entityTypeId": 555})), json!({"items": []}));
    let tasks =
        scene.ok("tasks.task.list", json!({"filter": {"ID": [1]}, "select": ["ID", "TITLE"]}));
    assert_eq!(tasks, json!({"tasks": [{"id": "1", "title": "T"}]}));
    let orders = scene.ok("sale.order.list", json!({"filter": {"@id": [1]}}));
    assert_eq!(orders["orders"][0]["id"], 1);
}

#[test]
fn the_universal_methods_reach_the_classic_kinds() {
    let mut scene = scene();
    scene.deals(3);
    let params = json!({"entityTypeId": 2, "id": 1});
    let item = scene.ok("crm.item.get", params.clone())["item"].clone();
    assert_eq!(
        (&item["id"], &item["title"], &item["version"]),
        (&json!(1), &json!("Deal"), &json!(1))
    );
    let fields = json!({"stageId": "NEW", "ufCrm1_A": "x"});
    let changed =
        scene.ok("crm.item.update", json!({"entityTypeId": 2, "id": 1, "fields": fields}));
    assert_eq!(changed["item"]["ufCrm1_A"], "x");
    let deal = scene.ok("crm.deal.get", json!({"id": 1}));
    assert_eq!((&deal["STAGE_ID"], &deal["UF_CRM_1_A"]), (&json!("NEW"), &json!("x")));
    let filter = json!({"@id": [1, 2], "stageId": "NEW"});
    let params = json!({"entityTypeId": 2, "filter": filter, "select": ["stageId"], "order": {"id": "DESC"}});
    let items = scene.ok("crm.item.list", params);
    assert_eq!(items, json!({"items": [{"id": 1, "stageId": "NEW"}]}));
    let params = json!({"entityTypeId": 2, "order": {"id": "DESC"}, "select": ["id"]});
    assert_eq!(scene.ok("crm.item.list", params)["items"][0], json!({"id": 3}));
    assert_eq!(scene.ok("crm.item.delete", json!({"entityTypeId": 2, "id": 1})), json!([]));
    let gone = json!({"entityTypeId": 2, "id": 1});
    assert_eq!(scene.err("crm.item.get", gone), (400, "NOT_FOUND".into()));
    let made = scene.ok("crm.item.add", json!({"entityTypeId": 1, "fields": {"title": "L"}}));
    assert_eq!(made["item"]["title"], "L");
    assert!(scene.portal.exists("crm.lead", "1"));
}

#[test]
fn versions_go_on_through_deletion_and_return() {
    let mut scene = scene();
    let id = scene.deal();
    assert_eq!(scene.portal.delete("crm.deal", &id, scene.now), Some(2));
    assert_eq!(scene.portal.change("crm.deal", &id, json!({}), scene.now), None);
    assert_eq!(scene.portal.delete("crm.deal", &id, scene.now), None);
    assert!(!scene.portal.exists("crm.deal", &id));
    assert_eq!(scene.portal.version("crm.deal", &id), Some(2));
    assert_eq!(scene.portal.restore("crm.deal", &id, scene.now), Some(3));
    assert_eq!(scene.ok("crm.deal.get", json!({"id": id}))["VERSION"], "3");
    assert_eq!(scene.portal.create("no.such.kind", json!({}), scene.now), None);
    assert_eq!(scene.portal.create("crm.item", json!({}), scene.now), None);
}
