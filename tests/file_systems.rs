//! Stores on file systems that lack what a store needs, with real ones in a file.
//!
//! Mounting needs root, a loop device and FUSE; where one of them is missing, the tests say so and end.

use std::path::PathBuf;
use std::process::Command;

use crate::support::{run, run_well, stderr, stdout};

/// An exFAT file system in a file; unmounted when dropped.
struct ExFat {
    folder: tempfile::TempDir,
    device: String,
}

impl ExFat {
    /// Mounts a new one with `options`; None, and says why, where that cannot be done.
    fn mount(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image");
        std::fs::create_dir(folder.path().join("mnt")).unwrap();
        let made = std::fs::File::create(&image).and_then(|file| file.set_len(64 << 20));
        made.unwrap();
        let done = |program: &str, arguments: &[&str]| -> Option<String> {
            let output = Command::new(program).args(arguments).output();
            match output {
                Ok(output) if output.status.success() => Some(stdout(&output).trim().to_owned()),
                Ok(output) => say(program, &stderr(&output)),
                Err(error) => say(program, &error.to_string()),
            }
        };
        let image = image.to_str().unwrap();
        let mnt = folder.path().join("mnt");
        done("mkfs.exfat", &[image])?;
        let device = done("losetup", &["-f", "--show", image])?;
        let file_system = Self { folder, device };
        let with = format!("rw,{options}");
        let arguments = ["-o", &with, &file_system.device, mnt.to_str().unwrap()];
        let by_kernel = Command::new("mount")
            .args(["-t", "exfat"])
            .args(arguments)
            .output();
        if !by_kernel.is_ok_and(|output| output.status.success()) {
            // Kernels without the driver have it as a program.
            done("mount.exfat-fuse", &arguments)?;
        }
        Some(file_system)
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("mnt/store")
    }
}

fn say<T>(program: &str, why: &str) -> Option<T> {
    use std::io::Write as _;
    let text = format!("NOT RUN: `{program}` could not make an exFAT file system here: {why}\n");
    drop(std::io::stderr().write_all(text.as_bytes()));
    None
}

impl Drop for ExFat {
    fn drop(&mut self) {
        for (program, argument) in [
            ("umount", self.folder.path().join("mnt")),
            ("losetup", PathBuf::from("-d")),
        ] {
            let mut command = Command::new(program);
            command.arg(argument);
            if program == "losetup" {
                command.arg(&self.device);
            }
            drop(command.output());
        }
    }
}

// The tokens could not be made, because exFAT has no second names for a file, and the advice was to check whether this
// user may write there. Had they been made, every user could have read them: exFAT keeps no modes. The directory is
// refused for that now, and where it is not, the file (`private_file.rs`).
#[test]
fn on_exfat_tokens_are_not_made_readable_by_all_and_the_reason_is_told() {
    let Some(file_system) = ExFat::mount("umask=000") else {
        return;
    };
    let dir = file_system.store();
    std::fs::create_dir(&dir).unwrap();
    for arguments in [["serve", "--port", "0"].as_slice(), &["token"]] {
        let output = run(&dir, arguments);
        assert_eq!(output.status.code(), Some(1));
        let said = stderr(&output);
        for part in ["mode 777", "umask=077"] {
            assert!(said.contains(part), "{said}");
        }
    }
    let left = std::fs::read_dir(&dir).unwrap().filter_map(Result::ok);
    let names: Vec<_> = left
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert!(
        names.iter().all(|name| !name.contains("token")),
        "{names:?}"
    );
}

#[test]
fn on_exfat_that_is_mounted_for_one_user_a_store_works() {
    let Some(file_system) = ExFat::mount("uid=0,gid=0,umask=077") else {
        return;
    };
    let dir = file_system.store();
    let mut host = crate::support::Host::start(&dir);
    host.client().store("a fact on a stick").unwrap();
    assert_eq!(host.terminate(), Some(0));
    run_well(&dir, &["backup"]);
    let listed = run_well(&dir, &["restore", "--list"]);
    assert!(listed.contains("commonplace-"), "{listed}");
    run_well(&dir, &["settings", "set", "workers", "3"]);
    run_well(&dir, &["compact"]);
    let found = run_well(&dir, &["list"]);
    assert!(found.contains("a fact on a stick"), "{found}");
}
