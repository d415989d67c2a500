//! Between the machine's real JSON calls and the model server: calls are parsed, answers are written.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use crate::calendar;
use crate::server::{Compare, EVENTS, Get, MOST_OBJECTS, Message, Named, Record, Term};

/// The events of an object, by number.
pub(crate) const EVENT_NAMES: [&str; EVENTS as usize] = ["ONCRMDEALUPDATE", "ONCRMDEALADD"];

/// One sub-call of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Op {
    /// `feature.get`; whether for `rest_offline_extended`.
    Feature(bool),
    /// `event.get`.
    Bindings,
    /// `event.offline.get`.
    Get(Get),
    /// `event.offline.list`.
    List {
        /// Only these records.
        filter: Vec<Term>,
        /// How many are left out before the page.
        start: usize,
    },
    /// `event.offline.clear`; 0 is the empty process_id.
    Clear(u64, Named),
    /// `event.offline.error`.
    Error(u64, Vec<Message>),
    /// `crm.deal.list` of these objects.
    ReadMany(Vec<u8>),
    /// `crm.deal.get` of this object.
    ReadOne(u8),
}

impl Op {
    /// Whether it makes a reservation.
    #[must_use]
    pub(crate) fn reserves(&self) -> bool {
        matches!(self, Op::Get(get) if get.process.is_none() && !get.clear)
    }
}

/// What became of a sub-call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// `feature.get`.
    Feature(bool),
    /// `event.get`: everything is bound.
    Bindings,
    /// `true`.
    True,
    /// `event.offline.get`.
    Got(u64, Vec<Record>),
    /// `event.offline.list`, with the total.
    Listed(Vec<Record>, usize),
    /// Objects with their versions.
    Objects(Vec<(u8, u8)>),
    /// One object with its version.
    Object(u8, u8),
    /// An error's code.
    Failed(&'static str),
}

#[derive(Deserialize)]
struct BatchCall {
    cmd: BTreeMap<String, String>,
}

/// The sub-calls of a batch, in order, with their names; `Err` says what this model does not know.
pub(crate) fn parse(method: &str, params: &str) -> Result<Vec<(String, Op)>, String> {
    if method != "batch" {
        return Err(format!("{method} is no batch"));
    }
    let call: BatchCall = serde_json::from_str(params).map_err(|error| error.to_string())?;
    let named = |(name, command): (String, String)| Ok((name, op(&command)?));
    call.cmd.into_iter().map(named).collect()
}

fn op(command: &str) -> Result<Op, String> {
    let (method, query) = command.split_once('?').unwrap_or((command, ""));
    let query = Query::parse(query)?;
    let unknown = || format!("this model does not know {command}");
    Ok(match method {
        "feature.get" => Op::Feature(query.one("CODE") == Some("rest_offline_extended")),
        "event.get" => Op::Bindings,
        "event.offline.get" => Op::Get(Get {
            process: query.one("process_id").map(process).transpose()?,
            clear: query.one("clear") != Some("0"),
            error: query.one("error") == Some("1"),
            limit: query.one("limit").map_or(Ok(50), number)?,
            filter: query.filter()?,
        }),
        "event.offline.list" => {
            Op::List { filter: query.filter()?, start: query.one("start").map_or(Ok(0), number)? }
        }
        "event.offline.clear" => {
            let process = process(query.one("process_id").ok_or_else(unknown)?)?;
            let ids: Vec<u64> = query.list("id").map(number).collect::<Result<_, _>>()?;
            let messages: Vec<Message> =
                query.list("message_id").map(message).collect::<Result<_, _>>()?;
            let named = match (ids.is_empty(), messages.is_empty()) {
                (true, true) => Named::All,
                (false, true) => Named::Ids(ids),
                (true, false) => Named::Messages(messages),
                (false, false) => return Err(format!("both kinds of keys: {command}")),
            };
            Op::Clear(process, named)
        }
        "event.offline.error" => Op::Error(
            process(query.one("process_id").ok_or_else(unknown)?)?,
            query.list("message_id").map(message).collect::<Result<_, _>>()?,
        ),
        "crm.deal.list" => {
            Op::ReadMany(query.list("filter[@ID]").map(object).collect::<Result<_, _>>()?)
        }
        "crm.deal.get" => Op::ReadOne(object(query.one("id").ok_or_else(unknown)?)?),
        _ => return Err(unknown()),
    })
}

