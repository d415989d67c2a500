//! Scenarios that every `listen` program plays, with an emulated portal as the counterpart.
//!
//! A scenario ([`Scenario`], a file of `scenarios/`) says how the portal is set up, how `listen` is started, what
//! people and faults do meanwhile, and what has to come of it. One test is one scenario on one host and one kind of
//! portal: [`play()`] gives it a portal of its own, a folder of its own, and a deadline for each step. What was
//! delivered is told to the portal, whose audit says what was lost.
//!
//! # Map
//! - [`scenario`]: the format of a file, read strictly.
//! - [`play()`]: one test, from the set-up to the [`Outcome`]. Inside: `stage` (portal, folder, auth file), `program`
//!   (a running `listen`), `seen` (what it printed and what its handler was given), `steps`, `wait`, `damage`, `set_back`.
//! - `judge`: what was expected against what came; `canary`: no secret in anything that was printed or stored.
//! - [`handler`]: the program given to `--exec`.
//! - [`run`]: many tests side by side, and the account of them.

mod canary;
mod damage;
pub mod handler;
mod judge;
pub mod play;
mod program;
pub mod run;
pub mod scenario;
mod seen;
mod set_back;
mod shape;
mod stage;
mod steps;
mod wait;

pub use play::{Outcome, play};
pub use scenario::Scenario;
