//! Players in the world: commands and moves out, rosters, updates and reliable messages in.

use std::time::Duration;

use crate::support::*;
use wod_gateway_core::Event;
use wod_gateway_core::limits::*;
use wod_protocol::bus::*;
use wod_protocol::client::*;
use wod_protocol::ids::*;
use wod_protocol::limits::*;
use wod_protocol::units::Pos;

fn updates(messages: &[ServerMsg]) -> Vec<Vec<u64>> {
    let update = |message: &ServerMsg| match message {
        ServerMsg::Update { e, .. } => {
            let mut ids: Vec<u64> = e.iter().map(|entry| entry.0.0).collect();
            ids.sort_unstable();
            Some(ids)
        }
        _ => None,
    };
    messages.iter().filter_map(update).collect()
}

#[test]
fn each_player_is_told_of_the_movement_of_exactly_those_in_her_roster() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    let bob = rig.join(&mut zone, 2, Encoding::MessagePack, "Bob");
    let mut frame = zone.tick();
    frame.cards = vec![entity(10, "A", 1.0, 1.0), entity(11, "B", 2.0, 2.0), entity(12, "C", 3.0, 3.0)];
    frame.rosters = vec![enters(ann.id, &[10, 11, ann.you.0]), enters(bob.id, &[11, 12])];
    rig.frame(&mut zone, frame);
    let ServerMsg::Roster { enter, .. } = &rig.received(ann.conn)[0] else { panic!() };
    assert_eq!(enter.iter().map(|entry| entry.id.0).collect::<Vec<_>>(), [10, 11], "never herself");
    rig.received(bob.conn);

    let mut frame = zone.tick();
    frame.moved = vec![moved(10, 1.5, 1.0), moved(11, 2.5, 2.0), moved(12, 3.5, 3.0), moved(99, 0.0, 0.0)];
    let tick = frame.tick;
    rig.frame(&mut zone, frame);
    let to_ann = rig.received(ann.conn);
    assert_eq!((updates(&to_ann), updates(&rig.received(bob.conn))), (vec![vec![10, 11]], vec![vec![11, 12]]));
    let ServerMsg::Update { tick: told, e, dilation: None } = &to_ann[0] else { panic!() };
    assert_eq!((*told, e[0]), (tick, UpdateEntry(EntityId(10), 1.5, 1.0, 0.0, 0)));

    let mut frame = zone.tick();
    frame.rosters = vec![leaves(ann.id, &[10])];
    frame.moved = vec![moved(10, 1.75, 1.0)];
    rig.frame(&mut zone, frame);
    assert_eq!(kinds(&rig.received(ann.conn)), ["roster"]);
    assert!(rig.received(bob.conn).is_empty());
}

#[test]
fn a_full_roster_replaces_all_that_was_known() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::MessagePack, "Ann");
    let mut frame = zone.tick();
    frame.cards = vec![entity(10, "A", 1.0, 1.0), entity(11, "B", 2.0, 2.0)];
    frame.rosters = vec![enters(ann.id, &[10, 11])];
    rig.frame(&mut zone, frame);
    let mut frame = zone.tick();
    frame.cards = vec![entity(12, "C", 1.0, 1.0)];
    frame.rosters = vec![RosterChange { session: ann.id, full: true, enter: vec![EntityId(12)], leave: vec![] }];
    frame.moved = vec![moved(10, 9.0, 9.0), moved(12, 8.0, 8.0)];
    rig.received(ann.conn);
    rig.frame(&mut zone, frame);
    let received = rig.received(ann.conn);
    assert!(matches!(&received[0], ServerMsg::Roster { full: true, .. }));
    assert_eq!(updates(&received), [[12]]);
}

