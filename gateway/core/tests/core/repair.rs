//! What is lost between gateway and zones, and how it is found and mended.

use std::time::Duration;

use crate::support::*;
use wod_gateway_core::limits::RESENDS;
use wod_gateway_core::{Event, Whereabouts};
use wod_protocol::bus::*;
use wod_protocol::client::*;
use wod_protocol::ids::*;
use wod_protocol::record::Place;
use wod_protocol::registry::Owner;

#[test]
fn a_lost_frame_is_noticed_by_the_next_and_asked_for_at_most_every_250_ms() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    rig.join(&mut zone, 1, Encoding::Json, "Ann");
    rig.inputs();
    for _ in 0..3 {
        zone.tick();
        let frame = zone.tick();
        rig.frame(&mut zone, frame);
    }
    assert_eq!(resyncs(&rig.inputs()), 1);
    rig.pass(Duration::from_millis(400));
    assert_eq!(resyncs(&rig.inputs()), 1, "the second is due later, the third with it");
    rig.pass(Duration::from_millis(400));
    assert_eq!(resyncs(&rig.inputs()), 0);
}

#[test]
fn a_correction_whose_frame_is_lost_reaches_the_client_with_the_resync() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    rig.send(ann.conn, walk(7, 50.0, 50.5));
    // Lost: it would have told her of a new `c`. Her moves count for nothing until she knows.
    zone.tick();
    let stands = Attached { nonce: Some(Nonce(1_000_000)), ..zone.arrival(&ann, ann.attach, Seq(0)) };
    let resynced = |zone: &mut FakeZone| {
        let mut frame = zone.tick();
        frame.attached = vec![stands.clone()];
        frame.info = Some(Box::new(zone.card()));
        frame
    };
    let frame = resynced(&mut zone);
    rig.frame(&mut zone, frame);
    let correct = ServerMsg::Correct { c: CorrectionNo(3), m: MoveNo(7), x: 101.0, y: 50.0, why: "placed".into() };
    assert_eq!(rig.received(ann.conn), [correct]);
    // Only once, and not where the same frame says it by itself.
    let frame = resynced(&mut zone);
    rig.frame(&mut zone, frame);
    assert!(rig.received(ann.conn).is_empty());
    let at = stands.at;
    for (c, rezoned) in [(4, false), (5, true)] {
        let c = CorrectionNo(c);
        let mut frame = resynced(&mut zone);
        frame.attached[0].c = c;
        if rezoned {
            frame.rezoned = vec![(ann.id, ZoneReason::Swapped)];
        } else {
            frame.corrections = vec![Correction { session: ann.id, c, m: MoveNo(7), at, why: "wall".into() }];
        }
        rig.frame(&mut zone, frame);
        assert_eq!(kinds(&rig.received(ann.conn)), [if rezoned { "zone" } else { "correct" }]);
    }
}

#[test]
fn frames_of_an_older_owner_and_repeated_frames_are_dropped() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    let mut stale = zone.tick();
    stale.messages = vec![(line("stale"), vec![(ann.id, MsgNo(1))])];
    let mut old = FakeZone { epoch: Epoch(1), host: zone.host.clone(), seq: zone.seq, ..FakeZone::elysium() };
    (zone.epoch, zone.seq, zone.host) = (Epoch(2), 0, "host-c".into());
    let frame = zone.tick();
    rig.frame(&mut zone, frame.clone());
    rig.received(ann.conn);
    rig.frame(&mut old, stale);
    rig.frame(&mut zone, ZoneFrame { messages: vec![(line("repeat"), vec![(ann.id, MsgNo(1))])], ..frame });
    assert!(rig.received(ann.conn).is_empty());
    assert_eq!(rig.core.stats().stale_frames, 2);
}

