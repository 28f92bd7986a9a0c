//! Clients whose configuration is changed here: shows the change, or makes it.

use std::process::ExitCode;

use serde_json::json;

use super::{CommandError, Connect, Context, output, told};
use crate::clients::Client;
use crate::connections::{Machine, configured};

/// Adds the entry, or takes it out.
pub(super) fn run(
    context: &Context,
    machine: &Machine,
    client: Client,
    connect: &Connect,
) -> Result<ExitCode, CommandError> {
    let plan = match connect.remove {
        true => configured::remove(machine, client, connect.replace)?,
        false => configured::connect(machine, client, connect.replace)?,
    };
    match plan.changes().filter(|_| connect.print) {
        Some((after, difference)) => {
            let text = format!("would change `{}`:\n{difference}", plan.file().display());
            let value = json!({ "done": false, "file": plan.file(), "text": after });
            output::result(context.json, &value, &text);
            Ok(ExitCode::SUCCESS)
        }
        None => Ok(told(context, &plan.carry_out()?)),
    }
}
