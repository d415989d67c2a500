//! The parts of a test run.

use std::time::Instant;

use anyhow::Result;
use clap::ValueEnum;

use crate::closing::{Failure, Report, closing};
use crate::command::Invocation;
use crate::proof::Proof;
use crate::workspace::Workspace;
use crate::{conformance, demo, kotlin, mutants, npm, peers, python, tools};

/// One part of a test run. The order here is the order of a run: what is quick and fails often comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Part {
    /// All code is formatted
    Fmt,
    /// No lint of any target warns
    Clippy,
    /// The tests of all crates on this machine
    Native,
    /// Every state of the machine in bounded worlds
    Model,
    /// The decoders get what nobody would send
    Fuzz,
    /// The core is changed where the last commit touched it, and a test notices
    Mutants,
    /// Many lives of a queue and its client, each made from one seed
    Simulate,
    /// Machines that are wrong on purpose are caught
    Broken,
    /// The crate and the npm package in Node and in Chromium, and their size
    Wasm,
    /// The Python package
    Python,
    /// The Kotlin package
    Kotlin,
    /// One set of scenarios against the listen program of every host
    Conformance,
    /// SDKs that were not written here, against the emulator
    Peers,
    /// The demonstration ends without a lost change and without a cycle
    Demo,
    /// The bindings compile for Android
    Android,
    /// Each crate compiles alone, with its own features only
    EachAlone,
    /// The documentation builds without a warning
    Doc,
    /// Licences, bans and sources of the dependencies
    Deny,
}

/// The parts asked for in the order of a run, each once; all of them if none was asked for.
pub(crate) fn chosen(mut asked: Vec<Part>) -> Vec<Part> {
    if asked.is_empty() {
        return Part::value_variants().to_vec();
    }
    asked.sort_unstable();
    asked.dedup();
    asked
}

/// Runs parts in order, a failing one not stopping the rest, and prints the closing. True if all passed.
pub(crate) fn run_all(workspace: &Workspace, parts: &[Part]) -> bool {
    let mut reports = Vec::new();
    for part in parts {
        println!("\n== {}", part.name());
        reports.push(part.report(workspace));
    }
    print!("{}", closing(&reports));
    reports.iter().all(|report| report.failure.is_none())
}

impl Part {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn report(self, workspace: &Workspace) -> Report {
        let mut invocation = Invocation::default();
        let started = Instant::now();
        let outcome = self.run(workspace, &mut invocation);
        let wall = started.elapsed();
        let failure = outcome.err().map(|error| Failure {
            reason: format!("{error:#}"),
            tail: invocation.tail().map(str::to_owned).collect(),
        });
        Report { name: self.name(), wall, results: invocation.results().to_vec(), failure }
    }

    fn run(self, workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
        let mut cargo = |arguments: &[&str]| invocation.run(workspace.cargo(arguments));
        match self {
            Self::Fmt => cargo(&["fmt", "--all", "--check"]),
            Self::Clippy => cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "--deny",
                "warnings",
            ]),
            Self::Native => native(workspace, invocation),
            Self::Model => Proof::Model.part(workspace, invocation),
            Self::Fuzz => Proof::Fuzz.part(workspace, invocation),
            Self::Mutants => mutants::run(workspace, invocation, &mutants::Which::Diff(None)),
            Self::Simulate => Proof::Simulate.part(workspace, invocation),
            Self::Broken => Proof::Broken.part(workspace, invocation),
            Self::Wasm => npm::run(workspace, invocation),
            Self::Python => python::run(workspace, invocation),
            Self::Kotlin => kotlin::run(workspace, invocation),
            Self::Conformance => conformance::run(workspace, invocation),
            Self::Peers => peers::run(workspace, invocation),
            Self::Demo => demo::run(workspace, invocation),
            Self::Android => android(workspace, invocation),
            Self::EachAlone => each_alone(workspace, invocation),
            Self::Doc => doc(workspace, invocation),
            Self::Deny => tools::deny(workspace, invocation),
        }
    }
}

/// What crosses to other languages is left out of the workspace's tests, so that they run with the features of
/// native programs.
fn native(workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
    let mut test = workspace.cargo(&["test", "--workspace", "--locked", "--no-fail-fast"]);
    test.args(["--exclude", "b24-offline-bindings", "--exclude", "b24-offline-wasm"]);
    invocation.run(test)?;
    invocation.run(workspace.cargo(&["test", "--locked", "-p", "b24-offline-bindings"]))?;
    tools::note_lines(invocation, &workspace.root().join("host/src/drive.rs"))
}

fn android(workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
    for target in ["aarch64-linux-android", "x86_64-linux-android"] {
        tools::install_target(workspace, invocation, target)?;
        let mut check = workspace.cargo(&["check", "--locked", "-p", "b24-offline-bindings"]);
        check.args(["--target", target]);
        invocation.run(check)?;
    }
    Ok(())
}

fn each_alone(workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
    for member in workspace.members() {
        invocation.run(workspace.cargo(&["check", "--locked", "-p", member]))?;
    }
    Ok(())
}

fn doc(workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
    let mut command = workspace.cargo(&["doc", "--no-deps", "--workspace", "--locked"]);
    command.env("RUSTDOCFLAGS", "--deny warnings");
    invocation.run(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_means_every_part() {
        assert_eq!(chosen(Vec::new()), Part::value_variants());
    }

    #[test]
    fn named_parts_run_once_and_in_the_order_of_a_run() {
        assert_eq!(chosen(vec![Part::Doc, Part::Fmt, Part::Doc]), [Part::Fmt, Part::Doc]);
    }
}
