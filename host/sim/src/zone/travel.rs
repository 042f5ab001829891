//! What comes from other zones, and the store's answers.

use wod_protocol::bus::{Traveller, Way, ZoneItem, ZoneStream};
use wod_protocol::client::ZoneReason;
use wod_protocol::ids::{EntityId, Hop, Token, ZoneNo};
use wod_protocol::record::Place;

use super::Zone;
use super::chat::Whisper;
use super::players::travelling_tags;
use super::requests::{Departed, Purpose};
use crate::io::{StoreAnswer, StoreRequest};
use crate::module::{EnterReason, Event};

impl Zone {
    /// A part of another zone's stream: what is new in it takes effect.
    pub(super) fn receive(&mut self, part: &ZoneStream) {
        let is_ours = part.to == self.rules.number && part.from != self.rules.number;
        if !is_ours || self.rules.world.zone(part.from).is_none() {
            return;
        }
        for (number, item) in self.state.outbox.receive(part) {
            self.take_item(part.from, number, item);
        }
        for item in self.state.outbox.settle(part, self.state.tick) {
            self.settled(part.from, item);
        }
    }

    /// Another zone has dealt with an item of ours. A player is its own from now on; but what is still for her goes after her, and
    /// should that zone and the store forget her together, this one is the last that knows.
    fn settled(&mut self, by: ZoneNo, item: ZoneItem) {
        if let ZoneItem::Player(mut player) | ZoneItem::PlayerRefused { traveller: mut player, .. } = item {
            player.session = None;
            let departed = Departed { player, to: Place::Zone(by) };
            self.state.requests.keep(departed, self.state.tick, self.rules.second());
        }
    }

    fn take_item(&mut self, from: ZoneNo, number: u64, item: ZoneItem) {
        match item {
            ZoneItem::Player(traveller) => match self.why_not(&traveller) {
                None => self.arrive(from, number, *traveller),
                Some(why) => {
                    let mut traveller = traveller;
                    self.note_heard(from, &mut traveller);
                    self.state.outbox.push(from, ZoneItem::PlayerRefused { traveller, why: why.to_owned() });
                }
            },
            ZoneItem::PlayerRefused { mut traveller, .. } => {
                self.turn_back(from, &mut traveller);
                self.arrive(from, number, *traveller);
            }
            ZoneItem::Whisper { .. } => self.whisper_arrives(&item),
            ZoneItem::WhisperLost(origin) => self.whisper_lost(&origin),
            ZoneItem::Message { order, topic, body } => {
                let sender = self.rules.world.zone(from).map(|zone| zone.name.to_string()).unwrap_or_default();
                let id = self.note_mail(from, order);
                self.push_event(Event::Message { id, sender, topic, body });
            }
            ZoneItem::Superseded { id, hop } => self.outdated(id, hop),
            ZoneItem::Receipt { order, delivered } => self.push_event(Event::Receipt { order, delivered }),
            ZoneItem::Told { .. } => self.told(Some((from, number)), item),
            ZoneItem::Interact { .. } => self.interacts_from(from, item),
            ZoneItem::Choose { .. } => self.chooses_from(from, item),
        }
    }

