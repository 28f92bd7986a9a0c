//! Puts the OpenAPI 3.1 document together.

use std::collections::{BTreeMap, BTreeSet};

use commonplace_api::charts::ChartName;
use commonplace_api::{Refusal, RefusalBody};
use schemars::generate::{Contract, SchemaSettings};
use schemars::{SchemaGenerator, schema_for};
use serde_json::{Map, Value, json};

use super::operations::{Content, Described, Operation, Security, chart, operations};

/// Codes that every route may refuse with.
const COMMON: [&str; 10] = [
    "no_token",
    "unknown_token",
    "wrong_host",
    "foreign_origin",
    "cross_site",
    "agent_token",
    "body_too_large",
    "too_many_requests",
    "too_slow",
    "body_broken",
];

/// A generator of schemas for what is written, or for what is read.
pub(crate) fn generator(contract: Contract, is_inline: bool) -> SchemaGenerator {
    SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
            settings.contract = contract;
            settings.inline_subschemas = is_inline;
        })
        .into_generator()
}

/// What is referred to, by its name.
struct Schemas {
    answers: SchemaGenerator,
    requests: SchemaGenerator,
}

impl Schemas {
    fn answer(&mut self, described: Described) -> Value {
        described(&mut self.answers).to_value()
    }

    fn request(&mut self, described: Described) -> Value {
        described(&mut self.requests).to_value()
    }

    fn refusal(&mut self) -> Value {
        self.answers.subschema_for::<RefusalBody>().to_value()
    }

    fn all(self) -> Map<String, Value> {
        let Self {
            mut answers,
            mut requests,
        } = self;
        let mut all = answers.take_definitions(true);
        for (name, schema) in requests.take_definitions(true) {
            if let Some(other) = all.insert(name.clone(), schema.clone()) {
                assert_eq!(other, schema, "`{name}` is read and written in two forms");
            }
        }
        all
    }
}

/// Makes the whole document.
pub(crate) fn document() -> Value {
    let mut schemas = Schemas {
        answers: generator(Contract::Serialize, false),
        requests: generator(Contract::Deserialize, false),
    };
    let mut paths = Map::new();
    for operation in operations() {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = described(&operation, &mut schemas);
    }
    paths.insert("/mcp".to_owned(), json!({ "post": mcp(&mut schemas) }));
    let mut schemas = schemas.all();
    schemas.insert("JsonRpc".to_owned(), json_rpc());
    for described in schemas.values_mut().chain(paths.values_mut()) {
        in_words_of_json(described);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Commonplace",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "One long-term memory for every Claude Code instance on a machine.",
            "description": "Answers on the loopback address only. Host must be `127.0.0.1:PORT` or `localhost:PORT`; foreign \
                Origins are refused. Every route needs `Authorization: Bearer TOKEN`, but the files of the page, \
                `POST /api/session` and `POST /api/session/proof`. The agents' token opens `/mcp` only. Fields and words \
                may be added; programs pass over what they do not know.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "http://127.0.0.1:7311" }],
        "security": [{ "admin": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "admin": {
                    "type": "http", "scheme": "bearer",
                    "description": "The admin token, which `commonplace token --admin` prints, or the token of a session.",
                },
                "agent": {
                    "type": "http", "scheme": "bearer",
                    "description": "The agents' token, which `commonplace token` prints.",
                },
            },
            "schemas": schemas,
        },
    })
}

/// Docs are written for Rust: what is `None` there is null here, and links have nowhere to lead.
fn in_words_of_json(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(said)) = fields.get_mut("description") {
                *said = said
                    .replace('\n', " ")
                    .replace("None", "null")
                    .replace("[`", "`")
                    .replace("`]", "`");
            }
            fields.values_mut().for_each(in_words_of_json);
        }
        Value::Array(items) => items.iter_mut().for_each(in_words_of_json),
        _ => {}
    }
}

