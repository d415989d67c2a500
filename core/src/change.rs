//! What the user's code receives, and what it answers.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::id::{BatchId, EventName, ObjectId};
use crate::json::{self, Raw};
use crate::ordered::Set;
use crate::time::Millis;

/// Some changes for the user's code, in the order in which their records stand in the queue.
/// Each object occurs at most once in all open batches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct Batch {
    /// Pairs the verdicts with this batch.
    pub id: BatchId,
    /// At least one change.
    pub changes: Vec<Change>,
}

/// One object that changed: the records of all its waiting changes merged, and its current data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct Change {
    /// Idempotency key: `ID@TIMESTAMP_X` of each merged record, sorted by ID, joined by `,`.
    /// The same at each redelivery of the same records, different for every other change. With
    /// [`Consumers::Shared`](crate::Consumers::Shared) it names the data as well, behind a `#`.
    pub key: String,
    /// Which object.
    pub object: ObjectId,
    /// The events of the merged records, oldest record first, none twice.
    pub events: Vec<EventName>,
    /// What is known of the object.
    pub state: State,
    /// JSON text: the bare object, without the method's own wrapper; for a change without a rule
    /// the whole `EVENT_DATA`. `None` is JSON's `null`.
    pub data: Option<String>,
    /// The latest `TIMESTAMP_X` of the merged records, as the portal gave it.
    pub changed_at: String,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// By which way the change came.
    pub origin: Origin,
}

/// What is known of a change's object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum State {
    /// The object exists, and `data` was read after its last merged record was reserved.
    Present,
    /// The object does not exist any more.
    Gone,
    /// Nothing was read: there is no rule for the event, or retrieval is off.
    Unread,
}

/// By which way a change came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Origin {
    /// From the lane of new records.
    Fresh,
    /// A rejected change, driven again by the user or after it was registered as an error.
    Redriven,
    /// From the lane of errored records, where somebody else had left it.
    Recovered,
}

/// The user's answer for one change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Verdict {
    /// It is safe in the other system.
    Done,
    /// Another attempt, after this long or after the configured delay.
    Retry {
        /// At most a day counts; `None` leaves the delay to the configuration.
        after: Option<Millis>,
    },
    /// It will never succeed as it is.
    Reject {
        /// Why, for the person who looks at the parked change.
        reason: String,
    },
}

/// The verdict for the change with this idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct Judgement {
    /// The change's idempotency key.
    pub key: String,
    /// The verdict.
    pub verdict: Verdict,
}

/// Verdicts for a batch or for a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Verdicts {
    /// Each change named gets its verdict; those of the others follow later.
    Some(Vec<Judgement>),
    /// One verdict for every change that is still open in the batch, but for those named.
    All {
        /// The verdict of all that are not named.
        verdict: Verdict,
        /// The ones that differ.
        except: Vec<Judgement>,
    },
}

/// A handler program answered with a line that is no verdict.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("it printed a line that is no verdict of this batch: {line}")]
pub struct NotAVerdict {
    /// The line, at most 200 characters of it.
    pub line: String,
}

impl Verdicts {
    /// Reads what a handler program printed: each line `{"key": …, "verdict": "retry", "after":
    /// seconds?}` or `{"key": …, "verdict": "reject", "reason": text}` singles out one change of
    /// `batch`, all the others are done; `"verdict": "done"` says so of one, `reason` may be left
    /// out, and `after` counts up to a day. Empty lines count for nothing.
    ///
    /// # Errors
    /// [`NotAVerdict`] with the first line that is something else, or names a change twice or one
    /// that is not in the batch; the whole batch is to be retried then.
    ///
    /// ```
    /// use b24_offline_core::{Batch, BatchId, Verdict, Verdicts};
    /// let batch = Batch { id: BatchId(1), changes: vec![] };
    /// let all_done = Verdicts::All { verdict: Verdict::Done, except: vec![] };
    /// assert_eq!(Verdicts::from_handler_output(&batch, "\n"), Ok(all_done));
    /// assert!(Verdicts::from_handler_output(&batch, "hello").is_err());
    /// ```
    pub fn from_handler_output(batch: &Batch, output: &str) -> Result<Verdicts, NotAVerdict> {
        let mut open: Set<&str> = batch.changes.iter().map(|change| change.key.as_str()).collect();
        let mut except = Vec::new();
        for line in output.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let wrong = || NotAVerdict { line: line.chars().take(200).collect() };
            let judgement = judgement(line).ok_or_else(wrong)?;
            if !open.remove(judgement.key.as_str()) {
                return Err(wrong());
            }
            except.push(judgement);
        }
        Ok(Verdicts::All { verdict: Verdict::Done, except })
    }
}

