//! The kinds of objects, named after the stem of their retrieval method, with their events.

use super::{VERSION_FIELD, VERSION_FIELD_CAMEL};
use crate::php::{Php, PhpArray};

/// How a kind writes its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// `TITLE`, scalars as text.
    Upper,
    /// `title`, numbers as numbers.
    Camel,
    /// Written as `TITLE`, answered as `title`, scalars as text.
    Task,
}

/// How EVENT_DATA of a kind looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DataShape {
    /// `{"FIELDS": {"ID": "1"}}`.
    Fields,
    /// `{"FIELDS": {"ID": 1}}`, for orders with XML_ID and ACTION beside it.
    Order,
    /// `{"FIELDS": {"ID": "1", "ENTITY_TYPE_ID": "1220"}}`.
    Dynamic,
    /// `{"FIELDS": {"POST_ID": "1"}}`.
    Post,
    /// `{"ID": "1"}`.
    Bare,
    /// `{"id": "1"}`.
    BareLower,
    /// `{"FIELDS_BEFORE": …, "FIELDS_AFTER": …}`, an absent half is the text `undefined`.
    Halves,
    /// As `Halves`, with TASK_ID.
    CommentHalves,
    /// The whole object.
    Whole,
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    Added,
    Updated,
    Deleted,
}

#[derive(Debug)]
pub(crate) struct KindRule {
    pub(crate) kind: &'static str,
    pub(crate) style: Style,
    pub(crate) id_field: &'static str,
    /// The events of adding, updating and deleting; empty where there is none.
    pub(crate) events: [&'static str; 3],
    pub(crate) data: DataShape,
    pub(crate) scope: &'static str,
    /// Field names of creation and last change; empty where the kind has none.
    pub(crate) dates: [&'static str; 2],
}

macro_rules! crm {
    ($kind:literal, $event:literal) => {
        KindRule {
            kind: $kind,
            style: Style::Upper,
            id_field: "ID",
            events: [concat!($event, "ADD"), concat!($event, "UPDATE"), concat!($event, "DELETE")],
            data: DataShape::Fields,
            scope: "crm",
            dates: ["DATE_CREATE", "DATE_MODIFY"],
        }
    };
}

pub(crate) static KINDS: [KindRule; 19] = [
    crm!("crm.lead", "ONCRMLEAD"),
    crm!("crm.deal", "ONCRMDEAL"),
    crm!("crm.contact", "ONCRMCONTACT"),
    crm!("crm.company", "ONCRMCOMPANY"),
    crm!("crm.quote", "ONCRMQUOTE"),
    crm!("crm.requisite", "ONCRMREQUISITE"),
    crm!("crm.requisite.bankdetail", "ONCRMBANKDETAIL"),
    KindRule { dates: ["CREATED", "LAST_UPDATED"], ..crm!("crm.activity", "ONCRMACTIVITY") },
    KindRule {
        id_field: "CURRENCY",
        dates: ["", "DATE_UPDATE"],
        ..crm!("crm.currency", "ONCRMCURRENCY")
    },
    KindRule {
        data: DataShape::Bare,
        dates: ["CREATED", ""],
        ..crm!("crm.timeline.comment", "ONCRMTIMELINECOMMENT")
    },
    KindRule {
        style: Style::Camel,
        id_field: "id",
        data: DataShape::Dynamic,
        dates: ["createdTime", "updatedTime"],
        ..crm!("crm.item", "ONCRMDYNAMICITEM")
    },
    KindRule {
        kind: "tasks.task",
        style: Style::Task,
        id_field: "ID",
        events: ["ONTASKADD", "ONTASKUPDATE", "ONTASKDELETE"],
        data: DataShape::Halves,
        scope: "task",
        dates: ["CREATED_DATE", "CHANGED_DATE"],
    },
    KindRule {
        kind: "task.commentitem",
        style: Style::Upper,
        id_field: "ID",
        events: ["ONTASKCOMMENTADD", "ONTASKCOMMENTUPDATE", "ONTASKCOMMENTDELETE"],
        data: DataShape::CommentHalves,
        scope: "task",
        dates: ["POST_DATE", ""],
    },
    KindRule {
        kind: "user",
        style: Style::Upper,
        id_field: "ID",
        events: ["ONUSERADD", "", ""],
        data: DataShape::Whole,
        scope: "user",
        dates: ["DATE_REGISTER", ""],
    },
    KindRule {
        kind: "sonet_group",
        style: Style::Upper,
        id_field: "ID",
        events: ["ONSONETGROUPADD", "ONSONETGROUPUPDATE", "ONSONETGROUPDELETE"],
        data: DataShape::Fields,
        scope: "sonet_group",
        dates: ["DATE_CREATE", "DATE_UPDATE"],
    },
    KindRule {
        kind: "sale.order",
        style: Style::Camel,
        id_field: "id",
        events: ["ONSALEORDERSAVED", "ONSALEORDERSAVED", "ONORDERDELETED"],
        data: DataShape::Order,
        scope: "sale",
        dates: ["dateInsert", "dateUpdate"],
    },
    KindRule {
        kind: "booking.v1.booking",
        style: Style::Camel,
        id_field: "id",
        events: ["ONBOOKINGADD", "ONBOOKINGUPDATE", "ONBOOKINGDELETE"],
        data: DataShape::Bare,
        scope: "booking",
        dates: ["", ""],
    },
    KindRule {
        kind: "calendar.event",
        style: Style::Upper,
        id_field: "ID",
        events: ["ONCALENDARENTRYADD", "ONCALENDARENTRYUPDATE", "ONCALENDARENTRYDELETE"],
        data: DataShape::BareLower,
        scope: "calendar",
        dates: ["DATE_CREATE", "TIMESTAMP_X"],
    },
    KindRule {
        kind: "log.blogpost",
        style: Style::Upper,
        id_field: "ID",
        events: ["ONLIVEFEEDPOSTADD", "ONLIVEFEEDPOSTUPDATE", "ONLIVEFEEDPOSTDELETE"],
        data: DataShape::Post,
        scope: "log",
        dates: ["DATE_PUBLISH", ""],
    },
];

/// The rule of a kind; `crm.item:1220` has the rule of `crm.item`.
pub(crate) fn rule(kind: &str) -> Option<&'static KindRule> {
    let stem = kind.split(':').next().unwrap_or(kind);
    let typed = kind.len() > stem.len();
    KINDS.iter().find(|rule| rule.kind == stem && (rule.kind == "crm.item") == typed)
}

const OTHER_EVENTS: [&str; 4] =
    ["ONCRMDEALMOVETOCATEGORY", "ONORDERENTITYSAVED", "ONAPPUPDATE", "ONAPPINSTALL"];

/// The names of all events, those of single dynamic types left out.
pub(crate) fn event_names() -> impl Iterator<Item = &'static str> {
    let of_kinds = KINDS.iter().flat_map(|rule| rule.events).filter(|name| !name.is_empty());
    of_kinds.chain(OTHER_EVENTS)
}

