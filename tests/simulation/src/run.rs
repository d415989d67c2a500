//! A run: kept lives first, then many new ones on all cores, and what they came to.

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::law::Breach;
use crate::life::{Life, live};
use crate::marks::{Mark, Marks};
use crate::plan::Plan;
use crate::random::mix;
use crate::shrink::shrink;
use crate::world::{Keep, Maker};

/// One life of so many is lived twice, and must leave the same trace.
const TWICE: u64 = 100;

/// How much is lived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) short: u64,
    pub(crate) long: u64,
    /// Another number, other lives.
    pub(crate) base: u64,
    /// What a life that breaks a promise means for the others.
    pub(crate) after_breach: AfterBreach,
}

/// What follows a broken promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterBreach {
    /// The run ends; the life is made small, told and kept.
    Tell,
    /// The run goes on, and lists at its end all lives that broke one.
    GoOn,
}

/// What a run came to.
#[derive(Debug, Default)]
struct Sum {
    lives: u64,
    calls: u64,
    span: u64,
    twice: u64,
    marks: Marks,
    failed: Vec<(Plan, Breach)>,
}

/// The folder of kept lives.
fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds")
}

/// The life of a number: the first `long` ones are long.
pub(crate) fn plan_of(size: Size, number: u64) -> Plan {
    if number < size.long {
        return Plan::long(mix(size.base, number));
    }
    Plan::short(if size.base == 0 { number - size.long } else { mix(size.base, number) })
}

/// Kept lives in the order of their names.
pub(crate) fn kept_plans() -> Result<Vec<(String, Plan)>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(kept())
        .context("the folder of kept lives can't be read")?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path)?;
        let plan = serde_json::from_str(&text)
            .with_context(|| format!("{} is no life", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, plan))
    };
    paths.into_iter().map(read).collect()
}

/// The kept life of this name.
pub(crate) fn kept_plan(name: &str) -> Result<Plan> {
    let found = kept_plans()?.into_iter().find(|(known, _)| known == name);
    found.map(|(_, plan)| plan).with_context(|| format!("there is no kept life {name}"))
}

/// Lives everything; `true` when every promise was kept and every mark met.
pub(crate) fn run(size: Size) -> Result<bool> {
    let kept = kept_plans()?;
    for (name, plan) in &kept {
        let life = live(plan, Maker::default(), Keep { story: true, trace: false });
        if let Some(breach) = life.breach {
            println!("{}\nthe kept life {name} breaks a promise: {breach}", life.story);
            return Ok(false);
        }
    }
    println!("{} kept lives", kept.len());
    let begun = Instant::now();
    let mut sum = live_all(size);
    let seconds = begun.elapsed().as_secs_f64();
    sum.failed.sort_by_key(|(plan, _)| plan.seed);
    if let (AfterBreach::Tell, Some((plan, breach))) = (size.after_breach, sum.failed.first()) {
        tell(plan, breach)?;
        return Ok(false);
    }
    print_figures(&sum, seconds);
    for (plan, breach) in &sum.failed {
        println!(
            "{}seed {}: {breach}",
            if plan.settings.is_long() { "forty days, " } else { "" },
            plan.seed
        );
    }
    let missed = sum.marks.missed();
    for mark in &missed {
        println!("never met: {mark:?}, {}", mark.words());
    }
    Ok(missed.is_empty() && sum.failed.is_empty())
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn live_all(size: Size) -> Sum {
    let count = size.short + size.long;
    let next = AtomicU64::new(0);
    let over = AtomicBool::new(false);
    let sum = Mutex::new(Sum::default());
    let bar = progress(count);
    std::thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    let plan = plan_of(size, number);
                    let (life, breach) = live_and_again(&plan, number.is_multiple_of(TWICE));
                    let mut sum = lock(&sum);
                    sum.take(&life, number.is_multiple_of(TWICE));
                    if let Some(breach) = breach {
                        sum.failed.push((plan, breach));
                        over.store(size.after_breach == AfterBreach::Tell, Ordering::Relaxed);
                    }
                    drop(sum);
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Lives a plan, and once more where the same trace is to be seen.
fn live_and_again(plan: &Plan, twice: bool) -> (Life, Option<Breach>) {
    let keep = Keep { trace: twice, story: false };
    let mut life = live(plan, Maker::default(), keep);
    let mut breach = life.breach.take();
    if twice && breach.is_none() && live(plan, Maker::default(), keep).trace != life.trace {
        let what = "the same life left two traces";
        breach = Some(Breach::new(crate::law::Law::Total, what));
    }
    (life, breach)
}

fn progress(count: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{wide_bar} {pos}/{len} lives, {elapsed} of {duration}");
    let bar = ProgressBar::new(count);
    bar.enable_steady_tick(Duration::from_millis(500));
    style.map_or(bar.clone(), |style| bar.with_style(style))
}

impl Sum {
    fn take(&mut self, life: &Life, twice: bool) {
        self.lives += 1;
        self.calls += life.calls;
        self.span += life.span;
        self.twice += u64::from(twice);
        self.marks.add(&life.marks);
    }
}

fn print_figures(sum: &Sum, seconds: f64) {
    for mark in Mark::ALL {
        println!("{:>10}  {}", sum.marks.count(*mark), mark.words());
    }
    let years = sum.span / (365 * 86_400_000);
    println!("{} lives, {} of them lived twice with the same trace", sum.lives, sum.twice);
    println!("{} calls, {years} years of virtual time", sum.calls);
    println!(
        "{} rare situations, {} met",
        Mark::ALL.len(),
        Mark::ALL.len() - sum.marks.missed().len()
    );
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let a_minute = sum.calls as f64 * 60.0 / seconds.max(0.001) / threads() as f64;
    println!("{seconds:.0} s, {a_minute:.0} calls a minute and core");
}

/// Shrinks a failing life, tells its story and keeps it.
fn tell(plan: &Plan, breach: &Breach) -> Result<()> {
    println!("seed {}: {breach}", plan.seed);
    let small = shrink(plan, Maker::default(), breach.law);
    story(&small, Maker::default());
    keep(&small, &format!("{:?}-{}", breach.law, plan.seed))
}

/// Keeps a life for later runs.
pub(crate) fn keep(plan: &Plan, name: &str) -> Result<()> {
    let path = kept().join(format!("{}.json", name.to_lowercase()));
    std::fs::write(&path, format!("{}\n", serde_json::to_string_pretty(plan)?))?;
    println!("kept as {}", path.display());
    Ok(())
}

/// Prints the story of a life; `true` when it keeps every promise.
pub(crate) fn story(plan: &Plan, maker: Maker) -> bool {
    let life = live(plan, maker, Keep { story: true, trace: false });
    println!("{:#?}\n{}", plan.settings, life.story);
    match &life.breach {
        Some(breach) => println!("{breach}"),
        None => println!("every promise is kept"),
    }
    life.breach.is_none()
}
