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
pub use worlds::{TRAPS, WORLDS};

/// A trap is given up after so many states.
const MOST_IN_A_TRAP: usize = 40_000;

/// The first story in a small world that shows this defect of the machine; `None` when none does.
///
/// # Errors
/// When the machine refuses a world's configuration.
pub fn caught(defect: b24_offline_core::Defect) -> anyhow::Result<Option<Story>> {
    for bounds in TRAPS {
        let options =
            Options { defect: Some(defect), most_states: MOST_IN_A_TRAP, ..Options::default() };
        if let Some(story) = search(bounds, options)?.story {
            return Ok(Some(story));
        }
    }
    Ok(None)
}
