//! The part `wasm` and `build-npm`: the crate compiled for browsers and Node, and the npm package around it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::chromium::Chromium;
use crate::command::Invocation;
use crate::stamp::Stamp;
use crate::workspace::Workspace;
use crate::{size, tools};

const SOURCES: &str = "pkg";
const TARGET: &str = "wasm32-unknown-unknown";
const NAME: &str = "b24_offline_wasm";
/// What makes the smallest file after gzip. Inlining functions that are called once makes it smaller before, and
/// larger after.
const SHRINK: [&str; 6] = [
    "-g",
    "-Oz",
    "--one-caller-inline-max-function-size=0",
    "--skip-pass=local-cse",
    "--converge",
    "--strip-producers",
];
/// Functions that were made of the same generic code resemble each other: side by side gzip sees it.
const ARRANGE: [&str; 2] = ["-g", "--reorder-functions-by-name"];
const STRIP: [&str; 2] = ["--strip-debug", "--strip-producers"];

/// Functions are inlined only where that makes the code smaller at once.
const INLINE_NOTHING: &str = "-Cllvm-args=-inline-threshold=0";

/// Builds the npm package in `pkg/`: `dist/` is what is published.
pub(crate) fn build(workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
    install(workspace, invocation)?;
    let glue = workspace.root().join(SOURCES).join("src").join("wasm");
    wasm(workspace, invocation, &glue)?;
    invocation.run(npm(workspace, &["run", "--silent", "build"]))
}

/// Compiles the crate for size and puts wasm and glue into a folder.
fn wasm(workspace: &Workspace, invocation: &mut Invocation, glue: &Path) -> Result<()> {
    tools::install_target(workspace, invocation, TARGET)?;
    let bindgen = tools::bindgen(workspace, invocation)?;
    let mut build = workspace.cargo(&["build", "--locked", "-p", "b24-offline-wasm", "--lib"]);
    build.args(["--target", TARGET, "--profile", "wasm-release"]);
    let flags = [tools::without_build_paths(workspace)?.as_str(), INLINE_NOTHING].join("\x1f");
    build.env("CARGO_ENCODED_RUSTFLAGS", flags);
    invocation.run(build)?;
    let compiled = workspace.built(TARGET).join("wasm-release").join(format!("{NAME}.wasm"));
    // how it is made is written here, and by which wasm-opt in the lock
    let recipe = workspace.root().join("xtask/src/npm.rs");
    let lock = workspace.root().join(SOURCES).join("package-lock.json");
    let stamp = Stamp::of(&[&compiled, &recipe, &lock], glue.join(".made"))?;
    if stamp.is_current() {
        return Ok(());
    }
    if glue.exists() {
        fs::remove_dir_all(glue)?;
    }
    let mut bind = workspace.command(bindgen.join("wasm-bindgen"));
    bind.args(["--target", "web", "--keep-debug", "--remove-producers-section"]);
    bind.arg("--out-dir").arg(glue).arg(&compiled);
    invocation.run(bind)?;
    let wasm = glue.join(format!("{NAME}_bg.wasm"));
    let shrink = workspace.root().join(SOURCES).join("node_modules/.bin/wasm-opt");
    for passes in [&SHRINK[..], &ARRANGE, &STRIP] {
        let mut opt = workspace.command(&shrink);
        opt.args(passes).arg(&wasm).arg("-o").arg(&wasm);
        invocation.run(opt)?;
    }
    stamp.write()
}

fn install(workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
    let folder = workspace.root().join(SOURCES);
    let (package, lock) = (folder.join("package.json"), folder.join("package-lock.json"));
    let modules = folder.join("node_modules");
    let stamp = Stamp::of(&[&package, &lock], modules.join(".installed"))?;
    if !stamp.is_current() {
        invocation.run(npm(workspace, &["ci", "--no-audit", "--no-fund"]))?;
        stamp.write()?;
    }
    Ok(())
}

/// The package's example program.
pub(crate) fn listen(workspace: &Workspace) -> PathBuf {
    workspace.root().join(SOURCES).join("examples").join("listen.mjs")
}

/// Tests the crate in Node and in a real browser, then the package in both.
pub(crate) fn run(workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
    let chromium = Chromium::found(workspace, invocation)?;
    tools::install_target(workspace, invocation, TARGET)?;
    let lint =
        ["clippy", "--locked", "-p", "b24-offline-wasm", "--all-targets", "--target", TARGET];
    let mut clippy = workspace.cargo(&lint);
    clippy.args(["--", "--deny", "warnings"]);
    invocation.run(clippy)?;
    let runner = tools::bindgen(workspace, invocation)?.join("wasm-bindgen-test-runner");
    let mut test = workspace.cargo(&["test", "--locked", "-p", "b24-offline-wasm", "--tests"]);
    test.args(["--target", TARGET]);
    test.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner);
    test.env("CHROMEDRIVER", &chromium.driver);
    test.env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", chromium.capabilities(workspace)?);
    invocation.run(test)?;
    build(workspace, invocation)?;
    size::run(workspace, invocation)?;
    let program: OsString =
        tools::native_program(workspace, invocation, tools::Build::Tested)?.into();
    for script in ["test", "test:browser"] {
        let mut test = npm(workspace, &["run", "--silent", script]);
        test.env("B24_OFFLINE_BIN", &program).env("CHROMIUM", &chromium.browser);
        invocation.run(test)?;
    }
    tools::note_lines(invocation, &workspace.root().join(SOURCES).join("src").join("drive.ts"))
}

/// npm in the package's folder.
pub(crate) fn npm(workspace: &Workspace, arguments: &[&str]) -> Command {
    let mut command = workspace.command("npm");
    command.current_dir(workspace.root().join(SOURCES)).args(arguments);
    command
}
