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
mod kotlin;
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
        Action::Simulate { arguments } => simulate::on_terminal(&workspace, "simulate", &arguments),
        Action::Broken { arguments } => simulate::on_terminal(&workspace, "broken", &arguments),
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
