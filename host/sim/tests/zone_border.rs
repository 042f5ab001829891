//! Over a border: who is seen, heard and addressed beyond it, and what onlookers notice of those who cross.
#![allow(clippy::unwrap_used, reason = "tests")]

mod zone_support;

use proptest::prelude::*;
use wod_protocol::bus::{BorderCard, BorderFrame, CommandBody, DetachReason, MessageBody, Moved};
use wod_protocol::client::{ChatMode, Kind, TagValue};
use wod_protocol::ids::{EntityId, Epoch, Hop, HostId, Token, ZoneNo};
use wod_protocol::units::{Heading, Pos};
use wod_sim::io::{Input, Took};
use wod_sim::zone::Sleep;
use zone_support::{Client, EAST, FAR, NORTH, Node, Town, WEST};

/// Ann in the west and Bob in the east, some metres from each other.
fn neighbours() -> (Town, usize, usize) {
    let mut town = Town::new(&[WEST, EAST]);
    let (ann, bob) = (town.join("Ann", WEST), town.join("Bob", EAST));
    town.walk(ann, 98.0, 50.0);
    town.walk(bob, 102.0, 50.0);
    town.steps(3);
    (town, ann, bob)
}

/// The same with the east's puppet beside Bob.
fn with_puppet() -> (Town, usize, usize, EntityId) {
    let mut town = Town::new(&[WEST, EAST]);
    let (ann, bob) = (town.join("Ann", WEST), town.join("Bob", EAST));
    town.act(bob, |client| client.say("follow"));
    town.walk(bob, 101.0, 50.0);
    town.walk(ann, 99.0, 50.0);
    town.steps(900);
    let puppet = *town.clients[bob].roster.iter().find(|id| is_from(**id, EAST) && **id != id_of(&town, ann)).unwrap();
    (town, ann, bob, puppet)
}

fn id_of(town: &Town, who: usize) -> EntityId {
    town.clients[who].you()
}

fn is_from(id: EntityId, zone: ZoneNo) -> bool {
    id.0 >> EntityId::COUNTER_BITS == u64::from(zone.0)
}

/// How often somebody came into and went out of a client's roster.
fn comings(client: &Client, who: EntityId) -> (usize, usize) {
    let count = |comes| client.comings.iter().filter(|(id, came)| *id == who && *came == comes).count();
    (count(true), count(false))
}

/// Frames that a zone has sent to its neighbour in the west or east with its last tick.
fn frames(town: &mut Town, zone: ZoneNo) -> Vec<BorderFrame> {
    town.node(zone).effects.borders.iter().filter(|frame| frame.to != NORTH).cloned().collect()
}

#[test]
fn players_on_both_sides_see_each_other_as_ghosts() {
    let (mut town, ann, bob) = neighbours();
    let (ann_id, bob_id) = (id_of(&town, ann), id_of(&town, bob));
    let seen = &town.clients[ann].cards[&bob_id];
    assert!(town.clients[ann].roster.contains(&bob_id) && seen.ghost);
    assert_eq!((seen.kind, seen.name.as_str(), seen.at.metres()), (Kind::Player, "Bob", (102.0, 50.0)));
    assert!(town.clients[bob].cards[&ann_id].ghost);
    let puppet = *town.clients[ann].roster.iter().find(|id| is_from(**id, EAST) && **id != bob_id).unwrap();
    assert_eq!(town.clients[ann].cards[&puppet].verbs.len(), 3, "what can be done with it is seen too");
    // Every step, and what changes of their looks.
    town.walk(bob, 110.0, 55.0);
    town.act(bob, |client| client.chat(ChatMode::Shout, "tag"));
    town.steps(4);
    let seen = &town.clients[ann].cards[&bob_id];
    assert_eq!(seen.at.metres(), (110.0, 55.0));
    assert_eq!(seen.tags, [("title".to_owned(), TagValue::Text("Baron".into()))], "of his own tags nothing is seen");
    town.act(bob, |client| client.detach(DetachReason::Lost));
    town.steps(3);
    assert!(town.clients[ann].cards[&bob_id].tags.contains(&("away".to_owned(), TagValue::Flag(true))));
    assert_eq!(comings(&town.clients[ann], bob_id), (1, 0));
    town.check_copies();
}

