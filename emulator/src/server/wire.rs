//! HTTP on one side, the model's requests and outcomes on the other.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    CONTENT_LENGTH, CONTENT_TYPE,
};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};
use hyper::body::{Frame, SizeHint};
use tokio::time::sleep;

use super::connection::DropConnection;
use crate::php::{Php, PhpArray, unfold};
use crate::request::Outcome;

/// The longest body of a request that is read, in bytes.
pub(super) const LONGEST_BODY: usize = 32 * 1024 * 1024;

/// The parameters of a request as the portal sees them: the query string, then the body over it.
///
/// A body is JSON if its content type says so and a form otherwise; JSON that does not parse is no parameters at
/// all, and more than `most` variables of a form are cut, as the portal's server does.
pub(super) fn parameters(uri: &Uri, headers: &HeaderMap, body: &[u8], most: usize) -> Php {
    let mut merged = PhpArray::new();
    merge(&mut merged, unfold(uri.query().unwrap_or_default(), most));
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
    if content_type.contains("json") {
        merge(&mut merged, serde_json::from_slice(body).unwrap_or_default());
    } else if !body.is_empty() {
        merge(&mut merged, unfold(&String::from_utf8_lossy(body), most));
    }
    Php::Array(merged)
}

fn merge(into: &mut PhpArray, from: Php) {
    if let Php::Array(from) = from {
        for (key, value) in from.iter() {
            into.set(key.clone(), value.clone());
        }
    }
}

/// A path without doubled slashes, which the portal's server merges as well: some clients write
/// `/rest//event.bind`.
pub(super) fn merged_slashes(path: &str) -> String {
    let mut merged = String::with_capacity(path.len());
    for letter in path.chars() {
        if letter != '/' || !merged.ends_with('/') {
            merged.push(letter);
        }
    }
    merged
}

/// Carries an outcome out: waits as long as it says, then answers or has the connection dropped.
pub(super) async fn respond(outcome: Outcome) -> Response<Body> {
    match outcome {
        Outcome::Answer { status, content_type, body, delay_ms } => {
            wait(delay_ms).await;
            response(status, content_type, Body::from(body))
        }
        Outcome::CutBody { status, content_type, sent, declared, delay_ms } => {
            wait(delay_ms).await;
            let body = Body::new(Cut { rest: Some(Bytes::from(sent)), flushed: false });
            let mut response = response(status, content_type, body);
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(declared));
            response
        }
        Outcome::Giant { bytes, delay_ms } => {
            wait(delay_ms).await;
            response(200, "application/json; charset=utf-8", Body::new(Giant::new(bytes)))
        }
        Outcome::NoAnswer { hang_ms, .. } => {
            wait(hang_ms).await;
            dropped()
        }
        Outcome::Refused => dropped(),
    }
}

async fn wait(milliseconds: u64) {
    if milliseconds > 0 {
        sleep(Duration::from_millis(milliseconds)).await;
    }
}

fn response(status: u16, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn dropped() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(DropConnection);
    response
}

/// Adds what a browser needs to read the answer from another origin (F35): any origin, and no other headers than
/// origin, content-type and accept, so that a token in an Authorization header fails there as it does on a portal.
pub(super) fn allow_origins(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("origin, content-type, accept"),
    );
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS"));
}

/// Whether a request is a browser's question before the real one.
pub(super) fn is_preflight(method: &Method) -> bool {
    method == Method::OPTIONS
}

/// A body that breaks off after its first bytes.
struct Cut {
    rest: Option<Bytes>,
    flushed: bool,
}

impl hyper::body::Body for Cut {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(bytes) = self.rest.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if !self.flushed {
            // an error would end the connection with the first bytes still unsent; a pause lets them go out
            self.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::ConnectionAborted))))
    }
}

/// `{"result":"aaa…"}` of an exact length, made while it is sent.
struct Giant {
    left: u64,
    begun: bool,
}

const HEAD: &[u8] = br#"{"result":""#;
const TAIL: &[u8] = br#""}"#;
const FILL: &[u8; 65_536] = &[b'a'; 65_536];

impl Giant {
    fn new(bytes: u64) -> Giant {
        Giant { left: bytes.max((HEAD.len() + TAIL.len()) as u64), begun: false }
    }

    fn next(&mut self) -> Option<Bytes> {
        let tail = TAIL.len() as u64;
        let bytes = if !self.begun {
            self.begun = true;
            Bytes::from_static(HEAD)
        } else if self.left > tail {
            let length =
                usize::try_from(self.left - tail).map_or(FILL.len(), |most| most.min(FILL.len()));
            Bytes::from_static(FILL.get(..length)?)
        } else if self.left == tail {
            Bytes::from_static(TAIL)
        } else {
            return None;
        };
        self.left -= bytes.len() as u64;
        Some(bytes)
    }
}

impl hyper::body::Body for Giant {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(self.next().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json_headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        headers
    }

    #[test]
    fn the_body_wins_over_the_query_and_both_are_read() {
        let uri: Uri = "/rest/x?auth=query&bx24_request_id=1".parse().unwrap();
        let body = br#"{"auth": "body", "filter": {">ID": 7}}"#;
        let read = parameters(&uri, &json_headers(), body, 1_000);
        assert_eq!(read.get("auth").unwrap().text(), "body");
        assert_eq!(read.get("bx24_request_id").unwrap().text(), "1");
        assert_eq!(read.get("filter").unwrap().get(">ID").unwrap().int(), 7);
    }

    #[test]
    fn a_form_is_unfolded_and_cut_where_the_server_cuts() {
        let uri: Uri = "/rest/x".parse().unwrap();
        let read = parameters(&uri, &HeaderMap::new(), b"id[]=1&id[]=2&id[]=3", 2);
        assert_eq!(read.get("id").unwrap().json(), r#"["1","2"]"#);
    }

    #[test]
    fn json_that_does_not_parse_is_no_parameters() {
        let uri: Uri = "/rest/x?auth=a".parse().unwrap();
        assert_eq!(parameters(&uri, &json_headers(), b"{\"auth", 9).json(), r#"{"auth":"a"}"#);
    }

    #[test]
    fn doubled_slashes_are_one() {
        assert_eq!(merged_slashes("/rest//event.bind"), "/rest/event.bind");
        assert_eq!(merged_slashes("//oauth///token/"), "/oauth/token/");
    }

    #[test]
    fn a_giant_answer_is_json_of_exactly_the_length() {
        for wanted in [13, 14, 1_000, 65_536 + 13, 200_000] {
            let mut giant = Giant::new(wanted);
            let mut body = Vec::new();
            while let Some(bytes) = giant.next() {
                body.extend_from_slice(&bytes);
            }
            assert_eq!(body.len() as u64, wanted);
            let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(value["result"].as_str().unwrap().len() as u64, wanted - 13);
        }
    }
}
