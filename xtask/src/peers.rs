//! The part `peers`: SDKs that were not written here, run against the emulator.
//!
//! Each suite runs once for each personality against an emulator of its own. The SDKs lie under the build folder,
//! at the versions that `tests/peers` pins, and are installed again only when those change.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command::Invocation;
use crate::python;
use crate::stamp::Stamp;
use crate::workspace::Workspace;

pub(crate) const SOURCES: &str = "tests/peers";
const PERSONALITIES: [&str; 2] = ["documented", "source"];
const PYTHON_SUITES: [&str; 2] = ["test_b24pysdk", "test_fast_bitrix24"];
const NODE_SUITE: &str = "b24jssdk.test.mjs";

/// Installs the SDKs, builds the emulator and runs every suite; one failing suite does not stop the others.
pub(crate) fn run(workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
    let python = install_python(workspace, invocation)?;
    let node = install_node(workspace, invocation)?;
    let build = ["build", "--locked", "-p", "b24-offline-emulator", "--example", "serve"];
    invocation.run(workspace.cargo(&build))?;
    let mut failed = Vec::new();
    for personality in PERSONALITIES {
        for suite in PYTHON_SUITES {
            let mut command = workspace.command(&python);
            command.current_dir(workspace.root().join(SOURCES).join("python"));
            command.args(["-B", "run.py", suite]);
            if let Err(error) = against_emulator(workspace, invocation, personality, command) {
                failed.push(format!("{suite} ({personality}): {error:#}"));
            }
        }
        let mut command = workspace.command("node");
        command.current_dir(&node).args(["run.mjs", NODE_SUITE]);
        if let Err(error) = against_emulator(workspace, invocation, personality, command) {
            failed.push(format!("{NODE_SUITE} ({personality}): {error:#}"));
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("{}", failed.join("; ")) }
}

/// Makes a virtual environment with the pinned packages. Answers its Python.
pub(crate) fn install_python(
    workspace: &Workspace,
    invocation: &mut Invocation,
) -> Result<PathBuf> {
    let pins = workspace.root().join(SOURCES).join("python").join("requirements.txt");
    python::environment(workspace, invocation, &pins, &workspace.built("peers").join("python"))
}

/// Copies the Node tests beside their pinned packages. Answers that folder.
pub(crate) fn install_node(workspace: &Workspace, invocation: &mut Invocation) -> Result<PathBuf> {
    let source = workspace.root().join(SOURCES).join("node");
    let folder = workspace.built("peers").join("node");
    fs::create_dir_all(&folder)?;
    for entry in fs::read_dir(&source)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), folder.join(entry.file_name()))?;
        }
    }
    let lock = source.join("package-lock.json");
    let stamp = Stamp::of(&[&source.join("package.json"), &lock], folder.join("installed"))?;
    if !stamp.is_current() {
        let mut install = workspace.command("npm");
        install.args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder);
        invocation.run(install)?;
        stamp.write()?;
    }
    Ok(folder)
}

/// Runs one suite against a fresh emulator, told by the environment where it is.
fn against_emulator(
    workspace: &Workspace,
    invocation: &mut Invocation,
    personality: &str,
    mut suite: Command,
) -> Result<()> {
    let emulator = Emulator::start(workspace, personality)?;
    suite
        .env("B24_PERSONALITY", personality)
        .env("B24_HTTP", &emulator.http)
        .env("B24_HTTPS", &emulator.https)
        .env("REQUESTS_CA_BUNDLE", &emulator.authority)
        .env("NODE_EXTRA_CA_CERTS", &emulator.authority)
        .env("NO_PROXY", "localhost,127.0.0.1");
    invocation.note(format!("-- personality: {personality}"));
    invocation.run(suite)
}

/// A running emulator; it ends with this value.
struct Emulator {
    process: Child,
    http: String,
    https: String,
    authority: PathBuf,
}

impl Emulator {
    fn start(workspace: &Workspace, personality: &str) -> Result<Self> {
        let authority = workspace.built("peers").join("authority.pem");
        let program = workspace.built("debug").join("examples").join("serve");
        let mut command = workspace.command(program);
        command.args(["--personality", personality, "--ca-file"]).arg(&authority);
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("the emulator could not be started")?;
        let mut line = String::new();
        if let Some(output) = process.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let ready: Value = serde_json::from_str(&line)
            .with_context(|| format!("the emulator said {line:?} instead of where it is"))?;
        let host = |name: &str| {
            let port = ready.get(name).and_then(Value::as_u64);
            port.map(|port| format!("localhost:{port}")).with_context(|| format!("no {name} port"))
        };
        Ok(Self { http: host("http")?, https: host("https")?, authority, process })
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // it may have ended by itself; then there is nothing to stop
        let _stopped = self.process.kill();
        let _waited = self.process.wait();
    }
}
