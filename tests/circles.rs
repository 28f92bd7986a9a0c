//! No file uses another one that uses it, directly or through others. Parent and child modules may, since a child is a part
//! of its parent.
//!
//! Reads the sources: paths that begin with `crate::`, `self::` or `super::` in Rust, imports in the modules of the page,
//! also those whose name is made while it runs. What stands in a test module does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The folder of the sources of each crate, and its first file.
const CRATES: [(&str, &str); 10] = [
    ("src-tauri/lock/src", "lib.rs"),
    ("src-tauri/embed/src", "lib.rs"),
    ("src-tauri/store/src", "lib.rs"),
    ("src-tauri/api/src", "lib.rs"),
    ("src-tauri/engine/src", "lib.rs"),
    ("src-tauri/mcp/src", "lib.rs"),
    ("src-tauri/http/src", "lib.rs"),
    ("src-tauri/app", "main.rs"),
    ("src-tauri/xtask/src", "main.rs"),
    ("bench/src", "main.rs"),
];

/// Who uses whom, by name.
type Graph = BTreeMap<String, BTreeSet<String>>;
/// A module, as the names that lead to it.
type Module = Vec<String>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `dir` with this ending.
fn files(dir: &Path, end: &str, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    for entry in entries {
        let path = entry.expect("the sources can be listed").path();
        if path.is_dir() {
            files(&path, end, found);
        } else if path.extension().is_some_and(|found| found == end) {
            found.push(path);
        }
    }
}

/// Reads a source without its comments and its test module.
fn source(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source is text");
    let text = text.replace("\r\n", "\n");
    let code = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the paths that are written out at the start of `text`, with all that stands in braces, and what is left.
fn paths(text: &str) -> (Vec<Module>, &str) {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        let mut all = Vec::new();
        loop {
            rest = rest.trim_start().trim_start_matches(',').trim_start();
            if let Some(after) = rest.strip_prefix('}') {
                return (all, after);
            }
            let before = rest.len();
            let (some, after) = paths(rest);
            all.extend(some);
            rest = after;
            if rest.len() == before {
                return (all, rest);
            }
        }
    }
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    if let Some(renamed) = rest.trim_start().strip_prefix("as ") {
        let end = renamed.find(|c| !is_name(c)).unwrap_or(renamed.len());
        rest = &renamed[end..];
    }
    let Some(after) = rest.strip_prefix("::") else {
        let rest = rest.strip_prefix('*').unwrap_or(rest);
        return (vec![vec![name.to_owned()]], rest);
    };
    let (deeper, rest) = paths(after);
    let join = |path: Module| [vec![name.to_owned()], path].concat();
    (deeper.into_iter().map(join).collect(), rest)
}

/// One crate: its modules, their files, and what each brings into its own names.
struct Crate {
    files: BTreeMap<Module, PathBuf>,
    uses: BTreeMap<Module, Vec<Module>>,
}

impl Crate {
    fn read(dir: &str, first: &str) -> Self {
        let dir = root().join(dir);
        let mut found = Vec::new();
        files(&dir, "rs", &mut found);
        let module = |path: &PathBuf| {
            let below = path
                .strip_prefix(&dir)
                .expect("it is below")
                .with_extension("");
            let mut names: Module = below
                .iter()
                .map(|name| name.to_string_lossy().into_owned())
                .collect();
            if names.last().is_some_and(|name| name == "mod") || path.ends_with(first) {
                names.pop();
            }
            (names, path.clone())
        };
        let is_module =
            |path: &&PathBuf| !path.ends_with("build.rs") && !path.ends_with("tests.rs");
        let files: BTreeMap<Module, PathBuf> = found.iter().filter(is_module).map(module).collect();
        let mut known = Self {
            uses: BTreeMap::new(),
            files,
        };
        for (module, path) in &known.files {
            let uses = known.used(module, &source(path));
            known.uses.insert(module.clone(), uses);
        }
        known
    }

