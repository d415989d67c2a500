//! Tools that a part needs beyond Rust: installed under the build folder, pinned, kept for the next run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::command::Invocation;
use crate::workspace::Workspace;

const CARGO_DENY: &str = "0.20.2";
const CARGO_MUTANTS: &str = "27.1.0";

/// How a package is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    /// For its tests: quickly, with the doors that they need.
    Tested,
    /// As it is shipped: optimised, without them.
    Shipped,
}

impl Build {
    /// Cargo's profile.
    pub(crate) fn profile(self) -> &'static str {
        match self {
            Self::Tested => "dev",
            Self::Shipped => "release",
        }
    }

    /// The folder inside the build folder in which cargo puts it.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Tested => "debug",
            Self::Shipped => "release",
        }
    }

    /// The features of the bindings.
    pub(crate) fn features(self) -> &'static [&'static str] {
        match self {
            Self::Tested => &["--features", PANIC_ON_PURPOSE],
            Self::Shipped => &[],
        }
    }
}

/// The feature of the bindings that lets a test see a panic cross the boundary.
const PANIC_ON_PURPOSE: &str = "panic-on-purpose";

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
    let program = cargo_tool(workspace, invocation, "cargo-deny", CARGO_DENY)?;
    for manifest in ["Cargo.toml", "tools/Cargo.toml"] {
        let mut check = workspace.command(&program);
        check.args(["--locked", "--manifest-path", manifest]);
        check.args(["check", "licenses", "bans", "sources"]);
        invocation.run(check)?;
    }
    Ok(())
}

/// The program that changes the core in one place after the other.
pub(crate) fn cargo_mutants(workspace: &Workspace, invocation: &mut Invocation) -> Result<PathBuf> {
    cargo_tool(workspace, invocation, "cargo-mutants", CARGO_MUTANTS)
}

/// A program of this version from the registry.
fn cargo_tool(
    workspace: &Workspace,
    invocation: &mut Invocation,
    name: &str,
    version: &str,
) -> Result<PathBuf> {
    let root = workspace.built("tools");
    let program = root.join("bin").join(name);
    if version_of(&program).as_deref() != Some(version) {
        invocation.note(format!("installing {name} {version}, a few minutes, once"));
        let build = root.join(name);
        // not optimised: it is quicker to build, and its work takes a second
        let mut install =
            workspace.cargo(&["install", "--locked", "--force", "--quiet", "--debug"]);
        install.args(["--version", version, "--root"]).arg(&root).arg(name);
        install.env("CARGO_TARGET_DIR", &build);
        invocation.run(install)?;
        std::fs::remove_dir_all(&build)?;
    }
    Ok(program)
}

/// Builds wasm-bindgen, its test runner and uniffi-bindgen at the versions that the crates use. Answers their folder.
pub(crate) fn bindgen(workspace: &Workspace, invocation: &mut Invocation) -> Result<PathBuf> {
    let folder = workspace.built("tools").join("build");
    let mut build = workspace.cargo(&["build", "--quiet", "--locked", "--manifest-path"]);
    build.arg(workspace.root().join("tools").join("Cargo.toml")).arg("--target-dir").arg(&folder);
    invocation.run(build)?;
    Ok(folder.join("debug"))
}

/// A PATH whose first folder has uniffi-bindgen: maturin takes the first that it finds.
pub(crate) fn path_with_bindgen(
    workspace: &Workspace,
    invocation: &mut Invocation,
) -> Result<OsString> {
    let mut folders = vec![bindgen(workspace, invocation)?];
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    Ok(std::env::join_paths(folders)?)
}

/// Builds the native program, whose emulator is the counterpart of the other hosts' tests.
pub(crate) fn native_program(
    workspace: &Workspace,
    invocation: &mut Invocation,
    build: Build,
) -> Result<PathBuf> {
    let arguments = ["build", "--locked", "--profile", build.profile(), "-p", "b24-offline"];
    invocation.run(workspace.cargo(&arguments))?;
    Ok(workspace.built(build.folder()).join("b24-offline"))
}

/// Flags that keep the paths of this machine out of what is published, for `CARGO_ENCODED_RUSTFLAGS`: a path may
/// hold spaces.
pub(crate) fn without_build_paths(workspace: &Workspace) -> Result<String> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let sources = home.context("neither CARGO_HOME nor HOME is set")?.join("registry").join("src");
    let mut flags = vec![format!("--remap-path-prefix={}=.", workspace.root().display())];
    // one folder a registry; its name holds the registry's
    for entry in std::fs::read_dir(&sources).into_iter().flatten() {
        flags.push(format!("--remap-path-prefix={}=crates", entry?.path().display()));
    }
    Ok(flags.join("\x1f"))
}

/// Says how long a drive loop is; its code is what is neither comment, empty line nor import.
pub(crate) fn note_lines(invocation: &mut Invocation, file: &Path) -> Result<()> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("{} is missing", file.display()))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let is_code = |line: &&str| {
        let line = line.trim();
        !line.is_empty()
            && !["//", "/*", "*", "#", "import ", "from ", "package ", "use "]
                .iter()
                .any(|mark| line.starts_with(mark))
    };
    let (all, code) = (text.lines().count(), text.lines().filter(is_code).count());
    invocation.note(format!("drive loop {name}: {all} lines, {code} of them code"));
    Ok(())
}

/// The version that an installed `cargo-NAME` states, if it starts; called as cargo calls it.
fn version_of(program: &Path) -> Option<String> {
    let name = program.file_stem()?.to_str()?.strip_prefix("cargo-")?;
    let output = Command::new(program).args([name, "--version"]).output().ok()?;
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
