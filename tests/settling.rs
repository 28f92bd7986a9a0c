//! A holder that is stuck, and a person who settles it: `locks` and `unlock` against real hosts that stop themselves at
//! named points. What needs no named point is always tested; the rest with the feature `failpoints`.

use commonplace_api::locks::{AuditAct, AuditStage, Settled};

use crate::support::{Host, locks, run, run_json, run_well, stderr};

#[test]
fn a_store_that_was_never_opened_has_no_locks() {
    let dir = tempfile::tempdir().unwrap();
    assert!(locks(dir.path()).locks.is_empty());
    assert!(!dir.path().join("locks").exists(), "looking makes nothing");
}

#[test]
fn what_a_killed_host_left_is_shown_and_cleared_and_the_command_leaves_nothing_itself() {
    let dir = tempfile::tempdir().unwrap();
    let mut dead = Host::start(dir.path());
    dead.client().store("before").unwrap();
    let pid = dead.pid;
    dead.kill();
    let table = locks(dir.path());
    assert_eq!(table.leftovers[0].pid, Some(pid));
    assert!(table.instances.is_empty(), "{table:?}");

    let settled: Settled = run_json(dir.path(), &["unlock"]);
    let found = settled.found;
    assert!(found.contains(&format!("pid {pid}")), "{found}");
    let table = locks(dir.path());
    assert!(table.leftovers.is_empty(), "{table:?}");
    assert_eq!(table.audit[0].stage, AuditStage::Done);
    assert_eq!(table.audit[0].act, AuditAct::ClearLeftovers);

    let again = run(dir.path(), &["unlock"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(
        stderr(&again).contains("there is nothing to clear"),
        "{}",
        stderr(&again)
    );
}

/// A copy that was made while a host ran, as by a backup program or on another machine: its records name programs that
/// live elsewhere.
#[test]
fn a_copied_store_is_used_and_the_records_that_came_with_it_are_cleaned_up() {
    let dir = tempfile::tempdir().unwrap();
    let (original, copy) = (dir.path().join("original"), dir.path().join("copy"));
    let host = Host::start(&original);
    host.client().store("before the copy").unwrap();
    copy_files(&original, &copy);
    let other_boot = |record: String| record.replace("\"boot_id\":\"", "\"boot_id\":\"x");
    let instances = std::fs::read_dir(copy.join("locks/instances")).unwrap();
    for path in instances.map(|entry| entry.unwrap().path()) {
        let record = other_boot(std::fs::read_to_string(&path).unwrap());
        std::fs::write(&path, record).unwrap();
    }
    let table = locks(&copy);
    assert!(table.instances.is_empty(), "{table:?}");
    assert_eq!(table.leftovers[0].pid, Some(host.pid));

    let there = Host::start(&copy);
    there.client().store("after the copy").unwrap();
    assert!(there.client().has_one("before the copy"));
    let left = locks(&copy).leftovers;
    assert!(left.is_empty(), "{left:?}");
    assert!(
        !host.client().has_one("after the copy"),
        "they are two stores"
    );
}

/// Copies what a host has in its store directory, the database by way of its backup.
fn copy_files(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    let backup = to.join("commonplace.db");
    run_well(from, &["backup", "--to", backup.to_str().unwrap()]);
    let locks = to.join("locks");
    std::fs::create_dir_all(locks.join("instances")).unwrap();
    for name in ["", "instances"] {
        for entry in std::fs::read_dir(from.join("locks").join(name)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), locks.join(name).join(entry.file_name())).unwrap();
            }
        }
    }
}

#[test]
fn a_host_at_work_is_neither_taken_over_nor_ended() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    host.client().store("a").unwrap();
    for (act, reason) in [
        ("--take-over", "the write lock is free"),
        ("--terminate", "there is nobody to end"),
    ] {
        let unasked = run(dir.path(), &["unlock", act]);
        assert_eq!(unasked.status.code(), Some(2), "nobody can answer here");
        let refused = run(dir.path(), &["unlock", act, "--yes"]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(stderr(&refused).contains(reason), "{}", stderr(&refused));
    }
    assert!(host.client().has_one("a"));
}

/// Stopping a process at a named point needs signals and a build that has the points.
#[cfg(all(unix, feature = "failpoints"))]
mod stopped {
    use std::path::Path;
    use std::thread::JoinHandle;

    use commonplace_api::ProcessState;
    use commonplace_api::call;
    use commonplace_api::locks::{LockRow, MeantHolder, Settle, SettleAct};
    use commonplace_api::status::OverallState;

    use super::*;
    use crate::signals::thaw;
    use crate::support::{command, eventually};

    /// Two hosts; the first stops at `point` with the third write, and a client of the second waits behind it.
    struct Scene {
        dir: tempfile::TempDir,
        stopped: Host,
        other: Host,
        frozen: JoinHandle<Result<String, String>>,
        waiting: JoinHandle<Result<String, String>>,
    }

