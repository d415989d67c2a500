//! Each fault of the wire: what surely did not happen, what perhaps did.

use std::io::Write;
use std::time::Duration;

use crate::scripted::{Answer, Scripted, json, whole};
use b24_offline::{
    AuthError, AuthSource, Endpoint, HttpSettings, HttpTransport, Secret, Transport,
};
use b24_offline_core::{Call, CallId, Lost, Millis, NotSent, Reply};
use url::Url;

const TOKEN: &str = "canary-token-1";

/// A token that can't be renewed.
#[derive(Debug)]
struct Fixed(Endpoint);

impl AuthSource for Fixed {
    fn base_url(&self) -> &Url {
        self.0.url()
    }
    async fn token(&self) -> Result<Secret, AuthError> {
        Ok(Secret::new(TOKEN))
    }
    async fn refresh(&self) -> Result<(), AuthError> {
        Err(AuthError::SignInAgain { why: "it is fixed".into() })
    }
}

fn call(timeout: u64) -> Call {
    Call {
        id: CallId(1),
        method: "crm.deal.list".into(),
        params: r#"{"start":-1}"#.into(),
        connector: None,
        timeout: Millis(timeout),
    }
}

fn transport(base: &str) -> HttpTransport<Fixed> {
    let endpoint = Endpoint::parse_with_http(base).unwrap();
    let (max_answer, connect_timeout) = (1024 * 1024, Duration::from_secs(2));
    let http = HttpSettings { max_answer, connect_timeout, ca: None };
    HttpTransport::new(Fixed(endpoint), &http).unwrap()
}

async fn reply_to(answer: Answer) -> (Reply, Scripted) {
    let server = Scripted::start(move |_, _| answer.clone()).await;
    let reply = transport(&server.base()).send(&call(20_000)).await;
    (reply, server)
}

