//! What an object's custom properties say.

use std::collections::BTreeMap;

use tiled::{Object, PropertyValue};
use wod_protocol::client::TagValue;

/// The object's name.
pub(crate) fn required_name(class: &str, object: &Object<'_>) -> Result<String, String> {
    if object.name.is_empty() { Err(format!("a {class} needs a name")) } else { Ok(object.name.clone()) }
}

/// Refuses a property that is not among these.
pub(crate) fn known_properties(object: &Object<'_>, known: &[&str]) -> Result<(), String> {
    let mut unknown: Vec<_> = object.properties.keys().filter(|name| !known.contains(&name.as_str())).collect();
    unknown.sort();
    match unknown.first() {
        None => Ok(()),
        Some(name) if known.is_empty() => Err(format!("property `{name}`: a {} has none", object.user_type)),
        Some(name) => Err(format!("property `{name}` is not known: a {} has {}", object.user_type, known.join(", "))),
    }
}

/// A property that is a length, if the object has it.
pub(crate) fn metres(object: &Object<'_>, name: &str) -> Result<Option<f64>, String> {
    match object.properties.get(name) {
        None => Ok(None),
        Some(PropertyValue::FloatValue(value)) if value.is_finite() && *value >= 0.0 => Ok(Some(decimal(*value))),
        Some(PropertyValue::IntValue(value)) if *value >= 0 => Ok(Some(f64::from(*value))),
        Some(_) => Err(format!("property `{name}` must be a float, 0 or more")),
    }
}

/// All of the object's properties that are not named in `but`.
pub(crate) fn free_properties(object: &Object<'_>, but: &[&str]) -> Result<BTreeMap<String, TagValue>, String> {
    let rest = object.properties.iter().filter(|(name, _)| !but.contains(&name.as_str()));
    rest.map(|(name, value)| {
        let value = match value {
            PropertyValue::BoolValue(flag) => TagValue::Flag(*flag),
            PropertyValue::IntValue(number) => TagValue::Int(i64::from(*number)),
            PropertyValue::FloatValue(number) if number.is_finite() => TagValue::Number(decimal(*number)),
            PropertyValue::StringValue(text) => TagValue::Text(text.clone()),
            _ => return Err(format!("property `{name}` must be a bool, an int, a finite float or a string")),
        };
        Ok((name.clone(), value))
    })
    .collect()
}

/// The number as the author typed it: 1.2 stays 1.2, where widening its bits gives 1.2000000476837158.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().expect("a finite float's text is a float")
}
