//! A tick's events, borrowed from the zone's: no text is copied but into the component's own memory.

use wod_protocol::ids::EntityId;
use wod_sim::module::{EnterReason, Event, LeaveReason, MoveEnd, StartReason};

use super::bindings::wod::zone::{events, types};
use super::convert::{same_cases, settings};

same_cases!(StartReason => events::StartReason: Fresh, Swapped, RolledBack, Rewound, ResumedWithoutMemory);
same_cases!(EnterReason => events::EnterReason: Login, Crossing, Portal, Resumed);
same_cases!(LeaveReason => events::LeaveReason: Logout, TimedOut, Crossing, Portal, Kicked);
same_cases!(MoveEnd => events::MoveEnd: Arrived, NoWay, Obstructed, TargetLost, Stopped);

/// The lists that rare events hold, in the component's types, so that events can borrow them. In order of the events.
pub(super) struct Lists<'a> {
    started: Vec<(Vec<u64>, Vec<u64>)>,
    settings: Vec<Vec<(&'a str, types::ValueParam<'a>)>>,
}

impl<'a> Lists<'a> {
    pub(super) fn of(events: &'a [Event]) -> Self {
        let ids = |ids: &[EntityId]| ids.iter().map(|id| id.0).collect();
        let mut lists = Self { started: Vec::new(), settings: Vec::new() };
        for event in events {
            match event {
                Event::Started { players, mine, .. } => lists.started.push((ids(players), ids(mine))),
                Event::ConfigChanged(config) => lists.settings.push(settings(config)),
                _ => {}
            }
        }
        lists
    }

    /// The same events that [`Lists::of`] was given, as the component takes them.
    pub(super) fn lower(&'a self, events: &'a [Event]) -> Vec<events::Event<'a>> {
        let mut started = self.started.iter();
        let mut settings = self.settings.iter();
        let mut lowered = Vec::with_capacity(events.len());
        for event in events {
            lowered.push(match event {
                Event::Started { reason, .. } => {
                    let (players, mine) = started.next().expect("one for each such event");
                    events::Event::Started(events::Started { reason: (*reason).into(), players, mine })
                }
                Event::ConfigChanged(_) => {
                    events::Event::ConfigChanged(settings.next().expect("one for each such event"))
                }
                plain => lower_plain(plain),
            });
        }
        lowered
    }
}

/// All events but those that [`Lists`] holds.
fn lower_plain(event: &Event) -> events::Event<'_> {
    use events::Event as E;
    match event {
        Event::Started { .. } | Event::ConfigChanged(_) => unreachable!("`Lists::lower` keeps these to itself"),
        Event::Entered { player, name, saved, reason } => {
            E::Entered(events::Entered { player: player.0, name, saved, reason: (*reason).into() })
        }
        Event::Left { player, reason } => E::Left(events::Left { player: player.0, reason: (*reason).into() }),
        Event::SensorEntered { sensor, subject } => {
            E::SensorEntered(events::Sensed { sensor: sensor.0, subject: subject.0 })
        }
        Event::SensorLeft { sensor, subject } => E::SensorLeft(events::Sensed { sensor: sensor.0, subject: subject.0 }),
        Event::Heard { listener, speaker, mode, text } => {
            E::Heard(events::Heard { listener: listener.0, speaker: speaker.0, mode: (*mode).into(), text })
        }
        Event::Interacted { player, seq, target, verb, args } => {
            E::Interacted(events::Interacted { player: player.0, seq: seq.0, target: target.0, verb, args })
        }
        Event::Chose { player, seq, dialogue, choice } => {
            E::Chose(events::Chosen { player: player.0, seq: seq.0, dialogue: dialogue.0, choice: choice.as_deref() })
        }
        Event::Moved { npc, order, end, at } => {
            E::Moved(events::Moved { npc: npc.0, order: order.0, end: (*end).into(), at: (*at).into() })
        }
        Event::Observed { entity, by_anyone } => {
            E::Observed(events::Observed { entity: entity.0, by_anyone: *by_anyone })
        }
        Event::Timer(token) => E::Timer(token.0),
        Event::Message { id, sender, topic, body } => E::Message(events::Message { id: *id, sender, topic, body }),
        Event::Receipt { order, delivered } => E::Receipt(events::Receipt { order: order.0, delivered: *delivered }),
        Event::Admin { request, operator, text } => E::Admin(events::Admin { request: request.0, operator, text }),
        Event::Other { name, json } => E::Other((name, json)),
    }
}
