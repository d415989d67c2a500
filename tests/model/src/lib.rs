//! Exhaustive check of the machine: breadth-first search over everything that can happen in small worlds.
//!
//! A world holds the real machine of `core` as it is, which is given real JSON and answers real calls; an exact model
//! of the queue ([`server`], from `docs/protocol.md`); the host's journal; the user's code; the target, of which the
//! version of each object is kept. In every state all steps that are possible are taken: an object changes; the portal
//! executes a request, or a part of it; an answer arrives; a save becomes durable; the user's code says done, retry or
//! reject; the machine's time to wake comes; long time passes; the machine is killed, with so many of its saves
//! durable, and started again; a request is not sent, lost, executed late or twice, cut off after any sub-call
//! or between marking and deleting, answered in part or as failed, its answer lost; a request of a killed machine is executed after its restart; another
//! tool puts a record into the error lane; the user drives parked objects again; a month passes; the plan changes.
//! How much of it may happen is bounded by the world ([`WORLDS`]); within the bounds nothing is left out.
//!
//! # What is checked
//! [`Invariant`] names it, and `invariant` has one function for each. All but the last are checked with every step;
//! `Converge` over the graph: from every state the client's own steps (`World::fair`: everything is saved, executed,
//! answered and judged done, then time passes) lead to a good state, in which both lanes are empty or parked and the
//! target has what the portal has. An object that is parked must have been judged in its newest state. As these steps
//! are one path from each state, going back from the good states is the same as following it; where the path ends in a
//! ring of states that the view takes for equal, the machine of that state is driven by itself.
//!
//! # What counts as the same state
//! Two worlds with the same canonical form (`canon`, and `view` in core): record and process ids, times of change and
//! the machine's own ids renamed in their order, objects exchangeable, machines of one queue exchangeable. Of a time in
//! the future only counts whether it has come, and the reason for which the machine wakes next. Only fingerprints of
//! 128 bits are kept.
//!
//! # What is abstracted away
//! - Process ids are handed out in ascending order, and rows are few: no page is ever full.
//! - Of two moments in the future which comes first is followed as it is in the world that was reached first; a long
//!   leap, in which all of them come, is tried from everywhere. Between a request and its end less than 60 s pass.
//! - The start-up check runs without anything coming between: it touches no record.
//! - In all worlds but `slow-journal` a save is durable before the machine hears of anything else.
//! - One request at a time is in flight: the user's writes, limits, expired tokens, lost bindings and connectors are
//!   left to the simulation, and so are the end of a run and records without a rule.
//! - Objects are never deleted; a version stands for all their data.
//! - A month passes in one step, in which the machine has time to do what it does by itself at its 29th day. That a
//!   machine which was away for longer loses what the portal deletes is no breach: it tells of that.
//! - With two machines the target may go back, as design.md says, and must end at the newest state.

#![forbid(unsafe_code)]

mod bounds;
mod calendar;
mod canon;
mod consumer;
mod converge;
mod expand;
mod form;
mod invariant;
mod request;
mod search;
pub mod server;
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
