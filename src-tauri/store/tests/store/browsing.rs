//! Lists in parts, counts to filter by, one memory with its history, and changes by id.

use commonplace_store::{
    Backend, Browse, Changes, Cursor, Edit, Facets, Filter, IDS_MAX, IdAct, Ids, MemoryDraft,
    MemoryId, Missed, NewMemory, Page, QueryError, Record, Refusal, SearchMode, TagMatch, WriteOp,
    WriteOutcome,
};

use crate::audit;
use crate::support::{Chance, TestStore, at, draft, in_project, strings, tagged};

impl TestStore {
    fn page(&self, filter: Filter, deleted: bool, after: Option<Cursor>, limit: i64) -> Page {
        let browse = Browse::parse(filter, deleted, after, limit).unwrap();
        self.store.reader().unwrap().browse(&browse).unwrap()
    }

    /// Walks through a whole list in parts of `limit`.
    fn walked(&self, filter: &Filter, deleted: bool, limit: i64) -> Vec<MemoryId> {
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let page = self.page(filter.clone(), deleted, after, limit);
            assert_eq!(page.total.is_some(), after.is_none(), "counted once");
            ids.extend(page.memories.iter().map(|memory| memory.id));
            assert!(ids.len() < 50, "the list does not come to its end");
            after = page.next;
            if after.is_none() {
                return ids;
            }
        }
    }

    fn facets(&self, top: usize) -> Facets {
        self.store.reader().unwrap().facets(false, top).unwrap()
    }

    fn record(&self, id: MemoryId) -> Option<Record> {
        self.store.reader().unwrap().record(id).unwrap()
    }

    fn by_ids(&self, act: IdAct, ids: &[MemoryId], now_ms: i64) -> Vec<(MemoryId, Missed)> {
        let op = WriteOp::ByIds(act, Ids::parse(ids.to_vec()).unwrap());
        let WriteOutcome::ByIds { done, missed, .. } = self.done(&op, now_ms) else {
            panic!("another outcome");
        };
        assert_eq!(done.len() + missed.len(), ids.len());
        missed.into_vec()
    }

    fn edit(&self, id: MemoryId, seen_ms: Option<i64>, changes: Changes) -> Result<i64, Refusal> {
        let edit = Edit {
            id,
            seen_ms,
            changes,
        };
        self.apply(&WriteOp::Edit(edit), &at(50))?;
        Ok(self.record(id).unwrap().memory.updated_ms)
    }
}

fn text(text: &str) -> Changes {
    Changes::default().with_text(text).unwrap()
}

#[test]
fn a_list_in_parts_has_every_memory_once_also_where_times_are_the_same() {
    let store = TestStore::new();
    let times = [5, 5, 5, 3, 9, 9, 1];
    let ids: Vec<MemoryId> = (0..)
        .zip(times)
        .map(|(n, time)| store.stored_at(tagged(&format!("m {n}"), &["t"]), time))
        .collect();
    let newest_first = [5, 4, 2, 1, 0, 3, 6].map(|n: usize| ids[n]);
    let tagged = Filter::default()
        .with_tags(&strings(&["t"]), TagMatch::Any)
        .unwrap();
    for limit in 1..=8 {
        for filter in [Filter::default(), tagged.clone()] {
            assert_eq!(store.walked(&filter, false, limit), newest_first);
        }
    }
    assert_eq!(store.page(Filter::default(), false, None, 2).total, Some(7));
}

#[test]
fn what_comes_and_goes_while_a_list_is_read_neither_hides_nor_repeats_the_rest() {
    let store = TestStore::new();
    let ids: Vec<MemoryId> = (1..=4)
        .map(|n| store.stored_at(tagged(&format!("m {n}"), &[]), n))
        .collect();
    let first = store.page(Filter::default(), false, None, 2);
    store.stored_at(tagged("newer", &[]), 9);
    store.by_ids(IdAct::Delete, &[ids[2]], 10);
    let rest = store.page(Filter::default(), false, first.next, 2);
    let rest: Vec<MemoryId> = rest.memories.iter().map(|memory| memory.id).collect();
    assert_eq!(rest, [ids[1], ids[0]]);
}