    impl Scene {
        fn set(point: &str) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let mut wish = command(dir.path(), &["serve", "--port", "0"]);
            wish.env("COMMONPLACE_FAIL_POINT", format!("{point}:3=freeze"));
            let stopped = Host::start_command(dir.path(), wish);
            let other = Host::start(dir.path());
            let mut client = stopped.client();
            client.store("first").unwrap();
            client.store("second").unwrap();
            let frozen = std::thread::spawn(move || client.store("frozen"));
            eventually("the host stops with the lock", || {
                lock(dir.path()).process == ProcessState::Stopped
            });
            let mut client = other.client();
            let waiting = std::thread::spawn(move || client.store("waiting"));
            eventually("the other host waits", || {
                let waiters = locks(dir.path()).waiters;
                waiters
                    .first()
                    .is_some_and(|row| row.party.pid == other.pid)
            });
            Self {
                dir,
                stopped,
                other,
                frozen,
                waiting,
            }
        }

        fn lock(&self) -> LockRow {
            lock(self.dir.path())
        }

        fn unlock(&self, act: &str) -> std::process::Output {
            run(self.dir.path(), &["unlock", act, "--yes"])
        }
    }

    /// The write lock of a store.
    fn lock(dir: &Path) -> LockRow {
        locks(dir).locks.remove(0)
    }

    #[test]
    fn fail_points_a_stopped_holder_is_taken_over_and_its_late_write_is_refused() {
        let scene = Scene::set("lock-taken");
        let before = scene.lock();
        assert_eq!(before.act, Some(SettleAct::TakeOver), "{before:?}");
        assert_eq!(before.holder.unwrap().pid, scene.stopped.pid);
        let refused = scene.unlock("--terminate");
        assert!(
            stderr(&refused).contains("no transaction open"),
            "{}",
            stderr(&refused)
        );

        let done = scene.unlock("--take-over");
        assert!(done.status.success(), "{}", stderr(&done));
        let waiting = scene.waiting.join().unwrap();
        waiting.expect("who waited goes on with the new lock");

        assert!(thaw(scene.stopped.pid));
        let error = scene.frozen.join().unwrap().unwrap_err();
        assert!(error.contains("fenced off"), "{error}");
        assert!(error.contains("nothing was written"), "{error}");
        let mut client = scene.stopped.client();
        client.store("again").expect("it joins again by itself");
        for (text, is_there) in [("frozen", false), ("waiting", true), ("again", true)] {
            assert_eq!(scene.other.client().has_one(text), is_there, "{text}");
        }
        let audit = locks(scene.dir.path()).audit;
        let stages = [0, 1, 2].map(|n: usize| audit[n].stage);
        let expected = [AuditStage::Done, AuditStage::Begun, AuditStage::Refused];
        assert_eq!(stages, expected, "{audit:?}");
    }

    #[test]
    fn fail_points_a_holder_that_is_stopped_in_a_transaction_is_ended_and_nothing_else() {
        let scene = Scene::set("epoch-taken");
        let before = scene.lock();
        assert_eq!(before.act, Some(SettleAct::Terminate), "{before:?}");
        let refused = scene.unlock("--take-over");
        assert!(
            stderr(&refused).contains("has a transaction open"),
            "{}",
            stderr(&refused)
        );
        let cleared = scene.unlock("--leftover");
        assert!(
            stderr(&cleared).contains("a lock that is held is never cleared"),
            "{}",
            stderr(&cleared)
        );

        let done = scene.unlock("--terminate");
        assert!(done.status.success(), "{}", stderr(&done));
        scene
            .waiting
            .join()
            .unwrap()
            .expect("who waited goes on at once");
        assert_eq!(lock(scene.dir.path()).generation, 0);
        assert!(scene.other.client().has_one("second"));
        // Woken to end in order, it may have finished its write before: then it was acknowledged, and is there.
        let is_acknowledged = scene.frozen.join().unwrap().is_ok();
        assert!(!is_acknowledged || scene.other.client().has_one("frozen"));
    }

    #[test]
    fn fail_points_a_stopped_holder_that_wakes_before_anybody_acts_goes_on() {
        let scene = Scene::set("before-commit");
        assert!(thaw(scene.stopped.pid));
        scene.frozen.join().unwrap().expect("it was never fenced");
        scene
            .waiting
            .join()
            .unwrap()
            .expect("and the next one follows");
        assert_eq!(lock(scene.dir.path()).generation, 0);
    }

    #[test]
    fn fail_points_the_page_shows_the_stopped_holder_and_takes_it_over() {
        let scene = Scene::set("turn-begun");
        eventually("the status names it", || {
            let status = scene.other.status();
            status.state == OverallState::Waiting
                && status.diagnosis.contains("has been stopped for")
        });
        let holder = scene.lock().holder.expect("its record says who holds it");
        let settle = |since_ms: i64| {
            let instance = holder.instance.clone();
            let asked = Settle {
                act: SettleAct::TakeOver,
                holder: Some(MeantHolder { instance, since_ms }),
            };
            scene.other.send(&call::settle(&asked)).unwrap()
        };
        let (code, text) = settle(holder.since_ms - 1);
        assert_eq!(
            code, 409,
            "another turn than the one that was shown: {text}"
        );
        assert!(text.contains("the lock has changed hands"), "{text}");
        let (code, text) = settle(holder.since_ms);
        assert_eq!(code, 200, "{text}");
        scene.waiting.join().unwrap().unwrap();
        assert!(thaw(scene.stopped.pid));
        scene.frozen.join().unwrap().unwrap_err();
    }
}

