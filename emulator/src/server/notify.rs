//! Sends notifications of new records (F27) to their handlers.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{Request, Uri};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::php::{Php, fold};

/// How long a handler may take; what it answers is of no interest.
const PATIENCE: Duration = Duration::from_secs(10);

/// A notification on its way.
pub(super) struct Form {
    pub(super) handler: String,
    pub(super) form: Php,
}

/// Posts each form to its handler, several at once, each one time only: a lost notification is not repeated.
pub(super) async fn send_all(mut forms: UnboundedReceiver<Form>) {
    let mut sending = JoinSet::new();
    loop {
        tokio::select! {
            form = forms.recv() => match form {
                Some(form) => {
                    sending.spawn(timeout(PATIENCE, async move {
                        // a handler that cannot be reached hears nothing, as with a real portal
                        let _lost = post(&form).await;
                    }));
                }
                None => break,
            },
            Some(_) = sending.join_next() => {}
        }
    }
    while sending.join_next().await.is_some() {}
}

/// Posts to `http://` addresses; any other handler is never called.
async fn post(form: &Form) -> Option<()> {
    let address: Uri = form.handler.parse().ok()?;
    if address.scheme_str() != Some("http") {
        return None;
    }
    let host = address.host()?.trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, address.port_u16().unwrap_or(80))).await.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    let request = Request::post(address.path_and_query().map_or("/", |path| path.as_str()))
        .header(HOST, address.authority()?.as_str())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(fold(&form.form)))
        .ok()?;
    tokio::select! {
        _ = connection => {}
        _ = sender.send_request(request) => {}
    }
    Some(())
}
