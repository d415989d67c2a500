//! Requests and time of the machine alone, on virtual time, against a portal with its bucket.

use anyhow::{Result, ensure};
use b24_offline_core::{BatchSize, Config, Until};
use b24_offline_emulator::{Audit, Personality};
use b24_offline_tests::World;
use b24_offline_tests::scene::{DEALS, bound, config, deals};

use crate::figure::{Figure, real};

/// The backlogs that are drained.
pub const BACKLOGS: [u64; 5] = [1, 50, 1_000, 5_000, 50_000];
/// The same for a quick run.
pub const FEW: [u64; 3] = [1, 50, 1_000];
/// The largest batch that one may ask for.
pub const LARGEST: u32 = 2_250;
/// What the requests of a run are told in.
pub const PER_THOUSAND: &str = "requests per 1,000 changes";
/// The machine with every default.
pub const DEFAULTS: &str = "machine, defaults";
/// The machine with the largest batches.
pub const LARGE: &str = "machine, --batch-size 2250";

/// No run takes longer on virtual time, in milliseconds.
const MOST: u64 = 24 * 3_600_000;

/// What draining a queue cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Changes that the portal recorded.
    pub changes: u64,
    /// Requests, those that the bucket refused included.
    pub requests: u64,
    /// Requests that the bucket refused.
    pub refused: u64,
    /// From the first request to the end.
    pub seconds: f64,
}

impl Cost {
    /// What the portal counted. A run that lost something has no cost that could be compared.
    ///
    /// # Errors
    /// When something was lost, or was not confirmed.
    pub fn of(audit: &Audit, seconds: f64) -> Result<Cost> {
        ensure!(audit.lost.is_empty(), "{} objects were lost", audit.lost.len());
        let left = audit.free_records + audit.reserved_records + audit.error_records;
        ensure!(left == 0, "{left} records are left in the queue");
        Ok(Cost {
            changes: audit.changes,
            requests: audit.requests,
            refused: audit.bucket_violations,
            seconds,
        })
    }

    /// Requests per 1,000 changes.
    #[must_use]
    pub fn per_thousand(&self) -> f64 {
        real(self.requests) * 1_000.0 / real(self.changes.max(1))
    }

    /// The figures of one run.
    #[must_use]
    pub fn figures(&self, who: &str, unit_of_time: &str) -> Vec<Figure> {
        let figure = |value, unit: &str| Figure::new(who, value, unit).with(self.changes);
        vec![
            figure(real(self.requests), "requests"),
            figure(self.per_thousand(), PER_THOUSAND),
            figure(self.seconds, unit_of_time),
        ]
    }
}

/// The cost of so many changes more, in requests per 1,000 of them.
#[must_use]
pub fn margin(few: &Cost, many: &Cost) -> f64 {
    let requests = real(many.requests) - real(few.requests);
    requests * 1_000.0 / real(many.changes.saturating_sub(few.changes).max(1))
}

/// Drains so many new deals that wait at a portal with the standard bucket, from a cold start: the check of plan,
/// rights and bindings and the last look at the empty queue are included.
///
/// # Errors
/// When it does not end, or loses something.
pub fn machine(changes: u64, batch_size: BatchSize) -> Result<Cost> {
    let config = Config { until: Until::Empty, batch_size, ..config(DEALS) };
    let mut world = bound(Personality::Documented, config);
    deals(&mut world, usize::try_from(changes)?);
    let began = world.now();
    world.start();
    drained(world, began)
}

fn drained(mut world: World, began: u64) -> Result<Cost> {
    ensure!(world.until_ended(MOST), "the machine has not ended: {:?}", world.phase());
    let seconds = real(world.now() - began) / 1_000.0;
    Cost::of(&world.audit(), seconds)
}

/// The figures of the machine at these backlogs.
///
/// # Errors
/// When a run loses something.
pub fn figures(backlogs: &[u64]) -> Result<Vec<Figure>> {
    let mut all = Vec::new();
    for (who, batch_size, wanted) in
        [(DEFAULTS, BatchSize::Adaptive, 1.6), (LARGE, BatchSize::Fixed(LARGEST), 1.0)]
    {
        let runs = backlogs.iter().map(|changes| machine(*changes, batch_size));
        let runs = runs.collect::<Result<Vec<Cost>>>()?;
        for run in &runs {
            let mut figures = run.figures(who, "virtual seconds");
            let refused = Figure::new(who, real(run.refused), "requests refused by the bucket");
            figures.push(refused.with(run.changes).at_most(0.0));
            if run.changes == 5_000 {
                set(&mut figures, PER_THOUSAND, wanted);
                set(&mut figures, "virtual seconds", 15.0);
            }
            all.append(&mut figures);
        }
        all.extend(marginal(who, &runs));
    }
    Ok(all)
}

fn set(figures: &mut [Figure], unit: &str, most: f64) {
    for figure in figures.iter_mut().filter(|figure| figure.unit == unit) {
        *figure = figure.clone().at_most(most);
    }
}

/// What a change more costs from 5,000 to 50,000, where both were measured.
#[must_use]
pub fn marginal(who: &str, runs: &[Cost]) -> Option<Figure> {
    let of = |changes| runs.iter().find(|run| run.changes == changes);
    let value = margin(of(5_000)?, of(50_000)?);
    Some(Figure::new(who, value, "requests per 1,000 more, 5,000 to 50,000").at_most(0.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_changes_cost_a_few_requests_and_none_is_refused() {
        for batch_size in [BatchSize::Adaptive, BatchSize::Fixed(LARGEST)] {
            let few = machine(50, batch_size).unwrap();
            assert_eq!((few.changes, few.refused), (50, 0));
            assert!((1..=10).contains(&few.requests), "{few:?}");
            assert!(few.seconds > 0.0, "{few:?}");
        }
    }

    #[test]
    fn the_margin_is_told_in_thousands_of_changes() {
        let cost = |changes, requests| Cost { changes, requests, refused: 0, seconds: 1.0 };
        let (few, many) = (cost(5_000, 8), cost(50_000, 26));
        assert_eq!(margin(&few, &many), 0.4);
        assert_eq!(few.per_thousand(), 1.6);
        let figure = marginal("machine", &[few, many]).unwrap();
        assert_eq!(figure.verdict(), "at most 0.500: reached");
        assert_eq!(marginal("machine", &[few]), None);
    }

    #[test]
    fn a_run_that_lost_something_has_no_cost() {
        let audit = Audit { free_records: 2, ..Audit::default() };
        assert!(Cost::of(&audit, 1.0).unwrap_err().to_string().contains("2 records are left"));
    }
}
