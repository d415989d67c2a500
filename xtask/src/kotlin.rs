//! The part `kotlin`: the jar with the native library inside, built and tested by Maven.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use crate::command::Invocation;
use crate::tools::{self, Build};
use crate::workspace::Workspace;

const SOURCES: &str = "bindings/kotlin";
const LIBRARY: &str = "libb24_offline_bindings.so";

/// Puts the generated Kotlin and the native library where Maven looks for them.
fn generate(workspace: &Workspace, invocation: &mut Invocation, how: Build) -> Result<()> {
    let mut build = workspace.cargo(&["build", "--locked", "-p", "b24-offline-bindings"]);
    // its example is compiled beside the tests, so their door is there in any case
    build.args(["--profile", how.profile()]).args(Build::Tested.features());
    invocation.run(build)?;
    let library = workspace.built(how.folder()).join(LIBRARY);
    let made = workspace.root().join(SOURCES).join("build").join("uniffi");
    if made.exists() {
        fs::remove_dir_all(&made)?;
    }
    // where JNA looks for it inside a jar
    let natives = made.join("natives").join("linux-x86-64");
    fs::create_dir_all(&natives)?;
    fs::copy(&library, natives.join(LIBRARY))?;
    let mut bindgen =
        workspace.command(tools::bindgen(workspace, invocation)?.join("uniffi-bindgen"));
    bindgen.args(["generate", "--language", "kotlin", "--no-format", "--out-dir"]);
    bindgen.arg(made.join("kotlin")).arg(&library);
    invocation.run(bindgen)
}

/// Builds the jar. Answers the script that starts its example.
pub(crate) fn built(
    workspace: &Workspace,
    invocation: &mut Invocation,
    how: Build,
) -> Result<PathBuf> {
    let script = workspace.root().join(SOURCES).join("listen.sh");
    generate(workspace, invocation, how)?;
    invocation.run(maven(workspace, &["-DskipTests", "package"]))?;
    Ok(script)
}

/// Builds and tests it.
pub(crate) fn run(workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
    let program = tools::native_program(workspace, invocation, Build::Tested)?;
    generate(workspace, invocation, Build::Tested)?;
    let mut verify = maven(workspace, &["verify"]);
    verify.env("B24_OFFLINE_BIN", program);
    invocation.run(verify)?;
    let main = workspace.root().join(SOURCES).join("src/main/kotlin/io/github/b24offline");
    tools::note_lines(invocation, &main.join("Drive.kt"))
}

fn maven(workspace: &Workspace, arguments: &[&str]) -> std::process::Command {
    let mut command = workspace.command("mvn");
    command.current_dir(workspace.root().join(SOURCES));
    command.args(["--batch-mode", "--no-transfer-progress"]).args(arguments);
    command
}
