//! Every limit, attacked. Each attack ends as the fault that names it, and beside it an untouched instance goes on.

use wod_sandbox::{Limits, LoadError, TimeLimits};
use wod_sim::module::{Fault, FaultKind, Saved};

use crate::host::Host;
use crate::support::{
    ask, attacker, attacker_describing, impatient, instance, patient, sandbox, setup, tick, tiny, tiny_with,
};

/// A tick of these events fails with this fault at the last of them, its host calls come back, and a bystander on another
/// thread, with the default time for its own work, neither fails nor notices.
#[track_caller]
fn falls(texts: &[&str], kind: FaultKind) -> (Host, Fault) {
    let bystander = Bystander::start();
    let limits = if kind == FaultKind::OutOfTime { impatient() } else { patient() };
    let mut module = attacker().instantiate(&limits).unwrap();
    let (host, result) = ask(&mut *module, texts);
    let fault = result.expect_err("the attack must not succeed");
    assert_eq!(fault.kind, kind, "{fault}");
    assert_eq!(fault.event, Some(texts.len() as u32 - 1), "{fault}");
    bystander.finish();
    (host, fault)
}

/// Another instance of the same module that ticks on another thread until it is told to finish.
struct Bystander {
    stop_tx: std::sync::mpsc::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Bystander {
    fn start() -> Self {
        let (stop_tx, stop_rx) = std::sync::mpsc::channel::<()>();
        let (ready_tx, ready_rx) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut module = attacker().instantiate(&Limits::default()).unwrap();
            let mut ticks = 0_u64;
            while ticks < 2 || stop_rx.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                ticks += 1;
                let (host, result) = ask(&mut *module, &["add:1"]);
                assert_eq!(result, Ok(()));
                assert!(host.replies[0].starts_with(&format!("{ticks} at 7")), "{:?}", host.replies);
                let _ = ready_tx.send(());
            }
        });
        ready_rx.recv().unwrap();
        Self { stop_tx, thread }
    }

    fn finish(self) {
        drop(self.stop_tx);
        self.thread.join().unwrap();
    }
}

#[test]
fn an_endless_loop_in_a_tick_is_out_of_time() {
    let (_, fault) = falls(&["add:1", "loop"], FaultKind::OutOfTime);
    assert!(fault.detail.contains("it may for 5 ms"), "{fault}");
}

#[test]
fn an_endless_loop_in_init_is_out_of_time() {
    let mut module = attacker().instantiate(&impatient()).unwrap();
    let returned = module.init(&setup("loop"), Box::new(Host::default()));
    assert_eq!(returned.result.unwrap_err().kind, FaultKind::OutOfTime);
    assert_eq!(Host::of(returned.calls), Host::default());
}

#[test]
fn an_endless_loop_in_load_is_out_of_time() {
    let saved = instance().save().unwrap();
    let mut module = attacker().instantiate(&impatient()).unwrap();
    assert_eq!(module.load(&setup("loop"), &saved).unwrap_err().kind, FaultKind::OutOfTime);
}

#[test]
fn an_endless_loop_in_save_is_out_of_time() {
    let mut module = attacker().instantiate(&impatient()).unwrap();
    ask(&mut *module, &["save:loop"]).1.unwrap();
    let fault = module.save().unwrap_err();
    assert_eq!((fault.kind, fault.event), (FaultKind::OutOfTime, None));
}

#[test]
fn an_endless_loop_before_or_in_describe_makes_it_unloadable() {
    for file in [attacker_describing("loop"), tiny("(func $for-ever (loop (br 0))) (start $for-ever)")] {
        let error = sandbox().compile(&file).unwrap().instantiate(&impatient()).err().unwrap();
        let LoadError::Start(fault) = error else { panic!("{error}") };
        assert_eq!(fault.kind, FaultKind::OutOfTime);
    }
}

