//! Memories named by a hash: whose is meant, and what the answer says about them.

use commonplace_engine::clean::clean_line;
use commonplace_engine::{ContentHash, Engine, Mention, Refusal, RequestError, Whose};
use serde_json::{Value, json};

use super::failure;
use super::tool::Context;
use crate::answer::{Answer, iso};
use crate::arguments::Parsed;

/// A hash as an argument.
pub(super) const HASH: Parsed<ContentHash> = Parsed {
    wanted: "the hash of a memory",
    parse: ContentHash::parse,
};

/// Hashes that hit nothing and are looked for elsewhere.
const MISSED_SHOWN: usize = 3;

/// Tells whose memory a hash means, from the argument `project`. Without it the own project comes first; empty stands
/// for none.
pub(super) fn whose(project: Option<String>, context: &Context) -> Whose {
    match project {
        None => Whose::FirstOf(own(context)),
        Some(project) if project.is_empty() => Whose::FirstOf(project),
        Some(project) => Whose::Of(project),
    }
}

/// The project that a client stores into without saying so.
fn own(context: &Context) -> String {
    context.origin.project.clone().unwrap_or_default()
}

/// Says what was hit, `did` being a word such as `deleted`; a project that is not the client's own stands out.
pub(super) fn hit(did: &str, mentions: &[Mention], context: &Context) -> Option<String> {
    let own = own(context);
    let named = mentions.iter().map(|mention| {
        let is_foreign = mention.project != own;
        let foreign = if is_foreign {
            ", not the one you work in"
        } else {
            ""
        };
        format!("{}{foreign}", described(mention))
    });
    let named = named.collect::<Vec<_>>().join("; ");
    (!named.is_empty()).then(|| format!("{did}: {named}"))
}

/// The same for programs.
pub(super) fn facts(mentions: &[Mention]) -> Value {
    let fact = |mention: &Mention| {
        json!({
            "content_hash": mention.content_hash,
            "project": clean_line(&mention.project),
            "starts_with": clean_line(&mention.start),
            "created_at": iso(mention.created_ms),
            "deleted_at": mention.deleted_ms.map(iso),
        })
    };
    mentions.iter().map(fact).collect()
}

/// `"first words" (project `x`, stored 2025-01-26T10:30:45Z)`
fn described(mention: &Mention) -> String {
    let start = clean_line(&mention.start);
    let project = match mention.project.as_str() {
        "" => "no project".to_owned(),
        project => format!("project `{}`", clean_line(project)),
    };
    format!(
        "\"{start}\" ({project}, stored {})",
        iso(mention.created_ms)
    )
}

/// Answers an act that was not done; one that is not clear is told with what may be meant.
pub(super) fn failed(doing: &str, error: &RequestError) -> Answer {
    let RequestError::Refused(refusal) = error else {
        return failure(doing, error);
    };
    match refusal {
        Refusal::Ambiguous { hash, candidates } => ambiguous(hash, candidates),
        Refusal::SeveralBegin { start, candidates } => several(start, candidates),
        _ => failure(doing, error),
    }
}

/// Lists the memories whose hashes begin with the same digits.
pub(super) fn several(start: &ContentHash, candidates: &[Mention]) -> Answer {
    let mut text = format!(
        "Error: {} memories have a hash that begins with {start}, and nothing was done. Give more digits, or the whole hash:",
        candidates.len()
    );
    for candidate in candidates {
        let hash = &candidate.content_hash;
        text.push_str(&format!("\nhash: {hash} for {}", described(candidate)));
    }
    Answer::error(text, "ambiguous").with_facts(json!({ "candidates": facts(candidates) }))
}

fn ambiguous(hash: &ContentHash, candidates: &[Mention]) -> Answer {
    let mut text = format!(
        "Error: Hash {hash} stands for a memory in each of {} projects, and nothing was done. Say which with `project`:",
        candidates.len()
    );
    for candidate in candidates {
        let project = json!(clean_line(&candidate.project));
        text.push_str(&format!(
            "\nproject: {project} for {}",
            described(candidate)
        ));
    }
    Answer::error(text, "ambiguous").with_facts(json!({ "candidates": facts(candidates) }))
}

/// Says for the first hashes that hit nothing what may have been meant.
pub(super) async fn missed(engine: &Engine, missed: &[&ContentHash]) -> Vec<String> {
    let mut notes = Vec::new();
    for hash in missed.iter().take(MISSED_SHOWN) {
        let candidates = engine.candidates((*hash).clone()).await;
        notes.extend(candidates.ok().and_then(|found| meant(hash, &found)));
    }
    if missed.len() > MISSED_SHOWN {
        notes.push(format!("{} of the hashes matched nothing", missed.len()));
    }
    notes
}

fn meant(hash: &ContentHash, candidates: &[Mention]) -> Option<String> {
    let is_whole = candidates.first()?.content_hash == *hash;
    let named: Vec<String> = candidates
        .iter()
        .map(|candidate| match (is_whole, candidate.deleted_ms) {
            (true, Some(deleted_ms)) => {
                format!("{}, deleted {}", described(candidate), iso(deleted_ms))
            }
            (true, None) => described(candidate),
            (false, _) => format!("{} for {}", candidate.content_hash, described(candidate)),
        })
        .collect();
    let named = named.join("; ");
    Some(match is_whole {
        true => format!(
            "hash {hash} matched nothing here but is known: {named}; give its `project` if you mean that one"
        ),
        false => format!(
            "{hash} is only the beginning of a hash, and too short to act on; nothing was done with it: give the whole hash, {named}"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::tests::{context, memory};

    #[test]
    fn the_own_project_comes_first_unless_another_is_named() {
        let read = |given: Option<&str>| whose(given.map(str::to_owned), &context());
        assert_eq!(read(None), Whose::FirstOf("notebook".to_owned()));
        assert_eq!(read(Some("b")), Whose::Of("b".to_owned()));
        assert_eq!(read(Some("")), Whose::FirstOf(String::new()));
    }

    #[test]
    fn what_is_hit_elsewhere_stands_out_and_nothing_repaints_the_answer() {
        let own = Mention::of(&memory("a \u{202e}fact", &[]));
        let mut other = own.clone();
        other.project = String::new();
        assert_eq!(
            hit("deleted", &[own, other], &context()).unwrap(),
            "deleted: \"a fact\" (project `notebook`, stored 2025-01-26T10:30:45Z); \"a fact\" (no project, stored \
             2025-01-26T10:30:45Z), not the one you work in"
        );
        assert_eq!(hit("deleted", &[], &context()), None);
    }
}
