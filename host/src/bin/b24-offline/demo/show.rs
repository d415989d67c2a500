//! What a person sees while it runs: a bar on a terminal, a few lines elsewhere.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const BAR: &str = "{bar:40.cyan/blue} {human_pos} of {human_len} changes delivered";

/// Writes to standard error.
#[derive(Debug)]
pub(crate) struct Show {
    began: Instant,
    bar: Option<ProgressBar>,
    changes: u64,
    quarters: AtomicU64,
}

impl Show {
    pub(crate) fn new(changes: u64) -> Show {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(changes), ProgressDrawTarget::stderr());
            match ProgressStyle::with_template(BAR) {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        Show { began: Instant::now(), bar, changes, quarters: AtomicU64::new(0) }
    }

    /// Since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// One line with the time in front.
    pub(crate) fn say(&self, sentence: &str) {
        let line = format!("{:>5.1} s  {sentence}", self.elapsed().as_secs_f64());
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    /// So many changes are delivered.
    pub(crate) fn progress(&self, delivered: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(delivered);
            return;
        }
        let quarter = delivered * 4 / self.changes.max(1);
        if self.quarters.fetch_max(quarter, Ordering::Relaxed) < quarter {
            let (delivered, changes) = (grouped(delivered), grouped(self.changes));
            self.say(&format!("{delivered} of {changes} changes delivered"));
        }
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A number with its digits in groups of three.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_groups_of_three() {
        let shown = [0, 999, 1_000, 20_000, 1_234_567].map(grouped);
        assert_eq!(shown, ["0", "999", "1,000", "20,000", "1,234,567"]);
    }
}
