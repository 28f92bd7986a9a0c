//! Says of an answer that is empty because of its project what the other projects have: a model that names a project by
//! half its name must not take "nothing here" for "nothing at all".

use std::collections::BTreeMap;

use commonplace_engine::clean::clean_line;
use commonplace_engine::{Engine, Filter, ListQuery, Memory, Origin, Query};

/// Projects that are named.
const NAMES_MAX: usize = 5;
/// Memories that are looked at to find their names.
const LOOKED_AT: i64 = 100;

/// The project that restricts a call, and the other restrictions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scope {
    /// The project.
    pub(crate) project: String,
    /// The filter without it.
    pub(crate) elsewhere: Filter,
}

impl Scope {
    /// Looks for `query` in all projects; None if that cannot be done now, for the answer is right without it.
    pub(crate) async fn of_search(
        &self,
        engine: &Engine,
        origin: &Origin,
        query: &Query,
    ) -> Option<String> {
        let (text, mode) = (query.text(), query.mode());
        let everywhere = Query::parse(text, mode, self.elsewhere.clone(), LOOKED_AT).ok()?;
        let found = engine.search(origin, everywhere).await.ok()?;
        let memories: Vec<&Memory> = found.hits.iter().map(|hit| &hit.memory).collect();
        Some(self.note(&memories, memories.len() as u64))
    }

    /// Counts the memories of all projects, of the living or the deleted ones; None as above.
    pub(crate) async fn of_list(
        &self,
        engine: &Engine,
        origin: &Origin,
        is_deleted: bool,
    ) -> Option<String> {
        let filter = self.elsewhere.clone();
        let query = ListQuery::parse(filter, 1, LOOKED_AT, is_deleted).ok()?;
        let found = engine.list(origin, query).await.ok()?;
        let memories: Vec<&Memory> = found.memories.iter().collect();
        Some(self.note(&memories, found.total))
    }

    fn note(&self, found: &[&Memory], total: u64) -> String {
        let here = clean_line(&self.project);
        if found.is_empty() {
            return format!("nothing in project `{here}`, nor in any other");
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for memory in found {
            *counts.entry(&memory.project).or_default() += 1;
        }
        let mut names: Vec<(&str, usize)> = counts.into_iter().collect();
        let is_meant = |name: &str| self.may_mean(name);
        names.sort_by_key(|(name, count)| (!is_meant(name), usize::MAX - count));
        let others = names.len().saturating_sub(NAMES_MAX);
        let mut named: Vec<String> = names.iter().take(NAMES_MAX).map(counted).collect();
        if others > 0 {
            named.push(format!("and {others} more"));
        }
        format!(
            "nothing in project `{here}`; {total} in other projects: {}. Give one of these names as `project`, or leave `project` \
             out to look in all",
            named.join(", ")
        )
    }

    /// Says whether the project may have been meant by half its name: the last part of a path.
    fn may_mean(&self, name: &str) -> bool {
        let last = |name: &str| {
            let last = name.rsplit(['/', '\\']).find(|part| !part.is_empty());
            last.unwrap_or_default().to_lowercase()
        };
        !name.is_empty() && last(name) == last(&self.project)
    }
}

fn counted((name, count): &(&str, usize)) -> String {
    match *name {
        "" => format!("no project ({count})"),
        name => format!("`{}` ({count})", clean_line(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_may_be_meant_by_the_last_part_of_its_path() {
        let may_mean = |said: &str, name: &str| {
            let scope = Scope {
                project: said.to_owned(),
                elsewhere: Filter::default(),
            };
            scope.may_mean(name)
        };
        assert!(may_mean("api", "/home/me/API"));
        assert!(may_mean("API/", r"C:\work\api"));
        assert!(may_mean("/old/place/api", "/home/me/api"));
        assert!(!may_mean("api", "/home/me/api-fix") && !may_mean("api", ""));
    }
}
