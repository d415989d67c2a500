//! What is different while a mutant of the core is tried, which `B24_MUTANT` says: see `docs/mutants.md`.

use std::io::Write;
use std::sync::Once;
use std::{env, io, panic, process, thread};

/// Whether one is.
#[must_use]
pub fn is_tried() -> bool {
    env::var_os("B24_MUTANT").is_some()
}

/// A scene of hundreds of cases is played with every so manieth one only.
#[must_use]
pub fn every(step: usize) -> usize {
    if is_tried() { step } else { 1 }
}

/// One test that fails is enough to notice a mutant: the others need not run.
pub(crate) fn end_at_first_failure() {
    static HOOKED: Once = Once::new();
    if is_tried() {
        HOOKED.call_once(|| {
            panic::set_hook(Box::new(|panic| {
                let thread = thread::current();
                let test = thread.name().unwrap_or("a test");
                let _ = writeln!(io::stderr(), "{test} failed: {panic}");
                process::exit(101);
            }));
        });
    }
}
