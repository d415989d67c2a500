//! The exhaustive model check (`tests/model`).

use anyhow::Result;

use crate::command::Invocation;
use crate::workspace::Workspace;

/// What is looked at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) deep: bool,
    pub(crate) config: Option<String>,
    pub(crate) defect: Option<String>,
}

/// A part of a test run: the worlds of the default size, or all of them.
pub(crate) fn part(workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
    let options = Options { deep: workspace.is_deep(), ..Options::default() };
    run(workspace, invocation, &options)
}

pub(crate) fn run(
    workspace: &Workspace,
    invocation: &mut Invocation,
    options: &Options,
) -> Result<()> {
    let mut command = workspace.cargo(&["run", "--quiet", "--locked", "--profile", "proof"]);
    command.args(["--package", "b24-offline-model", "--"]);
    if options.deep {
        command.arg("--deep");
    }
    for (name, value) in [("--config", &options.config), ("--defect", &options.defect)] {
        command.args(value.iter().flat_map(|value| [name, value.as_str()]));
    }
    invocation.run(command)
}
