//! Random scenes of changes, faults, crashes and verdicts: nothing is ever lost.
//!
//! `B24_CASES` sets how many, `B24_SEED` from which seed on (a number; without one, and without
//! `B24_DEEP`, the same scenes each run). A failing scene is shrunk, printed and kept in
//! `proptest-regressions/`, from where every run plays it again.

#![allow(clippy::panic)]

use b24_offline_core::{Durability, OnReject, Retrieve};
use b24_offline_emulator::{Charge, Personality};
use b24_offline_tests::Behaviour;
use b24_offline_tests::mutant::is_tried;
use b24_offline_tests::scenario::{Event, Setup, fault, play};
use proptest::prelude::*;
use proptest::test_runner::{FailurePersistence, FileFailurePersistence, RngSeed};

/// Where failing scenes are kept.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/random.txt");

fn setup() -> impl Strategy<Value = Setup> {
    let personality = prop_oneof![Just(Personality::Documented), Just(Personality::Source)];
    let retrieve =
        prop_oneof![6 => Just(Retrieve::List), 2 => Just(Retrieve::Get), 1 => Just(Retrieve::None)];
    let size = prop_oneof![3 => Just(0u32), 1 => 1u32..60];
    let on_reject = prop_oneof![2 => Just(OnReject::Park), 1 => Just(OnReject::Register)];
    let journal = prop_oneof![4 => Just(Durability::Durable), 1 => Just(Durability::None)];
    let operating = prop_oneof![3 => Just(480_000u64), 1 => 3_000u64..20_000];
    let charge = prop_oneof![Just(Charge::Methods), Just(Charge::Batch), Just(Charge::Absent)];
    let first = (personality, retrieve, size, on_reject);
    (first, journal, any::<bool>(), operating, charge, 0u64..1_000).prop_map(
        |(
            (personality, retrieve, size, on_reject),
            journal,
            connector,
            operating_ms,
            charge,
            seed,
        )| {
            Setup {
                personality,
                retrieve,
                size,
                on_reject,
                journal,
                connector,
                operating_ms,
                charge,
                seed,
            }
        },
    )
}

fn behaviour() -> impl Strategy<Value = Behaviour> {
    let id = (1u32..8).prop_map(|id| id.to_string());
    prop_oneof![
        2 => Just(Behaviour::Works),
        1 => Just(Behaviour::Down),
        2 => (id.clone(), 1u32..6).prop_map(|(id, times)| Behaviour::Retries { id, times }),
        2 => id.clone().prop_map(|id| Behaviour::Rejects { id }),
        1 => id.prop_map(|id| Behaviour::Throws { id }),
        1 => Just(Behaviour::Halves),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let kind = || prop_oneof![5 => Just(0usize), 4 => 1usize..6];
    prop_oneof![
        4 => (kind(), 1usize..30).prop_map(|(kind, count)| Event::Create(kind, count)),
        6 => (kind(), 0usize..40).prop_map(|(kind, object)| Event::Change(kind, object)),
        2 => (kind(), 0usize..40).prop_map(|(kind, object)| Event::Delete(kind, object)),
        1 => (kind(), 0usize..10).prop_map(|(kind, object)| Event::Restore(kind, object)),
        1 => Just(Event::Strange),
        8 => (0usize..8, 0usize..22, 0u64..4, 0u64..10_000)
            .prop_map(|(method, kind, after, number)| Event::Fault(fault(method, kind, after, number))),
        8 => (1u64..40_000).prop_map(Event::Pass),
        2 => (0u64..100_000).prop_map(Event::Crash),
        3 => behaviour().prop_map(Event::Behave),
        1 => Just(Event::Nudge),
        1 => Just(Event::Redrive),
        2 => (0usize..2, 0usize..40).prop_map(|(kind, object)| Event::Write(kind, object)),
        1 => Just(Event::TokensExpire),
    ]
}

/// A number from the environment.
fn number<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    let Ok(number) = text.parse() else { panic!("{name} is '{text}', which is no number") };
    Some(number)
}

fn is_deep() -> bool {
    std::env::var_os("B24_DEEP").is_some()
}

fn cases() -> u32 {
    number("B24_CASES").unwrap_or(if is_deep() { 100_000 } else { 10_000 })
}

fn kept() -> Box<dyn FailurePersistence> {
    Box::new(FileFailurePersistence::Direct(KEPT))
}

/// The same scenes on every machine, unless others are asked for.
fn seed() -> RngSeed {
    match number("B24_SEED") {
        Some(seed) => RngSeed::Fixed(seed),
        None if is_deep() => RngSeed::Random,
        None => RngSeed::Fixed(1),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: (!is_tried()).then(kept),
        cases: cases(),
        rng_seed: seed(),
        max_shrink_iters: if is_tried() { 0 } else { 4_000 },
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_is_lost_whatever_happens(
        setup in setup(),
        happenings in prop::collection::vec(event(), 1..24),
    ) {
        if let Err(broken) = play(&setup, &happenings) {
            prop_assert!(false, "{}", broken);
        }
    }
}
