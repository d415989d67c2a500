//! Bindings that vanish: they are bound again, and the gap is told with its bounds.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use b24_offline_core::*;
use b24_offline_emulator::{Fault, FaultKind, Personality};
use b24_offline_tests::scene::{CONNECTOR, DEALS, bound, config, one_step};
use b24_offline_tests::{Traces, Wire, World, sub_calls};

const MINUTE: u64 = 60_000;
/// A sweep is due every five minutes, give or take a quarter.
const TO_THE_NEXT_SWEEP: u64 = 7 * MINUTE;

fn worlds() -> Vec<World> {
    let personalities = [Personality::Documented, Personality::Source];
    personalities.into_iter().map(|personality| bound(personality, config(DEALS))).collect()
}

/// Goes on to the next call that holds this method; the time when it was made.
fn until_called(world: &mut World, method: &str) -> u64 {
    let end = world.now() + TO_THE_NEXT_SWEEP;
    let mut seen = world.calls.len();
    loop {
        let time = world.now();
        assert!(world.now() <= end && one_step(world), "no {method} after {time}");
        for call in &world.calls[seen..] {
            if sub_calls(call).iter().any(|(_, name)| name == method) {
                return world.now();
            }
        }
        seen = world.calls.len();
    }
}

/// The gaps that were told: of how many events, since and until when.
fn gaps(world: &World) -> Vec<(usize, Option<u64>, u64)> {
    let gap = |notice: &Notice| {
        let Notice::BindingsLost { events, since, until } = notice else { return None };
        Some((events.len(), since.map(|at| at.0), until.0))
    };
    world.notices.iter().filter_map(gap).collect()
}

fn words(world: &World) -> Vec<String> {
    world.notices.iter().map(ToString::to_string).filter(|w| w.contains("had vanished")).collect()
}

fn missing_bind(count: u64, kind: FaultKind) -> Fault {
    Fault { method: Some("event.bind".into()), after: 0, count, kind }
}

#[test]
fn a_gap_in_the_run_lies_between_two_looks_at_the_bindings() {
    for mut world in worlds() {
        world.start();
        world.pass(MINUTE);
        let seen = until_called(&mut world, "event.get");
        world.pass(MINUTE);
        world.portal.remove_bindings();
        let found = until_called(&mut world, "event.get");
        world.pass(MINUTE);
        assert_eq!(world.portal.bindings().len(), 3);
        let (count, since, until) = gaps(&world)[0];
        assert_eq!((count, since, gaps(&world).len()), (3, Some(seen), 1));
        assert!((found..found + 1_000).contains(&until), "{until}");
        assert!(words(&world)[0].contains("changes made between 2026-"), "{:?}", words(&world));
    }
}

#[test]
fn a_binding_lost_again_is_told_again() {
    for mut world in worlds() {
        world.start();
        world.pass(MINUTE);
        for time in 1..=3 {
            world.portal.remove_bindings();
            world.pass(TO_THE_NEXT_SWEEP);
            assert_eq!(world.portal.bindings().len(), 3);
            assert_eq!(gaps(&world).len(), time);
        }
        let gaps = gaps(&world);
        for pair in gaps.windows(2) {
            // they had been there right after the first gap
            assert!(pair[1].1 >= Some(pair[0].2), "{gaps:?}");
        }
        // lost before any further look: since they were bound again
        world.portal.remove_bindings();
        until_called(&mut world, "event.bind");
        let rebound = world.now();
        world.pass(1_000);
        world.portal.remove_bindings();
        world.pass(TO_THE_NEXT_SWEEP);
        let last = self::gaps(&world)[4].1;
        assert_eq!(last, Some(rebound));
    }
}

#[test]
fn a_gap_between_two_runs_begins_with_the_last_look_of_the_first() {
    for mut world in worlds() {
        world.start();
        world.pass(MINUTE);
        let seen = until_called(&mut world, "event.get");
        world.pass(2 * MINUTE);
        world.crash();
        world.portal.remove_bindings();
        world.pass(60 * MINUTE);
        world.start();
        let started = world.now();
        world.pass(MINUTE);
        let (count, since, until) = gaps(&world)[0];
        assert_eq!((count, since, gaps(&world).len()), (3, Some(seen), 1));
        assert!((started..started + 2_000).contains(&until));
    }
}

