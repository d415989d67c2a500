//! `mutants`: the core is changed in one place after the other, and the tests are to notice each change.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::command::Invocation;
use crate::tools;
use crate::workspace::Workspace;

/// A diff's mutants are tried as long as this, and so many shards of them at most: 60 mutants.
const DIFF_TIME: Duration = Duration::from_secs(120);
const MOST_SHARDS: usize = 12;
/// So many are tried between two looks at the clock.
const OF_SHARD: usize = 5;
/// Seconds after which the tests of one mutant count as hanging.
const TIMEOUT: &str = "120";

/// What is tried.
#[derive(Debug, Clone)]
pub(crate) enum Which {
    /// All of them, or one part of so many: `3/40`.
    Whole(Option<String>),
    /// Those in lines that differ from this commit; without one, from the last commit.
    Diff(Option<String>),
}

/// Shows the names of all mutants.
pub(crate) fn list(workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
    let bench = Bench::set_up(workspace, invocation)?;
    let mut list = bench.command(workspace);
    list.arg("--list");
    let names = invocation.output(list)?;
    invocation.note(format!("{} mutants", names.len()));
    Ok(())
}

/// Tries mutants and prints what became of them. One that no test notices is an error only in a diff.
pub(crate) fn run(workspace: &Workspace, invocation: &mut Invocation, which: &Which) -> Result<()> {
    match which {
        Which::Whole(shard) => whole(workspace, invocation, shard.as_deref()),
        Which::Diff(base) => diff(workspace, invocation, base.as_deref()),
    }
}

fn whole(workspace: &Workspace, invocation: &mut Invocation, shard: Option<&str>) -> Result<()> {
    let bench = Bench::set_up(workspace, invocation)?;
    let mut all = bench.trial(workspace);
    if let Some(shard) = shard {
        all.args(["--sharding", "round-robin", "--shard", shard]);
    }
    // its exit code says that some were missed, which the table says too
    let ended = invocation.run(all);
    let sums =
        bench.outcomes().with_context(|| format!("the run of the mutants ended with {ended:?}"))?;
    ensure!(sums.tried() > 0, "no mutant was tried: {ended:?}");
    sums.tell(invocation);
    Ok(())
}

/// In batches, until all are tried or the time is up.
fn diff(workspace: &Workspace, invocation: &mut Invocation, base: Option<&str>) -> Result<()> {
    let base = base.map_or_else(|| last_base(workspace), |base| Some(base.to_owned()));
    let Some(base) = base else {
        invocation.note("no commit to compare with: nothing to try".into());
        return Ok(());
    };
    let changed = workspace.git(&["diff", "--unified=0", &base, "--", "core/src"])?;
    if changed.trim().is_empty() {
        invocation.note(format!("core/src is as it was in {base}: nothing to try"));
        return Ok(());
    }
    let bench = Bench::set_up(workspace, invocation)?;
    let file = bench.root.join("diff");
    fs::write(&file, changed)?;
    let mut list = bench.command(workspace);
    list.arg("--list").arg("--in-diff").arg(&file);
    let found = invocation.output(list)?;
    // each shard has every so manieth mutant, so a few of them are spread over the whole
    let shards = found.len().div_ceil(OF_SHARD);
    let started = Instant::now();
    let mut sums = Outcomes::default();
    for shard in evenly(shards, MOST_SHARDS) {
        if started.elapsed() > DIFF_TIME {
            break;
        }
        let mut trial = bench.trial(workspace);
        trial.arg("--in-diff").arg(&file).args(["--sharding", "round-robin", "--shard"]);
        trial.arg(format!("{shard}/{shards}"));
        let ended = invocation.run(trial);
        let more = bench
            .outcomes()
            .with_context(|| format!("the run of the mutants ended with {ended:?}"))?;
        ensure!(more.tried() > 0, "no mutant was tried: {ended:?}");
        sums.add(more);
    }
    invocation.note(format!(
        "{} of the {} mutants in what differs from {base} were tried in {:.0} s",
        sums.tried(),
        found.len(),
        started.elapsed().as_secs_f64()
    ));
    sums.tell(invocation);
    let explained = explained(workspace)?;
    let missed: Vec<&String> =
        sums.missed.iter().filter(|name| !explained.contains(&without_place(name))).collect();
    ensure!(
        missed.is_empty(),
        "no test notices these, and docs/mutants.md explains none: {missed:?}"
    );
    Ok(())
}

