//! What goes by itself: timers, walking characters, sensors.

use wod_protocol::ids::{EntityId, Tick};

use super::Zone;
use super::limits::RINGS_PER_TICK;
use super::scene::to_point;
use crate::module::Event;
use crate::space::mover::Body;
use crate::space::path::Work;
use crate::space::roster::Sensed;

impl Zone {
    pub(super) fn ring_timers(&mut self) {
        for _ in 0..RINGS_PER_TICK {
            let Some(token) = self.state.timers.pop(self.state.tick) else { return };
            self.push_event(Event::Timer(token));
        }
    }

    /// Walks everybody who has an order.
    pub(super) fn walk(&mut self) {
        let scene = &mut self.state.scene;
        if scene.movers.is_idle() {
            return;
        }
        let mut work = Work::PER_TICK;
        let now = self.state.tick;
        let tick_ms = self.rules.game_ms(now) - self.rules.game_ms(Tick(now.0 - 1));
        let entities = &scene.entities;
        let body = |id| entities.get(&id).map(|entity| Body { at: entity.at, speed: entity.speed });
        let mut steps = std::mem::take(&mut self.turn.steps);
        let ground = &mut scene.ground;
        scene.movers.step(&ground.terrain, &mut ground.paths, &mut work, tick_ms as u32, body, &mut steps);
        for (id, at, heading) in &steps.moved {
            if self.state.scene.put(*id, *at, *heading, self.state.tick) {
                self.turn.note_move(*id, 0);
            }
        }
        for (npc, order, end) in &steps.ended {
            let Some(entity) = self.state.scene.entities.get(npc) else { continue };
            let at = to_point(entity.at);
            self.push_event(Event::Moved { npc: *npc, order: *order, end: *end, at });
        }
        self.turn.steps = steps;
    }

    /// Tells sensors who came near: players.
    pub(super) fn sense(&mut self) {
        let scene = &mut self.state.scene;
        let mut sensed = std::mem::take(&mut self.turn.sensed);
        sensed.clear();
        let players = &self.state.players;
        let subject = |id: EntityId| players.contains_key(&id);
        scene.sensors.update(&scene.ground.grid, subject, &mut self.turn.changes, &mut sensed);
        self.push_sensed(sensed);
    }

    /// An entity is gone: so is its sensor, and sensors that felt it.
    pub(super) fn forget_sensor(&mut self, id: EntityId) {
        let mut sensed = std::mem::take(&mut self.turn.sensed);
        sensed.clear();
        self.state.scene.sensors.forget(id, &mut sensed);
        self.push_sensed(sensed);
    }

    fn push_sensed(&mut self, sensed: Vec<Sensed>) {
        for &Sensed { sensor, subject, entered } in &sensed {
            self.push_event(if entered {
                Event::SensorEntered { sensor, subject }
            } else {
                Event::SensorLeft { sensor, subject }
            });
        }
        self.turn.sensed = sensed;
    }
}
