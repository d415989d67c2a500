//! `conformance`: plays the scenarios against every `listen` program and says what came of it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use b24_offline_conformance::play::Bench;
use b24_offline_conformance::run::{Host, Selection, account};
use b24_offline_conformance::scenario::Scenario;
use b24_offline_emulator::Personality;
use clap::{Parser, ValueEnum};
use glob::Pattern;

/// Plays the scenarios against every `listen` program, with an emulated portal as the counterpart
#[derive(Debug, Parser)]
#[command(name = "conformance", after_help = AFTER_HELP)]
struct Arguments {
    /// A program: what the table calls it, and the command line that the options of `listen` follow;
    /// repeat it for more [default: the native program beside this one]
    #[arg(long = "host", value_name = "NAME=COMMAND")]
    hosts: Vec<String>,

    /// Plays scenarios of this name or pattern alone; repeat it for more
    #[arg(long = "scenario", value_name = "GLOB")]
    scenarios: Vec<String>,

    /// Whom the portals follow where the documentation and the server's source differ [default: both]
    #[arg(long = "personality", value_enum)]
    personalities: Vec<PersonalityName>,

    /// How many tests run side by side
    #[arg(long, value_name = "N", default_value_t = 6)]
    jobs: usize,

    /// Where the scenarios lie
    #[arg(long, value_name = "FOLDER", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios"))]
    folder: PathBuf,

    /// Lists the scenarios and plays none
    #[arg(long)]
    list: bool,
}

const AFTER_HELP: &str = "\
Examples:
  conformance
  conformance --scenario 'kill-*' --personality source
  conformance --host 'native=target/debug/b24-offline listen' --host 'node=node pkg/examples/listen.mjs'

The last line is `N passed, M failed`. Exit codes: 0 all passed, 1 some failed, 2 wrong usage.";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PersonalityName {
    Documented,
    Source,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("conformance: error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether all passed.
fn run(arguments: &Arguments) -> Result<bool> {
    let scenarios = selected(arguments)?;
    if arguments.list {
        for scenario in &scenarios {
            println!("{:32}  {}", scenario.name, scenario.title);
        }
        return Ok(true);
    }
    let exe = std::env::current_exe()?;
    let folder = exe.parent().context("this program lies in no folder")?;
    let bench = Bench { handler: folder.join("conformance-handler") };
    ensure!(bench.handler.exists(), "{} is not built", bench.handler.display());
    let selection = Selection {
        scenarios,
        hosts: hosts(arguments, folder)?,
        personalities: personalities(arguments),
        jobs: arguments.jobs,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let all = runtime.block_on(selection.play(&bench, |line| println!("{line}")))?;
    println!("{}", account(&all, &selection.hosts));
    Ok(all.iter().all(|played| played.outcome.passed()))
}

fn selected(arguments: &Arguments) -> Result<Vec<Scenario>> {
    let mut all = Scenario::read_all(&arguments.folder)?;
    let patterns = arguments.scenarios.iter().map(|text| Pattern::new(text));
    let patterns = patterns.collect::<Result<Vec<_>, _>>()?;
    for pattern in &patterns {
        let known = all.iter().any(|scenario| pattern.matches(&scenario.name));
        ensure!(known, "no scenario is called {pattern}; --list names them");
    }
    all.retain(|scenario| {
        patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(&scenario.name))
    });
    Ok(all)
}

fn hosts(arguments: &Arguments, folder: &Path) -> Result<Vec<Host>> {
    if arguments.hosts.is_empty() {
        let program = folder.join("b24-offline");
        if !program.exists() {
            bail!("{} is not built; build it, or name another --host", program.display());
        }
        let command = format!("'{}' listen", program.display());
        return Ok(vec![Host { name: "native".to_owned(), command }]);
    }
    let named = arguments.hosts.iter().map(|text| {
        let (name, command) =
            text.split_once('=').with_context(|| format!("--host {text}: no NAME=COMMAND"))?;
        ensure!(!name.is_empty() && !command.is_empty(), "--host {text}: no NAME=COMMAND");
        Ok(Host { name: name.to_owned(), command: command.to_owned() })
    });
    named.collect()
}

fn personalities(arguments: &Arguments) -> Vec<Personality> {
    let wanted =
        |name| arguments.personalities.is_empty() || arguments.personalities.contains(&name);
    let documented = wanted(PersonalityName::Documented).then_some(Personality::Documented);
    let source = wanted(PersonalityName::Source).then_some(Personality::Source);
    documented.into_iter().chain(source).collect()
}
