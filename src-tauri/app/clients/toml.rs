//! Changes one entry in a text that is known to be TOML; comments and order stay.

use serde_json::Value;
use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::error::EditError;

/// Sets `name` in the table `table`.
pub(super) fn set(text: &str, table: &str, name: &str, entry: &Value) -> Result<String, EditError> {
    let mut whole = read(text)?;
    let entries = whole.entry(table).or_insert_with(|| {
        let mut entries = Table::new();
        // `[mcp_servers.memory]` is enough, without a line `[mcp_servers]`.
        entries.set_implicit(true);
        Item::Table(entries)
    });
    let entries = entries.as_table_like_mut();
    let entries = entries.ok_or_else(|| EditError::NoTable(table.to_owned()))?;
    entries.insert(name, item_of(entry));
    Ok(with_line_ends_of(text, &whole.to_string()))
}

/// Sets members of the table `name` in the table `table`.
pub(super) fn update(
    text: &str,
    table: &str,
    name: &str,
    members: &[(&String, &Value)],
) -> Result<String, EditError> {
    let mut whole = read(text)?;
    let no_table = || EditError::NoTable(name.to_owned());
    let entries = whole.get_mut(table).and_then(Item::as_table_like_mut);
    let entry = entries.and_then(|entries| entries.get_mut(name)?.as_table_like_mut());
    let entry = entry.ok_or_else(no_table)?;
    for (member, value) in members {
        let mut item = item_of(value);
        let old = entry.get(member).and_then(Item::as_value);
        // A comment behind the old value stays.
        if let (Some(old), Some(new)) = (old, item.as_value_mut()) {
            *new.decor_mut() = old.decor().clone();
        }
        entry.insert(member, item);
    }
    Ok(with_line_ends_of(text, &whole.to_string()))
}

/// Takes `name` out of the table `table`, and that table if nothing else is in it.
pub(super) fn remove(text: &str, table: &str, name: &str) -> Result<String, EditError> {
    let mut whole = read(text)?;
    let Some(entries) = whole.get_mut(table).and_then(Item::as_table_like_mut) else {
        return Ok(text.to_owned());
    };
    let removed = entries.remove(name);
    if entries.is_empty() {
        whole.remove(table);
    }
    // What stands above the entry may be about what comes before it.
    let above = removed.as_ref().and_then(Item::as_table);
    let above = above.and_then(|table| table.decor().prefix()?.as_str());
    let comments = above
        .filter(|above| above.contains('#'))
        .unwrap_or_default();
    let after = whole.trailing().as_str().unwrap_or_default();
    let after = format!("{comments}{after}");
    whole.set_trailing(after);
    Ok(with_line_ends_of(text, &whole.to_string()))
}

/// Gives what was written with plain line ends those of the text that it comes from; new lines end as the first one there.
fn with_line_ends_of(text: &str, changed: &str) -> String {
    if !text.contains("\r\n") {
        return changed.to_owned();
    }
    let lines = |text: &str| -> Vec<String> {
        let lines = text.split_inclusive('\n');
        lines.map(str::to_owned).collect()
    };
    let (old, mut new) = (lines(text), lines(&changed.replace("\r\n", "\n")));
    let is_same =
        |old: &str, new: &str| old.trim_end_matches(['\r', '\n']) == new.trim_end_matches('\n');
    let pairs = old.iter().zip(&new);
    let start = pairs.take_while(|(old, new)| is_same(old, new)).count();
    let pairs = old[start..].iter().rev().zip(new[start..].iter().rev());
    let end = pairs.take_while(|(old, new)| is_same(old, new)).count();
    let is_windows = old.first().is_some_and(|line| line.ends_with("\r\n"));
    let (last, behind) = (new.len() - end, old.len() - end);
    for line in new.iter_mut().filter(|_| is_windows) {
        *line = line.replace('\n', "\r\n");
    }
    let kept = (0..start)
        .zip(0..start)
        .chain((last..new.len()).zip(behind..));
    // A last line that had no end may have one now.
    for (place, old) in kept.map(|(place, from)| (place, &old[from])) {
        if old.ends_with('\n') {
            new[place].clone_from(old);
        }
    }
    new.concat()
}

fn read(text: &str) -> Result<DocumentMut, EditError> {
    text.parse()
        .map_err(|error: toml_edit::TomlError| EditError::Unreadable {
            format: "TOML",
            reason: error.message().to_owned(),
        })
}

