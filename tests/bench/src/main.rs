//! `bench`: measures what it is told to and tells the figures. `cargo xtask bench` builds all that it needs.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use b24_offline_bench::book::{Book, Chapter};
use b24_offline_bench::figure::{Figure, Part};
use b24_offline_bench::{cost, documented};
use clap::{Parser, ValueEnum};

/// Measures what draining a queue costs
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// Small sizes
    #[arg(long)]
    quick: bool,

    /// These parts alone
    #[arg(long, value_name = "LETTERS", value_delimiter = ',', value_enum)]
    only: Vec<Part>,

    /// Where the figures are kept, those of earlier runs too
    #[arg(long, value_name = "FILE", default_value = "target/bench/bench.json")]
    book: PathBuf,

    /// The commit that is measured
    #[arg(long, value_name = "COMMIT", default_value = "")]
    commit: String,
}

/// What a part was measured as.
#[derive(Debug, Default)]
struct Measured {
    figures: Vec<Figure>,
    notes: Vec<String>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let mut parts = arguments.only.clone();
    if parts.is_empty() {
        parts = Part::value_variants().to_vec();
    }
    let mut book = Book::open(&arguments.book)?;
    for part in &parts {
        eprintln!("bench: {}", part.title());
        let Some(measured) = arguments.measure(*part)? else { continue };
        let chapter = Chapter {
            title: part.title().to_owned(),
            commit: arguments.commit.clone(),
            quick: arguments.quick,
            notes: measured.notes,
            figures: measured.figures,
        };
        book.parts.insert(*part, chapter);
        book.save(&arguments.book)?;
    }
    print!("{}", book.table(&parts));
    Ok(())
}

impl Arguments {
    fn backlogs(&self) -> &'static [u64] {
        if self.quick { &cost::FEW } else { &cost::BACKLOGS }
    }

    fn measure(&self, part: Part) -> Result<Option<Measured>> {
        Ok(Some(match part {
            Part::A => self.requests()?,
            _ => return Ok(None),
        }))
    }

    fn requests(&self) -> Result<Measured> {
        let mut figures = cost::figures(self.backlogs())?;
        for way in [documented::Way::Naive, documented::Way::Best] {
            for changes in self.backlogs() {
                let cost = documented::drain(*changes, way)?;
                figures.extend(cost.figures(way.name(), "virtual seconds"));
            }
        }
        Ok(Measured { figures, notes: Vec::new() })
    }
}