#[test]
fn a_line_reaches_those_within_earshot_beyond_the_border_once() {
    let (mut town, ann, bob) = neighbours();
    let eve = town.join("Eve", EAST);
    town.walk(eve, 120.0, 50.0);
    (town.loss, town.doubling) = (30, 30);
    for line in 0..20 {
        town.act(ann, |client| client.say(&format!("say {line}")));
        town.act(bob, |client| client.chat(ChatMode::Emote, &format!("emote {line}")));
        town.step();
    }
    town.act(ann, |client| client.chat(ChatMode::Shout, "shout"));
    town.steps(200);
    let heard = |who: usize, beginning: &str| {
        let lines = town.clients[who].lines();
        lines.iter().filter(|line| line.starts_with(beginning)).count()
    };
    assert_eq!((heard(bob, "Ann: say"), heard(bob, "Ann: shout")), (20, 1));
    assert_eq!((heard(eve, "Ann: say"), heard(eve, "Ann: shout")), (0, 1), "she is too far away to hear what is said");
    assert_eq!((heard(ann, "Bob: emote"), heard(eve, "Bob: emote")), (20, 20));
    (town.loss, town.doubling) = (0, 0);
    // The east's puppet stands 53 m from Ann, the west's 47 m.
    assert_eq!((town.events(EAST, "Heard"), town.events(WEST, "Heard")), (1, 1), "characters hear over the border too");
    town.check_copies();
}

#[test]
fn a_character_hears_who_speaks_to_it_from_beyond_the_border_and_is_heard_there() {
    let (mut town, ann, bob, _) = with_puppet();
    town.act(ann, |client| client.say("echo good evening"));
    town.steps(8);
    for who in [ann, bob] {
        let lines = town.clients[who].lines();
        assert_eq!(lines.iter().filter(|line| *line == "Puppet: good evening").count(), 1, "{lines:?}");
    }
    town.check_copies();
}

#[test]
fn a_line_is_heard_by_who_crosses_while_it_is_said() {
    for (loss, doubling) in [(0, 0), (30, 30)] {
        lines_while_crossing(loss, doubling);
    }
}

fn lines_while_crossing(loss: u64, doubling: u64) {
    let (mut town, ann, bob) = neighbours();
    (town.loss, town.doubling) = (loss, doubling);
    for line in 0..120 {
        let x = if (line / 30) % 2 == 0 { 97.0 } else { 103.0 };
        let (at, y) = town.clients[bob].at.metres();
        let step = (x - at).clamp(-0.25, 0.25);
        town.act(bob, |client| client.move_to(at + step, y));
        town.act(ann, |client| client.say(&format!("line {line}")));
        town.step();
        let ack = town.clients[bob].ack();
        let zone = town.clients[bob].zone;
        town.give(zone, ack);
        let ack = town.clients[ann].ack();
        town.give(WEST, ack);
    }
    (town.loss, town.doubling) = (0, 0);
    town.steps(60);
    let lines = town.clients[bob].lines();
    let expected: Vec<String> = (0..120).map(|line| format!("Ann: line {line}")).collect();
    assert_eq!(lines, expected, "each once, and in her order");
    // Where parts are lost he may still be on his way when he should turn round.
    let crossings = if loss == 0 { 3 } else { 1 };
    assert!(town.clients[bob].told.len() > crossings, "he did cross");
    town.check_copies();
}

