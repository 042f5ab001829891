//! What each gateway is told of a tick.

use std::collections::{BTreeMap, BTreeSet};

use wod_protocol::bus::{
    Attribute, AttributeChange, EntityCard, LatestEvent, MessageBody, Moved, RosterChange, ZoneCard, ZoneFrame,
};
use wod_protocol::ids::{EntityId, GatewayId, MsgNo, SessionId, Tick};

use super::Zone;
use super::scene::{Entity, Scene};
use super::state::Link;
use super::turn::{Draft, Look, Turn};
use crate::module::Event;
use crate::space::roster::Roster;

/// Seconds that frames go on to a gateway without players, so that it notices a lost last one; and that ended attachments
/// are remembered for it.
const LINGER_SECONDS: u64 = 10;

/// More players than this are a crowd: there each looks around every [`CROWD_PACE`] ticks only, in turns.
const CROWD: usize = 100;
/// See [`CROWD`].
const CROWD_PACE: u64 = 4;

type Numbered = (MessageBody, Vec<(SessionId, MsgNo)>);

impl Zone {
    /// Brings rosters up to date.
    pub(super) fn look_around(&mut self) {
        let Self { state, turn, rules, .. } = self;
        let Turn { drafts, watched, changes, renewed, .. } = turn;
        let reach = state.degradation.reach(rules.reach);
        let pace = if state.players.len() > CROWD { CROWD_PACE } else { 1 };
        for (id, player) in &mut state.players {
            let Link::Up(gateway) = &player.session.link else { continue };
            if !player.full_roster && !(state.tick.0 + id.0).is_multiple_of(pace) {
                changes.clear();
                let enter = renew(renewed, &player.roster, &changes.enter);
                if !enter.is_empty() {
                    let change = RosterChange { session: player.session.id, full: false, enter, leave: Vec::new() };
                    drafts.entry(gateway.clone()).or_default().rosters.push(change);
                }
                continue;
            }
            let Some(at) = state.scene.entities.get(id).map(|entity| entity.at) else { continue };
            let full = std::mem::take(&mut player.full_roster);
            if full {
                for member in player.roster.members() {
                    watch(&mut state.scene, *member, false, watched);
                }
                player.roster.clear();
            }
            player.roster.update(reach, &state.scene.ground.grid, at, |other| other != *id, changes);
            let anew = renew(renewed, &player.roster, &changes.enter);
            if !full && changes.enter.is_empty() && changes.leave.is_empty() && anew.is_empty() {
                continue;
            }
            for (ids, comes) in [(&changes.enter, true), (&changes.leave, false)] {
                for other in ids {
                    watch(&mut state.scene, *other, comes, watched);
                }
            }
            let change = RosterChange {
                session: player.session.id,
                full,
                enter: changes.enter.iter().copied().chain(anew).collect(),
                leave: changes.leave.clone(),
            };
            drafts.entry(gateway.clone()).or_default().rosters.push(change);
        }
    }

    /// Tells the module whose watched own entities nobody watches any more, and the other way round.
    pub(super) fn note_observed(&mut self) {
        let mut watched = std::mem::take(&mut self.turn.watched);
        watched.sort_unstable();
        watched.dedup();
        for id in watched.drain(..) {
            let Some(entity) = self.state.scene.entities.get_mut(&id) else { continue };
            let by_anyone = entity.watchers > 0;
            if entity.kind != wod_protocol::client::Kind::Player && entity.observed != by_anyone {
                entity.observed = by_anyone;
                self.push_event(Event::Observed { entity: id, by_anyone });
            }
        }
        self.turn.watched = watched;
    }

