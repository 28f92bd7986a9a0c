//! What can be asked for on the command line of `bench contention`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Command, FromArgMatches};

use crate::load::options::{LoadArgs, variable};

/// Measures several instances on one store, and a lock that somebody else holds; fails if a limit is missed
#[derive(Args, Debug)]
pub(crate) struct ContentionArgs {
    /// How long eight instances with four clients each store
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Texts that each client of one host stores
    #[arg(long, default_value_t = 400, value_parser = at_least_one)]
    writes: usize,
    /// Writes that are sent at once while another instance holds the lock
    #[arg(long, default_value_t = 1_000, value_parser = at_least_one)]
    pub(super) burst: usize,
    /// How long that instance holds it
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=20))]
    hold_seconds: u64,
    /// Command line of another memory server with tools named as ours, started once for each of 1, 4 and 8 clients and
    /// spoken to over its stdin and stdout
    #[arg(long, value_name = "COMMAND")]
    rival_python: Option<String>,
    /// Command line of a memory server that keeps a graph in a file of JSON lines, started four times on one file
    #[arg(long, value_name = "COMMAND")]
    pub(super) rival_jsonl: Option<String>,
    /// Variable for both; `{dir}` in it becomes a fresh directory. May be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    pub(super) rival_env: Vec<(String, String)>,
    /// Texts that each client stores in a rival
    #[arg(long, default_value_t = 100, value_parser = at_least_one)]
    rival_writes: usize,
    /// Without the model: nothing but the clients' own writes
    #[arg(long)]
    pub(super) words_only: bool,
    /// Also writes all figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The program [default: target/release/commonplace, built if it is missing]
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    /// Where the scratch stores are made, on a real disk [default: target/bench]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Decides all texts
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl ContentionArgs {
    /// What is measured if nothing is said.
    pub(crate) fn usual() -> Self {
        let matches =
            Self::augment_args(Command::new("contention")).get_matches_from(["contention"]);
        Self::from_arg_matches(&matches).expect("the defaults are valid")
    }

    /// The part that is measured as `bench mcp` does: one host with 1, 4 and 8 clients.
    pub(super) fn of_one_host(&self) -> LoadArgs {
        LoadArgs {
            writes: self.writes,
            searches: 0,
            memories: 0,
            rival: self.rival_python.clone(),
            rival_env: self.rival_env.clone(),
            rival_writes: self.rival_writes,
            rival_searches: 0,
            json: self.json.clone(),
            program: self.program.clone(),
            dir: self.dir.clone(),
            seed: self.seed,
            ..LoadArgs::usual()
        }
    }

    pub(super) fn span(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    pub(super) fn hold(&self) -> Duration {
        Duration::from_secs(self.hold_seconds)
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("write it as a number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_run_has_the_burst_of_the_design() {
        let usual = ContentionArgs::usual();
        assert_eq!((usual.burst, usual.hold()), (1_000, Duration::from_secs(5)));
        assert_eq!(usual.of_one_host().clients, [1, 4, 8]);
        assert!(at_least_one("0").is_err() && at_least_one("x").is_err());
    }
}
