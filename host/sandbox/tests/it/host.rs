//! Stands in for the zone: writes down what a module asks for.

use std::any::Any;

use wod_protocol::client::{ChatMode, Kind, TagValue, Verb};
use wod_protocol::ids::{EntityId, Seq, Token};
use wod_sim::module::{
    ACTS_PER_CALL, Destination, Filter, Goal, Hearers, HostCalls, LogLevel, NamedPlace, Neighbour, Point, Refusal,
    Spawning, Tag, View,
};

/// Accepts every act, up to the limit of a call.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Host {
    /// Replies to `admin` events, in order.
    pub(crate) replies: Vec<String>,
    /// Log lines, in order.
    pub(crate) lines: Vec<String>,
    /// Acts of any kind.
    pub(crate) acts: usize,
    /// Queries of any kind.
    pub(crate) queries: std::cell::Cell<usize>,
    marked: Option<u32>,
    drawn: u64,
}

impl Host {
    /// What came back from a call.
    pub(crate) fn of(calls: Box<dyn HostCalls>) -> Self {
        let calls: Box<dyn Any> = calls;
        *calls.downcast().expect("this one was passed in")
    }

    fn act<T>(&mut self, answer: T) -> Result<T, Refusal> {
        if self.acts == ACTS_PER_CALL {
            return Err(Refusal::TooMany);
        }
        self.acts += 1;
        Ok(answer)
    }

    fn asked(&self) {
        self.queries.set(self.queries.get() + 1);
    }

    fn neighbours(&self, count: u32) -> Vec<Neighbour> {
        self.asked();
        let at = Point { x: 1.0, y: 2.0 };
        (0..u64::from(count.min(256)))
            .map(|id| Neighbour { id: EntityId(id), kind: Kind::Npc, at, distance: id as f32 })
            .collect()
    }
}

impl HostCalls for Host {
    fn entity(&self, id: EntityId) -> Option<View> {
        self.asked();
        let tag = Tag { name: "mood".into(), value: TagValue::Int(-3), audience: wod_sim::module::Audience::Near };
        (id.0 < 100).then(|| View {
            id,
            kind: Kind::Npc,
            name: format!("npc {id}"),
            at: Point { x: 1.0, y: 2.0 },
            heading: 0.5,
            speed: 0.0,
            ghost: false,
            tags: vec![tag],
        })
    }

    fn nearby(&self, _center: Point, _radius: f32, _filter: &Filter, limit: u32) -> Vec<Neighbour> {
        self.neighbours(limit)
    }

    fn nearest(&self, _center: Point, count: u32, _filter: &Filter) -> Vec<Neighbour> {
        self.neighbours(count)
    }

    fn line_of_sight(&self, _a: Point, _b: Point) -> bool {
        self.asked();
        true
    }

    fn path(&mut self, a: Point, b: Point) -> Option<Vec<Point>> {
        self.asked();
        Some(vec![a, b])
    }

    fn places(&self, name: &str) -> Vec<NamedPlace> {
        self.asked();
        let properties = vec![("wait".into(), TagValue::Number(1.5))];
        vec![NamedPlace { name: name.into(), at: Point { x: 1.0, y: 2.0 }, radius: 3.0, properties }]
    }

    fn random(&mut self) -> u64 {
        self.drawn += 1;
        self.drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn progress(&mut self, index: u32) {
        self.marked = Some(index);
    }

    fn marked(&self) -> Option<u32> {
        self.marked
    }

    fn log(&mut self, _level: LogLevel, message: String, _fields: Vec<(String, String)>) {
        self.lines.push(message);
    }

    fn count(&mut self, _counter: String, _by: u64) {}

    fn gauge(&mut self, _gauge: String, _value: f64) {}

    fn observe(&mut self, _histogram: String, _value: f64) {}

    fn spawn(&mut self, _what: Spawning) -> Result<EntityId, Refusal> {
        let id = EntityId(1000 + self.acts as u64);
        self.act(id)
    }

    fn despawn(&mut self, _entity: EntityId) -> Result<(), Refusal> {
        self.act(())
    }

    fn place(&mut self, _entity: EntityId, _at: Point, _heading: Option<f32>) -> Result<(), Refusal> {
        self.act(())
    }

    fn rename(&mut self, _entity: EntityId, _name: String) -> Result<(), Refusal> {
        self.act(())
    }

    fn set_tags(&mut self, _entity: EntityId, _put: Vec<Tag>, _remove: Vec<String>) -> Result<(), Refusal> {
        self.act(())
    }

    fn set_verbs(&mut self, _entity: EntityId, _verbs: Vec<Verb>) -> Result<(), Refusal> {
        self.act(())
    }

    fn set_sensor(&mut self, _entity: EntityId, _radius: f32) -> Result<(), Refusal> {
        self.act(())
    }

    fn set_speed(&mut self, _entity: EntityId, _metres_a_second: f32) -> Result<(), Refusal> {
        self.act(())
    }

    fn set_barrier(&mut self, _name: &str, _closed: bool) -> Result<(), Refusal> {
        self.act(())
    }

    fn go_to(&mut self, _npc: EntityId, _goal: Goal, _within: f32) -> Result<Token, Refusal> {
        self.act(Token(1))
    }

    fn follow(&mut self, _npc: EntityId, _target: EntityId, _distance: f32) -> Result<Token, Refusal> {
        self.act(Token(2))
    }

    fn halt(&mut self, _npc: EntityId) -> Result<(), Refusal> {
        self.act(())
    }

    fn face(&mut self, _npc: EntityId, _goal: Goal) -> Result<(), Refusal> {
        self.act(())
    }

    fn chat(
        &mut self,
        _speaker: EntityId,
        _mode: ChatMode,
        _text: String,
        _listener: Option<EntityId>,
    ) -> Result<(), Refusal> {
        self.act(())
    }

    fn say_dialogue(
        &mut self,
        _player: EntityId,
        _dialogue: Token,
        _npc: EntityId,
        _text: String,
        _choices: Vec<(String, String)>,
    ) -> Result<(), Refusal> {
        self.act(())
    }

    fn close_dialogue(&mut self, _player: EntityId, _dialogue: Token) -> Result<(), Refusal> {
        self.act(())
    }

    fn tell(&mut self, _to: Hearers, _name: String, _data: String, _latest: bool) -> Result<(), Refusal> {
        self.act(())
    }

    fn refuse(&mut self, _player: EntityId, _seq: Seq, _code: String, _text: String) -> Result<(), Refusal> {
        self.act(())
    }

    fn set_timer(&mut self, _token: Token, _after: u32, _every: Option<u32>) -> Result<(), Refusal> {
        self.act(())
    }

    fn cancel_timer(&mut self, _token: Token) {}

    fn save_player(&mut self, _player: EntityId, _bytes: Vec<u8>) -> Result<(), Refusal> {
        self.act(())
    }

    fn send_to(&mut self, _player: EntityId, _destination: Destination) -> Result<(), Refusal> {
        self.act(())
    }

    fn kick(&mut self, _player: EntityId, _reason: String) -> Result<(), Refusal> {
        self.act(())
    }

    fn mute(&mut self, _player: EntityId, _ticks: u32) -> Result<(), Refusal> {
        self.act(())
    }

    fn send(&mut self, _zone: &str, _topic: String, _body: Vec<u8>) -> Result<Token, Refusal> {
        self.act(Token(3))
    }

    fn reply(&mut self, _request: Token, text: String) -> Result<(), Refusal> {
        self.replies.push(text);
        self.act(())
    }
}
