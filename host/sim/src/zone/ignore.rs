//! Whom a player does not hear. [`Zone::tell`] leaves her out of every line of theirs, wherever it was said: at the end of its way,
//! so that nobody else learns of it.

use wod_protocol::bus::MessageBody;
use wod_protocol::client::RejectCode;
use wod_protocol::ids::{EntityId, Seq};
use wod_protocol::limits::IGNORED;
use wod_protocol::record::fold_name;

use super::Zone;
use super::requests::{Purpose, WAITING_LOOKUPS};
use crate::io::{StoreAnswer, StoreRequest};

impl Zone {
    /// She wants to hear nothing of a player any more, wherever that one is; or only asks whom she does not hear.
    pub(super) fn ignore(&mut self, id: EntityId, seq: Seq, name: Option<&str>) {
        let Some(name) = name.map(str::trim) else { return self.tell_ignored(id) };
        match self.state.names.get(&fold_name(name)).copied() {
            Some(other) => {
                let name = self.state.scene.entities.get(&other).map_or(name, |entity| entity.name.as_str()).to_owned();
                self.set_ignored(id, seq, other, &name, true);
            }
            None => self.look_up(id, seq, name, true),
        }
    }

    /// She wants to hear a player again: by the name that one had when she began, or has now.
    pub(super) fn unignore(&mut self, id: EntityId, seq: Seq, name: &str) {
        let (name, folded) = (name.trim(), fold_name(name));
        let Some(player) = self.state.players.get_mut(&id) else { return };
        let before = player.ignored.len();
        player.ignored.retain(|_, known| fold_name(known) != folded);
        if player.ignored.len() < before {
            return self.tell_ignored(id);
        }
        let nobody = player.ignored.is_empty();
        match self.state.names.get(&folded).copied() {
            Some(other) => self.set_ignored(id, seq, other, name, false),
            None if nobody => self.not_ignored(id, seq),
            None => self.look_up(id, seq, name, false),
        }
    }

    /// Who bears that name, in another zone or nowhere? She does not leave before the answer.
    fn look_up(&mut self, player: EntityId, seq: Seq, name: &str, on: bool) {
        if self.state.requests.lookups() >= WAITING_LOOKUPS {
            return self.reject(
                player,
                seq,
                &RejectCode::TooMany,
                "too many names are looked up: try again in a moment",
            );
        }
        let purpose = Purpose::Ignore { player, seq, name: name.to_owned(), on };
        self.state.requests.open(StoreRequest::FindName(name.to_owned()), purpose);
    }

    /// The store says who bears the name.
    pub(super) fn ignored_found(&mut self, player: EntityId, seq: Seq, name: &str, on: bool, answer: &StoreAnswer) {
        match answer {
            StoreAnswer::Found { id, .. } => self.set_ignored(player, seq, *id, name, on),
            _ => self.reject(player, seq, &RejectCode::NoSuchPlayer, "nobody has that name"),
        }
    }

    fn set_ignored(&mut self, id: EntityId, seq: Seq, other: EntityId, name: &str, on: bool) {
        let Some(player) = self.state.players.get_mut(&id) else { return };
        if !on {
            return match player.ignored.remove(&other) {
                Some(_) => self.tell_ignored(id),
                None => self.not_ignored(id, seq),
            };
        }
        if id == other {
            return self.reject(id, seq, &RejectCode::NoSuchPlayer, "you can't ignore yourself");
        }
        if player.ignored.len() >= IGNORED && !player.ignored.contains_key(&other) {
            let full = format!("at most {IGNORED} players can be ignored: hear one of them again first");
            return self.reject(id, seq, &RejectCode::TooMany, &full);
        }
        player.ignored.insert(other, name.to_owned());
        self.tell_ignored(id);
    }

    fn not_ignored(&mut self, id: EntityId, seq: Seq) {
        self.reject(id, seq, &RejectCode::NoSuchPlayer, "you ignore nobody of that name");
    }

    fn tell_ignored(&mut self, id: EntityId) {
        let Some(player) = self.state.players.get(&id) else { return };
        let mut names: Vec<String> = player.ignored.values().cloned().collect();
        names.sort();
        self.tell(MessageBody::Ignored { names }, &[id]);
    }
}
