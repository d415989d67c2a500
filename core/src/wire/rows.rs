//! Rows of the queue, as `event.offline.get` and `event.offline.list` give them (F3).

use super::answer::php_list;
use crate::id::{EventName, MessageId, ProcessId, RecordId};
use crate::json::{Raw, Value};

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

/// So many rows that can't be read are told of: as many as a page has.
const MOST_STRANGE: usize = 50;
/// The fields of a row.
const NAMES: [&str; 7] =
    ["ID", "TIMESTAMP_X", "MESSAGE_ID", "EVENT_NAME", "EVENT_DATA", "PROCESS_ID", "ERROR"];

impl Rows {
    /// The answer of `event.offline.get`; `None` when it has another shape.
    pub(crate) fn of_get(result: Raw<'_>) -> Option<Rows> {
        let [process, events] = result.fields(["process_id", "events"])?;
        let mut rows = Rows::of_list(events?)?;
        rows.process = text(Some(process?)).and_then(|id| ProcessId::new(id).ok());
        Some(rows)
    }

    /// Remembers a row that can't be read.
    fn strange(&mut self, why: String) {
        if self.strange.len() < MOST_STRANGE {
            self.strange.push(why);
        }
    }

    /// The answer of `event.offline.list`; `None` when it has another shape.
    pub(crate) fn of_list(result: Raw<'_>) -> Option<Rows> {
        let list = php_list(result)?;
        let mut rows = Rows { sent: list.len(), ..Rows::default() };
        for raw in list {
            let Some(fields) = raw.fields(NAMES) else {
                rows.strange("a row that is no map".to_owned());
                continue;
            };
            let [id, ..] = fields;
            rows.last = rows.last.max(id.and_then(Raw::number).map(RecordId));
            match row(fields) {
                Ok(row) => rows.rows.push(row),
                Err(why) => rows.strange(why),
            }
        }
        Some(rows)
    }

    /// The highest ID that was sent.
    pub(crate) fn last_id(&self) -> Option<RecordId> {
        self.last
    }
}

fn row(fields: [Option<Raw<'_>>; 7]) -> Result<Row, String> {
    let [id, changed_at, message, event, data, process, error] = fields;
    let id = id.and_then(Raw::number).ok_or("a row without ID")?;
    let missing = |what: &str| format!("record {id} has no usable {what}");
    let event = text(event).and_then(|name| EventName::new(name).ok());
    let message = text(message).and_then(|id| MessageId::new(id).ok());
    let data = data.map_or(Some(Value::Null), Raw::value);
    Ok(Row {
        id: RecordId(id),
        changed_at: text(changed_at).ok_or_else(|| missing("TIMESTAMP_X"))?,
        message: message.ok_or_else(|| missing("MESSAGE_ID"))?,
        event: event.ok_or_else(|| missing("EVENT_NAME"))?,
        data: data.ok_or_else(|| missing("EVENT_DATA"))?,
        process: text(process).and_then(|id| ProcessId::new(id).ok()),
        errored: error.and_then(Raw::number).is_some_and(|error| error != 0),
    })
}

fn text(raw: Option<Raw<'_>>) -> Option<String> {
    raw?.text().filter(|text| !text.is_empty() && text.len() <= 300)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Raw<'_> {
        Raw::read(text).unwrap()
    }

    #[test]
    fn a_row_is_read_with_numbers_as_strings_and_without_additional_data() {
        let answer =
            raw(r#"{"process_id":"p1","events":[{"ID":"7","TIMESTAMP_X":"t","MESSAGE_ID":"m",
               "EVENT_NAME":"onCrmDealUpdate","EVENT_DATA":{"FIELDS":{"ID":1}},"ERROR":"1"}]}"#);
        let rows = Rows::of_get(answer).unwrap();
        assert_eq!(rows.process.unwrap().as_str(), "p1");
        let row = rows.rows.first().unwrap();
        assert_eq!((row.id, row.errored), (RecordId(7), true));
        assert_eq!(row.event.as_str(), "ONCRMDEALUPDATE");
    }

    #[test]
    fn a_row_that_cannot_be_read_does_not_hide_the_others() {
        let answer =
            raw(r#"[{"ID":1},7,{"ID":2,"TIMESTAMP_X":"t","MESSAGE_ID":"m","EVENT_NAME":"ONX"}]"#);
        let rows = Rows::of_list(answer).unwrap();
        assert_eq!((rows.rows.len(), rows.strange.len(), rows.sent), (1, 2, 3));
    }

    #[test]
    fn a_row_without_a_time_or_with_one_of_more_than_300_letters_can_not_be_read() {
        for (at, taken) in [("", 0), ("t", 1), (&"t".repeat(300), 1), (&"t".repeat(301), 0)] {
            let answer =
                format!(r#"[{{"ID":2,"TIMESTAMP_X":"{at}","MESSAGE_ID":"m","EVENT_NAME":"ONX"}}]"#);
            let rows = Rows::of_list(raw(&answer)).unwrap();
            assert_eq!((rows.rows.len(), rows.strange.len()), (taken, 1 - taken), "{at}");
        }
    }

    #[test]
    fn millions_of_rows_that_cannot_be_read_are_not_all_told_of() {
        let answer = format!("[7{}]", ",7".repeat(10_000));
        let rows = Rows::of_list(raw(&answer)).unwrap();
        assert_eq!((rows.strange.len(), rows.sent), (MOST_STRANGE, 10_001));
    }

    #[test]
    fn other_shapes_are_none() {
        for text in ["7", r#""x""#, r#"{"events":[]}"#, r#"{"process_id":"p"}"#] {
            assert!(Rows::of_get(raw(text)).is_none(), "{text}");
        }
        assert!(Rows::of_get(raw(r#"{"process_id":null,"events":[]}"#)).unwrap().process.is_none());
    }
}