/// FNV-1a over key and text, as the journal has it.
fn checksum(key: &str, text: &str) -> u64 {
    let bytes = key.bytes().chain([0]).chain(text.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[test]
fn an_older_journal_and_a_clock_that_was_set_back_know_no_beginning() {
    for mut world in worlds() {
        world.start();
        world.pass(MINUTE);
        world.crash();
        let entry = world.journal.get_mut("queue").unwrap();
        let (text, seen) = entry.get(17..).unwrap().split_once(",\"seen\":").unwrap();
        assert!(seen.starts_with("1795"), "{seen}");
        let older = format!("{text}}}");
        *entry = format!("{:016x} {older}", checksum("queue", &older));
        world.portal.remove_bindings();
        world.start();
        world.pass(MINUTE);
        assert!(matches!(gaps(&world)[..], [(3, None, _)]));
        assert!(words(&world)[0].contains("changes made before 2026-"));
        world.crash();
        world.skew = -10_000_000;
        world.portal.remove_bindings();
        world.start();
        world.pass(MINUTE);
        assert!(matches!(gaps(&world)[1..], [(3, None, _)]));
    }
}

#[test]
fn a_lost_answer_hides_nothing_and_the_time_until_then_belongs_to_the_gap() {
    for mut world in worlds() {
        world.start();
        world.pass(MINUTE);
        world.portal.remove_bindings();
        world.portal.inject(missing_bind(2, FaultKind::RequestLost { hang_ms: 20_000 }));
        until_called(&mut world, "event.get");
        world.pass(2 * MINUTE);
        assert_eq!(world.portal.bindings().len(), 3);
        let gaps = gaps(&world);
        assert_eq!(gaps.len(), 2, "{gaps:?}");
        assert_eq!((gaps[0].0, gaps[0].1), (gaps[1].0, gaps[1].1));
        assert!(gaps[1].2 >= gaps[0].2 + 40_000, "{gaps:?}");
    }
}

#[test]
fn an_executed_bind_with_a_lost_answer_counts_as_bound() {
    for mut world in worlds() {
        world.start();
        world.pass(MINUTE);
        world.portal.remove_bindings();
        world.portal.inject(missing_bind(1, FaultKind::AnswerLost { hang_ms: 500 }));
        world.pass(TO_THE_NEXT_SWEEP);
        assert!(!gaps(&world).is_empty());
        // "already bound" ended it: no further attempt, and nothing more to tell
        let (calls, told) = (world.calls.len(), gaps(&world).len());
        world.pass(3 * TO_THE_NEXT_SWEEP);
        let binds = |call: &Call| sub_calls(call).iter().any(|(_, name)| name == "event.bind");
        assert!(!world.calls[calls..].iter().any(binds));
        assert_eq!((world.portal.bindings().len(), gaps(&world).len()), (3, told));
    }
}

#[test]
fn a_crash_before_the_new_binding_tells_of_it_again() {
    for mut world in worlds() {
        world.start();
        world.pass(MINUTE);
        world.portal.remove_bindings();
        world.portal.inject(missing_bind(9, FaultKind::RequestLost { hang_ms: 20_000 }));
        until_called(&mut world, "event.bind");
        assert_eq!(gaps(&world).len(), 1);
        world.crash();
        world.portal.clear_faults();
        world.start();
        world.pass(MINUTE);
        let gaps = gaps(&world);
        assert_eq!((gaps.len(), gaps[0].1), (2, gaps[1].1), "since the same look");
        assert_eq!(world.portal.bindings().len(), 3);
    }
}

#[test]
fn a_connector_in_another_spelling_is_refused_when_a_later_look_finds_it() {
    for mut world in worlds() {
        world.start();
        world.pass(MINUTE);
        world.portal.bind("ONCRMCONTACTADD", "wareHOUSE");
        assert!(world.until_ended(TO_THE_NEXT_SWEEP));
        let Some(Phase::Ended(End::Failed(failure))) = world.phase() else { panic!() };
        let Failure::ConnectorSpelling { wanted, bound } = &failure else { panic!("{failure:?}") };
        assert_eq!((wanted.as_str(), bound.as_str()), (CONNECTOR, "wareHOUSE"));
        assert_eq!(failure.exit_code(), 2);
    }
}

#[test]
fn another_connector_is_another_queue() {
    for mut world in worlds() {
        world.portal.bind("ONCRMDEALADD", "Warehouse 2");
        world.portal.bind("ONCRMDEALADD", "");
        world.start();
        world.pass(3 * TO_THE_NEXT_SWEEP);
        assert_eq!(world.phase(), Some(Phase::Running));
        assert_eq!(gaps(&world), []);
    }
}

#[test]
fn a_missing_answer_of_the_look_is_no_gap() {
    for mut world in worlds() {
        world.start();
        world.pass(MINUTE);
        world.wire = Some(Wire::refusing("event.get", "ERROR_CORE", "not now"));
        world.pass(3 * TO_THE_NEXT_SWEEP);
        assert_eq!(gaps(&world), []);
        world.wire = None;
        world.portal.remove_bindings();
        world.pass(TO_THE_NEXT_SWEEP);
        let (_, since, until) = gaps(&world)[0];
        assert!(until - since.unwrap() > 3 * TO_THE_NEXT_SWEEP, "the last look that showed them");
    }
}

#[test]
fn the_time_of_the_last_look_costs_one_save_a_sweep() {
    for mut world in worlds() {
        world.traces = Some(Traces::default());
        world.start();
        world.pass(60 * MINUTE);
        let sweeps = world.machine.as_ref().unwrap().status().counters.sweeps;
        assert!(sweeps >= 8, "{sweeps}");
        let trace = world.traces.unwrap_or_default().texts()[0].clone();
        let saves = trace.matches("\"key\":\"queue\"").count() as u64;
        // one for the new journal, one for what is bound
        assert!((sweeps..=sweeps + 2).contains(&saves), "{saves} saves, {sweeps} sweeps");
    }
}
