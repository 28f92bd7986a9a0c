//! `grafana`: a dashboard for Grafana.

use std::process::ExitCode;

use super::output;

/// Prints the dashboard, which Grafana imports; it needs no store and no host.
pub(crate) fn run() -> ExitCode {
    output::line(commonplace_http::GRAFANA_DASHBOARD.trim_end());
    ExitCode::SUCCESS
}
