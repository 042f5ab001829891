//! What players do: walk, speak, use things, answer dialogues.

use wod_protocol::bus::{CommandBody, MoveClaim, Way};
use wod_protocol::client::RejectCode;
use wod_protocol::ids::{AttachNo, EntityId, Seq, SessionId, Token, ZoneNo};
use wod_protocol::units::{Fixed, Heading, Pos, to_fixed};

use super::Zone;
use super::state::{Exit, Leaving, Link};
use super::versions::chosen;
use crate::module::Event;
use crate::space::claim::{Verdict, Why};

/// Said to a player whose doing has brought the module down twice.
pub(super) const BLOCKED: &str = "that fails each time; it is switched off for you until it is mended";

impl Zone {
    /// A player claims to be somewhere.
    pub(super) fn walk_to(&mut self, claim: &MoveClaim) {
        let Some(id) = self.speaker(claim.session, claim.attach).filter(|id| !self.state.leaving.contains_key(id))
        else {
            return;
        };
        let game_ms = self.game_ms();
        let (Some(player), Some(entity)) = (self.state.players.get_mut(&id), self.state.scene.entities.get(&id)) else {
            return;
        };
        if claim.c != player.session.c || claim.m <= player.session.m {
            return;
        }
        player.session.m = claim.m;
        let from = entity.at;
        let to = self.rules.bounds.clamp(claim.at);
        let neighbour = if to == claim.at { None } else { self.rules.neighbour_at(claim.at) };
        let (claimed, speed) = match neighbour {
            // The last leg is judged up to the border; what lies beyond is the neighbour's ground.
            Some(_) => (MoveClaim { at: to, ..*claim }, entity.speed),
            None => (*claim, entity.speed),
        };
        let overshoot = neighbour.is_some() && is_beyond(to, claim.at, speed / 2);
        let verdict = player.allowance.judge(&self.state.scene.ground.terrain, speed, game_ms, from, &claimed);
        match verdict {
            Verdict::Refused(why) => self.correct(id, why.as_str()),
            Verdict::Accepted => {
                let heading = claim.heading.unwrap_or_else(|| heading_of(from, claimed.at).unwrap_or(entity.heading));
                if self.state.scene.put(id, claimed.at, heading, self.state.tick) {
                    self.turn.note_move(id, 0);
                }
                match neighbour {
                    Some(_) if overshoot => self.correct(id, Why::TooFast.as_str()),
                    Some(to) => self.depart(id, to, Way::Border, Some(claim.at)),
                    None => self.enter_portal(id, from, claimed.at),
                }
            }
        }
    }

    /// Sends a player away who has just walked into a portal.
    fn enter_portal(&mut self, id: EntityId, from: Pos, at: Pos) {
        let ground = &self.state.scene.ground;
        let entered = ground.map.portals.iter().find(|portal| {
            let (center, radius) = (ground.on_map(portal.at), to_fixed(portal.radius));
            is_beyond(center, from, radius) && touches(from, at, center, radius)
        });
        let exit = entered.and_then(|portal| self.rules.exit(&portal.name));
        if let Some(Exit { to, place }) = exit {
            self.send_away(id, to, place);
        }
    }

    /// To a zone's place, or to its spawn point; it may be this zone.
    pub(super) fn send_away(&mut self, id: EntityId, to: ZoneNo, place: Option<String>) {
        let way = Way::Portal(place);
        if to == self.rules.number {
            let Some(entity) = self.state.scene.entities.get(&id) else { return };
            let (at, heading) = (self.landing(&way, entity.at, id), entity.heading);
            self.place_player(id, at, heading, "placed");
        } else if self.state.players.contains_key(&id) {
            // At the end of this tick: what else the module orders for her in the same call goes with her.
            self.state.leaving.insert(id, Leaving::Zone { to, way, at: None });
        }
    }

