//! Gives every way a call can fail its name.

use std::fmt::Write;

use wasmtime::{Trap, WasmBacktrace};
use wod_sim::module::FaultKind;

use crate::cell::{Export, OverTime, State};
use crate::engine::DEEP_FRAMES;
use crate::lines::{LineTable, Spot};

/// Most function names in a fault's text, innermost first.
const FRAMES: usize = 8;
/// What stands between a panic and the function it happened in: says nothing, where no file tells it from the rest.
const PANICKING: [&str; 5] =
    ["__rustc::", "std::panicking::", "std::sys::backtrace::", "core::panicking::", "std::process::abort"];
/// Where the compiler says that its library's sources are.
const STANDARD_LIBRARY: &str = "library/";
/// Longest text of a fault, bytes.
const DETAIL_BYTES: usize = 2048;
/// wasmtime keeps the type of this error to itself; `every_oversized_argument_is_named` fails when its words change.
const HOSTCALL_FUEL_EXHAUSTED: &str = "fuel allocated for hostcalls has been exhausted";

/// What an error of wasmtime, of a host call or of a limit is to the zone.
pub(crate) fn classify(
    error: &wasmtime::Error,
    export: Export,
    state: &State,
    lines: Option<&LineTable>,
) -> (FaultKind, String) {
    let cause = error.root_cause().to_string();
    let trap = error.downcast_ref::<Trap>();
    let kind = if error.downcast_ref::<OverTime>().is_some() || trap == Some(&Trap::Interrupt) {
        FaultKind::OutOfTime
    } else if trap == Some(&Trap::StackOverflow) || overran_own_stack(error, trap) {
        FaultKind::StackOverflow
    } else if cause.contains(HOSTCALL_FUEL_EXHAUSTED) {
        if export == Export::Save { FaultKind::SaveTooLarge } else { FaultKind::HostCallTooLarge }
    } else if state.refused_growth().is_some() {
        FaultKind::OutOfMemory
    } else {
        FaultKind::Trap
    };
    let mut text = detail(cause, kind, export, state);
    if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
        add_frames(&mut text, backtrace, lines);
    }
    truncate(&mut text, DETAIL_BYTES);
    (kind, text)
}

/// Compilers for wasm keep part of the stack at the low end of the module's memory: recursion may reach its end first, which
/// is then an access out of bounds under very many frames.
fn overran_own_stack(error: &wasmtime::Error, trap: Option<&Trap>) -> bool {
    let deep = |backtrace: &WasmBacktrace| backtrace.frames().len() >= DEEP_FRAMES;
    trap == Some(&Trap::MemoryOutOfBounds) && error.downcast_ref().is_some_and(deep)
}

/// For people: what happened, and what the module said last.
fn detail(cause: String, kind: FaultKind, export: Export, state: &State) -> String {
    let mut text = match (kind, state.refused_growth()) {
        (FaultKind::OutOfMemory, Some(refused)) => format!("{refused}, then: {cause}"),
        _ => cause,
    };
    let mut add = |part: std::fmt::Arguments| text.write_fmt(part).expect("a String takes everything");
    add(format_args!(" (in `{export}`)"));
    if let Some(line) = state.last_error() {
        add(format_args!("; its last error line: {line}"));
    }
    text
}

/// Where it was: the module's functions, innermost first, those too that the compiler put into others; with file and line where
/// the module's file tells them. What is the standard library's is left out.
fn add_frames(text: &mut String, backtrace: &WasmBacktrace, lines: Option<&LineTable>) {
    let mut places = Vec::new();
    for frame in backtrace.frames() {
        let spots = frame.module_offset().zip(lines).map(|(offset, lines)| lines.at(offset));
        let known = places.len();
        places.extend(spots.into_iter().flatten().map(|Spot { function, file, line }| {
            let place = if line == 0 { format!("{function} ({file})") } else { format!("{function} ({file}:{line})") };
            (place, file.starts_with(STANDARD_LIBRARY))
        }));
        if places.len() == known {
            places.extend(frame.func_name().map(|name| (format!("{:#}", rustc_demangle::demangle(name)), false)));
        }
    }
    let panics = |place: &str| PANICKING.iter().any(|part| place.starts_with(part));
    let own = |(place, is_library): &&(String, bool)| !is_library && !panics(place);
    let is_anything_own = places.iter().any(|place| own(&place));
    for (index, (place, _)) in places.iter().filter(|place| !is_anything_own || own(place)).take(FRAMES).enumerate() {
        let separator = if index == 0 { "; at " } else { " < " };
        text.push_str(separator);
        text.push_str(place);
    }
}

/// Cuts a text to at most so many bytes, between characters.
pub(crate) fn truncate(text: &mut String, bytes: usize) {
    text.truncate(text.floor_char_boundary(bytes));
}
