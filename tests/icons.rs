//! The icon files agree with the drawing they were made from, and have what each system wants.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

fn icons() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("icons")
}

fn read(name: &str) -> Vec<u8> {
    let path = icons().join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_icon_file_is_the_one_that_was_drawn_from_this_drawing() {
    let sums = String::from_utf8(read("drawn.sha256")).unwrap();
    let mut listed = Vec::new();
    for (sum, name) in sums.lines().filter_map(|line| line.split_once("  ")) {
        let found = hex::encode(Sha256::digest(read(name)));
        assert_eq!(
            found, sum,
            "`{name}` has changed since the icons were drawn: run icons/draw.py"
        );
        listed.push(name.to_owned());
    }
    assert!(listed.contains(&"commonplace.svg".to_owned()), "{listed:?}");
    for folder in ["", "tray"] {
        for entry in std::fs::read_dir(icons().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let path = Path::new(folder).join(&name).display().to_string();
            let is_drawn = [".png", ".ico", ".icns"]
                .iter()
                .any(|end| name.ends_with(end));
            assert!(!is_drawn || listed.contains(&path), "nobody draws `{path}`");
        }
    }
}

#[test]
fn each_state_has_a_picture_for_panels_and_one_in_a_single_ink_for_menu_bars() {
    for state in ["ok", "busy", "waiting", "paused", "error"] {
        for (name, size) in [
            (format!("tray/{state}.png"), 48),
            (format!("tray/{state}-template.png"), 44),
        ] {
            let png = read(&name);
            let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
            assert_eq!((side(16), side(20)), (size, size), "{name}");
            assert_eq!(png[25], 6, "`{name}` has no alpha channel");
        }
    }
}

#[test]
fn windows_finds_a_size_for_title_bar_task_bar_desktop_and_tiles() {
    let ico = read("icon.ico");
    let count = usize::from(u16::from_le_bytes([ico[4], ico[5]]));
    let sizes: Vec<u8> = (0..count).map(|n| ico[6 + 16 * n]).collect();
    assert_eq!(sizes, [16, 20, 24, 32, 40, 48, 64, 0], "0 stands for 256");
}
