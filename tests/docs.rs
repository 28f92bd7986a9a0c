//! The tests that docs/security.md names for its sentences are there.

use std::fs;
use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// All sources below `dir` in which tests may stand, one after the other.
fn sources(dir: &Path, text: &mut String) {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    for entry in entries.map(|entry| entry.expect("the sources can be listed")) {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && name != "node_modules" && name != "target" {
            sources(&path, text);
        } else if path
            .extension()
            .is_some_and(|end| end == "rs" || end == "mjs")
        {
            text.push_str(&fs::read_to_string(&path).expect("a source is text"));
        }
    }
}

/// What stands in brackets and is not a link: in backticks the names of tests, in quotes the titles of browser tests.
fn named(document: &str) -> Vec<String> {
    let bracketed = document.split('[').skip(1);
    let lists = bracketed.filter_map(|rest| rest.split_once(']'));
    let proofs = lists.filter(|(_, after)| !after.starts_with('('));
    let words = |(list, _): (&str, &str)| {
        let list = list.split_whitespace().collect::<Vec<_>>().join(" ");
        let mark = if list.starts_with('"') { '"' } else { '`' };
        let parts: Vec<String> = list.split(mark).map(str::to_owned).collect();
        parts.into_iter().skip(1).step_by(2)
    };
    proofs.flat_map(words).collect()
}

#[test]
fn every_test_that_the_page_on_security_names_is_there() {
    let document = fs::read_to_string(Path::new(ROOT).join("docs/security.md")).unwrap();
    let mut text = String::new();
    for dir in ["tests", "src-tauri"] {
        sources(&Path::new(ROOT).join(dir), &mut text);
    }
    let names = named(&document);
    assert!(names.len() > 25, "only {} sentences are held", names.len());
    let is_there = |name: &&String| {
        text.contains(&format!("fn {name}(")) || text.contains(&format!("test(\"{name}\""))
    };
    let missing: Vec<&String> = names.iter().filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}

#[test]
fn proofs_are_told_from_links_and_may_go_over_lines() {
    let document = "It holds [`one_test`,\n  `another_test`], see [here](there.md) and [\"a title\n  of two lines\"].";
    assert_eq!(
        named(document),
        ["one_test", "another_test", "a title of two lines"]
    );
}

/// What stands in a document between backquotes and looks like a file or a folder of this project.
fn paths(document: &str) -> Vec<&str> {
    const ENDS: [&str; 7] = [".rs", ".js", ".mjs", ".ts", ".md", ".sh", ".css"];
    const ROOTS: [&str; 7] = [
        "src-tauri",
        "ui",
        "tests",
        "docs",
        "findings",
        "bench",
        ".github",
    ];
    // Their folders lie in `src-tauri`: a path that begins with one of them leads nowhere.
    const CRATES: [&str; 10] = [
        "lock", "embed", "store", "api", "engine", "mcp", "http", "app", "testing", "xtask",
    ];
    let quoted = document.split('`').skip(1).step_by(2);
    let is_path = |text: &&str| {
        let is_plain = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b));
        let is_source = ENDS.iter().any(|end| text.ends_with(end));
        let first = text.split('/').next().unwrap_or_default();
        let is_below = ROOTS.contains(&first) || (text.contains('/') && CRATES.contains(&first));
        is_plain && (is_source || is_below)
    };
    quoted.filter(is_path).collect()
}

#[test]
fn paths_are_told_from_other_words_also_those_that_begin_with_a_crate() {
    let document = "`store` in `src-tauri/store`, `store/statistics/`, `/api/status`, `locks/write.lock`, `ui/lib/dom.js`, `main.rs`";
    assert_eq!(
        paths(document),
        [
            "src-tauri/store",
            "store/statistics/",
            "ui/lib/dom.js",
            "main.rs"
        ]
    );
}

#[test]
fn every_file_that_a_document_names_is_there() {
    let root = Path::new(ROOT);
    let docs = fs::read_dir(root.join("docs")).unwrap();
    let mut documents: Vec<_> = docs.map(|entry| entry.unwrap().path()).collect();
    let above = [
        "ARCHITECTURE.md",
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "SECURITY.md",
    ];
    documents.extend(above.map(|name| root.join(name)));
    let (mut named, mut missing) = (0, Vec::new());
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for path in paths(&text) {
            named += 1;
            if !root.join(path).exists() {
                missing.push(format!("`{path}`, named in {}", document.display()));
            }
        }
    }
    assert!(missing.is_empty(), "no such files: {missing:#?}");
    assert!(named > 50, "only {named} paths are named");
}
