//! Bounds on what a module may put into the world.

use wod_protocol::client::{TagValue, Verb};

use super::players::AWAY;
use crate::module::{Description, Refusal, Tag};

/// Most entities of a zone, players included.
pub(super) const ENTITIES: usize = 10_000;
/// Longest name of an entity, tag, topic, event or figure, bytes.
const NAME_BYTES: usize = 64;
/// Most tags of an entity.
pub(super) const TAGS: usize = 32;
/// Longest text of a tag, bytes.
const TAG_BYTES: usize = 256;
/// Most verbs of an entity.
const VERBS: usize = 16;
/// Longest reach of a verb, metres.
const REACH_METRES: f32 = 100.0;
/// Longest sensor, metres.
pub(super) const SENSOR_METRES: f32 = 100.0;
/// Fastest walk, metres a second.
pub(super) const SPEED_METRES: f32 = 50.0;
/// Furthest that an event is told around a point, metres.
pub(super) const HEARING_METRES: f32 = 500.0;
/// Longest text of a dialogue, Unicode scalar values.
pub(super) const DIALOGUE_CHARS: usize = 2000;
/// Most options of a dialogue.
pub(super) const CHOICES: usize = 16;
/// Longest reason of a kick, Unicode scalar values.
pub(super) const REASON_CHARS: usize = 200;
/// Longest code of a refusal, bytes.
pub(super) const CODE_BYTES: usize = 64;
/// Largest data of an event, or answer to an operator, bytes.
pub(super) const DATA_BYTES: usize = 8 * 1024;
/// Deepest nesting of an event's data: it travels inside a message of its own.
const DATA_DEPTH: usize = 16;
/// Largest message to another module, bytes.
pub(super) const BODY_BYTES: usize = 16 * 1024;
/// Most bytes a module keeps with a player.
pub(super) const SAVED_BYTES: usize = 64 * 1024;
/// Longest log line, and longest field of it, bytes.
pub(super) const LOG_BYTES: usize = 1024;
/// Most fields of a log line.
pub(super) const FIELDS: usize = 16;
/// Most figures (counts, gauges, observations) of one call; more are left out.
pub(super) const FIGURES: usize = 256;

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
