//! The auth file and the renewal of its pair against a token endpoint that plays each case.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::scripted::{Answer, Request, Scripted, json};
use b24_offline::{AuthSource, Endpoint, HttpSettings, HttpTransport, OAuthFile, Transport};
use b24_offline_core::{Call, CallId, Millis, NotSent, Reply};
use serde_json::Value;
use tokio::sync::Notify;

/// A portal that takes one token, and the token endpoint beside it.
async fn portal(
    valid: &'static str,
    oauth: impl Fn() -> Answer + Send + Sync + 'static,
) -> Scripted {
    Scripted::start(move |_, request| {
        if request.path.starts_with("/oauth/") {
            return oauth();
        }
        let body: Value = serde_json::from_str(&request.body).unwrap();
        if body["auth"] == valid {
            json("200 OK", r#"{"result":true}"#)
        } else {
            json("401 Unauthorized", r#"{"error":"expired_token","error_description":"old"}"#)
        }
    })
    .await
}

struct Files {
    folder: tempfile::TempDir,
    path: PathBuf,
}

fn files(server: &Scripted) -> Files {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auth.json");
    let oauth_url = format!("http://127.0.0.1:{}/oauth/token/", server.port);
    write(&path, "canary-old", "canary-refresh", &oauth_url);
    Files { folder, path }
}

fn write(path: &PathBuf, access: &str, refresh: &str, oauth_url: &str) {
    let content = serde_json::json!({
        "access_token": access, "refresh_token": refresh, "client_id": "app.1",
        "client_secret": "canary-secret", "oauth_url": oauth_url, "member": "kept",
    });
    fs::write(path, content.to_string()).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn stored(files: &Files, field: &str) -> String {
    let document: Value = serde_json::from_str(&fs::read_to_string(&files.path).unwrap()).unwrap();
    document[field].as_str().unwrap_or_default().to_owned()
}

fn transport(server: &Scripted, files: &Files) -> HttpTransport<OAuthFile> {
    let endpoint = Endpoint::parse_with_http(&server.base()).unwrap();
    let http = HttpSettings::default();
    let auth = OAuthFile::open(&files.path, &endpoint, &http).unwrap();
    HttpTransport::new(auth, &http).unwrap()
}

fn call() -> Call {
    Call {
        id: CallId(1),
        method: "batch".into(),
        params: "{}".into(),
        connector: None,
        timeout: Millis::seconds(20),
    }
}

fn renewals(server: &Scripted) -> Vec<Request> {
    server.requests().into_iter().filter(|request| request.path.starts_with("/oauth/")).collect()
}

fn done() -> Reply {
    Reply::Answer { status: 200, body: r#"{"result":true}"#.into() }
}

fn new_pair() -> Answer {
    let pair =
        r#"{"access_token":"canary-new","refresh_token":"canary-refresh-2","expires_in":3600}"#;
    json("200 OK", pair)
}

#[tokio::test]
async fn an_expired_token_is_renewed_once_and_the_call_repeated_once() {
    let server = portal("canary-new", new_pair).await;
    let files = files(&server);
    assert_eq!(transport(&server, &files).send(&call()).await, done());
    let renewals = renewals(&server);
    assert_eq!(renewals.len(), 1);
    assert_eq!(
        renewals[0].body,
        "grant_type=refresh_token&client_id=app.1&client_secret=canary-secret\
         &refresh_token=canary-refresh"
    );
    assert_eq!(server.requests().len(), 3);
    assert_eq!(stored(&files, "access_token"), "canary-new");
    assert_eq!(stored(&files, "refresh_token"), "canary-refresh-2");
    assert_eq!(stored(&files, "member"), "kept");
    let mode = fs::metadata(&files.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn calls_that_are_open_together_share_one_renewal() {
    let server = portal("canary-new", new_pair).await;
    let files = files(&server);
    let transport = Arc::new(transport(&server, &files));
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let transport = transport.clone();
        calls.spawn(async move { transport.send(&call()).await });
    }
    assert_eq!(calls.join_all().await, vec![done(); 8]);
    assert_eq!(renewals(&server).len(), 1);
}

#[tokio::test]
async fn a_token_that_stays_expired_is_given_to_the_machine() {
    let server = portal("another", new_pair).await;
    let files = files(&server);
    let reply = transport(&server, &files).send(&call()).await;
    assert!(matches!(reply, Reply::Answer { status: 401, .. }), "{reply:?}");
    assert_eq!(renewals(&server).len(), 1, "one renewal, one repeat");
}

#[tokio::test]
async fn a_refused_renewal_asks_for_a_person_and_keeps_the_file() {
    let refusal = r#"{"error":"invalid_grant","error_description":"canary-refresh is\nrevoked"}"#;
    let server = portal("canary-new", move || json("400 Bad Request", refusal)).await;
    let files = files(&server);
    let before = fs::read(&files.path).unwrap();
    match transport(&server, &files).send(&call()).await {
        Reply::NotSent(NotSent::SignInAgain { why }) => {
            assert!(why.contains("invalid_grant … is revoked"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read(&files.path).unwrap(), before);
}

#[tokio::test]
async fn a_renewal_that_fails_on_the_way_is_never_a_refusal() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"access_token\":".to_vec();
    let failures = [
        Answer::Drop,
        Answer::Raw(cut),
        json("200 OK", "<html>maintenance</html>"),
        json("200 OK", "{}"),
        json("302 Found", "{}"),
        json("503 Service Unavailable", r#"{"error":"overloaded"}"#),
        json("429 Too Many Requests", r#"{"error":"slow_down"}"#),
    ];
    for failure in failures {
        let shown = format!("{failure:?}");
        let server = portal("canary-new", move || failure.clone()).await;
        let files = files(&server);
        let reply = transport(&server, &files).send(&call()).await;
        assert!(matches!(reply, Reply::NotSent(NotSent::Network { .. })), "{shown}: {reply:?}");
        assert!(!format!("{reply:?}").contains("canary"), "{reply:?}");
        assert_eq!(stored(&files, "refresh_token"), "canary-refresh");
    }
}

#[tokio::test]
async fn a_pair_that_another_process_renewed_is_taken_over() {
    let server = portal("canary-other", || Answer::Drop).await;
    let files = files(&server);
    let transport = transport(&server, &files);
    let oauth_url = stored(&files, "oauth_url");
    write(&files.path, "canary-other", "canary-refresh-9", &oauth_url);
    assert_eq!(transport.send(&call()).await, done());
    assert!(renewals(&server).is_empty());
}

#[tokio::test]
async fn a_pair_that_can_t_be_stored_is_kept_until_it_can() {
    let server = portal("canary-new", new_pair).await;
    let files = files(&server);
    let transport = transport(&server, &files);
    let aside = files.folder.path().with_extension("aside");
    fs::rename(files.folder.path(), &aside).unwrap();
    let reply = transport.send(&call()).await;
    match &reply {
        Reply::NotSent(NotSent::Network { why }) => {
            assert!(why.contains("can't be stored") && !why.contains("canary"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    fs::rename(&aside, files.folder.path()).unwrap();
    assert_eq!(transport.send(&call()).await, done());
    assert_eq!(renewals(&server).len(), 1);
    assert_eq!(stored(&files, "refresh_token"), "canary-refresh-2");
}

/// A renewal that the token endpoint answers when told to, and whose caller has given up.
async fn renewal_under_way() -> (Scripted, Files, HttpTransport<OAuthFile>, Arc<Notify>) {
    let (asked, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (told, wait) = (asked.clone(), go.clone());
    let server = portal("canary-new", move || {
        told.notify_one();
        Answer::After(wait.clone(), Box::new(new_pair()))
    })
    .await;
    let files = files(&server);
    let transport = transport(&server, &files);
    let call = call();
    tokio::select! {
        reply = transport.send(&call) => panic!("{reply:?}"),
        () = asked.notified() => {}
    }
    (server, files, transport, go)
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_lose_the_new_pair() {
    let (server, files, transport, go) = renewal_under_way().await;
    let again = async {
        go.notify_one();
        transport.send(&call()).await
    };
    assert_eq!(again.await, done());
    assert_eq!(renewals(&server).len(), 1);
    assert_eq!(stored(&files, "refresh_token"), "canary-refresh-2");
}

#[tokio::test]
async fn the_end_of_a_run_waits_for_a_renewal_under_way() {
    let (_server, files, transport, go) = renewal_under_way().await;
    go.notify_one();
    transport.finish().await;
    assert_eq!(stored(&files, "refresh_token"), "canary-refresh-2");
}

#[tokio::test]
async fn a_token_endpoint_that_would_leak_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auth.json");
    let endpoint = Endpoint::parse("https://portal.example/rest/").unwrap();
    for (oauth_url, word) in [
        ("http://127.0.0.1/oauth/token/", "--allow-http"),
        ("https://u:canary-pw@oauth.example/", "password"),
        ("oauth.example", "oauth_url"),
    ] {
        write(&path, "canary-old", "canary-refresh", oauth_url);
        let error = OAuthFile::open(&path, &endpoint, &HttpSettings::default()).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn what_a_portal_repeats_is_redacted() {
    let server = portal("canary-new", new_pair).await;
    let files = files(&server);
    let endpoint = Endpoint::parse_with_http(&server.base()).unwrap();
    let auth = OAuthFile::open(&files.path, &endpoint, &HttpSettings::default()).unwrap();
    let shown = auth.redact("token canary-old, secret canary-secret, refresh canary-refresh");
    assert_eq!(shown, "token …, secret …, refresh …");
    auth.refresh().await.unwrap();
    // a call with the former token may still be answered
    let shown = auth.redact("canary-old canary-refresh canary-new canary-refresh-2");
    assert!(!shown.contains("canary"), "{shown}");
    assert!(!format!("{auth:?}").contains("canary"), "{auth:?}");
}
