//! Breadth-first search over everything that can happen.
//!
//! The frontier is taken in blocks: threads work out what follows each world, then one thread adds what is new, in
//! order. So the figures and stories of a run are the same each time. Of what was seen only the fingerprint is
//! kept, with a link to where it came from and the step, so that its story can be told.

use std::hash::{BuildHasherDefault, Hasher};
use std::time::{Duration, Instant};

use b24_offline_core::Defect;

use crate::bounds::Bounds;
use crate::canon::{Canon, Print};
use crate::converge;
use crate::invariant::Broken;
use crate::step::Step;
use crate::story::{self, Story};
use crate::world::World;

/// So many worlds of the frontier are taken at once.
const BLOCK: usize = 4_096;

/// A fingerprint is its own hash.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Plain(u64);

impl Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            for (to, from) in word.iter_mut().zip(part) {
                *to = *from;
            }
            self.0 ^= u64::from_le_bytes(word);
        }
    }
}

#[expect(clippy::disallowed_types, reason = "nothing ever goes through it in its order")]
pub(crate) type Seen = std::collections::HashMap<Print, u32, BuildHasherDefault<Plain>>;

/// A state that was reached.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    /// Where it was first reached from; its own number for the first.
    pub(crate) from: u32,
    pub(crate) step: Step,
    /// Where the client's own next step leads; [`GOOD`] for a good state.
    pub(crate) fair: u32,
}

/// Nothing more is to be done.
pub(crate) const GOOD: u32 = u32::MAX;

/// What a search found.
#[derive(Debug)]
pub struct Outcome {
    /// Distinct states.
    pub states: usize,
    /// Steps between them.
    pub edges: u64,
    /// The longest of the shortest ways to a state.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// The shortest story that breaks an invariant, if there is one.
    pub story: Option<Story>,
    /// Whether all that can happen was looked at; not after a story or at the limit.
    pub complete: bool,
}

/// How a search is run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How many threads.
    pub threads: usize,
    /// It ends at so many states.
    pub most_states: usize,
    /// Prints how it goes on.
    pub progress: bool,
    /// What is wrong with the machine.
    pub defect: Option<Defect>,
}

impl Default for Options {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Options { threads, most_states: 50_000_000, progress: false, defect: None }
    }
}

/// One step and what it leads to.
struct Edge {
    step: Step,
    print: Print,
    is_fair: bool,
    /// None when the state was seen before.
    world: Option<Box<World>>,
}

pub(crate) struct Search {
    pub(crate) bounds: &'static Bounds,
    pub(crate) options: Options,
    pub(crate) seen: Seen,
    pub(crate) nodes: Vec<Node>,
    edges: u64,
}

/// Looks at everything that can happen within the bounds.
///
/// # Errors
/// When the machine refuses the configuration.
pub fn search(bounds: &'static Bounds, options: Options) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    let first = World::new(bounds, options.defect)?;
    let mut search = Search { bounds, options, seen: Seen::default(), nodes: Vec::new(), edges: 0 };
    let print = first.print(&mut Canon::default());
    search.seen.insert(print, 0);
    search.nodes.push(Node { from: 0, step: Step::Leap, fair: 0 });
    let mut broken = first.broken.clone().map(|broken| (0, None, broken));
    let mut frontier = vec![(0u32, Box::new(first))];
    let mut depth = 0;
    while broken.is_none() && !frontier.is_empty() && search.nodes.len() < options.most_states {
        let mut next = Vec::new();
        for block in frontier.chunks(BLOCK) {
            let expanded = search.expand(block);
            broken = search.add(block, expanded, &mut next);
            if broken.is_some() {
                break;
            }
        }
        frontier = next;
        depth += usize::from(!frontier.is_empty());
        if options.progress {
            let (states, edges) = (search.nodes.len(), search.edges);
            eprintln!("{}: depth {depth}, {states} states, {edges} edges", bounds.name);
        }
    }
    let complete = broken.is_none() && frontier.is_empty();
    let story = match broken {
        Some((node, step, broken)) => Some(story::tell(&search, node, step, broken)?),
        None if complete => converge::check(&search)?,
        None => None,
    };
    Ok(Outcome {
        states: search.nodes.len(),
        edges: search.edges,
        depth,
        took: started.elapsed(),
        complete: complete && story.is_none(),
        story,
    })
}

impl Search {
    /// What follows each world of a block, in its order.
    fn expand(&self, block: &[(u32, Box<World>)]) -> Vec<Vec<Edge>> {
        let part = block.len().div_ceil(self.options.threads * 8).max(1);
        let parts: Vec<&[(u32, Box<World>)]> = block.chunks(part).collect();
        let turn = std::sync::atomic::AtomicUsize::new(0);
        let mut done: Vec<(usize, Vec<Vec<Edge>>)> = std::thread::scope(|scope| {
            let work = || {
                let mut done = Vec::new();
                loop {
                    let at = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(part) = parts.get(at) else { return done };
                    let (mut canon, mut steps) = (Canon::default(), Vec::new());
                    let edges =
                        part.iter().map(|(_, world)| self.edges_of(world, &mut canon, &mut steps));
                    done.push((at, edges.collect()));
                }
            };
            let threads: Vec<_> = (0..self.options.threads).map(|_| scope.spawn(work)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
        });
        done.sort_by_key(|(at, _)| *at);
        done.into_iter().flat_map(|(_, edges)| edges).collect()
    }

    fn edges_of(&self, world: &World, canon: &mut Canon, steps: &mut Vec<Step>) -> Vec<Edge> {
        world.steps(steps);
        let good = world.is_good();
        let fair = world.fair();
        let edge = |step: &Step| {
            let after = world.after(*step);
            let print = after.print(canon);
            let known = after.broken.is_none() && self.seen.contains_key(&print);
            let is_fair = !good && *step == fair;
            Edge { step: *step, print, is_fair, world: (!known).then(|| Box::new(after)) }
        };
        steps.iter().map(edge).collect()
    }

    /// Adds what is new; ends at the first world with a broken invariant.
    fn add(
        &mut self,
        block: &[(u32, Box<World>)],
        expanded: Vec<Vec<Edge>>,
        next: &mut Vec<(u32, Box<World>)>,
    ) -> Option<(u32, Option<Step>, Broken)> {
        for ((from, _), edges) in block.iter().zip(expanded) {
            let mut fair = GOOD;
            for Edge { step, print, is_fair, world } in edges {
                self.edges += 1;
                if let Some(broken) = world.as_ref().and_then(|world| world.broken.clone()) {
                    return Some((*from, Some(step), broken));
                }
                let new = u32::try_from(self.nodes.len()).unwrap_or(GOOD);
                let number = *self.seen.entry(print).or_insert(new);
                if number == new {
                    self.nodes.push(Node { from: *from, step, fair: GOOD });
                    next.extend(world.map(|world| (new, world)));
                }
                if is_fair {
                    fair = number;
                }
            }
            if let Some(node) = self.nodes.get_mut(*from as usize) {
                node.fair = fair;
            }
        }
        None
    }

    /// The steps to a state, from the first.
    pub(crate) fn path(&self, node: u32) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut at = node;
        while let Some(node) = self.nodes.get(at as usize).filter(|_| at != 0) {
            steps.push(node.step);
            at = node.from;
        }
        steps.reverse();
        steps
    }
}
