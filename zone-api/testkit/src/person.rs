//! [`Person`]: what a test makes a player do, and asks about her.

use serde_json::Value;
use wod_protocol::bus::{CommandBody, DetachReason};
use wod_protocol::client::ChatMode;
use wod_zone::{EntityId, Point};

use crate::client::{Client, Dialogue, Line};
use crate::scene::{point, spot};
use crate::world::World;

/// How long the zone may take to deal with a command, s.
const ANSWER_SECONDS: f64 = 2.0;
/// How long a walk may take, s.
const LONGEST_WALK_SECONDS: f64 = 600.0;

/// A fake player. What she does takes effect before the method returns; a chain reads like a script:
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use wod_zone::{Ctx, Result, Zone};
/// # #[derive(Serialize, Deserialize)]
/// # struct Field;
/// # impl Zone for Field {
/// #     const NAME: &'static str = "field";
/// #     type Timer = ();
/// #     type Player = ();
/// #     fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self) }
/// # }
/// use wod_testkit::World;
/// let mut world = World::of::<Field>().spawn(10.0, 10.0).start();
/// world.player("Bob").walks_to(12.0, 14.0);
/// world.player("Ann").walks_to(12.0, 10.0).says("hello");
/// assert!(world.player("Bob").has_heard("hello"));
/// ```
pub struct Person<'w> {
    world: &'w mut World,
    name: String,
}

impl<'w> Person<'w> {
    pub(crate) fn new(world: &'w mut World, name: &str) -> Self {
        Self { world, name: name.to_owned() }
    }

    // ---- what she does

    /// Walks there, around walls, and arrives.
    ///
    /// # Panics
    /// When there is no way, or the zone corrects her.
    pub fn walks_to(mut self, x: f32, y: f32) -> Self {
        let corrections = self.client().corrections.len();
        self = self.sets_out_for(x, y);
        let most = self.world.ticks(LONGEST_WALK_SECONDS);
        for _ in 0..most {
            if self.client().way.is_empty() || self.client().attached.is_none() {
                break;
            }
            self.world.tick();
        }
        assert!(self.client().way.is_empty(), "{} did not arrive within {LONGEST_WALK_SECONDS} s", self.name);
        let client = self.client();
        assert_eq!(
            client.corrections.len(),
            corrections,
            "{} was corrected: {:?}",
            self.name,
            client.corrections.last()
        );
        self
    }

    /// Sets out, and walks while the world runs.
    ///
    /// # Panics
    /// When there is no way.
    pub fn sets_out_for(mut self, x: f32, y: f32) -> Self {
        let goal = spot(Point::new(x, y));
        let way = self.world.way(&self.name, x, y);
        let way = way.unwrap_or_else(|| panic!("there is no way for {} to {goal}", self.name));
        self.world.note(format!("{} sets out for {goal}", self.name));
        self.client_mut().way = way.into();
        self
    }

    /// Walks up to an NPC or a thing, though it may walk itself.
    ///
    /// # Panics
    /// When she does not see it, there is no way, or she can't catch up.
    pub fn approaches(mut self, target: &str, within: f32) -> Self {
        const TRIES: usize = 20;
        for _ in 0..TRIES {
            assert!(self.sees(target), "{} does not see `{target}`", self.name);
            let at = self.world.npc(target).at;
            if self.at().distance(at) <= within {
                return self;
            }
            self = self.walks_to(at.x, at.y);
        }
        panic!("{} can't catch up with {target}", self.name);
    }

    /// Says something to those near.
    pub fn says(self, text: &str) -> Self {
        self.chats(ChatMode::Say, text, None)
    }

    /// Shouts.
    pub fn shouts(self, text: &str) -> Self {
        self.chats(ChatMode::Shout, text, None)
    }

    /// Does something that those near see.
    pub fn emotes(self, text: &str) -> Self {
        self.chats(ChatMode::Emote, text, None)
    }

