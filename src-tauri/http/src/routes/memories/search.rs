//! `GET /api/memories/search`: searches as the tools do, and tells how each score came about.

use axum::Json;
use axum::extract::State;
use commonplace_api::memories::{self as api, SearchResults};
use commonplace_engine::{Query, SearchMode};

use super::given::Given;
use super::rows;
use crate::answers::refusal::Answer;
use crate::routes::asked::Asked;
use crate::state::App;

/// Hits in an answer, by default.
const LIMIT_DEFAULT: i64 = 50;
/// Most different words that are looked for in each hit; the first ones of a query matter most.
const WORDS_MAX: usize = 16;

const MODES: [(&str, SearchMode); 4] = [
    ("hybrid", SearchMode::Hybrid),
    ("semantic", SearchMode::Semantic),
    ("keyword", SearchMode::Keyword),
    ("exact", SearchMode::Exact),
];

pub(crate) async fn search(
    State(app): State<App>,
    Asked(mut given): Asked<Given>,
) -> Answer<Json<SearchResults>> {
    let filter = given.take_filter()?;
    let text = given.take("q")?.unwrap_or_default();
    let mode = given.take_choice("mode", &MODES)?.unwrap_or_default();
    let limit = given.take_as("limit", "a whole number")?;
    given.done()?;
    let query = Query::parse(&text, mode, filter, limit.unwrap_or(LIMIT_DEFAULT))?;
    let words = words(query.text(), mode);
    let answer = app.site.memories.search(query).await?;
    Ok(Json(SearchResults {
        mode: mode_of(mode),
        hits: answer
            .hits
            .into_iter()
            .map(|hit| rows::hit(hit, &words))
            .collect(),
        words_only: answer.words_only,
        index_backlog: answer.index_backlog,
    }))
}

fn mode_of(mode: SearchMode) -> api::SearchMode {
    match mode {
        SearchMode::Hybrid => api::SearchMode::Hybrid,
        SearchMode::Semantic => api::SearchMode::Semantic,
        SearchMode::Keyword => api::SearchMode::Keyword,
        SearchMode::Exact => api::SearchMode::Exact,
    }
}

/// What is looked for in a text to show the part of it that fits: the first words of some length, or the whole query.
fn words(text: &str, mode: SearchMode) -> Vec<String> {
    if mode == SearchMode::Exact {
        return vec![text.to_ascii_lowercase()];
    }
    let mut words: Vec<String> = Vec::new();
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        let word = word.to_ascii_lowercase();
        if word.len() > 3 && !words.contains(&word) {
            words.push(word);
        }
        if words.len() == WORDS_MAX {
            break;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::memories::rows::first_place;

    #[test]
    fn the_part_that_fits_is_found_by_a_long_word_or_by_the_whole_question() {
        let text = "Ünder the Lock, in a Box";
        let place = |question: &str, mode| first_place(text, &words(question, mode));
        assert_eq!(
            place("the lock", SearchMode::Hybrid),
            text.find("Lock").unwrap()
        );
        assert_eq!(place("the", SearchMode::Exact), text.find("the").unwrap());
        assert_eq!(
            place("the", SearchMode::Keyword),
            0,
            "too short to be telling"
        );
        assert_eq!(place("nothing", SearchMode::Hybrid), 0);
    }

    /// A pasted page as the question had every hit searched for each of its hundreds of words.
    #[test]
    fn only_so_many_different_words_are_looked_for() {
        let question =
            "same ".repeat(100) + &(1000..2000).map(|n| format!("{n} ")).collect::<String>();
        let words = words(&question, SearchMode::Hybrid);
        assert_eq!(words.len(), WORDS_MAX);
        assert_eq!(words[..3], ["same", "1000", "1001"]);
    }
}
