//! x
mod aliases; mod answer; mod arguments; mod budget; mod clean; mod filters; mod legacy_arguments; mod nearest; mod redact; mod time_phrase; mod tools;