/// Verdicts that give each change of a batch exactly one; made by [`Verdicts::complete`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct Complete {
    /// For [`Input::Judged`](crate::Input::Judged).
    pub verdicts: Verdicts,
    /// What was wrong with the handler's answer, for people; then every change gets another attempt.
    pub wrong: Option<String>,
}

impl Verdicts {
    /// Whatever a handler answers, each change of the batch gets exactly one verdict: what it leaves
    /// unnamed is tried again, and so is the whole batch when it names a change twice or one that is not
    /// in the batch.
    ///
    /// ```
    /// use b24_offline_core::{Batch, BatchId, Judgement, Verdict, Verdicts};
    /// let batch = Batch { id: BatchId(1), changes: vec![] };
    /// let stray = Judgement { key: "5@t".into(), verdict: Verdict::Done };
    /// assert!(Verdicts::Some(vec![stray]).complete(&batch).wrong.is_some());
    /// assert!(Verdicts::Some(vec![]).complete(&batch).wrong.is_none());
    /// ```
    #[must_use]
    pub fn complete(self, batch: &Batch) -> Complete {
        let again = Verdict::Retry { after: None };
        let (others, named) = match self {
            Verdicts::Some(named) => (again.clone(), named),
            Verdicts::All { verdict, except } => (verdict, except),
        };
        let mut open: Set<&str> = batch.changes.iter().map(|change| change.key.as_str()).collect();
        let wrong = named.iter().find(|judgement| !open.remove(judgement.key.as_str()));
        if let Some(wrong) = wrong {
            let why = format!("it judged '{}', which is not open in its batch", wrong.key);
            let verdicts = Verdicts::All { verdict: again, except: Vec::new() };
            return Complete { verdicts, wrong: Some(why) };
        }
        Complete { verdicts: Verdicts::All { verdict: others, except: named }, wrong: None }
    }

    /// The verdict of one change; `None` when it follows later.
    ///
    /// ```
    /// use b24_offline_core::{Verdict, Verdicts};
    /// let verdicts = Verdicts::All { verdict: Verdict::Done, except: vec![] };
    /// assert_eq!(verdicts.of("5@t"), Some(&Verdict::Done));
    /// ```
    #[must_use]
    pub fn of(&self, key: &str) -> Option<&Verdict> {
        let (others, named) = match self {
            Verdicts::Some(named) => (None, named),
            Verdicts::All { verdict, except } => (Some(verdict), except),
        };
        let own = named.iter().find(|judgement| judgement.key == key);
        own.map(|judgement| &judgement.verdict).or(others)
    }
}

/// A line that a handler program printed.
fn judgement(line: &str) -> Option<Judgement> {
    let fields = Raw::read(line)?.map()?;
    let field = |name: &str| fields.get(name).copied().filter(|raw| !raw.is_null());
    let (verdict, own) = match field("verdict")?.text()?.as_str() {
        "done" => (Verdict::Done, "key"),
        "retry" => {
            let after = match field("after") {
                None => None,
                Some(raw) if raw.get().starts_with('"') => return None,
                Some(raw) => Some(Millis(raw.millis()?).min(Millis::seconds(86_400))),
            };
            (Verdict::Retry { after }, "after")
        }
        "reject" => {
            let reason = match field("reason") {
                None => "rejected by the handler".to_owned(),
                Some(raw) => raw.text()?,
            };
            (Verdict::Reject { reason }, "reason")
        }
        _ => return None,
    };
    let known = fields.keys().all(|name| ["key", "verdict", own].contains(&name.as_str()));
    known.then_some(Judgement { key: field("key")?.text()?, verdict })
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Present => "present",
            State::Gone => "gone",
            State::Unread => "unread",
        }
    }
}

impl Origin {
    fn name(self) -> &'static str {
        match self {
            Origin::Fresh => "fresh",
            Origin::Redriven => "redriven",
            Origin::Recovered => "recovered",
        }
    }
}

