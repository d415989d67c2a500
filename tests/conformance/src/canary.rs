//! No token and no secret may stand in anything that a program printed or stored, its auth file aside.

use std::fs;
use std::path::Path;

use anyhow::Result;

/// Where secrets were found.
pub(crate) fn found(
    secrets: &[String],
    texts: &[(&str, &str)],
    folder: &Path,
) -> Result<Vec<String>> {
    let mut places = Vec::new();
    let holds = |bytes: &[u8]| secrets.iter().any(|secret| contains(bytes, secret.as_bytes()));
    for (name, text) in texts {
        if holds(text.as_bytes()) {
            places.push(format!("a secret on {name}"));
        }
    }
    for path in files(folder)? {
        let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        // renewed pairs are written beside the file first
        if !name.starts_with("auth.json") && holds(&fs::read(&path)?) {
            places.push(format!("a secret in the file {name}"));
        }
    }
    Ok(places)
}

fn contains(bytes: &[u8], secret: &[u8]) -> bool {
    !secret.is_empty() && bytes.windows(secret.len()).any(|window| window == secret)
}

/// All files of a folder and its folders.
fn files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            all.extend(files(&path)?);
        } else if path.is_file() {
            all.push(path);
        }
    }
    Ok(all)
}

/// A text with its secrets struck out, to be shown.
pub(crate) fn struck_out(text: &str, secrets: &[String]) -> String {
    let known = secrets.iter().filter(|secret| !secret.is_empty());
    known.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "(secret)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_in_texts_and_files() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = ["canary".to_owned(), String::new()];
        fs::write(folder.path().join("auth.json"), "canary").unwrap();
        fs::write(folder.path().join("journal"), "nothing").unwrap();
        let texts = [("standard output", "nothing"), ("standard error", "fine")];
        assert!(found(&secrets, &texts, folder.path()).unwrap().is_empty());
        fs::create_dir(folder.path().join("inner")).unwrap();
        fs::write(folder.path().join("inner/journal"), b"\xff\x00canary").unwrap();
        let texts = [("standard output", "nothing"), ("standard error", "a canary sings")];
        let places = found(&secrets, &texts, folder.path()).unwrap();
        assert_eq!(places, ["a secret on standard error", "a secret in the file inner/journal"]);
        assert_eq!(struck_out("a canary", &secrets), "a (secret)");
    }
}
