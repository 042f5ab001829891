//! Players come and go: how an avatar appears in the zone, loses its connection, is moved, and leaves.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use wod_protocol::bus::{Correction, Gone, GoneReason, Traveller, TravellingSession, Way, ZoneItem};
use wod_protocol::client::{FLAG_JUMP, Kind, TagValue, ZoneReason};
use wod_protocol::ids::{EntityId, GatewayId, Sub, Tick, ZoneNo};
use wod_protocol::record::fold_name;
use wod_protocol::units::{Heading, Pos};

use super::Zone;
use super::history::History;
use super::requests::Purpose;
use super::scene::Entity;
use super::state::{Leaving, Link, Messages, Player, Session, Silenced};
use super::turn::Look;
use crate::io::StoreRequest;
use crate::module::{Audience, EnterReason, Event, LeaveReason, Tag};
use crate::space::claim::Allowance;
use crate::space::roster::Roster;

/// Set while a player's connection is lost.
pub(super) const AWAY: &str = "away";
/// Tags that belong to the player, not to a zone's module: they go with her.
const TRAVELLING_TAGS: [&str; 2] = ["look", "title"];
/// Most ended attachments remembered for a gateway.
const GONE_KEPT: usize = 256;

impl Zone {
    /// The player of this `sub`.
    pub(super) fn player_of(&self, sub: &Sub) -> Option<EntityId> {
        self.state.players.iter().find(|(_, player)| player.sub == *sub).map(|(id, _)| *id)
    }

    /// The player stands in the zone from now on; the module is told.
    pub(super) fn appear(&mut self, traveller: Traveller, session: Session, reason: ZoneReason, entered: EnterReason) {
        let id = traveller.id;
        let at = self.landing(&traveller.way, traveller.at, id);
        let mut tags: Vec<Tag> =
            traveller.tags.into_iter().map(|(name, value)| Tag { name, value, audience: Audience::Near }).collect();
        tags.sort_by(|a, b| a.name.cmp(&b.name));
        tags.dedup_by(|a, b| a.name == b.name);
        let watchers = self.replace_ghost(id);
        let is_back = self.state.scene.insert(
            id,
            Entity {
                kind: Kind::Player,
                name: traveller.name.clone(),
                at,
                heading: traveller.heading,
                speed: if traveller.speed > 0 { traveller.speed } else { self.rules.speed },
                tags,
                verbs: Vec::new(),
                moved: Tick(0),
                watchers,
                observed: false,
            },
        );
        if is_back {
            self.turn.renewed.insert(id);
        }
        for gateway in self.state.gateways.values_mut() {
            gateway.gone.retain(|(_, gone)| gone.session != session.id);
        }
        self.state.sessions.insert(session.id, id);
        self.state.names.insert(fold_name(&traveller.name), id);
        let away = matches!(session.link, Link::Down(_));
        let muted_until = self.muted_until(traveller.muted.by_module);
        let until = self.muted_until(traveller.muted.by_operator);
        self.state.players.insert(
            id,
            Player {
                sub: traveller.sub,
                guest: traveller.guest,
                hop: traveller.hop,
                saved: traveller.saved,
                session,
                roster: Roster::default(),
                full_roster: true,
                allowance: Allowance::new(self.game_ms()),
                dialogues: BTreeMap::new(),
                muted_until,
                reason,
                ignored: traveller.ignored,
                silenced: Silenced { until, reason: traveller.muted.reason },
                rested_at: 0,
            },
        );
        if away {
            self.set_away(id, true);
        }
        self.push_entered(id, entered);
    }

    /// Tells the module that a player is here, with what it saved for her.
    pub(super) fn push_entered(&mut self, id: EntityId, reason: EnterReason) {
        let (Some(player), Some(entity)) = (self.state.players.get(&id), self.state.scene.entities.get(&id)) else {
            return;
        };
        let module = self.state.module.as_ref().map(|module| module.description.name.as_str());
        let saved = module.and_then(|name| player.saved.get(name)).cloned().unwrap_or_else(Bytes::new);
        self.push_event(Event::Entered { player: id, name: entity.name.clone(), saved, reason });
    }

