//! Scenes that once broke a promise of the machine, one each; they were found by attacking it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm
)]

mod ending;
mod handler;
mod limits;
mod lives;
mod noticed;
mod reading;
mod register;
mod writes;

use b24_offline_core::*;
use b24_offline_emulator::{Deed, Fault, FaultKind, Personality, Shape};
use b24_offline_tests::scene::{all, bound, config, fault, make, reject, sent};
use b24_offline_tests::{Behaviour, Script, Wire, World, events, sub_calls, with_errors};
use serde_json::json;

const EVENTS: &str = "ONCRMDEALADD ONCRMDEALUPDATE ONCRMDEALDELETE ONCRMCONTACTADD \
    ONCRMCONTACTUPDATE ONSTRANGETHING";

fn world(change: impl FnOnce(&mut Config)) -> World {
    let mut config = config(EVENTS);
    change(&mut config);
    bound(Personality::Source, config)
}
fn retry(after: Option<u64>) -> Verdict {
    Verdict::Retry { after: after.map(Millis) }
}
fn status(world: &World) -> Status {
    world.machine.as_ref().unwrap().status()
}
const HOUR: u64 = 3_600_000;
