//! The boundary in a real browser.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod scenes;

use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
fn golden_traces_are_repeated_byte_for_byte() {
    for (name, text) in scenes::TRACES {
        scenes::replay(name, text);
    }
}

#[wasm_bindgen_test]
fn errors_have_names() {
    scenes::errors_have_names();
}

#[wasm_bindgen_test]
fn a_default_configuration_opens() {
    scenes::a_default_configuration_opens();
}