#[test]
fn a_call_that_lasts_too_long_in_real_time_is_out_of_time_too() {
    let time = TimeLimits { tick_ms: u32::MAX, wall_ms: 1, ..TimeLimits::default() };
    let mut module = attacker().instantiate(&Limits { time: Some(time), ..Limits::default() }).unwrap();
    let fault = ask(&mut *module, &["loop"]).1.unwrap_err();
    assert_eq!(fault.kind, FaultKind::OutOfTime);
    assert!(fault.detail.contains("the call lasted"), "{fault}");
}

#[test]
fn growing_memory_without_end_is_out_of_memory() {
    let limits = Limits { memory_bytes: 16 << 20, ..patient() };
    let mut module = attacker().instantiate(&limits).unwrap();
    let fault = ask(&mut *module, &["grow"]).1.unwrap_err();
    assert_eq!(fault.kind, FaultKind::OutOfMemory, "{fault}");
    assert!(fault.detail.contains("at most 16777216 are allowed"), "{fault}");
}

#[test]
fn memory_that_a_module_is_born_with_counts_too() {
    let file = tiny("(memory 2000)");
    let error = sandbox().compile(&file).err().map(|error| error.to_string());
    // More than one memory is a wasm feature that we leave on; the sum is what counts.
    assert_eq!(error, None);
    let error = sandbox().compile(&file).unwrap().instantiate(&Limits::default()).err().unwrap();
    let LoadError::Start(fault) = error else { panic!("{error}") };
    assert_eq!(fault.kind, FaultKind::OutOfMemory, "{fault}");
}

#[test]
fn growths_that_fail_make_no_room_for_others() {
    // 1,024 pages are allowed, 2 are there. What is over the memory's own maximum fails whatever the limit is.
    let extra = r#"
        (memory $small 1 2)
        (func $cheat (local $n i32)
          (loop $again
            (drop (memory.grow $small (i32.const 100)))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $n) (i32.const 1000))))
          (if (i32.ne (memory.grow 0 (i32.const 1023)) (i32.const -1)) (then unreachable))
          (if (i32.eq (memory.grow 0 (i32.const 1022)) (i32.const -1)) (then unreachable)))
        (start $cheat)"#;
    sandbox().compile(&tiny(extra)).unwrap().instantiate(&Limits::default()).map(drop).unwrap();
}

#[test]
fn tables_memories_and_instances_over_their_limits_make_it_unloadable() {
    let file = sandbox().compile(&tiny("(table 70000 funcref)")).unwrap();
    let refused = |limits: Limits| {
        let LoadError::Start(fault) = file.instantiate(&limits).err().expect("refused") else {
            panic!("not at its start")
        };
        fault
    };
    let fault = refused(Limits::default());
    assert_eq!(fault.kind, FaultKind::OutOfMemory, "{fault}");
    let roomy = Limits { table_elements: 100_000, ..Limits::default() };
    file.instantiate(&roomy).map(drop).unwrap();
    for limits in [
        Limits { memories: 0, ..roomy.clone() },
        Limits { tables: 0, ..roomy.clone() },
        Limits { instances: 0, ..roomy },
    ] {
        let fault = refused(limits);
        assert!(fault.detail.contains("count too high"), "{fault}");
    }
}

#[test]
fn every_oversized_argument_is_named() {
    for attack in ["big-text", "big-list", "big-bytes"] {
        let (host, _) = falls(&["nothing", attack], FaultKind::HostCallTooLarge);
        assert_eq!((host.acts, host.lines.len()), (0, 0), "{attack}");
    }
}

#[test]
fn a_flood_of_host_calls_is_out_of_time() {
    falls(&["flood"], FaultKind::OutOfTime);
    let (host, _) = falls(&["flood-queries"], FaultKind::OutOfTime);
    assert!(host.queries.get() > 0);
}

