//! Rows of the queue, as `event.offline.get` and `event.offline.list` give them (F3).

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer::{php_list, php_map};
use crate::id::{EventName, MessageId, ProcessId, RecordId};

/// One row of the queue.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) id: RecordId,
    pub(crate) changed_at: String,
    pub(crate) message: MessageId,
    pub(crate) event: EventName,
    pub(crate) data: Value,
    pub(crate) process: Option<ProcessId>,
    pub(crate) errored: bool,
}

/// The rows of one answer; those that can't be read are counted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    pub(crate) process: Option<ProcessId>,
    pub(crate) rows: Vec<Row>,
    pub(crate) strange: Vec<String>,
    /// How many the portal sent, readable or not.
    pub(crate) sent: usize,
    /// The highest ID of them, even of a row that can't be read as a whole.
    last: Option<RecordId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct RawRow {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    timestamp_x: Value,
    #[serde(default)]
    message_id: Value,
    #[serde(default)]
    event_name: Value,
    #[serde(default)]
    event_data: Value,
    #[serde(default)]
    process_id: Value,
    #[serde(default)]
    error: Value,
}

impl Rows {
    /// The answer of `event.offline.get`; `None` when it has another shape.
    pub(crate) fn of_get(result: &RawValue) -> Option<Rows> {
        let parts = php_map(result)?;
        let process: Value = serde_json::from_str(parts.get("process_id")?.get()).ok()?;
        let mut rows = Rows::of_list(parts.get("events")?)?;
        rows.process = text(&process).and_then(|id| ProcessId::new(id).ok());
        Some(rows)
    }

    /// The answer of `event.offline.list`; `None` when it has another shape.
    pub(crate) fn of_list(result: &RawValue) -> Option<Rows> {
        let list = php_list(result)?;
        let mut rows = Rows { sent: list.len(), ..Rows::default() };
        for raw in list {
            // serde would read a list into a struct as well
            let is_map = raw.get().starts_with('{');
            let parsed = serde_json::from_str::<RawRow>(raw.get()).ok().filter(|_| is_map);
            let Some(parsed) = parsed else {
                rows.strange.push("a row that is no map".to_owned());
                continue;
            };
            rows.last = rows.last.max(number(&parsed.id).map(RecordId));
            match row(parsed) {
                Ok(row) => rows.rows.push(row),
                Err(why) => rows.strange.push(why),
            }
        }
        Some(rows)
    }

    /// The highest ID that was sent.
    pub(crate) fn last_id(&self) -> Option<RecordId> {
        self.last
    }
}

fn row(raw: RawRow) -> Result<Row, String> {
    let id = number(&raw.id).ok_or("a row without ID")?;
    let missing = |what: &str| format!("record {id} has no usable {what}");
    let event = text(&raw.event_name).and_then(|name| EventName::new(name).ok());
    let message = text(&raw.message_id).and_then(|id| MessageId::new(id).ok());
    Ok(Row {
        id: RecordId(id),
        changed_at: text(&raw.timestamp_x).ok_or_else(|| missing("TIMESTAMP_X"))?,
        message: message.ok_or_else(|| missing("MESSAGE_ID"))?,
        event: event.ok_or_else(|| missing("EVENT_NAME"))?,
        data: raw.event_data,
        process: text(&raw.process_id).and_then(|id| ProcessId::new(id).ok()),
        errored: number(&raw.error).is_some_and(|error| error != 0),
    })
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty() && text.len() <= 300).map(str::to_owned)
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.into()).unwrap()
    }

    #[test]
    fn a_row_is_read_with_numbers_as_strings_and_without_additional_data() {
        let answer =
            raw(r#"{"process_id":"p1","events":[{"ID":"7","TIMESTAMP_X":"t","MESSAGE_ID":"m",
               "EVENT_NAME":"onCrmDealUpdate","EVENT_DATA":{"FIELDS":{"ID":1}},"ERROR":"1"}]}"#);
        let rows = Rows::of_get(&answer).unwrap();
        assert_eq!(rows.process.unwrap().as_str(), "p1");
        let row = rows.rows.first().unwrap();
        assert_eq!((row.id, row.errored), (RecordId(7), true));
        assert_eq!(row.event.as_str(), "ONCRMDEALUPDATE");
    }

    #[test]
    fn a_row_that_cannot_be_read_does_not_hide_the_others() {
        let answer =
            raw(r#"[{"ID":1},7,{"ID":2,"TIMESTAMP_X":"t","MESSAGE_ID":"m","EVENT_NAME":"ONX"}]"#);
        let rows = Rows::of_list(&answer).unwrap();
        assert_eq!((rows.rows.len(), rows.strange.len(), rows.sent), (1, 2, 3));
    }

    #[test]
    fn other_shapes_are_none() {
        for text in ["7", r#""x""#, r#"{"events":[]}"#, r#"{"process_id":"p"}"#] {
            assert!(Rows::of_get(&raw(text)).is_none(), "{text}");
        }
        assert!(
            Rows::of_get(&raw(r#"{"process_id":null,"events":[]}"#)).unwrap().process.is_none()
        );
    }
}
