//! A child process that takes locks as it is told.
//!
//! The parent writes one command per line to the child's standard input and reads one answer
//! per line from its standard output. The child is this test program again, running only
//! [`child_process`], which does nothing unless the parent's variable is set. Answers begin with
//! a mark, because the test program prints lines of its own.

use std::fs;
use std::io::{self, BufRead, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{self, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use commonplace_lock::{Identity, Locks, SharedStoreLock, Wait, WriteLock};
use commonplace_testing::purpose;

/// Only ends a hung test.
pub(crate) const HUNG: Duration = Duration::from_secs(60);

const DIRECTORY_VARIABLE: &str = "COMMONPLACE_LOCK_TEST_DIR";
const MARK: &str = "child: ";

pub(crate) fn identity(role: &str) -> Identity {
    Identity {
        start_time: start_time(),
        ..commonplace_testing::identity(role)
    }
}

/// When this process started, as the program says it of itself; None where the system does not tell.
fn start_time() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(19)?.parse().ok()
}

/// The parent's end. Dropping it kills the child.
pub(crate) struct Child {
    process: process::Child,
    commands: ChildStdin,
    answers: Receiver<String>,
}

impl Child {
    /// Starts a child and waits until it has opened the locks in `dir`.
    pub(crate) fn start(dir: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["child::child_process", "--exact", "--nocapture"])
            .env(DIRECTORY_VARIABLE, dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = process.stdin.take().unwrap();
        let answers = read_answers(BufReader::new(process.stdout.take().unwrap()).lines());
        let mut child = Self {
            process,
            commands,
            answers,
        };
        child.expect("open");
        child
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Gives a command without waiting for the answer.
    pub(crate) fn tell(&mut self, command: &str) {
        writeln!(self.commands, "{command}").unwrap();
    }

    pub(crate) fn read(&mut self) -> String {
        self.answers
            .recv_timeout(HUNG)
            .expect("the child does not answer")
    }

    pub(crate) fn expect(&mut self, answer: &str) {
        assert_eq!(self.read(), answer);
    }

    pub(crate) fn ask(&mut self, command: &str, answer: &str) {
        self.tell(command);
        self.expect(answer);
    }

    /// Stops the child as `kill -STOP` does, and returns when all of its threads stand still.
    #[cfg(target_os = "linux")]
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
        let is_stopped = |task: io::Result<fs::DirEntry>| {
            let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
            stat.rsplit_once(") ").unwrap().1.starts_with('T')
        };
        let tasks = || fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        while !tasks().all(is_stopped) {
            std::thread::yield_now();
        }
    }

    /// Lets a stopped child go on.
    #[cfg(target_os = "linux")]
    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    #[cfg(target_os = "linux")]
    fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Ends the child as `kill -9` does and waits until it is gone.
    pub(crate) fn kill(self) {
        drop(self);
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Reads answers on a thread of its own, so that reading them can have a limit in time.
fn read_answers(mut lines: Lines<BufReader<ChildStdout>>) -> Receiver<String> {
    let (sender, answers) = mpsc::channel();
    std::thread::spawn(move || {
        while let Some(Ok(line)) = lines.next() {
            // The first answer may stand behind "test child::child_process ... ".
            let Some((_, answer)) = line.split_once(MARK) else {
                continue;
            };
            if sender.send(answer.to_owned()).is_err() {
                return;
            }
        }
    });
    answers
}

/// What the child has taken.
#[derive(Default)]
struct Taken {
    write: Option<WriteLock>,
    store: Option<SharedStoreLock>,
}

/// The child's end. In a normal run of the tests it returns at once.
#[test]
fn child_process() {
    let Some(dir) = std::env::var_os(DIRECTORY_VARIABLE) else {
        return;
    };
    let locks = Locks::open(Path::new(&dir), identity("child")).unwrap();
    let mut taken = Taken::default();
    say("open");
    for line in io::stdin().lock().lines() {
        let answer = obey(&locks, &mut taken, &line.unwrap());
        say(&answer);
    }
}

fn obey(locks: &Locks, taken: &mut Taken, line: &str) -> String {
    let words: Vec<_> = line.splitn(3, ' ').collect();
    let result = match words[..] {
        ["lock", timeout_ms] => {
            let wait = Wait::up_to(Duration::from_millis(timeout_ms.parse().unwrap()));
            locks.acquire_write(&purpose("child"), wait).map(|lock| {
                taken.write = Some(lock);
                "locked"
            })
        }
        ["epoch", epoch] => {
            let lock = taken.write.as_ref().unwrap();
            lock.note_epoch(epoch.parse().unwrap());
            Ok("noted")
        }
        ["release"] => {
            taken.write.take().unwrap().release();
            Ok("released")
        }
        ["share"] => locks.share_store(Wait::up_to(Duration::ZERO)).map(|share| {
            taken.store = Some(share);
            "shared"
        }),
        ["life"] => {
            return locks
                .check_life()
                .map_or_else(|lost| lost.to_string(), |()| "lives".to_owned());
        }
        ["count", rounds, path] => {
            count(locks, rounds.parse().unwrap(), Path::new(path));
            Ok("counted")
        }
        _ => panic!("unknown command `{line}`"),
    };
    result.map_or_else(|error| format!("refused {error}"), str::to_owned)
}

/// Adds `rounds` to the number in a file, one by one, each under the lock.
fn count(locks: &Locks, rounds: usize, path: &Path) {
    for _ in 0..rounds {
        let lock = locks
            .acquire_write(&purpose("child"), Wait::up_to(HUNG))
            .unwrap();
        let number: usize = fs::read_to_string(path).unwrap().parse().unwrap();
        fs::write(path, (number + 1).to_string()).unwrap();
        lock.release();
    }
}

fn say(answer: &str) {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{MARK}{answer}").unwrap();
    stdout.flush().unwrap();
}