#[test]
fn a_verb_of_a_ghost_goes_to_its_owner_and_the_answer_comes_back() {
    let (mut town, ann, _, puppet) = with_puppet();
    assert!(town.clients[ann].cards[&puppet].ghost);
    (town.loss, town.doubling) = (30, 30);
    town.act(ann, |client| client.use_on(puppet, "poke"));
    town.step();
    assert_eq!(town.clients[ann].acked, town.clients[ann].seq, "her own zone has taken it");
    town.steps(100);
    assert_eq!(town.clients[ann].rejects(), ["ouch"], "the module's own word");
    town.act(ann, |client| client.use_on(puppet, "talk"));
    town.steps(100);
    let asked = town.clients[ann].messages.iter().filter(|body| matches!(body, MessageBody::Dialogue { .. })).count();
    assert_eq!(asked, 1);
    town.act(ann, |client| client.command(CommandBody::Choose { dialogue: Token(1), option: Some("yes".into()) }));
    town.steps(100);
    let last = town.clients[ann].messages.last().unwrap().clone();
    assert!(matches!(&last, MessageBody::Dialogue { npc, options, .. } if *npc == puppet && options.is_empty()));
    town.act(ann, |client| client.command(CommandBody::Choose { dialogue: Token(1), option: None }));
    town.act(ann, |client| client.use_on(puppet, "dance"));
    town.act(ann, |client| client.use_on(puppet, "trap"));
    town.steps(100);
    assert_eq!(town.clients[ann].rejects(), ["ouch", "no_such_dialogue", "no_such_verb", "module_fault"]);
    (town.loss, town.doubling) = (0, 0);
    town.node(EAST).inbox.push(Input::Rebuilt);
    town.steps(3);
    let told = (town.events(EAST, "Interacted"), town.events(EAST, "Chose"), town.events(WEST, "Interacted"));
    assert_eq!(told, (2, 1, 0), "each once, where it belongs");
    town.check_copies();
}

#[test]
fn an_answer_follows_her_who_has_crossed_meanwhile() {
    let (mut town, ann, _, puppet) = with_puppet();
    town.walk(ann, 99.8, 50.0);
    town.act(ann, |client| client.use_on(puppet, "poke"));
    town.act(ann, |client| client.move_to(100.1, 50.0));
    town.steps(20);
    assert_eq!(town.clients[ann].zone, EAST);
    assert_eq!(town.clients[ann].rejects(), ["ouch"]);
    town.check_copies();
}

#[test]
fn an_answer_follows_her_who_is_out_of_sight_before_it_is_given() {
    for loses_the_module in [false, true] {
        let (mut town, ann, bob, puppet) = with_puppet();
        town.nodes.insert(FAR, Node::new(FAR));
        if loses_the_module {
            town.act(bob, |client| client.use_on(puppet, "trap"));
            town.step();
        }
        // Her own zone passes it on and sends her away within one tick: the east hears of both at once.
        town.act(ann, |client| client.use_on(puppet, "poke"));
        town.act(ann, |client| client.chat(ChatMode::Shout, "zone la.far"));
        town.steps(10);
        assert_eq!(town.clients[ann].zone, FAR);
        if loses_the_module {
            assert!(town.clients[ann].rejects().is_empty(), "nobody has told the module");
            town.node(EAST).inbox.push(Input::Rebuilt);
            town.steps(10);
        }
        assert_eq!(town.events(EAST, "Interacted"), 1, "hers");
        assert_eq!(town.clients[ann].rejects(), ["ouch"]);
        town.check_copies();
    }
}

#[test]
fn what_is_out_of_reach_by_the_time_the_owner_hears_of_it_is_refused() {
    let (mut town, ann, bob, puppet) = with_puppet();
    town.border_loss = 100;
    // The puppet leaves, and the west has not seen that yet.
    town.act(bob, |client| client.chat(ChatMode::Shout, "halt"));
    town.walk(bob, 108.0, 50.0);
    town.act(bob, |client| client.chat(ChatMode::Shout, "follow"));
    town.steps(40);
    town.act(ann, |client| client.use_on(puppet, "poke"));
    town.steps(5);
    assert_eq!(town.clients[ann].rejects(), ["too_far"]);
    town.border_loss = 0;
    town.steps(30);
    town.act(ann, |client| client.use_on(puppet, "poke"));
    town.steps(5);
    assert_eq!(town.clients[ann].rejects(), ["too_far", "too_far"], "now her own zone sees it");
    assert_eq!(town.events(EAST, "Interacted"), 0);
    town.check_copies();
}

