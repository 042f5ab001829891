//! From hello to welcome.

use std::time::Duration;

use crate::support::*;
use wod_gateway_core::{Event, Identity, Whereabouts};
use wod_protocol::bus::*;
use wod_protocol::client::*;
use wod_protocol::ids::*;
use wod_protocol::record::Place;

fn refuse(rig: &mut Rig, zone: &mut FakeZone, request: &AttachRequest, why: RefusedAttach) {
    let mut frame = zone.tick();
    frame.refused.push(AttachRefused { session: request.session, nonce: request.nonce, why });
    rig.frame(zone, frame);
}

#[test]
fn a_guest_is_attached_at_the_start_zone_and_gets_welcome_zone_and_roster_in_this_order() {
    for encoding in [Encoding::Json, Encoding::MessagePack] {
        let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
        let conn = rig.open(1, encoding);
        rig.send(conn, hello_as("  Änn "));
        let (asked, request) = rig.attach_request();
        assert_eq!((asked, request.guest, request.name.as_str()), (ELYSIUM, true, "Änn"));
        assert_eq!((request.sub.as_str(), &request.proof), ("guest:änn", &AttachProof::Login));
        let mut frame = zone.tick();
        frame.attached.push(zone.attached(&request, 1));
        frame.info = Some(Box::new(zone.card()));
        frame.cards.push(entity(77, "Sofia", 51.0, 50.0));
        frame.messages.push((line("welcome"), vec![(request.session, MsgNo(1))]));
        let change = RosterChange { session: request.session, full: true, enter: vec![EntityId(77)], leave: vec![] };
        frame.rosters.push(change);
        rig.frame(&mut zone, frame);
        let received = rig.received(conn);
        assert_eq!(kinds(&received), ["welcome", "zone", "roster", "chat"]);
        let ServerMsg::Zone(info) = &received[1] else { panic!() };
        assert_eq!(
            (info.zone.as_str(), info.region.as_str(), info.bounds),
            ("nyc.elysium", "nyc", [0.0, 0.0, 100.0, 100.0])
        );
        assert_eq!((info.x, info.y, info.speed, info.tick_hz), (50.0, 50.0, 6.0, 20));
        let ServerMsg::Roster { enter, full: true, .. } = &received[2] else { panic!() };
        assert_eq!((enter[0].name.as_str(), enter[0].x), ("Sofia", 51.0));
        assert_eq!(rig.sends, 1, "one write for one tick");
    }
}

#[test]
fn the_token_itself_never_goes_over_the_bus() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let conn = rig.open(1, Encoding::Json);
    rig.send(conn, hello_as("Ann"));
    let (_, request) = rig.attach_request();
    let mut frame = zone.tick();
    frame.attached.push(zone.attached(&request, 1));
    frame.info = Some(Box::new(zone.card()));
    rig.frame(&mut zone, frame);
    let ServerMsg::Welcome { token, .. } = &rig.received(conn)[0] else { panic!() };
    assert_eq!(request.token_hash, Digest::of(token.as_bytes()).0);
}

#[test]
fn a_ticket_is_verified_and_its_player_attached_where_her_record_says() {
    let mut rig = Rig::new();
    rig.tickets.insert("good".into(), Identity { sub: "ann".into(), name: "Ann".into() });
    for (place, zone) in [(Place::Zone(STREETS), ELYSIUM), (Place::Offline, STREETS)] {
        rig.records.insert("ann".into(), Whereabouts { place, zone });
        let conn = rig.open(zone.0.into(), Encoding::Json);
        rig.send(conn, hello_with("good"));
        let (asked, request) = rig.attach_request();
        assert_eq!((asked, request.guest, request.sub.as_str()), (STREETS, false, "ann"));
    }
}

#[test]
fn an_attach_request_is_repeated_with_the_same_nonce_until_it_is_answered() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let conn = rig.open(1, Encoding::Json);
    rig.send(conn, hello_as("Ann"));
    let (_, first) = rig.attach_request();
    rig.pass(Duration::from_millis(1100));
    let (_, second) = rig.attach_request();
    assert_eq!(first, second);
    let mut frame = zone.tick();
    frame.attached.push(zone.attached(&first, 1));
    frame.info = Some(Box::new(zone.card()));
    rig.frame(&mut zone, frame);
    // The answer to the repeat.
    let mut frame = zone.tick();
    frame.attached.push(zone.attached(&first, 1));
    frame.info = Some(Box::new(zone.card()));
    rig.frame(&mut zone, frame);
    assert_eq!(kinds(&rig.received(conn)), ["welcome", "zone"]);
    rig.pass(Duration::from_secs(2));
    assert!(
        !rig.inputs().iter().any(|(_, input)| matches!(input, GatewayInput::Attach(_) | GatewayInput::Detach { .. }))
    );
}

