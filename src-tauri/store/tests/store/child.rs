//! A child process that makes a backup or restores one, tells each step, and goes on when it is told to.
//!
//! The child is this test program again, running only [`child_process`], which does nothing unless the parent's variable
//! is set. So it can be killed exactly after each step.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use commonplace_store::{Backend, SqliteStore, restore};
use commonplace_testing::locks;

use crate::backup;
use crate::support::HUNG;

const WORK_VARIABLE: &str = "COMMONPLACE_STORE_TEST_WORK";
const FOLDER_VARIABLE: &str = "COMMONPLACE_STORE_TEST_FOLDER";
const FILE_VARIABLE: &str = "COMMONPLACE_STORE_TEST_FILE";
const MARK: &str = "child: ";
const DONE: &str = "done";

/// Starts the work in `folder` and kills it as `kill -9` does when it has told the step number `step`, counted from 0.
/// Returns that step; None if the work has fewer.
pub(crate) fn killed_after(work: &str, folder: &Path, file: &Path, step: usize) -> Option<String> {
    let mut child = start(work, folder, file);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut stdin = child.stdin.take().unwrap();
    let mut steps = lines.by_ref().filter_map(|line| {
        let line = line.unwrap();
        Some(line.split_once(MARK)?.1.to_owned())
    });
    let mut told = steps.next().expect("the work has a first step");
    for _ in 0..step {
        writeln!(stdin).unwrap();
        told = steps.next().expect("the work ends by saying so");
        if told == DONE {
            break;
        }
    }
    // After its last word the child ends by itself; killing it then changes nothing.
    child.kill().unwrap();
    child.wait().unwrap();
    (told != DONE).then_some(told)
}

fn start(work: &str, folder: &Path, file: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["child::child_process", "--exact", "--nocapture"])
        .env(WORK_VARIABLE, work)
        .env(FOLDER_VARIABLE, folder)
        .env(FILE_VARIABLE, file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The child's end. In a normal run of the tests it returns at once.
#[test]
fn child_process() {
    let path = |name| std::env::var_os(name).map(std::path::PathBuf::from);
    let (Some(folder), Some(file)) = (path(FOLDER_VARIABLE), path(FILE_VARIABLE)) else {
        return;
    };
    let locks = locks(&folder.join("locks"));
    let dir = folder.join("store");
    match std::env::var(WORK_VARIABLE).unwrap().as_str() {
        "backup" => {
            let store = SqliteStore::open(&dir, &locks, 0).unwrap();
            let to = backup::to_file(&file, false);
            // A slow machine reports the copying several times; the parent counts each kind of step once.
            let mut last = None;
            let report = &mut |step| {
                let kind = Some(std::mem::discriminant(&step));
                if std::mem::replace(&mut last, kind) != kind {
                    tell(&format!("{step:?}"));
                }
                true
            };
            store.backup(&locks, &folder, &to, 1, report).unwrap();
        }
        "restore" => {
            let done = &mut |step| tell(&format!("{step:?}"));
            restore(&dir, &locks, &file, HUNG, 1, done).unwrap();
        }
        other => panic!("unknown work `{other}`"),
    }
    say(DONE);
}

/// Tells a step and waits until the parent wants more, or kills.
fn tell(step: &str) {
    say(step);
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).unwrap();
}

fn say(text: &str) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{MARK}{text}").unwrap();
    stdout.flush().unwrap();
}
