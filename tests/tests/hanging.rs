//! Scenes of the user's code hanging while it counts as down: what hangs holds its own object only.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use b24_offline_core::*;
use b24_offline_emulator::Personality;
use b24_offline_tests::scene::{DEALS, bound, config, deals};
use b24_offline_tests::{Script, World};

fn all(verdict: Verdict) -> Vec<(u64, Verdicts)> {
    vec![(5, Verdicts::All { verdict, except: Vec::new() })]
}

/// The first four deliveries fail; the object of the fourth, which is tried again alone, hangs then.
fn probe_hangs(on_reject: OnReject) -> World {
    let attempts = Retry { first_delay: Millis(500), attempts: 6 };
    let size = BatchSize::Fixed(1);
    let config = Config { batch_size: size, retry: attempts, on_reject, ..config(DEALS) };
    let mut world = bound(Personality::Source, config);
    deals(&mut world, 8);
    let (mut failed, mut hangs) = (0, None);
    world.script = Some(Script::new(move |batch, _| {
        let object = batch.changes[0].object.clone();
        if failed < 4 {
            failed += 1;
            hangs = Some(object);
            return all(Verdict::Retry { after: None });
        }
        if hangs.as_ref() == Some(&object) { Vec::new() } else { all(Verdict::Done) }
    }));
    world
}

#[test]
fn a_probe_that_hangs_does_not_keep_the_others_from_being_tried() {
    let mut world = probe_hangs(OnReject::Park);
    world.start();
    world.pass(600_000);
    assert!(world.noticed(|notice| *notice == Notice::HandlerDown));
    let status = world.machine.as_ref().unwrap().status();
    assert_eq!((status.held, status.delivering, status.counters.done), (1, 1, 7));
    assert_eq!(status.phase, Phase::Running);
}
