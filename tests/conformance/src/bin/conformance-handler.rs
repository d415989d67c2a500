//! The program given to `--exec`: `conformance-handler FOLDER`, where the folder holds a scenario's rules.

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use b24_offline_conformance::handler::{START, handle};

fn main() -> ExitCode {
    match answer() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("conformance-handler: {error:#}");
            ExitCode::from(99)
        }
    }
}

fn answer() -> Result<u8> {
    let folder = std::env::args_os().nth(1).context("name the folder of the rules")?;
    let start = std::env::var(START).context("the start is not named")?;
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input)?;
    let (printed, code) = handle(Path::new(&folder), &start, &input)?;
    std::io::stdout().write_all(printed.as_bytes())?;
    Ok(u8::try_from(code)?)
}
