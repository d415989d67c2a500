//! Random scenes of two consumers, with and without an inbox in front of the target.

use b24_offline_tests::scenario::fault;

use super::*;

/// Numbers that look random, the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Two consumers, changes and faults. Either their code is slow, by far slower than the lease, or they
/// are killed: one that applies an old copy and then dies is for the target to refuse.
fn any_scene(seed: u64) {
    let mut dice = Dice(seed);
    let mut pair = pair(BOTH[dice.below(2) as usize]);
    let slow = dice.below(2) == 0;
    let journal = if dice.below(3) == 0 { Durability::None } else { Durability::Durable };
    for which in 0..2 {
        pair.at(which).config.batch_size = BatchSize::Fixed(1 + dice.below(20) as u32);
        pair.at(which).config.journal = journal;
        let mut own = Dice(dice.below(u64::MAX >> 34));
        pair.at(which).script = slow.then(|| {
            Script::new(move |_, _| {
                let millis = [5, 900, 100_000, 700_000][own.below(4) as usize];
                vec![(millis, all(Verdict::Done))]
            })
        });
    }
    let mut ids = deals(pair.at(0), 10);
    pair.at(0).target.inbox = dice.below(2) == 0;
    pair.start();
    for number in 0..40 {
        match dice.below(8) {
            0 => ids.extend(deals(pair.at(0), 3)),
            1..=3 => change(pair.at(0), &ids[dice.below(ids.len() as u64) as usize]),
            4 => {
                let (method, kind) = (dice.below(8) as usize, dice.below(22) as usize);
                pair.at(0).portal.inject(fault(method, kind, dice.below(4), number));
            }
            5 if !slow => {
                let which = dice.below(2) as usize;
                pair.at(which).crash_after_saving(dice.below(3) as usize);
                pair.pass(dice.below(40_000));
                pair.at(which).start();
            }
            _ => pair.pass(dice.below(60_000)),
        }
        for which in 0..2 {
            if matches!(pair.seen(which).phase(), Some(Phase::Ended(_))) {
                pair.at(which).crash();
                pair.at(which).start();
            }
        }
    }
    pair.at(0).portal.clear_faults();
    for _ in 0..100 {
        pair.pass(3 * 60_000);
        let held = |which: usize| pair.seen(which).machine.as_ref().map(|m| m.status().held);
        if pair.portal().queue_len() == 0 && held(0) == Some(0) && held(1) == Some(0) {
            break;
        }
    }
    nothing_lost(&pair, &format!("seed {seed}"));
}

#[test]
fn whatever_happens_to_two_consumers_the_target_ends_at_the_newest_state() {
    for seed in (0..150).step_by(every(10)) {
        any_scene(seed);
    }
}
