//! `bench`: builds what is measured as it is shipped, and hands it to the program that measures (`tests/bench`).

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::chromium::Chromium;
use crate::command::Invocation;
use crate::size::Sizes;
use crate::tools::Build;
use crate::workspace::Workspace;
use crate::{conformance, npm, peers, python, tools};

/// Where the figures and the picture are published that the documentation shows.
const PUBLISHED: &str = "docs/bench";

/// What is asked for on the command line.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Asked {
    /// Small sizes: a minute or two once all is built. Nothing is published in docs/bench
    #[arg(long)]
    quick: bool,
    /// These parts alone, such as a,c; all of them if none is named
    #[arg(long, value_name = "LETTERS", value_delimiter = ',', value_enum)]
    only: Vec<Letter>,
}

const AFTER_HELP: &str = "\
Each figure is printed with its unit and, where there is one, its target: reached or not reached.
Figures of wall time depend on the machine and on what else runs there; nothing fails because of
them. A run fails when something is lost, or can't be measured.

The figures are kept in target/bench/bench.json, those of parts that were measured earlier too,
and the picture of cost against backlog in target/bench/cost.svg. Once every part was measured at
its full size, both are published in docs/bench. docs/bench.md says how each figure is measured.

Examples:
  cargo xtask bench --quick
  cargo xtask bench --only a,f
  cargo xtask bench --only c   the micro-benchmark; criterion keeps its account in target/criterion";

/// A part of the measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Letter {
    /// Requests and time for 1 to 50,000 waiting changes: the machine on virtual time, and every host
    A,
    /// The same work by b24pysdk, fast_bitrix24, b24jssdk and the documentation's loop
    B,
    /// CPU of the machine alone, beside a plain parse of the same answers
    C,
    /// Changes a second through each host
    D,
    /// Peak memory of the native program
    E,
    /// From a change to its handler, with a nudge and without
    F,
    /// Simulated calls a minute and core
    G,
    /// Sizes of what is shipped
    H,
}

impl Asked {
    fn letters(&self) -> Vec<Letter> {
        let mut letters = self.only.clone();
        if letters.is_empty() {
            letters = Letter::value_variants().to_vec();
        }
        letters.sort_unstable();
        letters.dedup();
        letters
    }
}

/// Builds what the parts need, and measures.
pub(crate) fn run(workspace: &Workspace, invocation: &mut Invocation, asked: &Asked) -> Result<()> {
    let letters = asked.letters();
    let arguments = ["build", "--release", "--locked", "-p", "b24-offline-bench"];
    invocation.run(workspace.cargo(&arguments))?;
    let mut measure = workspace.command(workspace.built("release").join("bench"));
    let any = |of: &[Letter]| letters.iter().any(|letter| of.contains(letter));
    if any(&[Letter::A, Letter::D, Letter::H]) {
        for host in conformance::programs(workspace, invocation, Build::Shipped)? {
            measure.arg("--host").arg(host);
        }
    } else if any(&[Letter::B, Letter::E]) {
        let native = tools::native_program(workspace, invocation, Build::Shipped)?;
        measure.arg("--host").arg(format!("native='{}' listen", native.display()));
    }
    for letter in &letters {
        match letter {
            Letter::B => other_clients(workspace, invocation, &mut measure)?,
            Letter::C => core(workspace, invocation, asked.quick, &mut measure)?,
            Letter::D => browser(workspace, invocation, &mut measure),
            Letter::G => simulation(workspace, invocation, &mut measure)?,
            Letter::H => sizes(workspace, invocation, &mut measure)?,
            Letter::A | Letter::E | Letter::F => {}
        }
    }
    let names = letters.iter().filter_map(|letter| letter.to_possible_value());
    let names: Vec<String> = names.map(|value| value.get_name().to_owned()).collect();
    measure.arg("--only").arg(names.join(",")).args(asked.quick.then_some("--quick"));
    measure.arg("--book").arg(workspace.built("bench").join("bench.json"));
    measure.arg("--publish").arg(workspace.root().join(PUBLISHED));
    measure.arg("--commit").arg(commit(workspace)?);
    invocation.run(measure)
}

/// Runs the micro-benchmark.
fn core(
    workspace: &Workspace,
    invocation: &mut Invocation,
    quick: bool,
    measure: &mut Command,
) -> Result<()> {
    let mut bench = workspace.cargo(&["bench", "--locked", "-p", "b24-offline-bench"]);
    bench.args(["--bench", "core", "--"]).args(quick.then_some("--quick"));
    invocation.run(bench)?;
    measure.arg("--criterion").arg(workspace.built("criterion"));
    Ok(())
}

