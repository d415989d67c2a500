//! The built-in rules, one for each row of the table in the official documentation's pages of
//! events and methods.

use super::{Absence, ManyMethod, OneMethod, Parent, Rule, UpdateMethod};
use crate::id::EventName;

const ALL: [&str; 2] = ["ADD", "UPDATE"];
const FIELDS: &str = r#"{"select":["*","UF_*"],"start":-1}"#;
const MULTI: &str = r#"{"select":["*","UF_*","PHONE","EMAIL","WEB","IM","LINK"],"start":-1}"#;
const PLAIN: &str = r#"{"select":["*"],"start":-1}"#;

fn names(stem: &str, actions: &[&str]) -> Vec<EventName> {
    actions.iter().filter_map(|action| EventName::new(format!("{stem}{action}")).ok()).collect()
}

fn rule(kind: &str, stem: &str, id: &[&str]) -> Rule {
    Rule {
        kind: kind.into(),
        events: names(stem, &ALL),
        deleted: names(stem, &["DELETE"]),
        id: id.iter().map(|path| (*path).to_owned()).collect(),
        parent: None,
        one: None,
        many: None,
        update: None,
    }
}

fn one(method: &str, id: &str, answer: Option<&str>) -> Option<OneMethod> {
    Some(OneMethod {
        method: method.into(),
        id: id.into(),
        parent: None,
        params: "{}".into(),
        answer: answer.map(Into::into),
        id_field: None,
        absence: Absence::Error,
    })
}

/// A method that answers nothing for an object that does not exist.
fn filtering(method: &str, id: &str, answer: Option<&str>) -> Option<OneMethod> {
    one(method, id, answer).map(|one| OneMethod { absence: Absence::EmptyAnswer, ..one })
}

fn many(method: &str, ids: &str, params: &str, answer: Option<&str>) -> Option<ManyMethod> {
    Some(ManyMethod {
        method: method.into(),
        ids: ids.into(),
        parent: None,
        params: params.into(),
        answer: answer.map(Into::into),
        id_field: None,
    })
}

fn update(method: &str, id: &str) -> Option<UpdateMethod> {
    Some(UpdateMethod {
        method: method.into(),
        id: id.into(),
        parent: None,
        fields: "fields".into(),
    })
}

/// A kind of the older CRM methods: `crm.X.get`, `crm.X.list`, `crm.X.update`.
fn crm(kind: &str, stem: &str, params: &str) -> Rule {
    Rule {
        one: one(&format!("{kind}.get"), "id", None),
        many: many(&format!("{kind}.list"), "filter.@ID", params, None),
        update: update(&format!("{kind}.update"), "id"),
        ..rule(kind, stem, &["FIELDS.ID"])
    }
}

fn deal() -> Rule {
    let mut deal = crm("crm.deal", "ONCRMDEAL", FIELDS);
    deal.events.extend(names("ONCRMDEALMOVETOCATEGORY", &[""]));
    deal
}

fn dynamic_item() -> Rule {
    let entity = || Some("entityTypeId".to_owned());
    let mut item = Rule {
        parent: Some(Parent::Type { id: vec!["FIELDS.ENTITY_TYPE_ID".into()] }),
        one: one("crm.item.get", "id", Some("item")),
        many: many("crm.item.list", "filter.@id", PLAIN, Some("items")),
        update: update("crm.item.update", "id"),
        ..rule("crm.item", "ONCRMDYNAMICITEM", &["FIELDS.ID"])
    };
    if let Some(one) = &mut item.one {
        one.parent = entity();
    }
    if let Some(many) = &mut item.many {
        many.parent = entity();
    }
    if let Some(update) = &mut item.update {
        update.parent = entity();
    }
    item
}

