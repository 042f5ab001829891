//! A module that asks for the impossible is refused, each time with a reason, and the zone goes on.
#![allow(clippy::unwrap_used, reason = "tests")]

mod zone_support;

use std::sync::Arc;

use wod_protocol::client::{ChatMode, Kind, TagValue, Verb};
use wod_protocol::ids::{Digest, EntityId, Epoch, HostId, Token};
use wod_sim::io::{Effects, Input, Report, Took};
use wod_sim::module::{
    ACTS_PER_CALL, Audience, Description, Destination, Fault, Filter, Frame, Goal, Hearers, HostCalls, LogLevel,
    Module, Point, Refusal, Returned, Saved, Setup, Spawning, Tag,
};
use wod_sim::zone::{Modules, Prepared, Zone};
use zone_support::{WEST, map, world};

/// Runs its attack in `init`.
struct Hostile {
    description: Description,
    attack: fn(&mut dyn HostCalls),
}

impl Module for Hostile {
    fn description(&self) -> &Description {
        &self.description
    }

    fn init(&mut self, _: &Setup, mut calls: Box<dyn HostCalls>) -> Returned {
        (self.attack)(&mut *calls);
        Returned { calls, result: Ok(()) }
    }

    fn tick(&mut self, _: &Frame, _: &[wod_sim::module::Event], calls: Box<dyn HostCalls>) -> Returned {
        Returned { calls, result: Ok(()) }
    }

    fn save(&mut self) -> Result<Saved, Fault> {
        Ok(Saved { schema: 1, bytes: Vec::new() })
    }

    fn load(&mut self, _: &Setup, _: &Saved) -> Result<(), Fault> {
        Ok(())
    }
}

struct Source(fn(&mut dyn HostCalls));

impl Modules for Source {
    fn take(&mut self, _: &Digest) -> Result<Prepared, Fault> {
        let verbs = vec!["poke".into()];
        let description =
            Description { name: "hostile".into(), version: "1".into(), schema: 1, verbs, config: Vec::new() };
        let module = Box::new(Hostile { description, attack: self.0 });
        Ok(Prepared { module, map: Arc::new(map()), map_digest: Digest::of(b"map") })
    }

    fn rebuilt(&mut self) -> Result<Box<dyn Module>, Fault> {
        unreachable!("nothing faults here")
    }
}

/// The zone after the attack, and what it reported.
fn attacked_by(attack: fn(&mut dyn HostCalls)) -> (Zone, Vec<Report>) {
    let mut zone = Zone::new(world(), WEST);
    let mut effects = Effects::default();
    let owned = Input::Owned { epoch: Epoch(1), host: HostId::from("h"), how: Took::Fresh };
    let swap = Input::Swap { digest: Digest::of(b"h"), probation: 0 };
    let outcome = zone.step(&[owned, swap], &mut Source(attack), &mut effects);
    assert_eq!(outcome.swap, Some(Ok(())));
    let reports = std::mem::take(&mut effects.reports);
    for _ in 0..5 {
        zone.step(&[], &mut Source(attack), &mut effects);
    }
    zone.snapshot().unwrap();
    (zone, reports)
}

const HERE: Point = Point { x: 50.0, y: 50.0 };

fn stone(name: &str, at: Point) -> Spawning {
    Spawning { kind: Kind::Npc, name: name.into(), at, heading: 0.0, tags: Vec::new(), verbs: Vec::new() }
}

#[test]
fn impossible_places_and_numbers_are_refused() {
    attacked_by(|calls| {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let at = Point { x: bad, y: 1.0 };
            assert_eq!(calls.spawn(stone("s", at)), Err(Refusal::Invalid));
            assert_eq!(calls.spawn(Spawning { heading: bad, ..stone("s", HERE) }), Err(Refusal::Invalid));
            assert!(calls.nearby(at, 5.0, &Filter::default(), 5).is_empty());
            assert!(calls.nearby(HERE, f32::NAN, &Filter::default(), 5).is_empty());
            assert!(calls.nearest(at, 5, &Filter::default()).is_empty());
            assert!(!calls.line_of_sight(at, HERE));
            assert!(calls.path(at, HERE).is_none());
        }
        for far in [f32::MAX, -1.0, 1e9] {
            assert_eq!(calls.spawn(stone("s", Point { x: far, y: 1.0 })), Err(Refusal::OutOfBounds));
        }
        let id = calls.spawn(stone("s", HERE)).unwrap();
        for bad in [f32::NAN, -1.0, 1e9] {
            assert_eq!(calls.set_speed(id, bad), Err(Refusal::Invalid));
            assert_eq!(calls.set_sensor(id, bad), Err(Refusal::Invalid));
            assert_eq!(calls.go_to(id, Goal::Point(HERE), bad), Err(Refusal::Invalid));
            let near = Hearers::Near(HERE, bad);
            assert_eq!(calls.tell(near, "e".into(), "1".into(), false), Err(Refusal::Invalid));
        }
        assert_eq!(calls.place(id, HERE, Some(f32::NAN)), Err(Refusal::Invalid));
        assert_eq!(calls.follow(id, id, 1.0), Err(Refusal::Invalid));
        assert_eq!(calls.go_to(id, Goal::Place("nowhere".into()), 1.0), Err(Refusal::NoSuchPlace));
        assert_eq!(calls.set_timer(Token(1), 0, None), Err(Refusal::Invalid));
        assert_eq!(calls.set_timer(Token(1), 1, Some(0)), Err(Refusal::Invalid));
        assert_eq!(calls.set_barrier("door", true), Err(Refusal::NoSuchPlace));
        assert!(calls.nearby(HERE, f32::MAX, &Filter::default(), u32::MAX).len() <= 256);
    });
}

