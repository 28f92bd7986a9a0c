//! The query string of a list or a search: a tag may be given several times, an unknown name is refused.

use std::str::FromStr;

use commonplace_api::Refusal;
use commonplace_engine::{Filter, TagMatch};
use serde::Deserialize;

use super::refused;

/// Names and values in the order they were given.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Given(Vec<(String, String)>);

impl Given {
    /// Takes the value of `name`; None if it was not given.
    pub(super) fn take(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        let mut values = self.take_all(name);
        if values.len() > 1 {
            return Err(Refusal::bad_request(format!(
                "`{name}` is given {} times, but may be given only once",
                values.len()
            )));
        }
        Ok(values.pop())
    }

    /// Takes all values of `name`.
    fn take_all(&mut self, name: &str) -> Vec<String> {
        self.0
            .extract_if(.., |(given, _)| given == name)
            .map(|(_, value)| value)
            .collect()
    }

    /// Takes a value that is no free text; `shape` says in words what it must be.
    pub(super) fn take_as<T: FromStr>(
        &mut self,
        name: &str,
        shape: &str,
    ) -> Result<Option<T>, Refusal> {
        let Some(value) = self.take(name)? else {
            return Ok(None);
        };
        let parsed = value.parse();
        parsed.map(Some).map_err(|_| wrong(name, &value, shape))
    }

    /// Takes a value that must be one of `choices`.
    pub(super) fn take_choice<T: Copy>(
        &mut self,
        name: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, Refusal> {
        let Some(value) = self.take(name)? else {
            return Ok(None);
        };
        let chosen = choices.iter().find(|(choice, _)| *choice == value);
        let names: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
        chosen
            .map(|(_, chosen)| Some(*chosen))
            .ok_or_else(|| wrong(name, &value, &format!("one of `{}`", names.join("`, `"))))
    }

    /// Takes all that restricts which memories are meant.
    pub(super) fn take_filter(&mut self) -> Result<Filter, Refusal> {
        let tags = self.take_all("tag");
        let matches = [("any", TagMatch::Any), ("all", TagMatch::All)];
        let tag_match = self.take_choice("tag_match", &matches)?.unwrap_or_default();
        let mut filter = Filter::default()
            .with_tags(&tags, tag_match)
            .map_err(refused)?;
        if let Some(project) = self.take("project")? {
            filter = filter.with_project(&project).map_err(refused)?;
        }
        if let Some(memory_type) = self.take("type")? {
            filter = filter.with_type(&memory_type).map_err(refused)?;
        }
        if let Some(client) = self.take("client")? {
            filter = filter.with_client(&client).map_err(refused)?;
        }
        let after = self.take_as("after", MILLISECONDS)?;
        let before = self.take_as("before", MILLISECONDS)?;
        Ok(filter.with_created(after, before))
    }

    /// Refuses what was not taken: a misspelt filter would otherwise let everything pass.
    pub(super) fn done(self) -> Result<(), Refusal> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(Refusal::bad_request(format!(
                "`{name}` is not known here; `/api/openapi.json` lists the parameters"
            ))),
        }
    }
}

const MILLISECONDS: &str = "a whole number of milliseconds since 1970";

fn wrong(name: &str, value: &str, shape: &str) -> Refusal {
    let value: String = value.chars().take(40).collect();
    Refusal::bad_request(format!("`{name}` is `{value}`, but must be {shape}"))
}
