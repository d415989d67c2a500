//! `Converge`: from every state that was reached, the client's own steps lead to a good one.
//!
//! Each state has one fair next step (`World::fair`): saves become durable, requests are executed and answered,
//! everything is judged done, and when nothing else is left time passes. Where that leads is an edge of the graph.
//! Going back from the good states over these edges must reach every state. Those that it does not reach are on, or
//! lead to, a ring of such edges. As the view leaves out times and the count of sweeps, a ring may be one only in the
//! view: one state of each is then rebuilt and driven by fair steps as the real machine that it is, without a view.

use crate::invariant::Invariant;
use crate::search::{GOOD, Search};
use crate::story::{self, Story};

/// A real machine is driven for so many steps.
const MOST_STEPS: usize = 3_000;

/// Gives the story of a state from which nothing leads to a good one.
pub(crate) fn check(search: &Search) -> anyhow::Result<Option<Story>> {
    // 0: not looked at, 1: on the present way, 2: converges
    let mut marks = vec![0u8; search.nodes.len()];
    let mut way = Vec::new();
    for start in 0..search.nodes.len() {
        let mut at = start;
        let ring = loop {
            match marks.get_mut(at) {
                Some(mark @ 0) => *mark = 1,
                Some(1) => break true,
                _ => break false,
            }
            way.push(at);
            match search.nodes.get(at).map(|node| node.fair) {
                Some(next) if next != GOOD => at = next as usize,
                _ => break false,
            }
        };
        if ring {
            let node = u32::try_from(at).unwrap_or(GOOD);
            if !drives_home(search, node)? {
                let what = "it never comes to an end by itself".to_owned();
                let broken = (Invariant::Converge, what);
                return story::tell(search, node, None, broken).map(Some);
            }
        }
        for at in way.drain(..) {
            if let Some(mark) = marks.get_mut(at) {
                *mark = 2;
            }
        }
    }
    Ok(None)
}

fn drives_home(search: &Search, node: u32) -> anyhow::Result<bool> {
    let mut world = story::rebuild(search, node)?;
    for _ in 0..MOST_STEPS {
        if world.is_good() {
            return Ok(true);
        }
        let step = world.fair();
        world.take(step);
    }
    Ok(false)
}
