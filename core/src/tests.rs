//! Tests of parts whose own files have no room for them.

mod sweep;