/// What `locks` advises, carried out on real programs that are stopped or dead.
#[cfg(unix)]
mod advice {
    use std::path::Path;
    use std::process::{Child, Stdio};

    use commonplace_api::ProcessState;
    use commonplace_api::locks::{LockName, LockRow, SettleAct};

    use super::*;
    use crate::signals::{freeze, thaw};
    use crate::support::{command, eventually, store};

    /// A command that runs beside the test and is ended with it.
    struct Beside(Child);

    impl Beside {
        fn start(dir: &Path, arguments: &[&str]) -> Self {
            let mut command = command(dir, arguments);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            Self(command.spawn().unwrap())
        }

        /// Stops it at a moment in which `locks` shows a row of this name.
        fn stop_with(&self, dir: &Path, name: LockName) {
            let pid = self.0.id();
            eventually("it is stopped with the lock", || {
                assert!(freeze(pid));
                let holder = row(dir, name).and_then(|row| row.holder);
                let is_there = holder.is_some_and(|holder| holder.pid == pid);
                if !is_there {
                    assert!(thaw(pid));
                }
                is_there
            });
        }
    }

    impl Drop for Beside {
        fn drop(&mut self) {
            // It may be gone already.
            drop(self.0.kill());
            drop(self.0.wait());
        }
    }

    fn row(dir: &Path, name: LockName) -> Option<LockRow> {
        let mut rows = locks(dir).locks.into_iter();
        rows.find(|row| row.name == name)
    }

    /// Does what the table advises until it advises nothing, and expects that writing goes on then.
    fn follow_all_advice(dir: &Path, expected: &[(LockName, SettleAct)]) {
        let mut followed = Vec::new();
        let advised = || locks(dir).locks.into_iter().find(|row| row.act.is_some());
        while let Some(row) = advised() {
            let act = row.act.expect("there is one");
            let option = match act {
                SettleAct::TakeOver => "--take-over",
                SettleAct::Terminate => "--terminate",
                SettleAct::ClearLeftovers => "--leftover",
            };
            let words = format!("commonplace unlock {option}");
            assert!(row.words.contains(&words), "{row:?}");
            run_well(dir, &["unlock", option, "--yes"]);
            followed.push((row.name, act));
            assert!(followed.len() < 5, "it never ends: {followed:?}");
        }
        assert_eq!(followed, expected);
        store(dir, "written after the advice was followed");
    }

    // `compact --wait` closed the gate at once: while it only waited nobody could open the store, and once it was
    // stopped, `locks` advised a command that said that no lock is held.
    #[test]
    fn maintenance_that_waits_shuts_nobody_out_and_is_ended_if_it_is_stopped_with_the_gate_closed()
    {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::start(dir.path());
        host.client().store("before").unwrap();
        let waiting = Beside::start(dir.path(), &["compact", "--wait", "600"]);
        for _ in 0..5 {
            store(dir.path(), "written while it waits");
        }
        waiting.stop_with(dir.path(), LockName::Gate);
        let gate = row(dir.path(), LockName::Gate).unwrap();
        assert_eq!(gate.process, ProcessState::Stopped, "{gate:?}");
        host.client()
            .store("a host that is open writes on")
            .unwrap();
        follow_all_advice(dir.path(), &[(LockName::Gate, SettleAct::Terminate)]);
    }

    #[test]
    fn what_the_dead_left_needs_no_advice_to_go_on() {
        let dir = tempfile::tempdir().unwrap();
        let mut dead = Host::start(dir.path());
        dead.client().store("before").unwrap();
        dead.kill();
        follow_all_advice(dir.path(), &[]);
    }

