//! The part `python`: the package built, installed and tested as a user would have it.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::command::Invocation;
use crate::stamp::Stamp;
use crate::tools::{self, Build};
use crate::workspace::Workspace;

const SOURCES: &str = "bindings/python";

/// Makes a virtual environment with the pinned packages. Answers its Python.
pub(crate) fn environment(
    workspace: &Workspace,
    invocation: &mut Invocation,
    pins: &Path,
    folder: &Path,
) -> Result<PathBuf> {
    let python = folder.join("bin").join("python");
    let stamp = Stamp::of(&[pins], folder.join("installed"))?;
    if stamp.is_current() {
        return Ok(python);
    }
    let mut create = workspace.command("python3");
    create.args(["-m", "venv", "--clear"]).arg(folder);
    invocation.run(create)?;
    let mut install = workspace.command(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    install.args(["--no-deps", "--requirement"]).arg(pins);
    invocation.run(install)?;
    stamp.write()?;
    Ok(python)
}

/// Where the wheel lies and the environment that has it.
pub(crate) fn folder(workspace: &Workspace, build: Build) -> PathBuf {
    match build {
        Build::Tested => workspace.built("python"),
        Build::Shipped => workspace.built("bench").join("python"),
    }
}

/// Builds the wheel and installs it with what its tests need. Answers the Python that has it.
pub(crate) fn installed(
    workspace: &Workspace,
    invocation: &mut Invocation,
    how: Build,
) -> Result<PathBuf> {
    let folder = folder(workspace, how);
    let sources = workspace.root().join(SOURCES);
    let pins = sources.join("requirements.txt");
    let python = environment(workspace, invocation, &pins, &folder.join("venv"))?;
    let wheels = folder.join("wheels");
    if wheels.exists() {
        std::fs::remove_dir_all(&wheels)?;
    }
    let mut build = workspace.command(&python);
    build.current_dir(&sources).args(["-m", "maturin", "build", "--quiet", "--locked"]);
    build.args(["--profile", how.profile()]).args(how.features()).arg("--out").arg(&wheels);
    build.env("PATH", tools::path_with_bindgen(workspace, invocation)?);
    build.env("CARGO_TARGET_DIR", workspace.built(""));
    invocation.run(build)?;
    let mut install = workspace.command(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    install.args(["--no-deps", "--no-index", "--force-reinstall", "--find-links"]).arg(&wheels);
    install.arg("b24-offline");
    invocation.run(install)?;
    Ok(python)
}

/// Tests and type-checks the installed package.
pub(crate) fn run(workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
    let python = installed(workspace, invocation, Build::Tested)?;
    let program = tools::native_program(workspace, invocation, Build::Tested)?;
    let sources = workspace.root().join(SOURCES);
    let module = |arguments: &[&str]| {
        let mut command = workspace.command(&python);
        command.current_dir(&sources).env("B24_OFFLINE_BIN", &program);
        command.args(["-B", "-m"]).args(arguments);
        command
    };
    invocation.run(module(&["pytest", "-q", "-p", "no:cacheprovider"]))?;
    let cache = workspace.built("python").join("mypy");
    invocation.run(module(&["mypy", "--cache-dir", &cache.to_string_lossy()]))?;
    count_lines(workspace, invocation)
}

fn count_lines(workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
    let sources = workspace.root().join(SOURCES).join("src").join("b24_offline");
    for loop_file in ["drive.py", "drive_async.py"] {
        tools::note_lines(invocation, &sources.join(loop_file))?;
    }
    Ok(())
}