#[test]
fn onlookers_on_both_sides_see_nobody_leave_or_enter_who_crosses() {
    let mut town = Town::new(&[WEST, EAST, NORTH]);
    let [ann, bob, dan, eve] =
        [("Ann", WEST), ("Bob", EAST), ("Dan", WEST), ("Eve", NORTH)].map(|(name, zone)| town.join(name, zone));
    town.walk(ann, 98.0, 92.0);
    town.walk(bob, 105.0, 90.0);
    town.walk(dan, 95.0, 90.0);
    town.walk(eve, 95.0, 105.0);
    town.steps(3);
    let id = id_of(&town, ann);
    let flags = |town: &Town| [bob, dan, eve].map(|who| town.clients[who].cards[&id].ghost);
    assert_eq!(flags(&town), [true, false, true]);
    for _ in 0..5 {
        town.cross(ann, 102.0, 92.0);
        town.walk(ann, 102.0, 92.0);
        town.steps(3);
        assert_eq!(flags(&town), [false, true, true]);
        for who in [bob, dan, eve] {
            assert_eq!(town.clients[who].cards[&id].at, town.clients[ann].at);
        }
        town.cross(ann, 98.0, 92.0);
        town.walk(ann, 98.0, 92.0);
        town.steps(3);
        assert_eq!(flags(&town), [true, false, true]);
    }
    for who in [bob, dan, eve] {
        assert_eq!(comings(&town.clients[who], id), (1, 0), "{}", town.clients[who].name);
    }
    town.check_copies();
}

#[test]
fn a_hundred_crossings_leave_one_avatar_and_no_ghost() {
    let (mut town, ann, bob) = neighbours();
    let dan = town.join("Dan", WEST);
    let id = id_of(&town, ann);
    (town.loss, town.doubling, town.lag) = (10, 20, 3);
    for round in 0..100 {
        let x = if town.clients[ann].zone == WEST { 100.4 } else { 99.6 };
        town.cross(ann, x, 50.0);
        town.walk(ann, x, 50.0);
        assert_eq!(town.avatars("Ann"), 1, "round {round}");
    }
    (town.loss, town.doubling, town.lag) = (0, 0, 0);
    town.steps(60);
    assert_eq!(town.clients[ann].zone, WEST);
    let is_her = |town: &mut Town, zone| town.node(zone).zone.ghosts().iter().filter(|(ghost, _)| *ghost == id).count();
    assert_eq!((is_her(&mut town, WEST), is_her(&mut town, EAST)), (0, 1));
    for who in [bob, dan] {
        assert!(town.clients[who].roster.contains(&id), "{}", town.clients[who].name);
    }
    town.act(ann, |client| client.detach(DetachReason::Bye));
    town.steps(4);
    assert_eq!((is_her(&mut town, WEST), is_her(&mut town, EAST)), (0, 0));
    for who in [bob, dan] {
        assert!(!town.clients[who].roster.contains(&id), "{}", town.clients[who].name);
    }
    town.check_copies();
}

#[test]
fn who_crosses_into_a_dead_zone_is_seen_for_some_seconds() {
    let mut town = Town::new(&[WEST, EAST]);
    let (ann, dan) = (town.join("Ann", WEST), town.join("Dan", WEST));
    town.walk(ann, 99.9, 50.0);
    town.nodes.remove(&EAST);
    town.act(ann, |client| client.move_to(100.1, 50.0));
    town.steps(90);
    let id = id_of(&town, ann);
    assert!(town.clients[dan].roster.contains(&id));
    town.steps(20);
    assert!(!town.clients[dan].roster.contains(&id));
    assert_eq!(comings(&town.clients[dan], id), (1, 1));
    town.check_copies();
}

