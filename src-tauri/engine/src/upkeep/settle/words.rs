//! What is found before an act, in words for a person and for the audit log.

use commonplace_lock::{HolderState, Identity, InstanceRecord, LockLook};

use super::Settling;
use commonplace_api::ProcessState;

impl Settling<'_> {
    /// Says who holds a lock, for how long, and what the system says of its process.
    pub(super) fn holder_words(&self, lock: &LockLook) -> String {
        let path = lock.path.display();
        if lock.state == HolderState::Free {
            return format!("`{path}` is free");
        }
        let Some(Identity {
            pid,
            program,
            version,
            role,
            host_name,
            ..
        }) = &lock.holder
        else {
            return format!(
                "`{path}` is held by a program that left no readable record (the system lists {:?})",
                lock.pids
            );
        };
        let work = match &lock.state {
            HolderState::Held(record) | HolderState::Leftover(record) => format!(
                " for {:.1} s, to {} for `{}`",
                (((self.now_ms)() - record.since_ms).max(0)) as f64 / 1e3,
                record.purpose.kind.escape_debug(),
                record.purpose.client.escape_debug()
            ),
            HolderState::Free | HolderState::HeldByUnknown => String::new(),
        };
        let process = lock
            .holder
            .as_ref()
            .map_or(ProcessState::Unknown, |holder| self.processes.look(holder));
        format!(
            "`{path}` is held by pid {pid} ({program} {version} {role}, on host {host_name}){work}; its process {}",
            process.words()
        )
    }

    /// Names the instances that are stopped, with the commands that help: they are in nobody's way as long as they hold no
    /// lock, but who asks one of them gets no answer. None if there are none.
    pub(super) fn stopped_words(&self, instances: &[InstanceRecord]) -> Option<String> {
        let stopped = instances.iter().filter_map(|instance| {
            let Identity { pid, role, .. } = &instance.identity;
            let state = self.processes.look(&instance.identity);
            let remedy = state.remedy(*pid)?;
            Some(format!(
                "process {pid} ({role}) {}, outside any lock: {remedy}",
                state.words()
            ))
        });
        let stopped: Vec<_> = stopped.collect();
        (!stopped.is_empty()).then(|| stopped.join("; "))
    }
}

/// Returns for how long the lock has been held, in milliseconds; 0 if no record tells.
pub(super) fn holder_age(lock: &LockLook, now_ms: i64) -> i64 {
    match &lock.state {
        HolderState::Held(record) | HolderState::Leftover(record) => {
            (now_ms - record.since_ms).max(0)
        }
        HolderState::Free | HolderState::HeldByUnknown => 0,
    }
}
