//! The transport and the sign-in against a server that answers byte by byte what a test tells it.
#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail anywhere"
)]

mod scripted;
#[cfg(unix)]
mod sign_in;
mod transport;