    /// Every path that the source of a module names, from the root of the crate.
    fn used(&self, module: &Module, text: &str) -> Vec<Module> {
        let mut all = Vec::new();
        for start in ["crate::", "super::", "self::"] {
            for (at, _) in text.match_indices(start) {
                let before = text[..at].chars().next_back();
                if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                    continue;
                }
                let (paths, _) = paths(&text[at..]);
                all.extend(paths.iter().map(|path| absolute(module, path)));
            }
        }
        // Children are named by themselves.
        for statement in text.split("use ").skip(1) {
            let (paths, _) = paths(statement);
            let of_child = |path: &&Module| {
                let child = [module.as_slice(), &path[..1]].concat();
                self.files.contains_key(&child)
            };
            let paths = paths.iter().filter(of_child);
            all.extend(paths.map(|path| [module.as_slice(), path].concat()));
        }
        all
    }

    /// Finds the module that a path leads to: that in which the name was written, not one that passes it on.
    fn leads_to(&self, path: &[String], hops: usize) -> Option<Module> {
        let is_module = |length: &usize| self.files.contains_key(&path[..*length]);
        let length = (0..=path.len()).rev().find(is_module)?;
        let module = path[..length].to_vec();
        let Some(name) = path.get(length).filter(|_| hops > 0) else {
            return Some(module);
        };
        let passed_on = self.uses[&module]
            .iter()
            .find(|used| used.last() == Some(name) && used.len() > length + 1);
        match passed_on {
            Some(used) if used.as_slice() != path => self.leads_to(used, hops - 1),
            _ => Some(module),
        }
    }

    fn graph(&self) -> Graph {
        let mut graph = Graph::new();
        for (module, uses) in &self.uses {
            let edges = graph.entry(self.name(module)).or_default();
            for used in uses {
                let Some(other) = self.leads_to(used, 4) else {
                    continue;
                };
                if !other.starts_with(module) && !module.starts_with(&other) {
                    edges.insert(self.name(&other));
                }
            }
        }
        graph
    }

    fn name(&self, module: &Module) -> String {
        name(&self.files[module])
    }
}

/// Returns the path of a file from the root, with `/` on every system.
fn name(path: &Path) -> String {
    let below = path.strip_prefix(root()).expect("it is below the root");
    resolved(below)
}

/// Takes `.` and `..` out of a path by its names alone: it may be reached through a link. Joins the names with `/`.
fn resolved(path: &Path) -> String {
    let mut names = Vec::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                names.pop();
            }
            part => names.push(part.as_os_str().to_string_lossy()),
        }
    }
    names.join("/")
}

/// Returns a path from the root of the crate.
fn absolute(module: &Module, path: &[String]) -> Module {
    let ups = path.iter().take_while(|name| *name == "super").count();
    match path.first().map(String::as_str) {
        Some("crate") => path[1..].to_vec(),
        Some("self") => [module.as_slice(), &path[1..]].concat(),
        _ => {
            let above = module.len().saturating_sub(ups);
            [&module[..above], &path[ups..]].concat()
        }
    }
}

/// The modules of the page, with what they import.
fn page() -> Graph {
    let mut found = Vec::new();
    files(&root().join("ui"), "js", &mut found);
    let all: Vec<String> = found.iter().map(|path| name(path)).collect();
    let imports = |path: &PathBuf| {
        let file = name(path);
        let edges = imported(&file, &source(path), &all);
        (file, edges)
    };
    found.iter().map(imports).collect()
}

/// The files out of `all` that a module of the page imports.
fn imported(file: &str, text: &str, all: &[String]) -> BTreeSet<String> {
    let starts = [
        ("from \"", '"'),
        ("import \"", '"'),
        ("import(\"", '"'),
        ("import(`", '`'),
    ];
    let after = |(start, end)| {
        let rests = text.split(start).skip(1);
        rests.filter_map(move |rest: &str| rest.split(end).next())
    };
    let relative = starts.into_iter().flat_map(after);
    let mut edges = BTreeSet::new();
    for import in relative.filter(|import| import.starts_with('.')) {
        let target = resolved(&Path::new(file).join("..").join(import));
        let is_it = |other: &&String| is_meant(other, &target);
        let meant: Vec<String> = all.iter().filter(is_it).cloned().collect();
        assert!(!meant.is_empty(), "{file}: no file is `{import}`");
        edges.extend(meant);
    }
    edges
}

