//! Prompts: texts that a person picks in the client.

use serde_json::{Map, Value};

/// One argument of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PromptArgumentSpec {
    /// Its name; it may always be left out.
    pub(crate) name: &'static str,
    /// What it is for.
    pub(crate) description: &'static str,
}

/// One prompt that clients can list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PromptSpec {
    /// Its name.
    pub(crate) name: &'static str,
    /// What people see.
    pub(crate) title: &'static str,
    /// What it does.
    pub(crate) description: &'static str,
    /// Its arguments.
    pub(crate) arguments: &'static [PromptArgumentSpec],
}

/// Describes the prompts.
pub(crate) const SPECS: [PromptSpec; 1] = [PromptSpec {
    name: "memory_review",
    title: "Review memories",
    description: "Go through the memories of a period and put them in order",
    arguments: &[
        PromptArgumentSpec {
            name: "time_period",
            description: "Which period, such as `last week` (the default)",
        },
        PromptArgumentSpec {
            name: "focus_area",
            description: "What to limit the review to, in words",
        },
    ],
}];

/// Writes the message of a prompt; None if there is no such prompt.
pub(crate) fn message(name: &str, arguments: &Map<String, Value>) -> Option<String> {
    if name != SPECS[0].name {
        return None;
    }
    let given = |name: &str| {
        arguments
            .get(name)
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty())
    };
    let period = given("time_period").unwrap_or("last week");
    let focus = given("focus_area")
        .map(|focus| format!(" about {focus}"))
        .unwrap_or_default();
    Some(format!(
        "Review the memories stored in this time: {period}. Find those{focus} with memory_search or memory_list \
         (argument time_expr), page by page. Then say what matters most, which of them contradict each other, which are \
         out of date and which are badly tagged, and propose the calls of memory_update and memory_delete that put this \
         right. Make no change before I agree."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_review_asks_about_the_time_given() {
        let message =
            |arguments: Value| message("memory_review", arguments.as_object().unwrap()).unwrap();
        assert!(message(json!({})).contains("this time: last week. Find those with"));
        let text = message(json!({"time_period": "yesterday", "focus_area": "auth"}));
        assert!(
            text.contains("this time: yesterday. Find those about auth with"),
            "{text}"
        );
        assert_eq!(super::message("other", &Map::new()), None);
    }
}
