//! The browser of the tests: the system's own Chromium with its driver.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use serde_json::json;

use crate::command::Invocation;
use crate::workspace::Workspace;

const BROWSERS: [&str; 4] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
/// Without a display, and without asking anybody for anything.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

/// A browser and the driver that fits it.
pub(crate) struct Chromium {
    /// The browser's program.
    pub(crate) browser: PathBuf,
    /// The driver's program.
    pub(crate) driver: PathBuf,
}

impl Chromium {
    /// Finds them by the environment (`CHROMIUM`, `CHROMEDRIVER`) or on the path; installs them from the
    /// system's packages where that is permitted.
    pub(crate) fn found(workspace: &Workspace, invocation: &mut Invocation) -> Result<Self> {
        if let Some(found) = Self::present() {
            return Ok(found);
        }
        if is_root() && on_path("apt-get").is_some() {
            invocation
                .note("installing chromium and chromium-driver from the system's packages".into());
            let mut update = workspace.command("apt-get");
            update.args(["update", "--quiet"]);
            invocation.run(update)?;
            let mut install = workspace.command("apt-get");
            install.args(["install", "--yes", "--quiet", "--no-install-recommends"]);
            install.args(["chromium", "chromium-driver"]).env("DEBIAN_FRONTEND", "noninteractive");
            invocation.run(install)?;
            if let Some(found) = Self::present() {
                return Ok(found);
            }
        }
        bail!(
            "the tests in a browser need Chromium and ChromeDriver of the same version: install the packages \
             chromium and chromium-driver, or name the programs in CHROMIUM and CHROMEDRIVER"
        )
    }

    /// Finds them where they are there already.
    pub(crate) fn present() -> Option<Self> {
        let named = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
        let browser =
            named("CHROMIUM").or_else(|| BROWSERS.iter().find_map(|name| on_path(name)))?;
        let driver = named("CHROMEDRIVER").or_else(|| on_path("chromedriver"))?;
        Some(Self { browser, driver })
    }

    /// A file that tells the test runner how to start the browser.
    pub(crate) fn capabilities(&self, workspace: &Workspace) -> Result<PathBuf> {
        let path = workspace.built("webdriver.json");
        let options = json!({ "binary": self.browser, "args": FLAGS });
        std::fs::write(&path, json!({ "goog:chromeOptions": options }).to_string())?;
        Ok(path)
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|file| is_file(file))
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|data| data.is_file())
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
