//! Filters and orders of the offline methods (F5, F6, F18).

use std::cmp::Ordering;
use std::ops::Bound;

use super::{Connector, ProcessId, Row, Table, hex};
use crate::error::{Answered, RestError};
use crate::php::Php;
use crate::settings::Personality;
use crate::time;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    Id,
    TimestampX,
    EventName,
    MessageId,
    ProcessId,
    Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    Greater,
    Less,
    AtLeast,
    AtMost,
    In,
    Contains,
}

/// Which filter a method takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// `event.offline.get` without process_id: comparisons only, in the source not even on TIMESTAMP_X (F6).
    Marking(Personality),
    /// A re-read by process_id: all operators.
    Reading,
    /// `event.offline.list`: all operators, also on PROCESS_ID and ERROR (F18).
    Listing,
}

#[derive(Clone, Debug)]
struct Condition {
    field: Field,
    operator: Operator,
    values: Vec<Wanted>,
}

/// A value of a condition, read once in each way that a field may be compared.
#[derive(Clone, Debug)]
struct Wanted {
    text: String,
    whole: i64,
    seconds: i64,
}

impl Wanted {
    fn read(value: &Php, field: Field, zone: i16) -> Wanted {
        let text = value.text();
        let seconds = time::parse(&text, zone).unwrap_or_default();
        let text = match field {
            Field::EventName => text.to_ascii_uppercase(),
            Field::MessageId => text.to_ascii_lowercase(),
            Field::Id | Field::TimestampX | Field::ProcessId | Field::Error => text,
        };
        Wanted { whole: value.int(), seconds, text }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    conditions: Vec<Condition>,
    zone: i16,
}

/// Fields in order of weight, and whether ascending.
pub(crate) type Order = Vec<(Field, bool)>;

fn field(name: &str, reach: Reach) -> Option<Field> {
    let field = match name.to_ascii_uppercase().as_str() {
        "ID" => Field::Id,
        "TIMESTAMP_X" => Field::TimestampX,
        "EVENT_NAME" => Field::EventName,
        "MESSAGE_ID" => Field::MessageId,
        "PROCESS_ID" => Field::ProcessId,
        "ERROR" => Field::Error,
        _ => return None,
    };
    let listed = matches!(field, Field::ProcessId | Field::Error);
    (reach == Reach::Listing || !listed).then_some(field)
}

fn operator(text: &str) -> Option<Operator> {
    Some(match text {
        "" | "=" => Operator::Equal,
        ">" => Operator::Greater,
        "<" => Operator::Less,
        ">=" => Operator::AtLeast,
        "<=" => Operator::AtMost,
        "@" => Operator::In,
        "%" => Operator::Contains,
        _ => return None,
    })
}

impl Filter {
    pub(crate) fn parse(given: Option<&Php>, reach: Reach, zone: i16) -> Answered<Filter> {
        let refused = |text: &str| RestError::argument("filter", text);
        let Some(given) = given else { return Ok(Filter { conditions: Vec::new(), zone }) };
        let given = given.as_array().ok_or_else(|| refused("The filter must be an array"))?;
        let mut conditions = Vec::new();
        for (key, value) in given.iter() {
            let key = key.text();
            let name =
                key.trim_start_matches(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_');
            let sign = key.strip_suffix(name).unwrap_or_default();
            let field = field(name, reach).ok_or_else(|| refused("Unknown field in the filter"))?;
            let mut operator =
                operator(sign).ok_or_else(|| refused("Unknown operator in the filter"))?;
            if let Reach::Marking(personality) = reach {
                let plain = !matches!(operator, Operator::In | Operator::Contains);
                let by_time = field == Field::TimestampX && personality == Personality::Source;
                if !plain || value.as_array().is_some() || by_time {
                    return Err(refused("This filter is not allowed without a process_id"));
                }
            }
            let values = match value.as_array() {
                Some(array) => {
                    if operator == Operator::Equal {
                        operator = Operator::In;
                    }
                    array.values().map(|value| Wanted::read(value, field, zone)).collect()
                }
                None => vec![Wanted::read(value, field, zone)],
            };
            conditions.push(Condition { field, operator, values });
        }
        Ok(Filter { conditions, zone })
    }

    fn holds(&self, row: &Row) -> bool {
        self.conditions.iter().all(|condition| condition.holds(row, self.zone))
    }

    /// The IDs between which all matches lie.
    fn id_bounds(&self) -> Option<(u64, u64)> {
        let (mut low, mut high, mut bounded) = (0, u64::MAX, false);
        for condition in self.conditions.iter().filter(|condition| condition.field == Field::Id) {
            let Some(value) =
                condition.values.first().and_then(|wanted| u64::try_from(wanted.whole).ok())
            else {
                continue;
            };
            bounded = true;
            match condition.operator {
                Operator::Equal => (low, high) = (low.max(value), high.min(value)),
                Operator::Greater => low = low.max(value.saturating_add(1)),
                Operator::AtLeast => low = low.max(value),
                Operator::Less => high = high.min(value.saturating_sub(1)),
                Operator::AtMost => high = high.min(value),
                Operator::In | Operator::Contains => {}
            }
        }
        // IDs begin at 1, so (0, 0) holds nothing
        bounded.then_some(if low <= high { (low, high) } else { (0, 0) })
    }
}

impl Condition {
    fn holds(&self, row: &Row, zone: i16) -> bool {
        if self.operator == Operator::Contains {
            let held = text(row, self.field, zone).to_lowercase();
            return self.values.iter().any(|value| held.contains(&value.text.to_lowercase()));
        }
        self.values.iter().any(|value| {
            let order = self.compare(row, value);
            match self.operator {
                Operator::Equal | Operator::In | Operator::Contains => order == Ordering::Equal,
                Operator::Greater => order == Ordering::Greater,
                Operator::Less => order == Ordering::Less,
                Operator::AtLeast => order != Ordering::Less,
                Operator::AtMost => order != Ordering::Greater,
            }
        })
    }

