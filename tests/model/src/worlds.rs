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

const BASE: Bounds = Bounds {
    name: "",
    about: "",
    deep: false,
    objects: 1,
    events: 1,
    consumers: 1,
    journal: true,
    register: false,
    two_steps: false,
    split: false,
    prompt: true,
    delete: false,
    batch: 2,
    attempts: 2,
    left: NONE,
};

/// All of them.
pub const WORLDS: &[Bounds] = &[
    Bounds {
        name: "slow-journal",
        about: "everything else happens while the journal is written",
        prompt: false,
        left: Left { changes: 2, crashes: 1, faults: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "one-object",
        about: "one object changes again; a kill, a fault and a failure",
        deep: true,
        left: Left { changes: 2, crashes: 1, faults: 1, failures: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "two-objects",
        about: "two objects; a kill and a failure",
        objects: 2,
        left: Left { changes: 2, crashes: 1, faults: 0, failures: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "two-objects-net",
        about: "two objects; a fault and a failure",
        objects: 2,
        left: Left { changes: 2, faults: 1, failures: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "three-changes",
        about: "one object changes three times; a kill and a failure",
        deep: true,
        left: Left { changes: 3, crashes: 1, failures: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "bad-net",
        about: "one object, two faults",
        left: Left { changes: 1, faults: 2, failures: 0, ..NONE },
        ..BASE
    },
    Bounds {
        name: "two-steps",
        about: "a get selects, then marks; others come between",
        two_steps: true,
        left: Left { changes: 2, faults: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "split",
        about: "a get selects, then marks; others come between all sub-calls",
        deep: true,
        two_steps: true,
        split: true,
        left: Left { changes: 2, faults: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "no-journal",
        about: "nothing outlives a kill",
        journal: false,
        attempts: 1,
        left: Left { changes: 2, crashes: 1, faults: 1, failures: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "park",
        about: "rejected changes are parked, driven again by the user and by later changes",
        left: Left { changes: 2, crashes: 1, failures: 2, redrives: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "register",
        about: "rejected changes are registered first; two events of one object",
        register: true,
        events: 2,
        left: Left { changes: 2, crashes: 1, failures: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "register-net",
        about: "rejected changes are registered first, on a bad net",
        deep: true,
        register: true,
        left: Left { changes: 2, faults: 1, failures: 2, ..NONE },
        ..BASE
    },
    Bounds {
        name: "errored",
        about: "another tool puts records into the error lane; a kill",
        left: Left { changes: 2, crashes: 1, errors: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "errored-net",
        about: "the same, and a fault",
        deep: true,
        left: Left { changes: 2, crashes: 1, faults: 1, errors: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "deletion",
        about: "a plan without reservation: list, journal, delete, read, deliver",
        delete: true,
        left: Left { changes: 2, crashes: 1, faults: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "deletion-narrow",
        about: "the same, and what is held is soon too much to list more",
        delete: true,
        objects: 2,
        batch: 1,
        left: Left { changes: 3, faults: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "plans-net",
        about: "the plan changes twice, a fault",
        deep: true,
        left: Left { changes: 2, faults: 1, plans: 2, ..NONE },
        ..BASE
    },
    Bounds {
        name: "plans",
        about: "the plan changes twice",
        left: Left { changes: 2, crashes: 1, plans: 2, ..NONE },
        ..BASE
    },
    Bounds {
        name: "age",
        about: "records outlive the life of a reservation",
        left: Left { changes: 2, crashes: 1, faults: 0, failures: 1, months: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "shared-two-steps",
        about: "two machines on one queue whose get selects, then marks",
        consumers: 2,
        two_steps: true,
        left: Left { changes: 1, failures: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "shared-net",
        about: "two machines on one queue, a fault",
        deep: true,
        consumers: 2,
        left: Left { changes: 1, faults: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "shared",
        about: "two machines on one queue",
        consumers: 2,
        left: Left { changes: 1, crashes: 1, ..NONE },
        ..BASE
    },
];

/// Small worlds in which defects are looked for, the smallest first.
pub const TRAPS: &[Bounds] = &[
    Bounds {
        name: "trap-failure",
        about: "a failure",
        left: Left { changes: 2, failures: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "trap-park",
        about: "a rejected change, and a redrive",
        attempts: 1,
        left: Left { changes: 2, failures: 1, redrives: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "trap-kill",
        about: "a kill while the journal is written",
        prompt: false,
        left: Left { changes: 1, crashes: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "trap-net",
        about: "a fault of the net",
        left: Left { changes: 2, faults: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "trap-errored",
        about: "a record in the error lane, and a kill",
        left: Left { changes: 1, errors: 1, crashes: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "trap-register",
        about: "a rejected change is registered on a bad net",
        register: true,
        left: Left { changes: 1, faults: 1, failures: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "trap-events",
        about: "a rejected change of an object with two events is registered",
        register: true,
        attempts: 1,
        events: 2,
        left: Left { changes: 2, failures: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "trap-register-kill",
        about: "a rejected change is registered, and a kill",
        register: true,
        prompt: false,
        left: Left { changes: 1, crashes: 1, failures: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "trap-objects",
        about: "two objects, a failure",
        objects: 2,
        batch: 4,
        left: Left { changes: 2, failures: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "trap-deletion",
        about: "a plan without reservation on a bad net; what is held is soon too much to list more",
        delete: true,
        objects: 2,
        batch: 1,
        left: Left { changes: 3, faults: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "trap-age",
        about: "a month passes",
        left: Left { changes: 1, months: 1, ..NONE },
        ..BASE
    },
    Bounds {
        name: "trap-shared",
        about: "two machines on one queue",
        consumers: 2,
        left: Left { changes: 2, ..NONE },
        ..BASE
    },
];
