//! Accepts connections and serves each one, dropping it where the portal gives no answer.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Marks a response that must not reach the client: its connection is dropped instead.
#[derive(Clone, Copy, Debug)]
pub(super) struct DropConnection;

/// Where a request comes from, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    /// Whether it came over TLS.
    pub(super) secure: bool,
}

/// Why a connection ended without an answer.
#[derive(Debug)]
struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("dropped without an answer")
    }
}

impl std::error::Error for Dropped {}

/// Accepts until `stop` changes, then drops every connection that is left.
pub(super) async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    mut stop: watch::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, address)) = accepted {
                    connections.spawn(connection(stream, address, tls.clone(), router.clone()));
                } else {
                    // out of file descriptors: let some connections end first
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            }
            Some(_) = connections.join_next() => {}
            _ = stop.changed() => break,
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn connection(
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
) {
    // a small answer must not wait for the acknowledgement of the one before
    if stream.set_nodelay(true).is_err() {
        return;
    }
    match tls {
        None => serve(stream, Peer { address, secure: false }, router).await,
        Some(tls) => {
            // a client that does not trust the certificate ends here
            if let Ok(stream) = tls.accept(stream).await {
                serve(stream, Peer { address, secure: true }, router).await;
            }
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, peer: Peer, router: Router) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        answer_or_drop(Box::pin(router.call(request)))
    });
    // an error here is the client's going away or a connection dropped on purpose
    let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

type Answering<F> = Pin<Box<F>>;

async fn answer_or_drop<F>(answering: Answering<F>) -> Result<Response<Body>, Dropped>
where
    F: Future<Output = Result<Response<Body>, Infallible>>,
{
    let Ok(response) = answering.await;
    if response.extensions().get::<DropConnection>().is_some() {
        Err(Dropped)
    } else {
        Ok(response)
    }
}