#[test]
fn acts_over_the_limit_of_a_call_are_refused_one_by_one() {
    let mut module = instance();
    let (host, result) = ask(&mut *module, &["flood-acts"]);
    assert_eq!(result, Ok(()));
    assert!(
        host.lines[0].starts_with("4096 accepted, then [Err(Refusal { code: 7, name: \"too-many\""),
        "{:?}",
        host.lines
    );
}

#[test]
fn deep_recursion_is_a_stack_overflow() {
    // Rust's own stack, in linear memory, ends first.
    let (_, fault) = falls(&["recurse"], FaultKind::StackOverflow);
    assert!(fault.detail.contains("wod_attacker::attacks::recurse"), "{fault}");

    let file = tiny(
        "(func $deep (result i64) (i64.add (call $deep) (i64.const 1))) (func $go (drop (call $deep))) (start $go)",
    );
    let error = sandbox().compile(&file).unwrap().instantiate(&Limits::default()).err().unwrap();
    let LoadError::Start(fault) = error else { panic!("{error}") };
    assert_eq!(fault.kind, FaultKind::StackOverflow, "{fault}");
}

#[test]
fn a_panic_is_a_trap_that_names_its_event_its_message_and_its_place() {
    let (host, fault) = falls(&["add:5", "nothing", "panic"], FaultKind::Trap);
    assert_eq!(host.acts, 1, "what it asked for before comes back, for the zone to drop");
    assert!(fault.detail.contains("a beam of daylight"), "{fault}");
    assert!(fault.detail.contains("wod_attacker::attacks::run"), "{fault}");
}

#[test]
fn an_access_out_of_bounds_is_a_trap() {
    let (_, fault) = falls(&["out-of-bounds"], FaultKind::Trap);
    assert!(fault.detail.contains("out of bounds"), "{fault}");
}

#[test]
fn odd_arguments_reach_the_zone_unharmed() {
    let mut module = instance();
    let (host, result) = ask(&mut *module, &["odd-arguments"]);
    assert_eq!((host.replies.as_slice(), result), (["through".to_owned()].as_slice(), Ok(())));
}

#[test]
fn a_save_over_its_size_is_too_large_and_one_just_under_is_not() {
    for (bytes, fits) in [(8 << 20, true), ((8 << 20) + 1, false), (40 << 20, false)] {
        let mut module = instance();
        ask(&mut *module, &[&format!("save:size={bytes}")]).1.unwrap();
        match module.save() {
            Ok(saved) => assert!(fits && saved.bytes.len() == bytes, "{bytes}"),
            Err(fault) => assert!(!fits && fault.kind == FaultKind::SaveTooLarge, "{bytes}: {fault}"),
        }
    }
}

#[test]
fn an_import_called_in_save_load_or_describe_traps_with_a_clear_message() {
    let mut module = instance();
    ask(&mut *module, &["save:import"]).1.unwrap();
    let fault = module.save().unwrap_err();
    assert_eq!(fault.kind, FaultKind::Trap);
    assert!(fault.detail.contains("called `random.next` during `save`, where no import may be called"), "{fault}");

    let saved = instance().save().unwrap();
    let fault = instance().load(&setup("import"), &saved).unwrap_err();
    assert!(fault.detail.contains("called `random.next` during `load`"), "{fault}");

    let error =
        sandbox().compile(&attacker_describing("import")).unwrap().instantiate(&Limits::default()).err().unwrap();
    assert!(error.to_string().contains("called `random.next` during `describe`"), "{error}");
}

#[test]
fn a_panic_where_nothing_may_be_logged_still_tells_its_message() {
    let mut module = instance();
    ask(&mut *module, &["save:panic"]).1.unwrap();
    let fault = module.save().unwrap_err();
    assert!(fault.detail.contains("a beam of daylight"), "{fault}");
}

