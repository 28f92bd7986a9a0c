//! Changes one entry in a text that is known to be JSON with an object in it, and leaves the rest as a person wrote it.

use std::ops::Range;

use serde::Serialize;
use serde_json::Value;

/// Indentation where the text shows none.
const INDENT: &str = "  ";

/// A member of an object, by its places in the text, in bytes.
struct Member {
    name: String,
    /// Where its name begins.
    start: usize,
    value: Range<usize>,
}

/// An object in the text.
struct Object {
    members: Vec<Member>,
    /// What stands between its braces.
    inside: Range<usize>,
}

/// Sets `name` in the object `table`.
pub(super) fn set(text: &str, table: &str, name: &str, entry: &Value) -> String {
    let text = if text.trim().is_empty() { "{}\n" } else { text };
    let indent = indent_of(text);
    let root = object(text, text.find('{').expect("the text holds an object"));
    let Some(found) = root.member(table) else {
        let alone = serde_json::json!({ name: entry });
        return insert(text, &root, table, &alone, &indent, 1);
    };
    let entries = object(text, found.value.start);
    match entries.member(name) {
        Some(old) => replaced(text, old.value.clone(), &written(entry, text, &indent, 2)),
        None => insert(text, &entries, name, entry, &indent, 2),
    }
}

/// Sets members of the object `name` in the object `table`.
pub(super) fn update(text: &str, table: &str, name: &str, members: &[(&String, &Value)]) -> String {
    let indent = indent_of(text);
    let mut text = text.to_owned();
    for (member, value) in members {
        let root = object(&text, text.find('{').expect("the text holds an object"));
        let entry = root.member(table).and_then(|found| {
            let entries = object(&text, found.value.start);
            let entry = entries.member(name)?;
            Some(object(&text, entry.value.start))
        });
        let Some(entry) = entry else { return text };
        text = match entry.member(member) {
            Some(old) => replaced(&text, old.value.clone(), &written(value, &text, &indent, 3)),
            None => insert(&text, &entry, member, value, &indent, 3),
        };
    }
    text
}

/// Takes `name` out of the object `table`, and that object if nothing else is in it.
pub(super) fn remove(text: &str, table: &str, name: &str) -> String {
    let root = object(text, text.find('{').expect("the text holds an object"));
    let Some(found) = root.member(table) else {
        return text.to_owned();
    };
    let entries = object(text, found.value.start);
    match entries.members.len() {
        0 | 1 => replaced(text, root.room_of(table), ""),
        _ => replaced(text, entries.room_of(name), ""),
    }
}

impl Object {
    fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().rev().find(|member| member.name == name)
    }

    /// What goes with a member: itself and the comma that parts it from another one.
    fn room_of(&self, name: &str) -> Range<usize> {
        let Some(place) = self.members.iter().rposition(|member| member.name == name) else {
            return self.inside.end..self.inside.end;
        };
        let member = &self.members[place];
        let before = place.checked_sub(1).map(|place| &self.members[place]);
        match (before, self.members.get(place + 1)) {
            (Some(before), _) => before.value.end..member.value.end,
            (None, Some(after)) => member.start..after.start,
            (None, None) => self.inside.clone(),
        }
    }
}

/// Adds a member behind those of an object.
fn insert(
    text: &str,
    object: &Object,
    name: &str,
    value: &Value,
    indent: &str,
    depth: usize,
) -> String {
    let line_end = line_end(text);
    let name = serde_json::to_string(name).expect("a text has a form in JSON");
    let member = format!("{name}: {}", written(value, text, indent, depth));
    let lead = format!("{line_end}{}", indent.repeat(depth));
    match object.members.last() {
        Some(last) => replaced(
            text,
            last.value.end..last.value.end,
            &format!(",{lead}{member}"),
        ),
        None => {
            let tail = format!("{line_end}{}", indent.repeat(depth - 1));
            replaced(
                text,
                object.inside.clone(),
                &format!("{lead}{member}{tail}"),
            )
        }
    }
}

/// Writes a value with the indentation of the text, for a member at `depth`.
fn written(value: &Value, text: &str, indent: &str, depth: usize) -> String {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes());
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    value
        .serialize(&mut serializer)
        .expect("a value has a form in JSON");
    let written = String::from_utf8(bytes).expect("JSON is UTF-8");
    let line_end = format!("{}{}", line_end(text), indent.repeat(depth));
    written.replace('\n', &line_end)
}

fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// The blanks before the first member of the text.
fn indent_of(text: &str) -> String {
    let first = text.lines().find(|line| line.trim_start().starts_with('"'));
    let blanks: String = first
        .map(|line| line.chars().take_while(|c| c.is_whitespace()).collect())
        .unwrap_or_default();
    if blanks.is_empty() {
        INDENT.to_owned()
    } else {
        blanks
    }
}

fn replaced(text: &str, range: Range<usize>, with: &str) -> String {
    format!("{}{with}{}", &text[..range.start], &text[range.end..])
}