/// Tells whether an import means a file; a name that is made while the page runs, as in `pages/${name}.js`, means all that fit.
fn is_meant(file: &str, import: &str) -> bool {
    let made = import.split_once("${");
    match made.and_then(|(start, rest)| Some((start, rest.split_once('}')?.1))) {
        Some((start, end)) => file.starts_with(start) && file.ends_with(end),
        None => file == import,
    }
}

/// All that can be reached from a file.
fn reached<'a>(graph: &'a Graph, from: &str, seen: &mut BTreeSet<&'a str>) {
    for next in graph.get(from).into_iter().flatten() {
        if seen.insert(next) {
            reached(graph, next, seen);
        }
    }
}

/// Returns the files of each circle.
fn circles(graph: &Graph) -> Vec<String> {
    let all: BTreeMap<&str, BTreeSet<&str>> = graph
        .keys()
        .map(|file| {
            let mut seen = BTreeSet::new();
            reached(graph, file, &mut seen);
            (file.as_str(), seen)
        })
        .collect();
    let in_circle = |file: &&str| all[*file].contains(*file);
    let with = |file: &str| {
        let others = all[file]
            .iter()
            .filter(|other| all.get(**other).is_some_and(|back| back.contains(file)));
        others.copied().collect::<Vec<_>>().join(" ")
    };
    let found: BTreeSet<String> = all
        .keys()
        .copied()
        .filter(|file| in_circle(file))
        .map(with)
        .collect();
    found.into_iter().collect()
}

#[test]
fn no_file_uses_one_that_uses_it() {
    let mut found = Vec::new();
    let mut uses = 0;
    for (dir, first) in CRATES {
        let graph = Crate::read(dir, first).graph();
        uses += graph.values().map(BTreeSet::len).sum::<usize>();
        found.extend(circles(&graph));
    }
    let page = page();
    assert!(
        page.values().map(BTreeSet::len).sum::<usize>() > 50,
        "the imports of the page are read"
    );
    found.extend(circles(&page));
    assert!(uses > 1_000, "only {uses} uses were read");
    assert!(found.is_empty(), "circles of files:\n{}", found.join("\n"));
}

#[test]
fn a_circle_is_found_through_others_and_through_names_that_are_passed_on() {
    let text = "use crate::{a::B, c::{self, D as E}};";
    let (found, _) = paths(&text[4..]);
    let joined: Vec<String> = found.iter().map(|path| path.join("::")).collect();
    assert_eq!(joined, ["crate::a::B", "crate::c::self", "crate::c::D"]);
    let edge = |from: &str, to: &[&str]| {
        (
            from.to_owned(),
            to.iter().map(|to| (*to).to_owned()).collect(),
        )
    };
    let graph = Graph::from([
        edge("a", &["b"]),
        edge("b", &["c"]),
        edge("c", &["a"]),
        edge("d", &["a"]),
    ]);
    assert_eq!(circles(&graph), ["a b c"]);
    let up = absolute(
        &vec!["x".to_owned(), "y".to_owned()],
        &["super".to_owned(), "Z".to_owned()],
    );
    assert_eq!(up, ["x", "Z"]);
}

#[test]
fn an_import_is_followed_by_its_name_alone_also_one_that_is_made_while_the_page_runs() {
    let all = [
        "ui/router.js",
        "ui/lib/a.js",
        "ui/pages/b.js",
        "ui/pages/c.js",
    ]
    .map(str::to_owned);
    let edges = |file, text| imported(file, text, &all).into_iter().collect::<Vec<_>>();
    let text = "import { a } from \"./lib/./a.js\";\nawait import(`./pages/${name}.js`);";
    assert_eq!(
        edges("ui/router.js", text),
        ["ui/lib/a.js", "ui/pages/b.js", "ui/pages/c.js"]
    );
    let text = "import \"../router.js\";\nimport(\"./c.js\"); import x from \"elsewhere\";";
    assert_eq!(
        edges("ui/pages/b.js", text),
        ["ui/pages/c.js", "ui/router.js"]
    );
}
