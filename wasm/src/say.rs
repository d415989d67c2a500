//! What the core says of its own types, as functions.

use b24_offline_core::{
    Batch, Call, Change, Complete, Config, Connector, End, EventName, Failure, NotSent, Notice,
    Rule, Severity, Verdict, Verdicts, WriteBack, WriteResult,
};
use tsify::Ts;
use wasm_bindgen::prelude::*;

use crate::{given, named, shape};

/// A configuration with every default, for the portal of this name and these events; change its fields.
///
/// # Errors
/// `InvalidValue` for what is no name of an event.
#[wasm_bindgen(js_name = defaultConfig)]
pub fn default_config(portal: String, events: Vec<String>) -> Result<Ts<Config>, JsValue> {
    let events: Result<Vec<EventName>, JsValue> =
        events.into_iter().map(|text| value(EventName::new(text))).collect();
    given(&Config::new(portal, events?))
}

/// Checks a connector and gives it back.
///
/// # Errors
/// `InvalidValue` says what is wrong with it.
#[wasm_bindgen]
pub fn connector(text: String) -> Result<String, JsValue> {
    value(Connector::new(text)).map(String::from)
}

/// The change as one line of JSON, without the line's end.
///
/// # Errors
/// `WrongShape` for what is no change.
#[wasm_bindgen(js_name = changeLine)]
pub fn change_line(change: Ts<Change>) -> Result<String, JsValue> {
    Ok(shape::change(change.js_value())?.json_line())
}

/// Reads what a handler program printed for a batch.
///
/// # Errors
/// `NotAVerdict` with the first line that is none.
#[wasm_bindgen(js_name = verdictsFromHandlerOutput)]
pub fn verdicts_from_handler_output(
    batch: Ts<Batch>,
    output: &str,
) -> Result<Ts<Verdicts>, JsValue> {
    let verdicts = Verdicts::from_handler_output(&shape::batch(batch.js_value())?, output);
    given(&verdicts.map_err(|error| named("NotAVerdict", &error.to_string()))?)
}

/// Gives each change of the batch exactly one verdict, whatever the handler answered.
///
/// # Errors
/// `WrongShape` for what is no batch or no verdicts.
#[wasm_bindgen(js_name = completeVerdicts)]
pub fn complete_verdicts(
    batch: Ts<Batch>,
    verdicts: Ts<Verdicts>,
) -> Result<Ts<Complete>, JsValue> {
    given(&shape::verdicts(verdicts.js_value())?.complete(&shape::batch(batch.js_value())?))
}

/// The verdict of one change; undefined when it follows later.
///
/// # Errors
/// `WrongShape` for what are no verdicts.
#[wasm_bindgen(js_name = verdictOf)]
pub fn verdict_of(verdicts: Ts<Verdicts>, key: &str) -> Result<Option<Ts<Verdict>>, JsValue> {
    shape::verdicts(verdicts.js_value())?.of(key).map(given).transpose()
}

/// The call that writes a field of a delivered object back; undefined where there is no such call.
///
/// # Errors
/// `WrongShape` for what is no change or no rule.
#[wasm_bindgen(js_name = writeBack)]
pub fn write_back(
    change: Ts<Change>,
    field: &str,
    rules: Vec<Ts<Rule>>,
) -> Result<Option<Ts<WriteBack>>, JsValue> {
    let rules: Result<Vec<Rule>, JsValue> =
        rules.iter().map(|rule| shape::rule(rule.js_value())).collect();
    let call = b24_offline_core::write_back(&shape::change(change.js_value())?, field, &rules?);
    call.as_ref().map(given).transpose()
}

/// Why there is no such call, where that is worth telling.
///
/// # Errors
/// `WrongShape` for what is no change.
#[wasm_bindgen(js_name = whyNotWrittenBack)]
pub fn why_not_written_back(change: Ts<Change>, field: &str) -> Result<Option<String>, JsValue> {
    let change = shape::change(change.js_value())?;
    Ok(b24_offline_core::why_not_written_back(&change, field))
}

/// What went wrong with a write, to be put behind the name of what was written; undefined when it was executed.
///
/// # Errors
/// `WrongShape` for what is no result.
#[wasm_bindgen(js_name = writeTrouble)]
pub fn write_trouble(result: Ts<WriteResult>) -> Result<Option<String>, JsValue> {
    Ok(shape::write_result(result.js_value())?.trouble())
}

/// A notice in one sentence, without secrets.
///
/// # Errors
/// `WrongShape` for what is no notice.
#[wasm_bindgen(js_name = noticeSentence)]
pub fn notice_sentence(notice: Ts<Notice>) -> Result<String, JsValue> {
    Ok(shape::notice(notice.js_value())?.to_string())
}

/// How loud a notice is.
///
/// # Errors
/// `WrongShape` for what is no notice.
#[wasm_bindgen(js_name = noticeSeverity)]
pub fn notice_severity(notice: Ts<Notice>) -> Result<Ts<Severity>, JsValue> {
    given(&shape::notice(notice.js_value())?.severity())
}

/// A failure in one sentence that says what to do.
///
/// # Errors
/// `WrongShape` for what is no failure.
#[wasm_bindgen(js_name = failureSentence)]
pub fn failure_sentence(failure: Ts<Failure>) -> Result<String, JsValue> {
    Ok(shape::failure(failure.js_value())?.to_string())
}

/// The exit code of the `listen` programs.
///
/// # Errors
/// `WrongShape` for what is no end.
#[wasm_bindgen(js_name = exitCode)]
pub fn exit_code(end: Ts<End>) -> Result<u8, JsValue> {
    Ok(shape::end(end.js_value())?.exit_code())
}

/// The body of a call with token and connector beside the parameters.
///
/// # Errors
/// `NotSent` for a call that no transport sends.
#[wasm_bindgen(js_name = requestBody)]
pub fn request_body(call: Ts<Call>, token: &str) -> Result<String, JsValue> {
    b24_offline_core::request_body(&shape::call(call.js_value())?, token).map_err(|refused| {
        let (NotSent::Network { why } | NotSent::SignInAgain { why } | NotSent::Refused { why }) =
            refused;
        named("NotSent", &why)
    })
}

/// Whether an answer says that the token has expired.
#[wasm_bindgen(js_name = isExpired)]
#[must_use]
pub fn is_expired(status: u16, body: &str) -> bool {
    b24_offline_core::is_expired(status, body)
}

/// The body of an answer without the token where it would be shown.
#[wasm_bindgen(js_name = withoutToken)]
#[must_use]
pub fn without_token(status: u16, body: &str, token: &str) -> String {
    b24_offline_core::without_token(status, body, token)
}

/// A text with every secret of 8 bytes or more replaced.
#[wasm_bindgen(js_name = withoutSecrets)]
#[must_use]
pub fn without_secrets(text: &str, secrets: Vec<String>) -> String {
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    b24_offline_core::without_secrets(text, &secrets)
}

/// The version of the core.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

fn value<T>(checked: Result<T, b24_offline_core::InvalidValue>) -> Result<T, JsValue> {
    checked.map_err(|error| named("InvalidValue", &error.to_string()))
}
