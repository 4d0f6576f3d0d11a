//! The table as a JSON schema (draft 2020-12) of parameter files, for editors and checks.

use serde_json::{Map, Value as Json, json};

use super::{CAMERA_PARAMETERS, Kind, PARAMETERS, Parameter, QOS_OVERRIDES};

/// What [`super::is_camera_name`] asks for, without the names of groups.
const CAMERA_NAME: &str = "[A-Za-z](_?[A-Za-z0-9])*_?";

/// The schema, `config/itnet.schema.json`: node names, `ros__parameters`, and below it nested or dotted names.
pub fn schema() -> Json {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Parameters of itnet",
        "description": "A ROS 2 parameter file for the node and for `itnet replay --params`.",
        "type": "object",
        "properties": { "ros__parameters": false },
        "additionalProperties": { "$ref": "#/$defs/node" },
        "$defs": definitions(),
    })
}

fn definitions() -> Map<String, Json> {
    let mut all = Map::new();
    all.insert("node".to_owned(), node());
    all.insert("parameters".to_owned(), parameters());
    all.insert("camera".to_owned(), camera());
    all.insert(QOS_OVERRIDES.to_owned(), qos_overrides());
    all.extend(PARAMETERS.iter().map(|p| (p.name.to_owned(), of(p))));
    all.extend(CAMERA_PARAMETERS.iter().map(|p| (format!("camera.{}", p.name), of(p))));
    all
}

fn reference(name: &str) -> Json {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn node() -> Json {
    json!({
        "description": "A node's name, or a namespace around it.",
        "type": "object",
        "minProperties": 1,
        "properties": { "ros__parameters": reference("parameters") },
        "additionalProperties": reference("node"),
    })
}

/// Everything that is no parameter of a fixed name is the group of a camera.
fn parameters() -> Json {
    let mut properties = Map::new();
    for parameter in PARAMETERS {
        properties.insert(parameter.name.to_owned(), reference(parameter.name));
        let Some((group, name)) = parameter.name.split_once('.') else { continue };
        let empty = || json!({ "type": "object", "properties": {}, "additionalProperties": false });
        properties.entry(group).or_insert_with(empty)["properties"][name] = reference(parameter.name);
    }
    properties.insert(QOS_OVERRIDES.to_owned(), reference(QOS_OVERRIDES));
    let mut dotted = Map::new();
    for parameter in CAMERA_PARAMETERS {
        let name = format!("camera.{}", parameter.name);
        dotted.insert(format!("^{CAMERA_NAME}\\.{}$", parameter.name), reference(&name));
    }
    dotted.insert(format!("^{QOS_OVERRIDES}\\."), json!({ "type": ["string", "integer", "object"] }));
    json!({
        "type": "object",
        "properties": properties,
        "patternProperties": dotted,
        "additionalProperties": reference("camera"),
    })
}

fn camera() -> Json {
    let rows = CAMERA_PARAMETERS.iter();
    let properties: Map<_, _> = rows.map(|p| (p.name.to_owned(), reference(&format!("camera.{}", p.name)))).collect();
    json!({
        "description": "Parameters of a camera that `cameras` names.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

fn qos_overrides() -> Json {
    json!({
        "description": "Quality of service by topic; below it `subscription` or `publisher`, then the policy.",
        "type": "object",
        "additionalProperties": { "type": "object", "additionalProperties": { "type": "object" } },
    })
}

fn of(parameter: &Parameter) -> Json {
    let start = if parameter.read_only { " Read at start." } else { "" };
    let mut json = json!({ "description": format!("{}{start}", parameter.description) });
    match parameter.kind {
        Kind::Bool { default } => extend(&mut json, json!({ "type": "boolean", "default": default })),
        Kind::Double { default, min, max } => {
            extend(&mut json, json!({ "type": "number", "minimum": min, "maximum": max, "default": default }));
        }
        Kind::Integer { default, min, max } => {
            extend(&mut json, json!({ "type": "integer", "minimum": min, "maximum": max, "default": default }));
        }
        Kind::Text { default, choices: [] } => {
            let least = u8::from(!default.is_empty());
            extend(&mut json, json!({ "type": "string", "minLength": least, "default": default }));
        }
        Kind::Text { default, choices } => {
            extend(&mut json, json!({ "type": "string", "enum": choices, "default": default }));
        }
        Kind::Integers { min, max } => {
            let items = json!({ "type": "integer", "minimum": min, "maximum": max });
            extend(&mut json, json!({ "type": "array", "items": items, "default": [] }));
        }
        Kind::Texts => {
            let items = json!({ "type": "string", "pattern": format!("^{CAMERA_NAME}$") });
            extend(&mut json, json!({ "type": "array", "items": items, "uniqueItems": true, "default": [] }));
        }
    }
    json
}

fn extend(json: &mut Json, more: Json) {
    if let (Json::Object(json), Json::Object(more)) = (json, more) {
        json.extend(more);
    }
}
