//! What operators set and ask.

use wod_protocol::client::TagValue;
use wod_protocol::ids::Token;

use super::Zone;
use super::limits::{ANSWER_SECONDS, OPEN_ASKS, SETTINGS};
use crate::module::Event;

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