    /// Says something to one player, wherever she is.
    pub fn whispers(self, to: &str, text: &str) -> Self {
        self.chats(ChatMode::Whisper, text, Some(to))
    }

    /// Hears nothing of another player any more.
    pub fn ignores(mut self, name: &str) -> Self {
        self.commands(CommandBody::Ignore { name: Some(name.to_owned()) });
        self
    }

    /// Hears another player again.
    pub fn hears_again(mut self, name: &str) -> Self {
        self.commands(CommandBody::Unignore { name: name.to_owned() });
        self
    }

    /// Uses a verb on an NPC or a thing by name.
    ///
    /// # Panics
    /// When she does not see it.
    pub fn does(self, verb: &str, target: &str) -> Self {
        self.does_with(verb, target, &Value::Null)
    }

    /// Uses a verb with arguments.
    ///
    /// # Panics
    /// When she does not see the target.
    pub fn does_with(mut self, verb: &str, target: &str, args: &Value) -> Self {
        let interact = self.interact(verb, target, args);
        self.commands(interact);
        self
    }

    /// Uses a verb with arguments, and does not wait: it is dealt with in the next tick, with whatever else befalls in it.
    ///
    /// # Panics
    /// When she does not see the target.
    pub fn sends(mut self, verb: &str, target: &str, args: &Value) -> Self {
        let interact = self.interact(verb, target, args);
        self.gives(interact);
        self
    }

    /// Claims to be there in the next tick, from where she stands and through whatever is in between: over a border, too. The zone
    /// corrects her when she could not have walked it.
    pub fn steps_to(mut self, x: f32, y: f32) -> Self {
        let goal = wod_protocol::units::Pos::from_metres(f64::from(x), f64::from(y));
        self.world.note(format!("{} steps to {}", self.name, spot(Point::new(x, y))));
        self.client_mut().way = [goal].into();
        self
    }

    /// Chooses an option of the dialogue that is open, by its id or its text.
    ///
    /// # Panics
    /// When no dialogue is open.
    pub fn chooses(mut self, option: &str) -> Self {
        let open = self.dialogue().unwrap_or_else(|| panic!("{} is in no dialogue", self.name));
        let (dialogue, by_text) = (open.id, open.options.iter().find(|offered| offered.text == option));
        let option = by_text.map_or(option, |offered| offered.id.as_str()).to_owned();
        self.world.note(format!("{} chooses [{option}]", self.name));
        self.commands(CommandBody::Choose { dialogue, option: Some(option) });
        self
    }

    /// Leaves the dialogue that is open.
    ///
    /// # Panics
    /// When no dialogue is open.
    pub fn turns_away(mut self) -> Self {
        let dialogue = self.dialogue().unwrap_or_else(|| panic!("{} is in no dialogue", self.name)).id;
        self.world.note(format!("{} turns away", self.name));
        self.commands(CommandBody::Choose { dialogue, option: None });
        self.client_mut().dialogue = None;
        self
    }

    /// Stands and waits so many seconds.
    pub fn waits(self, seconds: f64) -> Self {
        self.world.run(seconds);
        self
    }

    /// Logs out.
    pub fn leaves(mut self) {
        if let Some(detach) = self.client_mut().detach(DetachReason::Bye) {
            self.world.note(format!("{} logs out", self.name));
            self.world.give(detach);
        }
        self.world.run(0.2);
    }

    /// Her connection is lost; her avatar stays for a while.
    pub fn loses_connection(mut self) -> Self {
        if let Some(detach) = self.client_mut().detach(DetachReason::Lost) {
            self.world.note(format!("{} loses her connection", self.name));
            self.world.give(detach);
        }
        self.world.run(0.1);
        self
    }

    /// She is connected again.
    ///
    /// # Panics
    /// When she was away too long.
    pub fn comes_back(mut self) -> Self {
        let resume = self.client_mut().resume();
        self.world.give(resume);
        self.world.await_attach(&self.name.clone());
        self
    }

