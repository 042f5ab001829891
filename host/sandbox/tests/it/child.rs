//! Compiling in another process, and keeping what it compiled.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wod_sandbox::{ChildCompiler, Compiler, Limits, LoadError, Sandbox, SandboxOptions};

use crate::support::{ask, attacker_file, tiny};

fn child(mode: &str) -> ChildCompiler {
    ChildCompiler::new(PathBuf::from(env!("CARGO_BIN_EXE_wod-test-compile-child")), vec![mode.into()])
}

fn sandbox(compiler: ChildCompiler, cache: Option<&Path>) -> Sandbox {
    let options = SandboxOptions { compiler: Compiler::Child(compiler), cache: cache.map(Path::to_owned) };
    Sandbox::new(options).unwrap()
}

#[track_caller]
fn fails(compiler: ChildCompiler) -> LoadError {
    sandbox(compiler, None).compile(attacker_file()).err().expect("no compiled module")
}

/// A compiler that would be noticed if it were asked.
fn absent() -> ChildCompiler {
    ChildCompiler::new(PathBuf::from("/nonexistent/compiler"), Vec::new())
}

#[test]
fn what_another_process_compiled_runs_here() {
    let compiled = sandbox(child("compile"), None).compile(attacker_file()).unwrap();
    let mut module = compiled.instantiate(&Limits::default()).unwrap();
    let (host, result) = ask(&mut *module, &["add:5"]);
    assert_eq!(result, Ok(()));
    assert!(host.replies[0].starts_with("5 "), "{:?}", host.replies);
}

#[test]
fn invalid_code_is_refused_with_the_compilers_reason() {
    let wat = r#"(component
        (core module (func (result i32)))
        (instance $i) (export "wod:zone/logic@1.0.0" (instance $i)))"#;
    let error = sandbox(child("compile"), None).compile(&wat::parse_str(wat).unwrap()).err().unwrap();
    assert!(matches!(error, LoadError::Invalid(_)), "{error}");
    assert!(error.to_string().contains("expected i32 but nothing on stack"), "{error}");
}

#[test]
fn a_compiler_that_hangs_is_killed() {
    for mode in ["hang", "deaf"] {
        let error = fails(ChildCompiler { time: Duration::from_millis(50), ..child(mode) });
        assert!(matches!(error, LoadError::CompileTime(_)), "{mode}: {error}");
    }
}

#[test]
fn a_compiler_over_its_memory_dies_alone() {
    let large = tiny(&format!("(data \"{}\")", "x".repeat(24 << 20)));
    let compiler = ChildCompiler { memory_bytes: 48 << 20, ..child("compile") };
    let error = sandbox(compiler, None).compile(&large).err().expect("no compiled module");
    assert!(matches!(error, LoadError::CompilerDied { .. }), "{error}");
    assert!(error.to_string().contains("it may use 50331648 bytes"), "{error}");
}

#[test]
fn a_compiler_that_crashes_or_is_missing_is_named() {
    let error = fails(child("crash"));
    assert!(matches!(&error, LoadError::CompilerDied { status, .. } if status.contains("SIGABRT")), "{error}");
    let error = fails(child("unknown mode"));
    assert!(matches!(&error, LoadError::CompilerDied { .. }), "{error}");
    let error = fails(absent());
    assert!(matches!(&error, LoadError::CompilerMissing { .. }), "{error}");
}

#[test]
fn a_restart_takes_from_disk_what_was_compiled_before_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    sandbox(child("compile"), Some(dir.path())).compile(attacker_file()).unwrap();

    let restarted = sandbox(absent(), Some(dir.path()));
    let mut module = restarted.compile(attacker_file()).unwrap().instantiate(&Limits::default()).unwrap();
    assert_eq!(ask(&mut *module, &["add:1"]).1, Ok(()));
    assert!(matches!(restarted.compile(&tiny("")), Err(LoadError::CompilerMissing { .. })), "never compiled before");

    let kept = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
    let kept: Vec<_> = kept.filter(|path| path.extension().is_some_and(|extension| extension == "cwasm")).collect();
    let [kept] = kept.as_slice() else { panic!("one compiled module, not {kept:?}") };
    let mut code = fs::read(kept).unwrap();
    *code.last_mut().unwrap() ^= 1;
    fs::write(kept, code).unwrap();
    assert!(matches!(restarted.compile(attacker_file()), Err(LoadError::CompilerMissing { .. })), "tampered with");
}
