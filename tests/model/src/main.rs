//! `cargo xtask model` runs this.

use anyhow::Result;
use b24_offline_model::{Options, WORLDS, search};

fn main() -> Result<()> {
    for bounds in WORLDS {
        let outcome = search(bounds, Options { progress: true, ..Options::default() })?;
        println!(
            "{} {} states {} edges depth {} {:?} complete {}",
            bounds.name, outcome.states, outcome.edges, outcome.depth, outcome.took, outcome.complete
        );
        if let Some(story) = outcome.story {
            println!("{story}");
        }
    }
    Ok(())
}
