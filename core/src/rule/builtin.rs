//! The built-in rules, one for each row of the table in the official documentation's pages of
//! events and methods. They stand in `builtin.txt`, a line each, which is a third of what they are as code:
//! kind | events | events of deletion | paths of the id | parent | one | many | update. Within a column `;` stands
//! between the fields of the struct in their order, `,` between the members of a list.

use std::str::Split;

use super::{Absence, ManyMethod, OneMethod, Parent, Rule, UpdateMethod};
use crate::id::EventName;

const TABLE: &str = include_str!("builtin.txt");

pub(super) fn rules() -> Vec<Rule> {
    TABLE.lines().map(rule).collect()
}

fn rule(line: &str) -> Rule {
    let mut columns = Cells(line.split('|'));
    Rule {
        kind: columns.text(),
        events: names(columns.next()),
        deleted: names(columns.next()),
        id: list(columns.next()),
        parent: Cells::of(columns.next()).and_then(parent),
        one: Cells::of(columns.next()).map(one),
        many: Cells::of(columns.next()).map(many),
        update: Cells::of(columns.next()).map(update),
    }
}

/// What stands in a line or in a column, one after the other.
struct Cells<'a>(Split<'a, char>);

impl<'a> Cells<'a> {
    /// None of an empty column.
    fn of(column: &'a str) -> Option<Cells<'a>> {
        (!column.is_empty()).then(|| Cells(column.split(';')))
    }

    fn next(&mut self) -> &'a str {
        self.0.next().unwrap_or_default()
    }

    fn text(&mut self) -> String {
        self.next().to_owned()
    }

    fn maybe(&mut self) -> Option<String> {
        Some(self.text()).filter(|text| !text.is_empty())
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').filter(|member| !member.is_empty()).map(str::to_owned).collect()
}

fn names(text: &str) -> Vec<EventName> {
    list(text).into_iter().filter_map(|name| EventName::new(name).ok()).collect()
}

fn parent(mut cells: Cells<'_>) -> Option<Parent> {
    let (kind, id) = (cells.next(), list(cells.next()));
    match kind {
        "type" => Some(Parent::Type { id }),
        "owner" => Some(Parent::Owner { id }),
        _ => None,
    }
}

fn one(mut cells: Cells<'_>) -> OneMethod {
    OneMethod {
        method: cells.text(),
        id: cells.text(),
        parent: cells.maybe(),
        params: cells.text(),
        answer: cells.maybe(),
        id_field: cells.maybe(),
        absence: match cells.next() {
            "empty" => Absence::EmptyAnswer,
            _ => Absence::Error,
        },
    }
}

fn many(mut cells: Cells<'_>) -> ManyMethod {
    ManyMethod {
        method: cells.text(),
        ids: cells.text(),
        parent: cells.maybe(),
        params: cells.text(),
        answer: cells.maybe(),
        id_field: cells.maybe(),
    }
}

fn update(mut cells: Cells<'_>) -> UpdateMethod {
    UpdateMethod {
        method: cells.text(),
        id: cells.text(),
        parent: cells.maybe(),
        fields: cells.text(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_rule_with_every_column() {
        assert_eq!(TABLE.lines().count(), 19);
        for (line, rule) in TABLE.lines().zip(rules()) {
            let columns: Vec<usize> =
                line.split('|').map(|column| column.split(';').count()).collect();
            for (column, fields) in [(4, 2), (5, 7), (6, 6), (7, 4)] {
                assert!([1, fields].contains(&columns[column]), "{line}");
            }
            assert_eq!((columns.len(), rule.check()), (8, Ok(())), "{line}");
            let names = line.split('|').nth(1).map(|names| names.split(',').count());
            assert_eq!(Some(rule.events.len()), names, "{line}");
            assert!(!rule.id.is_empty() && rule.one.is_some(), "{line}");
        }
    }
}