    /// Where somebody who comes this way is put: free ground.
    pub(super) fn landing(&self, way: &Way, at: Pos, who: EntityId) -> Pos {
        let ground = &self.state.scene.ground;
        let spawn = || {
            let spawns = &ground.map.spawns;
            ground.on_map(spawns[(who.0 % spawns.len() as u64) as usize])
        };
        let wanted = match way {
            Way::Border => self.rules.bounds.clamp(at),
            Way::Portal(Some(name)) => ground
                .map
                .places
                .iter()
                .find(|place| place.name == *name)
                .map_or_else(spawn, |place| ground.on_map(place.at)),
            Way::Portal(None) => spawn(),
        };
        ground.terrain.nearest_free(wanted).unwrap_or(wanted)
    }

    /// Moves a player without asking her: she sees no way in between, and her moves count from there.
    pub(super) fn place_player(&mut self, id: EntityId, at: Pos, heading: Heading, why: &str) {
        if self.state.scene.put(id, at, heading, self.state.tick) {
            self.turn.note_move(id, FLAG_JUMP);
        }
        self.correct(id, why);
    }

    /// Tells a player where she is; what she claimed before she knows it is void.
    pub(super) fn correct(&mut self, id: EntityId, why: &str) {
        let (Some(player), Some(entity)) = (self.state.players.get_mut(&id), self.state.scene.entities.get(&id)) else {
            return;
        };
        let session = &mut player.session;
        session.c = session.c.next();
        if let Link::Up(gateway) = &session.link {
            let draft = self.turn.draft(gateway);
            draft.corrections.retain(|known| known.session != session.id);
            draft.corrections.push(Correction {
                session: session.id,
                c: session.c,
                m: session.m,
                at: entity.at,
                why: why.to_owned(),
            });
        }
    }

    /// The zone ends the connection of a player; she waits for a resume.
    pub(super) fn drop_link(&mut self, id: EntityId, why: GoneReason) {
        self.push_gone(id, why);
        self.lose_link(id);
    }

    /// The connection of a player is lost; she waits for a resume.
    pub(super) fn lose_link(&mut self, id: EntityId) {
        let until = Tick(self.state.tick.0 + self.rules.grace);
        let Some(player) = self.state.players.get_mut(&id) else { return };
        if matches!(player.session.link, Link::Up(_)) {
            player.session.link = Link::Down(until);
            self.close_eyes(id);
            self.set_away(id, true);
        }
    }

    /// A gateway is gone with all its connections.
    pub(super) fn lose_gateway(&mut self, gateway: &GatewayId) {
        let lost: Vec<EntityId> = self
            .state
            .players
            .iter()
            .filter(|(_, player)| player.session.link == Link::Up(gateway.clone()))
            .map(|(id, _)| *id)
            .collect();
        for id in lost {
            self.lose_link(id);
        }
        if let Some(known) = self.state.gateways.get_mut(gateway) {
            // Should it be alive after all, the gap in its numbers has it ask which of its players are still here.
            known.seq += 1;
            known.linger = Tick(0);
            known.gone.clear();
        }
        self.turn.drafts.remove(gateway);
        self.state.remember_lost(gateway.clone());
    }

