//! What every transport does with a call: the body it posts, whether the answer asks for a fresh token,
//! and what it hides. Functions without memory: no token is kept here.

use crate::input::NotSent;
use crate::json::{self, Raw};
use crate::ordered::Map;
use crate::search;
use crate::step::Call;

/// The body of a call: the parameters with `auth` and the connector beside them, on this outer call and
/// nowhere else (F24). To be posted as JSON to the portal's REST base followed by the method.
///
/// # Errors
/// [`NotSent::Refused`] when the method is no name of a method, or the parameters are no JSON object.
///
/// ```
/// use b24_offline_core::{Call, CallId, Millis, request_body};
/// let call = Call {
///     id: CallId(1),
///     method: "event.get".into(),
///     params: "{}".into(),
///     connector: None,
///     timeout: Millis::seconds(65),
/// };
/// assert_eq!(request_body(&call, "token").unwrap(), r#"{"auth":"token"}"#);
/// ```
pub fn request_body(call: &Call, token: &str) -> Result<String, NotSent> {
    if !is_method(&call.method) {
        let shown: String = call.method.chars().filter(|c| !c.is_control()).take(100).collect();
        let why = format!("'{shown}' is no name of a method");
        return Err(NotSent::Refused { why });
    }
    outer(call, token).ok_or_else(|| NotSent::Refused {
        why: "the call's parameters are not a JSON object".into(),
    })
}

fn outer(call: &Call, token: &str) -> Option<String> {
    let mut fields: Map<String, String> = Map::new();
    for (name, raw) in Raw::read(&call.params)?.map()? {
        fields.insert(name, raw.get().to_owned());
    }
    fields.insert("auth".into(), json::quoted(token));
    fields.remove("auth_connector");
    if let Some(connector) = &call.connector {
        fields.insert("auth_connector".into(), json::quoted(connector.as_str()));
    }
    let fields = fields.iter().map(|(name, value)| (name.as_str(), value.clone()));
    Some(json::object(&fields.collect::<Vec<_>>()))
}

/// Whether an answer says that the token has expired: the call was not executed, the token is to be renewed
/// once and the call repeated once (F34).
///
/// ```
/// use b24_offline_core::is_expired;
/// assert!(is_expired(401, r#"{"error":"expired_token"}"#));
/// assert!(!is_expired(401, r#"{"error":"invalid_token"}"#));
/// ```
#[must_use]
pub fn is_expired(status: u16, body: &str) -> bool {
    // a success may be large and is never one
    let refusal = || Raw::read(body)?.fields(["error"])?.first()?.as_ref()?.text();
    !(200..300).contains(&status)
        && refusal().is_some_and(|error| error.eq_ignore_ascii_case("expired_token"))
}

/// The body of an answer without the token, where it would come among words that are shown: all of what is
/// no success, and of a success its errors. Data stays as it is.
///
/// ```
/// use b24_offline_core::without_token;
/// assert_eq!(without_token(502, "<b>canary-1234</b>", "canary-1234"), "<b>…</b>");
/// ```
#[must_use]
pub fn without_token(status: u16, body: &str, token: &str) -> String {
    if !search::has(body, token) {
        return body.to_owned();
    }
    let hidden = |text: &str| without_secrets(text, &[token]);
    let success = (200..300).contains(&status).then(|| Raw::read(body)).flatten();
    let fields = success.and_then(|answer| answer.fields(["error_description", "result"]));
    let Some([description, result]) = fields else { return hidden(body) };
    let errors =
        result.and_then(|batch| batch.fields(["result_error"])).and_then(|[errors]| errors);
    // each in its place: the words of one may stand in the other, or in the data
    let mut told: Vec<&str> = [description, errors].into_iter().flatten().map(Raw::get).collect();
    // two at most: sorting as the standard library does it is four kilobytes for the browser
    if told.first().map(|part| part.as_ptr()) > told.last().map(|part| part.as_ptr()) {
        told.reverse();
    }
    let (mut shown, mut rest) = (String::with_capacity(body.len()), body);
    for part in told {
        let at = (part.as_ptr() as usize).saturating_sub(rest.as_ptr() as usize);
        let cut = rest.split_at_checked(at);
        let Some((before, after)) = cut else { return hidden(body) };
        shown.push_str(before);
        shown.push_str(&hidden(part));
        rest = after.get(part.len()..).unwrap_or_default();
    }
    shown.push_str(rest);
    shown
}

