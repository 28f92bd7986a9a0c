//! Loading in the background.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use commonplace_embed::{DIM, EmbedOptions, MODEL_FILES, MODEL_NAME, ModelSlot, ModelState};
use tempfile::TempDir;

use crate::files::{linked_model, model_dir, replace};

/// Only ends a test that hangs.
const LONG: Duration = Duration::from_secs(120);

const READY: ModelState = ModelState::Ready {
    name: MODEL_NAME,
    dim: DIM,
};

#[test]
fn an_empty_slot_answers_at_once() {
    let slot = ModelSlot::empty();
    assert_eq!(slot.state(), ModelState::NotLoaded);
    assert!(slot.get().is_none());
    assert!(
        slot.wait_ready(LONG).is_none(),
        "nothing is being loaded, so there is nothing to wait for"
    );
}

#[test]
fn a_load_ends_ready_and_wakes_all_who_wait() {
    let slot = ModelSlot::empty();
    slot.load_in_background(model_dir(), EmbedOptions::default());
    assert_ne!(slot.state(), ModelState::NotLoaded);
    let found: Vec<_> = thread::scope(|scope| {
        let waiting: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| slot.wait_ready(LONG)))
            .collect();
        waiting
            .into_iter()
            .map(|thread| thread.join().unwrap().expect("the model files are good"))
            .collect()
    });
    assert_eq!(slot.state(), READY);
    assert!(
        found
            .iter()
            .all(|embedder| Arc::ptr_eq(embedder, &slot.get().unwrap())),
        "all share one embedder"
    );
    found[0].embed("text").unwrap();
}

#[test]
fn a_second_call_loads_nothing_again() {
    let slot = ModelSlot::empty();
    for _ in 0..5 {
        slot.load_in_background(model_dir(), EmbedOptions::default());
    }
    let first = slot.wait_ready(LONG).unwrap();
    slot.load_in_background(model_dir(), EmbedOptions::default());
    assert_eq!(slot.state(), READY);
    assert!(Arc::ptr_eq(&first, &slot.get().unwrap()));
}

#[test]
fn missing_files_are_a_state_and_can_be_tried_again() {
    let (slot, nothing) = (ModelSlot::empty(), TempDir::new().unwrap());
    slot.load_in_background(nothing.path(), EmbedOptions::default());
    assert!(slot.wait_ready(LONG).is_none());
    let ModelState::Missing(reason) = slot.state() else {
        panic!("{:?}", slot.state())
    };
    assert!(
        reason.contains("model.safetensors") && reason.contains("is missing"),
        "{reason}"
    );
    slot.load_in_background(model_dir(), EmbedOptions::default());
    assert!(slot.wait_ready(LONG).is_some(), "{:?}", slot.state());
}

#[test]
fn files_that_arrive_later_are_noticed_and_the_same_ones_are_not_tried_again() {
    let (slot, dir) = (ModelSlot::empty(), TempDir::new().unwrap());
    let look = || slot.load_if_changed(dir.path(), EmbedOptions::default());
    look();
    assert_eq!(slot.state(), ModelState::NotLoaded, "nobody has asked yet");
    slot.load_in_background(dir.path(), EmbedOptions::default());
    assert!(slot.wait_ready(LONG).is_none());
    look();
    assert!(matches!(slot.state(), ModelState::Missing(_)));
    for file in MODEL_FILES {
        std::fs::copy(model_dir().join(file.name), dir.path().join(file.name)).unwrap();
        look();
        assert!(
            matches!(slot.state(), ModelState::Missing(_)),
            "{} has just changed: others may still be copied",
            file.name
        );
    }
    look();
    assert!(slot.wait_ready(LONG).is_some(), "{:?}", slot.state());
}

#[test]
fn damaged_files_are_a_state_with_the_reason() {
    let (slot, dir) = (ModelSlot::empty(), linked_model());
    replace(&dir, "tokenizer.json", b"{");
    slot.load_in_background(dir.path(), EmbedOptions::default());
    assert!(slot.wait_ready(LONG).is_none());
    let ModelState::Failed(reason) = slot.state() else {
        panic!("{:?}", slot.state())
    };
    assert!(
        reason.contains("tokenizer.json") && reason.contains("damaged"),
        "{reason}"
    );
}

#[test]
fn waiting_ends_with_the_time_given() {
    let slot = ModelSlot::empty();
    slot.load_in_background(model_dir(), EmbedOptions::default());
    let _ = slot.wait_ready(Duration::ZERO);
    assert!(slot.wait_ready(LONG).is_some());
}

#[test]
fn dropping_a_slot_ends_its_thread() {
    let slot = ModelSlot::empty();
    slot.load_in_background(model_dir(), EmbedOptions::default());
    drop(slot);
}
