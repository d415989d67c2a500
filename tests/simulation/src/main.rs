//! Whole lives of a queue and its client under one virtual clock, each made from one seed.
//!
//! A life has a phase in which everything goes wrong that can, and a quiet one in which all must converge.
//! [`plan`] and [`faults`] make it from the seed, [`world`] lives it with the machine and the emulator,
//! [`witness`] and [`life`] check the promises ([`law`]) and count rare situations ([`marks`]). A life that
//! fails is made small ([`shrink`]), told, and kept in `seeds/`, which each run lives first.

#![forbid(unsafe_code)]
#![allow(clippy::indexing_slicing)]

#[cfg(feature = "defect")]
mod broken;
mod faults;
mod handler;
mod journal;
mod law;
mod life;
mod marks;
mod others;
mod plan;
mod random;
mod run;
mod shrink;
mod wire;
mod witness;
mod world;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

use crate::plan::Plan;
use crate::run::{AfterBreach, Size};
use crate::world::Maker;

// a life makes and forgets millions of small texts
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "b24-offline-simulation", about = "Whole lives of a queue and its client")]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Live many lives
    Simulate(Simulate),
    /// Live with machines that are wrong on purpose until each is caught
    #[cfg(feature = "defect")]
    Broken {
        /// This defect alone
        #[arg(long)]
        defect: Option<String>,
        /// Tell the story of this seed with the defect
        #[arg(long, requires = "defect")]
        seed: Option<u64>,
        /// Tell the story of this kept life with the defect
        #[arg(long, value_name = "NAME", requires = "defect")]
        kept: Option<String>,
        /// Shrink the lives that catch a defect, and keep them
        #[arg(long)]
        keep: bool,
    },
}

#[derive(clap::Args)]
struct Simulate {
    /// Lives of about two hundred calls
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    seeds: u64,
    /// Lives of forty days at production intervals
    #[arg(long, value_name = "N", default_value_t = 500)]
    long: u64,
    /// Tell the story of this one seed
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// Tell the story of this kept life
    #[arg(long, value_name = "NAME", conflicts_with = "seed")]
    kept: Option<String>,
    /// The seed is one of forty days
    #[arg(long, requires = "seed")]
    forty_days: bool,
    /// Other lives than those of each run
    #[arg(long, value_name = "N", env = "B24_SEED", default_value_t = 0)]
    base: u64,
    /// Go on after a broken promise, and list all lives that broke one
    #[arg(long)]
    go_on: bool,
    /// Ten times as many lives
    #[arg(long)]
    deep: bool,
}

fn main() -> ExitCode {
    match perform(Arguments::parse().action) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("simulation: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(action: Action) -> Result<bool> {
    match action {
        Action::Simulate(Simulate { kept: Some(name), .. }) => {
            Ok(run::story(&run::kept_plan(&name)?, Maker::default()))
        }
        Action::Simulate(asked) => match asked.seed {
            Some(seed) => {
                let plan = if asked.forty_days { Plan::long(seed) } else { Plan::short(seed) };
                Ok(run::story(&plan, Maker::default()))
            }
            None => {
                let times = if asked.deep { 10 } else { 1 };
                let (short, long) = (asked.seeds * times, asked.long * times);
                let after_breach = if asked.go_on { AfterBreach::GoOn } else { AfterBreach::Tell };
                run::run(Size { short, long, base: asked.base, after_breach })
            }
        },
        #[cfg(feature = "defect")]
        Action::Broken { defect, seed, kept, .. } if seed.is_some() || kept.is_some() => {
            let named = |known: &&b24_offline_core::Defect| {
                defect.as_ref().is_some_and(|name| format!("{known:?}").eq_ignore_ascii_case(name))
            };
            let defect = b24_offline_core::Defect::ALL.iter().find(named).copied();
            let plan = match kept {
                Some(name) => run::kept_plan(&name)?,
                None => Plan::short(seed.unwrap_or_default()),
            };
            Ok(run::story(&plan, Maker { defect }))
        }
        #[cfg(feature = "defect")]
        Action::Broken { defect, keep, .. } => broken::run(defect.as_deref(), keep),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::life::live;
    use crate::world::Keep;

    #[test]
    fn kept_lives_keep_every_promise() {
        for (name, plan) in run::kept_plans().unwrap() {
            let life = live(&plan, Maker::default(), Keep::default());
            assert_eq!(life.breach, None, "{name}");
        }
    }

    #[test]
    fn some_lives_keep_every_promise_and_leave_one_trace() {
        for seed in 0..60 {
            let keep = Keep { trace: true, story: false };
            let plan = Plan::short(seed);
            let (one, other) =
                (live(&plan, Maker::default(), keep), live(&plan, Maker::default(), keep));
            assert_eq!(one.breach, None, "seed {seed}");
            assert_eq!((one.trace, one.calls), (other.trace, other.calls), "seed {seed}");
        }
    }
}
