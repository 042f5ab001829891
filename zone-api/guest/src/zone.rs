//! The trait that a zone's author implements, and what its handlers are told.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::behaviour::Behaved;
use crate::ctx::Ctx;
use crate::dialogue::{self, Script};
use crate::error::{Error, Result};
use crate::handle::{DialogueId, EntityId, Npc, OrderId, Player};
use crate::types::{ChatMode, EnterReason, LeaveReason, MoveEnd, Point, StartReason, Value};
use crate::verbs::{Deed, Interruption};

/// A zone's logic. The struct that implements it *is* the zone's state: it is saved with serde and survives crashes, swaps and
/// moves between hosts. Only [`Zone::open`] must be written; each handler left out does nothing.
///
/// Rules that keep a replay exact:
/// - All state lives in `self`, in [`Zone::Player`] or in timers. No `static`, no `thread_local!`.
/// - Nothing may depend on the order of a `HashMap` or `HashSet`: use `BTreeMap` and `BTreeSet`.
/// - Time is [`Ctx::game_ms`], chance is [`Ctx::random`]; there is no other.
///
/// An error that a handler returns is written to the zone's log; the player whose command it was gets a `reject`. A panic
/// discards everything the module did in that tick, and the event that caused it is skipped.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use wod_zone::{Ctx, EnterReason, Player, Result, Zone};
///
/// #[derive(Serialize, Deserialize)]
/// struct Lobby {
///     visits: u64,
/// }
///
/// impl Zone for Lobby {
///     const NAME: &'static str = "lobby";
///     type Timer = ();
///     type Player = ();
///
///     fn open(_ctx: &mut Ctx<Self>) -> Result<Self> {
///         Ok(Self { visits: 0 })
///     }
///
///     fn entered(&mut self, ctx: &mut Ctx<Self>, player: Player, _how: EnterReason) -> Result {
///         self.visits += 1;
///         ctx.tell(player, "visit", &self.visits)
///     }
/// }
///
/// wod_zone::export!(Lobby);
/// # fn main() {}
/// ```
#[expect(unused_variables, reason = "the defaults do nothing, under the names that authors should see")]
pub trait Zone: Sized + Serialize + DeserializeOwned + 'static {
    /// Name of the module. What it saves for players is kept under it, so it never changes.
    const NAME: &'static str;
    /// Its version; usually `env!("CARGO_PKG_VERSION")`.
    const VERSION: &'static str = "0.1.0";
    /// Version of the saved state. Raise it with every change that `#[serde(default)]` does not cover, and write
    /// [`Zone::migrate`].
    const SCHEMA: u32 = 1;
    /// Every verb it may offer.
    const VERBS: &'static [&'static str] = &[];
    /// Settings it reads; operators change them with `wod config set`.
    const CONFIG: &'static [Setting] = &[];
    /// Every script that [`Ctx::talk`] may open.
    const SCRIPTS: &'static [&'static Script] = &[];
    /// Whether [`Zone::judge`] judges what players say here. Such a zone is exported by `export!(TheZone, chat_filter)`; any other
    /// costs nothing, for the host does not ask it.
    const CHAT_FILTER: bool = false;

    /// What a timer carries, given back by [`Zone::timer`]. `()` when there are none.
    type Timer: Serialize + DeserializeOwned;
    /// What the zone remembers of each player, across zones of the same module, logins and years. The SDK saves it in every
    /// tick that changed it. Give its fields `#[serde(default)]`: old values live as long as their players.
    type Player: Default + Serialize + DeserializeOwned;

    /// A new zone: its first state. May spawn; what stands here stands before the first tick. An error here makes the host
    /// refuse the module.
    fn open(ctx: &mut Ctx<Self>) -> Result<Self>;

    /// Reads a state that another version saved under `schema`: older ones after a swap, newer ones after a rollback.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use wod_zone::{Ctx, Result, Zone, decode};
    /// #[derive(Serialize, Deserialize)]
    /// struct Bar { guests: u32, closed: bool }
    /// #[derive(Deserialize)]
    /// struct BarV1 { guests: u8 }
    ///
    /// impl Zone for Bar {
    ///     const NAME: &'static str = "bar";
    ///     const SCHEMA: u32 = 2;
    ///     type Timer = ();
    ///     type Player = ();
    ///     # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self { guests: 0, closed: false }) }
    ///     fn migrate(schema: u32, bytes: &[u8]) -> Result<Self> {
    ///         match schema {
    ///             1 => decode::<BarV1>(bytes).map(|old| Self { guests: old.guests.into(), closed: false }),
    ///             other => Err(format!("no way from schema {other}").into()),
    ///         }
    ///     }
    /// }
    /// ```
    fn migrate(schema: u32, bytes: &[u8]) -> Result<Self> {
        Err(Error::State(format!("the saved state has schema {schema}, this version reads {}", Self::SCHEMA)))
    }

    /// Reads a pending timer's value of another schema; none: the timer is dropped. By default it is read as it is.
    fn migrate_timer(schema: u32, bytes: &[u8]) -> Result<Option<Self::Timer>> {
        crate::memory::decode(bytes).map(Some)
    }

    /// Reads what another schema remembered of a player. By default it is read as it is.
    fn migrate_player(schema: u32, bytes: &[u8]) -> Result<Self::Player> {
        crate::memory::decode(bytes)
    }

    /// The first event of an instance's life: who stands here. After [`StartReason::ResumedWithoutMemory`] the zone has just
    /// been opened anew, and what the lost instance had spawned is gone.
    fn started(&mut self, ctx: &mut Ctx<Self>, why: StartReason, players: &[Player]) -> Result {
        Ok(())
    }

    /// A player came, or is back. What is remembered of her is ready ([`Ctx::player`]), with all that this tick has changed of it
    /// before.
    fn entered(&mut self, ctx: &mut Ctx<Self>, player: Player, how: EnterReason) -> Result {
        Ok(())
    }

    /// A player went. Her name and what is remembered can be read here for the last time; changes are not kept.
    fn left(&mut self, ctx: &mut Ctx<Self>, player: Player, why: LeaveReason) -> Result {
        Ok(())
    }

    /// One of the zone's entities heard a line.
    fn heard(&mut self, ctx: &mut Ctx<Self>, heard: &Heard) -> Result {
        Ok(())
    }

    /// A player of this zone says something, and nobody has heard it yet: what becomes of it. Asked only with
    /// [`Zone::CHAT_FILTER`], before everything else of the tick; not of whispers, nor of what is said beyond a border. What this
    /// orders (a hiss of the sexton's) takes effect after the line.
    ///
    /// An error for the player ([`Error::to_player`]) is a veto with that text. With any other error, or a panic, the line is heard
    /// as it is.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use wod_zone::{ChatMode, Ctx, Line, Result, Verdict, Zone};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Chapel;
    ///
    /// impl Zone for Chapel {
    ///     const NAME: &'static str = "chapel";
    ///     const CHAT_FILTER: bool = true;
    ///     # type Timer = ();
    ///     # type Player = ();
    ///     # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self) }
    ///     fn judge(&mut self, _ctx: &mut Ctx<Self>, line: &Line) -> Result<Verdict> {
    ///         Ok(match line.mode {
    ///             ChatMode::Shout => Verdict::Veto("Nobody shouts in here.".into()),
    ///             ChatMode::Say => Verdict::Change(line.text.to_lowercase()),
    ///             _ => Verdict::Pass,
    ///         })
    ///     }
    /// }
    ///
    /// wod_zone::export!(Chapel, chat_filter);
    /// # fn main() {}
    /// ```
    fn judge(&mut self, ctx: &mut Ctx<Self>, line: &Line) -> Result<Verdict> {
        Ok(Verdict::Pass)
    }

    /// A player used a verb. It counts as done unless this returns an error or calls [`Ctx::refuse`].
    fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        Ok(())
    }

    /// Something that a player did and that took its time ([`Ctx::attempt`]) is done. It fails with an error, which she reads.
    fn completed(&mut self, ctx: &mut Ctx<Self>, deed: &Deed) -> Result {
        Ok(())
    }

    /// Something that a player was doing came to nothing.
    fn interrupted(&mut self, ctx: &mut Ctx<Self>, deed: &Deed, why: Interruption) -> Result {
        Ok(())
    }

    /// A player beyond the border used a verb: one of whom nothing is remembered here ([`Ctx::player`] is an error). She can be told,
    /// and refused; by default she is refused.
    fn interacted_from_beyond(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        Err(Error::to_player("You would have to come over for that."))
    }

    /// A player answered in a dialogue. For a [`Script`], the SDK has already said what follows.
    fn chose(&mut self, ctx: &mut Ctx<Self>, choice: &Choice) -> Result {
        Ok(())
    }

    /// A dialogue gives a command: `<<open_door salon>>`. [`Error::to_player`] is said as a line of the dialogue, which goes on; any
    /// other error ends the talk and is logged. What it does holds at once: a later `<<if>>` of the dialogue sees it.
    fn command(&mut self, ctx: &mut Ctx<Self>, command: &DialogueCommand) -> Result {
        Err(format!("{} knows no dialogue command `{}`", Self::NAME, command.name).into())
    }

    /// A dialogue asks something: `<<if is_open("salon")>>` or `{gossip()}`. None: there is no function of this name. Must change
    /// nothing.
    fn function(&mut self, ctx: &mut Ctx<Self>, call: &DialogueCall) -> Result<Option<dialogue::Value>> {
        Ok(None)
    }

    /// An order to move that the zone gave has ended.
    fn moved(&mut self, ctx: &mut Ctx<Self>, moved: Moved) -> Result {
        Ok(())
    }

    /// Somebody came into, or left, the radius of a sensor. Ghosts, from beyond a border, are not felt.
    fn sensor(&mut self, ctx: &mut Ctx<Self>, sensed: Sensed) -> Result {
        Ok(())
    }

    /// Somebody, or nobody any more, has the entity in sight: pause what nobody sees.
    fn observed(&mut self, ctx: &mut Ctx<Self>, entity: EntityId, by_anyone: bool) -> Result {
        Ok(())
    }

    /// An NPC's [`Behaviour`](crate::behaviour::Behaviour) has something to report.
    fn behaved(&mut self, ctx: &mut Ctx<Self>, npc: Npc, what: Behaved) -> Result {
        Ok(())
    }

    /// A timer of the zone is due.
    fn timer(&mut self, ctx: &mut Ctx<Self>, timer: Self::Timer) -> Result {
        Ok(())
    }

    /// Another zone's module wrote. Delivered exactly once.
    fn message(&mut self, ctx: &mut Ctx<Self>, message: &Message) -> Result {
        Ok(())
    }

    /// What became of a message that this zone sent.
    fn receipt(&mut self, ctx: &mut Ctx<Self>, order: OrderId, delivered: bool) -> Result {
        Ok(())
    }

    /// An operator asks (`wod ask`); the text is the answer, and so is an error's.
    fn admin(&mut self, ctx: &mut Ctx<Self>, operator: &str, question: &str) -> Result<String> {
        Err(Error::Other(format!("{} answers no questions", Self::NAME)))
    }

    /// Settings changed; [`Ctx::config`] gives the new values already.
    fn config(&mut self, ctx: &mut Ctx<Self>, changed: &[String]) -> Result {
        Ok(())
    }

    /// Something that a later version of the host tells. Ignore what you don't know.
    fn other(&mut self, ctx: &mut Ctx<Self>, name: &str, json: &str) -> Result {
        Ok(())
    }
}

