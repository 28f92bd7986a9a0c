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
    let windows = tauri_build::WindowsAttributes::new();
    let windows = windows.app_manifest(include_str!("bundle/windows.manifest"));
    let attributes = tauri_build::Attributes::new().windows_attributes(windows);
    tauri_build::try_build(attributes).expect("tauri.conf.json is sound and the tools are there");
    // Schemas that help an editor to write capabilities; the window has none, so the source tree stays clean.
    let _ = std::fs::remove_dir_all("gen/schemas");
    let _ = std::fs::remove_dir("gen");
}