#[test]
fn nobody_flickers_at_the_edge_of_sight_or_along_the_border() {
    let mut town = Town::new(&[WEST, EAST]);
    let (ann, bob) = (town.join("Ann", WEST), town.join("Bob", EAST));
    let (ann_id, bob_id) = (id_of(&town, ann), id_of(&town, bob));
    for x in [109.0, 112.0, 109.0, 112.0, 109.0, 112.0] {
        // 59 and 62 m from Ann.
        town.walk(bob, x, 50.0);
    }
    assert_eq!((comings(&town.clients[ann], bob_id), comings(&town.clients[bob], ann_id)), ((1, 0), (1, 0)));
    town.walk(bob, 118.0, 50.0);
    town.steps(3);
    assert_eq!((comings(&town.clients[ann], bob_id), comings(&town.clients[bob], ann_id)), ((1, 1), (1, 1)));
    town.walk(bob, 101.0, 50.0);
    for y in [20.0, 80.0, 20.0] {
        town.walk(ann, 99.9, y);
    }
    assert_eq!((comings(&town.clients[ann], bob_id), comings(&town.clients[bob], ann_id)), ((2, 1), (2, 1)));
    town.check_copies();
}

#[test]
fn a_new_owner_shows_everything_anew_and_older_frames_are_void() {
    let (mut town, ann, bob) = neighbours();
    let bob_id = id_of(&town, bob);
    town.walk(bob, 103.0, 50.0);
    let mut old = Vec::new();
    for _ in 0..30 {
        town.step();
        old.extend(frames(&mut town, EAST));
    }
    assert!(!old.is_empty());
    let owned = Input::Owned { epoch: Epoch(2), host: HostId::from("h2"), how: Took::Recovered };
    town.node(EAST).inbox.push(owned);
    town.steps(3);
    let mut gone = old.pop().unwrap();
    (gone.seq, gone.leave) = (gone.seq + 50, vec![(bob_id, None)]);
    town.node(WEST).inbox.push(Input::Border(Box::new(gone.clone())));
    town.steps(2);
    assert!(town.clients[ann].roster.contains(&bob_id), "that owner has nothing to say any more");
    // Of the newer owner, one number that was there before.
    (gone.epoch, gone.seq) = (Epoch(2), 1);
    town.node(WEST).inbox.push(Input::Border(Box::new(gone)));
    town.steps(2);
    assert_eq!(comings(&town.clients[ann], bob_id), (1, 0));
    town.walk(bob, 104.0, 50.0);
    town.steps(3);
    assert_eq!(town.clients[ann].cards[&bob_id].at.metres(), (104.0, 50.0));
    // Its other ghosts are those that the new owner shows.
    town.act(bob, |client| client.detach(DetachReason::Bye));
    town.border_loss = 100;
    town.steps(3);
    town.border_loss = 0;
    let owned = Input::Owned { epoch: Epoch(3), host: HostId::from("h3"), how: Took::Recovered };
    town.node(EAST).inbox.push(owned);
    town.steps(3);
    assert!(!town.clients[ann].roster.contains(&bob_id));
    town.check_copies();
}

#[test]
fn a_ghost_that_goes_and_comes_within_a_tick_is_watched_on() {
    let (mut town, ann, bob) = neighbours();
    let bob_id = id_of(&town, bob);
    let mut last = Vec::new();
    while last.is_empty() {
        town.step();
        last = frames(&mut town, EAST);
    }
    town.steps(2);
    town.border_loss = 100;
    // After a stall they come all at once.
    let quiet = last.pop().unwrap();
    let card = town.clients[ann].cards[&bob_id].clone();
    let shown = BorderCard { card, speed: 1536, hop: Hop(1) };
    let leaves = BorderFrame { seq: quiet.seq + 1, leave: vec![(bob_id, None)], ..quiet.clone() };
    let enters = BorderFrame { seq: quiet.seq + 2, enter: vec![shown], ..quiet.clone() };
    let at = Pos::from_metres(103.0, 51.0);
    let moved = Moved { id: bob_id, at, heading: Heading(0), flags: 0 };
    let moves = BorderFrame { seq: quiet.seq + 3, moved: vec![moved], ..quiet };
    for frames in [vec![leaves, enters], vec![moves]] {
        town.node(WEST).inbox.extend(frames.into_iter().map(|frame| Input::Border(Box::new(frame))));
        town.step();
    }
    assert_eq!(town.clients[ann].cards[&bob_id].at, at);
    assert_eq!(comings(&town.clients[ann], bob_id), (1, 0));
    town.check_copies();
}

