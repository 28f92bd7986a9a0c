//! The table of settings: a new setting is a new line here, and a field that it is kept in.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Limits, Setting, SettingDomain, WorkerCount};

const LEVELS: &[Cow<'static, str>] = &[
    Cow::Borrowed("error"),
    Cow::Borrowed("warn"),
    Cow::Borrowed("info"),
    Cow::Borrowed("debug"),
    Cow::Borrowed("trace"),
];
const SLOW: SettingDomain = SettingDomain::Integer {
    min: 1,
    max: 60_000,
};

/// The settings, in the order of the file.
pub static SETTINGS: &[Setting] = &[
    Setting {
        key: "port",
        title: "Port",
        domain: SettingDomain::Integer {
            min: 0,
            max: u16::MAX as u64,
        },
        unit: None,
        about: "Port on 127.0.0.1; 0 means any free one.",
        is_live: false,
        get: |settings| json!(settings.port),
        set: |settings, value| settings.port = number(value) as u16,
    },
    Setting {
        key: "log",
        title: "Log level",
        domain: SettingDomain::Choice {
            choices: Cow::Borrowed(LEVELS),
        },
        unit: None,
        about: "What is logged: messages of this level and of more serious ones.",
        is_live: false,
        get: |settings| json!(settings.log.as_deref().unwrap_or("info")),
        set: |settings, value| settings.log = value.as_str().map(str::to_owned),
    },
    Setting {
        key: "model_dir",
        title: "Model directory",
        domain: SettingDomain::Directory,
        unit: None,
        about: "Where the files of the model are; empty means models/all-MiniLM-L6-v2 in the store directory.",
        is_live: false,
        get: |settings| json!(settings.model_dir.clone().unwrap_or_default()),
        set: |settings, value| {
            let given = value.as_str().filter(|dir| !dir.is_empty());
            settings.model_dir = given.map(PathBuf::from);
        },
    },
    Setting {
        key: "write_deadline_s",
        title: "Wait timeout",
        domain: SettingDomain::Integer {
            min: 1,
            max: Limits::WRITE_DEADLINE_MAX.as_secs(),
        },
        unit: Some("s"),
        about: "How long a write waits for its commit if the client names no time.",
        is_live: true,
        // A part of a second counts only where it takes the time out of its range.
        get: |settings| match settings.limits.write_deadline {
            deadline if deadline > Limits::WRITE_DEADLINE_MAX => json!(deadline.as_secs_f64()),
            deadline => json!(deadline.as_secs()),
        },
        set: |settings, value| settings.limits.write_deadline = Duration::from_secs(number(value)),
    },
    Setting {
        key: "slow_hold_ms",
        title: "Slow hold",
        domain: SLOW,
        unit: Some("ms"),
        about: "A hold of the write lock this long is recorded and logged as slow.",
        is_live: true,
        get: |settings| json!(settings.limits.slow_hold.as_millis() as u64),
        set: |settings, value| settings.limits.slow_hold = Duration::from_millis(number(value)),
    },
    Setting {
        key: "slow_wait_ms",
        title: "Slow wait",
        domain: SLOW,
        unit: Some("ms"),
        about: "A write that waits this long is recorded and logged as slow.",
        is_live: true,
        get: |settings| json!(settings.limits.slow_wait.as_millis() as u64),
        set: |settings, value| settings.limits.slow_wait = Duration::from_millis(number(value)),
    },
    Setting {
        key: "queue_length",
        title: "Queue length",
        domain: SettingDomain::Integer {
            min: 1,
            max: 100_000,
        },
        unit: Some("writes"),
        about: "Most writes that wait at once.",
        is_live: true,
        get: |settings| json!(settings.limits.queue_len_max),
        set: |settings, value| settings.limits.queue_len_max = number(value) as usize,
    },
    Setting {
        key: "workers",
        title: "Workers",
        domain: SettingDomain::IntegerOrAuto {
            min: *Limits::WORKERS.start() as u64,
            max: *Limits::WORKERS.end() as u64,
        },
        unit: Some("threads"),
        about: "Threads that run searches; auto follows the measured wait, with at most 4 for each core.",
        is_live: true,
        get: |settings| match settings.limits.workers {
            WorkerCount::Fixed(count) => json!(count),
            WorkerCount::Auto => json!("auto"),
        },
        set: |settings, value| {
            settings.limits.workers = match value {
                Value::String(_) => WorkerCount::Auto,
                _ => WorkerCount::Fixed(number(value) as usize),
            }
        },
    },
    Setting {
        key: "redact_secrets",
        title: "Redact secrets",
        domain: SettingDomain::Boolean,
        unit: None,
        about: "Replace secrets such as keys and passwords in texts before they are stored.",
        is_live: true,
        get: |settings| json!(settings.redact_secrets),
        set: |settings, value| settings.redact_secrets = value.as_bool() != Some(false),
    },
    Setting {
        key: "backups_kept",
        title: "Backups kept",
        domain: SettingDomain::Integer { min: 1, max: 1_000 },
        unit: Some("backups"),
        about: "Backups that stay in the directory of backups, the newest ones. Those from before a restore or before a \
                change of the schema are not counted and stay.",
        is_live: true,
        get: |settings| json!(settings.limits.backups_kept),
        set: |settings, value| settings.limits.backups_kept = number(value) as usize,
    },
    Setting {
        key: "history_days",
        title: "History kept",
        domain: SettingDomain::Integer {
            min: *Limits::HISTORY_DAYS.start() as u64,
            max: *Limits::HISTORY_DAYS.end() as u64,
        },
        unit: Some("days"),
        about: "How much of the past is kept for the charts, in days of minutes in which something happened.",
        is_live: true,
        get: |settings| json!(settings.limits.history_days),
        set: |settings, value| settings.limits.history_days = number(value) as u32,
    },
];

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}
