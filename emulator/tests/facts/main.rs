//! The facts of the protocol reference, one by one, as the emulator plays them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helper may fail as the test itself may"
)]

mod audit;
mod batch;
mod binding;
mod clear_and_error;
mod faults;
mod get;
mod limits;
mod list;
mod objects;
mod properties;
mod records;
mod requests;
mod scene;
mod sources;
