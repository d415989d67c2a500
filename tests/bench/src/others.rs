//! Figures that other programs of the checkout make: the micro-benchmark, the simulation, the sizes.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::str::FromStr;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::figure::{Figure, real};

/// What `benches/core.rs` drains, by the name of its group.
const SESSIONS: [(&str, &str); 3] = [
    ("small", "machine, small deals"),
    ("2KB", "machine, deals of 2 KB"),
    ("2KB-2250", "machine, deals of 2 KB, --batch-size 2250"),
];
/// How many changes each of its sessions has.
const CHANGES: u64 = 5_000;

/// Reads what criterion has left in its folder.
///
/// # Errors
/// When the micro-benchmark was not run.
pub fn core(criterion: &Path) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (group, who) in SESSIONS {
        let machine = median(criterion, group, "machine")?;
        let parse = median(criterion, group, "parse")?;
        let figure = |value, unit: &str| Figure::new(who, value, unit).with(CHANGES);
        figures.push(figure(machine / parse, "times the CPU of a plain parse").at_most(1.5));
        let speed = real(CHANGES) * 1e9 / machine;
        figures.push(figure(speed, "changes/s").at_least(200_000.0));
        figures.push(figure(machine / real(CHANGES) / 1_000.0, "µs a change"));
        figures.push(figure(parse / real(CHANGES) / 1_000.0, "µs a change to parse"));
    }
    Ok(figures)
}

/// The median of a benchmark, in nanoseconds a session.
fn median(criterion: &Path, group: &str, function: &str) -> Result<f64> {
    let path = criterion.join(group).join(function).join("new").join("estimates.json");
    let text = fs::read_to_string(&path)
        .with_context(|| format!("{} is missing: run the micro-benchmark", path.display()))?;
    let estimates: Value = serde_json::from_str(&text)?;
    let median = estimates.pointer("/median/point_estimate").and_then(Value::as_f64);
    median.with_context(|| format!("{} has no median", path.display()))
}

/// Runs the simulation with so many lives and reads its last line.
///
/// # Errors
/// When it fails, or says nothing of its speed.
pub fn simulation(program: &str, lives: u64, long: u64) -> Result<Vec<Figure>> {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("exec {program} \"$@\"")).arg("sh");
    command.args(["--seeds", &lives.to_string(), "--long", &long.to_string()]);
    let output = command.output().with_context(|| format!("{program} can't be started"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "the simulation failed:\n{text}");
    let speed = text.lines().rev().find_map(calls_a_minute);
    let speed = speed.with_context(|| format!("the simulation tells no speed:\n{text}"))?;
    Ok(vec![Figure::new(
        format!("{lives} lives, {long} of 40 days"),
        speed,
        "calls a minute and core",
    )])
}

/// The figure of a line such as `12 s, 345678 calls a minute and core`.
fn calls_a_minute(line: &str) -> Option<f64> {
    line.split_once(" s, ")?.1.strip_suffix(" calls a minute and core")?.parse().ok()
}

/// How large something is that is shipped.
#[derive(Debug, Clone, PartialEq)]
pub struct Size {
    name: String,
    bytes: f64,
    zipped: Option<f64>,
}

impl FromStr for Size {
    type Err = String;

    /// `NAME=BYTES` or `NAME=BYTES/BYTES` after gzip.
    fn from_str(text: &str) -> Result<Size, String> {
        let (name, sizes) = text.split_once('=').ok_or("no NAME=BYTES")?;
        let (bytes, zipped) = match sizes.split_once('/') {
            Some((bytes, zipped)) => (bytes, Some(zipped)),
            None => (sizes, None),
        };
        let number = |text: &str| text.parse::<f64>().map_err(|_| format!("no number: {text}"));
        let zipped = zipped.map(number).transpose()?;
        Ok(Size { name: name.to_owned(), bytes: number(bytes)?, zipped })
    }
}

/// The sizes as figures.
#[must_use]
pub fn sizes(sizes: &[Size]) -> Vec<Figure> {
    let figures = sizes.iter().flat_map(|size| {
        let zipped = size.zipped.map(|bytes| Figure::new(&size.name, bytes, "bytes after gzip"));
        [Some(Figure::new(&size.name, size.bytes, "bytes")), zipped]
    });
    figures.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_criterion_leaves_becomes_figures() {
        let folder = tempfile::tempdir().unwrap();
        for (group, _) in SESSIONS {
            for (function, nanos) in [("machine", 20e6), ("parse", 10e6)] {
                let path = folder.path().join(group).join(function).join("new");
                fs::create_dir_all(&path).unwrap();
                let text = format!(r#"{{"median":{{"point_estimate":{nanos}}}}}"#);
                fs::write(path.join("estimates.json"), text).unwrap();
            }
        }
        let figures = core(folder.path()).unwrap();
        assert_eq!(figures[0].value, 2.0);
        assert_eq!(figures[0].verdict(), "at most 1.50: not reached");
        assert_eq!(figures[1].value, 250_000.0);
        assert!(core(Path::new("nowhere")).unwrap_err().to_string().contains("micro-benchmark"));
    }

    #[test]
    fn the_simulation_s_last_line_is_read() {
        assert_eq!(calls_a_minute("12 s, 345678 calls a minute and core"), Some(345_678.0));
        assert_eq!(calls_a_minute("12 s"), None);
        assert_eq!(
            simulation("echo '1 s, 5 calls a minute and core' #", 1, 1).unwrap()[0].value,
            5.0
        );
        assert!(simulation("false", 1, 1).unwrap_err().to_string().contains("failed"));
    }

    #[test]
    fn sizes_are_told_with_and_without_gzip() {
        let both = sizes(&["wasm=300/100".parse().unwrap(), "jar=7".parse().unwrap()]);
        let told: Vec<_> = both.iter().map(|figure| (figure.who.as_str(), figure.value)).collect();
        assert_eq!(told, [("wasm", 300.0), ("wasm", 100.0), ("jar", 7.0)]);
        assert!("wasm".parse::<Size>().is_err() && "wasm=x".parse::<Size>().is_err());
    }
}
