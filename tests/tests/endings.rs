//! How the machine ends when it can't go on, and what it finds by itself while it can.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm
)]

use b24_offline_core::*;
use b24_offline_emulator::{Fault, FaultKind, Feature, Personality, Plan, Settings};
use b24_offline_tests::scene::{DEALS, config};
use b24_offline_tests::{Wire, World, events};
use serde_json::json;

fn worlds(change: impl Fn(&mut Settings, &mut Config)) -> Vec<World> {
    [Personality::Documented, Personality::Source]
        .into_iter()
        .map(|personality| {
            let mut settings = Settings { personality, ..Settings::default() };
            let mut config = config(DEALS);
            change(&mut settings, &mut config);
            World::new(settings, config)
        })
        .collect()
}

fn failure(world: &mut World, within: u64) -> Failure {
    assert!(world.until_ended(within), "{:?} {:#?}", world.phase(), world.notices);
    match world.phase() {
        Some(Phase::Ended(End::Failed(failure))) => failure,
        other => panic!("{other:?}"),
    }
}

fn fault(kind: FaultKind, count: u64) -> Fault {
    Fault { method: None, after: 0, count, kind }
}

#[test]
fn a_plan_without_reservation_is_refused_where_it_could_lose_changes() {
    let without_journal = |config: &mut Config| config.journal = Durability::None;
    let with_reservation = |config: &mut Config| config.mode = Mode::Reserve;
    let choices: [&dyn Fn(&mut Config); 2] = [&without_journal, &with_reservation];
    for (feature, choose) in [Feature::Off, Feature::OffAsBoolean].into_iter().zip(choices) {
        for mut world in worlds(|settings, config| {
            settings.plan = Plan { offline_extended: feature, ..Plan::default() };
            choose(config);
        }) {
            world.start();
            let failure = failure(&mut world, 60_000);
            assert_eq!(failure, Failure::PlanWithoutReservation);
            assert_eq!(failure.exit_code(), 4);
        }
    }
}

#[test]
fn a_connector_on_a_plan_without_connectors_is_refused_and_without_one_all_is_well() {
    for mut world in worlds(|settings, _| {
        settings.plan = Plan { auth_connector: Feature::Off, ..Plan::default() };
    }) {
        world.start();
        assert!(matches!(failure(&mut world, 60_000), Failure::PlanWithoutConnector { .. }));
        world.config.connector = None;
        world.journal.clear();
        world.start();
        world.pass(10_000);
        assert_eq!(world.phase(), Some(Phase::Running));
    }
}

#[test]
fn self_hosted_portals_allow_everything() {
    for mut world in worlds(|settings, _| {
        settings.plan =
            Plan { offline_extended: Feature::SelfHosted, auth_connector: Feature::SelfHosted };
    }) {
        world.start();
        world.pass(10_000);
        assert_eq!(world.phase(), Some(Phase::Running));
    }
}

#[test]
fn who_is_no_administrator_is_told_so() {
    for mut world in worlds(|_, _| {}) {
        world.portal.set_administrator("1", false);
        world.start();
        assert_eq!(failure(&mut world, 60_000).exit_code(), 4);
    }
}

#[test]
fn a_missing_scope_is_named() {
    for mut world in worlds(|settings, _| settings.scopes = vec!["task".into()]) {
        for event in events(DEALS) {
            world.portal.bind(event.as_str(), "warehouse");
        }
        world.portal.create("crm.deal", json!({}), world.now());
        world.start();
        let failure = failure(&mut world, 60_000);
        assert_eq!(failure.exit_code(), 4, "{failure:?}");
    }
}

#[test]
fn a_refused_refresh_asks_to_sign_in_again() {
    for mut world in worlds(|_, _| {}) {
        world.start();
        world.pass(5_000);
        world.portal.revoke_tokens();
        assert_eq!(failure(&mut world, 60_000).exit_code(), 3);
    }
}

#[test]
fn an_unknown_event_is_named() {
    for mut world in worlds(|_, config| config.events = events("ONCRMDEALADD ONNOSUCHTHING")) {
        world.start();
        let failure = failure(&mut world, 60_000);
        assert!(
            matches!(&failure, Failure::UnknownEvent { event, .. }
            if event.as_str() == "ONNOSUCHTHING"),
            "{failure:?}"
        );
        assert_eq!(failure.exit_code(), 2);
    }
}

#[test]
fn a_connector_in_another_spelling_is_refused() {
    for mut world in worlds(|_, _| {}) {
        world.portal.bind("ONCRMDEALADD", "Warehouse");
        world.start();
        assert!(matches!(failure(&mut world, 60_000), Failure::ConnectorSpelling { .. }));
    }
}

#[test]
fn html_for_a_minute_at_the_start_is_no_portal_and_for_less_it_is_waited_out() {
    for mut world in worlds(|_, _| {}) {
        world.portal.inject(fault(FaultKind::Html { status: 200, executed: false }, 1_000));
        world.start();
        assert_eq!(failure(&mut world, 61_000).exit_code(), 1);
        world.portal.clear_faults();
        world.portal.inject(fault(FaultKind::Html { status: 502, executed: false }, 4));
        world.start();
        world.pass(50_000);
        assert_eq!(world.phase(), Some(Phase::Running));
    }
}

