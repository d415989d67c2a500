//! `fuzz`: the decoders get what nobody would send.

use anyhow::Result;

use crate::command::Invocation;
use crate::workspace::Workspace;

/// Builds the program of `tests/fuzz` and runs it with these arguments. Overflows are checked: the build is not
/// a release.
pub(crate) fn run(
    workspace: &Workspace,
    invocation: &mut Invocation,
    arguments: &[String],
) -> Result<()> {
    invocation.run(workspace.cargo(&["build", "--locked", "-p", "b24-offline-fuzz"]))?;
    let mut fuzz = workspace.command(workspace.built("debug").join("fuzz"));
    fuzz.args(arguments);
    if workspace.is_deep() && arguments.is_empty() {
        fuzz.arg("--deep");
    }
    invocation.run(fuzz)
}