#[test]
fn deleted_memories_are_listed_in_the_order_they_were_deleted() {
    let store = TestStore::new();
    let ids: Vec<MemoryId> = (1..=3)
        .map(|n| store.stored_at(tagged(&format!("m {n}"), &[]), n))
        .collect();
    store.by_ids(IdAct::Delete, &[ids[2]], 10);
    store.by_ids(IdAct::Delete, &[ids[0], ids[1]], 11);
    for limit in 1..=4 {
        assert_eq!(
            store.walked(&Filter::default(), true, limit),
            [ids[1], ids[0], ids[2]]
        );
    }
    assert!(store.walked(&Filter::default(), false, 10).is_empty());
}

#[test]
fn the_bin_is_looked_through_by_words_and_by_every_filter() {
    let store = TestStore::new();
    let new = |text: &str, tag: &str, project: &str, client: &str, time| {
        let mut draft = draft(text);
        draft.tags = strings(&[tag]);
        draft.project = project.to_owned();
        draft.provenance.client = client.to_owned();
        store.stored_at(NewMemory::parse(draft).unwrap(), time)
    };
    let ids = [
        new("The Lock of a\tstore", "a", "p", "claude", 1),
        new("a lock_file, 100% of it", "b", "p", "cursor", 2),
        new("unlocking", "b", "q", "claude", 3),
        new("something else", "a", "q", "claude", 4),
        new("a lock that lives", "a", "p", "claude", 5),
    ];
    store.by_ids(IdAct::Delete, &ids[..4], 10);
    let open = Filter::default;
    let tag = open().with_tags(&strings(&["b"]), TagMatch::Any).unwrap();
    let cases: [(Filter, &[usize]); 13] = [
        (open().with_contained(" "), &[3, 2, 1, 0]),
        (open().with_contained("lock"), &[2, 1, 0]),
        (open().with_contained(" store\n lock "), &[0]),
        (open().with_contained("LOCK of"), &[1, 0]),
        (open().with_contained("k_f"), &[1]),
        (open().with_contained("%"), &[1]),
        (open().with_contained("\\"), &[]),
        (open().with_contained("lives"), &[]),
        (tag.with_contained("lock"), &[2, 1]),
        (open().with_project("p").unwrap(), &[1, 0]),
        (
            open().with_client("claude").unwrap().with_contained("lock"),
            &[2, 0],
        ),
        (open().with_created(Some(2), Some(4)), &[2, 1]),
        (
            open().with_created(Some(2), None).with_contained("lock"),
            &[2, 1],
        ),
    ];
    for (filter, expected) in cases {
        let expected: Vec<MemoryId> = expected.iter().map(|n| ids[*n]).collect();
        for limit in 1..=4 {
            assert_eq!(store.walked(&filter, true, limit), expected, "{filter:?}");
        }
        let total = store.page(filter.clone(), true, None, 1).total;
        assert_eq!(total, Some(expected.len() as u64), "{filter:?}");
    }
    let living = open().with_contained("LIVES lock");
    assert_eq!(store.walked(&living, false, 2), [ids[4]]);
    let many = "lock ".repeat(20_000);
    assert_eq!(
        store.walked(&open().with_contained(&many), true, 9).len(),
        3
    );
}

#[test]
fn what_the_bin_can_be_filtered_by_is_counted_apart() {
    let store = TestStore::new();
    let gone = store.stored_at(tagged("gone", &["a", "b"]), 1);
    store.stored_at(tagged("here", &["b", "c"]), 2);
    store.by_ids(IdAct::Delete, &[gone], 3);
    let names = |deleted| {
        let facets = store.store.reader().unwrap().facets(deleted, 9).unwrap();
        let tags: Vec<String> = facets.tags.top.into_iter().map(|tag| tag.name).collect();
        (
            tags,
            facets.projects.top[0].count,
            facets.types.top[0].count,
        )
    };
    assert_eq!(names(true), (strings(&["a", "b"]), 1, 1));
    assert_eq!(names(false), (strings(&["b", "c"]), 1, 1));
}

