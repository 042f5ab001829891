//! Who is told of a gateway that is nearer to where she has travelled, and who is not.

use std::time::Duration;

use crate::support::*;
use wod_gateway_core::Event;
use wod_gateway_core::Whereabouts;
use wod_gateway_core::limits::SETTLED_ABROAD;
use wod_protocol::bus::*;
use wod_protocol::client::*;
use wod_protocol::ids::*;
use wod_protocol::record::Place;

const LA: &str = "ws://la.example.org:7700/ws";

/// A gateway of New York that knows of one in Los Angeles, both zones, and Ann, who has just come through the portal.
fn ann_in_la() -> (Rig, FakeZone, Guest) {
    let (mut rig, mut nyc, mut la) = (Rig::new(), FakeZone::elysium(), FakeZone::la());
    rig.event(Event::Nearer(vec![("la".into(), LA.into())]));
    let ann = rig.join(&mut nyc, 1, Encoding::Json, "Ann");
    let ann = travel(&mut rig, &mut nyc, &mut la, ann);
    (rig, la, ann)
}

fn travel(rig: &mut Rig, from: &mut FakeZone, to: &mut FakeZone, ann: Guest) -> Guest {
    let mut frame = from.tick();
    frame.gone.push(Gone { session: ann.id, attach: ann.attach, why: GoneReason::Crossed(to.zone) });
    rig.frame(from, frame);
    let ann = Guest { attach: ann.attach.next(), ..ann };
    let mut frame = to.tick();
    frame.attached.push(to.arrival(&ann, ann.attach, Seq(0)));
    frame.info = Some(Box::new(to.card()));
    rig.frame(to, frame);
    ann
}

/// The address that her `bye` names.
fn sent_on(rig: &mut Rig, ann: &Guest) -> Option<String> {
    rig.closed(ann.conn)?;
    let received = rig.received(ann.conn);
    let Some(ServerMsg::Bye { code: 4100, retry_ms: None, gateway, .. }) = received.last() else {
        panic!("{received:?}")
    };
    gateway.clone()
}

#[test]
fn who_has_stood_abroad_for_2_s_goes_on_at_a_nearer_gateway_and_her_avatar_waits_for_her() {
    let (mut rig, mut la, ann) = ann_in_la();
    rig.pass_with(SETTLED_ABROAD - Duration::from_millis(500), &mut la);
    assert_eq!(rig.closed(ann.conn), None, "she may be back at once");
    rig.pass_with(Duration::from_secs(1), &mut la);
    assert_eq!(sent_on(&mut rig, &ann).as_deref(), Some(LA));
    let detach = rig.inputs().into_iter().find_map(|(zone, input)| match input {
        GatewayInput::Detach { why, .. } => Some((zone, why)),
        _ => None,
    });
    assert_eq!(detach, Some((LOS_ANGELES, DetachReason::Lost)));
    assert_eq!(rig.core.stats().sent_on, 1);
}

#[test]
fn nobody_is_sent_on_while_a_command_of_hers_is_under_way() {
    let (mut rig, mut la, ann) = ann_in_la();
    rig.send(ann.conn, say(1, "so this is it"));
    rig.pass_with(SETTLED_ABROAD * 2, &mut la);
    assert_eq!(rig.closed(ann.conn), None);
    let mut frame = la.tick();
    frame.acks.push((ann.id, Seq(1)));
    rig.frame(&mut la, frame);
    rig.pass_with(Duration::from_millis(500), &mut la);
    assert_eq!(sent_on(&mut rig, &ann).as_deref(), Some(LA));
}

#[test]
fn who_is_on_her_way_back_is_left_alone() {
    let (mut rig, mut la, ann) = ann_in_la();
    let mut frame = la.tick();
    frame.gone.push(Gone { session: ann.id, attach: ann.attach, why: GoneReason::Crossed(ELYSIUM) });
    rig.frame(&mut la, frame);
    rig.pass_with(SETTLED_ABROAD * 2, &mut la);
    assert_eq!(rig.closed(ann.conn), None);
}

#[test]
fn a_zone_that_stands_still_sends_nobody_on() {
    let (mut rig, _la, ann) = ann_in_la();
    // Not a frame: the gateway says `paused`, and nobody can be let in over there either.
    rig.pass(wod_gateway_core::limits::ZONE_SILENCE.min(SETTLED_ABROAD) - Duration::from_millis(100));
    rig.event(Event::Backplane { away: true });
    rig.pass(SETTLED_ABROAD * 2);
    assert_eq!(rig.closed(ann.conn), None);
}

#[test]
fn who_comes_back_because_the_nearer_gateway_failed_her_stays() {
    let (mut rig, mut la, ann) = ann_in_la();
    rig.pass_with(SETTLED_ABROAD * 2, &mut la);
    assert_eq!(sent_on(&mut rig, &ann).as_deref(), Some(LA));
    rig.records.insert("guest:ann".into(), Whereabouts { place: Place::Zone(LOS_ANGELES), zone: LOS_ANGELES });
    let conn = rig.open(2, Encoding::Json);
    rig.send(conn, resume_of(&ann, 0, None));
    let (_, request) = rig.attach_request();
    let mut frame = la.tick();
    frame.attached.push(Attached { nonce: Some(request.nonce), ..la.arrival(&ann, ann.attach.next(), Seq(0)) });
    rig.frame(&mut la, frame);
    assert!(matches!(rig.received(conn).first(), Some(ServerMsg::Welcome { .. })));
    rig.pass_with(SETTLED_ABROAD * 4, &mut la);
    assert_eq!(rig.closed(conn), None, "told again she would go to and fro for ever");
}

#[test]
fn nobody_is_sent_on_from_her_own_region_or_by_a_gateway_without_one() {
    let (mut rig, mut nyc) = (Rig::new(), FakeZone::elysium());
    rig.event(Event::Nearer(vec![("nyc".into(), "ws://nyc/ws".into()), ("la".into(), LA.into())]));
    let ann = rig.join(&mut nyc, 1, Encoding::Json, "Ann");
    rig.pass_with(SETTLED_ABROAD * 2, &mut nyc);
    assert_eq!(rig.closed(ann.conn), None);

    let (mut rig, mut nyc, mut la) = (Rig::with(|config| config.region.clear()), FakeZone::elysium(), FakeZone::la());
    rig.event(Event::Nearer(vec![("la".into(), LA.into())]));
    let ann = rig.join(&mut nyc, 1, Encoding::Json, "Ann");
    let ann = travel(&mut rig, &mut nyc, &mut la, ann);
    rig.pass_with(SETTLED_ABROAD * 2, &mut la);
    assert_eq!(rig.closed(ann.conn), None);
}