#[test]
fn a_player_found_elsewhere_is_asked_for_there_and_one_in_between_is_looked_for_again() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let conn = rig.open(1, Encoding::Json);
    rig.send(conn, hello_as("Ann"));
    let (_, request) = rig.attach_request();
    refuse(&mut rig, &mut zone, &request, RefusedAttach::Elsewhere(STREETS));
    let (asked, request) = rig.attach_request();
    assert_eq!(asked, STREETS);
    refuse(&mut rig, &mut FakeZone::streets(), &request, RefusedAttach::Retry);
    rig.records.insert("guest:ann".into(), in_elysium());
    rig.pass(Duration::from_millis(200));
    assert_eq!(rig.attach_request().0, ELYSIUM);
    assert_eq!(rig.closed(conn), None);
}

#[test]
fn zones_that_point_at_each_other_end_in_4103_and_not_in_a_loop() {
    let (mut rig, mut elysium, mut streets) = (Rig::new(), FakeZone::elysium(), FakeZone::streets());
    let conn = rig.open(1, Encoding::Json);
    rig.send(conn, hello_as("Ann"));
    for _ in 0..1_010 {
        for (zone, input) in rig.inputs() {
            if let GatewayInput::Attach(request) = input {
                let (at, to) = if zone == ELYSIUM { (&mut elysium, STREETS) } else { (&mut streets, ELYSIUM) };
                refuse(&mut rig, at, &request, RefusedAttach::Elsewhere(to));
            }
        }
        rig.pass(Duration::from_millis(10));
    }
    assert_eq!(rig.closed(conn), Some(CloseCode::Full));
}

#[test]
fn a_zone_without_an_owner_is_attached_to_as_soon_as_it_has_one() {
    let mut rig = Rig::new();
    let owner = rig.owners.remove(&ELYSIUM).unwrap();
    let conn = rig.open(1, Encoding::Json);
    rig.send(conn, hello_as("Ann"));
    rig.pass(Duration::from_secs(2));
    assert!(rig.inputs().is_empty());
    rig.event(Event::Owner { zone: ELYSIUM, owner: Some(owner) });
    assert_eq!(rig.attach_request().0, ELYSIUM);
}

#[test]
fn a_store_that_does_not_answer_is_asked_again() {
    let mut rig = Rig::new();
    rig.store_away = true;
    let conn = rig.open(1, Encoding::Json);
    rig.send(conn, hello_as("Ann"));
    rig.pass(Duration::from_millis(500));
    assert!(rig.inputs().is_empty());
    rig.store_away = false;
    rig.pass(Duration::from_millis(200));
    assert_eq!(rig.attach_request().0, ELYSIUM);
}

#[test]
fn commands_sent_before_welcome_reach_the_zone_after_it() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let conn = rig.open(1, Encoding::MessagePack);
    rig.send(conn, hello_as("Ann"));
    rig.send(conn, say(1, "early"));
    rig.send(conn, ClientMsg::Ping { c: 7 });
    assert_eq!(rig.received(conn), [ServerMsg::Pong { c: 7, tick: Tick(0) }]);
    let (_, request) = rig.attach_request();
    let mut frame = zone.tick();
    frame.attached.push(zone.attached(&request, 1));
    frame.info = Some(Box::new(zone.card()));
    rig.frame(&mut zone, frame);
    assert_eq!(commands(&rig.inputs()), [(ELYSIUM, 1)]);
}