#[test]
fn attributes_reach_those_who_see_the_entity_and_an_owners_tags_only_her() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    let bob = rig.join(&mut zone, 2, Encoding::MessagePack, "Bob");
    let mut frame = zone.tick();
    frame.cards = vec![entity(10, "A", 1.0, 1.0)];
    frame.rosters = vec![enters(bob.id, &[10])];
    rig.frame(&mut zone, frame);
    rig.received(bob.conn);
    let mut frame = zone.tick();
    let tags = vec![("title".to_owned(), TagValue::Text("Prince".into()))];
    frame.attributes = vec![
        AttributeChange { id: EntityId(10), only: None, what: Attribute::Tags(tags.clone()) },
        AttributeChange { id: EntityId(10), only: None, what: Attribute::Name("Anne".into()) },
        AttributeChange { id: ann.you, only: Some(ann.id), what: Attribute::Tags(tags) },
    ];
    frame.barriers = vec![("gate".into(), true)];
    rig.frame(&mut zone, frame);
    assert_eq!(kinds(&rig.received(ann.conn)), ["barrier", "tags"]);
    assert_eq!(kinds(&rig.received(bob.conn)), ["barrier", "tags", "name"]);
}

#[test]
fn a_player_whom_an_operator_renames_is_told_once() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    rig.received(ann.conn);
    let attached = Attached { name: "Bea".into(), ..zone.arrival(&ann, ann.attach, Seq(0)) };
    for told in [1, 0] {
        let mut frame = zone.tick();
        frame.attached.push(attached.clone());
        rig.frame(&mut zone, frame);
        let renamed = ServerMsg::Name { id: ann.you, name: "Bea".into() };
        assert_eq!(rig.received(ann.conn).iter().filter(|message| **message == renamed).count(), told);
    }
}

#[test]
fn commands_are_acked_when_the_zone_says_so_and_given_again_until_then() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    rig.send(ann.conn, say(1, "one"));
    rig.send(ann.conn, say(2, "two"));
    rig.send(ann.conn, say(2, "two"));
    assert_eq!(commands(&rig.inputs()), [(ELYSIUM, 1), (ELYSIUM, 2)], "a repeat is given once");
    let mut frame = zone.tick();
    frame.acks = vec![(ann.id, Seq(1))];
    rig.frame(&mut zone, frame);
    assert_eq!(rig.received(ann.conn), [ServerMsg::Ack { seq: Seq(1) }]);
    rig.pass(Duration::from_millis(1200));
    assert_eq!(commands(&rig.inputs()), [(ELYSIUM, 2)]);
    let mut frame = zone.tick();
    frame.acks = vec![(ann.id, Seq(2))];
    rig.frame(&mut zone, frame);
    rig.pass(Duration::from_millis(2000));
    assert!(commands(&rig.inputs()).is_empty());
}

#[test]
fn what_the_gateway_refuses_takes_its_place_in_the_numbering() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::MessagePack, "Ann");
    let interact = |seq, args: serde_json::Value| ClientMsg::Interact {
        seq: Seq(seq),
        target: EntityId(5),
        verb: "talk".into(),
        args: Some(args),
    };
    let whisper = |to: Option<&str>| ClientMsg::Chat {
        seq: Seq(6),
        mode: ChatMode::Whisper,
        text: "psst".into(),
        to: to.map(Into::into),
    };
    rig.send(ann.conn, say(1, &"é".repeat(CHAT_CHARS)));
    rig.send(ann.conn, say(2, &"é".repeat(CHAT_CHARS + 1)));
    rig.send(ann.conn, say(3, "bell \u{7}"));
    rig.send(ann.conn, interact(4, "x".repeat(1022).into()));
    rig.send(ann.conn, interact(5, "x".repeat(1023).into()));
    rig.send(ann.conn, whisper(None));
    let refused = |input: &(ZoneNo, GatewayInput)| match &input.1 {
        GatewayInput::Command { body: CommandBody::Void { code, .. }, .. } => Some(Some(code.clone())),
        GatewayInput::Command { .. } => Some(None),
        _ => None,
    };
    let refused: Vec<_> = rig.inputs().iter().filter_map(refused).collect();
    let (long, nobody) = (Some(RejectCode::TooLong), Some(RejectCode::NoSuchPlayer));
    assert_eq!(refused, [None, long.clone(), long.clone(), None, long, nobody]);
}

