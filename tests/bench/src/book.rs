//! All figures of a run: the table that is printed, the JSON that is kept.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::figure::{Figure, Part, shown};

/// What stands below every table.
const REMARK: &str = "\
Requests, refusals and losses are counted by the emulated portal, not by the client. Real portals are slower than the
emulated one: counts carry over, seconds and changes a second do not.";

/// The figures of one part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chapter {
    /// What the part is about.
    pub title: String,
    /// The commit that was measured; `+` after it when the checkout differed.
    pub commit: String,
    /// Whether it was measured at the small sizes.
    pub quick: bool,
    /// What has to be known to read the figures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// In the order of the table.
    pub figures: Vec<Figure>,
}

/// The figures of all parts, each from the last run that measured it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Book {
    /// By the part's letter.
    pub parts: BTreeMap<Part, Chapter>,
}

impl Book {
    /// What earlier runs have left there; empty when there is nothing.
    ///
    /// # Errors
    /// When the file can't be read, or is no book.
    pub fn open(path: &Path) -> Result<Book> {
        match fs::read_to_string(path) {
            Ok(text) => serde_json::from_str(&text)
                .with_context(|| format!("{} is not of this version; delete it", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Book::default()),
            Err(error) => Err(error).with_context(|| format!("{} can't be read", path.display())),
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// When the file or its folder can't be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let failed = || format!("{} can't be written", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(failed)?;
        }
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        fs::write(path, text).with_context(failed)
    }

    /// Whether every part was measured at its full size.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let all = <Part as clap::ValueEnum>::value_variants();
        let full = |part| self.parts.get(part).is_some_and(|chapter| !chapter.quick);
        all.iter().all(full)
    }

    /// The table of these parts.
    #[must_use]
    pub fn table(&self, parts: &[Part]) -> String {
        let mut text = String::new();
        for part in parts {
            let Some(chapter) = self.parts.get(part) else { continue };
            let letter = format!("{part:?}").to_lowercase();
            let size = if chapter.quick { ", small sizes" } else { "" };
            // writing to a String does not fail
            let _ = writeln!(text, "\n({letter}) {}{size}", chapter.title);
            let mut before = None;
            for figure in &chapter.figures {
                let whose = (&figure.who, figure.changes);
                text.push_str(&line(figure, before == Some(whose)));
                before = Some(whose);
            }
            for note in &chapter.notes {
                let _ = writeln!(text, "  {note}");
            }
        }
        let _ = writeln!(text, "\n{REMARK}");
        text
    }
}

/// One figure; of whom it is stands only where that changes.
fn line(figure: &Figure, is_the_same: bool) -> String {
    let changes = figure.changes.map(|changes| shown(crate::figure::real(changes)));
    let whose = if is_the_same { ("", None) } else { (figure.who.as_str(), changes) };
    let line = format!(
        "  {:<42} {:>8} {:>10}  {:<40} {}",
        whose.0,
        whose.1.unwrap_or_default(),
        shown(figure.value),
        figure.unit,
        figure.verdict()
    );
    format!("{}\n", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(quick: bool) -> Book {
        let figures = vec![
            Figure::new("machine", 1.6, "requests per 1,000 changes").with(5_000).at_most(1.6),
            Figure::new("machine", 0.0, "requests refused"),
        ];
        let chapter = Chapter {
            title: Part::A.title().to_owned(),
            commit: "abc".to_owned(),
            quick,
            notes: vec!["A note.".to_owned()],
            figures,
        };
        Book { parts: BTreeMap::from([(Part::A, chapter)]) }
    }

    #[test]
    fn a_line_has_who_how_many_the_figure_its_unit_and_its_target() {
        let table = book(false).table(&[Part::A, Part::B]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[1], "(a) requests and time against backlog");
        let words: Vec<&str> = lines[2].split_whitespace().collect();
        assert_eq!(words[..3], ["machine", "5,000", "1.60"]);
        assert!(lines[2].ends_with("at most 1.60: reached") && lines[2].contains(" per 1,000 "));
        assert!(lines[3].ends_with("requests refused") && lines[4] == "  A note.");
        assert!(table.contains("Real portals are slower"));
        assert!(!table.contains("(b)"));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("bench.json");
        assert_eq!(Book::open(&path).unwrap(), Book::default());
        book(true).save(&path).unwrap();
        assert_eq!(Book::open(&path).unwrap(), book(true));
        fs::write(&path, "{}}").unwrap();
        assert!(Book::open(&path).unwrap_err().to_string().contains("delete it"));
    }

    #[test]
    fn it_is_complete_with_every_part_at_full_size() {
        let mut all = book(false);
        assert!(!all.is_complete());
        let chapter = all.parts[&Part::A].clone();
        for part in <Part as clap::ValueEnum>::value_variants() {
            all.parts.insert(*part, chapter.clone());
        }
        assert!(all.is_complete());
        all.parts.insert(Part::D, Chapter { quick: true, ..chapter });
        assert!(!all.is_complete());
    }
}
