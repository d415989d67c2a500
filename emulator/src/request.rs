//! What arrives at the portal and what leaves it.

use std::fmt;

use crate::php::Php;

/// One HTTP request.
#[derive(Clone, PartialEq)]
pub struct Request {
    /// `/rest/<method>`, `/rest/<method>.json`, `/rest/<user>/<code>/<method>` (webhook) or `/oauth/token/`.
    pub path: String,
    /// Query string and decoded body (JSON or form, see [`crate::unfold`]) in one array; the body wins.
    pub params: Php,
    /// The address it comes from: the leaky bucket is kept by address (F29).
    pub source: String,
}

impl Request {
    /// A call of a REST method: `event.offline.get` becomes the path `/rest/event.offline.get`. The token goes
    /// into `params` as `auth` (F35).
    pub fn call(method: &str, params: impl Into<Php>) -> Request {
        Request {
            path: format!("/rest/{method}"),
            params: params.into(),
            source: "127.0.0.1".to_owned(),
        }
    }

    /// A request to any path.
    pub fn to(path: &str, params: impl Into<Php>) -> Request {
        Request { path: path.to_owned(), params: params.into(), source: "127.0.0.1".to_owned() }
    }

    /// The same request from another address.
    #[must_use]
    pub fn from_address(mut self, source: &str) -> Request {
        source.clone_into(&mut self.source);
        self
    }
}

impl fmt::Debug for Request {
    /// Shows the path and the names of the parameters: tokens are among the values, a webhook's code in the path.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self
            .params
            .as_array()
            .map(|array| array.iter().map(|(key, _)| key.text()).collect())
            .unwrap_or_default();
        let method = self.path.rsplit('/').next().unwrap_or_default();
        write!(formatter, "Request({method} {names:?} from {})", self.source)
    }
}

/// What becomes of a request.
#[derive(Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A complete HTTP answer.
    Answer {
        /// The HTTP status.
        status: u16,
        /// `application/json; charset=utf-8` or `text/html; charset=UTF-8`.
        content_type: &'static str,
        /// The body.
        body: String,
        /// Milliseconds between the request and the answer: run time of the methods and injected delay.
        delay_ms: u64,
    },
    /// The connection ends within the body: the headers declare more bytes than come.
    CutBody {
        /// The HTTP status.
        status: u16,
        /// As in [`Outcome::Answer`].
        content_type: &'static str,
        /// The bytes that come.
        sent: Vec<u8>,
        /// The length that the headers declare.
        declared: usize,
        /// As in [`Outcome::Answer`].
        delay_ms: u64,
    },
    /// A well-formed JSON answer of this many bytes, to be streamed: `{"result":"aaa…"}`.
    Giant {
        /// The length of the body.
        bytes: u64,
        /// As in [`Outcome::Answer`].
        delay_ms: u64,
    },
    /// No answer comes: the connection is dropped, or hangs until the client gives up.
    NoAnswer {
        /// Whether the portal has executed the request by now; it may still execute it later.
        executed: bool,
        /// Milliseconds after which the connection is dropped.
        hang_ms: u64,
    },
    /// The connection is refused: the request was surely not executed.
    Refused,
}

impl Outcome {
    /// The JSON of a complete answer, if there is one.
    pub fn json(&self) -> Option<serde_json::Value> {
        if let Outcome::Answer { body, .. } = self { serde_json::from_str(body).ok() } else { None }
    }

    /// The HTTP status, if there is one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Outcome::Answer { status, .. } | Outcome::CutBody { status, .. } => Some(*status),
            Outcome::Giant { .. } => Some(200),
            Outcome::NoAnswer { .. } | Outcome::Refused => None,
        }
    }
}

impl fmt::Debug for Outcome {
    /// Shows the body of an answer unless it holds tokens.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Answer { status, body, delay_ms, .. } => {
                let body = if body.contains("\"access_token\"") { "(tokens)" } else { body };
                write!(formatter, "Answer({status} {body} after {delay_ms} ms)")
            }
            Outcome::CutBody { status, sent, declared, .. } => {
                write!(formatter, "CutBody({status}, {} of {declared} bytes)", sent.len())
            }
            Outcome::Giant { bytes, .. } => write!(formatter, "Giant({bytes} bytes)"),
            Outcome::NoAnswer { executed, hang_ms } => {
                write!(formatter, "NoAnswer(executed: {executed}, after {hang_ms} ms)")
            }
            Outcome::Refused => formatter.write_str("Refused"),
        }
    }
}
