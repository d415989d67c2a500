//! The command `b24-offline listen` against the emulator, and against bad input.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail anywhere"
)]

mod bad_input;
mod exec;
mod faults;
mod jsonl;
mod served;
mod stops;
