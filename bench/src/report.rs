//! What every run begins and ends with: the program and the machine, the table, the limits, and a file for programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::error::BenchError;
use crate::figures::{Compared, Figure, Row, Section, time_text};
use crate::host::Program;
use crate::machine;

/// More programs than this at work before the run disturb it.
const QUIET_LOAD: f64 = 0.5;

/// Options of every benchmark.
#[derive(Args, Debug)]
pub(crate) struct Common {
    /// Also writes all figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The program [default: target/release/commonplace, built if it is missing]
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    /// Where the scratch stores are made, on a real disk [default: target/bench]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Decides all texts and queries
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// What is measured, and where.
pub(crate) struct Bench {
    pub(crate) program: Program,
    dir: PathBuf,
}

impl Bench {
    /// Finds the program, and makes the directory for scratch stores. The model is where `COMMONPLACE_MODEL_DIR` says.
    pub(crate) fn prepare(common: &Common, is_words_only: bool) -> Result<Self, BenchError> {
        // `cargo xtask bench` has built the program beside this one.
        let own = std::env::current_exe().unwrap_or_default();
        let name = format!("commonplace{}", std::env::consts::EXE_SUFFIX);
        let path = common
            .program
            .clone()
            .unwrap_or_else(|| own.with_file_name(name));
        let path = std::path::absolute(&path).unwrap_or(path);
        if !path.is_file() {
            return Err(BenchError::NoProgram(path));
        }
        let target = own.ancestors().nth(2).unwrap_or(Path::new("target"));
        let dir = common.dir.clone().unwrap_or_else(|| target.join("bench"));
        let dir = std::path::absolute(&dir).unwrap_or(dir);
        fs::create_dir_all(&dir).map_err(BenchError::file(&dir))?;
        let model = std::env::var_os("COMMONPLACE_MODEL_DIR").filter(|_| !is_words_only);
        let model_dir = model.map_or_else(|| dir.join("no-model"), PathBuf::from);
        let program = Program { path, model_dir };
        Ok(Self { program, dir })
    }

    /// Makes a directory for one store.
    pub(crate) fn scratch(&self) -> Result<TempDir, BenchError> {
        let made = tempfile::Builder::new()
            .prefix("run-")
            .tempdir_in(&self.dir);
        made.map_err(BenchError::file(&self.dir))
    }

    /// Gathers what one must know to read the figures; call it before the run, because it looks at what else is at work.
    pub(crate) fn facts(&self) -> Vec<String> {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let line = shlex::try_join(words.iter().map(String::as_str));
        let (cores, system) = (machine::cores(), std::env::consts::OS);
        let program = self.program.path.display();
        let kind = machine::file_system(&self.dir).unwrap_or_else(|| "unknown".to_owned());
        let mut facts = vec![
            format!("cargo xtask bench {}", line.unwrap_or_default()),
            format!("{cores} cores, {system}; program {program}"),
            format!("scratch stores in {} (file system: {kind})", self.dir.display()),
            "The generator shares the cores with what it measures. The rival embeds before it answers, ours after."
                .to_owned(),
        ];
        if kind == "tmpfs" {
            facts.push(
                "tmpfs is memory: nothing here says what a commit costs on a disk.".to_owned(),
            );
        }
        if let Some(load) = machine::load_average().filter(|load| *load > QUIET_LOAD) {
            facts.push(format!(
                "Other programs were at work in the minute before the run (load average {load}): \
                 if they still were, the figures are too bad."
            ));
        }
        facts
    }
}

/// All that a run says in the end.
pub(crate) struct Report {
    pub(crate) facts: Vec<String>,
    pub(crate) sections: Vec<Section>,
}

impl Report {
    /// Acknowledged writes that our host does not have.
    pub(crate) fn lost(&self) -> u64 {
        let rows = self.sections.iter().flat_map(|section| &section.rows);
        let lost = rows.filter(|row| row.name == "lost");
        let count = |row: &Row| row.ours.map_or(0.0, Figure::number);
        lost.map(count).sum::<f64>() as u64
    }

