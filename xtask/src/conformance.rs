//! The part `conformance`: one set of scenarios against the `listen` program of every host.

use anyhow::Result;

use crate::command::Invocation;
use crate::tools::Build;
use crate::workspace::Workspace;
use crate::{kotlin, npm, python, tools};

/// The `listen` programs of all hosts, built: what a table calls each, and its command line for a shell.
pub(crate) fn programs(
    workspace: &Workspace,
    invocation: &mut Invocation,
    build: Build,
) -> Result<[String; 4]> {
    let native = tools::native_program(workspace, invocation, build)?;
    npm::build(workspace, invocation)?;
    let python = python::installed(workspace, invocation, build)?;
    let kotlin = kotlin::built(workspace, invocation, build)?;
    let listen = workspace.root().join("bindings/python/examples/listen.py");
    // the commands are given to a shell, and a checkout may lie anywhere
    Ok([
        format!("native='{}' listen", native.display()),
        format!("node=node '{}'", npm::listen(workspace).display()),
        format!("python='{}' '{}'", python.display(), listen.display()),
        format!("kotlin='{}'", kotlin.display()),
    ])
}

/// Builds all four programs and plays every scenario with each, in both personalities.
pub(crate) fn run(workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
    let hosts = programs(workspace, invocation, Build::Tested)?;
    invocation.run(workspace.cargo(&["build", "--locked", "-p", "b24-offline-conformance"]))?;
    let mut play = workspace.command(workspace.built("debug").join("conformance"));
    for host in hosts {
        play.arg("--host").arg(host);
    }
    invocation.run(play)
}