    /// Why a player can't be let in; none: she can.
    fn why_not(&self, traveller: &Traveller) -> Option<&'static str> {
        let Some(session) = &traveller.session else { return Some("she has no session") };
        if self.state.module.is_none() {
            return Some("the zone has no module yet");
        }
        let numbers = session.unacked.iter().rev().map(|(n, _)| n.0);
        if !numbers.eq((0..session.unacked.len() as u64).map(|back| session.n.0.wrapping_sub(back))) {
            return Some("her messages are not numbered without gaps");
        }
        let other = self.player_of(&traveller.sub).is_some_and(|id| id != traveller.id);
        (other || self.state.scene.is_own(traveller.id)).then_some("her id or name is somebody else's here")
    }

    /// A player arrives. That zone's stream is acknowledged when the store knows that she is here.
    fn arrive(&mut self, from: ZoneNo, number: u64, mut traveller: Traveller) {
        let id = traveller.id;
        if let Some(standing) = self.state.players.get(&id) {
            if standing.hop >= traveller.hop {
                return;
            }
            self.discard(id);
        }
        let Some(session) = traveller.session.take() else { return };
        self.state.outbox.hold(from, number);
        // The store keeps who she is and where; the session is the zone's.
        let request = StoreRequest::Arrived(Box::new(traveller.clone()));
        self.state.requests.open(request, Purpose::Arrival { from, number, id });
        let heard = session.heard;
        let entered = if traveller.way == Way::Border { EnterReason::Crossing } else { EnterReason::Portal };
        let mut session = self.unpack(session);
        // Until she hears where she is, she claims to be where she was: maybe in another plane. Those claims are void.
        session.c = session.c.next();
        let login = self.state.requests.take_login(&traveller.sub);
        self.appear(traveller, session, ZoneReason::Crossed, entered);
        self.answer_attached(id, None);
        self.repeat_messages(id);
        // Before anything is said to her here.
        for item in self.state.outbox.missed_by(id, from, heard) {
            self.told(None, item);
        }
        if let Some(login) = login {
            self.attach_standing(id, &login);
        }
    }

    /// What that zone has told her up to now has reached her; later words have not.
    pub(super) fn note_heard(&self, to: ZoneNo, traveller: &mut Traveller) {
        if let Some(session) = &mut traveller.session {
            session.heard = self.state.outbox.taken(to);
        }
    }

    /// Another zone did not take her: she comes back to where she left.
    fn turn_back(&self, refused_by: ZoneNo, traveller: &mut Traveller) {
        if traveller.way == Way::Border {
            return;
        }
        let ground = &self.state.scene.ground;
        let gate = ground
            .map
            .portals
            .iter()
            .find(|portal| self.rules.exit(&portal.name).is_some_and(|exit| exit.to == refused_by));
        if let Some(gate) = gate {
            traveller.at = ground.on_map(gate.at);
            traveller.way = Way::Border;
        }
    }

    /// The store answers.
    pub(super) fn store_answers(&mut self, number: u64, answer: &StoreAnswer) {
        let Some(request) = self.state.requests.close(number) else { return };
        match request.purpose {
            Purpose::Login(attach) => self.claimed(&attach, answer),
            Purpose::Logout(_) => {
                if let StoreRequest::Offline(player) = request.what {
                    let departed = Departed { player, to: Place::Offline };
                    self.state.requests.keep(departed, self.state.tick, self.rules.second());
                }
            }
            Purpose::Presence(id) => self.presence_stored(id, answer),
            Purpose::Departure(departed) => self.departure_stored(departed, answer),
            Purpose::Arrival { from, number, id } => {
                self.state.outbox.release(from, number);
                if let StoreAnswer::Outdated(hop) = answer {
                    self.outdated(id, *hop);
                }
            }
            Purpose::Whisper { speaker, name, seq, text } => {
                self.addressee_found(&Whisper { speaker, name: &name, seq, text: &text }, answer);
            }
            Purpose::Ignore { player, seq, name, on } => self.ignored_found(player, seq, &name, on, answer),
        }
    }

    /// The store may know less of players than this zone does, or more: of two avatars of one player the one with more
    /// hand-offs stays.
    pub(super) fn tell_store_again(&mut self) {
        self.state.requests.tell_departures_again();
        let here = Place::Zone(self.rules.number);
        for id in self.state.players.keys().copied().collect::<Vec<_>>() {
            if let Some(traveller) = self.portrait(id) {
                self.state.requests.open(StoreRequest::Present(Box::new(traveller), here), Purpose::Presence(id));
            }
        }
    }

    /// A player as her record has her.
    pub(super) fn portrait(&self, id: EntityId) -> Option<Traveller> {
        let (player, entity) = (self.state.players.get(&id)?, self.state.scene.entities.get(&id)?);
        Some(Traveller {
            id,
            sub: player.sub.clone(),
            name: entity.name.clone(),
            guest: player.guest,
            hop: player.hop,
            at: entity.at,
            heading: entity.heading,
            speed: entity.speed,
            way: Way::Border,
            tags: travelling_tags(entity),
            saved: player.saved.clone(),
            session: None,
            ignored: player.ignored.clone(),
            muted: self.muted(player),
        })
    }

    /// The store knows again that she has left. Zones that have forgotten it may have an older avatar of her: where her record had
    /// her, and where she has gone.
    fn departure_stored(&mut self, departed: Departed, answer: &StoreAnswer) {
        let (id, hop) = (departed.player.id, departed.player.hop);
        let had_her = match answer {
            StoreAnswer::Outdated(_) => return,
            StoreAnswer::Moved(zone) => Some(*zone),
            _ => None,
        };
        let gone_to = match departed.to {
            Place::Zone(zone) => Some(zone),
            Place::Offline => None,
        };
        for zone in [had_her, gone_to.filter(|zone| had_her != Some(*zone))].into_iter().flatten() {
            if zone == self.rules.number {
                self.outdated(id, hop);
            } else {
                self.state.outbox.push(zone, ZoneItem::Superseded { id, hop });
            }
        }
        self.state.requests.keep(departed, self.state.tick, self.rules.second());
    }

    fn presence_stored(&mut self, id: EntityId, answer: &StoreAnswer) {
        match answer {
            StoreAnswer::Outdated(hop) => self.outdated(id, *hop),
            StoreAnswer::Moved(from) if *from != self.rules.number => {
                let hop = self.state.players.get(&id).map(|player| player.hop);
                if let Some(hop) = hop {
                    self.state.outbox.push(*from, ZoneItem::Superseded { id, hop });
                }
            }
            _ => {}
        }
    }

    /// Her record knows a later hand-off than the one that brought her here: that avatar is the real one.
    fn outdated(&mut self, id: EntityId, hop: Hop) {
        if self.state.players.get(&id).is_some_and(|player| player.hop < hop) {
            self.discard(id);
        }
    }

    /// A message for the module, to be answered with a receipt; its number here.
    pub(super) fn note_mail(&mut self, from: ZoneNo, order: Token) -> u64 {
        self.state.last_mail += 1;
        self.state.mail.insert(self.state.last_mail, (from, order));
        self.state.last_mail
    }

    /// Tells the sender of a module's message what became of it.
    pub(super) fn send_receipt(&mut self, message: u64, delivered: bool) {
        if let Some((to, order)) = self.state.mail.remove(&message) {
            self.receipt(to, order, delivered);
        }
    }

    pub(super) fn receipt(&mut self, to: ZoneNo, order: Token, delivered: bool) {
        if to == self.rules.number {
            self.push_event(Event::Receipt { order, delivered });
        } else {
            self.state.outbox.push(to, ZoneItem::Receipt { order, delivered });
        }
    }
}
