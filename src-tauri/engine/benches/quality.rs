//! How well the right memories are found, for several ways to fuse words and meaning.
//!
//! Data stays outside the project. Give one or more pairs of files:
//!
//! ```text
//! cargo xtask bench quality -- MEMORIES.jsonl QUESTIONS.jsonl
//! ```
//!
//! Memories: one JSON object a line with `id`, `content`, and `tags`. Questions: `query`, and `relevant`, a list of objects with
//! `corpus_item_id`. Recall@k is the mean share of the right memories among the first k; MRR the mean of 1 / place of the
//! first right one.
#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use commonplace_embed::{EmbedOptions, Embedder, chunks};
use commonplace_lock::{Purpose, Wait};
use commonplace_store::{
    Backend, Filter, Fusion, IndexedMemory, MemoryDraft, NewMemory, Query, SearchMode, SqliteStore,
    Stamp, WriteOp, WriteOutcome,
};
use commonplace_testing::{locks, purpose};
use serde_json::Value;

type Failure = Box<dyn std::error::Error>;

struct Question {
    text: String,
    right: BTreeSet<String>,
    vector: Vec<f32>,
}

fn main() -> Result<(), Failure> {
    let files: Vec<PathBuf> = std::env::args_os()
        .skip(1)
        .filter(|a| a != "--bench")
        .map(PathBuf::from)
        .collect();
    if files.is_empty() || !files.len().is_multiple_of(2) {
        println!(
            "quality: give pairs of files, MEMORIES.jsonl QUESTIONS.jsonl; nothing was measured"
        );
        return Ok(());
    }
    let embedder = Embedder::load(&model_dir(), EmbedOptions::default())?;
    for pair in files.chunks(2) {
        measure(&embedder, &pair[0], &pair[1])?;
    }
    Ok(())
}

fn model_dir() -> PathBuf {
    std::env::var_os("COMMONPLACE_MODEL_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/models/all-MiniLM-L6-v2"),
        PathBuf::from,
    )
}

fn read_lines(path: &Path) -> Result<Vec<Value>, Failure> {
    let text = std::fs::read_to_string(path)?;
    Ok(text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?)
}

fn measure(embedder: &Embedder, memories: &Path, questions: &Path) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let (hash_to_id, count) = fill(folder.path(), embedder, &read_lines(memories)?)?;
    let questions = read_questions(embedder, questions)?;
    println!(
        "\n{} memories, {} questions ({})",
        count,
        questions.len(),
        memories.display()
    );
    println!(
        "{:<34} {:>7} {:>7} {:>7} {:>7}",
        "", "R@1", "R@5", "R@10", "MRR"
    );
    for (name, mode, fusion) in ways() {
        let locks = locks(&folder.path().join("locks"));
        let store = SqliteStore::open(folder.path(), &locks, 0)?.with_fusion(fusion);
        let score = score(&store, &hash_to_id, &questions, mode)?;
        println!(
            "{name:<34} {:>7.3} {:>7.3} {:>7.3} {:>7.3}",
            score[0], score[1], score[2], score[3]
        );
    }
    Ok(())
}

fn ways() -> Vec<(String, SearchMode, Fusion)> {
    let plain = Fusion::default();
    let mut ways = vec![
        ("words only".to_owned(), SearchMode::Keyword, plain),
        ("meaning only".to_owned(), SearchMode::Semantic, plain),
    ];
    for k in [1.0, 3.0, 5.0, 10.0, 20.0, 60.0] {
        for (words, meaning) in [(1.0, 0.5), (1.0, 0.7), (1.0, 1.0), (0.7, 1.0)] {
            let name = format!("fused k = {k}, words {words}, meaning {meaning}");
            ways.push((name, SearchMode::Hybrid, Fusion { k, words, meaning }));
        }
    }
    ways
}

/// Stores and indexes all memories; returns which hash belongs to which id of the data.
fn fill(
    dir: &Path,
    embedder: &Embedder,
    memories: &[Value],
) -> Result<(BTreeMap<String, String>, usize), Failure> {
    let locks = locks(&dir.join("locks"));
    let store = SqliteStore::open(dir, &locks, 0)?;
    let purpose = Purpose {
        requests: memories.len(),
        ..purpose("quality")
    };
    let lock = locks.acquire_write(&purpose, Wait::up_to(std::time::Duration::from_secs(5)))?;
    let mut writer = store.begin_write(&lock)?;
    let mut hash_to_id = BTreeMap::new();
    for memory in memories {
        let text = memory["content"]
            .as_str()
            .ok_or("a memory has no content")?;
        let tags = memory["tags"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|tag| tag.as_str().map(str::to_owned))
            .collect();
        let draft = MemoryDraft {
            text: text.to_owned(),
            tags,
            ..MemoryDraft::default()
        };
        let stored =
            writer.apply(&WriteOp::Store(NewMemory::parse(draft)?), &Stamp::default())??;
        let WriteOutcome::Stored { id, content_hash } = stored.outcome else {
            continue;
        };
        let mut vectors = Vec::new();
        for range in chunks(text) {
            vectors.push(embedder.embed(&text[range])?.vector.to_le_bytes());
        }
        hash_to_id.insert(
            content_hash.to_string(),
            memory["id"].as_str().unwrap_or_default().to_owned(),
        );
        let indexed = IndexedMemory {
            id,
            content_hash,
            vectors,
            was_cut: false,
        };
        writer.apply(&WriteOp::PutVectors(vec![indexed]), &Stamp::default())??;
    }
    writer.commit()?;
    let count = hash_to_id.len();
    Ok((hash_to_id, count))
}

fn read_questions(embedder: &Embedder, path: &Path) -> Result<Vec<Question>, Failure> {
    let mut questions = Vec::new();
    for line in read_lines(path)? {
        let text = line["query"]
            .as_str()
            .ok_or("a question has no query")?
            .to_owned();
        let right = line["relevant"].as_array().into_iter().flatten();
        let right = right
            .filter_map(|item| item["corpus_item_id"].as_str().map(str::to_owned))
            .collect();
        let vector = embedder.embed(&text)?.vector.as_slice().to_vec();
        questions.push(Question {
            text,
            right,
            vector,
        });
    }
    Ok(questions)
}

/// Returns recall at 1, 5 and 10, and the mean reciprocal rank.
fn score(
    store: &SqliteStore,
    hash_to_id: &BTreeMap<String, String>,
    questions: &[Question],
    mode: SearchMode,
) -> Result<[f64; 4], Failure> {
    let mut sums = [0.0; 4];
    for question in questions {
        let query = Query::parse(&question.text, mode, Filter::default(), 10)?;
        let hits = store.reader()?.search(&query, Some(&question.vector))?;
        let found: Vec<&String> = hits
            .iter()
            .filter_map(|hit| hash_to_id.get(hit.memory.content_hash.as_str()))
            .collect();
        for (sum, k) in sums.iter_mut().zip([1, 5, 10]) {
            let right = found
                .iter()
                .take(k)
                .filter(|id| question.right.contains(**id))
                .count();
            *sum += right as f64 / question.right.len().min(k).max(1) as f64;
        }
        let place = found.iter().position(|id| question.right.contains(*id));
        sums[3] += place.map_or(0.0, |place| 1.0 / (place + 1) as f64);
    }
    Ok(sums.map(|sum| sum / questions.len() as f64))
}
