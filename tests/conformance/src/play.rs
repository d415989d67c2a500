//! One test: a scenario on one host and one kind of portal.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use b24_offline_emulator::Personality;
use tokio::time::timeout;

use crate::canary;
use crate::judge;
use crate::scenario::Scenario;
use crate::stage::Stage;
use crate::steps::Steps;

/// The longest that a test may take.
const LONGEST: Duration = Duration::from_secs(400);
/// How many lines of standard error an account shows.
const TAIL: usize = 25;

/// What the tests share.
#[derive(Clone, Debug)]
pub struct Bench {
    /// The program for `--exec`.
    pub handler: PathBuf,
}

impl Bench {
    /// The command for `--exec`, in the shell's words.
    pub(crate) fn handler_command(&self, folder: &Path) -> String {
        format!("exec {} {}", quoted(&self.handler), quoted(folder))
    }
}

/// A path as one word of the shell.
pub(crate) fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', "'\\''"))
}

/// What a test came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was not as expected, one sentence each; none if it passed.
    pub failures: Vec<String>,
    /// How many objects were lost by the portal's audit.
    pub lost: usize,
    /// The last lines on standard error, without secrets.
    pub said: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

impl Outcome {
    /// Whether all was as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

/// Plays a scenario with the programs that `command` starts.
pub async fn play(
    scenario: &Scenario,
    command: &str,
    personality: Personality,
    bench: &Bench,
) -> Outcome {
    let began = Instant::now();
    let mut outcome = match Stage::open(scenario, personality).await {
        Ok(stage) => on_stage(scenario, command, &Arc::new(stage), bench).await,
        Err(error) => Outcome {
            failures: vec![format!("the portal can't be set up: {error:#}")],
            lost: 0,
            said: Vec::new(),
            took: Duration::ZERO,
        },
    };
    outcome.took = began.elapsed();
    outcome
}

async fn on_stage(
    scenario: &Scenario,
    command: &str,
    stage: &Arc<Stage>,
    bench: &Bench,
) -> Outcome {
    let first_token = stage.access_token();
    let mut steps = Steps::new(scenario, stage, bench, command, &first_token);
    let played = timeout(LONGEST, steps.play()).await;
    let standing = judge::standing(stage);
    std::mem::take(&mut steps.programs).end().await;
    let mut failures = match played {
        Ok(Ok(())) => judged(scenario, stage, &first_token),
        Ok(Err(error)) => vec![format!("{error:#}"), standing],
        Err(_) => vec![format!("it did not end within {} s", LONGEST.as_secs())],
    };
    failures.extend(always(stage).unwrap_or_else(|error| vec![format!("{error:#}")]));
    let secrets = stage.secrets();
    let clean = |text: &String| canary::struck_out(text, &secrets);
    let seen = stage.seen.all();
    let from = seen.notices.len().saturating_sub(TAIL);
    Outcome {
        failures: failures.iter().map(clean).collect(),
        lost: stage.people(|portal, _| portal.audit().lost.len()),
        said: seen.notices.iter().skip(from).map(clean).collect(),
        took: Duration::ZERO,
    }
}

fn judged(scenario: &Scenario, stage: &Stage, first_token: &str) -> Vec<String> {
    judge::failures(&scenario.expect.at_end(), stage, scenario, first_token)
        .unwrap_or_else(|error| vec![format!("{error:#}")])
}

/// What holds in every scenario: lines of the contract's shape, no secret anywhere, an auth file of its owner alone.
fn always(stage: &Stage) -> Result<Vec<String>> {
    let seen = stage.seen.all();
    let mut failures = seen.violations.clone();
    let said = seen.notices.join("\n");
    let texts = [("standard output", seen.printed.as_str()), ("standard error", said.as_str())];
    failures.extend(canary::found(&stage.secrets(), &texts, stage.folder())?);
    failures.extend(stage.auth_mode());
    Ok(failures)
}