    /// Logs out whose grace is over.
    pub(super) fn expire_links(&mut self) {
        let now = self.state.tick;
        let over: Vec<EntityId> = self
            .state
            .players
            .iter()
            .filter(|(_, player)| matches!(player.session.link, Link::Down(until) if until <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in over {
            self.logout(id, LeaveReason::TimedOut, GoneReason::LoggedOut);
        }
    }

    /// The player leaves the world: the store has her from now on, as soon as it says so. Not before the module has been told what she
    /// did here.
    pub(super) fn logout(&mut self, id: EntityId, reason: LeaveReason, gone: GoneReason) {
        if self.is_yet_to_be_told(id) {
            self.state.leaving.insert(id, Leaving::World { reason, gone });
            return;
        }
        self.push_gone(id, gone);
        if let Some((player, entity)) = self.take_out(id, reason) {
            let sub = player.sub.clone();
            let mut traveller = self.pack(id, player, &entity);
            traveller.session = None;
            if traveller.speed == self.rules.speed {
                // The world's own; should that change, it changes for her too.
                traveller.speed = 0;
            }
            self.state.requests.open(StoreRequest::Offline(Box::new(traveller)), Purpose::Logout(sub));
        }
    }

    /// The player leaves for another zone. Not before the module has been told what she did here, so that what comes of it goes
    /// with her; until then she stands where she is, and her inputs are for the next zone.
    pub(super) fn depart(&mut self, id: EntityId, to: ZoneNo, way: Way, at: Option<Pos>) {
        if self.is_yet_to_be_told(id) {
            self.state.leaving.insert(id, Leaving::Zone { to, way, at });
            return;
        }
        let over_border = way == Way::Border;
        let reason = if over_border { LeaveReason::Crossing } else { LeaveReason::Portal };
        self.push_gone(id, GoneReason::Crossed(to));
        if let Some((player, entity)) = self.take_out(id, reason) {
            let mut traveller = self.pack(id, player, &entity);
            self.note_heard(to, &mut traveller);
            traveller.way = way;
            traveller.at = at.unwrap_or(entity.at);
            if over_border {
                self.leave_ghost(&traveller, entity, to);
            }
            self.state.outbox.push(to, ZoneItem::Player(Box::new(traveller)));
        }
    }

    /// Whether something that the player did waits for the module, something that she said for its verdict, or whom she ignores
    /// for the store.
    fn is_yet_to_be_told(&self, id: EntityId) -> bool {
        self.turn.said.iter().any(|said| said.speaker == id)
            || self.state.requests.is_looking_for(id)
            || self.state.events.iter().any(|event| event.doer() == Some(id))
    }

    /// Those leave who waited for the module.
    pub(super) fn let_go(&mut self) {
        for (id, leaving) in std::mem::take(&mut self.state.leaving) {
            match leaving {
                Leaving::Zone { to, way, at } => self.depart(id, to, way, at),
                Leaving::World { reason, gone } => self.logout(id, reason, gone),
            }
        }
    }

    /// Takes an avatar that is not the real one out of the zone; nobody keeps it.
    pub(super) fn discard(&mut self, id: EntityId) {
        self.push_gone(id, GoneReason::Outdated);
        self.take_out(id, LeaveReason::Logout);
    }

    fn take_out(&mut self, id: EntityId, reason: LeaveReason) -> Option<(Player, Entity)> {
        self.close_eyes(id);
        self.state.leaving.remove(&id);
        self.state.requests.forget_presence(id);
        let player = self.state.players.remove(&id)?;
        let entity = self.state.scene.remove(id)?;
        self.state.sessions.remove(&player.session.id);
        self.state.names.remove(&fold_name(&entity.name));
        self.forget_sensor(id);
        self.push_event(Event::Left { player: id, reason });
        Some((player, entity))
    }

    fn pack(&mut self, id: EntityId, player: Player, entity: &Entity) -> Traveller {
        let muted = self.muted(&player);
        let module = self.state.module.as_ref().map(|card| card.description.name.as_str());
        if module.and_then(|name| player.saved.get(name)).is_some_and(|saved| !saved.is_empty()) {
            self.state.versions.note_departure();
        }
        let Session { id: session, link, attach, nonce, tokens, seq, m, c, messages, .. } = player.session;
        let (gateway, grace_ms) = match link {
            Link::Up(gateway) => (Some(gateway), None),
            Link::Down(until) => {
                let ms = until.0.saturating_sub(self.state.tick.0) * 1000 / self.rules.second();
                (None, Some(u32::try_from(ms).unwrap_or(u32::MAX)))
            }
        };
        Traveller {
            id,
            sub: player.sub,
            name: entity.name.clone(),
            guest: player.guest,
            hop: player.hop.next(),
            at: entity.at,
            heading: entity.heading,
            speed: entity.speed,
            way: Way::Border,
            tags: travelling_tags(entity),
            saved: player.saved,
            session: Some(TravellingSession {
                session,
                gateway,
                attach,
                nonce,
                // A torn session can't be resumed anywhere.
                tokens: if messages.torn { Vec::new() } else { tokens },
                seq,
                n: messages.n,
                unacked: messages.iter().map(|(n, body)| (n, (**body).clone())).collect(),
                m,
                c,
                grace_ms,
                // Filled in by who knows where to.
                heard: 0,
                history: messages.history.iter().map(|(n, body)| (n, body.clone())).collect(),
            }),
            ignored: player.ignored,
            muted,
        }
    }

    /// A session as it goes on here.
    pub(super) fn unpack(&self, travelling: TravellingSession) -> Session {
        let lost = |gateway: &GatewayId| self.state.lost_gateways.contains(gateway);
        let grace = |ms: u32| Tick(self.state.tick.0 + (u64::from(ms) * self.rules.second()).div_ceil(1000));
        let link = match (travelling.gateway, travelling.grace_ms) {
            (Some(gateway), _) if !lost(&gateway) => Link::Up(gateway),
            (_, Some(ms)) => Link::Down(grace(ms)),
            (_, None) => Link::Down(Tick(self.state.tick.0 + self.rules.grace)),
        };
        let mut messages = Messages { touched: self.state.tick, ..Messages::default() };
        messages.n.0 = travelling.n.0.saturating_sub(travelling.unacked.len() as u64);
        for (_, body) in travelling.unacked {
            messages.push(Arc::new(body));
        }
        messages.history = History::default();
        for (n, body) in travelling.history {
            messages.history.note(n, &Arc::new(body));
        }
        Session {
            id: travelling.session,
            link,
            attach: travelling.attach,
            nonce: travelling.nonce,
            tokens: travelling.tokens,
            seq: travelling.seq,
            m: travelling.m,
            c: travelling.c,
            messages,
            wants_history: false,
        }
    }

    /// Tells the gateway of a connected player that this attachment is over.
    pub(super) fn push_gone(&mut self, id: EntityId, why: GoneReason) {
        let Some(player) = self.state.players.get(&id) else { return };
        let Link::Up(gateway) = &player.session.link else { return };
        let gone = Gone { session: player.session.id, attach: player.session.attach, why };
        let gateway = gateway.clone();
        self.keep_gone(&gateway, gone);
    }

    /// Tells a gateway that an attachment is over, and remembers it for a while.
    pub(super) fn keep_gone(&mut self, gateway: &GatewayId, gone: Gone) {
        let kept = self.state.gateways.entry(gateway.clone()).or_default();
        if kept.gone.len() >= GONE_KEPT {
            kept.gone.pop_front();
        }
        kept.gone.push_back((self.state.tick, gone.clone()));
        self.turn.draft(gateway).gone.push(gone);
        self.turn.out.binding = true;
    }

    pub(super) fn set_away(&mut self, id: EntityId, away: bool) {
        let Some(entity) = self.state.scene.entities.get_mut(&id) else { return };
        let changed = if away {
            entity.set_tag(Tag { name: AWAY.into(), value: TagValue::Flag(true), audience: Audience::Near })
        } else {
            entity.remove_tag(AWAY)
        };
        if changed {
            self.turn.looks.insert((id, Look::Tags));
        }
    }

    /// Nobody looks through this player's roster any more.
    fn close_eyes(&mut self, id: EntityId) {
        let Some(player) = self.state.players.get_mut(&id) else { return };
        for member in player.roster.members() {
            if self.state.scene.watch(*member, false) {
                self.turn.watched.push(*member);
            }
        }
        player.roster.clear();
        player.full_roster = true;
    }
}

pub(super) fn travelling_tags(entity: &Entity) -> Vec<(String, TagValue)> {
    let seen = |name: &&str| entity.tag(name).filter(|tag| tag.audience == Audience::Near);
    TRAVELLING_TAGS.iter().filter_map(seen).map(|tag| (tag.name.clone(), tag.value.clone())).collect()
}
