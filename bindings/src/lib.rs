//! The machine for Python and Kotlin: an object around it, and what the core says as functions. The types are
//! the core's own; nothing is decided here.
//!
//! A panic anywhere behind this boundary arrives as an exception of the other language. A machine that was
//! freed, is being used at the same time, or has panicked answers with a [`MachineError`].

// the glue that uniffi generates
#![allow(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod machine;
mod say;
mod trace;

pub use machine::{Machine, MachineError};
pub use say::*;
pub use trace::*;

uniffi::setup_scaffolding!();

/// Panics.
#[cfg(feature = "panic-on-purpose")]
#[uniffi::export]
#[allow(clippy::panic)]
pub fn panic_on_purpose() {
    panic!("a panic on purpose");
}
