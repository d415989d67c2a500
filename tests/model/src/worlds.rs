//! The bounded worlds of a run.

use crate::bounds::{Bounds, Left};

const NONE: Left = Left {
    changes: 0,
    crashes: 0,
    faults: 0,
    failures: 0,
    errors: 0,
    redrives: 0,
    months: 0,
    plans: 0,
};

const PLAIN: Bounds = Bounds {
    name: "plain",
    about: "one object, one change, a kill and a fault",
    deep: false,
    objects: 1,
    events: 1,
    consumers: 1,
    journal: true,
    register: false,
    two_steps: false,
    split: false,
    batch: 2,
    attempts: 2,
    left: Left { changes: 2, crashes: 1, faults: 1, failures: 1, ..NONE },
};

/// All of them.
pub const WORLDS: &[Bounds] = &[PLAIN];
