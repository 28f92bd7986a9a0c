//! Whether the store can be opened, is intact and can be written, and what else lies in its directory.

use std::path::Path;

use commonplace_api::Transport;
use commonplace_api::status::IntegrityStatus;
use commonplace_engine::{Engine, ModelUse};

use super::finding::{Findings, Verdict};
use crate::cli::repair;
use crate::context::Options;
use crate::host::compose::open_engine;
use crate::output;
use crate::runtime::small_runtime;
use crate::settings::Settings;
use crate::system::private_file;
use crate::tokens::TokenTexts;
use crate::words;

/// Opens the store as an instance does, and looks at it.
pub(super) fn check_store(
    findings: &mut Findings,
    options: &Options,
    settings: &Settings,
    json: bool,
) {
    let dir = options.data_dir.path();
    if !dir.exists() {
        return findings.add(
            "store",
            Verdict::Note,
            format!(
                "{} does not exist yet; the first start creates it",
                dir.display()
            ),
        );
    }
    let engine = match open_engine(options, settings, ModelUse::None) {
        Ok(engine) => engine,
        Err(error) => {
            return findings.add("store", Verdict::Problem, words::with_causes(&error));
        }
    };
    let status = engine.status();
    findings.add(
        "store",
        Verdict::Ok,
        format!(
            "{}: {}, {}, SQLite {}, schema {}",
            status.files.database,
            words::memories(status.memories.total),
            words::bytes(status.files.database_bytes),
            status.files.sqlite_version,
            status.files.schema_version
        ),
    );
    findings.check("integrity", about_integrity(look_through(&engine, json)));
    let lost = status.files.lost_writes;
    findings.check(
        "history",
        match lost {
            Some(lost) => Err(format!("the store went back in time: {lost}")),
            None => Ok("every write that was recorded as acknowledged is there".to_owned()),
        },
    );
    if let Some(trouble) = status.files.note_trouble {
        findings.add("note", Verdict::Problem, trouble);
    }
    findings.add(
        "backup",
        Verdict::Note,
        last_backup(status.files.last_backup_ms),
    );
    findings.check("writing", check_writing(&engine));
}

/// Checks all of the store; on a terminal one line tells how far it is.
fn look_through(engine: &Engine, json: bool) -> IntegrityStatus {
    let mut progress = output::Progress::new(json);
    engine.check_integrity(&mut |step| progress.tell(&repair::check_text(step)))
}

fn about_integrity(found: IntegrityStatus) -> Result<String, String> {
    match found {
        IntegrityStatus::Ok => {
            Ok("every page, row and index was checked; nothing is damaged".to_owned())
        }
        IntegrityStatus::Damaged(damage) => Err(format!("the store is damaged: {damage}")),
        IntegrityStatus::NotMade(reason) => Err(format!("the check could not be run: {reason}")),
        IntegrityStatus::Checking => {
            Err("the check did not finish: run `commonplace doctor` again".to_owned())
        }
        IntegrityStatus::Unknown => Err(
            "this version does not know whether the check finished: update it, and run `commonplace doctor` again"
                .to_owned(),
        ),
    }
}

fn last_backup(made_ms: Option<i64>) -> String {
    match made_ms {
        Some(made_ms) => format!("the last one was made on {}", words::local_time(made_ms)),
        None => "none yet: `commonplace backup` makes one".to_owned(),
    }
}

/// Takes the write lock and commits a write that changes nothing.
fn check_writing(engine: &Engine) -> Result<String, String> {
    use commonplace_engine::{Origin, WriteOp, WriteOptions};
    if let Some(pause) = engine.paused() {
        return Err(format!(
            "writes are paused {pause}; `commonplace resume` resumes them"
        ));
    }
    let deadline = Some(std::time::Duration::from_secs(5));
    // Nobody asked for this write, so it is counted as the engine's own and not as a person's.
    let origin = Origin::new("commonplace doctor", Transport::Internal);
    let write = engine.write(
        &origin,
        WriteOp::PutVectors(Vec::new()),
        WriteOptions {
            op_id: None,
            deadline,
        },
    );
    let runtime = small_runtime().map_err(|error| error.to_string())?;
    let written = runtime.block_on(write).map_err(|error| error.to_string());
    runtime.block_on(engine.shutdown(std::time::Duration::from_secs(5)));
    written.map(|written| {
        format!(
            "took the write lock in {:.1?} and synced a commit",
            written.lock_wait
        )
    })
}

pub(super) fn check_tokens(dir: &Path) -> Result<String, String> {
    if !dir.join(crate::tokens::AGENT).exists() {
        if dir.exists() && crate::system::store_dir::check(dir).is_ok() {
            private_file::check_dir(dir).map_err(|error| error.to_string())?;
        }
        return Ok("none yet; the first start creates them".to_owned());
    }
    let texts = TokenTexts::read(dir).map_err(|error| error.to_string())?;
    texts.checked(dir).map_err(|error| error.to_string())?;
    Ok("both exist and are private".to_owned())
}

pub(super) fn check_model(findings: &mut Findings, options: &Options, settings: &Settings) {
    let dir = options.model_dir(settings);
    match commonplace_engine::check_model(&dir) {
        Ok(()) => findings.add(
            "model",
            Verdict::Ok,
            format!("{} is complete", dir.display()),
        ),
        Err(error) => findings.add("model", Verdict::Note, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // A check that had not finished, and a state that is not understood, were reported as "nothing is damaged".
    #[test]
    fn only_a_check_that_finished_says_that_nothing_is_damaged() {
        assert!(about_integrity(IntegrityStatus::Ok).is_ok());
        for unfinished in [IntegrityStatus::Checking, IntegrityStatus::Unknown] {
            let problem = about_integrity(unfinished).unwrap_err();
            assert!(
                problem.contains("run `commonplace doctor` again"),
                "{problem}"
            );
        }
        let damaged = about_integrity(IntegrityStatus::Damaged("row 7".to_owned()));
        assert_eq!(damaged.unwrap_err(), "the store is damaged: row 7");
        assert!(about_integrity(IntegrityStatus::NotMade("no room".to_owned())).is_err());
    }
}
