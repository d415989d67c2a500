//! The part `demo`: the product's main job on its embedded default, as a newcomer runs it.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::command::Invocation;
use crate::workspace::Workspace;

/// Runs the demonstration and judges the line it ends with.
pub(crate) fn run(workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
    let program = ["run", "--release", "--locked", "-p", "b24-offline", "--", "demo", "--json"];
    let output = invocation.output(workspace.cargo(&program))?;
    judge(output.last().map(String::as_str).unwrap_or_default())
}

/// Refuses a line that does not say that all changes were delivered.
fn judge(line: &str) -> Result<()> {
    let figures: Value = serde_json::from_str(line)
        .with_context(|| format!("the demonstration ends with {line:?}, not with its figures"))?;
    let figure = |name: &str| {
        let figure = figures.get(name).and_then(Value::as_u64);
        figure.with_context(|| format!("the figure {name:?} is missing"))
    };
    ensure!(figure("changes")? > 0, "nothing happened");
    ensure!(figure("delivered")? > 0, "nothing was delivered");
    ensure!(figure("lost")? == 0, "changes were lost: {line}");
    ensure!(figure("cycles")? == 0, "own changes came back: {line}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn only_a_run_without_loss_and_cycles_passes() {
        let line = |lost, cycles| {
            format!(r#"{{"changes": 9, "delivered": 9, "lost": {lost}, "cycles": {cycles}}}"#)
        };
        judge(&line(0, 0)).unwrap();
        assert!(judge(&line(1, 0)).unwrap_err().to_string().contains("lost"));
        assert!(judge(&line(0, 1)).unwrap_err().to_string().contains("came back"));
    }

    #[test]
    fn a_run_without_figures_does_not_pass() {
        for line in ["", "done", "{}", r#"{"changes": 0, "delivered": 0, "lost": 0, "cycles": 0}"#]
        {
            assert!(judge(line).is_err(), "{line:?} passed");
        }
    }
}
