//! The compiler's debug information (DWARF), made into the table of source lines that hosts read: see [`wod_sandbox::lines`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use addr2line::Context;
use addr2line::gimli::{Dwarf, EndianSlice, LittleEndian};
use anyhow::{Context as _, anyhow};
use wasmparser::{KnownCustom, Name, Parser, Payload, TypeRef};
use wod_sandbox::lines::{LineTableBuilder, SECTION, SECTION_BYTES, Spot};

/// Longest name of a function that is kept, bytes.
const NAME_BYTES: usize = 160;

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
///
/// Of the standard library only the functions are told, for a fault does not show more of it: that is most of what DWARF has.
pub(super) fn read(core_module: &[u8], roots: &Roots) -> anyhow::Result<LineTableBuilder> {
    let mut table = LineTableBuilder::default();
    let Module { code, functions, sections } = Module::read(core_module)?;
    let section = |name: &str| sections.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, data)| *data);
    let dwarf = Dwarf::load(|id| Ok::<_, addr2line::gimli::Error>(EndianSlice::new(section(id.name()), LittleEndian)))?;
    let context = Context::from_dwarf(dwarf)?;
    let mut known_to = 0;
    // What the linker has thrown away lies behind the code's end.
    for (begin, length, _) in context.find_location_range(0, u64::try_from(code.len())?)? {
        let Ok(offset) = u32::try_from(begin) else { continue };
        if known_to < offset {
            table.add(known_to, &[]);
        }
        let mut chain = Vec::new();
        let mut frames = context.find_frames(begin).skip_all_loads()?;
        while let Some(frame) = frames.next()? {
            let function = frame.function.as_ref().and_then(|name| name.raw_name().ok()).unwrap_or(Cow::Borrowed("?"));
            let (file, line) = frame.location.as_ref().map_or((None, None), |location| (location.file, location.line));
            chain.push((plain(&function), roots.shortened(file.unwrap_or("?")), line.unwrap_or_default()));
        }
        // The debug information of a function may have its bare name alone; its symbol has the whole.
        if let (Some((function, ..)), Some(symbol)) = (chain.last_mut(), symbol_at(&functions, begin)) {
            *function = plain(symbol);
        }
        let is_library = |file: &str| file.starts_with("library/");
        if chain.iter().any(|(_, file, _)| !is_library(file)) {
            chain.retain(|(_, file, _)| !is_library(file));
        } else if let Some((function, file, _)) = chain.pop() {
            chain = vec![(function, file, 0)];
        }
        let chain: Vec<_> = chain.iter().map(|(function, file, line)| Spot { function, file, line: *line }).collect();
        table.add(offset, &chain);
        known_to = u32::try_from(begin.saturating_add(length)).unwrap_or(u32::MAX);
    }
    if !table.is_empty() {
        table.add(known_to, &[]);
    }
    Ok(table)
}

/// The parts of a core module that say something about its sources.
struct Module<'a> {
    code: Range<usize>,
    /// Where each function's code ends, counted from the code's beginning, in order, and its symbol.
    functions: Vec<(u64, &'a str)>,
    sections: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Module<'a> {
    fn read(module: &'a [u8]) -> anyhow::Result<Self> {
        let (mut code, mut sections, mut ends) = (0..0, Vec::new(), Vec::new());
        let (mut imported, mut names) = (0, BTreeMap::new());
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        imported += u32::from(matches!(import?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)));
                    }
                }
                Payload::CodeSectionStart { range, .. } => code = range,
                Payload::CodeSectionEntry(body) => ends.push(body.range().end.saturating_sub(code.start) as u64),
                Payload::CustomSection(section) if is_debug(section.name()) => {
                    if let KnownCustom::Name(known) = section.as_known() {
                        for subsection in known {
                            let Name::Function(map) = subsection? else { continue };
                            for naming in map {
                                let naming = naming?;
                                names.insert(naming.index, naming.name);
                            }
                        }
                    }
                    sections.push((section.name(), section.data()));
                }
                _ => {}
            }
        }
        let functions = (imported..).zip(ends).map(|(index, end)| (end, names.get(&index).copied().unwrap_or("")));
        Ok(Self { code, functions: functions.collect(), sections })
    }
}