#[test]
fn a_new_owner_is_asked_for_everything_and_given_every_unacked_command() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::MessagePack, "Ann");
    rig.send(ann.conn, say(1, "one"));
    rig.send(ann.conn, say(2, "two"));
    rig.inputs();
    (zone.epoch, zone.seq, zone.host) = (Epoch(2), 0, "host-c".into());
    let mut frame = zone.tick();
    frame.rezoned = vec![(ann.id, ZoneReason::Recovered)];
    frame.info = Some(Box::new(zone.card()));
    frame.rosters = vec![RosterChange { session: ann.id, full: true, enter: vec![], leave: vec![] }];
    rig.frame(&mut zone, frame);
    let received = rig.received(ann.conn);
    assert_eq!(kinds(&received), ["zone", "roster"]);
    assert!(matches!(&received[0], ServerMsg::Zone(info) if info.reason == ZoneReason::Recovered));
    let inputs = rig.inputs_by_host();
    assert!(inputs.iter().all(|(host, _, _)| host.as_str() == "host-c"), "{inputs:?}");
    let inputs: Vec<_> = inputs.into_iter().map(|(_, zone, input)| (zone, input)).collect();
    assert_eq!(resyncs(&inputs), 1);
    assert_eq!(commands(&inputs)[..2], [(ELYSIUM, 1), (ELYSIUM, 2)]);
}

#[test]
fn a_player_who_crosses_is_followed_and_her_unacked_commands_go_to_the_new_zone() {
    let (mut rig, mut elysium, mut streets) = (Rig::new(), FakeZone::elysium(), FakeZone::streets());
    let ann = rig.join(&mut elysium, 1, Encoding::Json, "Ann");
    rig.send(ann.conn, say(1, "before"));
    rig.send(ann.conn, say(2, "at the border"));
    let mut frame = elysium.tick();
    frame.acks = vec![(ann.id, Seq(1))];
    frame.gone = vec![Gone { session: ann.id, attach: ann.attach, why: GoneReason::Crossed(STREETS) }];
    rig.frame(&mut elysium, frame);
    assert_eq!(rig.closed(ann.conn), None);
    rig.received(ann.conn);
    rig.inputs();

    let mut frame = streets.tick();
    frame.attached = vec![streets.arrival(&ann, AttachNo(7), Seq(1))];
    frame.info = Some(Box::new(streets.card()));
    frame.cards = vec![entity(20, "Hunter", 102.0, 50.0)];
    frame.rosters = vec![RosterChange { session: ann.id, full: true, enter: vec![EntityId(20)], leave: vec![] }];
    rig.frame(&mut streets, frame);
    let received = rig.received(ann.conn);
    assert_eq!(kinds(&received), ["zone", "roster"]);
    let ServerMsg::Zone(info) = &received[0] else { panic!() };
    assert_eq!((info.zone.as_str(), info.reason, info.c), ("nyc.streets", ZoneReason::Crossed, CorrectionNo(3)));
    assert_eq!(commands(&rig.inputs()), [(STREETS, 2)]);

    // The old zone's late words about her are out of date.
    let mut frame = elysium.tick();
    frame.rosters = vec![RosterChange { session: ann.id, full: true, enter: vec![], leave: vec![] }];
    frame.gone = vec![Gone { session: ann.id, attach: AttachNo(7), why: GoneReason::LoggedOut }];
    rig.frame(&mut elysium, frame);
    assert!(rig.received(ann.conn).is_empty());
    rig.send(ann.conn, walk(1, 103.0, 50.0));
    assert!(matches!(rig.inputs()[..], [(STREETS, GatewayInput::Move(MoveClaim { attach: AttachNo(7), .. }))]));
}

#[test]
fn a_silent_zone_is_paused_for_its_players_and_its_new_owner_found() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    rig.owners.insert(ELYSIUM, Owner { host: "host-c".into(), epoch: Epoch(2) });
    rig.pass(Duration::from_millis(3200));
    let reason = PauseReason::Recovering;
    assert_eq!(rig.received(ann.conn), [ServerMsg::Paused { zone: "nyc.elysium".into(), reason }]);
    let resync = ("host-c".into(), ELYSIUM, GatewayInput::Resync);
    rig.pass(Duration::from_millis(500));
    assert!(rig.inputs_by_host().contains(&resync));
    (zone.epoch, zone.seq, zone.host) = (Epoch(2), 0, "host-c".into());
    let frame = zone.tick();
    rig.frame(&mut zone, frame);
    assert_eq!(rig.received(ann.conn), [ServerMsg::Resumed { zone: "nyc.elysium".into(), reason }]);
}

