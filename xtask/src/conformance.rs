//! The part `conformance`: one set of scenarios against the `listen` program of every host.

use anyhow::Result;

use crate::command::Invocation;
use crate::workspace::Workspace;
use crate::{kotlin, npm, python, tools};

/// Builds all four programs and plays every scenario with each, in both personalities.
pub(crate) fn run(workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
    let native = tools::native_program(workspace, invocation)?;
    npm::build(workspace, invocation)?;
    let python = python::installed(workspace, invocation)?;
    let kotlin = kotlin::built(workspace, invocation)?;
    invocation.run(workspace.cargo(&["build", "--locked", "-p", "b24-offline-conformance"]))?;
    let listen = workspace.root().join("bindings/python/examples/listen.py");
    // the runner gives the commands to a shell, and a checkout may lie anywhere
    let hosts = [
        format!("native='{}' listen", native.display()),
        format!("node=node '{}'", npm::listen(workspace).display()),
        format!("python='{}' '{}'", python.display(), listen.display()),
        format!("kotlin='{}'", kotlin.display()),
    ];
    let mut play = workspace.command(workspace.built("debug").join("conformance"));
    for host in hosts {
        play.arg("--host").arg(host);
    }
    invocation.run(play)
}
