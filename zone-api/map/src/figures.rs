//! Posts and things: what their properties mean to the SDK (`zone-api/guest/src/drawn.rs`), checked here, where the author sees
//! the line.

use std::collections::BTreeMap;

use wod_protocol::client::TagValue;

type Properties = BTreeMap<String, TagValue>;

/// Longest name, label or verb, bytes; as the simulation has it.
const NAME_BYTES: usize = 64;
/// Longest text of a tag, bytes.
const TEXT_BYTES: usize = 256;
/// Most verbs of one figure.
const VERBS: usize = 16;
/// Longest reach of a verb, metres.
const REACH_METRES: f64 = 100.0;

/// A post's properties: `npc` (default: the post's own name), `look`, `title`, `heading`, `verbs`, `dialogue`, `patrol`; all others
/// are the module's own.
pub(crate) fn post(name: &str, mut properties: Properties) -> Result<Properties, String> {
    texts(&properties, &["dialogue", "patrol"])?;
    figure(&properties)?;
    let npc = properties.entry("npc".to_owned()).or_insert_with(|| TagValue::Text(name.to_owned()));
    is_name("npc", npc)?;
    named("post", name, properties)
}

/// A thing's properties: `look`, `title`, `heading`, `verbs`, `door`; all others are the module's own.
pub(crate) fn thing(name: &str, properties: Properties) -> Result<Properties, String> {
    is_name("its name", &TagValue::Text(name.to_owned()))?;
    texts(&properties, &["door"])?;
    figure(&properties)?;
    named("thing", name, properties)
}

/// The object's own name goes along as a property of its class.
fn named(class: &str, name: &str, mut properties: Properties) -> Result<Properties, String> {
    match properties.insert(class.to_owned(), TagValue::Text(name.to_owned())) {
        None => Ok(properties),
        Some(_) => Err(format!("property `{class}` is taken by the object's own name: call it otherwise")),
    }
}

fn figure(properties: &Properties) -> Result<(), String> {
    texts(properties, &["look", "title"])?;
    match properties.get("heading") {
        None | Some(TagValue::Int(_) | TagValue::Number(_)) => {}
        Some(_) => return Err("property `heading` must be a number: degrees, counter-clockwise from east".to_owned()),
    }
    match properties.get("verbs") {
        None => Ok(()),
        Some(TagValue::Text(list)) => verbs(list),
        Some(_) => Err("property `verbs` must be a string: `id:label:reach; …`".to_owned()),
    }
}

fn texts(properties: &Properties, which: &[&str]) -> Result<(), String> {
    for name in which {
        match properties.get(*name) {
            None => {}
            Some(TagValue::Text(text)) if !text.is_empty() && text.len() <= TEXT_BYTES => {}
            Some(_) => return Err(format!("property `{name}` must be a string of 1 to {TEXT_BYTES} bytes")),
        }
    }
    Ok(())
}

fn is_name(what: &str, name: &TagValue) -> Result<(), String> {
    match name {
        TagValue::Text(name)
            if !name.trim().is_empty() && name.len() <= NAME_BYTES && !name.chars().any(char::is_control) =>
        {
            Ok(())
        }
        _ => Err(format!("{what} must be a printable text of 1 to {NAME_BYTES} bytes")),
    }
}

/// `talk:Talk to her:4; knock:Knock:2.5`: what the module calls it, what people read, how near one must stand, metres.
fn verbs(list: &str) -> Result<(), String> {
    let mut ids = Vec::new();
    for verb in list.split(';').map(str::trim).filter(|verb| !verb.is_empty()) {
        let wrong =
            |why: &str| Err(format!("property `verbs`: `{verb}`: {why}; write `id:label:reach`, the reach in metres"));
        let parts = verb.split_once(':').and_then(|(id, rest)| Some((id.trim(), rest.rsplit_once(':')?)));
        let Some((id, (label, reach))) = parts else { return wrong("has no three parts") };
        for (what, text) in [("the id", id), ("the label", label.trim())] {
            if let Err(why) = is_name(what, &TagValue::Text(text.to_owned())) {
                return wrong(&why);
            }
        }
        match reach.trim().parse::<f64>() {
            Ok(reach) if (0.0..=REACH_METRES).contains(&reach) => {}
            _ => return wrong(&format!("the reach must be a number from 0 to {REACH_METRES}")),
        }
        if ids.contains(&id) {
            return wrong("this verb is there twice");
        }
        ids.push(id);
    }
    if ids.len() > VERBS {
        return Err(format!("property `verbs` has {} verbs, at most {VERBS} are taken", ids.len()));
    }
    if ids.is_empty() { Err("property `verbs` names none: write `id:label:reach`".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> TagValue {
        TagValue::Text(text.to_owned())
    }

    fn properties<const N: usize>(list: [(&str, TagValue); N]) -> Properties {
        list.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    #[test]
    fn a_post_without_a_word_is_the_npc_of_its_name() {
        let bare = post("Ada", properties([])).expect("a post");
        assert_eq!(bare, properties([("npc", text("Ada")), ("post", text("Ada"))]));
        let whole = properties([
            ("npc", text("Ada")),
            ("look", text("red coat")),
            ("heading", TagValue::Int(90)),
            ("verbs", text("talk:Talk: or not:4; knock:Knock:2.5;")),
            ("thirst", TagValue::Number(0.5)),
        ]);
        let read = post("door", whole.clone()).expect("a post");
        let mut expected = whole;
        expected.insert("post".to_owned(), text("door"));
        assert_eq!(read, expected);
    }

    #[test]
    fn what_the_sdk_could_not_read_is_refused_with_the_mend() {
        let refused = |name: &str, value: TagValue, why: &str| {
            let error = post("x", properties([(name, value)])).expect_err("refused");
            assert!(error.contains(why), "{error}");
        };
        refused("look", TagValue::Int(1), "must be a string");
        refused("title", text(""), "must be a string of 1 to");
        refused("heading", text("north"), "degrees, counter-clockwise from east");
        refused("npc", text(" "), "printable text");
        refused("post", text("y"), "taken by the object's own name");
        refused("verbs", TagValue::Flag(true), "must be a string");
        refused("verbs", text(" ; "), "names none");
        refused("verbs", text("talk:4"), "has no three parts");
        refused("verbs", text("talk:Talk:far"), "from 0 to 100");
        refused("verbs", text("talk:Talk:101"), "from 0 to 100");
        refused("verbs", text("talk:Talk:4; talk:Speak:4"), "twice");
        refused("verbs", text(":Talk:4"), "the id must be");
        let many: String = (0..17).map(|n| format!("v{n}:V:1;")).collect();
        refused("verbs", text(&many), "17 verbs, at most 16");
        assert!(thing(&"n".repeat(65), properties([])).is_err());
    }
}