#[test]
fn pauses_are_told_by_notice_and_a_lost_resumed_is_made_up_for() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    let notice = |paused, epoch| ZoneNotice { zone: ELYSIUM, epoch: Epoch(epoch), paused, reason: PauseReason::Swap };
    let tell = |rig: &mut Rig, notice| {
        let from = Process::Host("host-a".into());
        rig.event(Event::Envelope(Envelope { from, parts: vec![Part::Notice(notice)] }));
        kinds(&rig.received(ann.conn))
    };
    assert!(tell(&mut rig, notice(true, 0)).is_empty(), "of an older owner");
    assert_eq!(tell(&mut rig, notice(true, 1)), ["paused"]);
    assert!(tell(&mut rig, notice(true, 1)).is_empty());
    // A tick that was on its way already.
    let frame = zone.tick();
    rig.frame(&mut zone, frame);
    assert!(rig.received(ann.conn).is_empty());
    assert_eq!(tell(&mut rig, notice(false, 1)), ["resumed"]);
    assert_eq!(tell(&mut rig, notice(true, 1)), ["paused"]);
    rig.pass(Duration::from_millis(1100));
    let frame = zone.tick();
    rig.frame(&mut zone, frame);
    assert_eq!(kinds(&rig.received(ann.conn)), ["resumed"]);
}

#[test]
fn while_the_backplane_is_away_players_see_a_pause_and_nothing_is_lost() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    rig.event(Event::Backplane { away: true });
    let reason = PauseReason::Backplane;
    assert_eq!(rig.received(ann.conn), [ServerMsg::Paused { zone: "nyc.elysium".into(), reason }]);
    rig.send(ann.conn, say(1, "into the void"));
    rig.pass(Duration::from_secs(15));
    assert!(rig.inputs().is_empty());
    rig.send(ann.conn, ClientMsg::Ping { c: 1 });
    rig.event(Event::Backplane { away: false });
    rig.received(ann.conn);
    rig.pass(Duration::from_millis(200));
    let inputs = rig.inputs();
    assert_eq!((resyncs(&inputs), commands(&inputs)), (1, vec![(ELYSIUM, 1)]));
    let frame = zone.tick();
    rig.frame(&mut zone, frame);
    assert_eq!(rig.received(ann.conn), [ServerMsg::Resumed { zone: "nyc.elysium".into(), reason }]);
    assert_eq!(rig.closed(ann.conn), None);
}

#[test]
fn envelopes_that_the_inbox_lost_are_made_up_for() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    rig.join(&mut zone, 1, Encoding::Json, "Ann");
    rig.inputs();
    rig.event(Event::Missed);
    assert_eq!(resyncs(&rig.inputs()), 1);
}

#[test]
fn the_end_of_a_connection_is_told_again_while_its_zone_mentions_the_session() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    rig.event(Event::Closed { conn: ann.conn });
    let detach = (ELYSIUM, GatewayInput::Detach { session: ann.id, attach: ann.attach, why: DetachReason::Lost });
    assert_eq!(rig.inputs(), std::slice::from_ref(&detach));
    rig.pass(Duration::from_secs(10));
    assert_eq!(rig.inputs(), [detach.clone(), detach.clone()]);
    let mut frame = zone.tick();
    frame.rosters = vec![enters(ann.id, &[])];
    rig.frame(&mut zone, frame);
    assert_eq!(rig.inputs(), [detach]);
    let mut frame = zone.tick();
    frame.gone = vec![Gone { session: ann.id, attach: ann.attach, why: GoneReason::LoggedOut }];
    frame.rosters = vec![enters(ann.id, &[])];
    rig.pass(Duration::from_secs(2));
    rig.frame(&mut zone, frame);
    rig.pass(Duration::from_secs(2));
    let frame = zone.tick();
    rig.frame(&mut zone, frame);
    rig.inputs();
    rig.pass(Duration::from_secs(2));
    assert!(rig.inputs().is_empty());
}

