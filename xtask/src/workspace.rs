//! Where the checkout and its build folder lie, and commands that start there.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

/// The checkout.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
    members: Vec<String>,
    exports: BTreeMap<String, String>,
}

impl Workspace {
    /// Asks cargo for the root, the build folder and the member crates.
    pub(crate) fn locate() -> Result<Self> {
        let output = Command::new(cargo_program())
            .args(["metadata", "--no-deps", "--format-version", "1", "--locked"])
            .output()
            .context("cargo metadata could not be started")?;
        anyhow::ensure!(
            output.status.success(),
            "cargo metadata failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let metadata: Value = serde_json::from_slice(&output.stdout)?;
        let folder = |name: &str| {
            metadata
                .get(name)
                .and_then(Value::as_str)
                .map(PathBuf::from)
                .with_context(|| format!("cargo metadata names no {name}"))
        };
        let members = metadata
            .get("packages")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|package| package.get("name")?.as_str().map(str::to_owned))
            .collect();
        Ok(Self {
            root: folder("workspace_root")?,
            target: folder("target_directory")?,
            members,
            exports: BTreeMap::new(),
        })
    }

    /// Passes an environment variable on to every command.
    pub(crate) fn export(&mut self, name: &str, value: impl Into<String>) {
        self.exports.insert(name.to_owned(), value.into());
    }

    /// Whether the slow variants were asked for.
    pub(crate) fn is_deep(&self) -> bool {
        self.exports.contains_key("B24_DEEP")
    }

    /// The names of the member crates.
    pub(crate) fn members(&self) -> &[String] {
        &self.members
    }

    /// The root of the checkout.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A folder inside the build folder, which outlives `cargo test` but not `cargo clean`.
    pub(crate) fn built(&self, name: &str) -> PathBuf {
        self.target.join(name)
    }

    /// A program started at the root of the checkout.
    pub(crate) fn command(&self, program: impl Into<OsString>) -> Command {
        let mut command = Command::new(program.into());
        command.current_dir(&self.root).envs(&self.exports);
        command
    }

    /// What git says to these arguments.
    pub(crate) fn git(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command("git").args(arguments).output().context("git is missing")?;
        anyhow::ensure!(
            output.status.success(),
            "git {} failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// The cargo that runs this program, with arguments.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(cargo_program());
        command.args(arguments);
        command
    }
}

fn cargo_program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}
