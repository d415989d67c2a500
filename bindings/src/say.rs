//! What the core says of its own types, as functions: uniffi carries no methods of records and enums.

use b24_offline_core::{
    Batch, Call, Change, Complete, Config, Connector, End, EventName, Failure, InvalidValue,
    NotSent, Notice, Phase, Rule, Severity, Verdict, Verdicts, WriteBack, WriteResult,
};
use thiserror::Error;

/// A text that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error, uniffi::Error)]
#[uniffi(flat_error)]
pub enum TextError {
    /// No name of an event, or no connector.
    #[error(transparent)]
    Value(#[from] InvalidValue),
    /// A line of a handler program that is no verdict.
    #[error(transparent)]
    NotAVerdict(#[from] b24_offline_core::NotAVerdict),
    /// Text that is not the JSON of such a value.
    #[error("{0}")]
    Json(String),
    /// A call that no transport sends.
    #[error("{0}")]
    NotSent(String),
}

/// A configuration with every default, for the portal of this name and these events; change its fields.
#[uniffi::export]
pub fn default_config(portal: String, events: Vec<EventName>) -> Config {
    Config::new(portal, events)
}

/// Checks the name of an event and writes it as the portal does.
#[uniffi::export]
pub fn event_name(text: String) -> Result<EventName, TextError> {
    Ok(EventName::new(text)?)
}

/// Checks a connector.
#[uniffi::export]
pub fn connector(text: String) -> Result<Connector, TextError> {
    Ok(Connector::new(text)?)
}

/// The change as one line of JSON, without the line's end.
#[uniffi::export]
pub fn change_line(change: &Change) -> String {
    change.json_line()
}

/// Reads what a handler program printed for a batch.
#[uniffi::export]
pub fn verdicts_from_handler_output(batch: &Batch, output: &str) -> Result<Verdicts, TextError> {
    Ok(Verdicts::from_handler_output(batch, output)?)
}

/// Gives each change of the batch exactly one verdict, whatever the handler answered.
#[uniffi::export]
pub fn complete_verdicts(batch: &Batch, verdicts: Verdicts) -> Complete {
    verdicts.complete(batch)
}

/// The verdict of one change; none when it follows later.
#[uniffi::export]
pub fn verdict_of(verdicts: &Verdicts, key: &str) -> Option<Verdict> {
    verdicts.of(key).cloned()
}

/// The call that writes a field of a delivered object back; none where there is no such call.
#[uniffi::export]
pub fn write_back(change: &Change, field: &str, rules: &[Rule]) -> Option<WriteBack> {
    b24_offline_core::write_back(change, field, rules)
}

/// Why there is no such call, where that is worth telling.
#[uniffi::export]
pub fn why_not_written_back(change: &Change, field: &str) -> Option<String> {
    b24_offline_core::why_not_written_back(change, field)
}

/// What went wrong with a write, to be put behind the name of what was written.
#[uniffi::export]
pub fn write_trouble(result: &WriteResult) -> Option<String> {
    result.trouble()
}

/// A notice in one sentence, without secrets.
#[uniffi::export]
pub fn notice_sentence(notice: &Notice) -> String {
    notice.to_string()
}

/// How loud a notice is.
#[uniffi::export]
pub fn notice_severity(notice: &Notice) -> Severity {
    notice.severity()
}

/// The notice as a JSON object with the field `notice` that names it.
#[uniffi::export]
pub fn notice_json(notice: &Notice) -> String {
    serde_json::to_string(notice).unwrap_or_default()
}

/// A failure in one sentence that says what to do.
#[uniffi::export]
pub fn failure_sentence(failure: &Failure) -> String {
    failure.to_string()
}

/// The exit code of the `listen` programs.
#[uniffi::export]
pub fn exit_code(end: &End) -> u8 {
    end.exit_code()
}

/// How the machine ended; none while it goes on.
#[uniffi::export]
pub fn end_of(phase: Phase) -> Option<End> {
    match phase {
        Phase::Ended(end) => Some(end),
        Phase::Checking | Phase::Running | Phase::HandlerDown | Phase::Stopping => None,
    }
}

/// The body of a call with token and connector beside the parameters.
#[uniffi::export]
pub fn request_body(call: &Call, token: &str) -> Result<String, TextError> {
    b24_offline_core::request_body(call, token).map_err(|why| {
        TextError::NotSent(match why {
            NotSent::Network { why } | NotSent::SignInAgain { why } | NotSent::Refused { why } => {
                why
            }
        })
    })
}

/// Whether an answer says that the token has expired.
#[uniffi::export]
pub fn is_expired(status: u16, body: &str) -> bool {
    b24_offline_core::is_expired(status, body)
}

/// The body of an answer without the token where it would be shown.
#[uniffi::export]
pub fn without_token(status: u16, body: &str, token: &str) -> String {
    b24_offline_core::without_token(status, body, token)
}

/// A text with every secret of 8 bytes or more replaced.
#[uniffi::export]
pub fn without_secrets(text: &str, secrets: Vec<String>) -> String {
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    b24_offline_core::without_secrets(text, &secrets)
}

/// The version of the core.
#[uniffi::export]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