/// The commit to compare with when none was given: the one before the last.
fn last_base(workspace: &Workspace) -> Option<String> {
    let before = "HEAD~1";
    workspace.git(&["rev-parse", "--verify", "--quiet", before]).is_ok().then(|| before.to_owned())
}

/// At most `most` numbers below `end`, as far from each other as can be, the same ones each time.
fn evenly(end: usize, most: usize) -> Vec<usize> {
    let take = end.min(most);
    (0..take).map(|number| number * end / take).collect()
}

/// A mutant's name without line and column, which change with what stands above.
fn without_place(name: &str) -> String {
    let mut parts = name.splitn(4, ':');
    match (parts.next(), parts.nth(2)) {
        (Some(file), Some(what)) => format!("{file}:{what}"),
        _ => name.to_owned(),
    }
}

/// The survivors that docs/mutants.md names, each in a line of a table that begins with its name in backticks.
fn explained(workspace: &Workspace) -> Result<BTreeSet<String>> {
    let text = fs::read_to_string(workspace.root().join("docs/mutants.md"))?;
    Ok(text.lines().filter_map(named).collect())
}

/// The name in a line of a table, where a stroke stands behind a backslash.
fn named(line: &str) -> Option<String> {
    Some(line.strip_prefix("| `")?.split_once("` |")?.0.replace("\\|", "|"))
}

/// A copy of the checkout that is changed in place of it, with a build folder that outlives a run.
#[derive(Debug)]
struct Bench {
    root: PathBuf,
    program: PathBuf,
}

impl Bench {
    fn set_up(workspace: &Workspace, invocation: &mut Invocation) -> Result<Bench> {
        let program = tools::cargo_mutants(workspace, invocation)?;
        let root = workspace.built("mutants");
        let tree = root.join("tree");
        let listed =
            workspace.git(&["ls-files", "-z", "--cached", "--others", "--exclude-standard"])?;
        let names: BTreeSet<&str> = listed.split('\0').filter(|name| !name.is_empty()).collect();
        for name in &names {
            copy(&workspace.root().join(name), &tree.join(name))?;
        }
        // what was removed since, and what a killed run has left changed, is put right by content
        for gone in files(&tree)? {
            let name = gone.strip_prefix(&tree)?.to_string_lossy().into_owned();
            if !names.contains(name.as_str()) {
                fs::remove_file(&gone)?;
            }
        }
        Ok(Bench { root, program })
    }

    fn command(&self, workspace: &Workspace) -> std::process::Command {
        let mut command = workspace.command(&self.program);
        command.current_dir(self.root.join("tree")).args(["mutants", "--colors", "never"]);
        command.env("CARGO_TARGET_DIR", self.root.join("target"));
        command.env("B24_CASES", "60").env("B24_MUTANT", "1");
        command
    }

    fn trial(&self, workspace: &Workspace) -> std::process::Command {
        let mut command = self.command(workspace);
        command.args(["--in-place", "--baseline", "skip", "--timeout", TIMEOUT, "--output"]);
        command.arg(&self.root);
        command
    }

    fn outcomes(&self) -> Result<Outcomes> {
        let path = self.root.join("mutants.out").join("outcomes.json");
        let text = fs::read(&path).with_context(|| format!("{} is missing", path.display()))?;
        Outcomes::read(&serde_json::from_slice(&text)?)
    }
}