    // ---- what she knows

    /// Her avatar.
    pub fn id(&self) -> EntityId {
        let id = self.client().id().unwrap_or_else(|| panic!("{} is not in the zone", self.name));
        EntityId(id.0)
    }

    /// Whether she is in the zone and connected.
    pub fn is_here(&self) -> bool {
        self.client().attached.is_some()
    }

    /// Where she is.
    pub fn at(&self) -> Point {
        point(self.client().at)
    }

    /// Everything she heard, her own lines included.
    pub fn lines(&self) -> &[Line] {
        &self.client().lines
    }

    /// The last line she heard of this speaker; empty: none.
    pub fn last_line_of(&self, speaker: &str) -> &str {
        let mut lines = self.client().lines.iter().rev();
        lines.find(|line| line.speaker == speaker).map_or("", |line| line.text.as_str())
    }

    /// Whether she heard a line that contains this.
    pub fn has_heard(&self, part: &str) -> bool {
        self.client().lines.iter().any(|line| line.text.contains(part))
    }

    /// The dialogue that is open.
    pub fn dialogue(&self) -> Option<&Dialogue> {
        self.client().dialogue.as_ref()
    }

    /// Ids of what she can answer; empty: no dialogue is open.
    pub fn options(&self) -> Vec<&str> {
        self.dialogue().map(|open| open.options.iter().map(|option| option.id.as_str()).collect()).unwrap_or_default()
    }

    /// What was last said to her in a dialogue; empty: nothing yet.
    pub fn last_told(&self) -> &str {
        &self.client().told
    }

    /// What the zone told her client, name and data.
    pub fn events(&self) -> &[(String, Value)] {
        &self.client().events
    }

    /// Commands of hers that were refused: code and text.
    pub fn refusals(&self) -> &[(String, String)] {
        &self.client().refusals
    }

    /// Whom she ignores, as she was last told.
    pub fn ignored(&self) -> &[String] {
        &self.client().ignored
    }

    /// Why she was put somewhere else than she claimed.
    pub fn corrections(&self) -> &[String] {
        &self.client().corrections
    }

    /// Whether she has this one in sight.
    pub fn sees(&self, name: &str) -> bool {
        self.client().roster.iter().any(|id| self.world.scene.name(*id) == name)
    }

    // ---- inside

    fn chats(mut self, mode: ChatMode, text: &str, to: Option<&str>) -> Self {
        self.commands(CommandBody::Chat { mode, text: text.to_owned(), to: to.map(str::to_owned) });
        self
    }

    fn interact(&mut self, verb: &str, target: &str, args: &Value) -> CommandBody {
        assert!(self.sees(target), "{} does not see `{target}`", self.name);
        self.world.note(format!("{}: {verb} {target}", self.name));
        let target = wod_protocol::ids::EntityId(self.world.npc(target).id.0);
        CommandBody::Interact { target, verb: verb.to_owned(), args: args.to_string() }
    }

    /// Gives a command.
    fn gives(&mut self, body: CommandBody) {
        let name = self.name.clone();
        let command = self.client_mut().command(body).unwrap_or_else(|| panic!("{name} is not in the zone"));
        self.world.give(command);
    }

    /// Gives a command and waits until the zone has dealt with it, and the module too.
    fn commands(&mut self, body: CommandBody) {
        let name = self.name.clone();
        self.gives(body);
        for _ in 0..self.world.ticks(ANSWER_SECONDS) {
            self.world.tick();
            if self.client().is_answered() {
                // What the module says to it comes with the same tick or the next.
                return self.world.tick();
            }
        }
        panic!("{name}'s command was not dealt with within {ANSWER_SECONDS} s");
    }

    fn client(&self) -> &Client {
        &self.world.clients[&self.name]
    }

    fn client_mut(&mut self) -> &mut Client {
        self.world.clients.get_mut(&self.name).expect("World::player has made her")
    }
}
