//! The rules that find secrets are there before the first text, in a program of its own: compiled once, they stay.
#![cfg(target_os = "linux")]

use commonplace_mcp::redact::{compile_rules, redact};

/// More than one text needs, less than the rules take (17 MB).
const ONE_TEXT_KB: u64 = 6 * 1024;

/// Memory that this process has had at most, in kB.
fn memory_peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the system tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.expect("a peak").parse().expect("a number of kB")
}

#[test]
fn the_first_text_finds_the_rules_compiled() {
    let before_kb = memory_peak_kb();
    compile_rules();
    let compiled_kb = memory_peak_kb();
    assert!(
        compiled_kb - before_kb > ONE_TEXT_KB,
        "the rules take room: {before_kb} and {compiled_kb} kB"
    );
    let token = ["glpat", "-x7Kq2Lm9Rt4Vw8Zb3Nd6"].concat();
    assert_eq!(redact(&token).found, ["gitlab token"]);
    let used_kb = memory_peak_kb();
    assert!(
        used_kb - compiled_kb < ONE_TEXT_KB,
        "the first text made them: {compiled_kb} and {used_kb} kB"
    );
}