#[test]
fn a_player_whom_a_living_zone_does_not_answer_is_found_again_by_her_own_token() {
    let (mut rig, mut elysium, mut streets) = (Rig::new(), FakeZone::elysium(), FakeZone::streets());
    let ann = rig.join(&mut elysium, 1, Encoding::Json, "Ann");
    rig.records.insert(
        "guest:ann".into(),
        wod_gateway_core::Whereabouts { place: wod_protocol::record::Place::Zone(STREETS), zone: STREETS },
    );
    rig.send(ann.conn, say(1, "anybody?"));
    rig.pass_with(Duration::from_secs(11), &mut elysium);
    let (asked, request) = rig.attach_request();
    let token_hash = Digest::of(ann.token.as_bytes()).0;
    assert_eq!((asked, request.session, request.token_hash), (STREETS, ann.id, token_hash));
    assert_eq!(request.proof, AttachProof::Resume { token_hash, n: MsgNo(0), history: false });
    rig.received(ann.conn);
    let mut frame = streets.tick();
    let attached = Attached { attach: AttachNo(2), reason: ZoneReason::Resumed, ..streets.attached(&request, 1) };
    frame.attached.push(attached);
    frame.info = Some(Box::new(streets.card()));
    rig.frame(&mut streets, frame);
    assert_eq!(kinds(&rig.received(ann.conn)), ["zone"], "her client needs no welcome");
    assert_eq!(commands(&rig.inputs()), [(STREETS, 1)]);
}

#[test]
fn a_lost_first_frame_after_a_crossing_is_asked_for() {
    for next_frame_comes in [true, false] {
        let (mut rig, mut elysium, mut streets) = (Rig::new(), FakeZone::elysium(), FakeZone::streets());
        let ann = rig.join(&mut elysium, 1, Encoding::Json, "Ann");
        let mut frame = elysium.tick();
        frame.gone = vec![Gone { session: ann.id, attach: ann.attach, why: GoneReason::Crossed(STREETS) }];
        rig.frame(&mut elysium, frame);
        rig.inputs();
        streets.tick();
        if next_frame_comes {
            let frame = streets.tick();
            rig.frame(&mut streets, frame);
        } else {
            rig.pass(Duration::from_millis(1200));
        }
        assert!(rig.inputs().contains(&(STREETS, GatewayInput::Resync)), "{next_frame_comes}");
        rig.received(ann.conn);
        // The answer names the connection by the nonce of its login.
        let mut frame = streets.tick();
        frame.attached = vec![Attached { nonce: Some(Nonce(1_000_000)), ..streets.arrival(&ann, ann.attach, Seq(0)) }];
        frame.info = Some(Box::new(streets.card()));
        frame.rosters = vec![RosterChange { session: ann.id, full: true, enter: vec![], leave: vec![] }];
        rig.frame(&mut streets, frame);
        assert_eq!(kinds(&rig.received(ann.conn)), ["zone", "roster"]);
        rig.send(ann.conn, say(1, "here"));
        assert_eq!(commands(&rig.inputs()), [(STREETS, 1)]);
    }
}

#[test]
fn a_zones_late_answer_does_not_bring_a_player_back_who_has_crossed() {
    let (mut rig, mut elysium, mut streets) = (Rig::new(), FakeZone::elysium(), FakeZone::streets());
    let ann = rig.join(&mut elysium, 1, Encoding::Json, "Ann");
    let mut late = elysium.tick();
    late.attached = vec![Attached { nonce: Some(Nonce(1_000_000)), ..elysium.arrival(&ann, ann.attach, Seq(0)) }];
    late.info = Some(Box::new(elysium.card()));
    let mut frame = streets.tick();
    frame.attached = vec![streets.arrival(&ann, ann.attach, Seq(0))];
    frame.info = Some(Box::new(streets.card()));
    rig.frame(&mut streets, frame);
    rig.received(ann.conn);
    rig.frame(&mut elysium, late);
    assert!(rig.received(ann.conn).is_empty());
    rig.inputs();
    rig.send(ann.conn, say(1, "in the streets"));
    assert_eq!(commands(&rig.inputs()), [(STREETS, 1)]);
}