/// Whether there is an event of this name (upper case).
pub(crate) fn is_event(name: &str) -> bool {
    let of_type = name.strip_prefix("ONCRMDYNAMICITEM").and_then(|rest| rest.split_once('_'));
    let dynamic = of_type.is_some_and(|(what, number)| {
        matches!(what, "ADD" | "UPDATE" | "DELETE") && number.parse::<u32>().is_ok()
    });
    dynamic || event_names().any(|known| known == name)
}

impl KindRule {
    /// Puts the version and the dates among the fields.
    pub(crate) fn stamp(&self, fields: &mut PhpArray, version: u64, date: &str, created: bool) {
        match self.style {
            Style::Camel => fields.set(VERSION_FIELD_CAMEL, version),
            Style::Upper | Style::Task => fields.set(VERSION_FIELD, version.to_string()),
        }
        let [creation, change] = self.dates;
        if created && !creation.is_empty() && fields.get(creation).is_none() {
            fields.set(creation, date);
        }
        if !change.is_empty() {
            fields.set(change, date);
        }
    }

    /// The events that a happening raises, with their EVENT_DATA.
    pub(crate) fn raised(
        &self,
        kind: &str,
        id: &str,
        happening: Happening,
        fields: &PhpArray,
    ) -> Vec<(String, Php)> {
        let [added, updated, deleted] = self.events;
        let name = match happening {
            Happening::Added => added,
            Happening::Updated => updated,
            Happening::Deleted => deleted,
        };
        if name.is_empty() {
            return Vec::new();
        }
        let data = self.event_data(kind, id, happening, fields);
        let mut events = vec![(name.to_owned(), data.clone())];
        if name == "ONSALEORDERSAVED" {
            events.push(("ONORDERENTITYSAVED".to_owned(), data.clone()));
        }
        if let Some((_, entity_type)) = kind.split_once(':') {
            events.push((format!("{name}_{entity_type}"), data));
        }
        events
    }

    fn event_data(&self, kind: &str, id: &str, happening: Happening, fields: &PhpArray) -> Php {
        let under_fields = |inner: Php| Php::map([("FIELDS", inner)]);
        let number =
            || Php::from(id).number().map_or(Php::from(id), |_| Php::Int(Php::from(id).int()));
        match self.data {
            DataShape::Fields => under_fields(Php::map([("ID", id)])),
            DataShape::Order => {
                let action = if happening == Happening::Deleted { "delete" } else { "save" };
                under_fields(Php::map([
                    ("ID", number()),
                    ("XML_ID", Php::from("")),
                    ("ACTION", Php::from(action)),
                ]))
            }
            DataShape::Dynamic => {
                let entity_type = kind.split_once(':').map_or("", |(_, number)| number);
                under_fields(Php::map([("ID", id), ("ENTITY_TYPE_ID", entity_type)]))
            }
            DataShape::Post => under_fields(Php::map([("POST_ID", id)])),
            DataShape::Bare => Php::map([("ID", number())]),
            DataShape::BareLower => Php::map([("id", id)]),
            DataShape::Halves => halves(&[("ID", number())], happening),
            DataShape::CommentHalves => {
                let task = fields.get("TASK_ID").map_or(0, Php::int);
                halves(&[("ID", number()), ("TASK_ID", Php::Int(task))], happening)
            }
            DataShape::Whole => Php::Array(fields.clone()),
        }
    }
}

fn halves(ids: &[(&'static str, Php)], happening: Happening) -> Php {
    let present = || Php::map(ids.iter().cloned());
    let absent = || Php::from("undefined");
    let (before, after) = match happening {
        Happening::Added => (absent(), present()),
        Happening::Deleted => (present(), absent()),
        Happening::Updated if ids.len() > 1 => {
            let acted = ids.iter().cloned().chain([("ACTION", Php::from("EDIT"))]);
            (present(), Php::map(acted))
        }
        Happening::Updated => (present(), present()),
    };
    Php::map([
        ("FIELDS_BEFORE", before),
        ("FIELDS_AFTER", after),
        ("IS_ACCESSIBLE_BEFORE", absent()),
        ("IS_ACCESSIBLE_AFTER", absent()),
    ])
}
