//! What `wod zone check` finds: what is wrong, where, and how to mend it.

use serde::Serialize;
use wod_protocol::client::TagValue;
use wod_protocol::limits::MODULE_BYTES;
use wod_protocol::map::{Map, POSTS, THINGS};
use wod_sandbox::{Compiled, LoadError};
use wod_sim::module::{Description, FaultKind};

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    pub(super) what: String,
    /// Of the file, the map or the module.
    #[serde(rename = "where")]
    pub(super) place: String,
    pub(super) mend: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// It would not run.
    Error,
    /// It runs, but something is worth a thought.
    Warning,
}

impl Finding {
    fn error(place: impl Into<String>, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { level: Level::Error, what: what.into(), place: place.into(), mend: mend.into() }
    }

    fn warning(place: impl Into<String>, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { level: Level::Warning, what: what.into(), place: place.into(), mend: mend.into() }
    }
}

/// Why a host would not take the file.
pub(super) fn refusal(error: &LoadError) -> Finding {
    const REBUILD: &str = "build it anew with `wod zone build`";
    match error {
        LoadError::TooLarge { bytes, limit } => Finding::error(
            "the file's size",
            format!("{bytes} bytes, hosts take {limit}"),
            "build it with `wod zone build` (release, without debug information); keep large tables out of the code",
        ),
        LoadError::CoreModule => Finding::error(
            "the file's first bytes",
            "this is a core WebAssembly module, not a component",
            "`wod zone build` makes the component; do not publish cargo's own .wasm file",
        ),
        LoadError::Malformed(why) => Finding::error(
            "the file's sections",
            format!("this is not a WebAssembly component: {why}"),
            format!("it is damaged, cut off or something else: copy it again, or {REBUILD}"),
        ),
        LoadError::ForeignImport(name) => Finding::error(
            format!("import `{name}`"),
            "a zone module may import nothing but wod:zone",
            "build for wasm32-unknown-unknown, not for wasip2; `cargo tree` shows which crate wants files, clocks or sockets: do \
             without it (time is `ctx.game_ms()`, luck `ctx.random()`)",
        ),
        LoadError::NoLogic => Finding::error(
            "exports",
            "`wod:zone/logic` is not among them",
            "write `wod_zone::export!(YourZone);` at the top level of the crate's lib.rs",
        ),
        LoadError::ApiVersion { found, served } => Finding::error(
            "export `wod:zone/logic`",
            format!("it was built for zone-api {found}, hosts of this version serve {served}"),
            "update the hosts, or build it with the SDK of a zone-api that they serve",
        ),
        LoadError::UnknownAbility(name) => Finding::error(
            format!("export `{name}`"),
            "hosts of this version do not know it",
            "update the hosts first, or build the module without it",
        ),
        LoadError::Mismatch { found, served, what } => Finding::error(
            "imports and exports",
            format!("built for zone-api {found}, hosts serve {served}: {what}"),
            "update the hosts first, then the SDK and the zones; or build it with the hosts' SDK",
        ),
        LoadError::Map(why) => Finding::error(
            "the packed map",
            why.to_string(),
            "mend the Tiled map and pack it: `wod zone build --content`",
        ),
        LoadError::TooManyMaps(count) => Finding::error(
            "the packed map",
            format!("there are {count} of them"),
            "pack it anew: `wod zone build --content`",
        ),
        LoadError::ContentTwice(name) => Finding::error(
            "the packed content",
            format!("two of them are named `{name}`"),
            "pack it anew: `wod zone build --content`",
        ),
        LoadError::ContentTooLarge { name, bytes } => Finding::error(
            "the packed content",
            format!("`{name}` has {bytes} bytes, hosts take {}", wod_sandbox::CONTENT_BYTES),
            "split it: shorter dialogues, or fewer of them in one zone",
        ),
        LoadError::Lines(why) => Finding::error("the table of source lines", format!("it is {why}"), REBUILD),
        LoadError::Invalid(why) => Finding::error(
            "the code",
            format!("it is not valid: {why}"),
            format!("{REBUILD}, with the toolchain of rust-toolchain.toml"),
        ),
        LoadError::CompileTime(limit) => Finding::error(
            "the code",
            format!("compiling it takes over {} s", limit.as_secs_f64()),
            "split its largest functions; tables belong into data, not into code",
        ),
        LoadError::CompilerDied { status, memory_bytes, detail } => Finding::error(
            "the code",
            format!("the compiler ended with {status} (it may use {memory_bytes} bytes): {detail}"),
            "split its largest functions; tables belong into data, not into code",
        ),
        LoadError::CompilerMissing { program, error } => Finding::error(
            "this machine",
            format!("the compiler {} can't be run: {error}", program.display()),
            "that is no fault of the module: start `wod` by its whole path, and see that it may be executed",
        ),
        LoadError::Start(fault) => {
            Finding::error("its start: instantiating and `describe`", fault.to_string(), start_mend(fault.kind))
        }
        LoadError::Description(why) => Finding::error(
            "what it says about itself",
            why.clone(),
            "mend the constants of `impl Zone`: NAME, VERSION, VERBS, CONFIG (in TypeScript the definition: name, version, verbs, settings)",
        ),
    }
}

