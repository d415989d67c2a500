//! The core's types read field by field from JavaScript's objects. serde writes them (`given`); reading with it
//! was a third of the whole wasm (`docs/decisions/0011-reading-from-javascript.md`).

mod config;
mod fields;
mod input;
mod said;
#[cfg(all(test, target_arch = "wasm32"))]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

pub(crate) use config::{config, rule};
pub(crate) use fields::MOST;
pub(crate) use input::{input, journal, verdicts};
pub(crate) use said::{batch, call, change, end, failure, notice, write_result};
