//! What it can do.

use std::hint::black_box;

use crate::wod::zone::query::Filter;
use crate::wod::zone::types::{Audience, ChatMode, Kind, LogLevel, Point, Tag, Value, Verb};
use crate::wod::zone::{act, content, log, metrics, query, random};

/// `request`: of the `admin` event that asked for it.
pub(crate) fn run(attack: &str, request: u64) {
    match attack {
        "loop" => loop {
            black_box(());
        },
        "grow" => loop {
            black_box(Vec::leak(vec![1_u8; 1 << 20]));
        },
        "recurse" => {
            black_box(recurse(black_box(0)));
        }
        "panic" => panic!("a beam of daylight"),
        // SAFETY: none; that is the attack. The address is far outside the memory.
        "out-of-bounds" => unsafe {
            black_box(std::ptr::read_volatile(0xffff_fff0 as *const u8));
        },
        "import" => {
            random::next();
        }
        "flood" => loop {
            metrics::add("flood", 1);
        },
        "flood-queries" => loop {
            query::nearest(Point { x: 0.0, y: 0.0 }, u32::MAX, &any());
        },
        "flood-acts" => {
            let accepted = (0..10_000).filter(|token| act::set_timer(*token, 1, None).is_ok()).count();
            let refusals: Vec<_> = (0..3).map(|token| act::set_timer(token, 1, None)).collect();
            log::write(LogLevel::Info, &format!("{accepted} accepted, then {refusals:?}"), &[]);
        }
        "big-text" => log::write(LogLevel::Info, &"x".repeat(2 << 20), &[]),
        "big-list" => {
            let _ = act::set_tags(1, &[], &vec![String::new(); 200_000]);
        }
        "big-bytes" => {
            let _ = act::send("nyc.docks", "topic", &vec![0; 2 << 20]);
        }
        "odd-arguments" => odd_arguments(request),
        "content" => {
            let words = content::read("words").map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            let _ = act::reply(request, &format!("{words:?}"));
        }
        "floats" => {
            let _ = act::reply(request, &floats());
        }
        "nothing" => {}
        // Some tens of milliseconds.
        "work" => {
            black_box((0..20_000_000_u64).fold(0, |sum, number| black_box(sum ^ number)));
        }
        other => panic!("unknown attack {other}"),
    }
}

fn recurse(depth: u64) -> u64 {
    if depth == u64::MAX {
        return 0;
    }
    let mut frame = [depth; 64];
    frame[(depth % 64) as usize] = recurse(black_box(depth + 1));
    black_box(&frame).iter().fold(0, |sum, part| sum ^ part)
}

fn any() -> Filter {
    Filter { kinds: None, tag: None, except: None }
}

/// Every import with the oddest values its types allow.
fn odd_arguments(request: u64) {
    let nowhere = Point { x: f32::NAN, y: f32::NEG_INFINITY };
    let odd_text = "\0\u{202e}\u{10ffff}".repeat(1000);
    query::entity(u64::MAX);
    query::nearby(nowhere, f32::INFINITY, &any(), u32::MAX);
    query::nearest(nowhere, u32::MAX, &Filter { kinds: Some(Kind::Object), tag: Some(odd_text.clone()), except: Some(0) });
    query::line_of_sight(nowhere, Point { x: f32::MAX, y: f32::MIN_POSITIVE });
    query::path(nowhere, nowhere);
    query::places(&odd_text);
    content::read(&odd_text);
    log::write(LogLevel::Debug, &odd_text, &vec![(odd_text.clone(), odd_text.clone()); 10]);
    metrics::add(&odd_text, u64::MAX);
    metrics::set("", f64::NAN);
    metrics::observe("", f64::NEG_INFINITY);
    let tag = Tag { name: odd_text.clone(), value: Value::Number(f64::NAN), audience: Audience::Server };
    let verb = Verb { id: String::new(), label: odd_text.clone(), reach: f32::NAN };
    let _ = act::spawn(&act::Spawning {
        kind: Kind::Player,
        name: odd_text.clone(),
        at: nowhere,
        heading: f32::NAN,
        tags: vec![tag.clone(); 20],
        verbs: vec![verb.clone(); 20],
    });
    let _ = act::despawn(u64::MAX);
    let _ = act::place(0, nowhere, Some(f32::INFINITY));
    let _ = act::rename(0, "");
    let _ = act::set_tags(0, &[tag], &[odd_text.clone()]);
    let _ = act::set_verbs(0, &[verb]);
    let _ = act::set_sensor(0, -1.0);
    let _ = act::set_speed(0, f32::NAN);
    let _ = act::set_barrier(&odd_text, true);
    let _ = act::go_to(0, &act::Goal::Point(nowhere), f32::NAN);
    let _ = act::go_to(0, &act::Goal::Place(odd_text.clone()), -0.0);
    let _ = act::follow(1, 1, f32::NEG_INFINITY);
    let _ = act::halt(u64::MAX);
    let _ = act::face(0, &act::Goal::Entity(u64::MAX));
    let _ = act::chat(0, ChatMode::Whisper, &odd_text, None);
    let _ = act::say_dialogue(0, u64::MAX, 0, &odd_text, &[]);
    let _ = act::close_dialogue(u64::MAX, u64::MAX);
    let _ = act::tell(act::Hearers::Near((nowhere, f32::NAN)), &odd_text, "{not json", true);
    let _ = act::refuse(0, u64::MAX, "", &odd_text);
    let _ = act::set_timer(u64::MAX, u32::MAX, Some(0));
    act::cancel_timer(u64::MAX);
    let _ = act::save_player(0, &[0; 100_000]);
    let _ = act::send_to(0, &act::Destination::Zone((odd_text.clone(), Some(String::new()))));
    let _ = act::kick(0, &odd_text);
    let _ = act::mute(u64::MAX, u32::MAX);
    let _ = act::send(&odd_text, "", &[]);
    let _ = act::reply(request, "through");
}

/// The bits of what processors are free to choose: NaNs.
fn floats() -> String {
    let zero = black_box(0.0_f64);
    let nans = [zero / zero, f64::INFINITY - black_box(f64::INFINITY), black_box(-1.0_f64).sqrt(), -(zero / zero) * 2.0];
    format!("{:x?}", nans.map(f64::to_bits))
}
