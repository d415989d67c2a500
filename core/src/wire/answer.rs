//! Reading answers: the envelope, errors and their meaning, and the parts of a batch (F32, F33).

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

use crate::input::Lost;

/// The deepest nesting taken.
const MOST_DEPTH: usize = 64;

/// What a whole answer says.
#[derive(Debug)]
pub(crate) enum Answered<'a> {
    /// The call was executed.
    Result { result: &'a RawValue, timing: Timing },
    /// The portal refused.
    Error(ApiError),
    /// Something else answered, or the answer is broken: perhaps executed.
    Lost { how: Lost, why: String },
    /// A redirect: the portal was renamed.
    Moved,
}

/// An error of the portal's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) code: String,
    pub(crate) description: String,
    pub(crate) class: Class,
}

/// What an error means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The token has expired and the transport's one refresh has not helped.
    Expired,
    SignIn,
    Webhook,
    Licence,
    NotAdministrator,
    Scope,
    PortalGone,
    /// The bucket is full: not executed (F29).
    Bucket,
    /// The method's operating time is used up: not executed (F30).
    Operating,
    /// A failure inside the portal: perhaps executed.
    Server,
    NotFound,
    UnknownEvent,
    AlreadyBound,
    NoSuchMethod,
    Other,
}

impl Class {
    /// Surely not executed, and worth asking again later.
    pub(crate) fn is_passing(self) -> bool {
        matches!(self, Class::Expired | Class::Bucket | Class::Operating)
    }
}

/// The figures that come with an answer.
#[derive(Debug, Clone, Copy, Default, Deserialize, PartialEq)]
pub(crate) struct Timing {
    #[serde(default, deserialize_with = "lenient_number")]
    pub(crate) duration: f64,
    #[serde(default, deserialize_with = "lenient_number")]
    pub(crate) operating_reset_at: f64,
}

fn lenient_number<'de, D: serde::Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let value = Value::deserialize(from)?;
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    Ok(number.filter(|number| number.is_finite() && *number >= 0.0).unwrap_or(0.0))
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error_description: Option<&'a RawValue>,
    #[serde(borrow, default)]
    time: Option<&'a RawValue>,
}

/// Reads a whole answer.
pub(crate) fn read(status: u16, body: &str) -> Answered<'_> {
    if (300..400).contains(&status) {
        return Answered::Moved;
    }
    let lost = |why: String| Answered::Lost { how: Lost::NotThePortal, why };
    if too_deep(body) {
        return lost("an answer nested deeper than 64 levels".into());
    }
    // serde would read a list into a struct as well
    let is_map = body.trim_start().starts_with('{');
    let envelope = serde_json::from_str::<Envelope<'_>>(body).ok().filter(|_| is_map);
    let Some(envelope) = envelope else {
        return lost(format!("HTTP {status} with something that is not a portal's JSON"));
    };
    if let Some(code) = envelope.error.filter(|error| error.get() != "null") {
        return Answered::Error(api_error(code, envelope.error_description));
    }
    match envelope.result {
        Some(result) if (200..300).contains(&status) => {
            let timing = envelope.time.and_then(|time| serde_json::from_str(time.get()).ok());
            Answered::Result { result, timing: timing.unwrap_or_default() }
        }
        _ => lost(format!("HTTP {status} without a result")),
    }
}

fn text_of(raw: Option<&RawValue>) -> String {
    match raw.and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok()) {
        Some(Value::String(text)) => text.chars().take(300).collect(),
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string().chars().take(300).collect(),
    }
}

fn api_error(code: &RawValue, description: Option<&RawValue>) -> ApiError {
    let (code, description) = (text_of(Some(code)), text_of(description));
    let class = classify(&code.to_ascii_uppercase(), &description.to_lowercase());
    ApiError { code, description, class }
}