#[test]
fn a_silent_neighbours_ghosts_stay_for_five_seconds_and_come_back_with_it() {
    let (mut town, ann, bob) = neighbours();
    let bob_id = id_of(&town, bob);
    town.border_loss = 100;
    town.steps(95);
    assert!(town.clients[ann].roster.contains(&bob_id));
    town.steps(30);
    assert!(!town.clients[ann].roster.contains(&bob_id));
    assert!(town.node(WEST).zone.ghosts().is_empty());
    town.border_loss = 0;
    town.steps(25);
    assert!(town.clients[ann].roster.contains(&bob_id));
    assert_eq!(comings(&town.clients[ann], bob_id), (2, 1));
    town.check_copies();
}

#[test]
fn zones_sleep_behind_a_border_that_nobody_looks_over() {
    let mut town = Town::new(&[WEST, EAST]);
    town.steps(5);
    let sleeps = |town: &mut Town, zone| town.node(zone).zone.can_sleep_until() != Sleep::No;
    assert!(sleeps(&mut town, WEST) && sleeps(&mut town, EAST));
    let ann = town.join("Ann", WEST);
    town.walk(ann, 20.0, 20.0);
    town.steps(30);
    assert!(sleeps(&mut town, EAST), "she is far from the border");
    assert!(frames(&mut town, WEST).is_empty() && town.node(EAST).inbox.is_empty());
    town.walk(ann, 60.0, 20.0);
    assert!(!sleeps(&mut town, EAST), "she can see the puppet");
    town.steps(20);
    // Nothing moves.
    let mut count = 0;
    for _ in 0..100 {
        town.step();
        count += frames(&mut town, WEST).len() + frames(&mut town, EAST).len();
    }
    assert_eq!(count, 10, "a frame a second from either side");
    town.walk(ann, 20.0, 20.0);
    town.steps(30);
    assert!(sleeps(&mut town, EAST));
    assert!(town.node(EAST).zone.ghosts().is_empty() && town.node(WEST).zone.ghosts().is_empty());
    // A neighbour that dies while it looks does not keep anybody awake for long.
    town.walk(ann, 60.0, 20.0);
    assert!(!sleeps(&mut town, EAST));
    town.nodes.remove(&WEST);
    town.steps(110);
    assert!(sleeps(&mut town, EAST));
    town.check_copies();
}

#[test]
fn a_character_that_is_seen_over_the_border_counts_as_observed() {
    let mut town = Town::new(&[WEST, EAST]);
    let ann = town.join("Ann", WEST);
    town.walk(ann, 95.0, 50.0);
    town.steps(5);
    assert_eq!(town.events(EAST, "Observed"), 1);
    town.walk(ann, 20.0, 50.0);
    town.steps(5);
    assert_eq!(town.events(EAST, "Observed"), 2);
    town.check_copies();
}

#[test]
fn a_module_can_speak_to_a_ghost_and_not_command_it() {
    let (mut town, ann, bob, _) = with_puppet();
    let before = town.clients[ann].clone();
    // Heard by the east's puppet alone: the west's stands 48 m away.
    for word in ["draw", "come", "follow", "place", "kick", "tag", "speed", "portal", "mute"] {
        town.act(ann, |client| client.say(word));
        town.steps(3);
    }
    town.steps(20);
    let drawn = town.clients[ann]
        .messages
        .iter()
        .filter(|body| matches!(body, MessageBody::Event { name, .. } if name == "drawn"));
    assert_eq!(drawn.count(), 1);
    let after = &town.clients[ann];
    assert_eq!((after.at, after.c, after.corrections, after.zone), (before.at, before.c, before.corrections, WEST));
    assert!(after.attach.is_some() && town.clients[bob].cards[&after.you()].tags.is_empty());
    town.act(ann, |client| client.say("latest"));
    town.steps(4);
    assert_eq!(town.clients[ann].told, before.told);
    town.check_copies();
}