impl Change {
    /// The change as one line of JSON, without the line's end, the same on every host.
    ///
    /// ```
    /// use b24_offline_core::{Change, EventName, ObjectId, Origin, State};
    /// let change = Change {
    ///     key: "5@2026-11-23T10:00:00+03:00".into(),
    ///     object: ObjectId::new("crm.deal", "123"),
    ///     events: vec![EventName::new("ONCRMDEALUPDATE").unwrap()],
    ///     state: State::Present,
    ///     data: Some(r#"{"ID":"123"}"#.into()),
    ///     changed_at: "2026-11-23T10:00:00+03:00".into(),
    ///     attempt: 1,
    ///     origin: Origin::Fresh,
    /// };
    /// assert!(change.json_line().contains(r#""data":{"ID":"123"},"changed_at""#));
    /// ```
    #[must_use]
    pub fn json_line(&self) -> String {
        // line breaks between the tokens of the portal's JSON would break the line in two
        let compact = self.data.as_deref().map(one_line);
        let data = compact.as_deref().and_then(Raw::read);
        let object =
            [("kind", json::quoted(&self.object.kind)), ("id", json::quoted(&self.object.id))];
        json::object(&[
            ("key", json::quoted(&self.key)),
            ("object", json::object(&object)),
            (
                "events",
                json::list(&mut self.events.iter().map(|event| json::quoted(event.as_str()))),
            ),
            ("state", json::quoted(self.state.name())),
            ("data", data.map_or("null", Raw::get).to_owned()),
            ("changed_at", json::quoted(&self.changed_at)),
            ("attempt", self.attempt.to_string()),
            ("origin", json::quoted(self.origin.name())),
        ])
    }
}

fn one_line(text: &str) -> std::borrow::Cow<'_, str> {
    if text.bytes().any(|byte| matches!(byte, b'\n' | b'\r')) {
        // inside a JSON string these are always escaped, so outside they are white space
        text.replace(['\n', '\r'], " ").into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_of_one_change_is_found_in_both_forms() {
        let judgement = |key: &str, verdict| Judgement { key: key.into(), verdict };
        let retry = Verdict::Retry { after: None };
        let except = vec![judgement("a", retry.clone())];
        let all = Verdicts::All { verdict: Verdict::Done, except };
        assert_eq!((all.of("a"), all.of("b")), (Some(&retry), Some(&Verdict::Done)));
        let some = Verdicts::Some(vec![judgement("a", Verdict::Done)]);
        assert_eq!((some.of("a"), some.of("b")), (Some(&Verdict::Done), None));
    }

    fn batch(keys: &[&str]) -> Batch {
        let change = |key: &&str| Change {
            key: (*key).into(),
            object: ObjectId { kind: "crm.deal".into(), id: "7".into() },
            events: Vec::new(),
            state: State::Gone,
            data: None,
            changed_at: String::new(),
            attempt: 1,
            origin: Origin::Fresh,
        };
        Batch { id: crate::BatchId(1), changes: keys.iter().map(change).collect() }
    }

    #[test]
    fn each_line_of_a_handler_program_is_the_verdict_of_one_change() {
        let read = |output: &str| Verdicts::from_handler_output(&batch(&["a", "b", "c"]), output);
        let lines = "\n {\"key\":\"b\",\"verdict\":\"retry\",\"after\":1.5}\n\n\
                     {\"key\":\"a\",\"verdict\":\"reject\",\"reason\":\"no account\"}\n";
        let verdicts = read(lines).unwrap();
        assert_eq!(verdicts.of("b"), Some(&Verdict::Retry { after: Some(Millis(1_500)) }));
        assert_eq!(verdicts.of("a"), Some(&Verdict::Reject { reason: "no account".into() }));
        assert_eq!(verdicts.of("c"), Some(&Verdict::Done));
        let done = r#"{"key":"a","verdict":"done"}"#;
        assert!(read(done).is_ok());
        for wrong in [
            format!("{done}\n{done}"),
            r#"{"key":"d","verdict":"done"}"#.to_owned(),
            r#"{"key":"a","verdict":"done","after":1}"#.to_owned(),
            r#"{"key":"a","verdict":"retry","after":"1"}"#.to_owned(),
            r#"{"key":"a","verdict":"maybe"}"#.to_owned(),
            r#"{"key":"a"}"#.to_owned(),
        ] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
        assert_eq!(read(&"x".repeat(300)).unwrap_err().line.len(), 200);
    }

    #[test]
    fn an_answer_that_names_a_change_twice_or_a_stray_one_is_worth_another_attempt_for_all() {
        let judgement = |key: &str| Judgement { key: key.into(), verdict: Verdict::Done };
        let again = Verdicts::All { verdict: Verdict::Retry { after: None }, except: Vec::new() };
        for named in [["a", "a"], ["a", "d"]] {
            let complete = Verdicts::Some(named.map(judgement).to_vec()).complete(&batch(&["a"]));
            assert_eq!(complete.verdicts, again);
            assert!(complete.wrong.is_some());
        }
        let complete = Verdicts::Some(vec![judgement("a")]).complete(&batch(&["a", "b"]));
        assert_eq!(complete.wrong, None);
        assert_eq!(complete.verdicts.of("a"), Some(&Verdict::Done));
        assert_eq!(complete.verdicts.of("b"), Some(&Verdict::Retry { after: None }));
    }
}
