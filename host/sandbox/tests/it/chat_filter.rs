//! The optional ability to judge what players say: found where it is, bounded as a tick is.

use std::sync::OnceLock;

use wod_protocol::client::ChatMode;
use wod_protocol::ids::{EntityId, Tick};
use wod_sandbox::Compiled;
use wod_sandbox::testing::component;
use wod_sim::module::{Fault, FaultKind, Frame, Line, Module, Point, Verdict};

use crate::host::Host;
use crate::support::{ask, attacker, impatient, instance, patient, sandbox, setup};

fn chapel() -> &'static Compiled {
    static COMPILED: OnceLock<Compiled> = OnceLock::new();
    COMPILED.get_or_init(|| sandbox().compile(&component("tests/modules/chapel", "chapel.wasm")).unwrap())
}

fn opened() -> Box<dyn Module> {
    open(chapel().instantiate(&patient()).unwrap())
}

fn open(mut module: Box<dyn Module>) -> Box<dyn Module> {
    module.init(&setup(""), Box::new(Host::default())).result.unwrap();
    module
}

fn judge(module: &mut dyn Module, lines: &[(ChatMode, &str)]) -> (Host, Result<Vec<Verdict>, Fault>) {
    let frame = Frame { tick: Tick(7), game_ms: 350, dilation: 1.0 };
    let line = |(mode, text): &(ChatMode, &str)| Line {
        speaker: EntityId(11),
        mode: *mode,
        text: (*text).to_owned(),
        at: Point { x: 1.5, y: -2.0 },
    };
    let lines: Vec<Line> = lines.iter().map(line).collect();
    let returned = module.filter(&frame, &lines, Box::new(Host::default()));
    (Host::of(returned.calls), returned.result)
}

fn say(module: &mut dyn Module, text: &str) -> Result<Vec<Verdict>, Fault> {
    judge(module, &[(ChatMode::Say, text)]).1
}

#[test]
fn a_module_is_asked_if_it_exports_the_filter_and_only_then() {
    assert!(opened().filters());
    assert!(!instance().filters());
    let mut plain = attacker().instantiate(&patient()).unwrap();
    assert_eq!(say(&mut *plain, "anything"), Ok(vec![Verdict::Pass]));
}

#[test]
fn every_line_gets_its_verdict_in_one_call() {
    let mut module = opened();
    let lines = [
        (ChatMode::Say, "good evening"),
        (ChatMode::Say, "change amen"),
        (ChatMode::Shout, "good evening"),
        (ChatMode::Emote, "veto No dancing."),
        (ChatMode::Say, "error"),
    ];
    let (host, verdicts) = judge(&mut *module, &lines);
    let expected = [
        Verdict::Pass,
        Verdict::Change("amen (2, at 1.5 -2)".into()),
        Verdict::Veto("Hush!".into()),
        Verdict::Veto("No dancing.".into()),
        Verdict::Pass,
    ];
    assert_eq!(verdicts.as_deref(), Ok(expected.as_slice()));
    assert_eq!(
        host.lines,
        ["judge: the candle went out"],
        "a line that the author's code fails on is heard, and told of"
    );
}

#[test]
fn it_may_act_and_its_state_is_the_modules() {
    let mut module = opened();
    let (host, verdicts) = judge(&mut *module, &[(ChatMode::Say, "kick begone"), (ChatMode::Say, "hm")]);
    assert_eq!((verdicts, host.acts), (Ok(vec![Verdict::Pass; 2]), 1));
    let saved = module.save().unwrap();
    let mut other = chapel().instantiate(&patient()).unwrap();
    other.load(&setup(""), &saved).unwrap();
    assert_eq!(say(&mut *other, "change x"), Ok(vec![Verdict::Change("x (3, at 1.5 -2)".into())]));
}

#[test]
fn what_breaks_a_limit_names_its_line() {
    let fault = |text: &str, limits| {
        let mut module = open(chapel().instantiate(&limits).unwrap());
        judge(&mut *module, &[(ChatMode::Say, "hm"), (ChatMode::Say, text)]).1.unwrap_err()
    };
    let panicked = fault("panic", patient());
    assert_eq!((panicked.kind, panicked.event), (FaultKind::Trap, Some(1)));
    assert!(panicked.detail.contains("a beam of daylight") && panicked.detail.contains("(in `filter`)"), "{panicked}");
    let endless = fault("loop", impatient());
    assert_eq!((endless.kind, endless.event), (FaultKind::OutOfTime, Some(1)));
}

#[test]
fn a_changed_line_is_cut_to_a_lines_length() {
    let verdicts = say(&mut *opened(), "grow ab").unwrap();
    assert_eq!(verdicts, [Verdict::Change("ab".repeat(250))]);
}

#[test]
fn the_calls_of_a_tick_share_one_instance() {
    let mut module = opened();
    say(&mut *module, "hm").unwrap();
    ask(&mut *module, &["anything"]).1.unwrap();
    assert_eq!(say(&mut *module, "change x"), Ok(vec![Verdict::Change("x (2, at 1.5 -2)".into())]));
}
