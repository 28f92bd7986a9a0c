//! What differs between operating systems: the priority of a thread.

use thread_priority::{ThreadPriority, ThreadPriorityValue, set_current_thread_priority};

/// Of 0 to 99. Linux: nice 10, a tenth of the time of a busy thread; Windows: below normal. Not the
/// lowest: beside a compiler on all cores the backlog should still shrink.
const BACKGROUND: u8 = 22;

/// Asks the operating system to run this thread mostly when others leave time.
///
/// For threads that embed in the background. Changes this thread alone. Returns false, and changes
/// nothing, where the system refuses. It cannot be undone without privileges, so call it only on a
/// thread that does background work for its whole life.
pub fn lower_this_thread_priority() -> bool {
    let lowered = ThreadPriorityValue::try_from(BACKGROUND)
        .map_err(|reason| reason.to_string())
        .and_then(|value| {
            set_current_thread_priority(ThreadPriority::Crossplatform(value))
                .map_err(|error| format!("{error:?}"))
        });
    if let Err(reason) = &lowered {
        tracing::debug!(
            reason,
            "the priority of a background thread could not be lowered"
        );
    }
    lowered.is_ok()
}
