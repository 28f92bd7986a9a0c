//! What the writer does while writes are paused.

use std::time::Duration;

use crate::context::Context;
use crate::write::queue::WriteQueue;

/// How often a paused writer looks whether somebody has resumed.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Blocks while writes are paused and somebody waits. Returns false if the engine closes meanwhile: what waits then is
/// not to be written.
pub(crate) fn wait_while_paused(context: &Context, queue: &WriteQueue) -> bool {
    let mut is_logged = false;
    while let Some(pause) = context.paused().filter(|_| queue.is_waiting()) {
        if !is_logged {
            tracing::info!(%pause, "writes are paused; requests are waiting");
            is_logged = true;
        }
        if context.wait_closing(LOOK_EVERY) {
            return false;
        }
    }
    if is_logged {
        tracing::info!("writes go on, or none is waiting");
    }
    true
}
