//! The names of projects in a store that an earlier version wrote.

use crate::support::{command, stderr};

/// With paths as Unix has them.
#[cfg(unix)]
mod old_names {
    use std::collections::BTreeMap;
    use std::path::Path;

    use commonplace_api::call;
    use commonplace_api::memories::MemoryDraft;

    use crate::support::{Host, eventually, list, run, run_json, run_well, stderr};

    /// Texts by the project that they are in.
    fn texts(dir: &Path) -> BTreeMap<String, Vec<String>> {
        let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for memory in list(dir).memories {
            texts.entry(memory.project).or_default().push(memory.text);
        }
        texts.values_mut().for_each(|texts| texts.sort());
        texts
    }

    fn expected(table: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        let owned = |texts: &&[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let rows = table.iter();
        rows.map(|(project, texts)| ((*project).to_owned(), owned(texts)))
            .collect()
    }

    #[test]
    fn a_store_with_two_names_of_one_project_gets_one_and_it_can_be_undone() {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::start(dir.path());
        let before: &[(&str, &[&str])] = &[
            ("/gone/api", &["one", "same"]),
            ("/gone/api/", &["same", "two"]),
            ("${CLAUDE_PROJECT_DIR}", &["three"]),
            ("word", &["four"]),
        ];
        for (project, texts) in before {
            for text in *texts {
                // The page takes a project as it is written, as earlier versions took what a client said.
                host.ask(&call::store(&MemoryDraft {
                    text: (*text).to_owned(),
                    tags: None,
                    memory_type: None,
                    project: Some((*project).to_owned()),
                    metadata: None,
                }));
            }
        }
        drop(host);
        // As an earlier version leaves a store.
        std::fs::remove_file(dir.path().join("projects-moved.json")).unwrap();
        let plan = run_well(dir.path(), &["projects", "tidy", "--dry-run"]);
        assert!(plan.contains("2  /gone/api/ -> /gone/api"), "{plan}");
        assert_eq!(
            texts(dir.path()),
            expected(before),
            "a dry run moves nothing"
        );

        let host = Host::start(dir.path());
        let after = expected(&[
            ("/gone/api", &["one", "same", "two"]),
            // Its text is in the other project already.
            ("/gone/api/", &["same"]),
            ("", &["three"]),
            ("word", &["four"]),
        ]);
        eventually("the memories are moved", || texts(dir.path()) == after);
        drop(host);

        run_well(dir.path(), &["projects", "undo"]);
        assert_eq!(texts(dir.path()), expected(before));
        let again = run(dir.path(), &["projects", "undo"]);
        assert!(
            stderr(&again).contains("nothing is left to undo"),
            "{}",
            stderr(&again)
        );
        let host = Host::start(dir.path());
        assert_eq!(texts(dir.path()), expected(before), "it is done once");
        drop(host);
        let done: serde_json::Value = run_json(dir.path(), &["projects", "tidy"]);
        assert_eq!(done["done"]["moved"], 2, "{done}");
        assert_eq!(done["done"]["left"].as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn a_person_names_a_project_by_its_folder() {
    let dir = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let run_there = |arguments: &[&str]| {
        let mut command = command(dir.path(), arguments);
        let output = command.current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    run_there(&["store", "a fact", "--project", "."]);
    assert!(run_there(&["list", "--project", "."]).contains("a fact"));
    let listed = run_there(&["projects"]);
    let name = folder.path().file_name().unwrap().to_str().unwrap();
    assert!(listed.contains(name), "{listed}");
}