/// Names the browser if there is one; none is installed for this.
fn browser(workspace: &Workspace, invocation: &mut Invocation, measure: &mut Command) {
    let Some(chromium) = Chromium::present() else {
        invocation.note("there is no Chromium, so it is left out".to_owned());
        return;
    };
    let page = workspace.root().join("tests/bench/chromium/listen.mjs");
    let browser = chromium.browser.display();
    measure.arg("--browser").arg(format!("env CHROMIUM='{browser}' node '{}'", page.display()));
}

/// Builds the simulation.
fn simulation(
    workspace: &Workspace,
    invocation: &mut Invocation,
    measure: &mut Command,
) -> Result<()> {
    let name = "b24-offline-simulation";
    invocation.run(workspace.cargo(&["build", "--locked", "--profile", "proof", "-p", name]))?;
    let program = workspace.built("proof").join(name);
    measure.arg("--simulation").arg(format!("'{}' simulate", program.display()));
    Ok(())
}

/// Installs the clients that were not written here.
fn other_clients(
    workspace: &Workspace,
    invocation: &mut Invocation,
    measure: &mut Command,
) -> Result<()> {
    let python = peers::install_python(workspace, invocation)?;
    let node = peers::install_node(workspace, invocation)?;
    let scripts = workspace.root().join(peers::SOURCES).join("python").join("drain.py");
    for name in ["b24pysdk", "fast_bitrix24"] {
        let command = format!("'{}' -B '{}' {name}", python.display(), scripts.display());
        measure.arg("--peer").arg(format!("{name}={command}"));
    }
    let script = node.join("drain_b24jssdk.mjs");
    measure.arg("--peer").arg(format!("b24jssdk=node '{}'", script.display()));
    Ok(())
}

/// Weighs what was built.
fn sizes(workspace: &Workspace, invocation: &mut Invocation, measure: &mut Command) -> Result<()> {
    let Sizes { wasm, glue } = Sizes::of(workspace)?;
    for (name, size) in [("wasm", &wasm), ("glue", &glue)] {
        measure.arg("--size").arg(format!("{name}={}/{}", size.raw, size.zipped));
    }
    let both = (wasm.raw + glue.raw, wasm.zipped + glue.zipped);
    measure.arg("--size").arg(format!("wasm and glue={}/{}", both.0, both.1));
    let packed = invocation.output(npm::npm(workspace, &["pack", "--dry-run", "--json"]))?;
    let packed: Value = serde_json::from_str(&packed.join("\n"))?;
    let number = |name: &str| packed.pointer(&format!("/0/{name}")).and_then(Value::as_u64);
    let (zipped, unpacked) =
        number("size").zip(number("unpackedSize")).context("npm pack tells no size")?;
    measure.arg("--size").arg(format!("npm package={unpacked}/{zipped}"));
    for (name, path) in [
        ("native program", workspace.built("release").join("b24-offline")),
        ("wheel", only_file(python::folder(workspace, Build::Shipped).join("wheels"))?),
        ("jar", workspace.root().join("bindings/kotlin/target/b24-offline-0.1.0.jar")),
    ] {
        let bytes = path.metadata().with_context(|| format!("{} is missing", path.display()))?;
        measure.arg("--size").arg(format!("{name}={}", bytes.len()));
    }
    Ok(())
}

/// The file in a folder that holds one.
fn only_file(folder: PathBuf) -> Result<PathBuf> {
    let mut entries = std::fs::read_dir(&folder)?;
    let first = entries.next().with_context(|| format!("{} is empty", folder.display()))?;
    Ok(first?.path())
}

/// The commit that is measured, with a `+` behind it when the checkout differs.
fn commit(workspace: &Workspace) -> Result<String> {
    let commit = workspace.git(&["rev-parse", "--short", "HEAD"])?.trim().to_owned();
    let differs = !workspace.git(&["status", "--porcelain"])?.is_empty();
    Ok(if differs { format!("{commit}+") } else { commit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_letter_means_all_and_named_ones_come_in_order_once() {
        let asked = |only| Asked { quick: false, only };
        assert_eq!(asked(Vec::new()).letters(), Letter::value_variants());
        let named = vec![Letter::C, Letter::A, Letter::C];
        assert_eq!(asked(named).letters(), [Letter::A, Letter::C]);
    }
}
