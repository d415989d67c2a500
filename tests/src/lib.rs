//! Scenes: the machine, the emulator of a portal, a journal, a handler and a network in one process
//! under one clock that the test turns. Nothing here waits for real time.

#![allow(clippy::indexing_slicing)]

mod handler;
pub mod scenario;
mod world;

pub use handler::{Behaviour, Target};
pub use world::{World, events};

/// The host guide, so that its snippets are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/host-guide.md")]
#[derive(Debug)]
pub struct HostGuide;
