//! `bench`: measures what it is told to and tells the figures. `cargo xtask bench` builds all that it needs.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use b24_offline_bench::book::{Book, Chapter};
use b24_offline_bench::cost::{self, Cost};
use b24_offline_bench::documented::{self, Way};
use b24_offline_bench::figure::{Figure, Part};
use b24_offline_bench::others::{self, Size};
use b24_offline_bench::program::Program;
use b24_offline_bench::{hosts, latency, peers, plot};
use clap::{Parser, ValueEnum};

// the portals that it serves make and forget millions of small texts, and should not be what is waited for
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures what draining a queue costs, and prints the figures
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// Small sizes
    #[arg(long)]
    quick: bool,

    /// These parts alone
    #[arg(long, value_name = "LETTERS", value_delimiter = ',', value_enum)]
    only: Vec<Part>,

    /// A `listen` program: what the table calls it, and its command line; repeat it for more.
    /// The one called native is used for the parts b and e
    #[arg(long = "host", value_name = "NAME=COMMAND")]
    hosts: Vec<Program>,

    /// The command line that drains in a page of a browser, for the part d
    #[arg(long, value_name = "COMMAND")]
    browser: Option<String>,

    /// Another client: what the table calls it, and its command line, which `naive` or `best`
    /// follows; repeat it for more
    #[arg(long = "peer", value_name = "NAME=COMMAND")]
    peers: Vec<Program>,

    /// Where criterion has left what `benches/core.rs` measured
    #[arg(long, value_name = "FOLDER", default_value = "target/criterion")]
    criterion: PathBuf,

    /// The simulation's command line
    #[arg(long, value_name = "COMMAND")]
    simulation: Option<String>,

    /// The size of something that is shipped; repeat it for more
    #[arg(long = "size", value_name = "NAME=BYTES[/ZIPPED]")]
    sizes: Vec<Size>,

    /// Where the figures are kept, those of earlier runs too
    #[arg(long, value_name = "FILE", default_value = "target/bench/bench.json")]
    book: PathBuf,

    /// Where the figures and their picture are published once all are measured at full size
    #[arg(long, value_name = "FOLDER")]
    publish: Option<PathBuf>,

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

impl From<Vec<Figure>> for Measured {
    fn from(figures: Vec<Figure>) -> Measured {
        Measured { figures, notes: Vec::new() }
    }
}

impl Measured {
    fn noting(mut self, note: impl Into<String>) -> Measured {
        self.notes.push(note.into());
        self
    }
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
        let measured = arguments.measure(*part)?;
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
    println!("Kept in {}.", arguments.book.display());
    arguments.show(&book)
}

impl Arguments {
    /// The picture beside the figures, and both in the documentation once they are whole.
    fn show(&self, book: &Book) -> Result<()> {
        let Some(svg) = plot::cost_against_backlog(book) else { return Ok(()) };
        let beside = self.book.with_file_name("cost.svg");
        std::fs::write(&beside, &svg)?;
        let Some(folder) = &self.publish else { return Ok(()) };
        if !book.is_complete() {
            println!(
                "Not published in {}: some parts are missing or were measured at small sizes.",
                folder.display()
            );
            return Ok(());
        }
        book.save(&folder.join("bench.json"))?;
        std::fs::write(folder.join("cost.svg"), svg)?;
        println!("Published in {}.", folder.display());
        Ok(())
    }

    /// One size or the other.
    fn size<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    fn native(&self) -> Result<&Program> {
        let native = self.hosts.iter().find(|host| host.name == "native");
        native.context("no native program; name it with --host native=COMMAND")
    }

    fn measure(&self, part: Part) -> Result<Measured> {
        Ok(match part {
            Part::A => self.requests()?,
            Part::B => self.peers()?,
            Part::C => Measured::from(others::core(&self.criterion)?).noting(
                "A session of 5,000 deals, from open to end, against a serde_json::Value of each answer.",
            ),
            Part::D => self.throughput()?,
            Part::E => {
                let waiting = self.size(hosts::WAITING, 5_000);
                Measured::from(vec![hosts::memory(self.native()?, waiting)?])
            }
            Part::F => {
                let changes = self.size(latency::CHANGES, latency::FEW);
                Measured::from(latency::figures(changes)?).noting(
                    "The way of a nudge from the portal is not in it; the portal answers in 20 ms a call.",
                )
            }
            Part::G => {
                let program = self.simulation.as_ref().context("no --simulation is given")?;
                let (lives, long) = self.size((6_000, 30), (1_000, 5));
                Measured::from(others::simulation(program, lives, long)?)
            }
            Part::H => {
                ensure!(!self.sizes.is_empty(), "nothing to weigh; name something with --size");
                Measured::from(others::sizes(&self.sizes))
            }
        })
    }

    fn requests(&self) -> Result<Measured> {
        let backlogs = self.size(&cost::BACKLOGS[..], &cost::FEW);
        let mut figures = cost::figures(backlogs)?;
        for way in Way::ALL {
            for changes in backlogs {
                let cost = documented::drain(*changes, way)?;
                figures.extend(cost.figures(way.name(), "virtual seconds"));
            }
        }
        for host in &self.hosts {
            let who = format!("listen of {}", host.name);
            let runs = backlogs.iter().map(|changes| hosts::cost(host, *changes));
            let runs = runs.collect::<Result<Vec<Cost>>>()?;
            for run in &runs {
                figures.extend(run.figures(&who, "real seconds"));
                let refused = Figure::new(&who, run.refused as f64, "requests refused");
                figures.push(refused.with(run.changes).at_most(0.0));
            }
            figures.extend(cost::marginal(&who, &runs));
        }
        Ok(Measured::from(figures).noting(
            "Cold: the checks of plan, rights and bindings and the last look at the empty queue are in it.",
        ))
    }

    fn peers(&self) -> Result<Measured> {
        let changes = self.size(5_000, 500);
        let figures = peers::all(self.native()?, &self.peers, changes)?;
        Ok(Measured::from(figures).noting(
            "The portal has no bucket here. naive: 50 records, each object read alone; best: 2,500 records, one batch \
             of lists.",
        ))
    }

    fn throughput(&self) -> Result<Measured> {
        ensure!(!self.hosts.is_empty(), "no host is given; name some with --host");
        let changes = self.size(50_000, 5_000);
        let mut figures = Vec::new();
        for host in &self.hosts {
            figures.extend(hosts::throughput(host, changes)?);
        }
        if let Some(command) = &self.browser {
            let program = Program { name: "chromium".to_owned(), command: command.clone() };
            // the rest of its figures would be those of what drives the browser
            figures.extend(hosts::throughput(&program, changes)?.into_iter().take(1));
        }
        Ok(Measured::from(figures).noting(
            "From the first request to the end of the program, changes printed as JSON lines into a pipe.",
        ))
    }
}
