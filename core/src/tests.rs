//! Tests of parts whose own files have no room for them.

mod cycle;
mod errors;
mod journal;
mod sweep;
mod writes;
