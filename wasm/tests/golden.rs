//! Every kept trace is one of those that the tests in Node and in the browser carry with them.
#![cfg(not(target_arch = "wasm32"))]

#[test]
fn no_kept_trace_is_left_out() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/conformance/traces");
    let carried = include_str!("scenes/mod.rs");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(carried.contains(&format!("/traces/{name}\"")), "{name} is missing");
    }
}
