//! Every close code, and what the zone is told.

use std::time::Duration;

use crate::lossy::Luck;
use crate::support::*;
use wod_gateway_core::{ClientFrame, Event, Identity};
use wod_protocol::bus::*;
use wod_protocol::client::*;
use wod_protocol::ids::*;

/// The last message was `bye` with the code that the connection was closed with.
fn closed_with_bye(rig: &mut Rig, conn: wod_gateway_core::ConnId) -> (u16, Option<u32>) {
    let code = rig.closed(conn).expect("closed");
    let received = rig.received(conn);
    let Some(ServerMsg::Bye { code: told, retry_ms, .. }) = received.last() else { panic!("{received:?}") };
    assert_eq!(*told, code.number());
    (*told, *retry_ms)
}

fn detaches(rig: &mut Rig) -> Vec<DetachReason> {
    let detach = |(_, input)| match input {
        GatewayInput::Detach { why, .. } => Some(why),
        _ => None,
    };
    rig.inputs().into_iter().filter_map(detach).collect()
}

#[test]
fn a_bye_is_1000_and_logs_out_at_once() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    rig.send(ann.conn, ClientMsg::Bye {});
    assert_eq!(closed_with_bye(&mut rig, ann.conn), (1000, None));
    assert_eq!(detaches(&mut rig), [DetachReason::Bye]);
}

#[test]
fn a_message_over_16_kib_is_1009() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    rig.send_raw(ann.conn, vec![b' '; 16 * 1024 + 1]);
    assert_eq!(closed_with_bye(&mut rig, ann.conn).0, 1009);
    let bob = rig.join(&mut zone, 2, Encoding::Json, "Bob");
    rig.event(Event::TooBig { conn: bob.conn });
    assert_eq!(closed_with_bye(&mut rig, bob.conn).0, 1009);
}

