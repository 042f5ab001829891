//! What a zone's handlers are told.

use crate::dialogue::{self, Script};
use crate::handle::{DialogueId, EntityId, Npc, OrderId, Player};
use crate::types::{ChatMode, MoveEnd, Point};

#[cfg(doc)]
use crate::Zone;

/// A line that one of the zone's entities heard.
///
/// ```
/// use wod_zone::{Ctx, Heard, Npc, Result, Zone};
/// /// The doorkeeper listens, and to him alone the password means something.
/// fn heard<Z: Zone>(ctx: &mut Ctx<Z>, doorkeeper: Npc, heard: &Heard) -> Result {
///     if doorkeeper == heard.listener && heard.text.contains("winter") {
///         ctx.open_door("salon-door")?;
///     }
///     Ok(())
/// }
/// ```
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
///
/// ```
/// use wod_zone::{Line, Point, Verdict};
/// /// Under the bridge the trains drown everything.
/// fn judge(line: &Line, bridge: Point) -> Verdict {
///     if line.at.distance(bridge) < 10.0 { Verdict::Veto("A train thunders by.".into()) } else { Verdict::Pass }
/// }
/// ```
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
///
/// ```
/// use wod_zone::Verdict;
/// /// Who has drunk too much slurs.
/// fn slurred(text: &str, glasses: u32) -> Verdict {
///     if glasses > 3 { Verdict::Change(text.replace('s', "sh")) } else { Verdict::Pass }
/// }
/// assert_eq!(slurred("so sorry", 4), Verdict::Change("sho shorry".to_owned()));
/// ```
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
///
/// ```
/// use wod_zone::{Command, Ctx, Result, Zone};
/// /// Her client reads the code, she reads the text.
/// fn too_late<Z: Zone>(ctx: &mut Ctx<Z>, command: Command) -> Result {
///     ctx.refuse(command, "closed", "The last tram has gone.")
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// Whose.
    pub player: Player,
    /// Its number.
    pub seq: u64,
}

/// A player used a verb.
///
/// ```
/// use wod_zone::{Ctx, Interaction, Object, Result, Zone};
/// fn interacted<Z: Zone>(ctx: &mut Ctx<Z>, jukebox: Object, interaction: &Interaction) -> Result {
///     if jukebox == interaction.target && interaction.verb == "play" {
///         ctx.show_deed(interaction.player(), jukebox, "puts on something slow")?;
///     }
///     Ok(())
/// }
/// ```
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
///
/// ```
/// use wod_zone::dialogue::Script;
/// use wod_zone::{Choice, Ctx, Result, Zone};
/// fn chose<Z: Zone>(ctx: &mut Ctx<Z>, bargain: &Script, choice: &Choice) -> Result {
///     if choice.is(bargain, "offer", "accept") {
///         ctx.set_flag(choice.player(), "indebted")?;
///     }
///     Ok(())
/// }
/// ```
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
///
/// ```
/// use wod_zone::{Choice, Ctx, Result, Zone};
/// /// Whoever turns away from a bargain is remembered for it.
/// fn chose<Z: Zone>(ctx: &mut Ctx<Z>, choice: &Choice) -> Result {
///     match &choice.at {
///         Some(spot) if choice.option.is_none() && spot.script == "bargain" => ctx.emote(spot.npc, "makes a note"),
///         _ => Ok(()),
///     }
/// }
/// ```
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
///
/// ```
/// use wod_zone::{Ctx, DialogueCommand, Error, Result, Zone};
/// /// `<<open_door salon>>`
/// fn command<Z: Zone>(ctx: &mut Ctx<Z>, command: &DialogueCommand) -> Result {
///     match (command.name.as_str(), command.words.as_slice()) {
///         ("open_door", [barrier]) => ctx.open_door(barrier),
///         _ => Err(Error::Other(format!("no command `{}`", command.name))),
///     }
/// }
/// ```
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
///
/// ```
/// use wod_zone::dialogue::Value;
/// use wod_zone::{Ctx, DialogueCall, Zone};
/// /// `<<if is_open("salon")>>`
/// fn function<Z: Zone>(ctx: &Ctx<Z>, call: &DialogueCall) -> Option<Value> {
///     match (call.name.as_str(), call.values.as_slice()) {
///         ("is_open", [Value::Text(barrier)]) => Some(Value::Flag(ctx.is_door_open(barrier))),
///         _ => None,
///     }
/// }
/// ```
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
///
/// ```
/// use wod_zone::{Ctx, MoveEnd, Moved, OrderId, Result, Zone};
/// /// The courier has come to the drop, if it is that errand which has ended.
/// fn moved<Z: Zone>(ctx: &mut Ctx<Z>, errand: OrderId, moved: Moved) -> Result {
///     if moved.order == errand && moved.end == MoveEnd::Arrived {
///         ctx.emote(moved.npc, "leaves a parcel")?;
///     }
///     Ok(())
/// }
/// ```
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
///
/// ```
/// use wod_zone::{Ctx, Npc, Result, Sensed, Zone};
/// fn sensor<Z: Zone>(ctx: &mut Ctx<Z>, dog: Npc, sensed: Sensed) -> Result {
///     match dog == sensed.sensor && sensed.inside {
///         true => ctx.emote(dog, "growls"),
///         false => Ok(()),
///     }
/// }
/// ```
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
///
/// ```
/// use wod_zone::{Message, Result, decode};
/// #[derive(serde::Deserialize)]
/// struct Fugitive { name: String }
/// fn who_is_coming(message: &Message) -> Result<Option<String>> {
///     match message.topic.as_str() {
///         "fugitive" => Ok(Some(decode::<Fugitive>(&message.body)?.name)),
///         _ => Ok(None),
///     }
/// }
/// # let body = wod_zone::encode(&std::collections::BTreeMap::from([("name", "Ann")]))?;
/// # let message = Message { id: 1, sender: "old-town.streets".into(), topic: "fugitive".into(), body };
/// assert_eq!(who_is_coming(&message)?.as_deref(), Some("Ann"));
/// # Ok::<(), wod_zone::Error>(())
/// ```
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
