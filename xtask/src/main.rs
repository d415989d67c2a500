//! The one way to run things: `cargo xtask`.
fn main() {}
