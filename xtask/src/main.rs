//! The one way to run things: `cargo xtask`.
//!
//! `cargo xtask test` runs every part in order and installs what a part needs beyond Rust, Python, Node and
//! a JDK with Maven; `cargo xtask test native peers` runs some. [`part::Part`] lists them.

#![forbid(unsafe_code)]

mod bench;
mod chromium;
mod closing;
mod command;
mod conformance;
mod demo;
mod kotlin;
mod mutants;
mod npm;
mod part;
mod peers;
mod proof;
mod python;
mod signals;
mod size;
mod stamp;
mod tools;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::command::Invocation;
use crate::part::Part;
use crate::proof::Proof;
use crate::workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Runs the checks and tests of b24-offline")]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Run all parts in order, or only those named
    Test {
        /// Parts to run; all of them if none is named
        #[arg(value_enum)]
        parts: Vec<Part>,
        /// Run the slow variants too: sets B24_DEEP=1 for every part
        #[arg(long)]
        deep: bool,
        /// Cases of each property test: sets B24_CASES for every part
        #[arg(long, value_name = "N")]
        cases: Option<u32>,
        /// What the random scenes are made of: sets B24_SEED for every part
        #[arg(long, value_name = "N")]
        seed: Option<u64>,
    },
    /// Look at every state of the machine in bounded worlds
    #[command(disable_help_flag = true)]
    Model(Handed),
    /// Live many lives of a queue and its client, each made from one seed
    #[command(disable_help_flag = true)]
    Simulate(Handed),
    /// Live with machines that are wrong on purpose until each is caught
    #[command(disable_help_flag = true)]
    Broken(Handed),
    /// Give the decoders what nobody would send
    #[command(disable_help_flag = true)]
    Fuzz(Handed),
    /// Change the core in one place after the other and see whether a test notices
    Mutants {
        /// One part of so many, such as 0/40
        #[arg(long, value_name = "K/N", conflicts_with = "diff")]
        shard: Option<String>,
        /// Only where the core differs from this commit; from the last one if none is given
        #[arg(long, value_name = "BASE", num_args = 0..=1)]
        #[expect(clippy::option_option, reason = "given, and given with a value")]
        diff: Option<Option<String>>,
        /// Only show what would be tried
        #[arg(long)]
        list: bool,
    },
    /// Measure what draining a queue costs: requests, time, CPU, memory, sizes
    Bench(bench::Asked),
    /// Check formatting and lints
    Check,
    /// Check licences, bans and sources of the dependencies
    Deny,
    /// Build the npm package in pkg/
    BuildNpm,
    /// Print the size of the built wasm and its glue, and check it against the ceiling
    Size,
    /// Format all code
    Fmt,
    /// Build the documentation, warnings being errors
    Doc,
}

/// What a program of its own is given as it stands, `--help` too.
#[derive(clap::Args)]
struct Handed {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

fn main() -> ExitCode {
    if let Some(code) = signals::with_interrupt() {
        return code;
    }
    match perform(Arguments::parse().action) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(action: Action) -> Result<bool> {
    let mut workspace = Workspace::locate()?;
    match action {
        Action::Test { parts, deep, cases, seed } => {
            if deep {
                workspace.export("B24_DEEP", "1");
            }
            if let Some(cases) = cases {
                workspace.export("B24_CASES", cases.to_string());
            }
            if let Some(seed) = seed {
                workspace.export("B24_SEED", seed.to_string());
            }
            Ok(part::run_all(&workspace, &part::chosen(parts)))
        }
        Action::Model(handed) => Proof::Model.on_terminal(&workspace, &handed.arguments),
        Action::Simulate(handed) => Proof::Simulate.on_terminal(&workspace, &handed.arguments),
        Action::Broken(handed) => Proof::Broken.on_terminal(&workspace, &handed.arguments),
        Action::Fuzz(handed) => Proof::Fuzz.on_terminal(&workspace, &handed.arguments),
        Action::Mutants { list: true, .. } => {
            mutants::list(&workspace, &mut Invocation::default()).map(|()| true)
        }
        Action::Mutants { shard, diff, list: false } => {
            let which = diff.map_or(mutants::Which::Whole(shard), mutants::Which::Diff);
            mutants::run(&workspace, &mut Invocation::default(), &which).map(|()| true)
        }
        Action::Bench(asked) => {
            bench::run(&workspace, &mut Invocation::default(), &asked).map(|()| true)
        }
        Action::Check => Ok(part::run_all(&workspace, &[Part::Fmt, Part::Clippy])),
        Action::Deny => Ok(part::run_all(&workspace, &[Part::Deny])),
        Action::Doc => Ok(part::run_all(&workspace, &[Part::Doc])),
        Action::BuildNpm => npm::build(&workspace, &mut Invocation::default()).map(|()| true),
        Action::Size => size::run(&workspace, &mut Invocation::default()).map(|()| true),
        Action::Fmt => {
            let mut invocation = Invocation::default();
            invocation.run(workspace.cargo(&["fmt", "--all"]))?;
            Ok(true)
        }
    }
}
