//! What the files of this crate share.

use std::fs::File;
use std::io;
use std::path::Path;

/// Makes a rename durable; only Unix needs and allows it.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        // a bare name lies in the working folder
        Some(folder) if cfg!(unix) && folder.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        Some(_) | None => Ok(()),
    }
}
