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
mod reading;
mod register;
mod writes;

use b24_offline_core::*;
use b24_offline_emulator::{Deed, Fault, FaultKind, Personality, Settings, Shape};
use b24_offline_tests::{Behaviour, Script, Wire, World, events, sub_calls, with_errors};
use serde_json::json;

const DEAL: &str = "ONCRMDEALADD ONCRMDEALUPDATE ONCRMDEALDELETE ONCRMCONTACTADD ONCRMCONTACTUPDATE ONSTRANGETHING";

fn config() -> Config {
    let mut config = Config::new("portal.example", events(DEAL));
    config.connector = Some(Connector::new("warehouse").unwrap());
    config
}
fn world_of(config: Config, settings: Settings) -> World {
    let connector = config.connector.as_ref().map(|c| c.as_str().to_owned());
    let mut world = World::new(settings, config);
    for event in events(DEAL) {
        world.portal.bind(event.as_str(), connector.as_deref().unwrap_or(""));
    }
    world
}
fn world(change: impl FnOnce(&mut Config)) -> World {
    let mut config = config();
    change(&mut config);
    world_of(config, Settings { personality: Personality::Source, ..Settings::default() })
}
fn make(world: &mut World, kind: &str, count: usize) -> Vec<String> {
    let now = world.now();
    (0..count)
        .map(|n| world.portal.create(kind, json!({"TITLE": format!("{n}")}), now).unwrap())
        .collect()
}
fn all(verdict: Verdict) -> Verdicts {
    Verdicts::All { verdict, except: vec![] }
}
fn reject() -> Verdict {
    Verdict::Reject { reason: "no".into() }
}
fn retry(after: Option<u64>) -> Verdict {
    Verdict::Retry { after: after.map(Millis) }
}
fn fault(method: &str, kind: FaultKind) -> Fault {
    Fault { method: Some(method.into()), after: 0, count: 1, kind }
}
fn calls_of(world: &World, method: &str) -> usize {
    world.calls.iter().flat_map(sub_calls).filter(|(_, m)| m == method).count()
}
fn status(world: &World) -> Status {
    world.machine.as_ref().unwrap().status()
}
const HOUR: u64 = 3_600_000;
