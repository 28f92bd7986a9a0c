//! Arguments that every writing tool takes.

use std::time::Duration;

use commonplace_engine::{OpId, WriteOptions};
use serde_json::{Value, json};

use crate::arguments::{ArgumentError, Arguments};

/// Longest wait that a call may ask for, in seconds; clients give up after 60.
const DEADLINE_S_MAX: i64 = 50;

/// Reads `op_id` and `deadline_s`.
pub(super) fn read(arguments: &Arguments) -> Result<WriteOptions, ArgumentError> {
    let op_id = arguments.filled("op_id")?.map(|given| {
        let wanted = "1 to 128 visible ASCII characters";
        OpId::parse(&given)
            .ok_or_else(|| ArgumentError::wrong("op_id", wanted, &Value::String(given)))
    });
    let deadline = arguments
        .integer("deadline_s")?
        .map(|given| match u64::try_from(given) {
            Ok(seconds @ 1..) if given <= DEADLINE_S_MAX => Ok(Duration::from_secs(seconds)),
            _ => Err(ArgumentError::wrong(
                "deadline_s",
                format!("1 to {DEADLINE_S_MAX} seconds"),
                &json!(given),
            )),
        });
    Ok(WriteOptions {
        op_id: op_id.transpose()?,
        deadline: deadline.transpose()?,
    })
}

/// Describes them for an input schema.
pub(super) fn schema() -> [(&'static str, Value); 2] {
    [
        (
            "op_id",
            json!({"type": "string", "description": "Any name for this call; repeating it with the same op_id does the work once"}),
        ),
        (
            "deadline_s",
            json!({"type": "integer", "minimum": 1, "maximum": DEADLINE_S_MAX, "description": "Longest wait for the write lock, default 30"}),
        ),
    ]
}
