//! What is said and done over a border. It takes the zones' streams, so it happens once, whatever is lost on the way: a line reaches
//! the ghosts that stood within earshot, a verb its owner's module, and that module's answer the player, wherever she is by then.

use std::collections::{BTreeMap, BTreeSet};

use wod_protocol::bus::{MessageBody, ZoneItem};
use wod_protocol::client::RejectCode;
use wod_protocol::ids::{EntityId, Seq, Token, ZoneNo};
use wod_protocol::units::{Pos, to_fixed};

use super::Zone;
use super::commands::{BLOCKED, is_beyond};
use super::messages::code_name;
use super::state::{Dialogue, State};
use super::versions::chosen;
use crate::module::Event;

/// How often something is passed on behind a player who has moved.
pub(super) const HOPS: u8 = 8;

impl Zone {
    /// Tells these players something: those here at once, ghosts (and those on their way) through their zone. Of a line of chat also
    /// characters beyond a border.
    pub(super) fn tell_anywhere(&mut self, body: MessageBody, to: &[EntityId], latest: bool) {
        let (here, beyond): (Vec<_>, Vec<_>) = to.iter().partition(|id| self.state.players.contains_key(*id));
        self.tell_beyond(self.rules.number, &body, &beyond, latest, 0, None);
        match body {
            MessageBody::Event { name, data } if latest => self.tell_latest(name, data, here),
            body => self.tell(body, &here),
        }
    }

    /// `came`: from which zone's stream it came, and its number there.
    fn tell_beyond(
        &mut self,
        origin: ZoneNo,
        body: &MessageBody,
        ids: &[EntityId],
        latest: bool,
        hops: u8,
        came: Option<(ZoneNo, u64)>,
    ) {
        let mut zones: BTreeMap<ZoneNo, Vec<EntityId>> = BTreeMap::new();
        for id in ids {
            if let Some(zone) = self.whereabouts(*id) {
                zones.entry(zone).or_default().push(*id);
            }
        }
        for (zone, to) in zones {
            // A stream that is full drops it, as it would a whisper.
            let back = came.filter(|(from, _)| *from == zone).map(|(_, number)| number);
            self.send_item(zone, ZoneItem::Told { origin, to, body: body.clone(), latest, hops, back });
        }
    }

    /// The other zone that an entity is in, or on its way to, or has gone to lately, or did something here from.
    pub(super) fn whereabouts(&self, id: EntityId) -> Option<ZoneNo> {
        let State { outbox, scene, requests, .. } = &self.state;
        let known = outbox.destination(id).or_else(|| scene.home(id)).or_else(|| requests.gone_to(id));
        known.or_else(|| scene.callers.get(&id).copied())
    }

    /// Something heard or told over a border has come to those it is for. `came`: with which zone's stream, under which number.
    pub(super) fn told(&mut self, came: Option<(ZoneNo, u64)>, item: ZoneItem) {
        let ZoneItem::Told { origin, mut to, body, latest, hops, back } = item else { return };
        if let (Some((from, _)), Some(number)) = (came, back) {
            // Who came from there after it missed her was told when she came.
            to.retain(|id| !self.state.outbox.was_told(*id, from, number));
        }
        let here = |id: &EntityId| self.state.players.contains_key(id) || self.state.scene.is_own(*id);
        let (here, moved): (Vec<EntityId>, Vec<EntityId>) = to.iter().copied().partition(here);
        if hops < HOPS {
            self.tell_beyond(origin, &body, &moved, latest, hops + 1, came);
        }
        let (players, own): (Vec<EntityId>, Vec<EntityId>) =
            here.iter().partition(|id| self.state.players.contains_key(*id));
        match body {
            MessageBody::Event { name, data } if latest => self.tell_latest(name, data, players),
            MessageBody::Dialogue { dialogue, npc, text, options } => {
                for player in players {
                    let body = MessageBody::Dialogue { dialogue, npc, text: text.clone(), options: options.clone() };
                    self.led_dialogue(origin, player, body);
                }
            }
            MessageBody::Chat { from: speaker, mode, ref text, .. } => {
                for listener in own {
                    self.push_event(Event::Heard { listener, speaker, mode, text: text.clone() });
                }
                self.tell(body, &players);
            }
            body => self.tell(body, &players),
        }
    }

    /// A character of another zone speaks to a player here; without options it ends the talk.
    fn led_dialogue(&mut self, origin: ZoneNo, player: EntityId, body: MessageBody) {
        let MessageBody::Dialogue { dialogue, npc, text, options } = body else { return };
        let led_by = (origin != self.rules.number).then_some(origin);
        if options.is_empty() && text.is_empty() {
            return self.close_dialogue(player, dialogue, led_by);
        }
        let ids = options.iter().map(|option| option.id.clone()).collect();
        self.open_dialogue(player, dialogue, Dialogue { npc, led_by, options: ids }, text, options);
    }

