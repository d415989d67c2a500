//! Tests of parts whose own files have no room for them.

mod cycle;
pub(crate) mod deletion;
mod errors;
mod journal;
mod ledger;
mod machine;
mod round;
mod sweep;
mod words;
mod writes;
