//! The native host of b24-offline.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod auth;
mod clock;
mod disk;
mod endpoint;
mod http;
mod journal;
mod oauth_file;
mod secret;
mod transport;

pub use auth::{AuthError, AuthSource};
pub use clock::{Clock, SystemClock};
pub use endpoint::{Endpoint, EndpointError};
pub use http::{HttpError, HttpSettings};
pub use journal::{Journal, JournalError, MemoryJournal, SqliteJournal};
pub use oauth_file::{AuthFileError, OAuthFile};
pub use secret::Secret;
pub use transport::{HttpTransport, Transport};
