//! Arguments that every writing tool takes.

use std::time::Duration;

use commonplace_engine::{Acknowledged, OpId, WriteOptions};

use crate::arguments::{Argument, ArgumentError, Arguments, Integer, Parsed, Row};

const OP_ID: Argument<Parsed<OpId>> = Argument::new(
    "op_id",
    Parsed {
        wanted: "1 to 128 visible ASCII characters",
        parse: OpId::parse,
    },
    "Any name for this call; repeating it with the same op_id does the work once",
);

/// Clients give up after 60 seconds.
const DEADLINE_S: Argument<Integer> = Argument::new(
    "deadline_s",
    Integer::from(1).to(50).refused_outside("seconds"),
    "Longest wait for the write lock, default 30",
);

pub(super) const ARGUMENTS: &[&dyn Row] = &[&OP_ID, &DEADLINE_S];

/// Reads them.
pub(super) fn read(arguments: &Arguments) -> Result<WriteOptions, ArgumentError> {
    let seconds = DEADLINE_S.read(arguments)?;
    Ok(WriteOptions {
        op_id: OP_ID.read(arguments)?,
        deadline: seconds.map(|seconds| Duration::from_secs(seconds.unsigned_abs())),
    })
}

/// Says of a repeated `op_id` that it did nothing.
pub(super) fn repeated(done: &Acknowledged) -> Option<String> {
    let note = "this op_id was carried out before; nothing was done now";
    done.applied.is_repeat.then(|| note.to_owned())
}
