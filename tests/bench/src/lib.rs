//! What draining a queue costs, measured: `cargo xtask bench`, whose `--help` and `docs/bench.md` say how.
//!
//! # Map
//! - [`figure`]: a figure with its unit and its target; [`book`]: all figures of a run, as table and JSON; [`plot`]:
//!   cost against backlog as SVG.
//! - Measured in this process on virtual time: [`cost`] (the machine), [`documented`] (the loop of the
//!   documentation), [`latency`].
//! - Measured on programs that are given: [`program`] runs one against a served portal ([`stage`]), and [`hosts`]
//!   (cost, throughput, memory), [`peers`] and [`others`] (simulation, sizes, the micro-benchmark) make figures of it.
//! - [`deal`]: an object of 2 KB; [`session`]: what a machine was given, to be given again by `benches/core.rs`.

#![forbid(unsafe_code)]

pub mod book;
pub mod cost;
pub mod deal;
pub mod documented;
pub mod figure;
pub mod hosts;
pub mod latency;
pub mod others;
pub mod peers;
pub mod plot;
pub mod program;
pub mod session;
pub mod stage;