/// An entry as a table of texts, switches and lists of texts, which is all that entries have.
fn item_of(entry: &Value) -> Item {
    match entry {
        Value::Object(members) => {
            let mut table = Table::new();
            // In the order in which a person would write them.
            for name in ["type", "command", "args", "enabled"] {
                if let Some(member) = members.get(name) {
                    table.insert(name, item_of(member));
                }
            }
            Item::Table(table)
        }
        Value::Array(members) => {
            let texts = members.iter().filter_map(Value::as_str);
            value(texts.collect::<Array>())
        }
        Value::Bool(is_on) => value(*is_on),
        other => value(other.as_str().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn added(text: &str) -> String {
        let entry = json!({ "command": "c", "args": ["a", "b \"c\""] });
        set(text, "mcp_servers", "memory", &entry).unwrap()
    }

    const ADDED: &str = "[mcp_servers.memory]\ncommand = \"c\"\nargs = [\"a\", 'b \"c\"']\n";

    #[test]
    fn an_entry_is_added_and_comments_and_other_entries_stay() {
        let text = "# mine\nmodel = \"x\" # good\n\n[mcp_servers.other] # keep\ncommand = 'o'\n";
        assert_eq!(added(text), format!("{text}\n{ADDED}"));
        assert_eq!(added(""), ADDED);
        assert_eq!(added(&added(text)), added(text));
    }

    #[test]
    fn an_entry_that_is_there_gets_new_words_in_its_place() {
        let text = "[mcp_servers.memory]\ncommand = \"old\"\n\n[tui]\nx = 1 # y\n";
        assert_eq!(added(text), format!("{ADDED}\n[tui]\nx = 1 # y\n"));
    }

    #[test]
    fn lines_end_as_they_do_in_the_file() {
        let text = "# mine\r\nmodel = \"x\"\r\n\r\n[mcp_servers.other]\r\ncommand = '''o\r\np'''\r\n\r\n[tui]\r\nx = 1\r\n";
        let there = added(text);
        let windows = ADDED.replace('\n', "\r\n");
        assert_eq!(there, text.replace("[tui]", &format!("{windows}\r\n[tui]")));
        assert_eq!(added(&there), there);
        let gone = remove(&there, "mcp_servers", "memory").unwrap();
        assert_eq!(gone.trim_end(), text.trim_end());
        assert!(!gone.replace("\r\n", "").contains('\n'), "{gone:?}");
        let (name, value) = ("command".to_owned(), json!("new"));
        let changed = update(&there, "mcp_servers", "memory", &[(&name, &value)]).unwrap();
        assert_eq!(changed, there.replace("\"c\"\r", "\"new\"\r"));
        assert_eq!(
            added("a = 1\r\nb = 2"),
            format!("a = 1\r\nb = 2\r\n\r\n{windows}")
        );
        // Where both occur, each line keeps its own.
        let mixed = "a = 1\r\nb = 2\n\n[tui]\nx = 1\r\n";
        assert!(added(mixed).starts_with(mixed), "{:?}", added(mixed));
    }

    #[test]
    fn members_are_changed_and_what_a_person_added_stays() {
        let text = "[mcp_servers.memory] # mine\ncommand = \"old\" # why\nstartup_timeout_sec = 30\n\n[mcp_servers.memory.env]\nA = \"1\"\n\n[tui]\nx = 1\n";
        let changed = |text: &str| {
            let (name, value) = ("command".to_owned(), json!("new"));
            update(text, "mcp_servers", "memory", &[(&name, &value)]).unwrap()
        };
        assert_eq!(changed(text), text.replace("old", "new"));
        let text = "[mcp_servers]\nmemory = { command = \"old\", enabled = false }\n";
        assert_eq!(changed(text), text.replace("old", "new"));
    }

    #[test]
    fn tables_in_one_line_are_understood() {
        let text = "mcp_servers = { other = { command = \"o\" } }\n";
        let changed: Value = ::toml::from_str(&added(text)).unwrap();
        assert_eq!(
            changed.pointer("/mcp_servers/memory/command"),
            Some(&json!("c"))
        );
        assert_eq!(
            changed.pointer("/mcp_servers/other/command"),
            Some(&json!("o"))
        );
        assert!(set("mcp_servers = 1\n", "mcp_servers", "memory", &json!({})).is_err());
    }

    #[test]
    fn taking_it_out_leaves_what_was_there_before() {
        for text in [
            "",
            "# mine\nmodel = \"x\" # good\n\n[mcp_servers.other] # keep\ncommand = 'o'\n\n[tui]\nx = 1\n# end\n",
        ] {
            let gone = remove(&added(text), "mcp_servers", "memory").unwrap();
            assert_eq!(gone.trim_end(), text.trim_end());
        }
        let text = "[a]\nx = 1\n# about a\n\n[mcp_servers.memory]\ncommand = \"c\"\n";
        let gone = remove(text, "mcp_servers", "memory").unwrap();
        assert!(gone.contains("# about a"), "{gone}");
    }
}