    /// Makes the frames of this tick: for every gateway with something to tell, and each second for every one with players.
    pub(super) fn make_frames(&mut self) {
        let now = self.state.tick;
        let present = self.present();
        let mut messages = self.messages_by_gateway();
        let mut latest = self.latest_by_gateway();
        let moved = self.moves_to_tell();
        let (near, own) = self.attributes();
        let news_for_all = !moved.is_empty() || !near.is_empty() || !self.turn.barriers.is_empty();
        let gateways: BTreeSet<GatewayId> = present
            .iter()
            .chain(self.turn.drafts.keys())
            .chain(self.state.gateways.iter().filter(|(_, known)| known.linger > now).map(|(id, _)| id))
            .cloned()
            .collect();
        for gateway in gateways {
            let draft = self.turn.drafts.remove(&gateway).unwrap_or_default();
            let messages = messages.remove(&gateway).unwrap_or_default();
            let latest = latest.remove(&gateway).unwrap_or_default();
            let here = present.contains(&gateway);
            let known = self.state.gateways.entry(gateway.clone()).or_default();
            if here {
                known.linger = Tick(now.0 + LINGER_SECONDS * self.rules.second());
            }
            while known.gone.front().is_some_and(|(at, _)| at.0 + LINGER_SECONDS * self.rules.second() < now.0) {
                known.gone.pop_front();
            }
            let heartbeat = now.0 >= known.sent.0 + self.rules.second();
            let news = !draft.is_empty() || !messages.is_empty() || !latest.is_empty() || (here && news_for_all);
            if !news && !heartbeat {
                continue;
            }
            known.seq += 1;
            known.sent = now;
            let seq = known.seq;
            let shared = if here { (moved.as_slice(), near.as_slice()) } else { (&[][..], &[][..]) };
            let own = own.get(&gateway).map_or(&[][..], Vec::as_slice);
            let frame = self.frame(seq, draft, shared, own, messages, latest);
            self.turn.out.frames.push((gateway, frame));
        }
    }

    fn frame(
        &self,
        seq: u64,
        draft: Draft,
        (moved, near): (&[Moved], &[AttributeChange]),
        own: &[AttributeChange],
        messages: Vec<Numbered>,
        latest: Vec<LatestEvent>,
    ) -> ZoneFrame {
        let state = &self.state;
        let entering: BTreeSet<EntityId> =
            draft.rosters.iter().flat_map(|roster| roster.enter.iter().copied()).collect();
        let scene = &state.scene;
        let cards = entering.iter().filter_map(|id| Some(card(*id, scene.present(*id)?, scene.home(*id).is_some())));
        let cards = cards.collect();
        let zone_due = !draft.attached.is_empty() || !draft.rezoned.is_empty();
        ZoneFrame {
            zone: self.rules.number,
            epoch: state.epoch,
            generation: state.generation,
            seq,
            owner: state.owner.clone(),
            tick: state.tick,
            game_ms: self.game_ms(),
            dilation: state.dilation,
            attached: draft.attached,
            refused: draft.refused,
            rezoned: draft.rezoned,
            info: zone_due.then(|| Box::new(self.zone_card())),
            cards,
            rosters: draft.rosters,
            moved: moved.to_vec(),
            attributes: near.iter().chain(own).cloned().collect(),
            barriers: self.turn.barriers.iter().map(|(name, closed)| (name.clone(), *closed)).collect(),
            corrections: draft.corrections,
            messages,
            latest,
            acks: draft.acks.into_iter().collect(),
            gone: draft.gone,
            histories: draft.histories,
        }
    }

    fn zone_card(&self) -> ZoneCard {
        let ground = &self.state.scene.ground;
        let description = self.state.module.as_ref().map(|card| &card.description);
        ZoneCard {
            map: ground.digest,
            barriers: ground.terrain.closed_barriers().map(str::to_owned).collect(),
            module: description.map(|description| description.name.clone()).unwrap_or_default(),
            version: description.map(|description| description.version.clone()).unwrap_or_default(),
        }
    }

    /// Gateways with connected players.
    fn present(&self) -> BTreeSet<GatewayId> {
        let mut present = BTreeSet::new();
        for player in self.state.players.values() {
            if let Link::Up(gateway) = &player.session.link
                && !present.contains(gateway)
            {
                present.insert(gateway.clone());
            }
        }
        present
    }