    /// A command. It takes effect only as the successor of the last one; an older one is acknowledged again.
    pub(super) fn command(&mut self, session: SessionId, attach: AttachNo, seq: Seq, body: &CommandBody) {
        let Some(id) = self.speaker(session, attach).filter(|id| !self.state.leaving.contains_key(id)) else { return };
        let Some(player) = self.state.players.get_mut(&id) else { return };
        let last = player.session.seq;
        if seq > last.next() {
            return;
        }
        let is_new = seq == last.next();
        player.session.seq = last.max(seq);
        if let Link::Up(gateway) = &player.session.link {
            let dealt_with = player.session.seq;
            self.turn.draft(gateway).acks.insert(session, dealt_with);
            self.turn.out.binding = true;
        }
        if !is_new {
            return;
        }
        match body {
            CommandBody::Chat { mode, text, to } => self.say(id, seq, *mode, text, to.as_deref()),
            CommandBody::Interact { target, verb, args } => self.interact(id, seq, *target, verb, args),
            CommandBody::Choose { dialogue, option } => self.choose(id, seq, *dialogue, option.as_ref()),
            CommandBody::Void { code, message } => self.reject(id, seq, code, message),
            CommandBody::Ignore { name } => self.ignore(id, seq, name.as_deref()),
            CommandBody::Unignore { name } => self.unignore(id, seq, name),
        }
    }

    fn interact(&mut self, player: EntityId, seq: Seq, target: EntityId, verb: &str, args: &str) {
        let scene = &self.state.scene;
        let (Some(actor), Some(thing)) = (scene.entities.get(&player), scene.present(target)) else {
            return self.reject(player, seq, &RejectCode::NoSuchTarget, "nothing of that id is here");
        };
        let Some(offered) = thing.verbs.iter().find(|offered| offered.id == verb) else {
            return self.reject(player, seq, &RejectCode::NoSuchVerb, "that can't be done with it");
        };
        if is_beyond(thing.at, actor.at, to_fixed(f64::from(offered.reach))) {
            return self.reject(player, seq, &RejectCode::TooFar, "it is too far away");
        }
        if scene.home(target).is_some() {
            let at = actor.at;
            return self.interact_beyond(player, at, seq, target, verb, args);
        }
        if self.state.versions.is_blocked(player, verb) {
            return self.reject(player, seq, &RejectCode::ModuleFault, BLOCKED);
        }
        let (verb, args) = (verb.to_owned(), args.to_owned());
        self.push_event(Event::Interacted { player, seq, target, verb, args });
    }

    fn choose(&mut self, id: EntityId, seq: Seq, dialogue: Token, option: Option<&String>) {
        let Some(player) = self.state.players.get_mut(&id) else { return };
        let is_open = player
            .dialogues
            .get(&dialogue)
            .is_some_and(|open| option.is_none_or(|option| open.options.contains(option)));
        if !is_open {
            return self.reject(id, seq, &RejectCode::NoSuchDialogue, "that dialogue or option is not open");
        }
        if let Some(zone) = player.dialogues.get(&dialogue).and_then(|open| open.led_by) {
            if option.is_none() {
                player.dialogues.remove(&dialogue);
            }
            return self.choose_beyond(zone, id, seq, dialogue, option.cloned());
        }
        if self.state.versions.is_blocked(id, &chosen(option.map(String::as_str))) {
            return self.reject(id, seq, &RejectCode::ModuleFault, BLOCKED);
        }
        if option.is_none() {
            player.dialogues.remove(&dialogue);
        }
        self.push_event(Event::Chose { player: id, seq, dialogue, choice: option.cloned() });
    }
}

/// Whether `at` lies further than `radius` from `center`.
pub(super) fn is_beyond(center: Pos, at: Pos, radius: Fixed) -> bool {
    center.distance_squared(at) > i64::from(radius) * i64::from(radius)
}

/// The direction from one point to another; none when they are the same.
pub(super) fn heading_of(from: Pos, to: Pos) -> Option<Heading> {
    let (dx, dy) = (f64::from(to.x) - f64::from(from.x), f64::from(to.y) - f64::from(from.y));
    (from != to).then(|| Heading::from_radians(libm::atan2(dy, dx)))
}

/// Whether the way from `from` to `to` comes within `radius` of `center`.
fn touches(from: Pos, to: Pos, center: Pos, radius: Fixed) -> bool {
    let vector = |a: Pos, b: Pos| (f64::from(b.x) - f64::from(a.x), f64::from(b.y) - f64::from(a.y));
    let (way, reach) = (vector(from, to), vector(from, center));
    let length_squared = way.0 * way.0 + way.1 * way.1;
    let along =
        if length_squared > 0.0 { ((reach.0 * way.0 + reach.1 * way.1) / length_squared).clamp(0.0, 1.0) } else { 0.0 };
    let (dx, dy) = (reach.0 - way.0 * along, reach.1 - way.1 * along);
    dx * dx + dy * dy <= f64::from(radius) * f64::from(radius)
}