#[test]
fn a_resume_names_session_token_and_last_message_and_continues_the_session() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let guest = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    rig.event(Event::Closed { conn: guest.conn });
    assert!(rig.inputs().iter().any(|(_, input)| *input
        == GatewayInput::Detach { session: guest.id, attach: guest.attach, why: DetachReason::Lost }));
    rig.records.insert("guest:ann".into(), in_elysium());
    let conn = rig.open(2, Encoding::MessagePack);
    rig.send(conn, resume_of(&guest, 5, None));
    let (_, request) = rig.attach_request();
    let token_hash = Digest::of(guest.token.as_bytes()).0;
    assert_eq!(
        (request.session, &request.proof),
        (guest.id, &AttachProof::Resume { token_hash, n: MsgNo(5), history: false })
    );
    let mut frame = zone.tick();
    let attached =
        Attached { attach: AttachNo(2), seq: Seq(8), reason: ZoneReason::Resumed, ..zone.attached(&request, 1) };
    frame.attached.push(attached);
    frame.info = Some(Box::new(zone.card()));
    frame.messages.push((line("five"), vec![(guest.id, MsgNo(5))]));
    frame.messages.push((line("six"), vec![(guest.id, MsgNo(6))]));
    rig.frame(&mut zone, frame);
    let received = rig.received(conn);
    assert_eq!(kinds(&received), ["welcome", "zone", "chat"]);
    let ServerMsg::Welcome { session, token, seq, .. } = &received[0] else { panic!() };
    assert_eq!((session, *seq), (&guest.session, Seq(8)));
    assert_ne!(token, &guest.token);
    // What it sends again, dealt with or not.
    rig.send(conn, say(8, "dealt with"));
    rig.send(conn, say(9, "new"));
    assert_eq!(commands(&rig.inputs()), [(ELYSIUM, 9)]);
}

#[test]
fn a_client_that_has_lost_what_it_showed_gets_its_history_once_and_before_what_is_new() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let guest = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    rig.event(Event::Closed { conn: guest.conn });
    rig.inputs();
    rig.records.insert("guest:ann".into(), in_elysium());
    for (number, history) in [(2_u32, true), (3, false)] {
        let conn = rig.open(number.into(), Encoding::MessagePack);
        let resume = ResumeRequest { session: guest.session.clone(), token: guest.token.clone(), n: MsgNo(5), history };
        rig.send(conn, ClientMsg::Hello { ticket: None, name: None, resume: Some(resume), client: None });
        let (_, request) = rig.attach_request();
        assert!(matches!(request.proof, AttachProof::Resume { history: asked, .. } if asked == history));
        let mut frame = zone.tick();
        frame.attached.push(Attached { attach: AttachNo(number), ..zone.attached(&request, 1) });
        frame.info = Some(Box::new(zone.card()));
        frame.rosters.push(RosterChange { session: guest.id, full: true, enter: vec![], leave: vec![] });
        let heard = ChatLine { from: EntityId(9), name: "Bob".into(), mode: ChatMode::Say, text: "before".into() };
        let histories = vec![(guest.id, vec![heard.clone()])];
        frame.histories.clone_from(&histories);
        frame.messages.push((line("six"), vec![(guest.id, MsgNo(6))]));
        rig.frame(&mut zone, frame);
        let received = rig.received(conn);
        let expected: &[&str] = if history {
            &["welcome", "zone", "roster", "history", "chat"]
        } else {
            &["welcome", "zone", "roster", "chat"]
        };
        assert_eq!(kinds(&received), expected);
        if history {
            assert_eq!(received[3], ServerMsg::History { lines: vec![heard] });
        }
        // Its zone repeats it in a resync.
        let frame = ZoneFrame { histories, ..zone.tick() };
        rig.frame(&mut zone, frame);
        assert_eq!(kinds(&rig.received(conn)), [""; 0]);
        rig.event(Event::Closed { conn });
        rig.inputs();
    }
}

#[test]
fn an_impossible_resume_falls_back_to_the_ticket_and_is_4104_without_one() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    rig.tickets.insert("good".into(), Identity { sub: "ann".into(), name: "Ann".into() });
    let guest = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    rig.records.insert("guest:ann".into(), in_elysium());

    let conn = rig.open(2, Encoding::Json);
    rig.send(conn, resume_of(&guest, 0, None));
    let (_, request) = rig.attach_request();
    // Believed when her record still names that zone.
    refuse(&mut rig, &mut zone, &request, RefusedAttach::ResumeImpossible);
    assert_eq!(rig.closed(conn), None);
    rig.pass(Duration::from_millis(200));
    refuse(&mut rig, &mut zone, &request, RefusedAttach::ResumeImpossible);
    assert_eq!(rig.closed(conn), Some(CloseCode::ResumeImpossible));
    rig.inputs();

    let conn = rig.open(3, Encoding::Json);
    rig.send(conn, resume_of(&guest, 0, Some("good")));
    let (_, request) = rig.attach_request();
    refuse(&mut rig, &mut zone, &request, RefusedAttach::ResumeImpossible);
    rig.pass(Duration::from_millis(200));
    rig.inputs();
    refuse(&mut rig, &mut zone, &request, RefusedAttach::ResumeImpossible);
    let (_, request) = rig.attach_request();
    assert_eq!((request.sub.as_str(), &request.proof), ("ann", &AttachProof::Login));
    assert_ne!(request.session, guest.id);

    // A player who is nowhere can't be resumed, nor one that never was.
    rig.records.insert("guest:ann".into(), Whereabouts { place: Place::Offline, zone: ELYSIUM });
    let conn = rig.open(4, Encoding::Json);
    rig.send(conn, resume_of(&guest, 0, None));
    assert_eq!(rig.closed(conn), Some(CloseCode::ResumeImpossible));
    let conn = rig.open(5, Encoding::Json);
    rig.send(conn, resume_of(&Guest { session: "garbage".into(), ..guest }, 0, None));
    assert_eq!(rig.closed(conn), Some(CloseCode::ResumeImpossible));
}

