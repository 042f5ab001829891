//! What a bot does of itself, when it is due: it walks, talks, uses verbs and acknowledges.

use wod_protocol::client::{ChatMode, ClientMsg, Verb};
use wod_protocol::ids::EntityId;

use super::{ACK_EVERY, Bot, Due, Known, Out, Phase, Scene};
use crate::bots::clock::{Micros, Stamp, advance};
use crate::bots::ground::{LEG, distance};
use crate::bots::walker::Walker;

/// Own commands that may wait for their ack before a bot keeps quiet.
const COMMANDS_WAITING: usize = 32;
/// Share of a verb's reach from which a bot uses it: both may have moved when it arrives.
const ARM: f64 = 0.7;
/// Share of the legal speed that a bot walks: the rest is for what jitter takes.
const PACE: f64 = 0.9;
/// Moves a second at which full speed makes steps of less than [`LEG`].
const WALKING_RATE: f64 = 10.0;

impl Bot {
    /// When [`Bot::on_time`] has something to do next.
    pub(in crate::bots) fn next_due(&self) -> Micros {
        let wanted = |rate: f64, due: Micros| if rate > 0.0 { due } else { Micros::MAX };
        let Due { step, chat, verb, ack } = self.due;
        step.min(ack).min(wanted(self.task.chat_rate, chat)).min(wanted(self.task.verb_rate, verb))
    }

    /// Does what is due.
    pub(in crate::bots) fn on_time(&mut self, now: Micros, scene: Scene<'_>, out: &mut Out) {
        if self.due.step <= now {
            self.plan(now, scene);
            let rate = self.move_rate(scene.phase);
            let due = advance(&mut self.due.step, rate, now);
            let moves = self.counters.moves;
            self.step(now, due, rate, out);
            if scene.phase == Phase::Measuring {
                self.counters.measured_moves += self.counters.moves - moves;
            }
            self.note_gap(now, scene.phase);
        }
        if self.task.chat_rate > 0.0 && self.due.chat <= now {
            let due = advance(&mut self.due.chat, self.task.chat_rate, now);
            if scene.phase == Phase::Measuring {
                self.say(due, out);
                self.counters.neighbours += self.roster.len() as u64;
                self.counters.neighbour_samples += 1;
            }
        }
        if self.task.verb_rate > 0.0 && self.due.verb <= now {
            advance(&mut self.due.verb, self.task.verb_rate, now);
            if scene.phase == Phase::Measuring {
                self.act(out);
            }
        }
        if self.due.ack <= now {
            self.due.ack = now + ACK_EVERY;
            self.ack(out);
        }
    }

    /// Takes it up with the plan it has for this zone.
    fn plan(&mut self, now: Micros, scene: Scene<'_>) {
        let Some(here) = &mut self.here else { return };
        if here.walker.is_none() {
            here.walker = scene.atlas.ground(&here.zone).and_then(|ground| Walker::new(ground, here.at));
        }
        if scene.home != self.home.as_ref() {
            self.home = scene.home.cloned();
            self.errand.moved_house();
        }
        if let Some(walker) = &mut here.walker {
            self.errand.plan(now, &here.zone, walker, &self.task, &mut self.dice, scene);
        }
    }

    /// Moves a second: on the way home enough of them to go at full speed.
    fn move_rate(&self, phase: Phase) -> f64 {
        let walker = self.here.as_ref().and_then(|here| here.walker.as_ref());
        let is_on_the_way = phase == Phase::Settling && walker.is_some_and(|walker| !walker.is_idle());
        self.task.move_rate.max(if is_on_the_way { WALKING_RATE } else { 0.0 })
    }

    fn step(&mut self, now: Micros, due: Micros, rate: f64, out: &mut Out) {
        let Some(here) = &mut self.here else { return };
        if let Some(walker) = &mut here.walker {
            let metres = (here.speed * PACE * self.dilation / rate).min(LEG);
            here.at = walker.walk(metres, &mut self.dice);
        }
        self.m = self.m.next();
        let [x, y] = [here.corner[0] + here.at[0], here.corner[1] + here.at[1]];
        let h = Some(Stamp::of(due).to_radians());
        out.send.push(ClientMsg::Move { m: self.m, c: here.c, x, y, h });
        self.trail.claimed(now, self.m, here.c, [x, y]);
        self.counters.moves += 1;
    }

    fn say(&mut self, due: Micros, out: &mut Out) {
        let Some(here) = self.here.as_ref().filter(|_| self.commands.pending() < COMMANDS_WAITING) else {
            self.counters.held_back += 1;
            return;
        };
        self.line += 1;
        let seq = self.commands.number();
        let text = format!("line {} at {due} in {}", self.line, here.zone);
        let message = ClientMsg::Chat { seq, mode: ChatMode::Say, text, to: None };
        self.commands.keep(seq, message.clone());
        self.lines.said(self.line, seq);
        self.counters.lines_said += 1;
        out.send.push(message);
    }

    /// Answers in the dialogue that is open, else uses any verb that something nearby offers.
    fn act(&mut self, out: &mut Out) {
        if self.here.is_none() || self.commands.pending() >= COMMANDS_WAITING {
            self.counters.held_back += 1;
            return;
        }
        let message = if let Some((dialogue, options)) = self.talk.take() {
            self.counters.answers += 1;
            let option = options.get(self.dice.below(options.len())).map(|option| option.id.clone());
            ClientMsg::Choose { seq: self.commands.number(), dialogue, option }
        } else if let Some((target, verb)) = self.offer() {
            self.counters.verbs += 1;
            ClientMsg::Interact { seq: self.commands.number(), target, verb, args: None }
        } else {
            return;
        };
        let (ClientMsg::Choose { seq, .. } | ClientMsg::Interact { seq, .. }) = message else { return };
        if self.task.effects {
            self.effects.did(seq);
        }
        self.commands.keep(seq, message.clone());
        out.send.push(message);
    }

    /// One of the verbs within reach.
    fn offer(&mut self) -> Option<(EntityId, String)> {
        let here = self.here.as_ref()?;
        let at = [here.corner[0] + here.at[0], here.corner[1] + here.at[1]];
        let near = |known: &Known, verb: &Verb| distance(known.at, at) <= f64::from(verb.reach) * ARM;
        let all = self.roster.iter().flat_map(|(id, known)| known.verbs.iter().map(move |verb| (id, known, verb)));
        let within: Vec<_> = all.filter(|(_, known, verb)| near(known, verb)).collect();
        let (id, _, verb) = within.get(self.dice.below(within.len()))?;
        Some((**id, verb.id.clone()))
    }

    pub(super) fn ack(&mut self, out: &mut Out) {
        if self.here.is_some() {
            out.send.extend(self.reliable.next_ack().map(|n| ClientMsg::Ack { n }));
        }
    }
}
