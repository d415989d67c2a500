//! The machine for browsers and Node: an object around it, and what the core says as functions. The types are
//! the core's own, with their TypeScript derived where they are defined; nothing is decided here.
//!
//! What can go wrong is thrown as an `Error` whose `name` tells whose fault it is: `ConfigError`, `Misuse`,
//! `InvalidValue`, `NotAVerdict`, `NotSent`, or `WrongShape` for a value that is none of the boundary's types.

// the glue that wasm-bindgen generates
#![allow(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod machine;
mod say;
mod shape;
mod text;

pub use machine::Machine;
pub use say::*;

use js_sys::{Error, JSON};
use tsify::{Ts, Tsify};
use wasm_bindgen::JsValue;

/// The allocator that the standard library would bring ready-made, compiled for size with the rest.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn named(name: &str, message: &str) -> JsValue {
    let error = Error::new(message);
    error.set_name(name);
    error.into()
}

/// A value of the core for the other side.
fn given<T: Tsify + serde::Serialize>(value: &T) -> Result<Ts<T>, JsValue> {
    let text = text::json(value)
        .map_err(|_| named("WrongShape", "a value of a kind that can't cross to JavaScript"))?;
    JSON::parse(&text).map(Ts::new_unchecked)
}