#[test]
fn the_same_html_later_is_waited_out() {
    for mut world in worlds(|_, _| {}) {
        world.start();
        world.pass(5_000);
        world.portal.inject(fault(FaultKind::Html { status: 502, executed: false }, 8));
        world.pass(600_000);
        assert_eq!(world.phase(), Some(Phase::Running));
        let backing_off =
            world.notices.iter().filter(|n| matches!(n, Notice::BackingOff { .. })).count();
        assert_eq!(backing_off, 8);
    }
}

#[test]
fn vanished_bindings_are_bound_again_with_the_next_sweep_and_reported() {
    for mut world in worlds(|_, _| {}) {
        world.start();
        world.pass(5_000);
        world.portal.remove_bindings();
        world.pass(400_000);
        assert_eq!(world.portal.bindings().len(), 3);
        let words: Vec<String> = world.notices.iter().map(ToString::to_string).collect();
        assert!(words.iter().any(|notice| notice.contains("resync")), "{words:?}");
    }
}

#[test]
fn a_binding_that_vanished_between_two_runs_is_reported_and_a_first_binding_is_not() {
    for mut world in worlds(|_, _| {}) {
        world.start();
        world.pass(5_000);
        assert!(!world.noticed(|notice| matches!(notice, Notice::BindingsLost { .. })));
        world.crash();
        world.portal.remove_bindings();
        world.start();
        world.pass(5_000);
        assert!(world.noticed(|notice| matches!(notice, Notice::BindingsLost { .. })));
    }
}

#[test]
fn a_plan_that_loses_reservation_in_the_middle_ends_where_there_is_no_journal() {
    for mut world in worlds(|_, config| config.journal = Durability::None) {
        world.start();
        world.pass(2_000);
        for _ in 0..30 {
            world.portal.create("crm.deal", json!({}), world.now());
        }
        world.portal.set_plan(Plan { offline_extended: Feature::Off, ..Plan::default() });
        assert_eq!(failure(&mut world, 60_000), Failure::PlanWithoutReservation);
        world.portal.set_plan(Plan::default());
        world.start();
        world.pass(60_000);
        assert_eq!(world.audit().lost, []);
        assert_eq!(world.target.objects.len(), 30);
    }
}

#[test]
fn a_journal_of_another_queue_is_refused() {
    let mut world = worlds(|_, _| {}).remove(0);
    world.start();
    world.pass(5_000);
    let entries: Vec<JournalEntry> = world
        .journal
        .iter()
        .map(|(key, value)| JournalEntry { key: key.clone(), value: value.clone() })
        .collect();
    let journal = JournalContents { entries, ..JournalContents::default() };
    let mut other = config(DEALS);
    other.connector = Some(Connector::new("shop").unwrap());
    let refused = Machine::open(other, journal.clone(), 1, Timestamp(world.now()));
    assert!(matches!(refused, Err(ConfigError::ForeignJournal { .. })));
    let mut other = config(DEALS);
    other.portal = "elsewhere.example".into();
    let refused = Machine::open(other, journal, 1, Timestamp(world.now()));
    assert!(matches!(refused, Err(ConfigError::ForeignJournal { .. })));
}

#[test]
fn a_save_that_fails_stops_before_anything_more_is_reserved() {
    let mut world = worlds(|_, _| {}).remove(0);
    world.start();
    let mut machine = world.machine.take().unwrap();
    let mut other =
        Machine::open(config(DEALS), JournalContents::default(), 1, Timestamp(world.now()))
            .unwrap();
    let step = other.handle(Input::Tick, Timestamp(world.now())).unwrap();
    let save = step.effects.iter().find_map(|effect| match effect {
        Effect::Save(save) => Some(save.id),
        _ => None,
    });
    let failed = SaveOutcome::Failed { why: "no space left on the device".into() };
    let input = Input::Saved { save: save.unwrap(), outcome: failed };
    let step = other.handle(input, Timestamp(world.now())).unwrap();
    assert!(!step.effects.iter().any(|effect| matches!(effect, Effect::Call(_))));
    assert!(matches!(other.status().phase, Phase::Ended(End::Failed(Failure::Journal { .. }))));
    assert!(machine.handle(Input::Stop, Timestamp(world.now())).is_ok());
}

#[test]
fn a_deleted_portal_is_named_and_not_called_again() {
    for mut world in worlds(|_, _| {}) {
        world.start();
        world.pass(5_000);
        let kind = FaultKind::Error {
            status: 403,
            code: "PORTAL_DELETED".into(),
            description: "Portal was deleted".into(),
        };
        world.portal.inject(fault(kind, 100));
        assert_eq!(failure(&mut world, 60_000).exit_code(), 6);
        let calls = world.calls.len();
        world.pass(600_000);
        assert_eq!(world.calls.len(), calls);
    }
}

#[test]
fn a_redirect_is_a_portal_that_has_moved() {
    for mut world in worlds(|_, _| {}) {
        world.wire = Some(Wire::new(|_, _, (delay, _)| {
            (delay, Reply::Answer { status: 302, body: String::new() })
        }));
        world.start();
        let failure = failure(&mut world, 60_000);
        assert!(matches!(failure, Failure::PortalGone { .. }), "{failure:?}");
    }
}
