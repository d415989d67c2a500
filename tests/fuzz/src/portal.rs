//! What a portal would answer, more or less.

use b24_offline_core::Call;

use crate::dice::Dice;
use crate::law::{SubCall, sub_calls};
use crate::tree::Tree;

/// Events of the sessions, with a shape of their data each.
pub(crate) const EVENTS: [&str; 7] = [
    "ONCRMDEALUPDATE",
    "ONCRMDEALDELETE",
    "ONCRMDYNAMICITEMUPDATE",
    "ONTASKUPDATE",
    "ONUSERADD",
    "ONCRMCURRENCYADD",
    "ONSTRANGETHING",
];
/// The events' connector.
pub(crate) const CONNECTOR: &str = "warehouse";

/// A portal without memory but for its counter.
#[derive(Debug, Clone)]
pub(crate) struct Portal {
    next: u64,
    /// Whether there are records and objects, or everything is quiet.
    pub(crate) busy: bool,
}

impl Portal {
    pub(crate) fn new(busy: bool) -> Portal {
        Portal { next: 1, busy }
    }

    /// The answer to a call, as a value.
    pub(crate) fn answer(&mut self, call: &Call, dice: &mut Dice) -> Tree {
        let subs = sub_calls(call).unwrap_or_default();
        if call.method != "batch" {
            return Tree::map([("result", Tree::Literal("true".into())), ("time", time(dice))]);
        }
        let (mut results, mut totals, mut times) = (Vec::new(), Vec::new(), Vec::new());
        for sub in &subs {
            results.push((sub.name.clone(), self.result(sub, dice)));
            if sub.method == "event.offline.list" {
                totals.push((sub.name.clone(), (dice.few(3) as u64).into()));
            }
            times.push((sub.name.clone(), time(dice)));
        }
        let whole = Tree::map([
            ("result", Tree::Map(results)),
            ("result_error", Tree::List(Vec::new())),
            ("result_total", php(totals)),
            ("result_next", Tree::List(Vec::new())),
            ("result_time", php(times)),
        ]);
        Tree::map([("result", whole), ("time", time(dice))])
    }

    fn result(&mut self, sub: &SubCall, dice: &mut Dice) -> Tree {
        let yes = || Tree::Literal("true".into());
        match sub.method.as_str() {
            "feature.get" => {
                let lacks = self.busy && dice.one_in(8);
                Tree::map([("value", Tree::text(if lacks { "N" } else { "Y" }))])
            }
            "event.get" => bindings(),
            "event.offline.get" if self.busy => self.reserved(dice),
            "event.offline.get" => {
                let none = Tree::Literal("null".into());
                Tree::map([("process_id", none), ("events", Tree::List(Vec::new()))])
            }
            "event.offline.list" => self.listed(sub, dice),
            method if method.ends_with(".list") || method.ends_with(".get") => {
                objects(sub, self.busy, dice)
            }
            method if method.ends_with(".getbyid") => objects(sub, self.busy, dice),
            _ => yes(),
        }
    }

    fn reserved(&mut self, dice: &mut Dice) -> Tree {
        let rows = (0..dice.few(6)).map(|_| self.row(None, dice)).collect();
        let process = process(dice);
        Tree::map([("process_id", Tree::text(process)), ("events", Tree::List(rows))])
    }

    fn listed(&mut self, sub: &SubCall, dice: &mut Dice) -> Tree {
        let asked: Vec<u64> = sub.values("filter[@ID]").filter_map(|id| id.parse().ok()).collect();
        let free = sub.values("filter[=PROCESS_ID]").next().is_some();
        let count = if self.busy && dice.one_in(4) { dice.few(4) } else { 0 };
        let mut rows: Vec<Tree> = (0..count)
            .map(|_| {
                let process = if free { String::new() } else { process(dice) };
                self.row(Some(process), dice)
            })
            .collect();
        for id in asked {
            let mut row = self.row(Some(process(dice)), dice);
            if let Tree::Map(fields) = &mut row {
                fields[0].1 = id.into();
            }
            rows.push(row);
        }
        Tree::List(rows)
    }

