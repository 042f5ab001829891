//! The compiler's debug information (DWARF), made into the table of source lines that hosts read: see [`wod_sandbox::lines`].

use std::borrow::Cow;
use std::path::Path;

use addr2line::Context;
use addr2line::gimli::{Dwarf, EndianSlice, LittleEndian};
use anyhow::{Context as _, anyhow};
use wasmparser::{Parser, Payload};
use wod_sandbox::lines::{LineTableBuilder, SECTION, SECTION_BYTES, Spot};

/// Where sources are: what is said of them is said from there, so that the table is the same on every machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roots {
    /// The workspace's folder.
    pub(crate) workspace: String,
}

/// Whether a core module's section of this name says something about sources.
pub(super) fn is_debug(section: &str) -> bool {
    section.starts_with(".debug_") || section == "name"
}

/// What a core module tells of its sources, counted from the beginning of its code.
pub(super) fn read(core_module: &[u8], roots: &Roots) -> anyhow::Result<LineTableBuilder> {
    let mut table = LineTableBuilder::default();
    let mut sections = Vec::new();
    let mut code = 0..0;
    for payload in Parser::new(0).parse_all(core_module) {
        match payload? {
            Payload::CodeSectionStart { range, .. } => code = range,
            Payload::CustomSection(section) if is_debug(section.name()) => sections.push((section.name(), section.data())),
            _ => {}
        }
    }
    let section = |name: &str| sections.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, data)| *data);
    let dwarf = Dwarf::load(|id| Ok::<_, addr2line::gimli::Error>(EndianSlice::new(section(id.name()), LittleEndian)))?;
    let context = Context::from_dwarf(dwarf)?;
    let end = u64::try_from(code.len())?;
    let mut known_to = 0;
    // What the linker has thrown away lies behind the code's end.
    for (begin, length, _) in context.find_location_range(0, end)? {
        let Ok(offset) = u32::try_from(begin) else { continue };
        if known_to < offset {
            table.add(known_to, &[]);
        }
        let mut chain = Vec::new();
        let mut frames = context.find_frames(begin).skip_all_loads()?;
        while let Some(frame) = frames.next()? {
            let function = frame.function.as_ref().and_then(|name| name.raw_name().ok()).unwrap_or(Cow::Borrowed("?"));
            let (file, line) = frame.location.as_ref().map_or((None, None), |location| (location.file, location.line));
            let function = format!("{:#}", rustc_demangle::demangle(&function));
            chain.push((function, roots.shortened(file.unwrap_or("?")), line.unwrap_or_default()));
        }
        let chain: Vec<_> =
            chain.iter().map(|(function, file, line)| Spot { function, file, line: *line }).collect();
        table.add(offset, &chain);
        known_to = u32::try_from(begin.saturating_add(length)).unwrap_or(u32::MAX);
    }
    if !table.is_empty() {
        table.add(known_to, &[]);
    }
    Ok(table)
}

/// Packs the table into the component that was made of this core module; none: nothing is known of its sources.
pub(super) fn pack(component: &[u8], core_module: &[u8], lines: &LineTableBuilder) -> anyhow::Result<Vec<u8>> {
    if lines.is_empty() {
        return Ok(component.to_vec());
    }
    let code = code_of(core_module)?.context("the module has no code")?;
    let begin = position(component, code).context("the component does not hold the module's code as it was")?;
    let section = lines.encode(u32::try_from(begin)?);
    if section.len() > SECTION_BYTES {
        return Err(anyhow!(
            "the table of source lines has {} bytes, at most {SECTION_BYTES} are taken: build with `debug = false`",
            section.len()
        ));
    }
    Ok(wod_sandbox::with_section(component, SECTION, &section))
}

fn code_of(module: &[u8]) -> anyhow::Result<Option<&[u8]>> {
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::CodeSectionStart { range, .. } = payload? {
            return Ok(module.get(range));
        }
    }
    Ok(None)
}

/// Where the code of a core module within the component begins.
fn position(component: &[u8], code: &[u8]) -> Option<usize> {
    Parser::new(0).parse_all(component).filter_map(Result::ok).find_map(|payload| match payload {
        Payload::CodeSectionStart { range, .. } => (component.get(range.clone())? == code).then_some(range.start),
        _ => None,
    })
}

impl Roots {
    /// A path as people look for it: from the workspace's folder, or from the folder of the package it belongs to.
    fn shortened(&self, file: &str) -> String {
        if let Ok(inside) = Path::new(file).strip_prefix(&self.workspace)
            && !self.workspace.is_empty()
        {
            return inside.display().to_string();
        }
        // `/home/ann/.cargo/registry/src/index.crates.io-…/serde-1.0.0/src/lib.rs`, `/rustc/HASH/library/core/src/…`.
        for folder in ["/registry/src/", "/git/checkouts/", "/rustc/"] {
            if let Some((_, rest)) = file.split_once(folder)
                && let Some((_, inside)) = rest.split_once('/')
            {
                return inside.to_owned();
            }
        }
        match file.find("/library/") {
            Some(library) if file.contains("/rustlib/") => file[library + 1..].to_owned(),
            _ => file.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_the_same_on_every_machine() {
        let roots = Roots { workspace: "/home/ann/zones".to_owned() };
        let shortened = |file| roots.shortened(file);
        assert_eq!(shortened("/home/ann/zones/docks/src/lib.rs"), "docks/src/lib.rs");
        assert_eq!(shortened("docks/src/lib.rs"), "docks/src/lib.rs");
        assert_eq!(shortened("/root/.cargo/registry/src/index.crates.io-1/serde-1.0.0/src/de.rs"), "serde-1.0.0/src/de.rs");
        assert_eq!(shortened("/rustc/59807616e/library/core/src/option.rs"), "library/core/src/option.rs");
        let rustlib = "/home/ann/.rustup/toolchains/x/lib/rustlib/src/rust/library/std/src/lib.rs";
        assert_eq!(shortened(rustlib), "library/std/src/lib.rs");
        assert_eq!(Roots::default().shortened("/a/b.rs"), "/a/b.rs");
    }

    #[test]
    fn a_module_without_debug_information_has_no_table() {
        // `\0asm`, version 1, and nothing.
        assert!(read(b"\0asm\x01\0\0\0", &Roots::default()).is_ok_and(|table| table.is_empty()));
    }
}
