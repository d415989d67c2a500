//! `size`: what the browser has to load, and the ceiling that it must stay under.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::command::Invocation;
use crate::workspace::Workspace;

/// The most that wasm and glue may have together after gzip, in bytes (decision 15).
const CEILING: usize = 128_000;
const FOLDER: &str = "pkg/dist/wasm";

/// Prints the sizes of what was built and refuses more than the ceiling.
pub(crate) fn run(workspace: &Workspace, invocation: &mut Invocation) -> Result<()> {
    let Sizes { wasm, glue } = &Sizes::of(workspace)?;
    let both = wasm.zipped + glue.zipped;
    invocation.note(format!("{:<12} {:>9} {:>9}", "size", "bytes", "gzip"));
    for (name, size) in [("wasm", wasm), ("glue", glue)] {
        invocation.note(format!("{name:<12} {:>9} {:>9}", size.raw, size.zipped));
    }
    invocation.note(format!("{:<12} {:>9} {both:>9}", "together", wasm.raw + glue.raw));
    ensure!(both <= CEILING, "wasm and glue have {both} bytes after gzip, more than {CEILING}");
    Ok(())
}

/// What the browser has to load.
pub(crate) struct Sizes {
    pub(crate) wasm: Size,
    pub(crate) glue: Size,
}

impl Sizes {
    /// Weighs what was built.
    pub(crate) fn of(workspace: &Workspace) -> Result<Self> {
        let folder = workspace.root().join(FOLDER);
        Ok(Self {
            wasm: Size::of(&folder.join("b24_offline_wasm_bg.wasm"))?,
            glue: Size::of(&folder.join("b24_offline_wasm.js"))?,
        })
    }
}

/// The bytes of a file, and what is left of them after gzip.
pub(crate) struct Size {
    pub(crate) raw: usize,
    pub(crate) zipped: usize,
}

impl Size {
    fn of(path: &Path) -> Result<Self> {
        let content = fs::read(path).with_context(|| {
            format!("{} is missing; build it with cargo xtask build-npm", path.display())
        })?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&content)?;
        Ok(Self { raw: content.len(), zipped: encoder.finish()?.len() })
    }
}
