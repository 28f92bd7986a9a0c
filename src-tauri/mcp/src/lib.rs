//! x
mod arguments;
mod clean;
mod legacy_arguments;
mod nearest;
mod redact;
mod time_phrase;
