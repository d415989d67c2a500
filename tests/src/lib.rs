//! Scenes: the machine, the emulator of a portal, a journal, a handler and a network in one process
//! under one clock that the test turns. Nothing here waits for real time.

#![forbid(unsafe_code)]
#![allow(clippy::indexing_slicing)]

mod handler;
pub mod mutant;
mod pair;
pub mod scenario;
pub mod scene;
mod tamper;
mod trace;
mod transport;
mod world;

pub use handler::{Behaviour, Target};
pub use pair::Pair;
pub use tamper::{Disk, Script, Wire, sub_calls, with_errors};
pub use trace::Traces;
pub use transport::reply;
pub use world::{World, events};

/// The host guide, so that its snippets are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/host-guide.md")]
#[derive(Debug)]
pub struct HostGuide;
