use std::fs;

use super::*;

/// A home directory with a repository `api`, a linked worktree of it, and a folder of its own.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Self(dir);
        for folder in ["api/.git/worktrees/fix", "api/src", "api-fix/src", "notes"] {
            fs::create_dir_all(home.path(folder)).unwrap();
        }
        fs::write(home.path("api/.git/HEAD"), "ref: refs/heads/main\n").unwrap();
        let git_dir = home.path("api/.git/worktrees/fix");
        fs::write(git_dir.join("commondir"), "../..\n").unwrap();
        let points = format!("gitdir: {}\n", git_dir.display());
        fs::write(home.path("api-fix/.git"), points).unwrap();
        home
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn project(&self, said: impl AsRef<Path>) -> Option<Project> {
        project(said.as_ref().to_str().unwrap(), Some(self.0.path()))
    }

    fn name(&self, below: &str) -> String {
        name_of(&fs::canonicalize(self.path(below)).unwrap())
    }
}

fn named(name: &str) -> Option<Project> {
    let (name, worktree) = (name.to_owned(), None);
    Some(Project { name, worktree })
}

#[test]
fn all_worktrees_of_a_repository_are_one_project_and_can_be_told_apart() {
    let home = Home::new();
    let main = named(&home.name("api"));
    assert_eq!(home.project(home.path("api")), main);
    assert_eq!(
        home.project(home.path("api/src")),
        main,
        "from a folder within"
    );
    let linked = home.project(home.path("api-fix/src")).unwrap();
    assert_eq!(linked.name, home.name("api"));
    assert_eq!(linked.worktree, Some(home.name("api-fix")));
}

#[test]
fn a_worktree_of_a_bare_repository_belongs_to_the_repository() {
    let home = Home::new();
    fs::create_dir_all(home.path("api.git/worktrees/a")).unwrap();
    fs::write(home.path("api.git/worktrees/a/commondir"), "../..\n").unwrap();
    fs::create_dir(home.path("a")).unwrap();
    fs::write(home.path("a/.git"), "gitdir: ../api.git/worktrees/a\n").unwrap();
    let found = home.project(home.path("a")).unwrap();
    assert_eq!(found.name, home.name("api.git"));
    assert_eq!(found.worktree, Some(home.name("a")));
}

#[test]
fn a_submodule_is_a_project_of_its_own() {
    let home = Home::new();
    fs::create_dir_all(home.path("api/.git/modules/lib")).unwrap();
    fs::create_dir(home.path("api/lib")).unwrap();
    fs::write(home.path("api/lib/.git"), "gitdir: ../.git/modules/lib\n").unwrap();
    assert_eq!(
        home.project(home.path("api/lib")),
        named(&home.name("api/lib"))
    );
}

#[test]
fn a_repository_of_settings_in_the_home_directory_holds_no_projects() {
    let home = Home::new();
    fs::create_dir(home.path(".git")).unwrap();
    fs::write(home.path(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    assert_eq!(home.project(home.path("notes")), named(&home.name("notes")));
    fs::create_dir(home.path("notes/.git")).unwrap();
    assert_eq!(
        home.project(home.path("notes")),
        named(&home.name("notes")),
        "an empty `.git` is no repository"
    );
}

#[test]
fn one_folder_is_one_project_however_it_is_written() {
    let home = Home::new();
    let wanted = named(&home.name("notes"));
    let notes = home.path("notes").display().to_string();
    let address = format!("file://{}", if cfg!(windows) { "/" } else { "" });
    let ways = [
        format!("{notes}/"),
        format!("{notes}/."),
        format!("{notes}/../notes//"),
        format!("{address}{}", notes.replace('\\', "/")),
        "~/notes".to_owned(),
        "~/notes/".to_owned(),
    ];
    for way in ways {
        assert_eq!(home.project(&way), wanted, "given {way:?}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(home.path("notes"), home.path("link")).unwrap();
        assert_eq!(home.project(home.path("link")), wanted);
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_gone_and_a_path_of_another_system_have_one_name_too() {
    let table = [
        ("/gone/x", "/gone/x"),
        ("/gone/./y/../x/", "/gone/x"),
        ("file:///gone/with%20blank", "/gone/with blank"),
        ("/gone/cafe\u{301}", "/gone/caf\u{e9}"),
        (r"c:\code\api\", r"C:\code\api"),
        ("c:/code/api", r"C:\code\api"),
        ("api", "api"),
        ("team/api/", "team/api"),
    ];
    for (said, wanted) in table {
        assert_eq!(project(said, None), named(wanted), "given {said:?}");
    }
}

#[test]
fn what_says_nothing_is_no_project() {
    let nothing = [
        "",
        "  ",
        "${CLAUDE_PROJECT_DIR}",
        "${PWD}/x",
        "$PWD",
        "%CD%",
        ".",
        "./",
        "../api",
    ];
    for said in nothing {
        assert_eq!(project(said, None), None, "given {said:?}");
    }
    assert!(project("$5 menu", None).is_some(), "a word that begins so");
    assert!(project(".dotfiles", None).is_some());
}

#[test]
fn a_home_directory_and_the_root_are_nobodys_project() {
    let home = Home::new();
    let around = |folder: &Path| of_folder(folder, Some(home.0.path()));
    assert_eq!(around(home.0.path()), None);
    assert_eq!(around(Path::new("/")), None);
    assert_eq!(
        home.project("~/"),
        None,
        "also if it is named: clients name it, and not the person"
    );
    assert_eq!(around(&home.path("api/src")), named(&home.name("api")));
}

#[test]
fn a_long_name_keeps_its_end_and_meets_no_other() {
    let long = |start: &str| {
        let said = format!("{start}{}/é/api", "x".repeat(300));
        project(&said, None).unwrap().name
    };
    let (one, other) = (long("a"), long("b"));
    assert!(one.len() <= NAME_BYTES_MAX && one.len() > NAME_BYTES_MAX - 4);
    assert!(one.ends_with("x/é/api") && one != other, "{one}");
    assert_eq!(project(&one, None), named(&one), "it stays as it is");
    let filter = commonplace_engine::Filter::default();
    filter.with_project(&one).expect("the store takes it");
}

#[test]
fn a_path_is_told_from_a_name() {
    for path in [
        "/home/me/api",
        "~",
        "~/api",
        "./api",
        ".",
        "..",
        "file:///x",
        r"C:\\api",
        "c:/api",
        "${PWD}",
        "$PWD",
    ] {
        assert!(is_path(path), "{path}");
    }
    for name in ["", "api", "team/api", ".dotfiles", "~api", "a:b", "$5"] {
        assert!(!is_path(name), "{name}");
    }
}
