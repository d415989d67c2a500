//! Reading answers: the envelope, errors and their meaning, and the parts of a batch (F32, F33).

use crate::input::Lost;
use crate::json::{Broken, Raw};
use crate::ordered::Map;
use crate::search::has;
use crate::time::{Millis, Timestamp};

/// The deepest nesting taken.
const MOST_DEPTH: usize = 64;

/// What a whole answer says.
#[derive(Debug)]
pub(crate) enum Answered<'a> {
    /// The call was executed.
    Result { result: Raw<'a>, timing: Timing },
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

/// The figures that come with an answer; zero where there is none that can be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Timing {
    pub(crate) duration: Millis,
    /// So long the method has run within ten minutes.
    pub(crate) operating: Millis,
    pub(crate) operating_reset_at: Timestamp,
    /// The portal's clock when it began.
    pub(crate) started: Timestamp,
}

impl Timing {
    fn read(raw: Raw<'_>) -> Timing {
        let names = ["duration", "operating", "operating_reset_at", "start"];
        let [duration, operating, resets, started] = raw.fields(names).unwrap_or_default();
        let millis = |raw: Option<Raw<'_>>| raw.and_then(Raw::millis).unwrap_or_default();
        Timing {
            duration: Millis(millis(duration)),
            operating: Millis(millis(operating)),
            operating_reset_at: Timestamp(millis(resets)),
            started: Timestamp(millis(started)),
        }
    }
}

/// Reads a whole answer.
pub(crate) fn read(status: u16, body: &str) -> Answered<'_> {
    if (300..400).contains(&status) {
        return Answered::Moved;
    }
    let lost = |why: String| Answered::Lost { how: Lost::NotThePortal, why };
    let raw = match Raw::within(body, MOST_DEPTH) {
        Err(Broken::TooDeep) => return lost("an answer nested deeper than 64 levels".into()),
        Err(Broken::NoJson) => None,
        Ok(raw) => Some(raw),
    };
    let names = ["result", "error", "error_description", "time"];
    let Some(fields) = raw.and_then(|raw| raw.fields(names)) else {
        return lost(format!("HTTP {status} with something that is not a portal's JSON"));
    };
    let [result, error, description, time] = fields.map(|field| field.filter(|raw| !raw.is_null()));
    if let Some(code) = error {
        return Answered::Error(api_error(code, description));
    }
    match result {
        Some(result) if (200..300).contains(&status) => {
            let timing = time.map(Timing::read).unwrap_or_default();
            Answered::Result { result, timing }
        }
        _ => lost(format!("HTTP {status} without a result")),
    }
}

/// Words of the portal's; what is no text is shown as it is.
fn words(raw: Option<Raw<'_>>) -> String {
    let Some(raw) = raw.filter(|raw| !raw.is_null()) else { return String::new() };
    let text = if raw.get().starts_with('"') { raw.text() } else { Some(raw.get().to_owned()) };
    text.unwrap_or_default().chars().take(300).collect()
}

fn api_error(code: Raw<'_>, description: Option<Raw<'_>>) -> ApiError {
    let (code, description) = (words(Some(code)), words(description));
    let class = classify(&code.to_ascii_uppercase(), &lower_case(&description));
    ApiError { code, description, class }
}

/// In lower case, as far as a portal's words and connectors go: Latin, Greek and Cyrillic letters.
pub(crate) fn lower_case(text: &str) -> String {
    let lower = |c: char| {
        let code = u32::from(c);
        let lower = match c {
            'A'..='Z' | 'À'..='Ö' | 'Ø'..='Þ' | 'Α'..='Ρ' | 'Σ'..='Ϋ' | 'А'..='Я' => {
                code + 32
            }
            'Ѐ'..='Џ' => code + 80,
            'Ά' => code + 38,
            'Έ'..='Ί' => code + 37,
            'Ό' => code + 64,
            'Ύ' | 'Ώ' => code + 63,
            // the same letter at the end of a word
            'ς' => code + 1,
            // a capital, and its small letter behind it: Latin, Cyrillic, Vietnamese
            '\u{100}'..='\u{12f}'
            | '\u{132}'..='\u{137}'
            | '\u{14a}'..='\u{177}'
            | '\u{460}'..='\u{481}'
            | '\u{48a}'..='\u{4bf}'
            | '\u{4d0}'..='\u{52f}'
            | '\u{1ea0}'..='\u{1eff}' => code | 1,
            '\u{139}'..='\u{148}' | '\u{179}'..='\u{17e}' | '\u{4c1}'..='\u{4ce}' => {
                (code + 1) & !1
            }
            'Ÿ' => code - 121,
            _ => code,
        };
        char::from_u32(lower).unwrap_or(c)
    };
    text.chars().map(lower).collect()
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
        _ if has(description, "already binded") || has(description, "already bound") => {
            Class::AlreadyBound
        }
        _ if has(code, "NOT_FOUND") || says_not_found(description) => Class::NotFound,
        _ => Class::Other,
    }
}

