//! Makes a compiled crate's Python and Kotlin.

fn main() {
    uniffi::uniffi_bindgen_main();
}
