//! What a run says at its end: test lines, failures, and a table of the parts.

use std::fmt::Write as _;
use std::time::Duration;

/// What became of one part.
#[derive(Debug)]
pub(crate) struct Report {
    /// The part's name as it is typed.
    pub(crate) name: String,
    /// From its start to its end.
    pub(crate) wall: Duration,
    /// Lines in which test programs state their results.
    pub(crate) results: Vec<String>,
    /// Why it failed, with its last lines; nothing if it passed.
    pub(crate) failure: Option<Failure>,
}

/// Why a part failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// One sentence.
    pub(crate) reason: String,
    /// The last lines of the part's output.
    pub(crate) tail: Vec<String>,
}

/// The closing of a run.
pub(crate) fn closing(reports: &[Report]) -> String {
    let mut text = String::new();
    for report in reports.iter().filter(|report| !report.results.is_empty()) {
        let _ = writeln!(text, "\n== {}", report.name);
        for line in &report.results {
            let _ = writeln!(text, "{line}");
        }
    }
    for report in reports {
        if let Some(failure) = &report.failure {
            let _ = writeln!(text, "\n== {} failed: {}", report.name, failure.reason);
            for line in &failure.tail {
                let _ = writeln!(text, "{line}");
            }
        }
    }
    let _ = writeln!(text, "\n{:<12} {:>8}  result", "part", "seconds");
    for report in reports {
        let result = if report.failure.is_none() { "passed" } else { "FAILED" };
        let _ = writeln!(text, "{:<12} {:>8.1}  {result}", report.name, report.wall.as_secs_f64());
    }
    let wall: Duration = reports.iter().map(|report| report.wall).sum();
    let failed = reports.iter().filter(|report| report.failure.is_some()).count();
    let verdict = if failed == 0 { "all passed".to_owned() } else { format!("{failed} FAILED") };
    let _ = writeln!(text, "{:<12} {:>8.1}  {verdict}", "together", wall.as_secs_f64());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(name: &str, failure: Option<Failure>) -> Report {
        let results = vec!["test result: ok. 1 passed".to_owned()];
        Report { name: name.to_owned(), wall: Duration::from_millis(1500), results, failure }
    }

    #[test]
    fn names_parts_times_and_test_lines() {
        let text = closing(&[report("native", None), report("doc", None)]);
        assert!(text.contains("\ntest result: ok. 1 passed\n"), "{text}");
        assert!(text.contains("native            1.5  passed"), "{text}");
        assert!(text.ends_with("together          3.0  all passed\n"), "{text}");
    }

    #[test]
    fn a_failure_shows_its_reason_and_its_last_lines() {
        let failure = Failure { reason: "cargo test: exit 101".into(), tail: vec!["boom".into()] };
        let text = closing(&[report("native", Some(failure)), report("doc", None)]);
        assert!(text.contains("== native failed: cargo test: exit 101\nboom\n"), "{text}");
        assert!(text.ends_with("1 FAILED\n"), "{text}");
    }
}
