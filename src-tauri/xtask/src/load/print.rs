//! The end of a run: what one must know to read the figures, the table, the limits, and a file for programs.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::figures::Section;
use super::host::Program;
use super::limits::Limit;
use super::{LoadArgs, LoadError, process};
use crate::commands;

/// More programs than this at work before the run disturb it.
const QUIET_LOAD: f64 = 0.5;

/// Gathers what one must know to read the figures; call it before the run, because it looks at what else is at work.
pub(crate) fn facts(args: &LoadArgs, program: &Program, dir: &Path) -> Vec<String> {
    let mut line = commands::program("cargo");
    line.arg("xtask").args(std::env::args().skip(1));
    let kind = process::file_system(dir).unwrap_or_else(|| "unknown".to_owned());
    let mut facts = vec![
        commands::line(&line),
        format!("{} cores, {}; program {}", process::cores(), std::env::consts::OS, program.path.display()),
        format!("scratch stores in {} (file system: {kind})", dir.display()),
        "The generator shares the cores with what it measures. The rival embeds before it answers, ours after."
            .to_owned(),
    ];
    if kind == "tmpfs" {
        facts.push("tmpfs is memory: nothing here says what a commit costs on a disk.".to_owned());
    }
    if let Some(load) = process::load_average().filter(|load| *load > QUIET_LOAD) {
        facts.push(format!(
            "Other programs were at work in the minute before the run (load average {load}): \
             if they still were, the figures are too bad."
        ));
    }
    if args.rival.is_some() {
        facts.push(format!(
            "Each client stores {} texts in ours and {} in the rival.",
            args.writes, args.rival_writes
        ));
    }
    if args.rival.is_some() && args.searches > 0 {
        facts.push("So the rival is searched with fewer memories.".to_owned());
    }
    facts
}

/// All that a run says in the end.
pub(crate) struct Report {
    pub(crate) facts: Vec<String>,
    pub(crate) sections: Vec<Section>,
    pub(crate) limits: Vec<Limit>,
    pub(crate) complaints: Vec<String>,
}

impl Report {
    /// Prints everything to stdout, and writes it to a file if `args` ask for one.
    ///
    /// # Errors
    /// If the file cannot be written; the table is out before.
    pub(crate) fn print(&self, args: &LoadArgs) -> Result<(), LoadError> {
        println!("\n{}", self.facts.join("\n"));
        self.sections
            .iter()
            .for_each(|section| print!("\n{}", section.text()));
        println!("\nlimits");
        self.limits
            .iter()
            .for_each(|limit| print!("{}", limit.text()));
        self.complaints
            .iter()
            .for_each(|complaint| println!("note: {complaint}"));
        let Some(path) = &args.json else {
            return Ok(());
        };
        let written = fs::write(path, format!("{:#}\n", self.json(args.seed)));
        written.map_err(|source| LoadError::File {
            path: path.clone(),
            source,
        })
    }

    fn json(&self, seed: u64) -> Value {
        json!({
            "facts": self.facts,
            "cores": process::cores(),
            "seed": seed,
            "sections": self.sections.iter().map(Section::json).collect::<Vec<Value>>(),
            "limits": self.limits.iter().map(Limit::json).collect::<Vec<Value>>(),
            "complaints": self.complaints,
        })
    }
}