fn described(operation: &Operation, schemas: &mut Schemas) -> Value {
    let mut described = json!({ "summary": operation.summary });
    let parameters = parameters(operation);
    if !parameters.is_empty() {
        described["parameters"] = parameters.into();
    }
    if let Some((body, is_required)) = operation.body {
        let schema = schemas.request(body);
        described["requestBody"] = json!({
            "required": is_required,
            "content": { "application/json": { "schema": schema } },
        });
    }
    let mut responses = Map::new();
    for (status, description, content) in &operation.answers {
        let mut response = json!({ "description": description });
        if let Some(content) = content_of(*content, schemas) {
            response["content"] = content;
        }
        responses.insert(status.to_string(), response);
    }
    let is_told = |code: &&&str| operation.security == Security::Admin || !is_of_tokens(code);
    let codes = COMMON.iter().filter(is_told).chain(&operation.refuses);
    responses.extend(refusals(codes.copied(), schemas));
    responses.insert(
        "431".to_owned(),
        json!({ "description": "The head of the request, its address included, is larger than 16 KiB. Without a body." }),
    );
    described["responses"] = responses.into();
    if operation.security == Security::Nobody {
        described["security"] = json!([]);
    }
    described
}

fn is_of_tokens(code: &str) -> bool {
    ["no_token", "agent_token"].contains(&code)
}

/// Describes what is in the path and in the query.
fn parameters(operation: &Operation) -> Vec<Value> {
    let mut parameters = Vec::new();
    if operation.path.ends_with("{id}") {
        parameters.push(json!({
            "name": "id", "in": "path", "required": true, "description": "Id of the memory.",
            "schema": { "type": "integer", "format": "int64" },
        }));
    }
    if operation.path.contains("{number}") {
        parameters.push(json!({
            "name": "number", "in": "path", "required": true, "description": "Number of the redaction.",
            "schema": { "type": "integer", "format": "int64" },
        }));
    }
    if operation.path.ends_with("{chart}") {
        let forms = ["svg", "json", "csv"];
        let names = ChartName::ALL.map(ChartName::as_str);
        let names: Vec<String> = names
            .iter()
            .flat_map(|name| forms.map(|form| format!("{name}.{form}")))
            .collect();
        parameters.push(json!({
            "name": "chart", "in": "path", "required": true, "description": "Which chart, in which form.",
            "schema": { "type": "string", "enum": names },
        }));
    }
    let Some(query) = operation.query else {
        return parameters;
    };
    let schema = query(&mut generator(Contract::Deserialize, true)).to_value();
    let fields = schema["properties"].as_object().expect("it has fields");
    parameters.extend(fields.iter().map(|(name, field)| parameter(name, field)));
    parameters
}

fn parameter(name: &str, field: &Value) -> Value {
    let mut schema = without_null(field);
    let description = schema
        .as_object_mut()
        .and_then(|schema| schema.remove("description"));
    let mut parameter = json!({ "name": name, "in": "query", "description": description });
    if schema["type"] == "array" {
        parameter["style"] = "form".into();
        parameter["explode"] = true.into();
    }
    if schema["type"] == "boolean" {
        schema = json!({ "type": "string", "enum": ["true", "false"], "default": "false" });
    }
    parameter["schema"] = schema;
    parameter
}

/// What is not given is left out of a query, and never null.
fn without_null(field: &Value) -> Value {
    let mut field = field.clone();
    if let Some(kinds) = field["anyOf"].as_array() {
        let description = field["description"].clone();
        let mut kind = kinds[0].clone();
        kind["description"] = description;
        field = kind;
    }
    if let Some(types) = field["type"].as_array() {
        field["type"] = types[0].clone();
    }
    if let Some(fields) = field.as_object_mut() {
        fields.retain(|name, value| name != "default" || !(value.is_null() || value == &json!([])));
    }
    field
}

fn content_of(content: Content, schemas: &mut Schemas) -> Option<Value> {
    let text = json!({ "schema": { "type": "string" } });
    Some(match content {
        Content::Nothing => return None,
        Content::Json(of) => json!({ "application/json": { "schema": schemas.answer(of) } }),
        Content::Text(kind) => json!({ kind: text }),
        Content::Object => json!({ "application/json": { "schema": { "type": "object" } } }),
        Content::Chart => json!({
            "image/svg+xml": text,
            "application/json": { "schema": schemas.answer(chart) },
            "text/csv; charset=utf-8": text,
        }),
    })
}