/// Copies a file whose content differs, so that cargo sees only what is new.
fn copy(from: &Path, to: &Path) -> Result<()> {
    // a file that git lists may be removed already
    let Ok(content) = fs::read(from) else { return Ok(()) };
    if fs::read(to).is_ok_and(|there| there == content) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(to, content)?;
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

/// What became of mutants.
#[derive(Debug, Default)]
struct Outcomes {
    caught: usize,
    timed_out: usize,
    unviable: usize,
    missed: Vec<String>,
}

impl Outcomes {
    fn read(report: &Value) -> Result<Outcomes> {
        let mut outcomes = Outcomes::default();
        let all = report.get("outcomes").and_then(Value::as_array);
        for outcome in all.context("the report of the mutants has no outcomes")? {
            let name = outcome.pointer("/scenario/Mutant/name").and_then(Value::as_str);
            let Some(name) = name else { continue };
            match outcome.get("summary").and_then(Value::as_str) {
                Some("CaughtMutant") => outcomes.caught += 1,
                Some("Timeout") => outcomes.timed_out += 1,
                Some("MissedMutant") => outcomes.missed.push(name.to_owned()),
                _ => outcomes.unviable += 1,
            }
        }
        Ok(outcomes)
    }

    fn add(&mut self, other: Outcomes) {
        self.caught += other.caught;
        self.timed_out += other.timed_out;
        self.unviable += other.unviable;
        self.missed.extend(other.missed);
    }

    fn tried(&self) -> usize {
        self.caught + self.timed_out + self.unviable + self.missed.len()
    }

    fn tell(&self, invocation: &mut Invocation) {
        let viable = self.caught + self.timed_out + self.missed.len();
        let noticed = self.caught + self.timed_out;
        let share = 100.0 * noticed as f64 / viable.max(1) as f64;
        invocation.note(format!(
            "mutants: {noticed} of {viable} noticed, {share:.1} % ({} of them by a test that hangs), {} missed, {} that \
             do not compile",
            self.timed_out,
            self.missed.len(),
            self.unviable
        ));
        for name in &self.missed {
            invocation.note(format!("missed: {name}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_diffs_mutants_are_chosen_evenly_and_always_the_same() {
        assert_eq!(evenly(100, 4), [0, 25, 50, 75]);
        assert_eq!(evenly(3, 12), [0, 1, 2]);
        assert!(evenly(0, 12).is_empty());
    }

    #[test]
    fn a_mutant_is_known_wherever_its_line_is() {
        let name = "core/src/a.rs:12:5: replace A::b -> bool with true";
        assert_eq!(without_place(name), "core/src/a.rs: replace A::b -> bool with true");
    }

    #[test]
    fn a_survivor_is_named_in_a_table_with_its_strokes() {
        let line = r"| `core/src/a.rs: replace \|\| with && in A::b` | it does nothing |";
        assert_eq!(named(line).unwrap(), "core/src/a.rs: replace || with && in A::b");
        assert_eq!(named("| mutant | why no test notices |"), None);
    }

    #[test]
    fn every_file_of_scenes_tries_mutants_too() {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
        let text = |name: &str| fs::read_to_string(tests.join("mutants").join(name)).unwrap();
        let tried = text("quick.rs") + &text("slow.rs");
        for entry in fs::read_dir(tests.join("tests")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let main = if name.ends_with(".rs") { "" } else { "/main.rs" };
            let path = format!("\"../tests/{name}{main}\"");
            assert!(tried.contains(&path), "tests/mutants has no {path}");
        }
    }

    #[test]
    fn a_report_is_summed_up() {
        let one = |name: &str, summary: &str| json!({"scenario": {"Mutant": {"name": name}}, "summary": summary});
        let report = json!({"outcomes": [
            {"scenario": "Baseline", "summary": "Success"},
            one("a", "CaughtMutant"), one("b", "MissedMutant"), one("c", "Timeout"), one("d", "Unviable"),
        ]});
        let sums = Outcomes::read(&report).unwrap();
        assert_eq!((sums.tried(), sums.caught, sums.timed_out, sums.unviable), (4, 1, 1, 1));
        assert_eq!(sums.missed, ["b"]);
    }
}
