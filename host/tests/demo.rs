//! The command `b24-offline demo`: a small one in each personality, as a program and as a person
//! sees it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail anywhere"
)]

use std::process::{Command, Output};

use serde_json::Value;

fn demo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_b24-offline")).arg("demo").args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json_line_of(personality: &str) {
    let arguments = ["--changes", "600", "--json", "--seed", "7", "--personality", personality];
    let output = demo(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    let figures: Value = serde_json::from_str(&text).unwrap();
    let figure = |name: &str| figures[name].as_u64().unwrap_or_else(|| panic!("{name}: {text}"));
    assert_eq!((figure("lost"), figure("cycles"), figure("bucket_violations")), (0, 0, 0));
    assert_eq!((figure("changes"), figure("delivered"), figure("parked")), (600, 599, 1));
    // what was to go wrong did
    assert_eq!((figure("lost_answers"), figure("crashes"), figure("token_refreshes")), (1, 1, 1));
    for name in ["retried", "written_back", "repeated", "adopted"] {
        assert!(figure(name) > 0, "{name}: {text}");
    }
    let documented = figure("documented_loop_requests");
    assert!(documented > 250 && documented > 10 * figure("requests"), "{text}");
    let progress = said(&output);
    for told in ["answer to event.offline.get was thrown away", "killed", "expired", "parked"] {
        assert!(progress.contains(told), "{told}: {progress}");
    }
}

#[test]
fn nothing_is_lost_on_a_documented_portal() {
    json_line_of("documented");
}

#[test]
fn nothing_is_lost_on_a_portal_of_the_source() {
    json_line_of("source");
}

#[test]
fn without_a_terminal_there_are_plain_lines_and_a_table() {
    let output = demo(&["--changes", "200", "--limits", "off"]);
    let (table, progress) = (String::from_utf8_lossy(&output.stdout), said(&output));
    assert_eq!(output.status.code(), Some(0), "{progress}");
    assert!(!table.contains('\u{1b}') && !progress.contains('\u{1b}'), "{table}{progress}");
    let figure = |name: &str| {
        let line = table.lines().find(|line| line.starts_with(&format!("{name}  ")));
        line.and_then(|line| line.split_whitespace().nth(name.split(' ').count())).unwrap_or("")
    };
    let figures = ["changes", "delivered", "parked", "lost", "cycles", "requests refused"];
    assert_eq!(figures.map(figure), ["200", "199", "1", "0", "0", "0"], "{table}");
    assert!(figure("the documented loop *").parse::<u64>().unwrap() > 100, "{table}");
    assert!(table.contains("* measured without faults"), "{table}");
}

#[test]
fn too_few_changes_are_refused_in_a_sentence() {
    let output = demo(&["--changes", "5"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("200"), "{}", said(&output));
}