#[test]
fn a_description_out_of_bounds_makes_it_unloadable() {
    let error =
        sandbox().compile(&attacker_describing("verbs")).unwrap().instantiate(&Limits::default()).err().unwrap();
    assert!(matches!(&error, LoadError::Description(_)), "{error}");
    assert!(error.to_string().contains("300 verbs, at most 256"), "{error}");

    let error = sandbox().compile(&attacker_describing("huge")).unwrap().instantiate(&Limits::default()).err().unwrap();
    let LoadError::Start(fault) = error else { panic!("{error}") };
    assert_eq!(fault.kind, FaultKind::HostCallTooLarge);
}

#[test]
fn what_a_module_refuses_is_a_refusal_in_its_own_words() {
    let returned = instance().init(&setup("refuse"), Box::new(Host::default()));
    let refused = Err(Fault { kind: FaultKind::Refused, detail: "not in this zone".into(), event: None });
    assert_eq!(returned.result, refused);
    let saved = instance().save().unwrap();
    assert_eq!(instance().load(&setup("refuse"), &saved), refused);
    let foreign = Saved { schema: 9, bytes: vec![1, 2, 3] };
    assert_eq!(instance().load(&setup(""), &foreign).unwrap_err().detail, "not 8 bytes");
}

#[test]
fn an_instance_that_fell_stays_down() {
    let mut module = instance();
    ask(&mut *module, &["panic"]).1.unwrap_err();
    let (_, result) = tick(&mut *module, &[]);
    assert_eq!(result.unwrap_err().kind, FaultKind::Trap);
    assert_eq!(module.save().unwrap_err().kind, FaultKind::Trap);
}

#[test]
fn a_replay_has_all_the_time_it_needs() {
    let mut hasty = impatient();
    hasty.time.as_mut().unwrap().tick_ms = 1;
    // Much of it: on a busy machine the clock's thread looks late.
    let fault = ask(&mut *attacker().instantiate(&hasty).unwrap(), &["work"; 20]).1.unwrap_err();
    assert_eq!(fault.kind, FaultKind::OutOfTime);
    let mut replayed = attacker().instantiate(&hasty.unlimited_time()).unwrap();
    assert_eq!(ask(&mut *replayed, &["work"]).1, Ok(()));
}

#[test]
fn pointers_that_lead_nowhere_are_traps() {
    let results = r#"#save") (result i32) i32.const 128"#;
    let described = r#"#describe") (result i32) i32.const 16"#;
    let realloc = "i32.const 1024";
    for (part, replacement) in [
        (described, r#"#describe") (result i32) i32.const -4"#),
        (described, r#"#describe") (result i32) i32.const 17"#),
        // Its name: 4 GiB long; not UTF-8.
        ("\\40\\00\\00\\00\\04\\00\\00\\00", "\\40\\00\\00\\00\\ff\\ff\\ff\\ff"),
        ("tiny1", "\\ff\\fe\\fd\\fc1"),
    ] {
        let error =
            sandbox().compile(&tiny_with(part, replacement)).unwrap().instantiate(&Limits::default()).err().unwrap();
        assert!(matches!(error, LoadError::Start(_)), "{replacement}: {error}");
    }

    let file = tiny_with(results, r#"#save") (result i32) i32.const 0x7fffffff"#);
    let mut module = sandbox().compile(&file).unwrap().instantiate(&Limits::default()).unwrap();
    assert_eq!(module.save().unwrap_err().kind, FaultKind::Trap);

    for pointer in ["i32.const -1", "i32.const 65530", "i32.const 1023"] {
        let file = tiny_with(realloc, pointer);
        let mut module = sandbox().compile(&file).unwrap().instantiate(&Limits::default()).unwrap();
        let fault = ask(&mut *module, &["hello"]).1.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Trap, "{pointer}: {fault}");
    }
}

#[test]
fn a_loop_while_the_host_hands_over_events_is_out_of_time() {
    let file = tiny_with("i32.const 1024", "(loop (br 0)) i32.const 1024");
    let mut module = sandbox().compile(&file).unwrap().instantiate(&impatient()).unwrap();
    assert_eq!(ask(&mut *module, &["hello"]).1.unwrap_err().kind, FaultKind::OutOfTime);
}
