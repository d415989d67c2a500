//! The one way to run things: `cargo xtask`.
//!
//! `cargo xtask test` runs every part in order and installs what a part needs beyond Rust, Python, Node and
//! a JDK with Maven; `cargo xtask test native peers` runs some. [`part::Part`] lists them.

#![forbid(unsafe_code)]

mod chromium;
mod closing;
mod command;
mod conformance;
mod demo;
mod fuzz;
mod kotlin;
mod model;
mod mutants;
mod npm;
mod part;
mod peers;
mod python;
mod signals;
mod simulate;
mod size;
mod stamp;
mod tools;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::command::Invocation;
use crate::part::Part;
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
    /// Give the decoders what nobody would send
    Fuzz {
        /// How many inputs all decoders get together
        #[arg(long, value_name = "N")]
        inputs: Option<u64>,
        /// What the inputs are made of
        #[arg(long, value_name = "S")]
        seed: Option<u64>,
        /// Twenty million inputs
        #[arg(long)]
        deep: bool,
        /// One decoder only
        #[arg(long, value_name = "DECODER")]
        only: Option<String>,
    },
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
    /// Live many lives of a queue and its client: --seeds N, --long N, --seed S, --deep, --base N
    Simulate {
        /// For the simulation; --help lists all
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Live with machines that are wrong on purpose until each is caught: --defect NAME, --seed S
    Broken {
        /// For the simulation; --help lists all
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Check formatting and lints
    Check,
    /// Check licences, bans and sources of the dependencies
    Deny,
    /// Look at every state of the machine in bounded worlds, and print the figures
    Model {
        /// Larger worlds too
        #[arg(long)]
        deep: bool,
        /// Only this world
        #[arg(long, value_name = "NAME")]
        config: Option<String>,
        /// A machine with this deliberate defect, in small worlds; `all` for each in turn
        #[arg(long, value_name = "NAME")]
        defect: Option<String>,
    },
    /// Build the npm package in pkg/
    BuildNpm,
    /// Print the size of the built wasm and its glue, and check it against the ceiling
    Size,
    /// Format all code
    Fmt,
    /// Build the documentation, warnings being errors
    Doc,
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
        Action::Fuzz { inputs, seed, deep, only } => {
            let mut arguments = Vec::new();
            let mut option = |name: &str, value: Option<String>| {
                arguments.extend(value.into_iter().flat_map(|value| [name.to_owned(), value]));
            };
            option("--inputs", inputs.map(|number| number.to_string()));
            option("--seed", seed.map(|number| number.to_string()));
            option("--only", only);
            arguments.extend(deep.then(|| "--deep".to_owned()));
            fuzz::run(&workspace, &mut Invocation::default(), &arguments).map(|()| true)
        }
        Action::Mutants { list: true, .. } => {
            mutants::list(&workspace, &mut Invocation::default()).map(|()| true)
        }
        Action::Mutants { shard, diff, list: false } => {
            let which = diff.map_or(mutants::Which::Whole(shard), mutants::Which::Diff);
            mutants::run(&workspace, &mut Invocation::default(), &which).map(|()| true)
        }
        Action::Simulate { arguments } => simulate::on_terminal(&workspace, "simulate", &arguments),
        Action::Broken { arguments } => simulate::on_terminal(&workspace, "broken", &arguments),
        Action::Check => Ok(part::run_all(&workspace, &[Part::Fmt, Part::Clippy])),
        Action::Deny => Ok(part::run_all(&workspace, &[Part::Deny])),
        Action::Model { deep, config, defect } => {
            let options = model::Options { deep, config, defect };
            model::run(&workspace, &mut Invocation::default(), &options).map(|()| true)
        }
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