fn task() -> Rule {
    let mut task = Rule {
        one: filtering("tasks.task.get", "taskId", Some("task")),
        many: many("tasks.task.list", "filter.ID", FIELDS, Some("tasks")),
        update: update("tasks.task.update", "taskId"),
        ..rule("tasks.task", "ONTASK", &["FIELDS_AFTER.ID", "FIELDS_BEFORE.ID"])
    };
    if let Some(one) = &mut task.one {
        one.params = r#"{"select":["*","UF_*"]}"#.into();
    }
    task
}

fn task_comment() -> Rule {
    let paths =
        |field: &str| vec![format!("FIELDS_AFTER.{field}"), format!("FIELDS_BEFORE.{field}")];
    let mut comment = Rule {
        parent: Some(Parent::Owner { id: paths("TASK_ID") }),
        one: one("task.commentitem.get", "ITEMID", None),
        ..rule("task.commentitem", "ONTASKCOMMENT", &["FIELDS_AFTER.ID", "FIELDS_BEFORE.ID"])
    };
    if let Some(one) = &mut comment.one {
        one.parent = Some("TASKID".into());
    }
    comment
}

fn sale_order() -> Rule {
    let mut order = Rule {
        one: one("sale.order.get", "id", Some("order")),
        many: many("sale.order.list", "filter.@id", PLAIN, Some("orders")),
        update: update("sale.order.update", "id"),
        ..rule("sale.order", "ONSALEORDER", &["FIELDS.ID"])
    };
    order.events = names("ON", &["SALEORDERSAVED", "ORDERENTITYSAVED"]);
    order.deleted = names("ON", &["SALEORDERDELETED", "ORDERENTITYDELETED"]);
    order
}

fn user() -> Rule {
    let mut user = Rule {
        one: filtering("user.get", "FILTER.ID", None),
        many: many("user.get", "FILTER.@ID", "{}", None),
        ..rule("user", "ONUSER", &["ID"])
    };
    user.events = names("ONUSERADD", &[""]);
    user.deleted = Vec::new();
    user
}

pub(super) fn rules() -> Vec<Rule> {
    vec![
        crm("crm.lead", "ONCRMLEAD", MULTI),
        deal(),
        crm("crm.contact", "ONCRMCONTACT", MULTI),
        crm("crm.company", "ONCRMCOMPANY", MULTI),
        crm("crm.quote", "ONCRMQUOTE", FIELDS),
        dynamic_item(),
        crm("crm.activity", "ONCRMACTIVITY", PLAIN),
        crm("crm.requisite", "ONCRMREQUISITE", FIELDS),
        crm("crm.requisite.bankdetail", "ONCRMBANKDETAIL", PLAIN),
        Rule {
            one: one("crm.currency.get", "id", None)
                .map(|one| OneMethod { id_field: Some("CURRENCY".into()), ..one }),
            update: update("crm.currency.update", "id"),
            ..rule("crm.currency", "ONCRMCURRENCY", &["FIELDS.ID"])
        },
        Rule {
            one: one("crm.timeline.comment.get", "id", None),
            update: update("crm.timeline.comment.update", "id"),
            ..rule("crm.timeline.comment", "ONCRMTIMELINECOMMENT", &["ID", "FIELDS.ID"])
        },
        task(),
        task_comment(),
        user(),
        Rule {
            one: filtering("sonet_group.get", "FILTER.ID", None),
            many: many("sonet_group.get", "FILTER.ID", "{}", None),
            ..rule("sonet_group", "ONSONETGROUP", &["FIELDS.ID"])
        },
        sale_order(),
        Rule {
            one: one("booking.v1.booking.get", "id", Some("booking")),
            update: update("booking.v1.booking.update", "id"),
            ..rule("booking.v1.booking", "ONBOOKING", &["ID", "FIELDS.ID"])
        },
        Rule {
            one: filtering("calendar.event.getbyid", "id", None),
            ..rule("calendar.event", "ONCALENDARENTRY", &["id", "ID", "FIELDS.ID"])
        },
        Rule {
            one: filtering("log.blogpost.get", "POST_ID", None),
            ..rule("log.blogpost", "ONLIVEFEEDPOST", &["FIELDS.POST_ID"])
        },
    ]
}