#[test]
fn a_line_is_passed_on_without_what_nobody_sees_and_refused_when_nothing_is_left() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::MessagePack, "Ann");
    rig.send(ann.conn, say(1, "left\u{202E}right\u{202C}\u{200B} \u{1F469}\u{200D}\u{1F680}"));
    rig.send(ann.conn, say(2, "\u{3164}\u{200B} "));
    rig.send(ann.conn, say(3, "one\u{2028}Bob: two"));
    let bodies = rig.inputs().into_iter().filter_map(|(_, input)| match input {
        GatewayInput::Command { body: CommandBody::Chat { text, .. }, .. } => Some(text),
        GatewayInput::Command { body: CommandBody::Void { code, message }, .. } => Some(format!("{code:?}: {message}")),
        _ => None,
    });
    let expected = [
        "leftright \u{1F469}\u{200D}\u{1F680}",
        "TooLong: there is nothing in that line",
        "TooLong: a line has no control characters",
    ];
    assert_eq!(bodies.collect::<Vec<_>>(), expected);
}

#[test]
fn whom_one_ignores_is_passed_on_and_answered_in_both_encodings() {
    for encoding in [Encoding::Json, Encoding::MessagePack] {
        let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
        let ann = rig.join(&mut zone, 1, encoding, "Ann");
        rig.send(ann.conn, ClientMsg::Ignore { seq: Seq(1), name: Some("Bob".into()) });
        rig.send(ann.conn, ClientMsg::Ignore { seq: Seq(2), name: None });
        rig.send(ann.conn, ClientMsg::Unignore { seq: Seq(3), name: "Bob".into() });
        rig.send(ann.conn, ClientMsg::Ignore { seq: Seq(4), name: Some("B".into()) });
        rig.send(ann.conn, ClientMsg::Unignore { seq: Seq(5), name: " ".repeat(9) });
        let commands = rig.inputs().into_iter().filter_map(|(_, input)| match input {
            GatewayInput::Command { seq, body, .. } => Some((seq.0, body)),
            _ => None,
        });
        let void = || CommandBody::Void { code: RejectCode::NoSuchPlayer, message: "nobody has such a name".into() };
        let expected = [
            CommandBody::Ignore { name: Some("Bob".into()) },
            CommandBody::Ignore { name: None },
            CommandBody::Unignore { name: "Bob".into() },
            void(),
            void(),
        ];
        assert_eq!(commands.collect::<Vec<_>>(), (1..).zip(expected).collect::<Vec<_>>());
        let mut frame = zone.tick();
        let names = vec!["Bob".to_owned(), "Eve".to_owned()];
        frame.messages.push((MessageBody::Ignored { names: names.clone() }, vec![(ann.id, MsgNo(1))]));
        rig.frame(&mut zone, frame);
        assert_eq!(rig.received(ann.conn), [ServerMsg::Ignored { n: MsgNo(1), names }]);
    }
}

#[test]
fn moves_go_in_order_within_the_rate_and_only_the_latest_beyond_it() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    let sent = |rig: &mut Rig| -> Vec<u64> {
        let claim = |(_, input): (ZoneNo, GatewayInput)| match input {
            GatewayInput::Move(claim) => Some(claim.m.0),
            _ => None,
        };
        rig.inputs().into_iter().filter_map(claim).collect()
    };
    // A stall of 200 ms: every corner of the way counts.
    for m in 1..=4 {
        rig.send(ann.conn, walk(m, m as f64, 0.0));
    }
    assert_eq!(sent(&mut rig), [1, 2, 3, 4]);
    // A flood: the burst, and of the rest the latest.
    for m in 5..=200 {
        rig.send(ann.conn, walk(m, m as f64, 0.0));
    }
    let through = sent(&mut rig);
    assert_eq!(through.len(), MOVE_BURST as usize - 4);
    rig.pass(Duration::from_millis(100));
    assert_eq!(sent(&mut rig), [200]);
    assert_eq!(rig.closed(ann.conn), None);
}