/// A setting that a zone reads.
///
/// ```
/// use wod_zone::Setting;
/// const CONFIG: &[Setting] = &[Setting::text("password", "What the doorkeeper wants to hear.", "winter")];
/// assert_eq!(CONFIG[0].name, "password");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What operators read about it.
    pub about: &'static str,
    /// Its value while nobody sets it; decides the type.
    pub default: SettingDefault,
}

/// A setting's default value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SettingDefault {
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Int(i64),
    /// Any number.
    Number(f64),
    /// A text.
    Text(&'static str),
}

impl Setting {
    /// A yes or no.
    pub const fn flag(name: &'static str, about: &'static str, default: bool) -> Self {
        Self { name, about, default: SettingDefault::Flag(default) }
    }

    /// A whole number.
    pub const fn int(name: &'static str, about: &'static str, default: i64) -> Self {
        Self { name, about, default: SettingDefault::Int(default) }
    }

    /// Any number.
    pub const fn number(name: &'static str, about: &'static str, default: f64) -> Self {
        Self { name, about, default: SettingDefault::Number(default) }
    }

    /// A text.
    pub const fn text(name: &'static str, about: &'static str, default: &'static str) -> Self {
        Self { name, about, default: SettingDefault::Text(default) }
    }
}

impl From<SettingDefault> for Value {
    fn from(default: SettingDefault) -> Self {
        match default {
            SettingDefault::Flag(flag) => Self::Flag(flag),
            SettingDefault::Int(int) => Self::Int(int),
            SettingDefault::Number(number) => Self::Number(number),
            SettingDefault::Text(text) => Self::Text(text.to_owned()),
        }
    }
}

