//! The portal itself: its clock, plan, faults and automation rules.

use axum::extract::State;
use serde::Deserialize;
use serde_json::json;

use super::answer::{Answer, Asked, Refusal, done, told};
use crate::fault::{Fault, Robot};
use crate::server::clock::Clock;
use crate::server::state::Shared;
use crate::settings::Plan;

pub(super) async fn clock(State(shared): State<Shared>) -> Answer {
    let clock = shared.clock();
    told(json!({ "now": clock.now(), "offset": clock.offset, "frozen": clock.frozen }))
}

/// How to turn the clock: set it, or move it forward from where it is.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Turn {
    Advance(Advance),
    Set(Clock),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Advance {
    advance: u64,
}

pub(super) async fn turn(state: State<Shared>, Asked(asked): Asked<Turn>) -> Answer {
    let mut turned = state.clock();
    match asked {
        Turn::Advance(Advance { advance }) => {
            turned.offset = turned.offset.saturating_add(advance);
        }
        Turn::Set(clock) => turned = clock,
    }
    if turned.now() < state.clock().now() {
        return Err(Refusal::bad("a portal's clock never goes back"));
    }
    state.set_clock(turned);
    // what became due on the way happens now, not at the next request
    state.with_portal(|_, _| ());
    clock(state).await
}

pub(super) async fn settings(State(shared): State<Shared>) -> Answer {
    shared.with_portal(|portal, _| told(portal.settings()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    plan: Plan,
}

pub(super) async fn change(state: State<Shared>, Asked(asked): Asked<Change>) -> Answer {
    state.with_portal(|portal, _| portal.set_plan(asked.plan));
    settings(state).await
}

pub(super) async fn faults(State(shared): State<Shared>) -> Answer {
    shared.with_portal(|portal, _| told(portal.waiting_faults()))
}

pub(super) async fn inject(State(shared): State<Shared>, Asked(fault): Asked<Fault>) -> Answer {
    shared.with_portal(|portal, _| portal.inject(fault));
    done()
}

pub(super) async fn clear_faults(State(shared): State<Shared>) -> Answer {
    shared.with_portal(|portal, _| portal.clear_faults());
    done()
}

pub(super) async fn robot(State(shared): State<Shared>, Asked(robot): Asked<Robot>) -> Answer {
    shared.with_portal(|portal, _| portal.add_robot(robot));
    done()
}
