//! The part `demo`: the product's main job on its embedded default, as a newcomer runs it.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::command::Invocation;
use crate::workspace::Workspace;

/// Runs the demonstration and judges the line it ends with. Its optimised build, which takes minutes, is for the
/// deep runs; the other one does the same work.
pub(crate) fn run(workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
    let mut program = workspace.cargo(&["run", "--locked", "-p", "b24-offline"]);
    if workspace.is_deep() {
        program.arg("--release");
    }
    program.args(["--", "demo", "--json"]);
    let output = invocation.output(program)?;
    judge(output.last().map(String::as_str).unwrap_or_default())
}

/// What goes wrong on purpose, and what follows of it: a run in which one of them never happened
/// proves little.
const HAPPENED: [&str; 6] =
    ["lost_answers", "crashes", "retried", "adopted", "token_refreshes", "written_back"];

/// Refuses a line that does not say that all changes were delivered or parked while everything went
/// wrong that was to.
fn judge(line: &str) -> Result<()> {
    let figures: Value = serde_json::from_str(line)
        .with_context(|| format!("the demonstration ends with {line:?}, not with its figures"))?;
    let figure = |name: &str| {
        let figure = figures.get(name).and_then(Value::as_u64);
        figure.with_context(|| format!("the figure {name:?} is missing"))
    };
    let (changes, delivered, parked) =
        (figure("changes")?, figure("delivered")?, figure("parked")?);
    ensure!(changes > 0, "nothing happened");
    ensure!(delivered > 0, "nothing was delivered");
    ensure!(figure("lost")? == 0, "changes were lost: {line}");
    ensure!(figure("cycles")? == 0, "own changes came back: {line}");
    ensure!(delivered + parked == changes, "some changes are unaccounted for: {line}");
    ensure!(parked == 1, "not exactly the refused change was parked: {line}");
    ensure!(figure("bucket_violations")? == 0, "the portal's limit was exceeded: {line}");
    for name in HAPPENED {
        ensure!(figure(name)? >= 1, "{name} is 0, it should have happened: {line}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{HAPPENED, judge};

    /// A good run's figures with one of them changed.
    fn line(name: &str, figure: u64) -> String {
        let mut figures = json!({
            "changes": 9, "delivered": 8, "parked": 1, "lost": 0, "cycles": 0,
            "bucket_violations": 0, "lost_answers": 1, "crashes": 1, "retried": 4, "adopted": 2,
            "token_refreshes": 1, "written_back": 3,
        });
        figures[name] = Value::from(figure);
        figures.to_string()
    }

    fn refusal(name: &str, figure: u64) -> String {
        judge(&line(name, figure)).unwrap_err().to_string()
    }

    #[test]
    fn only_a_run_without_loss_and_cycles_passes() {
        judge(&line("changes", 9)).unwrap();
        assert!(refusal("lost", 1).contains("lost"));
        assert!(refusal("cycles", 1).contains("came back"));
        assert!(refusal("changes", 10).contains("unaccounted"));
        assert!(refusal("delivered", 7).contains("unaccounted"));
        assert!(refusal("bucket_violations", 1).contains("limit"));
        let figures = line("parked", 2).replace("\"changes\":9", "\"changes\":10");
        assert!(judge(&figures).unwrap_err().to_string().contains("refused change"));
    }

    #[test]
    fn a_run_in_which_something_did_not_go_wrong_does_not_pass() {
        for name in HAPPENED {
            assert!(refusal(name, 0).contains(name));
        }
    }

    #[test]
    fn a_run_without_figures_does_not_pass() {
        for text in ["", "done", "{}"] {
            assert!(judge(text).is_err(), "{text:?} passed");
        }
        assert!(refusal("changes", 0).contains("nothing happened"));
    }
}
