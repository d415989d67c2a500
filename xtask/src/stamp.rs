//! Whether something under the build folder was made from what its sources are now.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The content of some files, kept beside what was made from them.
pub(crate) struct Stamp {
    wanted: Vec<u8>,
    path: PathBuf,
}

impl Stamp {
    /// The stamp at `path` for what is made from `pins`.
    pub(crate) fn of(pins: &[&Path], path: PathBuf) -> Result<Self> {
        let mut wanted = Vec::new();
        for pin in pins {
            let text = fs::read(pin).with_context(|| format!("{} is missing", pin.display()))?;
            wanted.extend(text);
        }
        Ok(Self { wanted, path })
    }

    /// Whether nothing has changed since it was written.
    pub(crate) fn is_current(&self) -> bool {
        fs::read(&self.path).is_ok_and(|held| held == self.wanted)
    }

    /// Says that all was made.
    pub(crate) fn write(&self) -> Result<()> {
        fs::write(&self.path, &self.wanted)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_installed_is_current_until_a_pin_changes() {
        let folder = std::env::temp_dir().join(format!("xtask-stamp-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let pin = folder.join("pin");
        fs::write(&pin, "a==1").unwrap();
        let stamp = || Stamp::of(&[&pin], folder.join("installed")).unwrap();
        assert!(!stamp().is_current());
        stamp().write().unwrap();
        assert!(stamp().is_current());
        fs::write(&pin, "a==2").unwrap();
        assert!(!stamp().is_current());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_missing_pin_is_named() {
        let missing = Path::new("no/such/pins");
        let error = Stamp::of(&[missing], PathBuf::new()).err().unwrap();
        assert!(error.to_string().contains("no/such/pins"), "{error}");
    }
}