    // No lock of a paused store needs to be settled: the refusal says what ends the pause.
    #[test]
    fn a_paused_store_is_advised_nothing_about_locks_and_resumed_as_the_refusal_says() {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::start(dir.path());
        host.client().store("before").unwrap();
        run_well(dir.path(), &["pause"]);
        for row in locks(dir.path()).locks {
            assert_eq!(row.act, None, "{row:?}");
        }
        let refused = run(dir.path(), &["store", "in the pause"]);
        assert_eq!(refused.status.code(), Some(3), "busy");
        let said = stderr(&refused);
        // Before it, `commonplace pause` is named, which somebody has typed.
        let mut parts = said.rsplit('`');
        let advised = parts.find(|part| part.starts_with("commonplace "));
        let advised = advised.unwrap_or_else(|| panic!("no command in {said}"));
        let arguments: Vec<&str> = advised.split(' ').skip(1).collect();
        run_well(dir.path(), &arguments);
        follow_all_advice(dir.path(), &[]);
    }

    /// Situations that need a stop at a named point.
    #[cfg(feature = "failpoints")]
    mod at_points {
        use std::process::Command;

        use super::*;

        fn is_stopped_with_the_lock(dir: &Path) -> bool {
            let row = row(dir, LockName::Write);
            row.is_some_and(|row| row.process == ProcessState::Stopped)
        }

        /// A host that stops or dies at `wish` with its third write, and the thread of that write.
        fn host_at(
            dir: &Path,
            wish: &str,
        ) -> (Host, std::thread::JoinHandle<Result<String, String>>) {
            let mut command = command(dir, &["serve", "--port", "0"]);
            command.env("COMMONPLACE_FAIL_POINT", wish);
            let host = Host::start_command(dir, command);
            let mut client = host.client();
            client.store("first").unwrap();
            client.store("second").unwrap();
            (host, std::thread::spawn(move || client.store("third")))
        }

        #[test]
        fn fail_points_every_advice_about_the_write_lock_can_be_followed() {
            for (wish, expected) in [
                ("lock-taken:3=freeze", SettleAct::TakeOver),
                ("turn-begun:3=freeze", SettleAct::TakeOver),
                ("epoch-taken:3=freeze", SettleAct::Terminate),
                ("before-commit:3=freeze", SettleAct::Terminate),
                ("epoch-taken:3=kill", SettleAct::ClearLeftovers),
            ] {
                let dir = tempfile::tempdir().unwrap();
                let (_host, third) = host_at(dir.path(), wish);
                eventually("there is something to advise", || {
                    row(dir.path(), LockName::Write).is_some_and(|row| row.act.is_some())
                });
                follow_all_advice(dir.path(), &[(LockName::Write, expected)]);
                drop(third);
            }
        }

        #[test]
        fn fail_points_a_waiter_that_is_stopped_is_in_nobodys_way_and_wakes_as_its_row_advises() {
            let dir = tempfile::tempdir().unwrap();
            let (_host, third) = host_at(dir.path(), "lock-taken:3=freeze");
            eventually("the host stops with the lock", || {
                is_stopped_with_the_lock(dir.path())
            });
            let waiting = Host::start(dir.path());
            let mut client = waiting.client();
            let waits = std::thread::spawn(move || client.store("from the waiter"));
            let in_line = || {
                let mut rows = locks(dir.path()).waiters.into_iter();
                rows.find(|row| row.party.pid == waiting.pid)
            };
            eventually("it waits in line", || in_line().is_some());
            assert!(freeze(waiting.pid));
            let row = in_line().expect("it is still in line");
            assert_eq!(row.process, ProcessState::Stopped, "{row:?}");
            follow_all_advice(dir.path(), &[(LockName::Write, SettleAct::TakeOver)]);
            let mut instances = locks(dir.path()).instances.into_iter();
            let row = instances.find(|row| row.instance.pid == waiting.pid);
            let row = row.expect("it is alive");
            let remedy = row.remedy.expect("its row says what helps");
            let wakes = remedy.split('`').nth(1).expect("a command");
            let woken = Command::new("sh").args(["-c", wakes]).status();
            assert!(woken.unwrap().success(), "{wakes}");
            drop(waits.join().unwrap());
            waiting.client().store("after it woke").unwrap();
            drop(third);
        }

        #[test]
        fn fail_points_a_take_over_that_is_stopped_is_ended_and_then_the_holder_is_settled() {
            let dir = tempfile::tempdir().unwrap();
            let (_host, third) = host_at(dir.path(), "turn-begun:3=freeze");
            eventually("the host stops with the lock", || {
                is_stopped_with_the_lock(dir.path())
            });
            let clerk = Beside::start(dir.path(), &["unlock", "--take-over", "--yes"]);
            clerk.stop_with(dir.path(), LockName::TakeOver);
            let expected = [
                (LockName::TakeOver, SettleAct::Terminate),
                (LockName::Write, SettleAct::TakeOver),
            ];
            follow_all_advice(dir.path(), &expected);
            drop(third);
        }
    }
}
