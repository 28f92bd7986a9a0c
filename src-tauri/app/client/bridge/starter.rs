//! Starts a host for a bridge.

mod environment;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use commonplace_engine::lock_holders;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::{Instant, sleep, timeout};

use super::LOOK_EVERY;
use crate::context::Context;
use crate::paths::{DataDir, own_program};
use crate::system::processes;

/// What it takes to start a host of one store.
pub(super) struct Starter {
    data_dir: DataDir,
    model_dir: Option<PathBuf>,
    /// Looked up once, so that after an update the new program is started.
    program: PathBuf,
}

impl Starter {
    pub(super) fn new(context: &Context) -> std::io::Result<Self> {
        Ok(Self {
            data_dir: context.options.data_dir.clone(),
            // The host works in another folder.
            model_dir: match &context.options.model_dir {
                Some(dir) if !dir.as_os_str().is_empty() => Some(std::path::absolute(dir)?),
                _ => None,
            },
            program: own_program()?,
        })
    }

    /// Starts a headless host that outlives this bridge, unless `find` finds one. Of many bridges that try at once, one
    /// does, the others wait. Err says in words why there is none by `until`.
    pub(super) async fn start<T>(
        &self,
        until: Instant,
        find: impl Fn() -> Option<T>,
    ) -> Result<T, String> {
        let path = self.gate_path();
        let failed = |error| format!("could not start a host: `{}`: {error}", path.display());
        let gate = self.gate(&path).map_err(failed)?;
        let mut is_ours = false;
        loop {
            if let Some(found) = find() {
                return Ok(found);
            }
            if Instant::now() >= until {
                break;
            }
            // Not twice: not every system gives a lock to whoever has it.
            if !is_ours {
                match gate.try_lock() {
                    Ok(()) => is_ours = true,
                    Err(TryLockError::WouldBlock) => {
                        sleep(LOOK_EVERY).await;
                        continue;
                    }
                    Err(TryLockError::Error(error)) => return Err(failed(error)),
                }
            }
            let why = match timeout(until - Instant::now(), self.start_once()).await {
                Ok(Ok(())) => continue,
                Ok(Err(reason)) => reason,
                Err(_) => "it did not get ready in time".to_owned(),
            };
            // Perhaps another one was started in this moment; otherwise trying again would fail again.
            return find().ok_or_else(|| format!("a host could not be started: {why}"));
        }
        Err(match is_ours {
            true => "a host was started and cannot be found; `commonplace doctor` may say why"
                .to_owned(),
            false => format!(
                "no host was found or started: {}",
                kept_locked(&path, &gate)
            ),
        })
    }

    fn gate_path(&self) -> PathBuf {
        self.data_dir.path().join("start.lock")
    }

    /// A file that whoever starts a host holds locked; the lock ends with its process.
    fn gate(&self, path: &Path) -> std::io::Result<File> {
        crate::system::platform::make_private_dir(self.data_dir.path())?;
        File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
    }

    /// Starts a host and waits for its ready line; the error is what it said last.
    async fn start_once(&self) -> Result<(), String> {
        // A file and not a pipe: the host goes on writing there when this bridge is gone.
        let logs = self.data_dir.logs();
        let said = logs.join("last-start.log");
        crate::system::platform::make_private_dir(&logs).map_err(|error| error.to_string())?;
        let stderr = std::fs::File::create(&said)
            .map_err(|error| format!("could not make `{}`: {error}", said.display()))?;
        let mut command = self.command();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr);
        let mut host = command.spawn().map_err(|error| error.to_string())?;
        let mut line = String::new();
        if let Some(out) = host.stdout.take() {
            BufReader::new(out)
                .read_line(&mut line)
                .await
                .map_err(|error| error.to_string())?;
        }
        if line.contains("\"ready\":true") {
            return Ok(());
        }
        Err(last_line(&said))
    }

    fn command(&self) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.program);
        command
            .arg("--data-dir")
            .arg(self.data_dir.path())
            .args(["serve", "--or-any-port"]);
        if let Some(dir) = &self.model_dir {
            command.arg("--model-dir").arg(dir);
        }
        // It serves many clients and outlives this one: it must not keep the client's keys, nor its folder in use.
        command
            .env_clear()
            .envs(environment::of_host(std::env::vars_os()))
            .current_dir(self.data_dir.path());
        crate::system::platform::detach(command.as_std_mut());
        command
    }
}

/// Says who keeps the gate locked and starts no host: one of ours that hangs, or anybody who had opened the file before the
/// store directory was closed to other users.
fn kept_locked(path: &Path, gate: &File) -> String {
    let path = path.display();
    let holder = processes::named_all(&lock_holders(gate));
    format!(
        "`{path}` is locked by {holder}, as it is while a host starts, and no host has started; end that program, or start \
         a host with `commonplace serve`, which does not need that lock"
    )
}

fn last_line(said: &Path) -> String {
    let said = std::fs::read_to_string(said).unwrap_or_default();
    let last = said.trim().lines().last();
    last.unwrap_or("it said nothing").to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    // It was told that another program was starting one and did not finish, whoever held the lock: also another user, who
    // had opened the file before the directory was closed to others.
    #[tokio::test]
    async fn who_keeps_the_lock_of_starting_is_named_with_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let starter = Starter {
            data_dir: DataDir::find(Some(dir.path().to_owned())).unwrap(),
            model_dir: None,
            program: PathBuf::from("no program is started"),
        };
        let path = starter.gate_path();
        let held = starter.gate(&path).unwrap();
        held.lock().unwrap();
        let until = Instant::now() + Duration::from_millis(1);
        let why = starter.start(until, || None::<()>).await.unwrap_err();
        assert!(why.contains(&format!("`{}`", path.display())), "{why}");
        if cfg!(target_os = "linux") {
            let pid = format!("(pid {}", std::process::id());
            assert!(why.contains(&pid), "{why}");
        }
        assert!(why.contains("`commonplace serve`"), "{why}");
    }
}
