//! Scenes of milliseconds.

#[path = "../tests/traces.rs"]
mod a_traces;
#[path = "../tests/bindings.rs"]
mod bindings;
#[path = "../tests/endings.rs"]
mod endings;
#[path = "../tests/hanging.rs"]
mod hanging;
#[path = "../tests/random.rs"]
mod random;
#[path = "../tests/refusals.rs"]
mod refusals;
#[path = "../tests/regressions/main.rs"]
mod regressions;
#[path = "../tests/security.rs"]
mod security;
#[path = "../tests/stopping.rs"]
mod stopping;
