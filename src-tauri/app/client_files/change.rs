//! Replaces texts in a configuration, and nothing else of it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::lenient::Format;
use crate::system::files;

/// A text that is one whole value, and what is put in its place. Both may be secrets.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Replacement {
    pub(crate) from: String,
    pub(crate) to: String,
}

/// Tells why a configuration was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    #[error("could not {operation} `{path}`: {source}")]
    Io {
        operation: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("`{0}` is written in a way in which one value cannot be told from what is around it")]
    Entangled(PathBuf),
}

/// Changes a file, and returns where it is kept as it was.
///
/// # Errors
/// [`ChangeError`]; the file is as it was then.
pub(crate) fn change(
    path: &Path,
    format: Format,
    replacements: &[Replacement],
) -> Result<PathBuf, ChangeError> {
    let failed = |operation| {
        let path = path.to_owned();
        move |source| ChangeError::Io {
            operation,
            path,
            source,
        }
    };
    let text = std::fs::read_to_string(path).map_err(failed("read"))?;
    let changed = replaced(&text, format, replacements);
    let changed = changed.ok_or_else(|| ChangeError::Entangled(path.to_owned()))?;
    let now = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S");
    // With its permissions, since there may be secrets in it.
    let copy = files::keep_beside(path, &format!("before-commonplace-{now}"));
    let copy = copy.map_err(failed("copy"))?;
    files::replace(path, changed.as_bytes()).map_err(failed("write"))?;
    Ok(copy)
}

/// The text with each of the values replaced; None if what comes out does not say the same but for them.
fn replaced(text: &str, format: Format, replacements: &[Replacement]) -> Option<String> {
    let mut wanted = format.read(text).ok()?;
    let mut changed = text.to_owned();
    for Replacement { from, to } in replacements {
        let before = changed.clone();
        changed = changed.replace(&Format::quoted(from), &Format::quoted(to));
        // A string of TOML may stand between the other marks, in which nothing is escaped.
        if format == Format::Toml && !to.contains(['\'', '\n']) {
            changed = changed.replace(&format!("'{from}'"), &format!("'{to}'"));
        }
        let had = wanted.clone();
        replace_values(&mut wanted, from, to);
        if changed == before || wanted == had {
            return None;
        }
    }
    (format.read(&changed).ok()? == wanted).then_some(changed)
}

fn replace_values(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) if text == from => to.clone_into(text),
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| replace_values(value, from, to)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|value| replace_values(value, from, to)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn swapped(text: &str, format: Format, from: &str, to: &str) -> Option<String> {
        let (from, to) = (from.to_owned(), to.to_owned());
        replaced(text, format, &[Replacement { from, to }])
    }

    #[test]
    fn one_value_is_replaced_and_the_rest_stays_letter_by_letter() {
        let json = "{ // mine\n  \"url\" : \"http://127.0.0.1:1/mcp\",\n  \"n\": 1.50,\n}\n";
        let wanted = json.replace(":1/", ":2/");
        let to = "http://127.0.0.1:2/mcp";
        assert_eq!(
            swapped(json, Format::Json, "http://127.0.0.1:1/mcp", to),
            Some(wanted)
        );
        let toml = "# mine\n[a]\nx = 'old' # y\nz = \"old\"\n";
        let wanted = toml.replace("old", "new");
        assert_eq!(swapped(toml, Format::Toml, "old", "new"), Some(wanted));
    }

    #[test]
    fn what_cannot_be_told_apart_is_left_alone() {
        // The same text as a name, in a comment only, or spelled in another way.
        for text in [
            "{\"old\": \"old\"}",
            "{} // \"old\"",
            "{\"a\": \"\\u006fld\"}",
            "no JSON",
        ] {
            assert_eq!(swapped(text, Format::Json, "old", "new"), None, "{text}");
        }
    }

    #[test]
    fn a_file_that_is_changed_is_kept_beside_it_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        std::fs::write(&path, "{\"a\": \"old\"}").unwrap();
        let (from, to) = ("old".to_owned(), "new".to_owned());
        let copy = change(&path, Format::Json, &[Replacement { from, to }]).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"a\": \"new\"}");
        assert_eq!(std::fs::read_to_string(copy).unwrap(), "{\"a\": \"old\"}");
    }
}
