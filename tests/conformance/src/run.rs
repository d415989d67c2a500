//! Many tests side by side, and the account of them.

use std::fmt::Write;
use std::sync::Arc;

use anyhow::{Context, Result};
use b24_offline_emulator::Personality;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::play::{Bench, Outcome, play};
use crate::scenario::Scenario;

/// So many times more tests than others wait for their minute side by side.
const WAITING: usize = 4;

/// A program to be tested.
#[derive(Clone, Debug)]
pub struct Host {
    /// What the account calls it.
    pub name: String,
    /// The command line that the options of `listen` follow, in the shell's words.
    pub command: String,
}

/// One test.
#[derive(Clone, Debug)]
struct Test {
    scenario: Arc<Scenario>,
    host: Arc<Host>,
    personality: Personality,
}

/// A test and what it came to.
#[derive(Debug)]
pub struct Played {
    /// The scenario's name.
    pub scenario: String,
    /// The host's name.
    pub host: String,
    /// The kind of portal.
    pub personality: Personality,
    /// What it came to.
    pub outcome: Outcome,
}

/// What is played.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The scenarios.
    pub scenarios: Vec<Scenario>,
    /// The programs.
    pub hosts: Vec<Host>,
    /// The kinds of portals.
    pub personalities: Vec<Personality>,
    /// How many tests at a time.
    pub jobs: usize,
}

impl Selection {
    fn tests(&self) -> Vec<Test> {
        let mut tests = Vec::new();
        let hosts: Vec<_> = self.hosts.iter().cloned().map(Arc::new).collect();
        for scenario in &self.scenarios {
            let scenario = Arc::new(scenario.clone());
            for host in &hosts {
                let on = self.personalities.iter();
                let on = on.filter(|personality| scenario.personalities.contains(personality));
                tests.extend(on.map(|personality| Test {
                    scenario: scenario.clone(),
                    host: host.clone(),
                    personality: *personality,
                }));
            }
        }
        tests
    }

    /// Plays all, and says a line for each that has ended.
    ///
    /// # Errors
    /// A test that panicked.
    pub async fn play(&self, bench: &Bench, say: impl Fn(&str)) -> Result<Vec<Played>> {
        let tests = self.tests();
        let total = tests.len();
        let turns = |most: usize| Arc::new(Semaphore::new(most.max(1)));
        let (working, waiting) = (turns(self.jobs), turns(self.jobs * WAITING));
        let mut running = JoinSet::new();
        for test in tests {
            let bench = bench.clone();
            let turns = if test.scenario.waits_a_minute { &waiting } else { &working };
            let turns = turns.clone();
            running.spawn(async move {
                let _turn = turns.acquire_owned().await;
                let Test { scenario, host, personality } = test;
                let outcome = play(&scenario, &host.command, personality, &bench).await;
                let (scenario, host) = (scenario.name.clone(), host.name.clone());
                Played { scenario, host, personality, outcome }
            });
        }
        let mut all = Vec::new();
        while let Some(played) = running.join_next().await {
            let played = played.context("a test panicked")?;
            say(&format!("[{}/{total}] {played}", all.len() + 1));
            all.push(played);
        }
        all.sort_by_key(|played| {
            let source = played.personality == Personality::Source;
            (played.scenario.clone(), played.host.clone(), source)
        });
        Ok(all)
    }
}

/// As a person writes it.
fn named(personality: Personality) -> &'static str {
    match personality {
        Personality::Documented => "documented",
        Personality::Source => "source",
    }
}

impl std::fmt::Display for Played {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Played { scenario, host, personality, outcome } = self;
        let verdict = if outcome.passed() { "passed" } else { "FAILED" };
        let (portal, seconds) = (named(*personality), outcome.took.as_secs_f64());
        write!(formatter, "{verdict}  {scenario}  {host}, {portal}  {seconds:.1} s")
    }
}

/// The account of all tests: a table of scenarios and hosts, what failed and how, the sum of lost objects, and as
/// the last line `N passed, M failed`.
#[must_use]
pub fn account(all: &[Played], hosts: &[Host]) -> String {
    let mut text = String::from("\n");
    text.push_str(&table(all, hosts));
    for played in all.iter().filter(|played| !played.outcome.passed()) {
        let _ = writeln!(text, "\n{played}");
        for failure in &played.outcome.failures {
            let _ = writeln!(text, "  - {failure}");
        }
        let _ = writeln!(text, "  the last of standard error:");
        for line in &played.outcome.said {
            let _ = writeln!(text, "    {line}");
        }
    }
    let failed = all.iter().filter(|played| !played.outcome.passed()).count();
    let lost: usize = all.iter().map(|played| played.outcome.lost).sum();
    let _ = writeln!(text, "\n{lost} objects lost in {} tests", all.len());
    let _ = write!(text, "{} passed, {failed} failed", all.len() - failed);
    text
}

/// A row for each scenario, a column for each host; each cell has both kinds of portals.
fn table(all: &[Played], hosts: &[Host]) -> String {
    let mut rows = vec![vec!["scenario (documented, source)".to_owned()]];
    rows.iter_mut().for_each(|row| row.extend(hosts.iter().map(|host| host.name.clone())));
    let mut scenarios: Vec<&str> = all.iter().map(|played| played.scenario.as_str()).collect();
    scenarios.dedup();
    for scenario in scenarios {
        let mut row = vec![scenario.to_owned()];
        row.extend(hosts.iter().map(|host| {
            let cell = all.iter().filter(|one| one.scenario == scenario && one.host == host.name);
            cell.map(figure).collect::<Vec<_>>().join(", ")
        }));
        rows.push(row);
    }
    let columns = hosts.len() + 1;
    let width = |column| {
        rows.iter()
            .filter_map(|row: &Vec<String>| row.get(column))
            .map(|cell: &String| cell.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn figure(played: &Played) -> String {
    let verdict = if played.outcome.passed() { "passed" } else { "FAILED" };
    format!("{verdict} {:.1} s", played.outcome.took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn played(scenario: &str, host: &str, failures: &[&str]) -> Played {
        let outcome = Outcome {
            failures: failures.iter().map(|text| (*text).to_owned()).collect(),
            lost: failures.len(),
            said: vec!["last words".to_owned()],
            took: Duration::from_millis(1_240),
        };
        let (scenario, host) = (scenario.to_owned(), host.to_owned());
        Played { scenario, host, personality: Personality::Source, outcome }
    }

    #[test]
    fn the_account_ends_with_the_counts_and_shows_what_failed() {
        let hosts =
            ["native", "node"].map(|name| Host { name: name.to_owned(), command: String::new() });
        let all = [
            played("drain", "native", &[]),
            played("drain", "node", &["lost objects: 1, expected 0"]),
            played("gone", "native", &[]),
        ];
        let text = account(&all, &hosts);
        assert!(text.ends_with("\n1 objects lost in 3 tests\n2 passed, 1 failed"), "{text}");
        for shown in ["native", "node", "passed 1.2 s", "FAILED 1.2 s", "expected 0", "last words"]
        {
            assert!(text.contains(shown), "{shown}: {text}");
        }
        assert_eq!(text.matches("last words").count(), 1);
    }
}