#[test]
fn a_move_carries_when_it_was_received() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    rig.pass(Duration::from_millis(250));
    rig.send(ann.conn, walk(1, 2.0, 3.0));
    let inputs = rig.inputs();
    let [(_, GatewayInput::Move(claim))] = inputs.as_slice() else { panic!("{inputs:?}") };
    assert_eq!((claim.received_ms, claim.at, claim.attach), (250, Pos::from_metres(2.0, 3.0), ann.attach));
}

#[test]
fn reliable_messages_are_forwarded_once_in_order_and_a_gap_is_asked_for() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    let bob = rig.join(&mut zone, 2, Encoding::MessagePack, "Bob");
    let texts = |messages: Vec<ServerMsg>| -> Vec<(u64, String)> {
        let chat = |message| match message {
            ServerMsg::Chat { n, text, .. } => Some((n.0, text)),
            _ => None,
        };
        messages.into_iter().filter_map(chat).collect()
    };
    let mut frame = zone.tick();
    frame.messages =
        vec![(line("a"), vec![(ann.id, MsgNo(1)), (bob.id, MsgNo(1))]), (line("b"), vec![(ann.id, MsgNo(2))])];
    rig.frame(&mut zone, frame);
    assert_eq!(texts(rig.received(ann.conn)), [(1, "a".into()), (2, "b".into())]);
    assert_eq!(texts(rig.received(bob.conn)), [(1, "a".into())]);
    rig.inputs();

    let mut frame = zone.tick();
    frame.messages = vec![(line("b"), vec![(ann.id, MsgNo(2))]), (line("d"), vec![(ann.id, MsgNo(4))])];
    rig.frame(&mut zone, frame);
    assert!(texts(rig.received(ann.conn)).is_empty());
    assert_eq!(resyncs(&rig.inputs()), 1);

    let mut frame = zone.tick();
    frame.messages = vec![(line("c"), vec![(ann.id, MsgNo(3))]), (line("d"), vec![(ann.id, MsgNo(4))])];
    rig.frame(&mut zone, frame);
    assert_eq!(texts(rig.received(ann.conn)), [(3, "c".into()), (4, "d".into())]);
}

#[test]
fn a_clients_acks_are_coalesced_and_never_run_ahead() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    let mut frame = zone.tick();
    frame.messages = (1..=3).map(|n| (line("x"), vec![(ann.id, MsgNo(n))])).collect();
    rig.frame(&mut zone, frame);
    rig.inputs();
    for n in [1, 2, 99, 1] {
        rig.send(ann.conn, ClientMsg::Ack { n: MsgNo(n) });
    }
    let ack = GatewayInput::AckMessages { session: ann.id, attach: ann.attach, n: MsgNo(3) };
    assert_eq!(rig.inputs(), [(ELYSIUM, ack)]);
}

