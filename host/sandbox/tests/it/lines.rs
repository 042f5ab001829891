//! A fault says where in the sources it was, if the module's file tells.

use wasmparser::{Operator, Parser, Payload};
use wod_protocol::map::Map;
use wod_sandbox::lines::{LineTableBuilder, SECTION, Spot};
use wod_sandbox::{LoadError, with_map, with_section, without_content};

use crate::support::{ask, patient, sandbox, tiny_with};

/// A module whose tick calls a function that traps, with what its first bytes of code are: where the first function begins, the
/// call and the trap are in the file.
fn falling() -> (Vec<u8>, [u32; 3]) {
    let tick = r#"(func (export "wod:zone/logic@1.0.0#tick") (param i64 i64 f32 i32 i32))"#;
    let falls = r#"(func $falls (unreachable))
        (func (export "wod:zone/logic@1.0.0#tick") (param i64 i64 f32 i32 i32) (nop) (call $falls))"#;
    let file = tiny_with(tick, falls);
    let (mut begin, mut call, mut trap) = (None, None, None);
    for payload in Parser::new(0).parse_all(&file) {
        match payload.unwrap() {
            Payload::CodeSectionStart { range, .. } => begin = begin.or(Some(range.start)),
            // The trap is the last before the call: others of the file's functions are traps, too.
            Payload::CodeSectionEntry(body) if call.is_none() => {
                for instruction in body.get_operators_reader().unwrap().into_iter_with_offsets() {
                    match instruction.unwrap() {
                        // Of a function that does nothing else, wasmtime says where it begins.
                        (Operator::Unreachable, _) if call.is_none() => trap = Some(body.range().start),
                        (Operator::Call { .. }, at) => call = call.or(Some(at)),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    (file, [begin, call, trap].map(|at| u32::try_from(at.unwrap()).unwrap()))
}

fn spot(function: &str, line: u32) -> Spot<'_> {
    Spot { function, file: "src/lib.rs", line }
}

#[track_caller]
fn detail_of(file: &[u8]) -> String {
    let mut module = sandbox().compile(file).unwrap().instantiate(&patient()).unwrap();
    ask(&mut *module, &["x"]).1.unwrap_err().detail
}

#[test]
fn a_trap_names_functions_files_and_lines_those_too_that_were_inlined() {
    let (file, [begin, call, trap]) = falling();
    let mut table = LineTableBuilder::default();
    table.add(0, &[spot("nobody", 1)]);
    // As if the trap were in a function that was put into another.
    let mut rows =
        vec![(trap, vec![spot("docks::inner", 12), spot("docks::falls", 20)]), (call, vec![spot("docks::tick", 30)])];
    rows.push((begin, vec![spot("docks::other", 2)]));
    rows.push((trap + 1, vec![]));
    rows.push((call + 1, vec![spot("docks::later", 99)]));
    rows.iter().for_each(|(at, spots)| table.add(*at, spots));
    let whole = with_section(&file, SECTION, &table.encode(0));
    let said = "; at docks::inner (src/lib.rs:12) < docks::falls (src/lib.rs:20) < docks::tick (src/lib.rs:30)";
    assert!(detail_of(&whole).ends_with(said), "{}", detail_of(&whole));
    // Content comes and goes behind the table.
    let packed = with_map(&whole, &Map::empty(10.0, 10.0));
    assert!(detail_of(&packed).ends_with(said));
    assert!(without_content(&packed).unwrap() == whole);
}

#[test]
fn without_a_table_a_trap_is_told_as_well_as_can_be() {
    let (file, _) = falling();
    let detail = detail_of(&file);
    assert!(detail.contains("wasm `unreachable` instruction executed") && detail.contains("; at falls"), "{detail}");
}

#[test]
fn a_damaged_table_makes_the_file_unloadable_and_says_what_to_do() {
    let (file, _) = falling();
    let error = sandbox().compile(&with_section(&file, SECTION, b"\x01\x05")).err().unwrap();
    assert!(matches!(error, LoadError::Lines(_)), "{error}");
    assert!(error.to_string().contains("damaged: build it anew"), "{error}");
}