/// Describes refusals, one response for each status, with what each code means.
fn refusals<'a>(codes: impl Iterator<Item = &'a str>, schemas: &mut Schemas) -> Map<String, Value> {
    let meanings = meanings();
    let mut by_status: BTreeMap<u16, BTreeSet<&str>> = BTreeMap::new();
    for code in codes {
        let (status, _) = meanings[code];
        by_status.entry(status).or_default().insert(code);
    }
    let schema = schemas.refusal();
    let response = |(status, codes): (u16, BTreeSet<&str>)| {
        let said = codes
            .iter()
            .map(|code| format!("`{code}`: {}", meanings[*code].1));
        let response = json!({
            "description": said.collect::<Vec<_>>().join(" "),
            "content": { "application/json": { "schema": schema } },
        });
        (status.to_string(), response)
    };
    by_status.into_iter().map(response).collect()
}

/// The status and the meaning of each code.
fn meanings() -> BTreeMap<String, (u16, String)> {
    let schema = schema_for!(Refusal).to_value();
    let variants = schema["oneOf"].as_array().expect("it is an enum");
    let meaning = |variant: &Value| {
        let code = variant["properties"]["code"]["const"].as_str()?;
        let said = variant["description"].as_str()?.replace('\n', " ");
        Some((code.to_owned(), (status_of(variant), said)))
    };
    variants.iter().filter_map(meaning).collect()
}

/// Makes a refusal of its description, with any facts, to ask it for its status.
fn status_of(variant: &Value) -> u16 {
    let mut made = json!({});
    for (name, field) in variant["properties"].as_object().expect("it has fields") {
        made[name] = match (&field["const"], field["type"].as_str()) {
            (Value::String(code), _) => code.as_str().into(),
            (_, Some("integer")) => 1.into(),
            (_, Some("string")) => "x".into(),
            _ if name == "pause" => json!({ "since_ms": 0, "by": "x" }),
            _ => Value::Null,
        };
    }
    let refusal: Refusal = serde_json::from_value(made).expect("it is a refusal");
    refusal.status()
}

fn mcp(schemas: &mut Schemas) -> Value {
    let message =
        json!({ "application/json": { "schema": { "$ref": "#/components/schemas/JsonRpc" } } });
    let either = json!({ "application/json": { "schema": { "oneOf": [
        { "$ref": "#/components/schemas/JsonRpc" },
        schemas.refusal(),
    ] } } });
    let mut responses = refusals(COMMON.into_iter().chain(["not_json"]), schemas);
    let own = json!({
        "200": { "description": "The answer to a request.", "content": message },
        "202": { "description": "A notification was accepted." },
        "400": { "description": "Something in the request cannot be understood.", "content": either },
        "404": { "description": "There is no such method.", "content": message },
        "406": {
            "description": "The client does not take `application/json` and `text/event-stream`.",
            "content": { "text/plain": { "schema": { "type": "string" } } },
        },
        "431": { "description": "The head of the request is larger than 16 KiB. Without a body." },
        "500": { "description": "The host failed.", "content": message },
    });
    responses.extend(own.as_object().cloned().unwrap_or_default());
    json!({
        "summary": "MCP over streamable HTTP. See the MCP specification for bodies and answers.",
        "security": [{ "agent": [] }, { "admin": [] }],
        "requestBody": { "required": true, "content": message },
        "responses": responses,
    })
}

fn json_rpc() -> Value {
    json!({
        "type": "object",
        "description": "A message of JSON-RPC 2.0.",
        "required": ["jsonrpc"],
        "properties": {
            "jsonrpc": { "type": "string", "const": "2.0" },
            "id": { "type": ["string", "integer", "number", "null"] },
            "method": { "type": "string" },
            "params": { "type": "object" },
            "result": { "type": "object" },
            "error": {
                "type": "object",
                "required": ["code", "message"],
                "properties": { "code": { "type": "integer" }, "message": { "type": "string" } },
            },
        },
    })
}
