//! What redaction takes out of a write, so that a person can put it back.

use commonplace_engine::{Changes, TakenOut};

use crate::arguments::ArgumentError;
use crate::redact::Replaced;

/// Compares what is `written` with what was meant, which is read from the call again, without redaction.
///
/// None if nothing was replaced, or if no memory could hold what was meant, such as a type that is a long key.
pub(super) fn taken_out(
    replaced: &[Replaced],
    written: &Changes,
    meant: impl FnOnce() -> Result<Changes, ArgumentError>,
) -> Option<TakenOut> {
    if replaced.is_empty() {
        return None;
    }
    let replaced = replaced.iter().cloned().map(Into::into);
    TakenOut::new(replaced.collect(), &meant().ok()?, written)
}