fn start_mend(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::OutOfTime => "compute nothing before `open`: statics and constants are made while it starts",
        FaultKind::OutOfMemory => "make large statics smaller, or build them in `open`",
        FaultKind::StackOverflow => {
            "something calls itself without end while the module starts: the functions named show where"
        }
        _ => "run `cargo test`: a panic in statics or constants shows there too; the functions named show where",
    }
}

/// What is odd, or wrong, in a module that starts.
pub(super) fn doubts(compiled: &Compiled, module: &Description, bytes: usize) -> Vec<Finding> {
    let mut findings = Vec::new();
    match compiled.map() {
        None => findings.push(Finding::warning(
            "the packed map",
            "there is none: its zone would be an open field",
            "name a Tiled map in Cargo.toml, [package.metadata.wod], and use `wod zone build`",
        )),
        Some(packed) => findings.extend(unknown_verbs(&packed.map, module)),
    }
    if bytes > MODULE_BYTES / 2 {
        findings.push(Finding::warning(
            "the file's size",
            format!("{bytes} bytes, over half of the {MODULE_BYTES} that hosts take"),
            "keep large tables out of the code; build with opt-level = \"s\" and lto = true",
        ));
    }
    if !compiled.has_lines() {
        findings.push(Finding::warning(
            "the table of source lines",
            "there is none: faults will not say file and line",
            "build it with `wod zone build`, which packs one",
        ));
    }
    findings
}

/// The host refuses to spawn whoever offers a verb that the module has not declared.
fn unknown_verbs(map: &Map, module: &Description) -> Vec<Finding> {
    let mut findings = Vec::new();
    for place in map.places.iter().filter(|place| place.name == POSTS || place.name == THINGS) {
        let text = |name: &str| match place.properties.get(name) {
            Some(TagValue::Text(text)) => text.as_str(),
            _ => "",
        };
        let ids = text("verbs").split(';').filter_map(|verb| Some(verb.split_once(':')?.0.trim()));
        for id in ids.filter(|id| !module.verbs.iter().any(|known| known == id)) {
            let what = if place.name == POSTS {
                format!("post `{}`", text("post"))
            } else {
                format!("thing `{}`", text("thing"))
            };
            findings.push(Finding::error(
                format!("the packed map, {what}"),
                format!("verb `{id}` is none of the module's"),
                format!(
                    "choose one of {}, or have it added to `VERBS` in `impl Zone` (in TypeScript to `verbs`)",
                    listed(&module.verbs)
                ),
            ));
        }
    }
    findings
}

fn listed(verbs: &[String]) -> String {
    if verbs.is_empty() { "none (the module has no verbs)".to_owned() } else { verbs.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::time::Duration;
    use wod_protocol::map::{MapError, Place};
    use wod_sim::module::Fault;

    #[test]
    fn every_refusal_says_what_where_and_how_to_mend_it() {
        let fault = |kind| Fault { kind, detail: "boom".into(), event: None };
        let errors = [
            LoadError::TooLarge { bytes: 9, limit: 8 },
            LoadError::CoreModule,
            LoadError::Malformed("x".into()),
            LoadError::ForeignImport("wasi:x".into()),
            LoadError::NoLogic,
            LoadError::ApiVersion { found: "2.0.0".into(), served: "1.x" },
            LoadError::UnknownAbility("wod:zone/x".into()),
            LoadError::Mismatch { found: "1.1.0".into(), served: "1.0.0", what: "x".into() },
            LoadError::Map(MapError::Invalid("x".into())),
            LoadError::TooManyMaps(2),
            LoadError::Lines("damaged".into()),
            LoadError::Invalid("x".into()),
            LoadError::CompileTime(Duration::from_secs(30)),
            LoadError::CompilerDied { status: "9".into(), memory_bytes: 1, detail: "x".into() },
            LoadError::CompilerMissing { program: "wod".into(), error: io::Error::other("x") },
            LoadError::Start(fault(FaultKind::OutOfTime)),
            LoadError::Start(fault(FaultKind::OutOfMemory)),
            LoadError::Start(fault(FaultKind::StackOverflow)),
            LoadError::Start(fault(FaultKind::Trap)),
            LoadError::Description("x".into()),
        ];
        for error in &errors {
            let Finding { level, what, place, mend } = refusal(error);
            assert_eq!(level, Level::Error);
            assert!(!what.is_empty() && !place.is_empty() && mend.len() > 20, "{error}");
        }
    }

    #[test]
    fn verbs_on_the_map_that_the_module_does_not_know_are_errors() {
        let mut map = Map::empty(10.0, 10.0);
        let text = |text: &str| TagValue::Text(text.to_owned());
        let properties =
            [("thing".to_owned(), text("Bell")), ("verbs".to_owned(), text("ring:Ring: it:2; steal:Steal:1"))];
        map.places.push(Place { name: THINGS.into(), at: [1.0, 1.0], radius: 0.0, properties: properties.into() });
        let mut module = Description {
            name: "x".into(),
            version: "1".into(),
            schema: 1,
            verbs: vec!["ring".into()],
            config: vec![],
        };
        let findings = unknown_verbs(&map, &module);
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].level, findings[0].place.as_str()), (Level::Error, "the packed map, thing `Bell`"));
        assert!(findings[0].what.contains("`steal`") && findings[0].mend.contains("ring"), "{findings:?}");
        module.verbs.push("steal".into());
        assert!(unknown_verbs(&map, &module).is_empty());
    }
}