/// Five people wander about where three zones meet, over frames and streams that are lost, doubled and late.
fn wander(seed: u64) -> Town {
    let mut town = Town::new(&[WEST, EAST, NORTH]);
    let people = [("Ann", WEST), ("Bob", EAST), ("Dan", WEST), ("Eve", EAST), ("Kim", NORTH)];
    let people = people.map(|(name, zone)| town.join(name, zone));
    for (who, (x, y)) in
        people.into_iter().zip([(97.0, 80.0), (103.0, 80.0), (96.0, 76.0), (125.0, 80.0), (96.0, 110.0)])
    {
        town.walk(who, x, y);
    }
    town.chance.0 = seed;
    (town.loss, town.doubling, town.border_loss, town.lag) = (10, 10, 20, 4);
    let mut aims = [(0.0, 0.0); 5];
    for tick in 0..600 {
        for who in people {
            if tick % 40 == 0 {
                // Past the portal at (90, 90).
                aims[who] = (94.0 + town.chance.below(40) as f64, 70.0 + town.chance.below(50) as f64);
            }
            let (x, y) = town.clients[who].at.metres();
            let (dx, dy) = (aims[who].0 - x, aims[who].1 - y);
            let share = 0.2 / (dx * dx + dy * dy).sqrt().max(0.2);
            town.act(who, |client| client.move_to(x + dx * share, y + dy * share));
        }
        town.step();
    }
    (town.loss, town.doubling, town.border_loss, town.lag) = (0, 0, 0, 0);
    town.steps(80);
    town
}

/// Whether every roster is the true neighbourhood over both zones.
fn rosters_are_true(town: &Town) -> Result<(), String> {
    for client in &town.clients {
        for other in town.clients.iter().filter(|other| other.session != client.session) {
            let (id, name) = (other.you(), &other.name);
            let distance = (client.at.distance_squared(other.at) as f64).sqrt() / 256.0;
            let sees = client.roster.contains(&id);
            if (sees && distance > 66.0) || (!sees && distance <= 60.0) {
                return Err(format!("{} sees {name} at {distance} m: {sees}", client.name));
            }
            let card = client.cards.get(&id).filter(|_| sees);
            if card.is_some_and(|card| card.at != other.at || card.ghost != (client.zone != other.zone)) {
                return Err(format!("{} sees {name} at {:?}, who is at {:?}", client.name, card, other.at));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn once_all_is_quiet_every_roster_is_the_true_neighbourhood(seed: u64) {
        let mut town = wander(seed);
        let are_true = rosters_are_true(&town);
        prop_assert!(are_true.is_ok(), "{}", are_true.unwrap_err());
        for name in ["Ann", "Bob", "Dan", "Eve", "Kim"] {
            prop_assert_eq!(town.avatars(name), 1);
        }
        town.check_copies();
    }
}

/// The property above is worth as much as the ways it looks at.
#[test]
fn those_who_wander_cross_often() {
    let crossings: usize =
        (0..4).map(|seed| wander(seed).clients.iter().map(|client| client.told.len() - 1).sum::<usize>()).sum();
    assert!(crossings > 20, "{crossings}");
}

#[test]
fn a_zone_that_has_no_module_yet_is_shown_its_neighbours() {
    let mut town = Town::new(&[WEST]);
    let mut closed = Node::new(EAST);
    closed.inbox.truncate(1);
    town.nodes.insert(EAST, closed);
    let ann = town.join("Ann", WEST);
    town.walk(ann, 99.0, 50.0);
    town.act(ann, |client| client.say("anybody?"));
    town.steps(5);
    let (id, ghosts) = (id_of(&town, ann), town.node(EAST).zone.ghosts());
    assert_eq!(ghosts.iter().filter(|(ghost, home)| *ghost == id && *home == WEST).count(), 1);
    town.check_copies();
}
