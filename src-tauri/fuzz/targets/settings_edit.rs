//! Changes a key in any text as if it were a settings file.

#![no_main]

// The program has no library, so its file is included.
#[path = "../../app/settings/edit.rs"]
mod edit;

libfuzzer_sys::fuzz_target!(|text: &str| edit::check_any_text(text));
