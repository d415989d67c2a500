//! Exhaustive check of the machine.

mod bounds;
mod calendar;
mod canon;
mod converge;
mod expand;
mod invariant;
mod request;
mod search;
mod server;
mod step;
mod story;
mod wire;
mod world;
mod worlds;

pub use bounds::{Bounds, Left};
pub use invariant::{Broken, Invariant};
pub use search::{Options, Outcome, search};
pub use story::Story;
pub use worlds::WORLDS;
