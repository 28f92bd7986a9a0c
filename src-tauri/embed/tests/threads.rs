//! Many threads, one embedder.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use commonplace_embed::{EmbedOptions, Embedded, Embedder, lower_this_thread_priority};

use crate::files::{embedder, model_dir};

#[test]
fn many_threads_get_the_right_vectors_at_the_same_time() {
    const THREADS: usize = 12;
    let texts: Vec<String> = (0..THREADS)
        .map(|i| format!("thread {i} asks about {}", "many things ".repeat(i)))
        .collect();
    let alone: Vec<_> = texts
        .iter()
        .map(|text| embedder().embed(text).unwrap())
        .collect();
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for (index, (text, expected)) in texts.iter().zip(&alone).enumerate() {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                for _ in 0..5 {
                    let found = match index % 3 {
                        0 => embedder().embed(text).unwrap(),
                        1 => embedder().embed_query(text).unwrap(),
                        _ => embedder()
                            .embed_batch(&[text.as_str(); 3])
                            .unwrap()
                            .pop()
                            .unwrap(),
                    };
                    let cosine = found.vector.dot(&expected.vector);
                    assert!(
                        cosine > 0.99999,
                        "thread {index}: cosine {cosine} with the vector made alone"
                    );
                }
            });
        }
    });
}

#[test]
fn the_same_query_again_comes_from_the_cache() {
    let embedder = Embedder::load(
        &model_dir(),
        EmbedOptions {
            query_cache_entries: 2,
            ..Default::default()
        },
    )
    .unwrap();
    let ask = |text: &str| embedder.embed_query(text).unwrap();
    let fastest = |ask: &dyn Fn() -> Embedded| {
        let times = (0..10).map(|_| {
            let start = Instant::now();
            ask();
            start.elapsed()
        });
        times.min().unwrap()
    };
    let long = "a query with many words ".repeat(40);
    let first = ask(&long);
    assert_eq!(first, ask(&long));
    assert_eq!(first, embedder.embed(&long).unwrap());
    let (cached, fresh) = (
        fastest(&|| ask(&long)),
        fastest(&|| embedder.embed(&long).unwrap()),
    );
    assert!(
        cached * 10 < fresh,
        "from the cache in {cached:?}, fresh in {fresh:?}"
    );
    ask("one");
    ask("two");
    assert_eq!(
        first,
        ask(&long),
        "and it is the same when it was forgotten"
    );
}

#[test]
fn any_number_of_threads_is_accepted() {
    for threads in [0, 1, 3, 1000] {
        let options = EmbedOptions {
            threads,
            ..Default::default()
        };
        let found = Embedder::load(&model_dir(), options)
            .unwrap()
            .embed("text")
            .unwrap();
        let cosine = found.vector.dot(&embedder().embed("text").unwrap().vector);
        assert!(cosine > 0.99999, "{threads} threads: {cosine}");
    }
}

#[test]
fn lowering_the_priority_leaves_a_thread_working() {
    let sum = thread::spawn(|| {
        lower_this_thread_priority();
        (1..=10).sum::<u32>()
    });
    assert_eq!(sum.join().unwrap(), 55);
}
