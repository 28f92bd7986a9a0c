//! What can be asked for on the command line of `bench mcp`.

use std::path::PathBuf;

use clap::{Args, Command, FromArgMatches};

use super::LoadError;

/// Measures the program over MCP with several clients at once, beside a rival if one is given
#[derive(Args, Debug)]
pub(crate) struct LoadArgs {
    /// Numbers of clients, a round for each
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 8], value_name = "N,…")]
    pub(crate) clients: Vec<usize>,
    /// Texts that each client stores
    #[arg(long, default_value_t = 400)]
    pub(crate) writes: usize,
    /// Searches of each client
    #[arg(long, default_value_t = 200)]
    pub(crate) searches: usize,
    /// Memories of the large store; 0 leaves out that part and the starts
    #[arg(long, default_value_t = 10_000)]
    pub(crate) memories: usize,
    /// Command line of another memory server, started once for each client and spoken to over its stdin and stdout
    #[arg(long, value_name = "COMMAND")]
    pub(crate) rival: Option<String>,
    /// Variable for the rival; `{dir}` in it becomes a fresh directory. May be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable, requires = "rival")]
    pub(crate) rival_env: Vec<(String, String)>,
    /// Texts that each client stores in the rival
    #[arg(long, default_value_t = 60)]
    pub(crate) rival_writes: usize,
    /// Searches of each client in the rival
    #[arg(long, default_value_t = 25)]
    pub(crate) rival_searches: usize,
    /// Also writes all figures to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// The program [default: target/release/commonplace, built if it is missing]
    #[arg(long, value_name = "PATH")]
    pub(crate) program: Option<PathBuf>,
    /// Where the scratch stores are made, on a real disk [default: target/bench]
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
    /// Decides all texts and queries
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

impl LoadArgs {
    /// What is measured if nothing is said.
    pub(crate) fn usual() -> Self {
        let matches = Self::augment_args(Command::new("mcp")).get_matches_from(["mcp"]);
        Self::from_arg_matches(&matches).expect("the defaults are valid")
    }

    /// Refuses counts that make no sense.
    ///
    /// # Errors
    /// `Zero` with the option's name.
    pub(crate) fn check(&self) -> Result<(), LoadError> {
        let counts = [
            ("clients", self.clients.iter().copied().min().unwrap_or(0)),
            ("writes", self.writes),
            ("searches", self.searches),
            ("rival-writes", self.rival_writes),
            ("rival-searches", self.rival_searches),
        ];
        let zero = counts.into_iter().find(|(_, count)| *count == 0);
        zero.map_or(Ok(()), |(option, _)| Err(LoadError::Zero { option }))
    }
}

/// Takes `NAME=VALUE` apart.
pub(crate) fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_run_has_the_clients_of_the_design() {
        let usual = LoadArgs::usual();
        assert_eq!(usual.clients, [1, 4, 8]);
        assert_eq!((usual.writes, usual.memories), (400, 10_000));
        assert!(usual.check().is_ok());
    }

    #[test]
    fn a_count_of_zero_is_refused_by_name() {
        let args = LoadArgs {
            clients: vec![4, 0],
            ..LoadArgs::usual()
        };
        let error = args.check().expect_err("no clients store nothing");
        assert!(
            error.to_string().contains("`--clients`"),
            "unclear: {error}"
        );
        let without = LoadArgs {
            memories: 0,
            ..LoadArgs::usual()
        };
        assert!(without.check().is_ok(), "0 leaves the part out");
    }

    #[test]
    fn a_variable_has_a_name_and_a_value() {
        assert_eq!(
            variable("A={dir}/x=y"),
            Ok(("A".to_owned(), "{dir}/x=y".to_owned()))
        );
        assert!(variable("A").is_err());
    }
}
