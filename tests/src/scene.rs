//! What most scenes begin with.

use b24_offline_core::{Config, Connector, Verdict, Verdicts};
use b24_offline_emulator::{Fault, FaultKind, Feature, Personality, Plan, Settings};
use serde_json::json;

use crate::tamper::sub_calls;
use crate::world::{World, events};

/// The events of deals.
pub const DEALS: &str = "ONCRMDEALADD ONCRMDEALUPDATE ONCRMDEALDELETE";
/// The connector of every scene that has one.
pub const CONNECTOR: &str = "warehouse";

/// A configuration for these events with the scenes' connector.
#[must_use]
pub fn config(names: &str) -> Config {
    let mut config = Config::new("portal.example", events(names));
    config.connector = Connector::new(CONNECTOR).ok();
    config
}

/// A portal of this personality where everything that `config` names is bound already.
#[must_use]
pub fn bound(personality: Personality, config: Config) -> World {
    bound_at(Settings { personality, ..Settings::default() }, config)
}

/// The same with a portal by `settings`.
#[must_use]
pub fn bound_at(settings: Settings, config: Config) -> World {
    let connector = config.connector.as_ref().map_or("", Connector::as_str).to_owned();
    let names = config.events.clone();
    let mut world = World::new(settings, config);
    for event in names {
        world.portal.bind(event.as_str(), &connector);
    }
    world
}

/// A plan without `rest_offline_extended`.
#[must_use]
pub fn without_reservation() -> Plan {
    Plan { offline_extended: Feature::Off, ..Plan::default() }
}

/// What goes wrong with the next so many calls of a method.
#[must_use]
pub fn fault(method: &str, count: u64, kind: FaultKind) -> Fault {
    Fault { method: Some(method.into()), after: 0, count, kind }
}

/// How often a method was asked for inside a batch.
#[must_use]
pub fn sent(world: &World, method: &str) -> usize {
    world.calls.iter().flat_map(sub_calls).filter(|(_, name)| name == method).count()
}

/// So many new objects of a kind; their ids.
pub fn make(world: &mut World, kind: &str, count: usize) -> Vec<String> {
    let now = world.now();
    (0..count)
        .filter_map(|n| world.portal.create(kind, json!({ "TITLE": n.to_string() }), now))
        .collect()
}

/// So many new deals; their ids.
pub fn deals(world: &mut World, count: usize) -> Vec<String> {
    make(world, "crm.deal", count)
}

/// One verdict for all of a batch.
#[must_use]
pub fn all(verdict: Verdict) -> Verdicts {
    Verdicts::All { verdict, except: Vec::new() }
}

/// A rejection.
#[must_use]
pub fn reject() -> Verdict {
    Verdict::Reject { reason: "no such account".into() }
}

/// People change a deal.
pub fn change(world: &mut World, id: &str) {
    let now = world.now();
    world.portal.change("crm.deal", id, json!({ "COMMENTS": "later" }), now);
}

/// One thing more happens; `false` when nothing is left within an hour.
pub fn one_step(world: &mut World) -> bool {
    let end = world.now() + 3_600_000;
    world.step(end)
}

/// Nothing was lost, nothing went back, nothing is left over.
///
/// # Panics
/// When something was, with what was told.
pub fn nothing_lost(world: &World, told: &str) {
    let audit = world.audit();
    assert_eq!(audit.lost, [], "{told} {:#?}", world.notices);
    assert_eq!((audit.regressions, audit.bucket_violations), (0, 0), "{told}");
    assert_eq!((audit.free_records, audit.error_records), (0, 0), "{told}");
    assert_eq!(world.left_reserved(), [0; 0], "{told} {:#?}", world.notices);
}