/// A line that one of the zone's entities heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Whose ears.
    pub listener: EntityId,
    /// Who spoke: a player of this or a neighbouring zone.
    pub speaker: EntityId,
    /// How.
    pub mode: ChatMode,
    /// The line.
    pub text: String,
}

/// A line that a player says, see [`Zone::judge`].
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Who speaks.
    pub speaker: Player,
    /// How: never as a whisper.
    pub mode: ChatMode,
    /// The line.
    pub text: String,
    /// Where she stands.
    pub at: Point,
}

/// What becomes of a line, see [`Zone::judge`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is heard as it is.
    Pass,
    /// This is heard instead, by the speaker too. What is over 500 characters is cut off.
    Change(String),
    /// Nobody hears it; the speaker's client gets a `reject` with this text.
    Veto(String),
}

/// A player's command, as far as it must be named to refuse it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// Whose.
    pub player: Player,
    /// Its number.
    pub seq: u64,
}

/// A player used a verb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interaction {
    /// She, and the command's number.
    pub command: Command,
    /// On whom, or what.
    pub target: EntityId,
    /// The verb.
    pub verb: String,
    /// JSON text; `null` when she gave nothing.
    pub args: String,
}

impl Interaction {
    /// Who did it.
    pub fn player(&self) -> Player {
        self.command.player
    }
}

