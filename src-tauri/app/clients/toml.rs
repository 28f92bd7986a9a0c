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
    Ok(whole.to_string())
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
    Ok(whole.to_string())
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
    Ok(whole.to_string())
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