#[test]
fn strangers_and_the_dead_are_not_commanded() {
    attacked_by(|calls| {
        let nobody = EntityId(u64::MAX);
        assert_eq!(calls.despawn(nobody), Err(Refusal::NoSuchEntity));
        assert_eq!(calls.save_player(nobody, Vec::new()), Err(Refusal::NoSuchEntity));
        let id = calls.spawn(stone("s", HERE)).unwrap();
        assert_eq!(calls.kick(id, "x".into()), Err(Refusal::NotYours));
        assert_eq!(calls.mute(id, 1), Err(Refusal::NotYours));
        assert_eq!(calls.chat(id, ChatMode::Whisper, "psst".into(), None), Err(Refusal::Invalid));
        assert_eq!(calls.chat(id, ChatMode::Whisper, "psst".into(), Some(id)), Err(Refusal::NotYours));
        calls.go_to(id, Goal::Point(HERE), 0.0).unwrap();
        calls.despawn(id).unwrap();
        assert_eq!(calls.despawn(id), Err(Refusal::NoSuchEntity));
        assert_eq!(calls.halt(id), Err(Refusal::NoSuchEntity));
        assert_eq!(calls.send("no.where", "t".into(), Vec::new()), Err(Refusal::NoSuchZone));
        let player = Spawning { kind: Kind::Player, ..stone("fake", HERE) };
        assert_eq!(calls.spawn(player), Err(Refusal::Invalid));
        let to = Destination::Portal("gate".into());
        assert_eq!(calls.send_to(nobody, to), Err(Refusal::NoSuchEntity));
    });
}

#[test]
fn what_is_too_large_or_malformed_is_refused() {
    attacked_by(|calls| {
        let id = calls.spawn(stone("s", HERE)).unwrap();
        for name in ["", "   ", "a\u{7}b", &"x".repeat(65)] {
            assert_eq!(calls.rename(id, name.into()), Err(Refusal::Invalid));
        }
        let tag = |name: &str, value| Tag { name: name.into(), value, audience: Audience::Near };
        let put = |calls: &mut dyn HostCalls, tags| calls.set_tags(id, tags, Vec::new());
        assert_eq!(put(calls, vec![tag("away", TagValue::Flag(true))]), Err(Refusal::Invalid));
        assert_eq!(put(calls, vec![tag("n", TagValue::Number(f64::NAN))]), Err(Refusal::Invalid));
        assert_eq!(put(calls, vec![tag("t", TagValue::Text("x".repeat(300)))]), Err(Refusal::TooLarge));
        assert_eq!(put(calls, vec![tag("t", TagValue::Int(1)); 40]), Err(Refusal::TooMany));
        let verb = |id: &str, reach| Verb { id: id.into(), label: "l".into(), reach };
        assert_eq!(calls.set_verbs(id, vec![verb("undeclared", 1.0)]), Err(Refusal::Invalid));
        assert_eq!(calls.set_verbs(id, vec![verb("poke", f32::NAN)]), Err(Refusal::Invalid));
        assert_eq!(calls.chat(id, ChatMode::Say, "x".repeat(501), None), Err(Refusal::TooLarge));
        let tell = |calls: &mut dyn HostCalls, data: String| calls.tell(Hearers::Zone, "e".into(), data, false);
        assert_eq!(tell(calls, "{".into()), Err(Refusal::Invalid));
        assert_eq!(tell(calls, format!("{}{}", "[".repeat(20), "]".repeat(20))), Err(Refusal::Invalid));
        assert_eq!(tell(calls, format!("\"{}\"", "x".repeat(9000))), Err(Refusal::TooLarge));
        assert_eq!(calls.send("ny.east", "t".into(), vec![0; 20_000]), Err(Refusal::TooLarge));
    });
}

#[test]
fn a_flood_of_orders_log_lines_and_figures_ends_at_its_bound() {
    let (zone, reports) = attacked_by(|calls| {
        for line in 0..1000 {
            calls.log(LogLevel::Info, "x".repeat(10_000), vec![(line.to_string(), "v".into()); 100]);
        }
        for _ in 0..1000 {
            calls.count("c".into(), 1);
        }
        let mut refused = 0;
        for number in 0..ACTS_PER_CALL + 100 {
            refused += usize::from(calls.spawn(stone(&number.to_string(), HERE)) == Err(Refusal::TooMany));
        }
        assert_eq!(refused, 100);
        calls.cancel_timer(Token(1));
    });
    assert_eq!(zone.entity_count(), ACTS_PER_CALL);
    let logged =
        |report: &&Report| matches!(report, Report::Log(_, text, fields) if text.len() <= 1024 && fields.len() <= 16);
    assert_eq!(reports.iter().filter(logged).count(), 20);
    let dropped =
        reports.iter().find_map(|report| if let Report::LogDropped(lines) = report { Some(*lines) } else { None });
    assert_eq!(dropped, Some(980));
    assert_eq!(reports.iter().filter(|report| matches!(report, Report::Count(..))).count(), 256);
}
