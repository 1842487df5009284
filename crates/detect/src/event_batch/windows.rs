//! The plain names of what Windows events hold, in the forms that exporters give them.
//!
//! Not the walk. `System` holds elements with attributes; `EventData` and `UserData` hold what the event says of itself: names as keys,
//! or elements that have the name as an attribute.

use serde_json::{Map, Value};

/// Keys under which exporters put the text of an element that has attributes.
const TEXT_KEYS: [&str; 5] = ["#text", "$", "_", "Value", "content"];
/// Keys under which they put its attributes.
const ATTRIBUTE_KEYS: [&str; 3] = ["#attributes", "@attributes", "$attributes"];
/// Keys under which they put the name of a value.
const NAME_KEYS: [&str; 3] = ["Name", "@Name", "-Name"];

/// The plain name of the values at a path.
pub(super) enum Plain<'a> {
    Element(String),
    /// A part of what the event says of itself.
    Data(&'a str),
}

/// The plain name of the values below these keys, if they have one.
pub(super) fn plain<'a>(keys: &[&'a str]) -> Option<Plain<'a>> {
    let inside = match keys {
        ["Event", inside @ ..] | inside => inside,
    };
    match inside {
        ["System", name] => Some(Plain::Element((*name).to_owned())),
        ["System", name, key] if TEXT_KEYS.contains(key) => Some(Plain::Element((*name).to_owned())),
        ["System", name, key] => Some(Plain::Element(format!("{name}_{}", key.trim_start_matches(['@', '-'])))),
        ["System", name, key, attribute] if ATTRIBUTE_KEYS.contains(key) => {
            Some(Plain::Element(format!("{name}_{attribute}")))
        }
        ["EventData" | "UserData", name] => Some(Plain::Data(name)),
        _ => None,
    }
}

/// Where single values go, with their plain names.
type Take<'t> = &'t mut dyn FnMut(&str, &Value) -> Result<(), String>;

/// Hands over each single value of a map by which an event says something of itself.
pub(super) fn each_value(name: &str, map: &Map<String, Value>, take: Take<'_>) -> Result<(), String> {
    let attributes = ATTRIBUTE_KEYS.iter().find_map(|key| map.get(*key).and_then(Value::as_object)).unwrap_or(map);
    let own = NAME_KEYS.iter().find_map(|key| attributes.get(*key).and_then(Value::as_str));
    match TEXT_KEYS.iter().find_map(|key| map.get(*key)) {
        Some(text) => each_single(own.unwrap_or(name), text, take),
        None => map.iter().try_for_each(|(key, value)| each_inside(key, value, take)),
    }
}

fn each_inside(name: &str, value: &Value, take: Take<'_>) -> Result<(), String> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| each_inside(name, item, take)),
        Value::Object(map) => each_value(name, map, take),
        single => take(name, single),
    }
}

/// The same for what cannot name itself.
fn each_single(name: &str, value: &Value, take: Take<'_>) -> Result<(), String> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| each_single(name, item, take)),
        Value::Object(_) => Ok(()),
        single => take(name, single),
    }
}