/// Takes apart the object whose brace is at `start`.
fn object(text: &str, start: usize) -> Object {
    let mut members = Vec::new();
    let mut at = skip_blanks(text, start + 1);
    while text.as_bytes()[at] != b'}' {
        let name_end = value_end(text, at);
        let name = serde_json::from_str(&text[at..name_end]).expect("a name is a string");
        let colon = skip_blanks(text, name_end);
        let value_start = skip_blanks(text, colon + 1);
        let value = value_start..value_end(text, value_start);
        let after = skip_blanks(text, value.end);
        let start = std::mem::replace(
            &mut at,
            if text.as_bytes()[after] == b',' {
                skip_blanks(text, after + 1)
            } else {
                after
            },
        );
        members.push(Member { name, start, value });
    }
    Object {
        members,
        inside: start + 1..at,
    }
}

fn skip_blanks(text: &str, from: usize) -> usize {
    let rest = &text[from..];
    from + (rest.len() - rest.trim_start().len())
}

/// Where the value ends that begins at `start`.
fn value_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth, mut is_text) = (start, 0_usize, false);
    loop {
        match bytes[at] {
            b'\\' if is_text => at += 1,
            b'"' => is_text = !is_text,
            b'{' | b'[' if !is_text => depth += 1,
            b'}' | b']' if !is_text => depth -= 1,
            _ => {}
        }
        at += 1;
        let is_scalar_over = || {
            matches!(
                bytes.get(at),
                None | Some(b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n')
            )
        };
        let has_end = matches!(bytes[start], b'"' | b'{' | b'[');
        if depth == 0 && !is_text && (has_end || is_scalar_over()) {
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ENTRY: &str = r#"{"command": "c"}"#;

    fn added(text: &str) -> String {
        set(
            text,
            "mcpServers",
            "memory",
            &serde_json::from_str(ENTRY).unwrap(),
        )
    }

    #[test]
    fn an_entry_is_added_where_it_belongs_and_the_rest_stays_letter_by_letter() {
        let table = [
            (
                "",
                "{\n  \"mcpServers\": {\n    \"memory\": {\n      \"command\": \"c\"\n    }\n  }\n}\n",
            ),
            (
                "{\n    \"b\" : 1,\n    \"a\": [ 1,2 ]\n}",
                "{\n    \"b\" : 1,\n    \"a\": [ 1,2 ],\n    \"mcpServers\": {\n        \"memory\": {\n            \"command\": \"c\"\n        }\n    }\n}",
            ),
            (
                "{\"mcpServers\": {\"x\": {\"a\":\"}\\\"{\"} }}",
                "{\"mcpServers\": {\"x\": {\"a\":\"}\\\"{\"},\n    \"memory\": {\n      \"command\": \"c\"\n    } }}",
            ),
            (
                "{\n  \"mcpServers\": { }\n}\n",
                "{\n  \"mcpServers\": {\n    \"memory\": {\n      \"command\": \"c\"\n    }\n  }\n}\n",
            ),
            (
                "{\n  \"mcpServers\": {\n    \"memory\": null\n  }\n}\n",
                "{\n  \"mcpServers\": {\n    \"memory\": {\n      \"command\": \"c\"\n    }\n  }\n}\n",
            ),
        ];
        for (text, wanted) in table {
            assert_eq!(added(text), wanted, "{text}");
        }
    }

    #[test]
    fn lines_end_as_they_do_in_the_file() {
        assert!(
            !added("{\r\n  \"a\": 1\r\n}\r\n")
                .replace("\r\n", "")
                .contains('\n')
        );
    }

    #[test]
    fn taking_it_out_leaves_what_was_there_before() {
        for text in [
            "{\n    \"b\" : 1,\n    \"a\": [ 1,2 ]\n}",
            "{\"mcpServers\": {\"x\": {\"a\":\"}\\\"{\"} }}",
            "{\n  \"theme\": \"dark\",\n  \"mcpServers\": {\n    \"x\": 1\n  },\n  \"z\": true\n}\n",
        ] {
            assert_eq!(remove(&added(text), "mcpServers", "memory"), text);
        }
        let first = r#"{"mcpServers": {"memory": 1, "other": 2}}"#;
        assert_eq!(
            remove(first, "mcpServers", "memory"),
            r#"{"mcpServers": {"other": 2}}"#
        );
        let only = r#"{"a": 1, "mcpServers": {"memory": 1}, "b": 2}"#;
        assert_eq!(remove(only, "mcpServers", "memory"), r#"{"a": 1, "b": 2}"#);
    }

    #[test]
    fn whatever_the_values_are_their_ends_are_found() {
        let whole = json!({
            "a": [1, {"b": "]}\\\""}], "n": -1.5e3, "t": true, "e": "", "ä\"": {"x": null}, "l": [],
        });
        for text in [
            whole.to_string(),
            serde_json::to_string_pretty(&whole).unwrap(),
        ] {
            let read: Value = serde_json::from_str(&added(&text)).unwrap();
            let mut wanted = whole.clone();
            wanted["mcpServers"] = json!({ "memory": { "command": "c" } });
            assert_eq!(read, wanted);
            let gone: Value =
                serde_json::from_str(&remove(&added(&text), "mcpServers", "memory")).unwrap();
            assert_eq!(gone, whole);
        }
    }
}
