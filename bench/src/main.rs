//! `cargo xtask bench mcp` and `bench contention`: many clients at once on the real program, beside a rival.
//!
//! A generator that is as light as it can be: the machine's cores are shared with what is measured, so it uses
//! threads and plain sockets, makes all texts before the clock starts, and says how much processor it used itself.
//! Times end when the last byte of an answer is there. Each round has a fresh store; the rival's round follows at
//! once, on the same disk, with the same texts and the same requests. A store counts only once it is proved: every
//! acknowledged text is looked up again.
//!
//! The parts, from below:
//! - `texts`, `samples`, `figures`: what is stored, what is said about times, how it is written;
//! - `process`, `machine`: children, and what they and the disk cost;
//! - `client`, `connection`, `host`, `rival`: calling tools, and the two programs that answer;
//! - `crowd`: clients that work at the same time;
//! - `round`, `scale`: what is measured, beside the limits of the design;
//! - `report`: what a run begins and ends with;
//! - `mcp`, `contention`: the two benchmarks.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what a benchmark is for"
)]

mod calls;
mod client;
mod connection;
mod contention;
mod crowd;
mod error;
mod figures;
mod host;
mod machine;
mod mcp;
mod process;
mod report;
mod rival;
mod round;
mod samples;
mod scale;
mod texts;

use std::process::ExitCode;

use clap::Parser;

/// Measures the program with many clients at once.
#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
enum Cli {
    Mcp(mcp::McpArgs),
    Contention(contention::ContentionArgs),
}

fn main() -> ExitCode {
    let ended = match Cli::parse() {
        Cli::Mcp(args) => mcp::run(&args),
        Cli::Contention(args) => contention::run(&args),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_usual_runs_are_those_of_the_design() {
        let parse = |words: &[&str]| Cli::try_parse_from(["bench"].iter().chain(words));
        let Ok(Cli::Mcp(mcp)) = parse(&["mcp"]) else {
            panic!("`mcp` was not understood")
        };
        assert_eq!(mcp.clients, [1, 4, 8]);
        assert_eq!((mcp.writes, mcp.memories), (400, 10_000));
        let Ok(Cli::Contention(contention)) = parse(&["contention"]) else {
            panic!("`contention` was not understood")
        };
        assert_eq!((contention.burst, contention.hold_seconds), (1_000, 5));
        let refused = |words: &[&str]| parse(words).err().expect("refused").to_string();
        assert!(refused(&["mcp", "--clients", "4,0"]).contains("--clients"));
        assert!(refused(&["contention", "--burst", "0"]).contains("--burst"));
        assert!(
            parse(&["mcp", "--memories", "0"]).is_ok(),
            "leaves a part out"
        );
    }
}