/// The symbol of the function whose code is there.
fn symbol_at<'a>(functions: &[(u64, &'a str)], offset: u64) -> Option<&'a str> {
    let index = functions.partition_point(|(end, _)| *end <= offset);
    functions.get(index).map(|(_, symbol)| *symbol).filter(|symbol| !symbol.is_empty())
}

/// A function's name as people say it: without hash and generic arguments, `<Docks as Zone>::open` as `Docks::open`.
fn plain(symbol: &str) -> String {
    without_arguments(&format!("{:#}", rustc_demangle::demangle(symbol)))
}

fn without_arguments(name: &str) -> String {
    let mut depth = 0_usize;
    // Where an implementation's type ends, and where its angle bracket closes.
    let (mut type_end, mut close, mut before) = (None, None, ' ');
    if name.starts_with('<') {
        for (at, c) in name.char_indices() {
            match c {
                '<' => depth += 1,
                // An arrow is no bracket.
                '>' if before != '-' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 1 && name[at..].starts_with(" as ") {
                type_end = type_end.or(Some(at));
            }
            if depth == 0 {
                close = Some(at);
                break;
            }
            before = c;
        }
    }
    if let Some(close) = close {
        let of = without_arguments(&name[1..type_end.unwrap_or(close)]);
        return of + &without_arguments(&name[close + 1..]);
    }
    let mut text = String::new();
    for c in name.chars() {
        match c {
            '<' => {
                if depth == 0 && text.ends_with("::") {
                    text.truncate(text.len() - 2);
                }
                depth += 1;
            }
            '>' if before != '-' && depth > 0 => depth -= 1,
            c if depth == 0 => text.push(c),
            _ => {}
        }
        before = c;
    }
    text.truncate(text.floor_char_boundary(NAME_BYTES));
    text
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
        assert_eq!(
            shortened("/root/.cargo/registry/src/index.crates.io-1/serde-1.0.0/src/de.rs"),
            "serde-1.0.0/src/de.rs"
        );
        assert_eq!(shortened("/rustc/59807616e/library/core/src/option.rs"), "library/core/src/option.rs");
        let rustlib = "/home/ann/.rustup/toolchains/x/lib/rustlib/src/rust/library/std/src/lib.rs";
        assert_eq!(shortened(rustlib), "library/std/src/lib.rs");
        assert_eq!(Roots::default().shortened("/a/b.rs"), "/a/b.rs");
    }

    #[test]
    fn functions_are_called_as_people_call_them() {
        for (symbol, name) in [
            ("_ZN5docks6broken17h0123456789abcdefE", "docks::broken"),
            ("due<docks::Docks>", "due"),
            ("<docks::Docks as wod_zone::zone::Zone>::open", "docks::Docks::open"),
            ("<alloc::vec::Vec<T, A> as core::ops::Index<I>>::index::<u8>", "alloc::vec::Vec::index"),
            ("core::ops::function::FnOnce::call_once<fn(u8) -> u8, (u8)>", "core::ops::function::FnOnce::call_once"),
            ("wod_zone::Runtime<Z>::tick::{{closure}}", "wod_zone::Runtime::tick::{{closure}}"),
            ("<", ""),
            ("a->b", "a->b"),
        ] {
            assert_eq!(plain(symbol), name);
        }
    }

    #[test]
    fn a_module_without_debug_information_has_no_table() {
        // `\0asm`, version 1, and nothing.
        assert!(read(b"\0asm\x01\0\0\0", &Roots::default()).is_ok_and(|table| table.is_empty()));
    }
}
