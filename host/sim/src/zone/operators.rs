//! What operators set and ask, and what they do to players.

use wod_protocol::bus::GoneReason;
use wod_protocol::client::TagValue;
use wod_protocol::ids::{EntityId, Sub, Token};
use wod_protocol::record::{Place, fold_name};

use super::Zone;
use super::limits::{ANSWER_SECONDS, OPEN_ASKS, SETTINGS};
use super::requests::Purpose;
use super::turn::Look;
use crate::io::{PlayerAct, PlayerAnswer, StoreRequest};
use crate::module::{Event, LeaveReason};

impl Zone {
    /// A setting as it holds: the operator's word before the world file's before the module's own. A value of another type
    /// than the module's own is not one.
    pub(super) fn setting(&self, name: &str, default: &TagValue) -> TagValue {
        let settings = [&self.state.config, &self.rules.zone().config];
        let set = settings.iter().find_map(|settings| fit(settings.get(name)?, default));
        set.unwrap_or_else(|| default.clone())
    }

    /// An operator sets settings: all of them, or none.
    pub(super) fn configure(&mut self, request: u64, values: &[(String, TagValue)]) {
        let answer = self.try_configure(values);
        self.answer(request, answer);
    }

    fn try_configure(&mut self, values: &[(String, TagValue)]) -> Result<String, String> {
        let Some(card) = &self.state.module else { return Err("the zone has no module yet".into()) };
        let mut fitting = Vec::with_capacity(values.len());
        for (name, value) in values {
            let Some(key) = card.description.config.iter().find(|key| key.name == *name) else {
                let known: Vec<&str> = card.description.config.iter().map(|key| key.name.as_str()).collect();
                return Err(format!("the module has no setting `{name}`; it has: {}", known.join(", ")));
            };
            let Some(value) = fit(value, &key.default) else {
                return Err(format!("`{name}` must be of the type of its default, {:?}", key.default));
            };
            fitting.push((name.clone(), value));
        }
        let added = values.iter().filter(|(name, _)| !self.state.config.contains_key(name)).count();
        if self.state.config.len() + added > SETTINGS {
            return Err(format!("more than {SETTINGS} settings"));
        }
        self.state.config.extend(fitting.iter().cloned());
        self.push_event(Event::ConfigChanged(fitting));
        Ok("set".into())
    }

    /// An operator asks the module something.
    pub(super) fn ask(&mut self, request: u64, operator: &str, text: &str) {
        let asks = &mut self.state.asks;
        if asks.open.contains_key(&request) || asks.given.iter().any(|(_, given, _)| *given == request) {
            return;
        }
        if self.state.module.is_none() || asks.open.len() >= OPEN_ASKS {
            return self.answer(request, Err("the zone has no module, or too many questions are open".into()));
        }
        let deadline = self.state.tick.0 + ANSWER_SECONDS * self.rules.second();
        asks.open.insert(request, wod_protocol::ids::Tick(deadline));
        self.push_event(Event::Admin { request: Token(request), operator: operator.to_owned(), text: text.to_owned() });
    }

    /// An operator does something to a player, or looks at her.
    pub(super) fn attend_to(&mut self, request: u64, sub: &Sub, act: &PlayerAct) {
        let answer = match (self.player_of(sub), act) {
            (Some(id), PlayerAct::Rename(name)) => self.rename_player(id, name),
            (Some(id), PlayerAct::Kick(why)) => {
                self.logout(id, LeaveReason::Kicked, GoneReason::Kicked(why.clone()));
                PlayerAnswer::Done
            }
            (Some(id), PlayerAct::Show) => self.portrait(id).map_or(PlayerAnswer::NotHere, |player| {
                let (tick, game_ms) = (self.state.tick, self.game_ms());
                PlayerAnswer::Shown { tick, game_ms, player: Box::new(player) }
            }),
            (None, _) => match self.state.outbox.traveller(sub) {
                Some((_, to)) => PlayerAnswer::Elsewhere(to),
                None => PlayerAnswer::NotHere,
            },
        };
        let text = serde_json::to_string(&answer).expect("an answer has only values that JSON has too");
        self.answer(request, Ok(text));
    }

    /// Those near see the new name, she is told of it, and her record learns it.
    fn rename_player(&mut self, id: EntityId, name: &str) -> PlayerAnswer {
        let Some(entity) = self.state.scene.entities.get_mut(&id) else { return PlayerAnswer::NotHere };
        let former = std::mem::replace(&mut entity.name, name.to_owned());
        if former == name {
            return PlayerAnswer::Done;
        }
        self.state.names.remove(&fold_name(&former));
        self.state.names.insert(fold_name(name), id);
        self.turn.looks.insert((id, Look::Name));
        self.answer_attached(id, None);
        let here = Place::Zone(self.rules.number);
        if let Some(traveller) = self.portrait(id) {
            // What is told of her under the former name is out of date.
            self.state.requests.forget_presence(id);
            self.state.requests.open(StoreRequest::Present(Box::new(traveller), here), Purpose::Presence(id));
        }
        PlayerAnswer::Done
    }

    /// Questions that the module left unanswered too long.
    pub(super) fn expire_asks(&mut self) {
        let now = self.state.tick;
        let over: Vec<u64> = self
            .state
            .asks
            .open
            .iter()
            .filter(|(_, deadline)| **deadline <= now)
            .map(|(request, _)| *request)
            .collect();
        for request in over {
            self.answer(request, Err(format!("the module did not answer within {ANSWER_SECONDS} s")));
        }
        let keep = ANSWER_SECONDS * self.rules.second();
        self.state.asks.given.retain(|(at, _, _)| at.0 + keep > now.0);
    }

    /// Answers an operator, once.
    pub(super) fn answer(&mut self, request: u64, answer: Result<String, String>) {
        let asks = &mut self.state.asks;
        asks.open.remove(&request);
        if asks.given.len() >= OPEN_ASKS {
            asks.given.pop_front();
        }
        asks.given.push_back((self.state.tick, request, answer.clone()));
        self.turn.out.answers.push((request, answer));
        self.turn.out.binding = true;
    }
}

/// The value in the type of the default; none: it has another.
fn fit(value: &TagValue, default: &TagValue) -> Option<TagValue> {
    match (value, default) {
        (TagValue::Int(whole), TagValue::Number(_)) => Some(TagValue::Number(*whole as f64)),
        (TagValue::Number(number), TagValue::Number(_)) if !number.is_finite() => None,
        _ => (std::mem::discriminant(value) == std::mem::discriminant(default)).then(|| value.clone()),
    }
}