    fn row(&mut self, process: Option<String>, dice: &mut Dice) -> Tree {
        if !dice.one_in(4) {
            self.next += 1;
        }
        let object = (1 + dice.below(8)) as u64;
        let (event, data) = event(object, dice);
        let id: Tree = self.next.into();
        let second = dice.below(60);
        let mut row = vec![
            ("ID".to_owned(), if dice.one_in(2) { id } else { Tree::Text(self.next.to_string()) }),
            ("TIMESTAMP_X".into(), Tree::text(format!("2026-11-23T10:11:{second:02}+03:00"))),
            ("MESSAGE_ID".into(), Tree::text(format!("{event}{object}"))),
            ("EVENT_NAME".into(), Tree::text(event)),
            ("EVENT_DATA".into(), data),
            ("EVENT_ADDITIONAL".into(), Tree::List(Vec::new())),
            ("ERROR".into(), Tree::text(if dice.one_in(5) { "1" } else { "0" })),
        ];
        row.extend(process.map(|id| ("PROCESS_ID".to_owned(), Tree::Text(id))));
        Tree::Map(row)
    }
}

fn php(fields: Vec<(String, Tree)>) -> Tree {
    if fields.is_empty() { Tree::List(Vec::new()) } else { Tree::Map(fields) }
}

fn time(dice: &mut Dice) -> Tree {
    let reset = if dice.one_in(20) { 1_795_000_000 + dice.below(600) } else { 0 };
    Tree::map([
        ("duration", Tree::Literal(format!("0.{:03}", dice.below(1_000)))),
        ("operating", Tree::Literal("0.1".into())),
        ("operating_reset_at", (reset as u64).into()),
    ])
}

fn bindings() -> Tree {
    let binding = |event: &&str| {
        Tree::map([
            ("event", Tree::text(*event)),
            ("connector_id", Tree::text(CONNECTOR)),
            ("offline", 1.into()),
        ])
    };
    let mut all: Vec<Tree> = EVENTS.iter().map(binding).collect();
    // those of the queue without a source
    all.extend(EVENTS.iter().map(|event| {
        Tree::map([
            ("event", Tree::text(*event)),
            ("connector_id", Tree::text("")),
            ("offline", 1.into()),
        ])
    }));
    Tree::List(all)
}

fn process(dice: &mut Dice) -> String {
    format!("{:032x}", u128::from(dice.word() % 12) << 64)
}

fn event(object: u64, dice: &mut Dice) -> (&'static str, Tree) {
    let event = dice.pick(&EVENTS);
    let fields = |fields: Tree| Tree::map([("FIELDS", fields)]);
    let id: Tree = if dice.one_in(2) { object.into() } else { Tree::Text(object.to_string()) };
    let data = match event {
        "ONCRMDYNAMICITEMUPDATE" => {
            fields(Tree::map([("ID", id), ("ENTITY_TYPE_ID", Tree::text("1220"))]))
        }
        "ONTASKUPDATE" => Tree::map([
            ("FIELDS_BEFORE", Tree::map([("ID", id.clone())])),
            ("FIELDS_AFTER", Tree::map([("ID", id)])),
        ]),
        "ONUSERADD" => Tree::map([("ID", id)]),
        "ONSTRANGETHING" => Tree::map([("x", Tree::List(vec![id, Tree::text("y\n")]))]),
        _ => fields(Tree::map([("ID", id)])),
    };
    (event, data)
}

/// The objects that a call asks for, in the wrapper that its method has.
fn objects(sub: &SubCall, busy: bool, dice: &mut Dice) -> Tree {
    let ids: Vec<&str> = sub
        .params
        .iter()
        .filter(|(name, _)| name.to_ascii_lowercase().contains("id"))
        .map(|(_, value)| value.as_str())
        .filter(|value| !value.is_empty() && *value != "1220")
        .collect();
    let mut found: Vec<Tree> = Vec::new();
    for id in ids {
        if busy && dice.one_in(8) {
            continue;
        }
        let upper = !matches!(
            sub.method.as_str(),
            "crm.item.list" | "crm.item.get" | "tasks.task.get" | "tasks.task.list"
        );
        let name = if sub.method.starts_with("crm.currency") {
            "CURRENCY"
        } else if upper {
            "ID"
        } else {
            "id"
        };
        found.push(Tree::map([(name, Tree::text(id)), ("TITLE", Tree::text("Сделка \"А\""))]));
    }
    let many = sub.method.ends_with(".list");
    let all = if many || found.is_empty() { Tree::List(found) } else { found.remove(0) };
    match sub.method.as_str() {
        "crm.item.list" => Tree::map([("items", all)]),
        "crm.item.get" => Tree::map([("item", all)]),
        "tasks.task.list" => Tree::map([("tasks", all)]),
        "tasks.task.get" => Tree::map([("task", all)]),
        _ => all,
    }
}
