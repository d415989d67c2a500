//! The auth file on the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use serde_json::{Map, Value};

use super::{AuthFileError, FIELDS, text};
use crate::disk::sync_folder;

const MOST: u64 = 1024 * 1024;

/// Reads and checks the file. No error repeats anything of its content.
pub(super) fn read(path: &Path) -> Result<Map<String, Value>, AuthFileError> {
    let unreadable = |why| AuthFileError::Unreadable { path: path.to_owned(), why };
    let file = File::open(path).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(AuthFileError::NoFile { path: path.to_owned() });
    }
    refuse_open(path, &file)?;
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes).map_err(unreadable)?;
    parse(path, &bytes)
}

/// What the file holds, with every field that is needed.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Map<String, Value>, AuthFileError> {
    let document: Map<String, Value> = serde_json::from_slice(bytes).map_err(|error| {
        AuthFileError::NotJson { path: path.to_owned(), line: error.line(), column: error.column() }
    })?;
    for field in FIELDS {
        if text(&document, field).is_empty() {
            return Err(AuthFileError::Field { path: path.to_owned(), field });
        }
    }
    Ok(document)
}

#[cfg(unix)]
fn refuse_open(path: &Path, file: &File) -> Result<(), AuthFileError> {
    use std::os::unix::fs::PermissionsExt;
    let unreadable = |why| AuthFileError::Unreadable { path: path.to_owned(), why };
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    if mode & 0o007 == 0 { Ok(()) } else { Err(AuthFileError::Open { path: path.to_owned() }) }
}

#[cfg(not(unix))]
fn refuse_open(_: &Path, _: &File) -> Result<(), AuthFileError> {
    Ok(())
}

/// Puts the document in the file's place: at each moment the file is the old one or the new one.
pub(super) fn write(path: &Path, document: &Map<String, Value>) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let fresh = path.with_file_name(name);
    let outcome = write_fresh(&fresh, document).and_then(|()| fs::rename(&fresh, path));
    if outcome.is_err() {
        let _ = fs::remove_file(&fresh);
        return outcome;
    }
    sync_folder(path)
}

fn write_fresh(fresh: &Path, document: &Map<String, Value>) -> io::Result<()> {
    match fs::remove_file(fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(fresh)?;
    let text = serde_json::to_string_pretty(document).map_err(io::Error::other)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{"access_token": "a", "refresh_token": "r", "client_id": "i",
        "client_secret": "s", "oauth_url": "https://o.example/", "note": "kept"}"#;

    fn file(content: &str, mode: u32) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("auth.json");
        fs::write(&path, content).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        (folder, path)
    }

    #[test]
    fn each_missing_field_is_named() {
        for field in FIELDS {
            let (_folder, path) = file(&WHOLE.replace(field, "other"), 0o600);
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("'{field}'")), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_open_to_all_is_refused_with_the_command_that_closes_it() {
        for mode in [0o604, 0o602, 0o644, 0o666] {
            let (_folder, path) = file(WHOLE, mode);
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains("chmod 600"), "{error}");
        }
        let (_folder, path) = file(WHOLE, 0o640);
        assert!(read(&path).is_ok());
    }

    #[test]
    fn what_is_no_json_is_not_repeated() {
        for content in
            ["\"canary-1\"", "canary-1", "{\"access_token\": canary-1}", "[\"canary-1\"]"]
        {
            let (_folder, path) = file(content, 0o600);
            let error = read(&path).unwrap_err();
            assert!(matches!(error, AuthFileError::NotJson { .. }), "{error}");
            assert!(!format!("{error} {error:?}").contains("canary-1"), "{error:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn writing_keeps_other_fields_and_closes_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, path) = file(WHOLE, 0o640);
        let mut document = read(&path).unwrap();
        document.insert("access_token".into(), "new".into());
        write(&path, &document).unwrap();
        let again = read(&path).unwrap();
        assert_eq!((text(&again, "access_token"), text(&again, "note")), ("new", "kept"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