/// Replaces every secret in a text with `…`, as a portal's words may repeat what it was sent. Secrets of
/// fewer than 8 bytes are left, because they could be parts of ordinary words.
///
/// ```
/// use b24_offline_core::without_secrets;
/// assert_eq!(without_secrets("bad canary-1234 at a", &["canary-1234", "a"]), "bad … at a");
/// ```
#[must_use]
pub fn without_secrets(text: &str, secrets: &[&str]) -> String {
    secrets
        .iter()
        .filter(|secret| secret.len() >= 8)
        .fold(text.to_owned(), |text, secret| search::replaced(&text, secret, "…"))
}

/// Whether a text is a name of a method.
pub(crate) fn is_method(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_');
    !name.is_empty() && name.bytes().all(fits) && !name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{CallId, Connector};
    use crate::time::Millis;

    fn call(params: &str, connector: Option<&str>) -> Call {
        Call {
            id: CallId(1),
            method: "batch".into(),
            params: params.into(),
            connector: connector.map(|name| Connector::new(name).unwrap()),
            timeout: Millis::seconds(65),
        }
    }

    fn body(params: &str, connector: Option<&str>, token: &str) -> Option<String> {
        request_body(&call(params, connector), token).ok()
    }

    #[test]
    fn token_and_connector_stand_beside_the_parameters() {
        let body_of = body(r#"{"cmd":{"b":"x","a":"y"},"halt":0}"#, Some("w"), "t\"");
        let wanted = r#"{"auth":"t\"","auth_connector":"w","cmd":{"b":"x","a":"y"},"halt":0}"#;
        assert_eq!(body_of.as_deref(), Some(wanted));
        assert_eq!(body("{}", None, "t\"").as_deref(), Some(r#"{"auth":"t\""}"#));
    }

    #[test]
    fn a_users_own_auth_never_wins() {
        let body_of = body(r#"{"auth":"x","auth_connector":"y"}"#, None, "t");
        assert_eq!(body_of.as_deref(), Some(r#"{"auth":"t"}"#));
        assert_eq!(body("[1]", None, "t"), None);
    }

    #[test]
    fn what_is_no_name_of_a_method_is_shown_on_one_line_and_not_at_length() {
        let refused = |method: &str| {
            let call = Call { method: method.into(), ..call("{}", None) };
            request_body(&call, "t").unwrap_err()
        };
        let shown =
            |name: &str| NotSent::Refused { why: format!("'{name}' is no name of a method") };
        assert_eq!(refused("a\r\n\u{7}/b"), shown("a/b"));
        assert_eq!(refused(&"/".repeat(101)), shown(&"/".repeat(100)));
    }

    #[test]
    fn errors_lose_the_token_and_data_stays() {
        let hidden = |status, body: &str| without_token(status, body, "canary-1234");
        let page = "<html>canary-1234</html>";
        assert_eq!([200, 502].map(|status| hidden(status, page)), ["<html>…</html>"; 2]);
        let refusal = r#"{"error":"X","error_description":"no canary-1234"}"#;
        let wanted = r#"{"error":"X","error_description":"no …"}"#;
        assert_eq!([200, 403].map(|status| hidden(status, refusal)), [wanted; 2]);
        let batch =
            r#"{"result":{"result":{"a":"canary-1234"},"result_error":{"b":"canary-1234"}}}"#;
        let wanted = r#"{"result":{"result":{"a":"canary-1234"},"result_error":{"b":"…"}}}"#;
        assert_eq!(hidden(200, batch), wanted);
        // the words of one error within those of another
        let twice = r#"{"error_description":"a canary-1234","result":{"result":{"x":"a canary-1234"},"result_error":{"b":"canary-1234 \"a canary-1234\""}}}"#;
        let wanted = r#"{"error_description":"a …","result":{"result":{"x":"a canary-1234"},"result_error":{"b":"… \"a …\""}}}"#;
        assert_eq!(hidden(200, twice), wanted);
        assert_eq!(hidden(400, r#"["canary-1234"]"#), r#"["…"]"#);
        let data = r#"{"result":[{"NOTE":"canary-1234"}]}"#;
        assert_eq!(hidden(200, data), data);
    }

    #[test]
    fn methods_that_would_leave_the_base_are_refused() {
        assert!(is_method("crm.deal.list") && is_method("batch"));
        for wrong in ["", "../oauth", "//evil.example", "crm.deal.list?x", "a/b", ".x", "a%2e"] {
            assert!(!is_method(wrong), "{wrong}");
        }
    }

    #[test]
    fn only_a_refusal_counts_as_expired() {
        assert!(is_expired(401, r#"{"error":"expired_token","error_description":"x"}"#));
        assert!(is_expired(401, r#"{"error":"EXPIRED_TOKEN"}"#));
        assert!(!is_expired(200, r#"{"error":"expired_token"}"#));
        assert!(!is_expired(401, "<html>"));
    }
}