/// A query string as PHP reads it, path and value, in order.
struct Query(Vec<(String, String)>);

impl Query {
    fn parse(text: &str) -> Result<Query, String> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        };
        pairs.map(pair).collect::<Result<_, String>>().map(Query)
    }

    fn one(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(path, _)| path == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The values of `name[0]`, `name[1]`, …
    fn list<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let within = move |path: &str| {
            let index = path.strip_prefix(name).and_then(|rest| rest.strip_prefix('['));
            index.is_some_and(|index| index.ends_with(']') && !index.contains('['))
        };
        self.0.iter().filter(move |(path, _)| within(path)).map(|(_, value)| value.as_str())
    }

    fn filter(&self) -> Result<Vec<Term>, String> {
        let mut fields: Vec<(String, Vec<String>)> = Vec::new();
        for (path, value) in &self.0 {
            let Some(rest) = path.strip_prefix("filter[") else { continue };
            let field = rest.split(']').next().unwrap_or_default().to_owned();
            match fields.iter_mut().find(|(name, _)| *name == field) {
                Some((_, values)) => values.push(value.clone()),
                None => fields.push((field, vec![value.clone()])),
            }
        }
        fields.iter().map(|(field, values)| term(field, values)).collect()
    }
}

fn term(field: &str, values: &[String]) -> Result<Term, String> {
    let at = field.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(field.len());
    let (operator, name) = field.split_at(at);
    let compare = match operator {
        "" | "=" | "@" => Compare::Is,
        ">" => Compare::Above,
        ">=" => Compare::From,
        "<" => Compare::Below,
        "<=" => Compare::UpTo,
        _ => return Err(format!("the operator {operator}")),
    };
    let all = values.iter().map(String::as_str);
    Ok(match (name, compare) {
        ("ID", _) => Term::Id(compare, all.map(number).collect::<Result<_, _>>()?),
        ("PROCESS_ID", _) => Term::Process(compare, all.map(process).collect::<Result<_, _>>()?),
        ("MESSAGE_ID", Compare::Is) => Term::Message(all.map(message).collect::<Result<_, _>>()?),
        ("EVENT_NAME", Compare::Is) => {
            Term::Event(all.map(event).collect::<Option<_>>().ok_or("an event")?)
        }
        ("ERROR", Compare::Is) => Term::Error(values.iter().any(|value| value == "1")),
        _ => return Err(format!("a filter on {field}")),
    })
}

fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let code = digit(rest.next()).zip(digit(rest.next()));
        let (high, low) = code.ok_or_else(|| format!("{text} is badly escaped"))?;
        bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
    }
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} is no number"))
}

/// The number behind a process_id; 0 for the empty one.
pub(crate) fn process(text: &str) -> Result<u64, String> {
    if text.is_empty() {
        return Ok(0);
    }
    text.strip_prefix('p').ok_or_else(|| format!("{text} is no process_id")).and_then(number)
}

fn process_text(process: u64) -> String {
    if process == 0 { String::new() } else { format!("p{process:031}") }
}

/// The object and event behind a MESSAGE_ID.
pub(crate) fn message(text: &str) -> Result<Message, String> {
    let code: u8 = text.strip_prefix('m').ok_or("no MESSAGE_ID").map(number)??;
    Ok(Message { object: code / EVENTS, event: code % EVENTS })
}

fn message_text(message: Message) -> String {
    format!("m{:031}", message.object * EVENTS + message.event)
}

/// The number of an object: its id less one.
pub(crate) fn object(text: &str) -> Result<u8, String> {
    let id: u8 = number(text)?;
    let object = id.checked_sub(1).filter(|object| usize::from(*object) < MOST_OBJECTS);
    object.ok_or_else(|| format!("there is no object {text}"))
}