    /// Changed looks, for everybody near, and for players about themselves by gateway.
    fn attributes(&self) -> (Vec<AttributeChange>, BTreeMap<GatewayId, Vec<AttributeChange>>) {
        let mut near = Vec::new();
        let mut own: BTreeMap<GatewayId, Vec<AttributeChange>> = BTreeMap::new();
        for (id, look) in &self.turn.looks {
            let Some(entity) = self.state.scene.present(*id) else { continue };
            if let Some(what) = entity.attribute(*look).filter(|_| entity.watchers > 0) {
                near.push(AttributeChange { id: *id, only: None, what });
            }
            if let (Look::Tags | Look::OwnTags, Some(player)) = (look, self.state.players.get(id))
                && let Link::Up(gateway) = &player.session.link
            {
                let changes = own.entry(gateway.clone()).or_default();
                changes.retain(|known| known.id != *id);
                let what = Attribute::Tags(entity.shown_tags(true));
                changes.push(AttributeChange { id: *id, only: Some(player.session.id), what });
            }
        }
        (near, own)
    }

    fn messages_by_gateway(&self) -> BTreeMap<GatewayId, Vec<Numbered>> {
        let mut split: BTreeMap<GatewayId, Vec<Numbered>> = BTreeMap::new();
        for (body, to) in &self.turn.messages {
            let mut numbered: BTreeMap<&GatewayId, Vec<(SessionId, MsgNo)>> = BTreeMap::new();
            for (id, n) in to {
                if let Some((gateway, session)) = self.connection(*id) {
                    numbered.entry(gateway).or_default().push((session, *n));
                }
            }
            for (gateway, to) in numbered {
                entry(&mut split, gateway).push((MessageBody::clone(body), to));
            }
        }
        split
    }

    fn latest_by_gateway(&self) -> BTreeMap<GatewayId, Vec<LatestEvent>> {
        let mut split: BTreeMap<GatewayId, Vec<LatestEvent>> = BTreeMap::new();
        for (name, data, to) in &self.turn.latest {
            let mut sessions: BTreeMap<&GatewayId, Vec<SessionId>> = BTreeMap::new();
            for (gateway, session) in to.iter().filter_map(|id| self.connection(*id)) {
                sessions.entry(gateway).or_default().push(session);
            }
            for (gateway, to) in sessions {
                entry(&mut split, gateway).push(LatestEvent { name: name.clone(), data: data.clone(), to });
            }
        }
        split
    }

    fn connection(&self, id: EntityId) -> Option<(&GatewayId, SessionId)> {
        let session = &self.state.players.get(&id)?.session;
        match &session.link {
            Link::Up(gateway) => Some((gateway, session.id)),
            Link::Down(_) => None,
        }
    }
}

impl Draft {
    fn is_empty(&self) -> bool {
        !self.due
            && self.attached.is_empty()
            && self.refused.is_empty()
            && self.rezoned.is_empty()
            && self.rosters.is_empty()
            && self.corrections.is_empty()
            && self.acks.is_empty()
            && self.gone.is_empty()
            && self.histories.is_empty()
    }
}

fn entry<'a, T: Default>(map: &'a mut BTreeMap<GatewayId, T>, gateway: &GatewayId) -> &'a mut T {
    if !map.contains_key(gateway) {
        map.insert(gateway.clone(), T::default());
    }
    map.get_mut(gateway).expect("just put in")
}

fn watch(scene: &mut Scene, id: EntityId, comes: bool, watched: &mut Vec<EntityId>) {
    if scene.watch(id, comes) {
        watched.push(id);
    }
}

/// Whose cards a player gets anew, of those that she has already.
fn renew(renewed: &BTreeSet<EntityId>, roster: &Roster, entering: &[EntityId]) -> Vec<EntityId> {
    renewed.iter().copied().filter(|id| roster.contains(*id) && entering.binary_search(id).is_err()).collect()
}

pub(super) fn card(id: EntityId, entity: &Entity, ghost: bool) -> EntityCard {
    EntityCard {
        id,
        kind: entity.kind,
        name: entity.name.clone(),
        at: entity.at,
        heading: entity.heading,
        tags: entity.shown_tags(false),
        verbs: entity.verbs.clone(),
        ghost,
    }
}
