//! Writes schemas as the types of the page: TypeScript declarations, which editors and `// @ts-check` read.

use serde_json::{Map, Value};

/// Writes a declaration for each schema.
pub(crate) fn declarations(schemas: &Map<String, Value>) -> String {
    let mut text = String::from(
        "// What a host answers. Generated from the types of src-tauri/api; a test there keeps both equal.\n",
    );
    for (name, schema) in schemas {
        text += &format!(
            "\n{}export type {name} = {};\n",
            comment(schema, ""),
            type_of(schema, "")
        );
    }
    text
}

fn comment(schema: &Value, indent: &str) -> String {
    match schema["description"].as_str() {
        Some(said) => format!("{indent}/** {} */\n", said.replace('\n', " ")),
        None => String::new(),
    }
}

fn type_of(schema: &Value, indent: &str) -> String {
    let Some(fields) = schema.as_object() else {
        return "unknown".to_owned();
    };
    if let Some(path) = schema["$ref"].as_str() {
        return path.rsplit('/').next().unwrap_or_default().to_owned();
    }
    let mut parts = Vec::new();
    if let Some(value) = fields.get("const") {
        return value.to_string();
    }
    if let Some(values) = schema["enum"].as_array() {
        return union(values.iter().map(Value::to_string));
    }
    for kind in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[kind].as_array() {
            let choices = choices.iter().map(|choice| type_of(choice, indent));
            parts.push(union(choices));
        }
    }
    if let Some(properties) = schema["properties"].as_object() {
        parts.push(object(properties, &schema["required"], indent));
    } else if parts.is_empty() {
        parts.push(plain(schema, indent));
    }
    match parts.as_slice() {
        [one] => one.clone(),
        _ => {
            let parts = parts.iter().map(|part| format!("({part})"));
            parts.collect::<Vec<_>>().join(" & ")
        }
    }
}

fn union(types: impl Iterator<Item = String>) -> String {
    let mut types: Vec<String> = types.collect();
    types.dedup();
    types.join(" | ")
}

fn object(properties: &Map<String, Value>, required: &Value, indent: &str) -> String {
    let deeper = format!("{indent}  ");
    let is_required = |name: &str| {
        let required = required.as_array().into_iter().flatten();
        required.into_iter().any(|known| known == name)
    };
    let field = |(name, schema): (&String, &Value)| {
        let optional = if is_required(name) { "" } else { "?" };
        format!(
            "{}{deeper}{name}{optional}: {};\n",
            comment(schema, &deeper),
            type_of(schema, &deeper)
        )
    };
    let fields: String = properties.iter().map(field).collect();
    format!("{{\n{fields}{indent}}}")
}

fn plain(schema: &Value, indent: &str) -> String {
    if let Some(types) = schema["type"].as_array() {
        let single = |kind: &Value| {
            let mut schema = schema.clone();
            schema["type"] = kind.clone();
            plain(&schema, indent)
        };
        return union(types.iter().map(single));
    }
    match schema["type"].as_str() {
        Some("string") => "string".to_owned(),
        Some("integer" | "number") => "number".to_owned(),
        Some("boolean") => "boolean".to_owned(),
        Some("null") => "null".to_owned(),
        Some("array") => format!("Array<{}>", type_of(&schema["items"], indent)),
        Some("object") => match schema["additionalProperties"].as_object() {
            Some(_) => format!(
                "{{ [key: string]: {} }}",
                type_of(&schema["additionalProperties"], indent)
            ),
            None => "{ [key: string]: unknown }".to_owned(),
        },
        _ => "unknown".to_owned(),
    }
}
