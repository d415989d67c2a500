//! Filters, orders and pages of the list methods.

use std::cmp::Ordering;
use std::ops::Bound;

use super::kinds::KindRule;
use super::{Object, ObjectId, Shelf};
use crate::php::{Php, PhpArray};

/// Objects of a page.
pub(crate) const PAGE: usize = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    In,
    NotIn,
    Contains,
    NotContains,
    Greater,
    Less,
    AtLeast,
    AtMost,
}

/// In this order: the longer signs first.
const SIGNS: [(&str, Operator); 13] = [
    ("!=%", Operator::NotContains),
    ("!@", Operator::NotIn),
    ("!=", Operator::NotIn),
    ("!%", Operator::NotContains),
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("=%", Operator::Contains),
    ("!", Operator::NotIn),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("=", Operator::In),
    ("@", Operator::In),
    ("%", Operator::Contains),
];

struct Condition {
    field: String,
    operator: Operator,
    values: Vec<Php>,
}

/// What a list method was asked for.
pub(crate) struct Query {
    conditions: Vec<Condition>,
    order: Vec<(String, bool)>,
    start: usize,
    /// Whether the total is counted: not with `start: -1`.
    counted: bool,
}

/// A page of objects.
pub(crate) struct Page<'a> {
    pub(crate) objects: Vec<&'a Object>,
    pub(crate) total: Option<usize>,
    pub(crate) next: Option<usize>,
}

impl Query {
    pub(crate) fn parse(filter: Option<&Php>, order: Option<&Php>, start: Option<&Php>) -> Query {
        let none = PhpArray::new();
        let filter = filter.and_then(Php::as_array).unwrap_or(&none);
        let order = order.and_then(Php::as_array).unwrap_or(&none);
        let start = start.map_or(0, Php::int);
        let ascending = |value: &Php| !value.text().eq_ignore_ascii_case("DESC");
        Query {
            conditions: filter.iter().map(|(key, value)| condition(&key.text(), value)).collect(),
            order: order.iter().map(|(key, value)| (key.text(), ascending(value))).collect(),
            start: usize::try_from(start).unwrap_or_default(),
            counted: start >= 0,
        }
    }

    /// Finds a page. Objects that are named by id are looked up; without that, all from the lowest allowed id on
    /// are looked through.
    pub(crate) fn page<'a>(&'a self, shelf: Option<&'a Shelf>, rule: &'a KindRule) -> Page<'a> {
        let Some(shelf) = shelf else {
            return Page { objects: Vec::new(), total: self.counted.then_some(0), next: None };
        };
        let fitting = self.candidates(shelf, rule);
        let by_id = match self.order.as_slice() {
            [] => true,
            [(field, true)] => field == rule.id_field,
            _ => false,
        };
        if by_id && !self.counted {
            let objects = fitting.skip(self.start).take(PAGE).collect();
            return Page { objects, total: None, next: None };
        }
        let mut all: Vec<&Object> = fitting.collect();
        if !by_id {
            all.sort_by(|left, right| self.compare(left, right));
        }
        let total = all.len();
        let objects: Vec<&Object> = all.into_iter().skip(self.start).take(PAGE).collect();
        let next = self.start.saturating_add(PAGE);
        Page {
            objects,
            total: self.counted.then_some(total),
            next: (self.counted && next < total).then_some(next),
        }
    }

    fn candidates<'a>(
        &'a self,
        shelf: &'a Shelf,
        rule: &'a KindRule,
    ) -> Box<dyn Iterator<Item = &'a Object> + 'a> {
        let of_id = || self.conditions.iter().filter(|held| held.field == rule.id_field);
        let holds = |object: &&Object| self.conditions.iter().all(|held| held.holds(object));
        if let Some(named) = of_id().find(|held| held.operator == Operator::In) {
            let mut ids: Vec<ObjectId> =
                named.values.iter().map(|value| ObjectId::parse(&value.text())).collect();
            ids.sort();
            ids.dedup();
            return Box::new(ids.into_iter().filter_map(|id| shelf.objects.get(&id)).filter(holds));
        }
        let from = of_id()
            .filter(|held| matches!(held.operator, Operator::Greater | Operator::AtLeast))
            .filter_map(|held| held.values.first())
            .filter_map(|value| u64::try_from(value.int()).ok())
            .max()
            .unwrap_or_default();
        let range =
            shelf.objects.range((Bound::Included(ObjectId::Number(from)), Bound::Unbounded));
        Box::new(range.map(|(_, object)| object).filter(holds))
    }

    fn compare(&self, left: &Object, right: &Object) -> Ordering {
        let null = Php::Null;
        let mut compared = self.order.iter().map(|(field, ascending)| {
            let value = |object: &'_ Object| object.fields.get(field).unwrap_or(&null).clone();
            let order = compare(&value(left), &value(right));
            if *ascending { order } else { order.reverse() }
        });
        compared.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

fn condition(key: &str, value: &Php) -> Condition {
    let sign = SIGNS.iter().find_map(|(sign, operator)| Some((key.strip_prefix(sign)?, *operator)));
    let (field, operator) = sign.unwrap_or((key, Operator::In));
    let values = match value.as_array() {
        Some(array) => array.values().cloned().collect(),
        None => vec![value.clone()],
    };
    Condition { field: field.to_owned(), operator, values }
}

impl Condition {
    fn holds(&self, object: &Object) -> bool {
        let held = object.fields.get(&self.field).unwrap_or(&Php::Null);
        let equal = || self.values.iter().any(|value| compare(held, value).is_eq());
        let contains = || {
            let text = held.text().to_lowercase();
            self.values.iter().any(|value| text.contains(&value.text().to_lowercase()))
        };
        let order = || self.values.first().map(|value| compare(held, value));
        match self.operator {
            Operator::In => equal(),
            Operator::NotIn => !equal(),
            Operator::Contains => contains(),
            Operator::NotContains => !contains(),
            Operator::Greater => order().is_some_and(Ordering::is_gt),
            Operator::Less => order().is_some_and(Ordering::is_lt),
            Operator::AtLeast => order().is_some_and(Ordering::is_ge),
            Operator::AtMost => order().is_some_and(Ordering::is_le),
        }
    }
}

fn compare(left: &Php, right: &Php) -> Ordering {
    match (left.number(), right.number()) {
        (Some(left), Some(right)) => left.total_cmp(&right),
        _ => left.text().cmp(&right.text()),
    }
}
