//! All scenes in one binary, the quick ones first: while mutants of the core are tried, linking fifteen binaries
//! would take longer than running them. See `docs/mutants.md`.

mod quick;
mod slow;
