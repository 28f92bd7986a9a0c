//! Logs: to stderr, and to a file a day under `logs/` for programs that run long.

use std::io::IsTerminal;
use std::path::Path;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Log files that are kept.
const FILES_MAX: usize = 7;

/// Starts logging. `level` is what RUST_LOG or LOG_LEVEL or the settings say; `dir` gets the files, if any.
///
/// Never fails the program: where a log file cannot be made, stderr is enough.
pub(crate) fn start(level: Option<&str>, dir: Option<&Path>) {
    let filter = EnvFilter::try_new(level.unwrap_or("info").to_lowercase())
        .unwrap_or_else(|_| EnvFilter::new("info"));
    // The library behind MCP logs whole requests, and with them texts before secrets are taken out.
    let filter = filter.add_directive("rmcp=warn".parse().expect("the directive is a constant"));
    // Both warn whenever the desktop session ends before the program does.
    let filter = filter.add_directive("zbus=error".parse().expect("the directive is a constant"));
    let filter = filter.add_directive(
        "arboard=error"
            .parse()
            .expect("the directive is a constant"),
    );
    let has_colours = std::io::stderr().is_terminal();
    let stderr = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(has_colours)
        .with_target(false);
    // A closed stderr or a full disk must not be reported on stderr again.
    let stderr = stderr.log_internal_errors(false);
    let file = dir.and_then(log_file).map(|appender| {
        tracing_subscriber::fmt::layer()
            .with_writer(std::sync::Mutex::new(appender))
            .with_ansi(false)
            .log_internal_errors(false)
    });
    let subscriber = tracing_subscriber::registry()
        .with(filter)
        .with(stderr)
        .with(file);
    // A second start in one process changes nothing.
    drop(subscriber.try_init());
}

fn log_file(dir: &Path) -> Option<tracing_appender::rolling::RollingFileAppender> {
    crate::system::platform::make_private_dir(dir).ok()?;
    tracing_appender::rolling::Builder::new()
        .rotation(tracing_appender::rolling::Rotation::DAILY)
        .filename_prefix("commonplace")
        .filename_suffix("log")
        .max_log_files(FILES_MAX)
        .build(dir)
        .ok()
}
