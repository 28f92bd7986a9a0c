//! What the page does with memories: looking through them, and changing them by their ids.

use commonplace_engine::{
    Browse, Changes, Edit, Engine, Filter, IdAct, Ids, MemoryId, Missed, Refusal, RequestError,
    WriteOp, WriteOutcome,
};

use crate::support::{self, opened, origin, store};

async fn write(engine: &Engine, op: WriteOp) -> Result<WriteOutcome, RequestError> {
    let written = support::write(engine, op).await?;
    Ok(written.applied.outcome)
}

async fn stored(engine: &Engine, text: &str) -> MemoryId {
    match write(engine, store(text)).await {
        Ok(WriteOutcome::Stored { id, .. }) => id,
        other => panic!("{other:?}"),
    }
}

fn by_ids(act: IdAct, ids: &[MemoryId]) -> WriteOp {
    WriteOp::ByIds(act, Ids::parse(ids.to_vec()).unwrap())
}

#[tokio::test]
async fn pages_counts_and_records_are_read_beside_the_writes() {
    let (_dir, engine) = opened();
    let id = stored(&engine, "one").await;
    stored(&engine, "two").await;
    let browse = Browse::parse(Filter::default(), false, None, 1).unwrap();
    let page = engine.browse(&origin(), browse).await.unwrap();
    assert_eq!((page.memories.len(), page.total), (1, Some(2)));
    let facets = engine.facets(&origin(), false, 5).await.unwrap();
    assert_eq!(facets.clients.top[0].name, "test-client");
    let record = engine.record(&origin(), id).await.unwrap().unwrap();
    assert_eq!(record.memory.text, "one");
    assert!(
        engine
            .record(&origin(), MemoryId(99))
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn changes_by_id_are_counted_under_the_names_of_what_they_do() {
    let (_dir, engine) = opened();
    let id = stored(&engine, "one").await;
    let changes = Changes::default().with_text("changed").unwrap();
    let edit = |seen_ms| {
        WriteOp::Edit(Edit {
            id,
            seen_ms,
            changes: changes.clone(),
        })
    };
    let refused = write(&engine, edit(Some(5))).await;
    assert!(matches!(
        refused,
        Err(RequestError::Refused(Refusal::Changed { .. }))
    ));
    write(&engine, edit(None)).await.unwrap();
    for act in [IdAct::Delete, IdAct::Undelete, IdAct::Delete, IdAct::Purge] {
        let outcome = write(&engine, by_ids(act, &[id, MemoryId(99)])).await;
        let expected = WriteOutcome::ByIds {
            act,
            done: [id].into(),
            missed: [(MemoryId(99), Missed::NotFound)].into(),
            part: None,
        };
        assert_eq!(outcome.unwrap(), expected);
    }
    let kinds = engine.stats().by_kind;
    let done = |kind: &str| kinds.iter().find(|row| row.kind == kind).unwrap().done;
    let counts = ["update", "delete", "undelete", "purge"].map(done);
    assert_eq!(counts, [1, 2, 1, 1]);
}