#[test]
fn a_player_whom_a_resynced_zone_does_not_name_is_attached_anew() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    rig.records.insert("guest:ann".into(), in_elysium());
    // The zone took this gateway for dead: it counts from 1 again, and Ann is away.
    rig.pass(Duration::from_millis(3500));
    zone.seq = 0;
    rig.pass_with(Duration::from_secs(3), &mut zone);
    let (asked, request) = rig.attach_request();
    assert_eq!((asked, request.session), (ELYSIUM, ann.id));
    assert!(matches!(request.proof, AttachProof::Resume { .. }));
    assert_eq!(rig.core.stats().stale_frames, 0);
}

#[test]
fn a_request_that_the_zone_will_only_take_for_a_repeat_is_made_anew() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    rig.records.insert("guest:ann".into(), in_elysium());
    rig.pass(Duration::from_millis(3500));
    zone.seq = 0;
    rig.pass_with(Duration::from_secs(3), &mut zone);
    let (_, request) = rig.attach_request();
    // The zone took her by it, its answer was lost, and it has taken this gateway for dead again.
    let mut frame = zone.tick();
    frame.refused.push(AttachRefused { session: ann.id, nonce: request.nonce, why: RefusedAttach::Retry });
    rig.frame(&mut zone, frame);
    rig.pass_with(Duration::from_secs(1), &mut zone);
    let (asked, again) = rig.attach_request();
    assert_eq!((asked, again.session, &again.proof), (ELYSIUM, ann.id, &request.proof));
    assert_ne!(again.nonce, request.nonce);
}

#[test]
fn a_resume_that_meets_the_player_between_two_zones_is_tried_again() {
    let (mut rig, mut elysium, mut streets) = (Rig::new(), FakeZone::elysium(), FakeZone::streets());
    let ann = rig.join(&mut elysium, 1, Encoding::Json, "Ann");
    rig.event(Event::Closed { conn: ann.conn });
    rig.records.insert("guest:ann".into(), in_elysium());
    let conn = rig.open(2, Encoding::Json);
    rig.send(conn, resume_of(&ann, 0, None));
    let mut answers = 0;
    for _ in 0..20 {
        for (zone, input) in rig.inputs() {
            let GatewayInput::Attach(request) = input else { continue };
            let (at, why) = match (zone, answers) {
                (ELYSIUM, _) => (&mut elysium, RefusedAttach::Elsewhere(STREETS)),
                (_, 0..=2) => (&mut streets, RefusedAttach::ResumeImpossible),
                _ => continue,
            };
            answers += usize::from(zone == STREETS);
            let mut frame = at.tick();
            frame.refused.push(AttachRefused { session: request.session, nonce: request.nonce, why });
            rig.frame(at, frame);
        }
        rig.pass(Duration::from_millis(100));
    }
    assert_eq!((answers, rig.closed(conn)), (3, None));
}

#[test]
fn a_resume_whose_record_was_read_before_she_crossed_is_tried_again() {
    let (mut rig, mut elysium) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut elysium, 1, Encoding::Json, "Ann");
    rig.event(Event::Closed { conn: ann.conn });
    rig.records.insert("guest:ann".into(), in_elysium());
    let conn = rig.open(2, Encoding::Json);
    rig.send(conn, resume_of(&ann, 0, None));
    let (zone, request) = rig.attach_request();
    assert_eq!(zone, ELYSIUM);
    // She has arrived next door meanwhile, and Elysium has forgotten her.
    rig.records.insert("guest:ann".into(), Whereabouts { place: Place::Zone(STREETS), zone: STREETS });
    let mut frame = elysium.tick();
    let why = RefusedAttach::ResumeImpossible;
    frame.refused.push(AttachRefused { session: request.session, nonce: request.nonce, why });
    rig.frame(&mut elysium, frame);
    rig.pass(Duration::from_millis(200));
    assert_eq!(rig.attach_request().0, STREETS);
    assert_eq!(rig.closed(conn), None);
}

