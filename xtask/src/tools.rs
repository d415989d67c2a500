//! Tools that a part needs beyond Rust: installed under the build folder, pinned, kept for the next run.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::command::Invocation;
use crate::workspace::Workspace;

const CARGO_DENY: &str = "0.20.2";

/// Adds a compilation target to the toolchain if rustup manages it; without rustup it must be there.
pub(crate) fn install_target(
    workspace: &Workspace,
    invocation: &mut Invocation,
    target: &str,
) -> Result<()> {
    if answers("rustup") {
        let mut command = workspace.command("rustup");
        command.args(["target", "add", target]);
        invocation.run(command)?;
    }
    Ok(())
}

/// Checks licences, bans and sources against deny.toml. Advisories are left out: they need a git
/// clone of a data base, and a run must not change its result with the day.
pub(crate) fn deny(workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
    let root = workspace.built("tools");
    let program = root.join("bin").join("cargo-deny");
    if version_of(&program).as_deref() != Some(CARGO_DENY) {
        invocation.note(format!("installing cargo-deny {CARGO_DENY}, a few minutes, once"));
        let build = root.join("build");
        let mut install = workspace.cargo(&["install", "--locked", "--force", "--quiet"]);
        install.args(["--version", CARGO_DENY, "--root"]).arg(&root).arg("cargo-deny");
        invocation.run({
            install.env("CARGO_TARGET_DIR", &build);
            install
        })?;
        std::fs::remove_dir_all(&build)?;
    }
    let mut check = workspace.command(program);
    check.args(["--locked", "check", "licenses", "bans", "sources"]);
    invocation.run(check)
}

/// The version an installed program states, if it starts.
fn version_of(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().last().map(str::to_owned)
}

fn answers(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
