//! The model as requests see it: a vector for a query, or the reason why there is none.

use std::path::Path;

use commonplace_api::status::ModelStatus;
use commonplace_embed::{EmbedOptions, Embedder, LoadError, ModelSlot, ModelState};
use commonplace_store::Query;

/// Reads the files of the model and compares their sums. Blocks for about half a second.
///
/// # Errors
/// [`LoadError`] says which file is missing or damaged.
pub fn check_model(dir: &Path) -> Result<(), LoadError> {
    Embedder::load(
        dir,
        EmbedOptions {
            verify: true,
            ..EmbedOptions::default()
        },
    )
    .map(drop)
}

/// Embeds a query if its mode asks for meaning. Returns the vector, or why meaning is left out.
pub(crate) fn query_vector(model: &ModelSlot, query: &Query) -> (Option<Vec<f32>>, Option<String>) {
    if !query.needs_vector() {
        return (None, None);
    }
    let Some(embedder) = model.get() else {
        return (None, Some(why_words_only(model)));
    };
    match embedder.embed_query(query.text()) {
        Ok(embedded) => (Some(embedded.vector.as_slice().to_vec()), None),
        Err(error) => (None, Some(error.to_string())),
    }
}

fn why_words_only(model: &ModelSlot) -> String {
    match model_status(model) {
        (_, Some(reason)) => reason,
        (ModelStatus::Loading, None) => "the model is still being loaded".to_owned(),
        (_, None) => "the model is not loaded".to_owned(),
    }
}

/// Returns the state of the model, and why it cannot be used if it cannot.
pub(crate) fn model_status(model: &ModelSlot) -> (ModelStatus, Option<String>) {
    match model.state() {
        ModelState::NotLoaded | ModelState::Loading => (ModelStatus::Loading, None),
        ModelState::Ready { .. } => (ModelStatus::Ready, None),
        ModelState::Missing(reason) => (ModelStatus::Missing, Some(reason)),
        ModelState::Failed(reason) => (ModelStatus::Failed, Some(reason)),
    }
}
