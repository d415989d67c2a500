//! Sends the machine's calls and says what became of them.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use b24_offline_core::{Call, Lost, NotSent, Reply};
use reqwest::Client;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::auth::{AuthError, AuthSource};
use crate::http::{HttpError, HttpSettings, body, cause};
use crate::secret::{Secret, without};

/// Sends a call and tells the machine what became of it.
///
/// Whoever implements it repeats nothing by itself, follows no redirect, and answers
/// [`Reply::NotSent`] only when the portal surely did not execute the call: in doubt it is
/// [`Reply::Unknown`].
pub trait Transport: Send + Sync + 'static {
    /// Sends it. Several calls are open at once; dropping the future abandons the call.
    fn send(&self, call: &Call) -> impl Future<Output = Reply> + Send;
}

/// HTTP with the token of an [`AuthSource`]: JSON posted to the portal's REST base.
///
/// An `expired_token` is met by one renewal, shared by all open calls, and one repeat (F34).
#[derive(Debug)]
pub struct HttpTransport<A> {
    auth: A,
    client: Client,
    max_answer: u64,
    /// The token whose renewal was refused, and the words.
    refused: Mutex<Option<(Secret, String)>>,
}

impl<A: AuthSource> HttpTransport<A> {
    /// A transport with a pool of connections of its own.
    ///
    /// # Errors
    /// [`HttpError`] when the certificate authorities can't be used.
    pub fn new(auth: A, http: &HttpSettings) -> Result<HttpTransport<A>, HttpError> {
        let client = http.client(auth.base_url())?;
        Ok(HttpTransport { auth, client, max_answer: http.max_answer, refused: Mutex::new(None) })
    }

    async fn post(&self, call: &Call, token: &Secret, until: Instant) -> Reply {
        let Some(body) = outer(call, token) else {
            return refused("the call's parameters are not a JSON object");
        };
        let Ok(url) = self.auth.base_url().join(&call.method) else {
            return refused("the method does not fit behind the endpoint");
        };
        let request = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .timeout(until.saturating_duration_since(Instant::now()))
            .body(body)
            .send();
        let response = match request.await {
            Ok(response) => response,
            Err(error) if error.is_connect() || error.is_builder() => {
                let why = cause(&error.without_url());
                let why = format!("the portal can't be reached ({why})");
                return Reply::NotSent(NotSent::Network { why });
            }
            Err(error) if error.is_timeout() => return unknown(Lost::TimedOut),
            Err(_) => return unknown(Lost::Broken),
        };
        let status = response.status().as_u16();
        match self::body(response, self.max_answer).await.map(String::from_utf8) {
            Ok(Ok(body)) => Reply::Answer { status, body: redacted(status, body, token) },
            // an error page in another encoding says as much as one in UTF-8
            Ok(Err(error)) if !(200..300).contains(&status) => {
                let body = String::from_utf8_lossy(error.as_bytes()).into_owned();
                Reply::Answer { status, body: redacted(status, body, token) }
            }
            Ok(Err(_)) => unknown(Lost::Broken),
            Err(lost) => unknown(lost),
        }
    }

    /// A token in place of a stale one; one renewal serves all calls that wait here.
    async fn renewed(&self, stale: &Secret) -> Result<Secret, AuthError> {
        let mut refused = self.refused.lock().await;
        let current = self.auth.token().await?;
        if current != *stale {
            return Ok(current);
        }
        if let Some((_, why)) = refused.as_ref().filter(|(token, _)| token == stale) {
            return Err(AuthError::SignInAgain { why: why.clone() });
        }
        match self.auth.refresh().await {
            Ok(()) => self.auth.token().await,
            Err(AuthError::SignInAgain { why }) => {
                *refused = Some((current, why.clone()));
                Err(AuthError::SignInAgain { why })
            }
            Err(error) => Err(error),
        }
    }
}

impl<A: AuthSource> Transport for HttpTransport<A> {
    async fn send(&self, call: &Call) -> Reply {
        if !is_method(&call.method) {
            return refused(&format!("'{}' is no name of a method", call.method.escape_debug()));
        }
        let until = Instant::now() + Duration::from_millis(call.timeout.0);
        let token = match self.auth.token().await {
            Ok(token) => token,
            Err(error) => return not_sent(error),
        };
        let first = self.post(call, &token, until).await;
        match &first {
            Reply::Answer { status, body } if is_expired(*status, body) => {}
            Reply::Answer { .. } | Reply::NotSent(_) | Reply::Unknown { .. } => return first,
        }
        // refused for its token, the call was not executed
        match timeout_at(until, self.renewed(&token)).await {
            Ok(Ok(token)) => self.post(call, &token, until).await,
            Ok(Err(error)) => not_sent(error),
            Err(_) => {
                let why = "the renewal of the token took too long".to_owned();
                Reply::NotSent(NotSent::Network { why })
            }
        }
    }
}

