//! Gives the decoders of b24-offline what nobody would send: `cargo xtask fuzz`.
//!
//! Realistic texts are spoilt in a few places or beyond recognition: types swapped, fields dropped and doubled, deep
//! nesting, huge numbers, odd characters, cut anywhere. Whatever comes, a decoder does not panic (overflows count),
//! takes no more memory than a multiple of the input, and refuses with a typed error; a machine that was given
//! nonsense goes on and never hands out what breaks the rules of [`law`].
//!
//! | module | what it owns |
//! |---|---|
//! | `dice`, `tree`, `spoil` | chance, JSON that may be wrong, ways to go wrong |
//! | `feed`, `kept` | inputs made or kept; failing ones made small, kept and played again |
//! | `portal`, `session`, `law` | nearly good answers, a machine that gets them, what it may hand out |
//! | `decoder` | the decoders |
//! | `memory`, `tally` | what an input costs, sums |
//!
//! Each worker is a process of its own with one thread, so that memory can be counted.

#![forbid(unsafe_code)]
#![allow(clippy::indexing_slicing)]

mod decoder;
mod dice;
mod feed;
mod kept;
mod law;
mod memory;
mod portal;
mod session;
mod spoil;
mod tally;
mod tree;

use std::collections::BTreeMap;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;

use crate::decoder::Decoder;
use crate::dice::Dice;
use crate::feed::Feed;
use crate::kept::Case;
use crate::tally::Tally;

/// Inputs of a run.
const INPUTS: u64 = 1_100_000;
/// The same for deep runs.
const DEEP: u64 = 20_000_000;
/// So many plays in a row may give a decoder nothing.
const MOST_EMPTY: u64 = 1_000;

