//! Whole lives of a queue and its client, with the machine as it is and with machines that are wrong on purpose.

use anyhow::Result;

use crate::command::Invocation;
use crate::workspace::Workspace;

const CRATE: [&str; 6] = ["run", "--quiet", "--locked", "--profile", "proof", "-p"];
const PACKAGE: &str = "b24-offline-simulation";

/// The part `simulate` of a test run.
pub(crate) fn simulate(workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
    let mut command = workspace.cargo(&CRATE);
    command.args([PACKAGE, "--", "simulate"]);
    if workspace.is_deep() {
        command.arg("--deep");
    }
    invocation.run(command)
}

/// The part `broken` of a test run.
pub(crate) fn broken(workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
    let mut command = workspace.cargo(&CRATE);
    command.args([PACKAGE, "--features", "defect", "--", "broken"]);
    invocation.run(command)
}

/// Runs a command of the simulation on this terminal; `true` when every promise was kept.
pub(crate) fn on_terminal(workspace: &Workspace, name: &str, arguments: &[String]) -> Result<bool> {
    let mut command = workspace.cargo(&CRATE);
    command.arg(PACKAGE);
    if name == "broken" {
        command.args(["--features", "defect"]);
    }
    command.args(["--", name]).args(arguments);
    Ok(command.status()?.success())
}