fn unknown(why: Lost) -> Reply {
    Reply::Unknown { why }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn an_answer_is_given_as_it_is() {
    let (reply, server) = reply_to(json("200 OK", r#"{"result":[]}"#)).await;
    assert_eq!(reply, Reply::Answer { status: 200, body: r#"{"result":[]}"#.into() });
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].path, "/rest/crm.deal.list");
    assert_eq!(requests[0].body, format!(r#"{{"auth":"{TOKEN}","start":-1}}"#));
}

#[tokio::test]
async fn a_refusal_that_repeats_the_token_does_not_hold_it() {
    let body = format!(r#"{{"error":"X","error_description":"no {TOKEN}"}}"#);
    let (reply, _server) = reply_to(json("403 Forbidden", &body)).await;
    let body = r#"{"error":"X","error_description":"no …"}"#.to_owned();
    assert_eq!(reply, Reply::Answer { status: 403, body });
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Scripted::start(|_, _| json("200 OK", "{}")).await;
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"] {
        let header = format!("location: {}\r\n", elsewhere.base());
        let (reply, _server) = reply_to(whole(status, &header, b"moved")).await;
        let status = status[..3].parse().unwrap();
        assert_eq!(reply, Reply::Answer { status, body: "moved".into() });
    }
    assert!(elsewhere.requests().is_empty(), "the token went elsewhere");
}

#[tokio::test]
async fn html_is_an_answer_for_the_machine_to_judge() {
    let (reply, server) = reply_to(whole("502 Bad Gateway", "", b"<html>\xE4</html>")).await;
    assert_eq!(reply, Reply::Answer { status: 502, body: "<html>\u{FFFD}</html>".into() });
    assert_eq!(server.requests().len(), 1, "nothing is repeated");
}

#[tokio::test]
async fn a_cut_body_is_unknown() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"result\":".to_vec();
    let (reply, server) = reply_to(Answer::Raw(cut)).await;
    assert_eq!(reply, unknown(Lost::Broken));
    assert_eq!(server.requests().len(), 1, "nothing is repeated");
}

#[tokio::test]
async fn a_closed_connection_is_unknown() {
    let (reply, server) = reply_to(Answer::Drop).await;
    assert_eq!(reply, unknown(Lost::Broken));
    assert_eq!(server.requests().len(), 1, "nothing is repeated");
}

#[tokio::test]
async fn an_answer_in_gzip_is_unpacked() {
    let body = gzip(br#"{"result":true}"#);
    let (reply, _server) = reply_to(whole("200 OK", "content-encoding: gzip\r\n", &body)).await;
    assert_eq!(reply, Reply::Answer { status: 200, body: r#"{"result":true}"#.into() });
}

#[tokio::test]
async fn truncated_or_wrong_gzip_is_unknown() {
    let body = gzip(br#"{"result":{"process_id":"0123456789abcdef"}}"#);
    let cut = &body[..body.len() - 12];
    let (reply, _server) = reply_to(whole("200 OK", "content-encoding: gzip\r\n", cut)).await;
    assert_eq!(reply, unknown(Lost::Broken));
    let plain = b"{\"result\":true}";
    let (reply, _server) = reply_to(whole("200 OK", "content-encoding: gzip\r\n", plain)).await;
    assert_eq!(reply, unknown(Lost::Broken));
}

#[tokio::test]
async fn a_body_that_is_no_utf8_is_unknown() {
    let (reply, _server) = reply_to(whole("200 OK", "", b"{\"result\":\"\xFF\"}")).await;
    assert_eq!(reply, unknown(Lost::Broken));
}

#[tokio::test]
async fn an_answer_of_100_mb_is_not_read_to_its_end() {
    let length = 100 * 1024 * 1024;
    let mut start = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").into_bytes();
    start.extend_from_slice(&vec![b' '; 64 * 1024]);
    let (reply, _server) = reply_to(Answer::Endless(start)).await;
    assert_eq!(reply, unknown(Lost::TooLarge));
}

#[tokio::test]
async fn the_limit_counts_after_decompression() {
    let bomb = gzip(&vec![b' '; 2 * 1024 * 1024]);
    assert!(bomb.len() < 8 * 1024);
    let (reply, _server) = reply_to(whole("200 OK", "content-encoding: gzip\r\n", &bomb)).await;
    assert_eq!(reply, unknown(Lost::TooLarge));
}

#[tokio::test]
async fn silence_is_unknown_after_the_calls_own_time() {
    let server = Scripted::start(|_, _| Answer::Silence).await;
    let reply = transport(&server.base()).send(&call(100)).await;
    assert_eq!(reply, unknown(Lost::TimedOut));
    let start = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{".to_vec();
    let slow = Scripted::start(move |_, _| Answer::Raw(start.clone())).await;
    let reply = transport(&slow.base()).send(&call(5_000)).await;
    assert_eq!(reply, unknown(Lost::Broken));
}

fn network(reply: &Reply) -> &str {
    match reply {
        Reply::NotSent(NotSent::Network { why }) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn no_connection_is_surely_not_sent() {
    let refused = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = refused.local_addr().unwrap().port();
    drop(refused);
    let base = format!("http://127.0.0.1:{port}/rest/");
    let reply = transport(&base).send(&call(5_000)).await;
    assert_eq!(network(&reply), "the portal can't be reached (Connection refused)");
    assert!(!network(&reply).contains("/rest/"), "{reply:?}");
}

#[tokio::test]
async fn no_such_name_is_surely_not_sent() {
    let reply = transport("https://portal.invalid/rest/").send(&call(20_000)).await;
    assert!(!network(&reply).is_empty());
}

#[tokio::test]
async fn tls_that_fails_is_surely_not_sent() {
    let plain = Scripted::start(|_, _| json("200 OK", "{}")).await;
    let base = format!("https://localhost:{}/rest/", plain.port);
    let reply = transport(&base).send(&call(20_000)).await;
    assert!(!network(&reply).is_empty());
    assert!(plain.requests().is_empty());
}

#[tokio::test]
async fn a_connection_that_can_t_be_made_in_time_is_surely_not_sent() {
    // an address of the documentation range, to which nothing answers or routes
    let endpoint = Endpoint::parse("https://192.0.2.1/rest/").unwrap();
    let connect_timeout = Duration::from_millis(50);
    let http = HttpSettings { connect_timeout, ..HttpSettings::default() };
    let transport = HttpTransport::new(Fixed(endpoint), &http).unwrap();
    let reply = transport.send(&call(20_000)).await;
    assert!(!network(&reply).is_empty());
}

#[tokio::test]
async fn a_token_that_can_t_be_renewed_asks_for_a_person_once() {
    let server =
        Scripted::start(|_, _| json("401 Unauthorized", r#"{"error":"expired_token"}"#)).await;
    let transport = transport(&server.base());
    for _ in 0..2 {
        let reply = transport.send(&call(20_000)).await;
        let why = "it is fixed".to_owned();
        assert_eq!(reply, Reply::NotSent(NotSent::SignInAgain { why }));
    }
    assert_eq!(server.requests().len(), 2, "nothing is repeated without a new token");
}

#[tokio::test]
async fn secrets_are_in_no_debug_output() {
    let server = Scripted::start(|_, _| json("200 OK", "{}")).await;
    let transport = transport(&server.base());
    let shown = format!("{transport:?} {:?}", transport.send(&call(20_000)).await);
    assert!(!shown.contains("canary"), "{shown}");
}
