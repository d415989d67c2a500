//! The offline-event queue of Bitrix24 for native programs: drains it over HTTP and hands each
//! changed object with its current data to a [`Handler`], at least once, without losing anything
//! that the portal recorded.
//!
//! Start with [`Queue`]. What decides is the machine of [`b24_offline_core`]; this crate only does
//! what it says: an [`HttpTransport`] over an [`AuthSource`] sends its calls, a [`SqliteJournal`]
//! keeps what a restart needs, and one loop on tokio feeds the results back. Each of the four can
//! be replaced ([`Queue::with_parts`]).
//!
//! ```no_run
//! use b24_offline::{Change, Endpoint, HttpSettings, OAuthFile, Queue, Verdict, each};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let endpoint = Endpoint::parse("https://portal.example/rest/")?;
//!     let auth = OAuthFile::open("auth.json", &endpoint, &HttpSettings::default())?;
//!     let queue = Queue::builder(auth).events(["ONCRMDEALUPDATE"]).journal("queue.db").open()?;
//!     let store = |change: Change| async move {
//!         println!("{}", change.json_line());
//!         Verdict::Done
//!     };
//!     queue.run(each(store)).await?;
//!     Ok(())
//! }
//! ```
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]
#![forbid(unsafe_code)]

mod auth;
mod clock;
mod disk;
mod drive;
mod endpoint;
mod handler;
mod http;
mod journal;
mod oauth_file;
mod queue;
mod report;
mod secret;
mod transport;

pub use auth::{AuthError, AuthSource};
pub use clock::{Clock, SystemClock};
pub use endpoint::{Endpoint, EndpointError};
pub use handler::{Each, Handler, each};
pub use http::{HttpError, HttpSettings};
pub use journal::{Journal, JournalError, MemoryJournal, SqliteJournal};
pub use oauth_file::{AuthFileError, OAuthFile};
pub use queue::{Handle, OpenError, Queue, QueueBuilder, RunError, WriteError};
pub use report::Report;
pub use secret::Secret;
pub use transport::{HttpTransport, Transport};

#[doc(no_inline)]
pub use b24_offline_core::*;

/// The README, so that its example is compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[derive(Debug)]
pub struct Readme;
