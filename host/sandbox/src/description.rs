//! Bounds what a module says about itself, before anything is keyed by it.

use std::collections::BTreeSet;

use wod_protocol::client::TagValue;
use wod_sim::module::Description;

/// Longest name, version or verb, characters.
const NAME_CHARS: usize = 64;
/// Longest help text or text default of a setting, characters.
const TEXT_CHARS: usize = 1024;
/// Most verbs, and most settings.
const ENTRIES: usize = 256;

/// What is wrong with it, for its author.
pub(crate) fn check(description: &Description) -> Result<(), String> {
    name("the name", &description.name)?;
    name("the version", &description.version)?;
    entries("verbs", description.verbs.iter().map(String::as_str))?;
    entries("settings", description.config.iter().map(|setting| setting.name.as_str()))?;
    for setting in &description.config {
        text("the text about", &setting.name, &setting.about)?;
        match &setting.default {
            TagValue::Text(default) => text("the default of", &setting.name, default)?,
            TagValue::Number(default) if !default.is_finite() => {
                return Err(format!("the default of `{}` is not a finite number", setting.name));
            }
            TagValue::Flag(_) | TagValue::Int(_) | TagValue::Number(_) => {}
        }
    }
    Ok(())
}

fn entries<'a>(what: &str, names: impl ExactSizeIterator<Item = &'a str>) -> Result<(), String> {
    if names.len() > ENTRIES {
        return Err(format!("{} {what}, at most {ENTRIES} are taken", names.len()));
    }
    let mut seen = BTreeSet::new();
    for entry in names {
        name(&format!("a name among the {what}"), entry)?;
        if !seen.insert(entry) {
            return Err(format!("`{entry}` is twice among the {what}"));
        }
    }
    Ok(())
}

fn name(what: &str, name: &str) -> Result<(), String> {
    if name.is_empty() || name.chars().count() > NAME_CHARS || name.chars().any(char::is_control) {
        return Err(format!("{what} must have 1 to {NAME_CHARS} printable characters"));
    }
    Ok(())
}

fn text(what: &str, setting: &str, text: &str) -> Result<(), String> {
    if text.chars().count() > TEXT_CHARS {
        return Err(format!("{what} `{setting}` has over {TEXT_CHARS} characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use wod_sim::module::ConfigKey;

    use super::*;

    fn description() -> Description {
        let setting = |name: &str, default| ConfigKey { name: name.into(), about: "of the hall".into(), default };
        Description {
            name: "elysium".into(),
            version: "1.2.0".into(),
            schema: 3,
            verbs: vec!["talk".into(), "knock".into()],
            config: vec![
                setting("greeting", TagValue::Text("Good evening".into())),
                setting("guards", TagValue::Int(2)),
            ],
        }
    }

    #[track_caller]
    fn refused(change: impl FnOnce(&mut Description), why: &str) {
        let mut changed = description();
        change(&mut changed);
        let error = check(&changed).expect_err("refused");
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn a_plain_description_passes() {
        assert_eq!(check(&description()), Ok(()));
    }

    #[test]
    fn every_excess_is_named() {
        refused(|it| it.name.clear(), "the name");
        refused(|it| it.name = "a\nb".into(), "the name");
        refused(|it| it.version = "v".repeat(65), "the version");
        refused(|it| it.verbs = (0..257).map(|n| n.to_string()).collect(), "257 verbs");
        refused(|it| it.verbs.push("talk".into()), "`talk` is twice among the verbs");
        refused(|it| it.config[1].name = "greeting".into(), "`greeting` is twice among the settings");
        refused(|it| it.config[0].about = "x".repeat(1025), "the text about `greeting`");
        refused(|it| it.config[0].default = TagValue::Text("x".repeat(1025)), "the default of `greeting`");
        refused(|it| it.config[1].default = TagValue::Number(f64::NAN), "the default of `guards`");
    }
}
