//! The search sees what it is made to see, and tells the same each time.

use b24_offline_core::Defect;
use b24_offline_model::{Invariant, Options, TRAPS, caught, search};

/// One defect for each invariant that a defect can break here.
#[test]
fn wrong_machines_are_caught_by_the_promise_that_they_break() {
    let breaks = [
        (Defect::ClearBeforeDone, Invariant::NoEarlyDelete),
        (Defect::ClearWithoutIds, Invariant::ClearByName),
        (Defect::DeliverBeforeSaved, Invariant::WriteAhead),
        (Defect::TwoAtOnce, Invariant::NoRegress),
        (Defect::RepeatError, Invariant::BothLanes),
        (Defect::RetryGet, Invariant::LateSafe),
        (Defect::SweepOnce, Invariant::Converge),
    ];
    for (defect, invariant) in breaks {
        let story = caught(defect).unwrap().unwrap();
        assert_eq!(story.broken.0, invariant, "{story}");
    }
}

#[test]
fn a_story_is_told_in_words() {
    let story = caught(Defect::NoSweep).unwrap().unwrap().to_string();
    for words in [
        "Broken: Converge",
        "1. the portal records a change of deal 1 (v1) as record 1",
        "is killed and started again",
        "deal 1: portal v1, target v0",
    ] {
        assert!(story.contains(words), "{story}");
    }
}

#[test]
fn the_machine_keeps_every_promise_and_figures_are_the_same_each_time_on_any_number_of_threads() {
    let world = TRAPS.iter().find(|bounds| bounds.name == "trap-kill").unwrap();
    let figures = [1, 2, 3].map(|threads| {
        let outcome = search(world, Options { threads, ..Options::default() }).unwrap();
        assert!(outcome.complete && outcome.story.is_none());
        (outcome.states, outcome.edges, outcome.depth)
    });
    assert!(figures[0].0 > 500 && figures.iter().all(|other| *other == figures[0]), "{figures:?}");
}
