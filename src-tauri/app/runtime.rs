//! The runtimes of asynchronous work, and the signals that end it.

use tokio::runtime::{Builder, Runtime};

/// Threads of a host for connections; searches and commits have threads of their own.
const HOST_THREADS: usize = 2;

/// Tells why a runtime could not be started.
#[derive(Debug, thiserror::Error)]
#[error("could not start the runtime: {0}; the system is out of memory or file handles")]
pub(crate) struct RuntimeError(#[from] std::io::Error);

/// Makes the runtime of a command that runs briefly.
pub(crate) fn small_runtime() -> Result<Runtime, RuntimeError> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// Makes the runtime of a host.
pub(crate) fn host_runtime() -> Result<Runtime, RuntimeError> {
    crate::system::platform::allow_many_files();
    let mut builder = Builder::new_multi_thread();
    Ok(builder.worker_threads(HOST_THREADS).enable_all().build()?)
}

/// Completes when the program is asked to stop: by SIGTERM, SIGINT, SIGHUP or Ctrl-C.
pub(crate) async fn stop_requested() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let terminate = signal(SignalKind::terminate());
        let hangup = signal(SignalKind::hangup());
        if let (Ok(mut terminate), Ok(mut hangup)) = (terminate, hangup) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            return;
        }
    }
    drop(tokio::signal::ctrl_c().await);
}
