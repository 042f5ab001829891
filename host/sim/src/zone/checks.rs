//! Bounds on what a module may put into the world.

use wod_protocol::client::{TagValue, Verb};

use super::limits::{DATA_DEPTH, NAME_BYTES, REACH_METRES, TAG_BYTES, TAGS, VERBS};
use super::players::AWAY;
use crate::module::{Description, Refusal, Tag};

/// Not empty, not too long, no control characters.
pub(super) fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= NAME_BYTES && !name.chars().any(char::is_control)
}

/// A text that players read: lines may break, nothing else may control.
pub(super) fn check_text(text: &str, chars: usize) -> Result<(), Refusal> {
    if text.chars().count() > chars {
        return Err(Refusal::TooLarge);
    }
    let controls = text.chars().any(|c| c.is_control() && c != '\n');
    if controls { Err(Refusal::Invalid) } else { Ok(()) }
}

pub(super) fn check_tags(put: &[Tag], remove: &[String]) -> Result<(), Refusal> {
    if put.len() > TAGS || remove.len() > TAGS {
        return Err(Refusal::TooMany);
    }
    for tag in put {
        let finite = !matches!(tag.value, TagValue::Number(number) if !number.is_finite());
        if !is_name(&tag.name) || tag.name == AWAY || !finite {
            return Err(Refusal::Invalid);
        }
        if matches!(&tag.value, TagValue::Text(text) if text.len() > TAG_BYTES) {
            return Err(Refusal::TooLarge);
        }
    }
    if remove.iter().any(|name| name == AWAY) { Err(Refusal::Invalid) } else { Ok(()) }
}

/// A module offers only verbs that its description names.
pub(super) fn check_verbs(verbs: &[Verb], description: Option<&Description>) -> Result<(), Refusal> {
    if verbs.len() > VERBS {
        return Err(Refusal::TooMany);
    }
    let described = |id: &String| description.is_some_and(|description| description.verbs.contains(id));
    let valid = |verb: &Verb| {
        described(&verb.id) && is_name(&verb.id) && is_name(&verb.label) && (0.0..=REACH_METRES).contains(&verb.reach)
    };
    if verbs.iter().all(valid) { Ok(()) } else { Err(Refusal::Invalid) }
}

/// JSON of bounded size and depth.
pub(super) fn check_json(text: &str, bytes: usize) -> Result<(), Refusal> {
    if text.len() > bytes {
        return Err(Refusal::TooLarge);
    }
    let is_json = serde_json::from_str::<serde_json::Value>(text).is_ok();
    if is_json && depth(text) <= DATA_DEPTH { Ok(()) } else { Err(Refusal::Invalid) }
}

/// How deep the arrays and objects of valid JSON are nested.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// At most so many bytes of a text.
pub(super) fn clip(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        let end = (0..=bytes).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    text
}