fn classify(code: &str, description: &str) -> Class {
    match code {
        "EXPIRED_TOKEN" => Class::Expired,
        "INVALID_TOKEN"
        | "NO_AUTH_FOUND"
        | "INVALID_CREDENTIALS"
        | "APPLICATION_NOT_FOUND"
        | "INVALID_GRANT"
        | "INVALID_CLIENT" => Class::SignIn,
        "WRONG_AUTH_TYPE" => Class::Webhook,
        "WRONG_LICENSE" | "ACCESS_DENIED_LICENSE" => Class::Licence,
        "INSUFFICIENT_SCOPE" => Class::Scope,
        "ACCESS_DENIED" | "USER_ACCESS_ERROR" | "ALLOWED_ONLY_INTRANET_USER" => {
            Class::NotAdministrator
        }
        "PORTAL_DELETED" => Class::PortalGone,
        "QUERY_LIMIT_EXCEEDED" | "OVERLOAD_LIMIT" => Class::Bucket,
        "OPERATION_TIME_LIMIT" => Class::Operating,
        "INTERNAL_SERVER_ERROR" | "ERROR_UNEXPECTED_ANSWER" => Class::Server,
        "ERROR_METHOD_NOT_FOUND" => Class::NoSuchMethod,
        "ERROR_EVENT_NOT_FOUND" => Class::UnknownEvent,
        _ if description.contains("already binded") || description.contains("already bound") => {
            Class::AlreadyBound
        }
        _ if code.contains("NOT_FOUND") || says_not_found(description) => Class::NotFound,
        _ => Class::Other,
    }
}

/// The methods say it in words of their own, often with an empty code (F33).
fn says_not_found(description: &str) -> bool {
    ["not found", "not_found", "does not exist", "не найден"]
        .iter()
        .any(|words| description.contains(words))
}

/// One sub-call of a batch.
#[derive(Debug)]
pub(crate) enum SubAnswer<'a> {
    Result {
        result: &'a RawValue,
        total: Option<u64>,
    },
    Error(ApiError),
    /// The batch says nothing of it: it died before, or cut it.
    Missing,
}

/// The parts of a batch's answer.
#[derive(Debug, Default)]
pub(crate) struct BatchAnswer<'a> {
    results: BTreeMap<String, &'a RawValue>,
    errors: BTreeMap<String, &'a RawValue>,
    totals: BTreeMap<String, &'a RawValue>,
    times: BTreeMap<String, &'a RawValue>,
}

impl<'a> BatchAnswer<'a> {
    /// `None` when the shape is not a batch's.
    pub(crate) fn read(result: &'a RawValue) -> Option<BatchAnswer<'a>> {
        let mut parts = php_map(result)?;
        let part = |parts: &mut BTreeMap<String, &'a RawValue>, name| match parts.remove(name) {
            None => Some(BTreeMap::new()),
            Some(raw) => php_map(raw),
        };
        if !parts.contains_key("result") && !parts.contains_key("result_error") {
            return None;
        }
        Some(BatchAnswer {
            results: part(&mut parts, "result")?,
            errors: part(&mut parts, "result_error")?,
            totals: part(&mut parts, "result_total").unwrap_or_default(),
            times: part(&mut parts, "result_time").unwrap_or_default(),
        })
    }

    pub(crate) fn get(&self, name: &str) -> SubAnswer<'a> {
        if let Some(raw) = self.errors.get(name) {
            return SubAnswer::Error(sub_error(raw));
        }
        let total = self.totals.get(name).and_then(|raw| {
            let value: Value = serde_json::from_str(raw.get()).ok()?;
            value.as_u64().or_else(|| value.as_str()?.parse().ok())
        });
        match self.results.get(name) {
            Some(result) => SubAnswer::Result { result, total },
            None => SubAnswer::Missing,
        }
    }

    pub(crate) fn timing(&self, name: &str) -> Option<Timing> {
        serde_json::from_str(self.times.get(name)?.get()).ok()
    }
}

fn sub_error(raw: &RawValue) -> ApiError {
    match serde_json::from_str::<Envelope<'_>>(raw.get()) {
        Ok(Envelope { error: Some(code), error_description, .. }) => {
            api_error(code, error_description)
        }
        _ => ApiError { code: String::new(), description: text_of(Some(raw)), class: Class::Other },
    }
}