#[derive(Debug, Parser)]
#[command(about = "Gives the decoders of b24-offline what nobody would send")]
struct Arguments {
    /// How many inputs all decoders get together
    #[arg(long)]
    inputs: Option<u64>,
    /// What the inputs are made of
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Twenty million inputs
    #[arg(long)]
    deep: bool,
    /// One decoder only
    #[arg(long)]
    only: Option<String>,
    /// Which of how many workers this process is, such as 0/2; without it the process starts the workers
    #[arg(long, hide = true)]
    worker: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.worker {
        Some(worker) => work(&arguments, worker),
        None => lead(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fuzz: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Arguments {
    fn decoders(&self) -> Result<Vec<Decoder>> {
        match &self.only {
            None => Ok(Decoder::ALL.to_vec()),
            Some(name) => {
                let known = Decoder::ALL.map(Decoder::name).join(", ");
                let found = Decoder::named(name);
                Ok(vec![found.with_context(|| format!("no decoder '{name}'; there are {known}"))?])
            }
        }
    }

    /// How many inputs a decoder gets from all workers.
    fn inputs_of(&self, decoder: Decoder) -> u64 {
        let all = self.inputs.unwrap_or(if self.deep { DEEP } else { INPUTS });
        if self.only.is_some() { all } else { all * decoder.share() / 100 }
    }
}

/// Starts the workers, waits for them and adds up.
fn lead(arguments: &Arguments) -> Result<()> {
    let started = Instant::now();
    quiet();
    let kept = kept::replay()?;
    let workers = std::thread::available_parallelism().map_or(2, usize::from).clamp(1, 16);
    let program = std::env::current_exe()?;
    let mut running = Vec::new();
    for worker in 0..workers {
        let mut command = Command::new(&program);
        command
            .args(std::env::args_os().skip(1))
            .arg("--worker")
            .arg(format!("{worker}/{workers}"));
        running.push(command.stdout(Stdio::piped()).spawn()?);
    }
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut failed = false;
    for worker in running {
        let output = worker.wait_with_output()?;
        if output.status.code().is_none() {
            eprintln!(
                "fuzz: a worker was ended by the system ({}), as by a stack that is full",
                output.status
            );
        }
        failed |= !output.status.success();
        for (name, tally) in read(&output.stdout)? {
            tallies.entry(name).or_default().add(&tally);
        }
    }
    print_table(arguments, &tallies, started.elapsed().as_secs_f64())?;
    println!("{kept} kept inputs were played again, from {}", kept::folder().display());
    ensure!(!failed, "a decoder failed; the input is kept and will be played by each run");
    let inputs: u64 = tallies.values().map(|tally| tally.inputs).sum();
    let wanted: u64 =
        arguments.decoders()?.iter().map(|decoder| arguments.inputs_of(*decoder)).sum();
    ensure!(inputs >= wanted, "only {inputs} of {wanted} inputs were given");
    Ok(())
}

fn read(stdout: &[u8]) -> Result<BTreeMap<String, Tally>> {
    let text = String::from_utf8_lossy(stdout);
    match text.lines().last() {
        Some(line) => serde_json::from_str(line).with_context(|| format!("a worker said {line}")),
        None => Ok(BTreeMap::new()),
    }
}

fn print_table(arguments: &Arguments, tallies: &BTreeMap<String, Tally>, wall: f64) -> Result<()> {
    println!(
        "{:<16}{:>10}{:>10}{:>10}{:>12}{:>12}{:>12}{:>10}",
        "decoder", "inputs", "accepted", "refused", "longest B", "peak KiB", "per byte", "seconds"
    );
    let mut all = Tally::default();
    let line = |name: &str, tally: &Tally| {
        println!(
            "{name:<16}{:>10}{:>10}{:>10}{:>12}{:>12}{:>12.1}{:>10.1}",
            tally.inputs,
            tally.accepted,
            tally.refused,
            tally.longest,
            tally.peak.div_ceil(1024),
            tally.each,
            tally.seconds
        );
    };
    for decoder in arguments.decoders()? {
        let tally = tallies.get(decoder.name()).cloned().unwrap_or_default();
        line(decoder.name(), &tally);
        all.add(&tally);
    }
    line("together", &all);
    println!(
        "{} inputs in {wall:.1} s, seed {}; no input took more than {} KiB and {} bytes for each of its bytes",
        all.inputs,
        arguments.seed,
        memory::FLOOR / 1024,
        memory::EACH
    );
    Ok(())
}

/// One worker's share of every decoder. The last line on standard output has the sums.
fn work(arguments: &Arguments, worker: &str) -> Result<()> {
    quiet();
    let place =
        worker.split_once('/').and_then(|(at, of)| Some((at.parse().ok()?, of.parse().ok()?)));
    let (at, of): (u64, u64) = place.context("--worker is a number and how many, such as 0/2")?;
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut failures = 0;
    for decoder in arguments.decoders()? {
        let wanted = arguments.inputs_of(decoder).div_ceil(of);
        let (tally, failed) = some(decoder, wanted, arguments.seed, (at, of))?;
        failures += u32::from(failed);
        tallies.insert(decoder.name(), tally);
    }
    println!("{}", serde_json::to_string(&tallies)?);
    if failures > 0 {
        bail!("{failures} decoders failed");
    }
    Ok(())
}

/// So many inputs for a decoder, or until one fails.
fn some(decoder: Decoder, wanted: u64, seed: u64, (at, of): (u64, u64)) -> Result<(Tally, bool)> {
    let started = Instant::now();
    let mut tally = Tally::default();
    let mut failed = false;
    let (mut number, mut empty) = (at, 0);
    while tally.inputs < wanted {
        let mut dice = Dice::of(seed, decoder as u64, number);
        let setup = dice.word() >> 1;
        let mut feed = Feed::made(dice);
        let before = tally.inputs;
        if let Err(why) = kept::play(decoder, setup, &mut feed, &mut tally) {
            let case = Case { decoder, setup, parts: feed.into_parts() };
            let small = if case.failure().is_some() { case.shrunk() } else { case };
            let why = small.failure().unwrap_or(why);
            let path = small.keep(&why, &kept::folder())?;
            eprintln!("fuzz: {} fails: {why}\n  kept as {}", decoder.name(), path.display());
            failed = true;
            break;
        }
        // a machine may end before it was given anything, but not all of them
        empty = if tally.inputs == before { empty + 1 } else { 0 };
        ensure!(empty < MOST_EMPTY, "{} takes no input any more", decoder.name());
        number += of;
    }
    tally.seconds = started.elapsed().as_secs_f64();
    Ok((tally, failed))
}

/// A panic is caught and told once, by the failure that it is.
fn quiet() {
    std::panic::set_hook(Box::new(|_| {}));
}