/// A player answered in a dialogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// She, and the command's number.
    pub command: Command,
    /// The dialogue.
    pub dialogue: DialogueId,
    /// Where in a [`Script`] she was; none: the zone runs this dialogue by itself.
    pub at: Option<ScriptSpot>,
    /// The option; none: she turned away.
    pub option: Option<String>,
}

impl Choice {
    /// Who chose.
    pub fn player(&self) -> Player {
        self.command.player
    }

    /// Whether she chose this option of this node of this script.
    pub fn is(&self, script: &Script, node: &str, option: &str) -> bool {
        self.option.as_deref() == Some(option)
            && self.at.as_ref().is_some_and(|spot| spot.script == script.name && spot.node == node)
    }
}

/// A node of a script that was open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptSpot {
    /// Whose words they were.
    pub npc: Npc,
    /// The script's name.
    pub script: String,
    /// The node's id.
    pub node: String,
}

/// A dialogue's command to the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialogueCommand {
    /// Who talks.
    pub player: Player,
    /// With whom.
    pub npc: Npc,
    /// Its first word.
    pub name: String,
    /// The others; what stands in quotes is one.
    pub words: Vec<String>,
}

/// A dialogue's question to the module.
#[derive(Debug, Clone, PartialEq)]
pub struct DialogueCall {
    /// Who talks.
    pub player: Player,
    /// With whom.
    pub npc: Npc,
    /// The function.
    pub name: String,
    /// What it is given.
    pub values: Vec<dialogue::Value>,
}

/// An order to move has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moved {
    /// Who moved.
    pub npc: Npc,
    /// The order.
    pub order: OrderId,
    /// How.
    pub end: MoveEnd,
    /// Where it is now.
    pub at: Point,
}

/// Somebody came into, or left, the radius of a sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sensed {
    /// The entity that bears the sensor.
    pub sensor: EntityId,
    /// Who.
    pub subject: EntityId,
    /// True: came in; false: left.
    pub inside: bool,
}

/// A message of another zone's module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Unique among the sender's.
    pub id: u64,
    /// The zone it came from.
    pub sender: String,
    /// What about.
    pub topic: String,
    /// Free bytes.
    pub body: Vec<u8>,
}
