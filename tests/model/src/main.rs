//! `cargo xtask model` runs this.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use b24_offline_core::Defect;
use b24_offline_model::{Bounds, Options, TRAPS, WORLDS, caught, search};
use clap::Parser;

/// A run looks at so many states at least.
const LEAST: usize = 1_100_000;
/// So does a deep one.
const LEAST_DEEP: usize = 5_000_000;

/// Checks the machine in every state of some bounded worlds
#[derive(Parser)]
#[command(name = "cargo xtask model")]
struct Arguments {
    /// Larger worlds too
    #[arg(long)]
    deep: bool,
    /// Only this world
    #[arg(long, value_name = "NAME")]
    config: Option<String>,
    /// A machine with this deliberate defect, in small worlds; `all` for each in turn
    #[arg(long, value_name = "NAME")]
    defect: Option<String>,
    /// Print how far each search is
    #[arg(long)]
    progress: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.defect {
        Some(name) => defects(name, &arguments),
        None => worlds(&arguments),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("model: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn worlds(arguments: &Arguments) -> Result<bool> {
    let chosen = chosen(arguments)?;
    let head = ["world", "states", "edges", "depth", "seconds"];
    println!("{:<18} {:>10} {:>11} {:>6} {:>8}", head[0], head[1], head[2], head[3], head[4]);
    let (mut states, mut edges, mut took, mut right) = (0, 0, Duration::ZERO, true);
    for bounds in &chosen {
        let options = Options { progress: arguments.progress, ..Options::default() };
        let outcome = search(bounds, options)?;
        println!(
            "{:<18} {:>10} {:>11} {:>6} {:>8.1}  {}",
            bounds.name,
            outcome.states,
            outcome.edges,
            outcome.depth,
            outcome.took.as_secs_f64(),
            bounds.about
        );
        states += outcome.states;
        edges += outcome.edges;
        took += outcome.took;
        right &= outcome.complete;
        if let Some(story) = outcome.story {
            println!("\n{story}");
        }
    }
    println!("{:<18} {states:>10} {edges:>11} {:>6} {:>8.1}", "sum", "", took.as_secs_f64());
    let least = if arguments.deep { LEAST_DEEP } else { LEAST };
    if right && arguments.config.is_none() && states < least {
        println!("these are fewer than {least} states: the worlds have become too small");
        return Ok(false);
    }
    Ok(right)
}

fn chosen(arguments: &Arguments) -> Result<Vec<&'static Bounds>> {
    let Some(name) = &arguments.config else {
        return Ok(WORLDS.iter().filter(|bounds| arguments.deep || !bounds.deep).collect());
    };
    let found = WORLDS.iter().chain(TRAPS).find(|bounds| bounds.name == name);
    let known = || WORLDS.iter().chain(TRAPS).map(|b| b.name).collect::<Vec<_>>().join(", ");
    Ok(vec![found.with_context(|| format!("there is no world {name}; there are {}", known()))?])
}

fn defects(name: &str, arguments: &Arguments) -> Result<bool> {
    let named = |defect: &&Defect| name == "all" || format!("{defect:?}") == name;
    let chosen: Vec<Defect> = Defect::ALL.iter().filter(named).copied().collect();
    anyhow::ensure!(!chosen.is_empty(), "there is no defect {name}; see core/src/defect.rs");
    let mut right = true;
    for defect in chosen {
        let started = std::time::Instant::now();
        let story = match &arguments.config {
            None => caught(defect)?,
            Some(_) => {
                let options = Options { defect: Some(defect), ..Options::default() };
                let world = self::chosen(arguments)?;
                world.iter().find_map(|b| search(b, options).ok()?.story)
            }
        };
        let seconds = started.elapsed().as_secs_f64();
        match story {
            Some(story) if name == "all" => {
                let (steps, by) = (story.steps.len(), story.broken.0);
                println!("{defect:?}: {by:?} in {steps} steps, {}, {seconds:.1} s", story.world);
            }
            Some(story) => println!("{defect:?}: {}\n{story}", defect.words()),
            None => {
                println!("{defect:?}: not seen by this model, {seconds:.1} s");
                right &= name == "all";
            }
        }
    }
    Ok(right)
}
