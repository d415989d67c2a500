//! The command `b24-offline`.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod demo;
mod emulator;
mod exec;
mod follow_up;
mod limits;
mod listen;
mod log;
mod options;
mod signals;
mod stdout_lines;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Drains the offline-event queue of a Bitrix24 portal without losing anything
#[derive(Debug, Parser)]
#[command(name = "b24-offline", version, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Try it without a portal, in two terminals:
  b24-offline emulator --port 8300 --auth-out auth.json
  b24-offline listen --endpoint http://localhost:8300/rest/ --allow-http --auth auth.json \\
    --event ONCRMDEALADD --jsonl
and make a deal in the emulated portal:
  curl -s -d '{\"kind\": \"crm.deal\"}' http://localhost:8300/control/objects/create";

#[derive(Debug, Subcommand)]
enum Command {
    /// Drains a queue and hands each change to a handler
    Listen(Box<options::Listen>),
    /// Serves an emulated portal for trials and tests
    Emulator(emulator::Options),
    /// Drains an emulated portal in this process while much goes wrong on purpose
    Demo(demo::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("b24-offline: error: this machine lets no threads be started ({error})");
            return ExitCode::FAILURE;
        }
    };
    let code = match arguments.command {
        Command::Listen(options) => runtime.block_on(listen::run(*options)),
        Command::Emulator(options) => runtime.block_on(emulator::run(options)),
        Command::Demo(options) => runtime.block_on(demo::run(options)),
    };
    // a write to a full pipe can't be interrupted and must not keep the program from ending
    runtime.shutdown_background();
    ExitCode::from(code)
}