    fn compare(&self, row: &Row, wanted: &Wanted) -> Ordering {
        let number = |held: u64| i64::try_from(held).unwrap_or(i64::MAX);
        match self.field {
            Field::Id => number(row.id).cmp(&wanted.whole),
            Field::TimestampX => number(row.changed).cmp(&wanted.seconds),
            Field::Error => i64::from(row.error).cmp(&wanted.whole),
            Field::EventName => row.event.as_ref().cmp(wanted.text.as_str()),
            Field::MessageId => hex(row.message).as_str().cmp(wanted.text.as_str()),
            Field::ProcessId => row.process.as_ref().cmp(wanted.text.as_str()),
        }
    }
}

fn text(row: &Row, field: Field, zone: i16) -> String {
    match field {
        Field::Id => row.id.to_string(),
        Field::TimestampX => time::iso(row.changed, zone),
        Field::EventName => row.event.to_string(),
        Field::MessageId => hex(row.message),
        Field::ProcessId => row.process.to_string(),
        Field::Error => u8::from(row.error).to_string(),
    }
}

pub(crate) fn parse_order(given: Option<&Php>, reach: Reach) -> Answered<Order> {
    let refused = |text: &str| RestError::argument("order", text);
    let Some(given) = given else { return Ok(Vec::new()) };
    let given = given.as_array().ok_or_else(|| refused("The order must be an array"))?;
    let mut order = Vec::new();
    for (key, value) in given.iter() {
        let field =
            field(&key.text(), reach).ok_or_else(|| refused("Unknown field in the order"))?;
        let ascending = match value.text().to_ascii_uppercase().as_str() {
            "ASC" => true,
            "DESC" => false,
            _ => return Err(refused("The direction must be ASC or DESC")),
        };
        order.push((field, ascending));
    }
    Ok(order)
}

fn by_field(left: &Row, right: &Row, field: Field) -> Ordering {
    match field {
        Field::Id => left.id.cmp(&right.id),
        Field::TimestampX => left.changed.cmp(&right.changed),
        Field::EventName => left.event.cmp(&right.event),
        Field::MessageId => left.message.cmp(&right.message),
        Field::ProcessId => left.process.cmp(&right.process),
        Field::Error => left.error.cmp(&right.error),
    }
}

fn compare(left: &Row, right: &Row, order: &Order) -> Ordering {
    let mut fields = order.iter().map(|(field, ascending)| {
        let compared = by_field(left, right, *field);
        if *ascending { compared } else { compared.reverse() }
    });
    fields.find(|compared| compared.is_ne()).unwrap_or_else(|| left.id.cmp(&right.id))
}

impl Table {
    /// Up to `limit` free records of a lane. Without an order: by TIMESTAMP_X, then ID.
    pub(crate) fn select_free(
        &self,
        connector: &Connector,
        error: bool,
        filter: &Filter,
        order: &Order,
        limit: usize,
    ) -> Vec<u64> {
        let fits = |row: &&Row| row.error == error && filter.holds(row);
        if let Some((low, high)) = filter.id_bounds() {
            let free = (connector.clone(), ProcessId::from(""));
            let ids = self.by_process.get(&free).map(|ids| ids.range(low..=high));
            let rows = ids.into_iter().flatten().filter_map(|id| self.row(*id)).filter(fits);
            return self.ordered(rows.collect(), order, limit);
        }
        let lane = self.free.get(&(connector.clone(), error));
        let rows = lane.into_iter().flatten().filter_map(|(_, id)| self.row(*id)).filter(fits);
        let by_time = order.first().is_none_or(|first| *first == (Field::TimestampX, true));
        if by_time && order.len() < 2 {
            return rows.take(limit).map(|row| row.id).collect();
        }
        self.ordered(rows.collect(), order, limit)
    }

