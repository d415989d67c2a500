//! Sends the machine's calls and says what became of them.

use std::future::Future;
use std::time::Duration;

use b24_offline_core::{Call, Lost, NotSent, Reply, is_expired, request_body, without_token};
use reqwest::Client;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::auth::{AuthError, AuthSource};
use crate::http::{HttpError, HttpSettings, body, cause};
use crate::secret::Secret;

/// How long the end of a run waits for a renewal that is under way.
const RENEWAL_GRACE: Duration = Duration::from_secs(10);

/// Sends a call and tells the machine what became of it.
///
/// Whoever implements it repeats nothing by itself, follows no redirect, and answers
/// [`Reply::NotSent`] only when the portal surely did not execute the call: in doubt it is
/// [`Reply::Unknown`].
pub trait Transport: Send + Sync + 'static {
    /// Sends it. Several calls are open at once; dropping the future abandons the call.
    fn send(&self, call: &Call) -> impl Future<Output = Reply> + Send;

    /// Called once, when the run has ended and its open calls are abandoned: what must not be cut off
    /// is waited for. Nothing by default.
    fn finish(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
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
        let body = match request_body(call, token.reveal()) {
            Ok(body) => body,
            Err(why) => return Reply::NotSent(why),
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
            Ok(Ok(body)) => answer(status, &body, token),
            // an error page in another encoding says as much as one in UTF-8
            Ok(Err(error)) if !(200..300).contains(&status) => {
                let body = String::from_utf8_lossy(error.as_bytes()).into_owned();
                answer(status, &body, token)
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
    async fn finish(&self) {
        // a token endpoint that hangs for longer may cost a sign-in
        let _ = tokio::time::timeout(RENEWAL_GRACE, self.auth.settled()).await;
    }

    async fn send(&self, call: &Call) -> Reply {
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

fn answer(status: u16, body: &str, token: &Secret) -> Reply {
    Reply::Answer { status, body: without_token(status, body, token.reveal()) }
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