/// The methods say it in words of their own, often with an empty code (F33).
fn says_not_found(description: &str) -> bool {
    ["not found", "not_found", "does not exist", "не найден"]
        .iter()
        .any(|words| has(description, words))
}

/// One sub-call of a batch.
#[derive(Debug)]
pub(crate) enum SubAnswer<'a> {
    Result {
        result: Raw<'a>,
        total: Option<u64>,
    },
    Error(ApiError),
    /// The batch says nothing of it: it died before, or cut it.
    Missing,
}

/// The parts of a batch's answer.
#[derive(Debug, Default)]
pub(crate) struct BatchAnswer<'a> {
    results: Map<String, Raw<'a>>,
    errors: Map<String, Raw<'a>>,
    totals: Map<String, Raw<'a>>,
    times: Map<String, Raw<'a>>,
}

impl<'a> BatchAnswer<'a> {
    /// `None` when the shape is not a batch's.
    pub(crate) fn read(result: Raw<'a>) -> Option<BatchAnswer<'a>> {
        let names = ["result", "result_error", "result_total", "result_time"];
        let [results, errors, totals, times] = result.fields(names)?;
        if results.is_none() && errors.is_none() {
            return None;
        }
        let part = |raw: Option<Raw<'a>>| raw.map_or_else(|| Some(Map::new()), php_map);
        Some(BatchAnswer {
            results: part(results)?,
            errors: part(errors)?,
            totals: part(totals).unwrap_or_default(),
            times: part(times).unwrap_or_default(),
        })
    }

    pub(crate) fn get(&self, name: &str) -> SubAnswer<'a> {
        if let Some(raw) = self.errors.get(name) {
            return SubAnswer::Error(sub_error(*raw));
        }
        let total = self.totals.get(name).and_then(|raw| raw.number());
        match self.results.get(name) {
            Some(result) => SubAnswer::Result { result: *result, total },
            None => SubAnswer::Missing,
        }
    }

    pub(crate) fn timing(&self, name: &str) -> Option<Timing> {
        self.times.get(name).map(|raw| Timing::read(*raw))
    }
}

fn sub_error(raw: Raw<'_>) -> ApiError {
    let fields = raw.fields(["error", "error_description"]);
    match fields.map(|fields| fields.map(|field| field.filter(|raw| !raw.is_null()))) {
        Some([Some(code), description]) => api_error(code, description),
        _ => ApiError { code: String::new(), description: words(Some(raw)), class: Class::Other },
    }
}

/// A map, or what PHP makes of an empty one.
pub(crate) fn php_map(raw: Raw<'_>) -> Option<Map<String, Raw<'_>>> {
    if raw.is_object() { raw.map() } else { is_php_empty(raw).then(Map::new) }
}

/// Fields of a map that may be what PHP makes of an empty one; `None` for another shape.
pub(crate) fn php_fields<'a, const N: usize>(
    raw: Raw<'a>,
    names: [&str; N],
) -> Option<[Option<Raw<'a>>; N]> {
    raw.fields(names).or_else(|| is_php_empty(raw).then_some([None; N]))
}

/// A list, or what PHP makes of one whose numbering has gaps; its order is that of the numbers as texts.
pub(crate) fn php_list(raw: Raw<'_>) -> Option<Vec<Raw<'_>>> {
    if raw.is_object() {
        let map = raw.map()?;
        let numbered = map.keys().all(|name| name.bytes().all(|b| b.is_ascii_digit()));
        return numbered.then(|| map.into_values().collect());
    }
    raw.list().or_else(|| is_php_empty(raw).then(Vec::new))
}

fn is_php_empty(raw: Raw<'_>) -> bool {
    matches!(raw.get(), "null" | "false") || raw.list().is_some_and(|list| list.is_empty())
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
        let raw = Raw::read(r#"{"0":1,"2":3}"#).unwrap();
        assert_eq!(php_list(raw).unwrap().len(), 2);
    }

    #[test]
    fn letters_of_the_portals_languages_have_a_lower_case() {
        let letters = ('\0'..'\u{180}').chain('\u{380}'..'\u{3d0}').chain('\u{400}'..'\u{530}');
        // letters whose lower case is another one's, or more than one
        let others = ['İ', 'ς', 'Ϗ', 'Ӏ', 'ẞ'];
        for c in letters.chain('\u{1ea0}'..'\u{1f00}').filter(|c| !others.contains(c)) {
            assert_eq!(lower_case(&c.to_string()), c.to_lowercase().to_string(), "{c}");
        }
        assert_eq!(lower_case("ΣΑΣ"), lower_case("σας"));
    }

    #[test]
    fn a_batch_of_another_shape_is_none() {
        for body in [r#""text""#, "[1]", r#"{"x":1}"#, r#"{"result":"x"}"#, "7"] {
            let raw = Raw::read(body).unwrap();
            assert!(BatchAnswer::read(raw).is_none(), "{body}");
        }
    }
}
