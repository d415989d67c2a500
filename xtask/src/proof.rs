//! The proofs that are programs of their own: each knows its options, and what is asked for is handed on as it is.

use std::process::Command;

use anyhow::Result;

use crate::command::Invocation;
use crate::workspace::Workspace;

/// One of these programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The exhaustive check of bounded worlds (`tests/model`).
    Model,
    /// Whole lives of a queue and its client (`tests/simulation`).
    Simulate,
    /// The same with machines that are wrong on purpose.
    Broken,
    /// What nobody would send (`tests/fuzz`). Overflows are checked: the build is not a release.
    Fuzz,
}

impl Proof {
    /// Builds the program and starts it.
    fn command(self, workspace: &Workspace) -> Command {
        let mut command = workspace.cargo(&["run", "--quiet", "--locked"]);
        command.args(match self {
            Self::Model => &["--profile", "proof", "-p", "b24-offline-model", "--"][..],
            Self::Simulate => {
                &["--profile", "proof", "-p", "b24-offline-simulation", "--", "simulate"]
            }
            Self::Broken => &[
                "--profile",
                "proof",
                "-p",
                "b24-offline-simulation",
                "--features",
                "defect",
                "--",
                "broken",
            ],
            Self::Fuzz => &["-p", "b24-offline-fuzz", "--"],
        });
        command
    }

    /// A part of a test run, at its default size or its deep one.
    pub(crate) fn part(self, workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
        let mut command = self.command(workspace);
        if workspace.is_deep() && self != Self::Broken {
            command.arg("--deep");
        }
        invocation.run(command)
    }

    /// On this terminal, with these arguments; `true` when it holds.
    pub(crate) fn on_terminal(self, workspace: &Workspace, arguments: &[String]) -> Result<bool> {
        Ok(self.command(workspace).args(arguments).status()?.success())
    }
}