#[test]
fn a_newer_connection_of_a_session_replaces_the_older_one_of_the_same_gateway() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let guest = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    rig.records.insert("guest:ann".into(), in_elysium());
    let conn = rig.open(2, Encoding::Json);
    rig.send(conn, resume_of(&guest, 0, None));
    let (_, request) = rig.attach_request();
    let mut frame = zone.tick();
    frame.attached.push(Attached { attach: AttachNo(2), ..zone.attached(&request, 1) });
    frame.info = Some(Box::new(zone.card()));
    frame.gone.push(Gone { session: guest.id, attach: AttachNo(1), why: GoneReason::Replaced });
    rig.frame(&mut zone, frame);
    assert_eq!(rig.closed(guest.conn), Some(CloseCode::Replaced));
    assert_eq!(rig.closed(conn), None);
    rig.send(conn, say(1, "still here"));
    let inputs = rig.inputs();
    assert_eq!(commands(&inputs), [(ELYSIUM, 1)]);
    assert!(!inputs.iter().any(|(_, input)| matches!(input, GatewayInput::Detach { .. })), "{inputs:?}");
}

#[test]
fn a_connection_let_in_after_it_was_lost_is_detached() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let conn = rig.open(1, Encoding::Json);
    rig.send(conn, hello_as("Ann"));
    let (_, request) = rig.attach_request();
    rig.event(Event::Closed { conn });
    let mut frame = zone.tick();
    frame.attached.push(zone.attached(&request, 1));
    frame.info = Some(Box::new(zone.card()));
    rig.frame(&mut zone, frame);
    let detach = GatewayInput::Detach { session: request.session, attach: AttachNo(1), why: DetachReason::Lost };
    assert!(rig.inputs().contains(&(ELYSIUM, detach)));
}

#[test]
fn a_name_that_could_be_taken_for_another_is_refused_with_how_to_mend_it() {
    let mut rig = Rig::new();
    for (number, name, mend) in
        [(1, "\u{410}nn", "one script"), (2, "Ann_", "use letters"), (3, "A", "2 to 24"), (4, "An\u{200b}n", "U+200B")]
    {
        let conn = rig.open(number, Encoding::Json);
        rig.send(conn, hello_as(name));
        let received = rig.received(conn);
        let Some(ServerMsg::Bye { reason, .. }) = received.last() else { panic!("{name}: {received:?}") };
        assert!(reason.contains(mend), "{name}: {reason}");
        assert!(reason.len() <= 123, "a close frame holds it: {reason}");
        assert_eq!(rig.closed(conn), Some(CloseCode::Unauthorised));
    }
    let conn = rig.open(5, Encoding::Json);
    rig.send(conn, hello_as(" Ａｎｎ "));
    let (_, request) = rig.attach_request();
    assert_eq!((request.name.as_str(), request.sub.as_str()), ("Ann", "guest:ann"));
}

#[test]
fn a_tickets_bad_name_is_refused_only_while_she_has_no_character() {
    let mut rig = Rig::new();
    rig.tickets.insert("good".into(), Identity { sub: "ann".into(), name: "ann_1".into() });
    let conn = rig.open(1, Encoding::Json);
    rig.send(conn, hello_with("good"));
    assert_eq!(rig.closed(conn), Some(CloseCode::Unauthorised));
    rig.records.insert("ann".into(), Whereabouts { place: Place::Offline, zone: STREETS });
    let conn = rig.open(2, Encoding::Json);
    rig.send(conn, hello_with("good"));
    assert_eq!(rig.attach_request().0, STREETS);
}