    /// Limits that were not met, or not measured.
    pub(crate) fn missed(&self) -> usize {
        let limits = self.limits().into_iter();
        limits.filter(|limit| limit.is_met != Some(true)).count()
    }

    fn limits(&self) -> Vec<Compared> {
        self.sections.iter().flat_map(Section::compared).collect()
    }

    fn complaints(&self) -> Vec<String> {
        let of = |section: &Section| -> Vec<String> {
            let all = section.complaints.iter();
            all.map(|told| format!("{}: {told}", section.title))
                .collect()
        };
        self.sections.iter().flat_map(of).collect()
    }

    /// Prints everything to stdout, and writes it to a file if one was asked for.
    ///
    /// # Errors
    /// If the file cannot be written; the table is out before.
    pub(crate) fn print(&self, common: &Common) -> Result<(), BenchError> {
        println!("\n{}", self.facts.join("\n"));
        for section in &self.sections {
            print!("\n{}", section.text());
        }
        println!("\nlimits");
        for limit in self.limits() {
            print!("{}", limit.text());
        }
        for complaint in self.complaints() {
            println!("note: {complaint}");
        }
        let Some(path) = &common.json else {
            return Ok(());
        };
        let written = fs::write(path, format!("{:#}\n", self.json(common.seed)));
        written.map_err(BenchError::file(path))
    }

    fn json(&self, seed: u64) -> Value {
        json!({
            "facts": self.facts,
            "cores": machine::cores(),
            "seed": seed,
            "sections": self.sections.iter().map(Section::json).collect::<Vec<Value>>(),
            "limits": self.limits().iter().map(Compared::json).collect::<Vec<Value>>(),
            "complaints": self.complaints(),
        })
    }
}

/// Does one of several parts of the work, under a heading on stderr.
pub(crate) fn step<T>(
    number: usize,
    total: usize,
    title: &str,
    work: impl FnOnce() -> Result<T, BenchError>,
) -> Result<T, BenchError> {
    eprintln!("\n[{number}/{total}] {title}");
    let started = Instant::now();
    let done = work()?;
    note(&format!("done in {}", time_text(started.elapsed())));
    Ok(done)
}

/// Prints one indented line on stderr.
pub(crate) fn note(text: &str) {
    eprintln!("      {text}");
}

/// Takes `NAME=VALUE` of an option apart.
pub(crate) fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Reads the count of an option for which none makes no sense.
pub(crate) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("write it as a number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Limit;

    #[test]
    fn what_the_rival_loses_is_shown_but_not_ours() {
        let lost = |count| {
            let mut section = Section::new("4 clients");
            section.add("lost", Figure::Count(count));
            section
        };
        let (mut one, other) = (lost(0), lost(2));
        one.beside(lost(3));
        assert_eq!(one.rows[0].rival, Some(Figure::Count(3)));
        let report = Report {
            facts: Vec::new(),
            sections: vec![one, other],
        };
        assert_eq!(report.lost(), 2);
    }

    #[test]
    fn a_limit_that_was_not_measured_is_missed() {
        let mut section = Section::new("4 clients");
        section.add("store p50", None).limit = Some(Limit::below_ms(3.0));
        section.add_fault("lost", 0);
        let report = Report {
            facts: Vec::new(),
            sections: vec![section],
        };
        assert_eq!(report.missed(), 1);
    }

    #[test]
    fn options_are_read() {
        let pair = ("A".to_owned(), "{dir}/x=y".to_owned());
        assert_eq!(variable("A={dir}/x=y"), Ok(pair));
        assert!(variable("A").is_err());
        assert_eq!(at_least_one("7"), Ok(7));
        assert!(at_least_one("0").is_err() && at_least_one("x").is_err());
    }
}
