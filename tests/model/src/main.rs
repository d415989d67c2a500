//! `cargo xtask model` runs this.

use anyhow::Result;
use b24_offline_model::{Options, WORLDS, search};

fn main() -> Result<()> {
    for bounds in WORLDS {
        if std::env::args().len() > 1 && !std::env::args().any(|arg| arg == bounds.name) {
            continue;
        }
        let outcome = search(
            bounds,
            Options { progress: false, most_states: 1_500_000, ..Options::default() },
        )?;
        println!(
            "{} {} states {} edges depth {} {:?} complete {}",
            bounds.name,
            outcome.states,
            outcome.edges,
            outcome.depth,
            outcome.took,
            outcome.complete
        );
        if let Some(story) = outcome.story {
            println!("{story}");
        }
    }
    Ok(())
}
