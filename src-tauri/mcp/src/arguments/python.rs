//! Reads what Python prints for lists, tuples, sets, dictionaries and plain values: `['a', 'b']`, `{'k': None}`.

use serde_json::{Map, Number, Value, json};

/// Deepest nesting that is read.
const DEPTH_MAX: usize = 32;

/// Reads the whole of `text`; None if it is not the literal of a value that JSON knows too.
pub(super) fn literal(text: &str) -> Option<Value> {
    let mut reader = Reader { rest: text };
    let value = reader.value(0)?;
    reader.skip_blanks();
    reader.rest.is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes `c` if it comes next, after blanks.
    fn takes(&mut self, c: char) -> bool {
        self.skip_blanks();
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEPTH_MAX {
            return None;
        }
        self.skip_blanks();
        match self.rest.chars().next()? {
            '[' => self.items(']', depth).map(Value::Array),
            '(' => self.items(')', depth).map(Value::Array),
            '{' => self.braces(depth),
            quote @ ('\'' | '"') => self.quoted(quote).map(Value::String),
            _ => self.word(),
        }
    }

    /// Reads what is in brackets up to `end`, with or without a comma at the end.
    fn items(&mut self, end: char, depth: usize) -> Option<Vec<Value>> {
        self.rest = &self.rest[1..];
        let mut items = Vec::new();
        while !self.takes(end) {
            items.push(self.value(depth + 1)?);
            if !self.takes(',') {
                return self.takes(end).then_some(items);
            }
        }
        Some(items)
    }

    /// Reads a dictionary, or a set as a list.
    fn braces(&mut self, depth: usize) -> Option<Value> {
        let start = self.rest;
        if let Some(members) = self.members(depth) {
            return Some(Value::Object(members));
        }
        self.rest = start;
        self.items('}', depth).map(Value::Array)
    }

    fn members(&mut self, depth: usize) -> Option<Map<String, Value>> {
        self.rest = &self.rest[1..];
        let mut members = Map::new();
        while !self.takes('}') {
            self.skip_blanks();
            let quote = self
                .rest
                .chars()
                .next()
                .filter(|c| matches!(c, '\'' | '"'))?;
            let key = self.quoted(quote)?;
            if !self.takes(':') {
                return None;
            }
            members.insert(key, self.value(depth + 1)?);
            if !self.takes(',') {
                return self.takes('}').then_some(members);
            }
        }
        Some(members)
    }

    fn quoted(&mut self, quote: char) -> Option<String> {
        let mut text = String::new();
        let mut chars = self.rest[1..].char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => text.push(escaped(chars.next()?.1)?),
                c if c == quote => {
                    self.rest = &self.rest[1 + at + 1..];
                    return Some(text);
                }
                c => text.push(c),
            }
        }
        None
    }

    fn word(&mut self) -> Option<Value> {
        let end = self
            .rest
            .find(|c: char| c.is_whitespace() || ",:]})".contains(c))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match word {
            "None" | "null" => Some(Value::Null),
            "True" | "true" => Some(json!(true)),
            "False" | "false" => Some(json!(false)),
            _ => word.parse::<Number>().ok().map(Value::Number),
        }
    }
}

/// What a character after a backslash stands for; None for escapes by number, which nothing here needs.
fn escaped(c: char) -> Option<char> {
    match c {
        'n' => Some('\n'),
        't' => Some('\t'),
        'r' => Some('\r'),
        '\\' | '\'' | '"' => Some(c),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_prints_is_read_and_nothing_else() {
        let table = [
            ("['a', \"b\"]", json!(["a", "b"])),
            ("('a',)", json!(["a"])),
            (" { 'a', 'b' } ", json!(["a", "b"])),
            (
                "{'k': [1, 2.5, None, True], }",
                json!({"k": [1, 2.5, null, true]}),
            ),
            (r"['it\'s', 'a\nb']", json!(["it's", "a\nb"])),
            ("[]", json!([])),
            ("{}", json!({})),
            ("'日本'", json!("日本")),
        ];
        for (given, wanted) in table {
            assert_eq!(literal(given), Some(wanted), "given {given}");
        }
        let deep = "[".repeat(100_000);
        for wrong in [
            "",
            "[",
            "['a'",
            "['a' 'b']",
            "[a]",
            "x",
            "['a'] b",
            "{1: 2}",
            &deep,
        ] {
            assert_eq!(
                literal(wrong),
                None,
                "given {}",
                &wrong[..wrong.len().min(9)]
            );
        }
    }
}