#[test]
fn whatever_is_no_message_or_comes_out_of_turn_is_4000() {
    let mut rig = Rig::new();
    let frames: [(Encoding, ClientFrame); 6] = [
        (Encoding::Json, ClientFrame::Text("{".into())),
        (Encoding::Json, ClientFrame::Text(r#"{"t":"dance"}"#.into())),
        (Encoding::Json, ClientFrame::Text(r#"{"t":"ping","c":1}"#.into())),
        (Encoding::Json, ClientFrame::Binary(r#"{"t":"hello","name":"Ann"}"#.into())),
        (Encoding::MessagePack, ClientFrame::Text(r#"{"t":"hello","name":"Ann"}"#.into())),
        (Encoding::MessagePack, ClientFrame::Binary(vec![0x81, 0xa1].into())),
    ];
    for (number, (encoding, frame)) in frames.into_iter().enumerate() {
        let conn = rig.open(number as u64, encoding);
        rig.event(Event::Frame { conn, frame });
        assert_eq!(closed_with_bye(&mut rig, conn).0, 4000);
    }
    let mut zone = FakeZone::elysium();
    let ann = rig.join(&mut zone, 10, Encoding::Json, "Ann");
    rig.send(ann.conn, hello_as("Ann"));
    assert_eq!(closed_with_bye(&mut rig, ann.conn).0, 4000);
    let bob = rig.join(&mut zone, 11, Encoding::Json, "Bob");
    rig.send(bob.conn, say(2, "out of turn"));
    assert_eq!(closed_with_bye(&mut rig, bob.conn).0, 4000);
}

#[test]
fn who_is_not_let_in_is_4001() {
    let mut rig = Rig::with(|config| config.allow_guests = false);
    rig.tickets.insert("a guest's".into(), Identity { sub: "guest:ann".into(), name: "Ann".into() });
    rig.tickets.insert("nameless".into(), Identity { sub: "ann".into(), name: "A".into() });
    let nothing = ClientMsg::Hello { ticket: None, name: None, resume: None, client: None };
    let hellos = [hello_as("Ann"), hello_with("forged"), hello_with("a guest's"), hello_with("nameless"), nothing];
    for (number, hello) in hellos.into_iter().enumerate() {
        let conn = rig.open(number as u64, Encoding::Json);
        rig.send(conn, hello);
        assert_eq!(closed_with_bye(&mut rig, conn).0, 4001);
    }
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    for (number, name) in ["", "A", "bell\u{7}", "more than twenty-four characters"].into_iter().enumerate() {
        let conn = rig.open(number as u64, Encoding::Json);
        rig.send(conn, hello_as(name));
        assert_eq!(closed_with_bye(&mut rig, conn).0, 4001, "{name}");
    }
    let conn = rig.open(9, Encoding::Json);
    rig.send(conn, hello_as("Ann"));
    let (_, request) = rig.attach_request();
    let mut frame = zone.tick();
    frame.refused.push(AttachRefused { session: request.session, nonce: request.nonce, why: RefusedAttach::NameTaken });
    rig.frame(&mut zone, frame);
    assert_eq!(closed_with_bye(&mut rig, conn).0, 4001);
}

#[test]
fn a_connection_without_hello_for_5_s_is_4002() {
    let mut rig = Rig::new();
    let conn = rig.open(1, Encoding::Json);
    rig.pass(Duration::from_millis(4900));
    assert_eq!(rig.closed(conn), None);
    rig.pass(Duration::from_millis(200));
    assert_eq!(closed_with_bye(&mut rig, conn).0, 4002);
}

#[test]
fn a_gateway_that_stood_still_reads_what_came_meanwhile_and_has_it_said_again() {
    let mut rig = Rig::new();
    let (conn, mute) = (rig.open(1, Encoding::Json), rig.open(2, Encoding::Json));
    rig.pass(Duration::from_secs(1));
    rig.now += Duration::from_secs(8);
    rig.event(Event::Tick);
    rig.send(conn, hello_as("Ann"));
    assert_eq!(closed_with_bye(&mut rig, conn).0, 4103, "she may have given up, and stand elsewhere");
    rig.pass(Duration::from_millis(200));
    assert_eq!(closed_with_bye(&mut rig, mute).0, 4002);
}

#[test]
fn a_gateway_that_stood_still_calls_nobody_away_from_where_she_has_logged_in_meanwhile() {
    // The tick notices, or the record that was read meanwhile comes first.
    for record_comes in [false, true] {
        let mut rig = Rig::new();
        let (gone, waiting) = (rig.open(1, Encoding::Json), rig.open(2, Encoding::Json));
        rig.pass(Duration::from_secs(1));
        rig.records_are_slow = record_comes;
        rig.send(gone, hello_as("Ann"));
        rig.send(waiting, hello_as("Bob"));
        rig.inputs();
        // Long enough for a request without an answer to be repeated, not for its client to give up.
        rig.now += Duration::from_secs(2);
        for conn in [gone, waiting].into_iter().filter(|_| record_comes) {
            rig.event(Event::Record { conn, found: Ok(None) });
        }
        rig.event(Event::Tick);
        assert_eq!(rig.inputs(), [], "first it reads who has gone");
        rig.event(Event::Closed { conn: gone });
        rig.pass(Duration::from_millis(400));
        assert_eq!(rig.attach_request().1.name, "Bob");
        rig.now += Duration::from_secs(8);
        rig.event(Event::Tick);
        assert_eq!(closed_with_bye(&mut rig, waiting).0, 4103, "he may have given up without a word");
        rig.pass(Duration::from_secs(2));
        assert_eq!(rig.inputs(), []);
    }
}

#[test]
fn the_zones_word_ends_a_connection_with_its_code_and_is_not_answered_with_a_detach() {
    let reasons = [
        (GoneReason::LoggedOut, 1000),
        (GoneReason::Replaced, 4003),
        (GoneReason::Kicked("for shouting".into()), 4004),
        (GoneReason::TooSlow, 4101),
        (GoneReason::Outdated, 4104),
    ];
    for (why, code) in reasons {
        let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
        let ann = rig.join(&mut zone, 1, Encoding::MessagePack, "Ann");
        let mut frame = zone.tick();
        frame.gone.push(Gone { session: ann.id, attach: AttachNo(0), why: why.clone() });
        rig.frame(&mut zone, frame);
        assert_eq!(rig.closed(ann.conn), None, "an older attachment");
        let mut frame = zone.tick();
        frame.gone.push(Gone { session: ann.id, attach: ann.attach, why });
        rig.frame(&mut zone, frame);
        assert_eq!(closed_with_bye(&mut rig, ann.conn).0, code);
        assert!(detaches(&mut rig).is_empty());
    }
}

#[test]
fn draining_sends_everybody_elsewhere_with_4100_and_lets_nobody_in() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    let waiting = rig.open(2, Encoding::MessagePack);
    rig.inputs();
    rig.event(Event::Drain { retry_ms: 1500 });
    assert_eq!(closed_with_bye(&mut rig, ann.conn), (4100, Some(1500)));
    assert_eq!(closed_with_bye(&mut rig, waiting), (4100, Some(1500)));
    assert_eq!(detaches(&mut rig), [DetachReason::Lost]);
    let late = rig.open(3, Encoding::Json);
    assert_eq!(closed_with_bye(&mut rig, late), (4100, Some(1500)));
}

#[test]
fn a_client_that_does_not_read_is_4101_after_256_kib_or_10_s() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    rig.event(Event::Congested { conn: ann.conn });
    for n in 1..=600 {
        let mut frame = zone.tick();
        frame.messages = vec![(line(&"x".repeat(450)), vec![(ann.id, MsgNo(n))])];
        rig.frame(&mut zone, frame);
        if rig.closed(ann.conn).is_some() {
            assert!((480..=520).contains(&n), "after {n} messages");
            break;
        }
    }
    assert_eq!(closed_with_bye(&mut rig, ann.conn).0, 4101);
    assert_eq!(detaches(&mut rig), [DetachReason::Lost]);

    let bob = rig.join(&mut zone, 2, Encoding::Json, "Bob");
    rig.event(Event::Congested { conn: bob.conn });
    rig.pass_with(Duration::from_millis(9500), &mut zone);
    assert_eq!(rig.closed(bob.conn), None);
    rig.pass_with(Duration::from_secs(1), &mut zone);
    assert_eq!(closed_with_bye(&mut rig, bob.conn).0, 4101);
}

#[test]
fn a_silent_connection_is_closed_after_30_s_and_a_ping_of_either_kind_keeps_it() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let silent = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    let pinging = rig.join(&mut zone, 2, Encoding::Json, "Bob");
    let heard = rig.join(&mut zone, 3, Encoding::Json, "Eve");
    for _ in 0..4 {
        rig.pass_with(Duration::from_secs(8), &mut zone);
        rig.send(pinging.conn, ClientMsg::Ping { c: 0 });
        rig.event(Event::Heard { conn: heard.conn });
    }
    assert_eq!(closed_with_bye(&mut rig, silent.conn).0, 4101);
    assert_eq!((rig.closed(pinging.conn), rig.closed(heard.conn)), (None, None));
}

#[test]
fn a_first_excess_of_commands_is_rejected_and_a_persistent_one_is_4102() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::MessagePack, "Ann");
    for seq in 1..=40 {
        rig.send(ann.conn, say(seq, "spam"));
    }
    assert_eq!(rig.closed(ann.conn), None);
    let voids = |(_, input): &(ZoneNo, GatewayInput)| {
        matches!(input, GatewayInput::Command { body: CommandBody::Void { code: RejectCode::TooMany, .. }, .. })
    };
    assert_eq!(rig.inputs().iter().filter(|input| voids(input)).count(), 10);
    for seq in 41..=200 {
        rig.send(ann.conn, say(seq, "spam"));
    }
    let (code, retry_ms) = closed_with_bye(&mut rig, ann.conn);
    assert_eq!(code, 4102);
    assert!(retry_ms.is_some());

    let bob = rig.join(&mut zone, 2, Encoding::MessagePack, "Bob");
    for c in 0..2000 {
        rig.send(bob.conn, ClientMsg::Ping { c });
    }
    assert_eq!(closed_with_bye(&mut rig, bob.conn).0, 4102);
}

#[test]
fn a_full_gateway_a_full_zone_and_a_world_that_does_not_answer_are_4103() {
    let mut rig = Rig::with(|config| config.max_connections = 2);
    let waiting = rig.open(1, Encoding::Json);
    rig.open(2, Encoding::Json);
    let third = rig.open(3, Encoding::Json);
    assert_eq!(closed_with_bye(&mut rig, third).0, 4103);
    rig.send(waiting, hello_as("Ann"));
    rig.pass(Duration::from_millis(10_200));
    assert_eq!(closed_with_bye(&mut rig, waiting).0, 4103);

    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let conn = rig.open(1, Encoding::Json);
    rig.send(conn, hello_as("Ann"));
    let (_, request) = rig.attach_request();
    let mut frame = zone.tick();
    frame.refused.push(AttachRefused { session: request.session, nonce: request.nonce, why: RefusedAttach::Full });
    rig.frame(&mut zone, frame);
    let (code, retry_ms) = closed_with_bye(&mut rig, conn);
    assert_eq!(code, 4103);
    assert!(retry_ms.is_some());
}

#[test]
fn ten_thousand_damaged_messages_end_their_own_connections_and_nobody_elses() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let healthy = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    let messages = [
        hello_as("Eve"),
        say(1, "hello"),
        walk(1, 2.0, 3.0),
        ClientMsg::Interact { seq: Seq(1), target: EntityId(7), verb: "talk".into(), args: Some(vec![1, 2].into()) },
        ClientMsg::Ack { n: MsgNo(u64::MAX >> 12) },
    ];
    let mut luck = Luck(7);
    let mut number = 2;
    let mut victim: Option<(wod_gateway_core::ConnId, Encoding)> = None;
    for _ in 0..10_000 {
        let (conn, encoding) = *victim.get_or_insert_with(|| {
            number += 1;
            let encoding = if luck.percent(50) { Encoding::Json } else { Encoding::MessagePack };
            (rig.open(number, encoding), encoding)
        });
        let message = &messages[luck.below(messages.len() as u64) as usize];
        let mut bytes = wod_protocol::codec::encode_client(encoding, message).to_vec();
        for _ in 0..luck.below(3) {
            let at = luck.below(bytes.len() as u64) as usize;
            bytes[at] = luck.below(256) as u8;
        }
        rig.send_raw(conn, bytes);
        if rig.closed(conn).is_some() {
            assert!([4000, 4001].contains(&closed_with_bye(&mut rig, conn).0));
            victim = None;
        }
    }
    assert!(number > 1_000, "most of them end a connection");
    rig.send(healthy.conn, ClientMsg::Ping { c: 9 });
    assert!(matches!(rig.received(healthy.conn)[..], [ServerMsg::Pong { c: 9, .. }]));
}