#[test]
fn client_and_a_missing_type_can_be_filtered_by() {
    let store = TestStore::new();
    let new = |text: &str, client: &str, memory_type: Option<&str>| {
        let mut draft = draft(text);
        draft.provenance.client = client.to_owned();
        draft.memory_type = memory_type.map(str::to_owned);
        store.stored_at(NewMemory::parse(draft).unwrap(), 1)
    };
    let one = new("one", "claude", Some("note"));
    let two = new("two", "cursor", None);
    let client = Filter::default().with_client("claude").unwrap();
    let untyped = Filter::default().with_type("").unwrap();
    assert_eq!(store.walked(&client, false, 9), [one]);
    assert_eq!(store.walked(&untyped, false, 9), [two]);
    let hits = store.search("one", SearchMode::Keyword, client, None);
    assert_eq!(hits[0].memory.id, one, "a search knows the same filters");
}

#[test]
fn only_living_memories_are_counted_to_filter_by() {
    let store = TestStore::new();
    let new = |text: &str, tags: &[&str], project: &str, memory_type: Option<&str>| {
        let draft = MemoryDraft {
            tags: strings(tags),
            project: project.to_owned(),
            memory_type: memory_type.map(str::to_owned),
            ..draft(text)
        };
        store.stored_at(NewMemory::parse(draft).unwrap(), 1)
    };
    new("1", &["a", "b"], "p", Some("note"));
    new("2", &["a"], "", None);
    let gone = new("3", &["a", "c"], "p", Some("note"));
    store.by_ids(IdAct::Delete, &[gone], 2);
    let names = |facet: &commonplace_store::Facet| -> Vec<(String, u64)> {
        let pair = |named: &commonplace_store::Named| (named.name.clone(), named.count);
        facet.top.iter().map(pair).collect()
    };
    let facets = store.facets(10);
    let pair = |name: &str, count| (name.to_owned(), count);
    assert_eq!(names(&facets.tags), [pair("a", 2), pair("b", 1)]);
    assert_eq!(names(&facets.projects), [pair("", 1), pair("p", 1)]);
    assert_eq!(names(&facets.types), [pair("", 1), pair("note", 1)]);
    assert_eq!(names(&facets.clients), [pair("", 2)]);
    let short = store.facets(1);
    assert_eq!(
        (names(&short.tags), short.tags.more),
        (vec![pair("a", 2)], 1)
    );
}

#[test]
fn a_memory_comes_with_what_it_was_before_each_change() {
    let store = TestStore::new();
    let id = store.stored_at(in_project("first", "p"), 1);
    let moved = text("second").with_project("q").unwrap();
    store.edit(id, None, moved).unwrap();
    store.by_ids(IdAct::Delete, &[id], 60);
    let record = store.record(id).unwrap();
    assert_eq!(record.memory.deleted_ms, Some(60), "deleted ones too");
    let before: Vec<_> = record
        .history
        .iter()
        .map(|e| (e.change.as_str(), e.text.as_str(), e.project.as_deref()))
        .collect();
    assert_eq!(
        before,
        [
            ("delete", "second", Some("q")),
            ("update", "first", Some("p"))
        ]
    );
    assert!(!record.is_indexed);
    assert_eq!(store.record(MemoryId(99)), None);
    audit::check(&store);
}

#[test]
fn an_edit_of_what_has_changed_meanwhile_is_refused_and_writes_nothing() {
    let store = TestStore::new();
    let id = store.stored_at(tagged("first", &[]), 50);
    let seen_ms = store.record(id).unwrap().memory.updated_ms;
    let updated_ms = store.edit(id, Some(seen_ms), text("second")).unwrap();
    assert!(
        updated_ms > seen_ms,
        "also within one millisecond, or nobody could tell the states apart"
    );
    let refused = store.edit(id, Some(seen_ms), text("third"));
    assert_eq!(refused, Err(Refusal::Changed { id, updated_ms }));
    assert_eq!(store.record(id).unwrap().memory.text, "second");
    assert!(store.edit(id, Some(updated_ms), text("third")).is_ok());
    store.by_ids(IdAct::Delete, &[id], 60);
    let refused = store.edit(id, None, text("fourth"));
    assert_eq!(refused, Err(Refusal::NoMemory { id }));
    audit::check(&store);
}