#[test]
fn a_repeated_word_of_a_crossing_does_not_put_off_the_search_for_her() {
    let (mut rig, mut elysium) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut elysium, 1, Encoding::Json, "Ann");
    rig.records.insert("guest:ann".into(), Whereabouts { place: Place::Zone(STREETS), zone: STREETS });
    for _ in 0..3 {
        let mut frame = elysium.tick();
        frame.gone = vec![Gone { session: ann.id, attach: ann.attach, why: GoneReason::Crossed(STREETS) }];
        rig.frame(&mut elysium, frame);
        rig.inputs();
        rig.pass(Duration::from_secs(8));
    }
    let (zone, request) = rig.attach_request();
    assert_eq!((zone, request.session), (STREETS, ann.id));
}

#[test]
fn a_client_that_was_told_more_than_a_recovered_zone_knows_starts_anew() {
    for (acked, numbered, ahead) in [(2, 3, false), (1, 3, true), (2, 2, true)] {
        let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
        let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
        rig.send(ann.conn, say(1, "one"));
        rig.send(ann.conn, say(2, "two"));
        let mut frame = zone.tick();
        frame.acks = vec![(ann.id, Seq(2))];
        frame.messages = (1..=3).map(|n| (line("heard"), vec![(ann.id, MsgNo(n))])).collect();
        rig.frame(&mut zone, frame);
        rig.received(ann.conn);
        (zone.epoch, zone.seq, zone.host) = (Epoch(2), 0, "host-c".into());
        let mut frame = zone.tick();
        let stands = zone.arrival(&ann, ann.attach, Seq(acked));
        frame.attached = vec![Attached { nonce: Some(Nonce(1_000_000)), n: MsgNo(numbered), ..stands }];
        frame.info = Some(Box::new(zone.card()));
        rig.frame(&mut zone, frame);
        let closed = rig.closed(ann.conn);
        assert_eq!(closed, ahead.then_some(CloseCode::ResumeImpossible), "{acked} {numbered}");
    }
}

#[test]
fn what_was_said_during_an_outage_is_given_a_little_at_a_time() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    let ann = rig.join(&mut zone, 1, Encoding::Json, "Ann");
    rig.event(Event::Backplane { away: true });
    for seq in 1..=9 {
        rig.send(ann.conn, say(seq, "are you there?"));
        rig.pass(Duration::from_secs(3));
    }
    rig.inputs();
    rig.event(Event::Backplane { away: false });
    let (mut taken, mut most) = (0, 0);
    for _ in 0..10 {
        rig.pass(Duration::from_millis(100));
        let given: Vec<Seq> = rig
            .inputs()
            .into_iter()
            .filter_map(|(_, input)| match input {
                GatewayInput::Command { seq, .. } => Some(seq),
                _ => None,
            })
            .collect();
        most = most.max(given.len());
        for seq in given {
            assert_eq!(seq, Seq(taken + 1), "in order, and none twice");
            taken += 1;
        }
        let mut frame = zone.tick();
        frame.acks = vec![(ann.id, Seq(taken))];
        rig.frame(&mut zone, frame);
    }
    assert_eq!((taken, most), (9, RESENDS), "all within a second");
}

#[test]
fn ticks_that_players_have_seen_and_a_new_owner_has_not_are_counted_and_told_for_a_while() {
    let (mut rig, mut zone) = (Rig::new(), FakeZone::elysium());
    rig.join(&mut zone, 1, Encoding::Json, "Ann");
    for _ in 0..5 {
        let frame = zone.tick();
        rig.frame(&mut zone, frame);
    }
    let seen = zone.tick.0;
    for (epoch, goes_on_at, lost) in [(2, seen + 1, 0), (3, seen - 1, 3)] {
        (zone.epoch, zone.seq, zone.tick) = (Epoch(epoch), 0, Tick(goes_on_at - 1));
        let frame = zone.tick();
        rig.frame(&mut zone, frame);
        rig.pass(Duration::from_millis(200));
        let told: Vec<(ZoneNo, u64)> = (lost > 0).then_some((ELYSIUM, lost)).into_iter().collect();
        assert_eq!((rig.core.stats().ticks_lost, rig.core.stats().set_back), (lost, told));
    }
    rig.pass(Duration::from_secs(600));
    assert_eq!((rig.core.stats().ticks_lost, rig.core.stats().set_back), (3, vec![]));
}