    /// Up to `limit` records of a reservation.
    pub(crate) fn select_process(
        &self,
        connector: &Connector,
        process: &ProcessId,
        error: bool,
        filter: &Filter,
        order: &Order,
        limit: usize,
    ) -> Vec<u64> {
        let ids = self.of_process(connector, process);
        let rows = ids.iter().filter_map(|id| self.row(*id));
        let fitting = rows.filter(|row| row.error == error && filter.holds(row)).collect();
        self.ordered(fitting, order, limit)
    }

    fn ordered(&self, mut rows: Vec<&Row>, order: &Order, limit: usize) -> Vec<u64> {
        let by_time = vec![(Field::TimestampX, true)];
        let order = if order.is_empty() { &by_time } else { order };
        rows.sort_by(|left, right| compare(left, right, order));
        rows.into_iter().take(limit).map(|row| row.id).collect()
    }

    /// A page of a queue and the number of all matches.
    pub(crate) fn page(
        &self,
        connector: &Connector,
        filter: &Filter,
        order: &Order,
        start: usize,
        size: usize,
    ) -> (Vec<u64>, usize) {
        let rows = self.candidates(connector, filter);
        if order.is_empty() || *order == [(Field::Id, true)] {
            let mut ids: Vec<u64> = rows.map(|row| row.id).collect();
            // the records of one reservation come in order, those of several do not
            if !ids.is_sorted() {
                ids.sort_unstable();
            }
            let total = ids.len();
            return (ids.into_iter().skip(start).take(size).collect(), total);
        }
        let rows: Vec<&Row> = rows.collect();
        let total = rows.len();
        let ids = self.ordered(rows, order, start.saturating_add(size));
        (ids.into_iter().skip(start).collect(), total)
    }

    /// All records of a queue that match, over the reservations that the filter allows.
    fn candidates<'a>(
        &'a self,
        connector: &'a Connector,
        filter: &'a Filter,
    ) -> Box<dyn Iterator<Item = &'a Row> + 'a> {
        let processes: Vec<&Condition> =
            filter.conditions.iter().filter(|each| each.field == Field::ProcessId).collect();
        let ids = filter.id_bounds().unwrap_or((0, u64::MAX));
        let from = (connector.clone(), ProcessId::from(""));
        let groups = self
            .by_process
            .range((Bound::Included(from), Bound::Unbounded))
            .take_while(move |((of, _), _)| of == connector)
            .filter(move |(_, ids)| {
                let first = ids.first().and_then(|id| self.row(*id));
                first.is_some_and(|row| processes.iter().all(|each| each.holds(row, filter.zone)))
            });
        let rows = groups.flat_map(move |(_, held)| held.range(ids.0..=ids.1));
        Box::new(rows.filter_map(|id| self.row(*id)).filter(|row| filter.holds(row)))
    }
}