fn event(name: &str) -> Option<u8> {
    EVENT_NAMES.iter().position(|known| *known == name).and_then(|at| u8::try_from(at).ok())
}

/// The object and version in what was read of an object.
pub(crate) fn data(text: &str) -> Option<(u8, u8)> {
    let (id, version) = text.strip_prefix(r#"{"ID":""#)?.split_once(r#"","VERSION":"#)?;
    Some((object(id).ok()?, version.strip_suffix('}')?.parse().ok()?))
}

/// Everything that can be read of objects in these worlds.
pub(crate) fn every_data() -> impl Iterator<Item = ((u8, u8), String)> {
    (0..MOST_OBJECTS as u8).flat_map(|object| {
        (0..8).map(move |version| ((object, version), data_text(object, version)))
    })
}

fn data_text(object: u8, version: u8) -> String {
    format!(r#"{{"ID":"{}","VERSION":{version}}}"#, object + 1)
}

fn rows(out: &mut String, records: &[Record]) {
    out.push('[');
    for (at, record) in records.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let name = EVENT_NAMES.get(usize::from(record.message.event)).unwrap_or(&"");
        // writing to a String can't fail
        let _ = write!(
            out,
            concat!(
                r#"{}{{"ID":"{}","TIMESTAMP_X":"{}","MESSAGE_ID":"{}","EVENT_NAME":"{}","#,
                r#""EVENT_DATA":{{"FIELDS":{{"ID":"{}"}}}},"PROCESS_ID":"{}","ERROR":"{}"}}"#
            ),
            comma,
            record.id,
            calendar::text(record.changed),
            message_text(record.message),
            name,
            record.message.object + 1,
            process_text(record.process),
            u8::from(record.error),
        );
    }
    out.push(']');
}

fn result(out: &mut String, answer: &Answer) {
    match answer {
        Answer::Feature(allowed) => {
            out.push_str(if *allowed { r#"{"value":"Y"}"# } else { r#"{"value":"N"}"# });
        }
        Answer::Bindings => {
            out.push('[');
            for (at, name) in EVENT_NAMES.iter().enumerate() {
                let comma = if at == 0 { "" } else { "," };
                let _ = write!(out, r#"{comma}{{"event":"{name}","offline":1}}"#);
            }
            out.push(']');
        }
        Answer::True => out.push_str("true"),
        Answer::Got(process, records) => {
            let _ = write!(out, r#"{{"process_id":"{}","events":"#, process_text(*process));
            rows(out, records);
            out.push('}');
        }
        Answer::Listed(records, _) => rows(out, records),
        Answer::Objects(objects) => {
            let texts = objects.iter().map(|(object, version)| data_text(*object, *version));
            let _ = write!(out, "[{}]", texts.collect::<Vec<_>>().join(","));
        }
        Answer::Object(object, version) => out.push_str(&data_text(*object, *version)),
        Answer::Failed(code) => {
            let _ = write!(out, r#"{{"error":"{code}","error_description":"{code}"}}"#);
        }
    }
}

/// The body of a batch's answer (F32).
pub(crate) fn body<'a>(answers: impl Iterator<Item = (&'a str, &'a Answer)>) -> String {
    let (mut results, mut errors, mut totals) = (String::new(), String::new(), String::new());
    for (name, answer) in answers {
        let out = if matches!(answer, Answer::Failed(_)) { &mut errors } else { &mut results };
        let comma = if out.is_empty() { "" } else { "," };
        let _ = write!(out, r#"{comma}"{name}":"#);
        result(out, answer);
        if let Answer::Listed(_, total) = answer {
            let comma = if totals.is_empty() { "" } else { "," };
            let _ = write!(totals, r#"{comma}"{name}":{total}"#);
        }
    }
    let map =
        |inner: String| if inner.is_empty() { "[]".to_owned() } else { format!("{{{inner}}}") };
    format!(
        r#"{{"result":{{"result":{},"result_error":{},"result_total":{}}}}}"#,
        map(results),
        map(errors),
        map(totals)
    )
}
