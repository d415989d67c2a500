//! The command `b24-offline`.

fn main() {}
