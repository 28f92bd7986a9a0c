//! The project that a session works in.

use commonplace_engine::clean::clean_line;

use super::input::Input;

/// Longest name of a project, in bytes, as the host takes it.
const BYTES_MAX: usize = 200;

/// Finds the project as the bridge does, so that both mean the same one; empty if nobody says.
pub(super) fn of(input: &Input) -> String {
    let told = std::env::var("CLAUDE_PROJECT_DIR").ok();
    named(told.as_deref(), input.cwd.as_deref())
}

fn named(told: Option<&str>, cwd: Option<&str>) -> String {
    let names = [told, cwd].into_iter().flatten();
    let mut seen = names.map(|name| clean_line(name).trim().to_owned());
    let named = seen.find(|name| !name.is_empty()).unwrap_or_default();
    // The host drops a longer one, and its memories have none.
    if named.len() > BYTES_MAX {
        return String::new();
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_is_what_the_client_says_else_its_working_folder() {
        assert_eq!(
            named(Some("/home/me/api"), Some("/home/me/api/src")),
            "/home/me/api"
        );
        assert_eq!(named(None, Some("/home/me/api")), "/home/me/api");
        assert_eq!(named(Some(" "), Some("/home/me/api")), "/home/me/api");
        assert_eq!(named(None, None), "");
        assert_eq!(named(Some(&"x".repeat(201)), None), "");
    }
}