#[test]
fn every_kind_of_message_looks_as_the_protocol_says() {
    for encoding in [Encoding::Json, Encoding::MessagePack] {
        let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
        let ann = rig.join(&mut zone, 1, encoding, "Ann");
        let options = vec![DialogueOption { id: "who".into(), text: "Who are you?".into() }];
        let mut frame = zone.tick();
        let dialogue = MessageBody::Dialogue { dialogue: Token(4), npc: EntityId(9), text: "Well?".into(), options };
        let event = MessageBody::Event { name: "hunger".into(), data: r#"{"level":[1,2.5,null]}"#.into() };
        let reject = MessageBody::Reject { seq: Seq(3), code: "too_far".into(), message: "come closer".into() };
        frame.messages = vec![
            (dialogue, vec![(ann.id, MsgNo(1))]),
            (event, vec![(ann.id, MsgNo(2))]),
            (reject, vec![(ann.id, MsgNo(3))]),
        ];
        let latest = LatestEvent { name: "moon".into(), data: "3".into(), to: vec![ann.id] };
        frame.latest = vec![latest];
        let correction = Correction {
            session: ann.id,
            c: CorrectionNo(2),
            m: MoveNo(7),
            at: Pos::from_metres(1.0, 2.0),
            why: "wall".into(),
        };
        frame.corrections = vec![correction];
        frame.dilation = 800;
        rig.frame(&mut zone, frame);
        let received = rig.received(ann.conn);
        assert_eq!(kinds(&received), ["correct", "dialogue", "event", "reject", "event", "update"]);
        assert_eq!(
            received[0],
            ServerMsg::Correct { c: CorrectionNo(2), m: MoveNo(7), x: 1.0, y: 2.0, why: "wall".into() }
        );
        let data = serde_json::json!({"level": [1, 2.5, null]});
        assert_eq!(received[2], ServerMsg::Event { n: Some(MsgNo(2)), name: "hunger".into(), data });
        assert_eq!(received[4], ServerMsg::Event { n: None, name: "moon".into(), data: 3.into() });
        assert!(matches!(&received[5], ServerMsg::Update { dilation: Some(share), .. } if (*share - 0.8).abs() < 1e-6));
    }
}

#[test]
fn a_congested_client_is_owed_only_the_latest_position_of_each_entity_and_the_latest_event_of_each_name() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::MessagePack, "Ann");
    let mut frame = zone.tick();
    frame.cards = vec![entity(10, "A", 0.0, 0.0), entity(11, "B", 0.0, 0.0), entity(12, "C", 0.0, 0.0)];
    frame.rosters = vec![enters(ann.id, &[10, 11, 12])];
    rig.frame(&mut zone, frame);
    rig.received(ann.conn);
    rig.event(Event::Congested { conn: ann.conn });
    for step in 1..=20 {
        let mut frame = zone.tick();
        frame.moved = vec![moved(10, f64::from(step), 0.0), moved(11, 0.0, f64::from(step))];
        frame.moved[1].flags = u8::from(step == 3);
        frame.latest = vec![LatestEvent { name: "moon".into(), data: step.to_string(), to: vec![ann.id] }];
        if step == 5 {
            frame.messages = vec![(line("reliable"), vec![(ann.id, MsgNo(1))])];
        }
        rig.frame(&mut zone, frame);
    }
    assert_eq!(kinds(&rig.received(ann.conn)), ["chat"]);
    rig.event(Event::Writable { conn: ann.conn });
    let received = rig.received(ann.conn);
    assert_eq!(kinds(&received), ["event", "update"]);
    assert_eq!(received[0], ServerMsg::Event { n: None, name: "moon".into(), data: 20.into() });
    let ServerMsg::Update { e, .. } = &received[1] else { panic!() };
    let jump = FLAG_JUMP;
    assert_eq!(e, &[UpdateEntry(EntityId(10), 20.0, 0.0, 0.0, 0), UpdateEntry(EntityId(11), 0.0, 20.0, 0.0, jump)]);
    rig.event(Event::Writable { conn: ann.conn });
    assert!(rig.received(ann.conn).is_empty());
}

#[test]
fn a_ping_is_answered_with_the_zones_tick() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    rig.send(ann.conn, ClientMsg::Ping { c: 123 });
    assert_eq!(rig.received(ann.conn), [ServerMsg::Pong { c: 123, tick: zone.tick }]);
}

#[test]
fn all_players_of_a_host_share_one_envelope_per_flush() {
    let (mut rig, mut elysium) = (Rig::new(), FakeZone::elysium());
    rig.owners.insert(STREETS, rig.owners[&ELYSIUM].clone());
    let guests: Vec<_> = (1..=5).map(|n| rig.join(&mut elysium, n, Encoding::Json, &format!("Guest {n}"))).collect();
    for guest in &guests {
        rig.send(guest.conn, say(1, "hello"));
    }
    let mut effects = Vec::new();
    rig.core.handle(rig.now, Event::Flush, &mut effects);
    assert_eq!(effects.len(), 1, "{effects:?}");
}