/// A map, or what PHP makes of an empty one.
pub(crate) fn php_map(raw: &RawValue) -> Option<BTreeMap<String, &RawValue>> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{') => serde_json::from_str(text).ok(),
        Some(b'[') => {
            let list: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            list.is_empty().then(BTreeMap::new)
        }
        _ => (text == "null" || text == "false").then(BTreeMap::new),
    }
}

/// A list, or what PHP makes of one whose numbering has gaps; a map's order is that of its text.
pub(crate) fn php_list(raw: &RawValue) -> Option<Vec<&RawValue>> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'[') => serde_json::from_str(text).ok(),
        Some(b'{') => {
            let map: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
            let numbered = map.keys().all(|name| name.bytes().all(|b| b.is_ascii_digit()));
            numbered.then(|| map.into_values().collect())
        }
        _ => (text == "null" || text == "false").then(Vec::new),
    }
}

/// Looks at brackets only, so that a hostile answer costs nothing but its length.
fn too_deep(body: &str) -> bool {
    let mut depth = 0usize;
    let mut in_text = false;
    let mut escaped = false;
    for byte in body.bytes() {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > MOST_DEPTH {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(body: &str) -> Class {
        let Answered::Error(error) = read(400, body) else { panic!("{body} is no error") };
        error.class
    }

    #[test]
    fn errors_are_known_in_any_case_and_with_an_empty_code() {
        assert_eq!(class(r#"{"error":"expired_token"}"#), Class::Expired);
        assert_eq!(class(r#"{"error":"","error_description":"Not found"}"#), Class::NotFound);
        assert_eq!(class(r#"{"error":"","error_description":"Access denied"}"#), Class::Other);
        assert_eq!(
            class(r#"{"error":1021,"error_description":"Booking not found"}"#),
            Class::NotFound
        );
        assert_eq!(class(r#"{"error":"query_limit_exceeded"}"#), Class::Bucket);
        let bound = "Unable to set event handler: Handler already binded";
        let body = format!(r#"{{"error":"ERROR_CORE","error_description":"{bound}"}}"#);
        assert_eq!(class(&body), Class::AlreadyBound);
    }

    #[test]
    fn what_is_not_the_portals_is_lost_and_a_redirect_is_moved() {
        for (status, body) in
            [(200, "<html>"), (502, "<html>"), (200, "{}"), (200, ""), (500, r#"{"result":1}"#)]
        {
            assert!(matches!(read(status, body), Answered::Lost { .. }), "{status} {body}");
        }
        assert!(matches!(read(302, ""), Answered::Moved));
        let deep = format!(r#"{{"result":{}1{}}}"#, "[".repeat(80), "]".repeat(80));
        assert!(matches!(read(200, &deep), Answered::Lost { .. }));
    }

    #[test]
    fn phps_empty_maps_are_lists_and_gappy_lists_are_maps() {
        let body =
            r#"{"result":{"result":[],"result_error":{"a":{"error":"X"}},"result_total":[]}}"#;
        let Answered::Result { result, .. } = read(200, body) else { panic!() };
        let batch = BatchAnswer::read(result).unwrap();
        assert!(matches!(batch.get("a"), SubAnswer::Error(_)));
        assert!(matches!(batch.get("b"), SubAnswer::Missing));
        let raw: &RawValue = serde_json::from_str(r#"{"0":1,"2":3}"#).unwrap();
        assert_eq!(php_list(raw).unwrap().len(), 2);
    }

    #[test]
    fn a_batch_of_another_shape_is_none() {
        for body in [r#""text""#, "[1]", r#"{"x":1}"#, r#"{"result":"x"}"#, "7"] {
            let raw: &RawValue = serde_json::from_str(body).unwrap();
            assert!(BatchAnswer::read(raw).is_none(), "{body}");
        }
    }
}
