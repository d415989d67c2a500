//! The portal as a server: HTTP and HTTPS at the same time, and a control API beside it.
//!
//! [`serve`] opens a [`Portal`] behind real sockets. A client calls it as it would call a portal:
//!
//! - `/rest/{method}` and `/rest/{method}.json`, by GET or POST, with a JSON body or a form; the query string is read
//!   too, and the body wins. The token is the parameter `auth`.
//! - `/rest/{user}/{code}/{method}`, the form of a webhook, which is refused for `event.*` (F21).
//! - `/oauth/token/`, where a refresh token is exchanged for a new pair (F34).
//!
//! Faults are real on the wire: a connection is dropped without an answer or hangs, a body ends before its declared
//! length, an answer of a given size is streamed. A refused connection cannot be shown to one client alone, so there
//! it is a dropped one. The time that a method takes is waited for; [`Settings::costs`] says how long that is.
//!
//! HTTPS uses an authority made at start, with a leaf for `localhost`, `127.0.0.1` and `::1`; the authority's
//! certificate is written where [`ServeOptions::ca_file`] says, and a client that trusts it can connect. Nothing is
//! ever stored of its key.
//!
//! What tests and demonstrations need beside REST is under `/control/`: see [`control`]. A small page at `/` shows the
//! portal's state in a browser.
//!
//! ```
//! use b24_offline_emulator::server::{ServeOptions, serve};
//!
//! # async fn example() -> Result<(), b24_offline_emulator::server::ServeError> {
//! let running = serve(ServeOptions::default()).await?;
//! println!("the portal is at http://{}/rest/", running.http);
//! let tokens = running.with_portal(|portal, _now| portal.issue_token("1"));
//! # drop(tokens);
//! running.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod certificate;
mod clock;
mod connection;
pub mod control;
mod notify;
mod page;
mod rest;
mod state;
mod wire;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub use clock::Clock;
use state::{Ports, Shared};

use crate::portal::Portal;
use crate::settings::Settings;

/// Where and how a portal is served.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// The portal. Its `domain` is replaced by `localhost` and the port, of HTTPS if that is served, and `tls`
    /// accordingly.
    pub settings: Settings,
    /// Where plain HTTP listens; port 0 takes any free one.
    pub http: SocketAddr,
    /// Where HTTPS listens; none for plain HTTP only.
    pub https: Option<SocketAddr>,
    /// Where the certificate of the authority is written, in PEM.
    pub ca_file: Option<PathBuf>,
    /// The portal's clock.
    pub clock: Clock,
}

impl Default for ServeOptions {
    /// A documented portal on a free loopback port, without TLS, on the machine's clock.
    fn default() -> ServeOptions {
        ServeOptions {
            settings: Settings::default(),
            http: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            https: None,
            ca_file: None,
            clock: Clock::default(),
        }
    }
}

/// Why a portal could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The certificate of the authority could not be written.
    #[error("cannot write the certificate to {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The certificates could not be made.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// The certificates do not serve.
    #[error("cannot set up TLS")]
    Tls(#[from] tokio_rustls::rustls::Error),
}

/// A portal that is being served. Dropping it ends the server at once, as [`Running::shutdown`] does.
pub struct Running {
    /// Where plain HTTP listens.
    pub http: SocketAddr,
    /// Where HTTPS listens.
    pub https: Option<SocketAddr>,
    /// The certificate of the authority in PEM, with HTTPS.
    pub authority_pem: Option<String>,
    /// The portal itself. Lock it for a moment only: every request waits for it.
    pub portal: Arc<Mutex<Portal>>,
    shared: Shared,
    stop: watch::Sender<()>,
    listeners: JoinSet<()>,
    notifier: JoinSet<()>,
}

impl Running {
    /// Works on the portal at its own time, after everything that was due by then has happened.
    pub fn with_portal<T>(&self, work: impl FnOnce(&mut Portal, u64) -> T) -> T {
        self.shared.with_portal(work)
    }

    /// How the portal's clock runs.
    pub fn clock(&self) -> Clock {
        self.shared.clock()
    }

    /// Turns the portal's clock.
    pub fn set_clock(&self, clock: Clock) {
        self.shared.set_clock(clock);
    }

    /// Stops listening and drops every connection, also those that hang; returns when all are closed.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(());
        while self.listeners.join_next().await.is_some() {}
        self.notifier.shutdown().await;
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Running");
        shown.field("http", &self.http).field("https", &self.https).finish_non_exhaustive()
    }
}

/// Opens a portal and serves it until [`Running::shutdown`].
///
/// # Errors
/// An address that cannot be listened on, a certificate that cannot be made or written.
pub async fn serve(options: ServeOptions) -> Result<Running, ServeError> {
    let plain = listen(options.http).await?;
    let http = address(&plain, options.http)?;
    let mut secure = None;
    let mut authority_pem = None;
    if let Some(wanted) = options.https {
        let listener = listen(wanted).await?;
        let certificates = certificate::make()?;
        if let Some(path) = &options.ca_file {
            std::fs::write(path, &certificates.authority_pem)
                .map_err(|source| ServeError::Write { path: path.clone(), source })?;
        }
        authority_pem = Some(certificates.authority_pem);
        secure = Some((address(&listener, wanted)?, listener, certificates.acceptor));
    }
    let https = secure.as_ref().map(|(address, ..)| *address);
    let mut settings = options.settings;
    settings.domain = format!("localhost:{}", https.unwrap_or(http).port());
    settings.tls = https.is_some();
    let (forms, sending) = mpsc::unbounded_channel();
    let shared = Shared::new(settings, options.clock, Ports { http, https }, forms);
    let router =
        rest::routes(shared.clone()).merge(control::routes(shared.clone())).merge(page::routes());
    let (stop, stopped) = watch::channel(());
    let mut listeners = JoinSet::new();
    let mut notifier = JoinSet::new();
    notifier.spawn(notify::send_all(sending));
    let mut start = |listener, tls: Option<TlsAcceptor>, router: Router| {
        listeners.spawn(connection::accept(listener, tls, router, stopped.clone()));
    };
    start(plain, None, router.clone());
    if let Some((_, listener, acceptor)) = secure {
        start(listener, Some(acceptor), router);
    }
    let portal = shared.portal();
    Ok(Running { http, https, authority_pem, portal, shared, stop, listeners, notifier })
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })
}

fn address(listener: &TcpListener, wanted: SocketAddr) -> Result<SocketAddr, ServeError> {
    listener.local_addr().map_err(|source| ServeError::Listen { address: wanted, source })
}

/// What a lock holds, also after a panic of another holder: the model has no state that a panic could leave half.
fn held<T>(lock: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
