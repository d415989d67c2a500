//! From a change to the handler that gets it, on virtual time: an idle queue is watched at the default interval.

use anyhow::{Result, ensure};
use b24_offline_core::Input;
use b24_offline_emulator::Personality;
use b24_offline_tests::World;
use b24_offline_tests::scene::{DEALS, bound, config, deals};

use crate::figure::{Figure, real};

/// How many changes are made, one after the other.
pub const CHANGES: u64 = 400;
/// The same for a quick run.
pub const FEW: u64 = 60;

/// The queue rests for so long between two changes, in milliseconds: whole intervals and a part of one that differs
/// from change to change.
const REST: u64 = 20_000;
const STEP: u64 = 617;
const INTERVAL: u64 = 5_000;
/// No change waits longer, in milliseconds.
const MOST: u64 = 600_000;

/// Sorted waits in milliseconds.
struct Waits(Vec<u64>);

/// How long so many single changes wait, with a nudge at the moment of the change or without.
fn waits(changes: u64, nudged: bool) -> Result<Waits> {
    let mut world = bound(Personality::Documented, config(DEALS));
    world.start();
    world.pass(REST);
    let mut waits = Vec::new();
    for number in 0..changes {
        world.pass(REST + number * STEP % INTERVAL);
        let changed = world.now();
        deals(&mut world, 1);
        if nudged {
            world.give(Input::Nudge);
        }
        waits.push(delivered(&mut world)? - changed);
    }
    ensure!(world.audit().bucket_violations == 0, "the bucket refused a request");
    waits.sort_unstable();
    Ok(Waits(waits))
}

/// Goes on until the next change is handed to the handler, and answers when.
fn delivered(world: &mut World) -> Result<u64> {
    let (before, end) = (world.deliveries.len(), world.now() + MOST);
    while world.deliveries.len() == before {
        ensure!(world.step(end), "a change was not delivered: {:?}", world.phase());
    }
    Ok(world.now())
}

impl Waits {
    /// The wait that so many of a hundred do not exceed, in seconds.
    fn percent(&self, percent: usize) -> f64 {
        let last = self.0.len().saturating_sub(1);
        real(self.0.get(last * percent / 100).copied().unwrap_or_default()) / 1_000.0
    }
}

/// The figures, with and without a nudge.
///
/// # Errors
/// When a change is not delivered.
pub fn figures(changes: u64) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (who, nudged) in [("machine, polling every 5 s", false), ("machine, nudged", true)] {
        let waits = waits(changes, nudged)?;
        for (percent, unit) in [
            (50, "s from change to handler, half of them"),
            (95, "s from change to handler, 95 of 100"),
            (100, "s from change to handler, the longest"),
        ] {
            figures.push(Figure::new(who, waits.percent(percent), unit).with(changes));
        }
    }
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nudge_is_quicker_than_the_next_look() {
        let (polled, nudged) = (waits(40, false).unwrap(), waits(40, true).unwrap());
        assert!(nudged.percent(50) < polled.percent(50));
        assert!(polled.percent(100) < 6.0 && nudged.percent(100) < 2.0);
    }

    #[test]
    fn a_percentage_names_the_wait_that_so_many_do_not_exceed() {
        let waits = Waits((1..=101).map(|second| second * 1_000).collect());
        assert_eq!([0, 50, 95, 100].map(|part| waits.percent(part)), [1.0, 51.0, 96.0, 101.0]);
    }
}