fn refused(why: &str) -> Reply {
    Reply::NotSent(NotSent::Refused { why: why.into() })
}

fn unknown(why: Lost) -> Reply {
    Reply::Unknown { why }
}

fn not_sent(error: AuthError) -> Reply {
    Reply::NotSent(match error {
        AuthError::Network { why } => NotSent::Network { why },
        AuthError::SignInAgain { why } => NotSent::SignInAgain { why },
    })
}

/// The body of the outer call: the parameters, with `auth` and the connector beside them (F24).
fn outer(call: &Call, token: &Secret) -> Option<String> {
    let mut fields = object(&call.params)?;
    let auth = serde_json::value::to_raw_value(token.reveal()).ok()?;
    let connector = serde_json::value::to_raw_value(&call.connector).ok()?;
    fields.insert("auth".into(), &auth);
    fields.remove("auth_connector");
    if call.connector.is_some() {
        fields.insert("auth_connector".into(), &connector);
    }
    serde_json::to_string(&fields).ok()
}

/// The body without the token, where it would come among words that are shown: all of what is no
/// success, and of a success its errors. Data stays as it is.
fn redacted(status: u16, body: String, token: &Secret) -> String {
    if !body.contains(token.reveal()) {
        return body;
    }
    let secrets = std::slice::from_ref(token);
    let success = (200..300).contains(&status).then(|| object(&body)).flatten();
    let Some(answer) = success else { return without(&body, secrets) };
    let batch = answer.get("result").and_then(|result| object(result.get()));
    let errors = batch.as_ref().and_then(|batch| batch.get("result_error"));
    let told = [answer.get("error_description"), errors];
    told.into_iter()
        .flatten()
        .fold(body.clone(), |body, told| body.replace(told.get(), &without(told.get(), secrets)))
}

fn object(text: &str) -> Option<BTreeMap<String, &RawValue>> {
    serde_json::from_str(text).ok()
}

fn is_method(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_');
    !name.is_empty() && name.bytes().all(fits) && !name.starts_with('.')
}

fn is_expired(status: u16, body: &str) -> bool {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    // a success may be large and is never one
    !(200..300).contains(&status)
        && serde_json::from_str::<Refusal>(body)
            .is_ok_and(|refusal| refusal.error.eq_ignore_ascii_case("expired_token"))
}

#[cfg(test)]
mod tests {
    use b24_offline_core::{CallId, Connector, Millis};

    use super::*;

    fn call(params: &str, connector: Option<&str>) -> Call {
        Call {
            id: CallId(1),
            method: "batch".into(),
            params: params.into(),
            connector: connector.map(|name| Connector::new(name).unwrap()),
            timeout: Millis::seconds(65),
        }
    }

    #[test]
    fn token_and_connector_stand_beside_the_parameters() {
        let token = Secret::new("t\"");
        let body = outer(&call(r#"{"cmd":{"b":"x","a":"y"},"halt":0}"#, Some("w")), &token);
        let wanted = r#"{"auth":"t\"","auth_connector":"w","cmd":{"b":"x","a":"y"},"halt":0}"#;
        assert_eq!(body.as_deref(), Some(wanted));
        let body = outer(&call("{}", None), &token);
        assert_eq!(body.as_deref(), Some(r#"{"auth":"t\""}"#));
    }

    #[test]
    fn a_users_own_auth_never_wins() {
        let body = outer(&call(r#"{"auth":"x","auth_connector":"y"}"#, None), &Secret::new("t"));
        assert_eq!(body.as_deref(), Some(r#"{"auth":"t"}"#));
        assert_eq!(outer(&call("[1]", None), &Secret::new("t")), None);
    }

    #[test]
    fn errors_lose_the_token_and_data_stays() {
        let token = Secret::new("canary-1234");
        let redacted = |status, body: &str| redacted(status, body.to_owned(), &token);
        let page = "<html>canary-1234</html>";
        assert_eq!([200, 502].map(|status| redacted(status, page)), ["<html>…</html>"; 2]);
        let refusal = r#"{"error":"X","error_description":"no canary-1234"}"#;
        let wanted = r#"{"error":"X","error_description":"no …"}"#;
        assert_eq!([200, 403].map(|status| redacted(status, refusal)), [wanted; 2]);
        let batch =
            r#"{"result":{"result":{"a":"canary-1234"},"result_error":{"b":"canary-1234"}}}"#;
        let wanted = r#"{"result":{"result":{"a":"canary-1234"},"result_error":{"b":"…"}}}"#;
        assert_eq!(redacted(200, batch), wanted);
        assert_eq!(redacted(400, r#"["canary-1234"]"#), r#"["…"]"#);
        let data = r#"{"result":[{"NOTE":"canary-1234"}]}"#;
        assert_eq!(redacted(200, data), data);
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
        assert!(!is_expired(401, r#"{"error":"invalid_token"}"#));
        assert!(!is_expired(401, "<html>"));
    }
}
