//! One directory through two file systems: locks do not pass between them, so only one side may have the store open.
//!
//! `bindfs` passes a directory through FUSE, as folders of virtual machines do. It needs `/dev/fuse`; where there is none,
//! or no root to mount with, these tests say so and show nothing.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::time::Instant;

use commonplace_lock::{Locks, OpenError};
use tempfile::TempDir;

use crate::child::{Child, HUNG, identity};

/// A directory of locks and a second path to it.
struct TwoPaths {
    own: PathBuf,
    passed: PathBuf,
    bindfs: process::Child,
    _folder: TempDir,
}

impl TwoPaths {
    /// Mounts the directory a second time; None, with a word why, where that cannot be done.
    #[allow(
        clippy::print_stderr,
        reason = "who reads the tests must know that they showed nothing"
    )]
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let [own, passed] = ["own", "passed"].map(|name| folder.path().join(name));
        fs::create_dir(&own).unwrap();
        fs::create_dir(&passed).unwrap();
        let started = Command::new("bindfs")
            .arg("-f")
            .args([&own, &passed])
            .stdin(Stdio::null())
            .spawn();
        let mut bindfs = match started {
            Ok(bindfs) => bindfs,
            Err(error) => {
                eprintln!("not shown: bindfs cannot be started ({error})");
                return None;
            }
        };
        let started = Instant::now();
        while !is_mounted(&passed) {
            if let Some(status) = bindfs.try_wait().unwrap() {
                eprintln!("not shown: bindfs cannot mount here ({status})");
                return None;
            }
            assert!(started.elapsed() < HUNG, "bindfs does not mount");
            std::thread::yield_now();
        }
        Some(Self {
            own,
            passed,
            bindfs,
            _folder: folder,
        })
    }
}

fn is_mounted(path: &Path) -> bool {
    let table = fs::read_to_string("/proc/self/mounts").unwrap();
    table.contains(&format!(" {} ", path.display()))
}

impl Drop for TwoPaths {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.passed).status();
        let _ = self.bindfs.kill();
        let _ = self.bindfs.wait();
    }
}

/// Expects that `dir` is not opened because `other` has it open through `through`.
fn refused(dir: &Path, other: &Child, through: &Path) {
    match Locks::open(dir, identity("serve")) {
        Err(error @ OpenError::LocksApart { .. }) => {
            let said = error.to_string();
            assert!(said.contains(&format!("pid {} ", other.pid())), "{said}");
            assert!(said.contains(&format!("`{}`", through.display())), "{said}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_store_that_is_open_through_another_file_system_is_not_opened() {
    // One store through a FUSE mount and through its own path: half of what was acknowledged was lost.
    let Some(paths) = TwoPaths::new() else { return };
    let mut through_own = Child::start(&paths.own);
    refused(&paths.passed, &through_own, &paths.own);
    through_own.ask("life", "lives");
    through_own.ask("lock 60000", "locked");
    through_own.kill();
    let through_passed = Child::start(&paths.passed);
    refused(&paths.own, &through_passed, &paths.passed);
    through_passed.kill();
    Locks::open(&paths.own, identity("serve")).expect("the dead are no reason to refuse");
}

#[test]
fn an_instance_that_is_taken_for_dead_notices_it() {
    // Where it cannot be proven that an instance lives, such as one in another container, its files are removed.
    let Some(paths) = TwoPaths::new() else { return };
    let mut through_passed = Child::start(&paths.passed);
    through_passed.ask("life", "lives");
    for entry in fs::read_dir(paths.own.join("instances")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            fs::write(path, "nobody knows who this is").unwrap();
        }
    }
    let _locks = Locks::open(&paths.own, identity("serve")).unwrap();
    through_passed.tell("life");
    let said = through_passed.read();
    assert!(said.contains("took it for dead"), "{said}");
}

#[test]
fn a_kind_of_file_system_that_nobody_knows_is_doubted_aloud() {
    let Some(paths) = TwoPaths::new() else { return };
    let doubted = Locks::open(&paths.passed, identity("serve")).unwrap();
    assert!(doubted.doubtful_file_system().unwrap().starts_with("fuse"));
    drop(doubted);
    let folder = tempfile::tempdir().unwrap();
    let known = Locks::open(folder.path(), identity("serve")).unwrap();
    assert_eq!(known.doubtful_file_system(), None);
}

#[test]
fn a_copy_of_a_directory_that_is_in_use_is_opened() {
    // Its records name a living process, and their life locks are free.
    let folder = tempfile::tempdir().unwrap();
    let [own, copy] = ["own", "copy"].map(|name| folder.path().join(name));
    let mut child = Child::start(&own);
    let copied = Command::new("cp").arg("-r").args([&own, &copy]).status();
    assert!(copied.unwrap().success());
    let locks = Locks::open(&copy, identity("serve")).expect("nobody has the copy open");
    assert_eq!(locks.instances().len(), 1);
    child.ask("life", "lives");
}

#[test]
#[allow(
    clippy::print_stderr,
    reason = "who reads the tests must know that they showed nothing"
)]
fn a_second_path_on_the_same_file_system_is_fine() {
    let folder = tempfile::tempdir().unwrap();
    let [own, bound] = ["own", "bound"].map(|name| folder.path().join(name));
    fs::create_dir(&own).unwrap();
    fs::create_dir(&bound).unwrap();
    let mounted = Command::new("mount")
        .arg("--bind")
        .args([&own, &bound])
        .stderr(Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("not shown: only root may mount");
        return;
    }
    let through_own = Child::start(&own);
    let through_bound = Child::start(&bound);
    let locks = Locks::open(&bound, identity("serve")).map(|locks| locks.instances().len());
    drop((through_own, through_bound));
    let _ = Command::new("umount").arg(&bound).status();
    assert_eq!(locks.unwrap(), 3);
}
