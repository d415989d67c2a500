//! A figure: what was measured, in which unit, and what was wanted.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A part of the measurement, named by its letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Requests and virtual time against backlog
    A,
    /// The same work by other clients
    B,
    /// The machine's own CPU time
    C,
    /// Changes a second through each host
    D,
    /// Peak memory
    E,
    /// From a change to its handler
    F,
    /// Simulated calls a minute
    G,
    /// Sizes of what is shipped
    H,
}

impl Part {
    /// What the part is about, as a heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Part::A => "requests and time against backlog",
            Part::B => "the same work by other clients: 2 KB a deal, read and confirmed",
            Part::C => {
                "CPU of the machine alone, beside a plain parse by serde_json of the same answers"
            }
            Part::D => "throughput of each host over HTTP, the portal on the same cores",
            Part::E => "peak memory of the native program",
            Part::F => "from a change to its handler, on virtual time",
            Part::G => "simulation",
            Part::H => "sizes",
        }
    }
}

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
}

impl Target {
    /// Whether a value is as wanted.
    #[must_use]
    pub fn is_reached_by(self, value: f64) -> bool {
        match self {
            Target::AtMost(most) => value <= most,
            Target::AtLeast(least) => value >= least,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::AtMost(most) => write!(f, "at most {}", shown(*most)),
            Target::AtLeast(least) => write!(f, "at least {}", shown(*least)),
        }
    }
}

/// One measured figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Who or what was measured.
    pub who: String,
    /// With how many changes, where it depends on that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<u64>,
    /// The figure, in the unit.
    pub value: f64,
    /// For example `requests per 1,000 changes`.
    pub unit: String,
    /// What it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
}

impl Figure {
    /// A figure without a target.
    pub fn new(who: impl Into<String>, value: f64, unit: impl Into<String>) -> Figure {
        Figure { who: who.into(), changes: None, value, unit: unit.into(), target: None }
    }

    /// Measured with so many changes.
    #[must_use]
    pub fn with(self, changes: u64) -> Figure {
        Figure { changes: Some(changes), ..self }
    }

    /// It should be at most so much.
    #[must_use]
    pub fn at_most(self, most: f64) -> Figure {
        Figure { target: Some(Target::AtMost(most)), ..self }
    }

    /// It should be at least so much.
    #[must_use]
    pub fn at_least(self, least: f64) -> Figure {
        Figure { target: Some(Target::AtLeast(least)), ..self }
    }

    /// The target and whether it is reached; empty without one.
    #[must_use]
    pub fn verdict(&self) -> String {
        let Some(target) = self.target else { return String::new() };
        let reached = if target.is_reached_by(self.value) { "reached" } else { "not reached" };
        format!("{target}: {reached}")
    }
}

/// A count as a figure.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^53")]
pub fn real(count: u64) -> f64 {
    count as f64
}

/// A figure for people: three digits at least, thousands apart.
#[must_use]
pub fn shown(value: f64) -> String {
    let digits = match value.abs() {
        small if small == small.trunc() => 0,
        small if small < 1.0 => 3,
        small if small < 100.0 => 2,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        let left = whole.len() - at;
        if at > 0 && left % 3 == 0 && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if fraction.is_empty() { grouped } else { format!("{grouped}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_shown_with_three_digits_and_grouped() {
        let all = [0.0, 1.6, 0.488_88, 15.0, 99.987, 40_123.4, 1_234_567.0, -1_234.0, -123.0];
        let texts = all.map(shown);
        let wanted = ["0", "1.60", "0.489", "15", "99.99", "40,123", "1,234,567", "-1,234", "-123"];
        assert_eq!(texts, wanted);
    }

    #[test]
    fn a_target_is_reached_at_its_bound() {
        let figure = Figure::new("machine", 1.6, "requests per 1,000 changes");
        assert_eq!(figure.verdict(), "");
        assert_eq!(figure.clone().at_most(1.6).verdict(), "at most 1.60: reached");
        assert_eq!(figure.clone().at_most(1.5).verdict(), "at most 1.50: not reached");
        assert_eq!(figure.at_least(20_000.0).verdict(), "at least 20,000: not reached");
    }
}