    /// A player uses a verb of a ghost: whoever owns it decides.
    pub(super) fn interact_beyond(
        &mut self,
        player: EntityId,
        at: Pos,
        seq: Seq,
        target: EntityId,
        verb: &str,
        args: &str,
    ) {
        let (verb, args) = (verb.to_owned(), args.to_owned());
        let item = ZoneItem::Interact { player, at, seq, target, verb, args };
        let sent = self.state.scene.home(target).is_some_and(|home| self.send_item(home, item));
        if !sent {
            self.reject(player, seq, &RejectCode::NotDelivered, "there is no getting through to it now");
        }
    }

    /// A player answers a character of another zone.
    pub(super) fn choose_beyond(
        &mut self,
        zone: ZoneNo,
        player: EntityId,
        seq: Seq,
        dialogue: Token,
        option: Option<String>,
    ) {
        if !self.send_item(zone, ZoneItem::Choose { player, seq, dialogue, option }) {
            self.reject(player, seq, &RejectCode::NotDelivered, "there is no getting through to them now");
        }
    }

    /// A player beyond the border uses something here.
    pub(super) fn interacts_from(&mut self, from: ZoneNo, item: ZoneItem) {
        let ZoneItem::Interact { player, at, seq, target, verb, args } = item else { return };
        let scene = &self.state.scene;
        let offered = |thing: &super::scene::Entity| thing.verbs.iter().find(|offered| offered.id == verb).cloned();
        let refused = match scene.entities.get(&target).map(|thing| (thing.at, offered(thing))) {
            None => Some((RejectCode::NoSuchTarget, "it is not there any more")),
            Some((_, None)) => Some((RejectCode::NoSuchVerb, "that can't be done with it")),
            Some((there, Some(offered))) if is_beyond(there, at, to_fixed(f64::from(offered.reach))) => {
                Some((RejectCode::TooFar, "it is too far away"))
            }
            // The module could not even ask who she is.
            Some(_) if scene.present(player).is_none() => Some((RejectCode::TooFar, "you are out of sight from there")),
            Some(_) if self.state.versions.is_blocked(player, &verb) => Some((RejectCode::ModuleFault, BLOCKED)),
            Some(_) => None,
        };
        match refused {
            Some((code, why)) => self.refuse_from(from, player, seq, &code, why),
            None => self.push_call(from, player, Event::Interacted { player, seq, target, verb, args }),
        }
    }

    /// A player beyond the border answers a character here.
    pub(super) fn chooses_from(&mut self, from: ZoneNo, item: ZoneItem) {
        let ZoneItem::Choose { player, seq, dialogue, option } = item else { return };
        if self.state.versions.is_blocked(player, &chosen(option.as_deref())) {
            return self.refuse_from(from, player, seq, &RejectCode::ModuleFault, BLOCKED);
        }
        if self.state.scene.present(player).is_none() {
            return self.refuse_from(from, player, seq, &RejectCode::NoSuchDialogue, "you are out of earshot");
        }
        self.push_call(from, player, Event::Chose { player, seq, dialogue, choice: option });
    }

    /// Notes what a player beyond the border did for the module, and where its answer goes.
    fn push_call(&mut self, from: ZoneNo, player: EntityId, event: Event) {
        if !self.state.players.contains_key(&player) {
            self.state.scene.callers.insert(player, from);
        }
        self.push_event(event);
    }

    /// The module has answered: who is still waiting for it stays.
    pub(super) fn forget_callers(&mut self) {
        let State { scene, events, .. } = &mut self.state;
        if !scene.callers.is_empty() {
            let waiting: BTreeSet<EntityId> = events.iter().filter_map(Event::doer).collect();
            scene.callers.retain(|id, _| waiting.contains(id));
        }
    }

    /// Refuses a command that came from another zone: there, unless she has come here meanwhile.
    fn refuse_from(&mut self, from: ZoneNo, player: EntityId, seq: Seq, code: &RejectCode, why: &str) {
        if self.state.players.contains_key(&player) {
            return self.reject(player, seq, code, why);
        }
        let body = MessageBody::Reject { seq, code: code_name(code).into(), message: why.into() };
        let (origin, to) = (self.rules.number, vec![player]);
        self.send_item(from, ZoneItem::Told { origin, to, body, latest: false, hops: 0, back: None });
    }
}
