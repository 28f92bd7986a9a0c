//! Prepares what the window needs at compile time; does nothing without the feature `desktop`.
#![allow(
    clippy::print_stdout,
    reason = "this is how a build script talks to cargo"
)]

fn main() {
    println!("cargo::rerun-if-changed=src-tauri/app/build.rs");
    #[cfg(feature = "desktop")]
    desktop();
}

/// Compiles resources for Windows and checks tauri.conf.json.
#[cfg(feature = "desktop")]
fn desktop() {
    tauri_build::build();
    // Schemas that help an editor to write capabilities; the window has none, so the source tree stays clean.
    let _ = std::fs::remove_dir_all("gen/schemas");
    let _ = std::fs::remove_dir("gen");
}
