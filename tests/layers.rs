//! Who may use whom, and who owns which outside library. The compiler keeps it; this table shows it.
//!
//! A new edge is a design change: add it here and say why in the commit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The layers from below, and which of our crates each one may use.
const LAYERS: &[(&str, &[&str])] = &[
    ("lock", &[]),
    ("embed", &[]),
    ("store", &["lock"]),
    // Below engine, which turns what lock and store know into its types.
    ("api", &[]),
    ("engine", &["lock", "embed", "store", "api"]),
    ("mcp", &["api", "engine"]),
    ("http", &["api", "engine"]),
    ("app", &["api", "engine", "mcp", "http"]),
    ("xtask", &[]),
    // Identities for the tests of the others, which have it as a dev-dependency only.
    ("testing", &["lock"]),
    ("bench", &["api"]),
];

/// Outside libraries with one owner: nobody else may name them. Others ask the owner.
const OWNED: &[(&str, &str)] = &[
    ("fs4", "lock"),
    ("notify", "lock"),
    ("rten-gemm", "embed"),
    ("rten-simd", "embed"),
    ("rten-tensor", "embed"),
    ("rten-vecmath", "embed"),
    ("rayon", "embed"),
    ("thread-priority", "embed"),
    ("tokenizers", "embed"),
    ("safetensors", "embed"),
    ("rusqlite", "store"),
    ("sqlite-vec", "store"),
    ("form_urlencoded", "api"),
    ("schemars", "api"),
    ("shuttle", "engine"),
    ("rmcp", "mcp"),
    ("cerberust", "mcp"),
    ("aho-corasick", "mcp"),
    ("regex", "mcp"),
    ("http-body", "mcp"),
    ("http-body-util", "mcp"),
    ("unicode-normalization", "mcp"),
    ("axum", "http"),
    ("flate2", "http, app"),
    ("hyper", "http"),
    ("hyper-util", "http"),
    ("plotters", "http"),
    ("rust-embed", "http"),
    ("subtle", "http"),
    ("clap", "app, xtask, bench"),
    ("directories", "app"),
    ("strsim", "api, app"),
    ("reqwest", "app"),
    ("sysinfo", "app"),
    ("tar", "app"),
    ("tauri", "app"),
    ("tray-icon", "app"),
    ("arboard", "app"),
    ("gtk", "app"),
    ("zbus", "app"),
    ("toml", "app"),
    ("toml_edit", "app"),
    ("tracing-appender", "app"),
    ("tracing-subscriber", "app"),
    ("ureq", "app"),
    ("zip", "app"),
];

/// Where the sources of a layer are.
fn folder(layer: &str) -> String {
    match layer {
        "bench" => layer.to_owned(),
        _ => format!("src-tauri/{layer}"),
    }
}

/// Reads the names of the ordinary dependencies of a layer from its manifest.
fn dependencies(layer: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = match layer {
        "app" => root.join("Cargo.toml"),
        _ => root.join(folder(layer)).join("Cargo.toml"),
    };
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let manifest: toml::Table = text
        .parse()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut names: BTreeSet<String> = table_keys(manifest.get("dependencies"));
    for target in manifest
        .get("target")
        .and_then(toml::Value::as_table)
        .into_iter()
        .flat_map(|t| t.values())
    {
        names.extend(table_keys(target.get("dependencies")));
    }
    names
}

fn table_keys(table: Option<&toml::Value>) -> BTreeSet<String> {
    table
        .and_then(toml::Value::as_table)
        .into_iter()
        .flat_map(|table| table.keys().cloned())
        .collect()
}

#[test]
fn each_layer_uses_only_the_layers_it_may() {
    for (layer, allowed) in LAYERS {
        let ours: BTreeSet<String> = dependencies(layer)
            .iter()
            .filter_map(|name| name.strip_prefix("commonplace-").map(str::to_owned))
            .collect();
        let allowed: BTreeSet<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(
            ours, allowed,
            "the manifest of `{layer}` and the table disagree"
        );
    }
}

#[test]
fn each_outside_library_is_named_by_its_owner_only() {
    let mut named_by: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (layer, _) in LAYERS {
        for name in dependencies(layer) {
            named_by.entry(name).or_default().push(layer);
        }
    }
    for (library, owner) in OWNED {
        let named = named_by
            .get(*library)
            .map(|layers| layers.join(", "))
            .unwrap_or_default();
        assert_eq!(named, *owner, "`{library}` belongs to `{owner}`");
    }
}

#[test]
fn every_member_of_the_workspace_is_a_layer() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text =
        std::fs::read_to_string(root.join("Cargo.toml")).expect("the root manifest is there");
    let manifest: toml::Table = text.parse().expect("the root manifest is TOML");
    let members = manifest["workspace"]["members"]
        .as_array()
        .expect("members is a list");
    let members: BTreeSet<String> = members
        .iter()
        .filter_map(|member| Some(member.as_str()?.to_owned()))
        .collect();
    let layers: BTreeSet<String> = LAYERS
        .iter()
        .filter(|(layer, _)| *layer != "app")
        .map(|(layer, _)| folder(layer))
        .collect();
    assert_eq!(members, layers);
}

/// The Rust sources below a directory, by their path.
fn sources(dir: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(dir).expect("the sources can be listed");
    let paths = entries.map(|entry| entry.expect("the sources can be listed").path());
    let below = |path: PathBuf| match path.extension() {
        _ if path.is_dir() => sources(&path),
        Some(end) if end == "rs" => {
            let text = std::fs::read_to_string(&path).expect("a source is text");
            vec![(path.display().to_string(), text)]
        }
        _ => Vec::new(),
    };
    paths.flat_map(below).collect()
}

/// The lines outside of test modules of which something holds, each with its file and number.
fn lines_that(dir: &str, is_it: impl Fn(&str) -> bool) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for (path, text) in sources(&root.join(dir)) {
        let (mut before, mut is_in_tests) = ("", false);
        for (n, line) in text.lines().enumerate() {
            is_in_tests |= before == "#[cfg(test)]" && line.ends_with(" {");
            // rustfmt ends what begins at the first column there.
            is_in_tests &= line != "}";
            if !is_in_tests && is_it(line) {
                found.push(format!("{path}:{}: {}", n + 1, line.trim()));
            }
            before = line;
        }
    }
    found
}

#[test]
fn types_that_describe_themselves_are_in_api_only() {
    let derives = |line: &str| line.contains("JsonSchema");
    let mut others = Vec::new();
    for (layer, _) in LAYERS.iter().filter(|(layer, _)| *layer != "api") {
        others.extend(lines_that(&folder(layer), derives));
    }
    assert_eq!(others, Vec::<String>::new());
    assert!(!lines_that("src-tauri/api/src", derives).is_empty());
}

#[test]
fn the_app_reads_json_by_types_and_not_by_names() {
    let indexes = |line: &str| {
        let places = line.match_indices("[\"");
        let before = places.filter_map(|(place, _)| line[..place].chars().next_back());
        let mut before = before.map(|c| c.is_alphanumeric() || "_)]".contains(c));
        before.any(|is_value| is_value)
    };
    let indexed = lines_that("src-tauri/app", indexes);
    assert_eq!(indexed, Vec::<String>::new());
}