#[test]
fn a_memory_moves_to_another_project_unless_that_has_its_text() {
    let store = TestStore::new();
    let id = store.stored_at(in_project("same", "p"), 1);
    store.stored_at(in_project("same", "q"), 1);
    let to = |project: &str| Changes::default().with_project(project).unwrap();
    let refused = store.edit(id, None, to("q"));
    assert!(
        matches!(refused, Err(Refusal::TextTaken { .. })),
        "{refused:?}"
    );
    store.edit(id, None, to("")).unwrap();
    assert_eq!(store.record(id).unwrap().memory.project, "");
    audit::check(&store);
}

// Each edit took the words out of the index and put them back, the costliest part of it, also where no word had changed.
#[test]
fn an_edit_that_changes_no_word_leaves_the_index_of_words_alone() {
    let store = TestStore::new();
    let id = store.stored_at(tagged("the heron stands in the pond", &["bird"]), 1);
    let index = || -> String {
        let sql = "SELECT group_concat(id || ':' || hex(block)) FROM memory_words_data";
        store.plain().query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let before = index();
    let moved = Changes::default().with_project("q").unwrap();
    store
        .edit(id, None, moved.with_type("note").unwrap())
        .unwrap();
    assert!(index() == before, "no word has changed");
    audit::check(&store);
    let tagged = Changes::default().with_tags(&strings(&["wader"])).unwrap();
    store.edit(id, None, tagged).unwrap();
    assert_eq!(store.texts("wader", SearchMode::Keyword).len(), 1);
    audit::check(&store);
}

#[test]
fn each_of_several_memories_is_done_or_says_why_not() {
    let store = TestStore::new();
    let [a, b, c] = ["a", "b", "c"].map(|text| store.stored(text));
    let none = MemoryId(99);
    store.by_ids(IdAct::Delete, &[a], 2);
    let missed = store.by_ids(IdAct::Delete, &[a, none, b], 3);
    assert_eq!(
        missed,
        [(a, Missed::AlreadyDeleted), (none, Missed::NotFound)]
    );
    assert!(store.texts("b", SearchMode::Keyword).is_empty());
    let again = store.stored_at(tagged("a", &[]), 4);
    let missed = store.by_ids(IdAct::Undelete, &[a, b, c, none], 5);
    assert_eq!(
        missed,
        [
            (a, Missed::TextTaken),
            (c, Missed::NotDeleted),
            (none, Missed::NotFound)
        ]
    );
    assert_eq!(store.texts("b", SearchMode::Keyword), ["b"]);
    let missed = store.by_ids(IdAct::Purge, &[a, again, none], 6);
    assert_eq!(
        missed,
        [(again, Missed::NotDeleted), (none, Missed::NotFound)]
    );
    assert_eq!(store.record(a), None);
    audit::check(&store);
}

#[test]
fn what_was_purged_is_nowhere_in_the_file_however_long_it_was() {
    let store = TestStore::new();
    let long = format!(
        "{} shamefulsecret {}",
        "x ".repeat(9_000),
        "y ".repeat(9_000)
    );
    let id = store.stored_at(tagged(&long, &["shamefulsecret-tag"]), 1);
    store.index(&store.get(id), &[Chance::seeded(8).unit_vector()]);
    store.by_ids(IdAct::Delete, &[id], 2);
    store.by_ids(IdAct::Purge, &[id], 3);
    audit::check(&store);
    crate::deletion::assert_no_trace(store, "shamefulsecret");
}

#[test]
fn a_list_of_ids_is_bounded_and_names_each_once() {
    let many = |count: usize| (0..count as i64).map(MemoryId).collect::<Vec<_>>();
    for count in [0, IDS_MAX + 1] {
        assert_eq!(Ids::parse(many(count)).unwrap_err().given, count);
    }
    assert!(Ids::parse(many(IDS_MAX)).is_ok());
    let twice = Ids::parse(vec![MemoryId(2), MemoryId(1), MemoryId(2)]).unwrap();
    assert_eq!(twice.as_slice(), [MemoryId(2), MemoryId(1)]);
    for given in [0, -1, 201] {
        let browse = Browse::parse(Filter::default(), false, None, given);
        assert_eq!(browse, Err(QueryError::BrowseLimit { given }));
    }
}
