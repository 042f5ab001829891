//! The trait that a zone's author implements. What its handlers are told is in `told`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::behaviour::Behaved;
use crate::ctx::Ctx;
use crate::dialogue::{self, Script};
use crate::error::{Error, Result};
use crate::handle::{EntityId, Npc, OrderId, Player};
use crate::types::{EnterReason, LeaveReason, StartReason};
use crate::verbs::{Deed, Interruption};

mod setting;
mod told;

pub use setting::{Setting, SettingDefault};
pub use told::{
    Choice, Command, DialogueCall, DialogueCommand, Heard, Interaction, Line, Message, Moved, ScriptSpot, Sensed,
    Verdict,
};

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
/// use std::time::Duration;
/// use wod_zone::{Ctx, EnterReason, Player, Result, Setting, Zone};
///
/// #[derive(Serialize, Deserialize)]
/// struct Lobby {
///     visits: u64,
/// }
///
/// #[derive(Serialize, Deserialize)]
/// enum Timer {
///     CurfewIsOver,
/// }
///
/// #[derive(Default, Serialize, Deserialize)]
/// #[serde(default)]
/// struct Guest {
///     visits: u64,
/// }
///
/// impl Zone for Lobby {
///     const NAME: &'static str = "lobby";
///     const VERSION: &'static str = env!("CARGO_PKG_VERSION");
///     const VERBS: &'static [&'static str] = &["ring"];
///     const CONFIG: &'static [Setting] = &[Setting::int("curfew", "How long nobody is let in, min.", 20)];
///     type Timer = Timer;
///     type Player = Guest;
///
///     fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
///         let minutes = ctx.config_number("curfew") as u64;
///         ctx.after(Duration::from_secs(60 * minutes), Timer::CurfewIsOver)?;
///         Ok(Self { visits: 0 })
///     }
///
///     fn entered(&mut self, ctx: &mut Ctx<Self>, player: Player, _how: EnterReason) -> Result {
///         self.visits += 1;
///         ctx.player_mut(player)?.visits += 1;
///         ctx.tell(player, "visit", &self.visits)
///     }
///
///     fn timer(&mut self, ctx: &mut Ctx<Self>, _timer: Timer) -> Result {
///         ctx.tell_all("door", &"open")
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
    ///
    /// ```
    /// # use wod_zone::{Ctx, Result, Zone};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar;
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self) }
    /// // Since the slate has been kept in coins; `Zone::migrate` reads the states of before.
    /// const SCHEMA: u32 = 2;
    /// # }
    /// ```
    const SCHEMA: u32 = 1;
    /// Every verb it may offer.
    const VERBS: &'static [&'static str] = &[];
    /// Settings it reads; operators change them with `wod config set`.
    const CONFIG: &'static [Setting] = &[];
    /// Every script that [`Ctx::talk`] may open.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Result, Zone};
    /// use wod_zone::dialogue::{Answer, Node, Script};
    ///
    /// static SMALL_TALK: Script = Script::new("small talk", &[Node::new("hello", "Wet out?", &[Answer::end("yes", "Wet.")])]);
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar;
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self) }
    /// const SCRIPTS: &'static [&'static Script] = &[&SMALL_TALK];
    /// # }
    /// ```
    const SCRIPTS: &'static [&'static Script] = &[];
    /// Whether [`Zone::judge`] judges what players say here. Such a zone is exported by `export!(TheZone, chat_filter)`; any other
    /// costs nothing, for the host does not ask it.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Line, Result, Verdict, Zone};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar;
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self) }
    /// const CHAT_FILTER: bool = true;
    ///
    /// fn judge(&mut self, _ctx: &mut Ctx<Self>, line: &Line) -> Result<Verdict> {
    ///     Ok(if line.text.contains("police") { Verdict::Veto("Not in here.".into()) } else { Verdict::Pass })
    /// }
    /// # }
    /// ```
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
    ///
    /// ```
    /// # use wod_zone::{Ctx, Result, Zone, decode};
    /// # #[derive(serde::Serialize, serde::Deserialize)] enum Timer { LastOrders }
    /// #[derive(serde::Deserialize)]
    /// enum TimerV1 { LastOrders, HappyHour }
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar;
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = Timer; type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self) }
    /// # const SCHEMA: u32 = 2;
    /// /// Schema 1 had a timer for the happy hour: there is none any more.
    /// fn migrate_timer(_schema: u32, bytes: &[u8]) -> Result<Option<Timer>> {
    ///     match decode::<TimerV1>(bytes)? {
    ///         TimerV1::LastOrders => Ok(Some(Timer::LastOrders)),
    ///         TimerV1::HappyHour => Ok(None),
    ///     }
    /// }
    /// # }
    /// ```
    fn migrate_timer(schema: u32, bytes: &[u8]) -> Result<Option<Self::Timer>> {
        crate::memory::decode(bytes).map(Some)
    }

    /// Reads what another schema remembered of a player. By default it is read as it is.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Result, Zone, decode};
    /// # #[derive(Default, serde::Serialize, serde::Deserialize)] struct Regular { owes: u32 }
    /// #[derive(serde::Deserialize)]
    /// struct RegularV1 { drinks: u32 }
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar;
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = Regular;
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self) }
    /// # const SCHEMA: u32 = 2;
    /// /// Schema 1 kept the slate in drinks, of three coins each.
    /// fn migrate_player(_schema: u32, bytes: &[u8]) -> Result<Regular> {
    ///     decode::<RegularV1>(bytes).map(|old| Regular { owes: old.drinks * 3 })
    /// }
    /// # }
    /// ```
    fn migrate_player(schema: u32, bytes: &[u8]) -> Result<Self::Player> {
        crate::memory::decode(bytes)
    }

    /// The first event of an instance's life: who stands here. After [`StartReason::ResumedWithoutMemory`] the zone has just
    /// been opened anew, and what the lost instance had spawned is gone.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Player, Result, StartReason, Zone};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar { keeper: Npc }
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self { keeper: Npc(7) }) }
    /// fn started(&mut self, ctx: &mut Ctx<Self>, why: StartReason, players: &[Player]) -> Result {
    ///     match why {
    ///         StartReason::ResumedWithoutMemory if !players.is_empty() => ctx.say(self.keeper, "Have we met?"),
    ///         _ => Ok(()),
    ///     }
    /// }
    /// # }
    /// ```
    fn started(&mut self, ctx: &mut Ctx<Self>, why: StartReason, players: &[Player]) -> Result {
        Ok(())
    }

    /// A player came, or is back. What is remembered of her is ready ([`Ctx::player`]), with all that this tick has changed of it
    /// before.
    fn entered(&mut self, ctx: &mut Ctx<Self>, player: Player, how: EnterReason) -> Result {
        Ok(())
    }

    /// A player went. Her name and what is remembered can be read here for the last time; changes are not kept.
    ///
    /// ```
    /// # use wod_zone::{Ctx, LeaveReason, Npc, Player, Result, Zone};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar { keeper: Npc }
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self { keeper: Npc(7) }) }
    /// fn left(&mut self, ctx: &mut Ctx<Self>, player: Player, why: LeaveReason) -> Result {
    ///     let name = ctx.name(player).to_owned();
    ///     match why {
    ///         LeaveReason::Crossing | LeaveReason::Portal => ctx.say(self.keeper, format!("And {name} pays next time.")),
    ///         _ => Ok(()),
    ///     }
    /// }
    /// # }
    /// ```
    fn left(&mut self, ctx: &mut Ctx<Self>, player: Player, why: LeaveReason) -> Result {
        Ok(())
    }

    /// One of the zone's entities heard a line.
    ///
    /// ```
    /// # use wod_zone::{ChatMode, Ctx, Heard, Npc, Result, Zone};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar { keeper: Npc }
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self { keeper: Npc(7) }) }
    /// fn heard(&mut self, ctx: &mut Ctx<Self>, heard: &Heard) -> Result {
    ///     if self.keeper == heard.listener && heard.mode == ChatMode::Shout {
    ///         ctx.face(self.keeper, heard.speaker)?;
    ///         ctx.say(self.keeper, "Not in here.")?;
    ///     }
    ///     Ok(())
    /// }
    /// # }
    /// ```
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
    ///
    /// ```
    /// # use wod_zone::{Ctx, Error, Interaction, Npc, Result, Zone};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar { keeper: Npc }
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self { keeper: Npc(7) }) }
    /// fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
    ///     match interaction.verb.as_str() {
    ///         "order" => ctx.say(self.keeper, format!("The usual, {}?", ctx.name(interaction.player()))),
    ///         _ => Err(Error::to_player("He doesn't do that.")),
    ///     }
    /// }
    /// # }
    /// ```
    fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        Ok(())
    }

    /// Something that a player did and that took its time ([`Ctx::attempt`]) is done. It fails with an error, which she reads.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Error, Npc, Result, Zone};
    /// # use wod_zone::verbs::Deed;
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar { keeper: Npc }
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self { keeper: Npc(7) }) }
    /// /// She had three seconds to lift the bottle, and nobody has looked her way.
    /// fn completed(&mut self, ctx: &mut Ctx<Self>, deed: &Deed) -> Result {
    ///     if ctx.sees(self.keeper, deed.player) {
    ///         return Err(Error::to_player("He clears his throat."));
    ///     }
    ///     ctx.set_flag(deed.player, "has bottle")
    /// }
    /// # }
    /// ```
    fn completed(&mut self, ctx: &mut Ctx<Self>, deed: &Deed) -> Result {
        Ok(())
    }

    /// Something that a player was doing came to nothing.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Result, Zone};
    /// # use wod_zone::verbs::{Deed, Interruption};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar { keeper: Npc }
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self { keeper: Npc(7) }) }
    /// fn interrupted(&mut self, ctx: &mut Ctx<Self>, deed: &Deed, why: Interruption) -> Result {
    ///     match why {
    ///         Interruption::Moved => ctx.whisper(self.keeper, deed.player, "Changed your mind?"),
    ///         _ => Ok(()),
    ///     }
    /// }
    /// # }
    /// ```
    fn interrupted(&mut self, ctx: &mut Ctx<Self>, deed: &Deed, why: Interruption) -> Result {
        Ok(())
    }

    /// A player beyond the border used a verb: one of whom nothing is remembered here ([`Ctx::player`] is an error). She can be told,
    /// and refused; by default she is refused.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Interaction, Npc, Result, Zone};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar { keeper: Npc }
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self { keeper: Npc(7) }) }
    /// /// A nod through the window, from the street, which is another zone.
    /// fn interacted_from_beyond(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
    ///     ctx.face(self.keeper, interaction.player())?;
    ///     ctx.emote(self.keeper, "nods at the window")
    /// }
    /// # }
    /// ```
    fn interacted_from_beyond(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        Err(Error::to_player("You would have to come over for that."))
    }

    /// A player answered in a dialogue. For a [`Script`], the SDK has already said what follows.
    ///
    /// ```
    /// # use wod_zone::{Choice, Ctx, Npc, Result, Zone};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar { keeper: Npc }
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self { keeper: Npc(7) }) }
    /// /// Asked by [`Ctx::ask`]: another one?
    /// fn chose(&mut self, ctx: &mut Ctx<Self>, choice: &Choice) -> Result {
    ///     match choice.option.as_deref() {
    ///         Some("yes") => ctx.emote(self.keeper, "pours"),
    ///         _ => ctx.emote(self.keeper, "takes the glass"),
    ///     }
    /// }
    /// # }
    /// ```
    fn chose(&mut self, ctx: &mut Ctx<Self>, choice: &Choice) -> Result {
        Ok(())
    }

    /// A dialogue gives a command: `<<open_door salon>>`. [`Error::to_player`] is said as a line of the dialogue, which goes on; any
    /// other error ends the talk and is logged. What it does holds at once: a later `<<if>>` of the dialogue sees it.
    ///
    /// ```
    /// # use wod_zone::{Ctx, DialogueCommand, Error, Result, Zone};
    /// # #[derive(Default, serde::Serialize, serde::Deserialize)] struct Regular { owes: u32 }
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar;
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = Regular;
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self) }
    /// /// `<<slate 3>>` in a Yarn file.
    /// fn command(&mut self, ctx: &mut Ctx<Self>, command: &DialogueCommand) -> Result {
    ///     match (command.name.as_str(), command.words.as_slice()) {
    ///         ("slate", [coins]) => {
    ///             let coins: u32 = coins.parse().map_err(|_| format!("`{coins}` is no number"))?;
    ///             ctx.player_mut(command.player)?.owes += coins;
    ///             Ok(())
    ///         }
    ///         _ => Err(Error::Other(format!("no command `{}`", command.name))),
    ///     }
    /// }
    /// # }
    /// ```
    fn command(&mut self, ctx: &mut Ctx<Self>, command: &DialogueCommand) -> Result {
        Err(format!("{} knows no dialogue command `{}`", Self::NAME, command.name).into())
    }

    /// A dialogue asks something: `<<if is_open("salon")>>` or `{gossip()}`. None: there is no function of this name. Must change
    /// nothing.
    ///
    /// ```
    /// # use wod_zone::{Ctx, DialogueCall, Result, Zone};
    /// # use wod_zone::dialogue::Value;
    /// # #[derive(Default, serde::Serialize, serde::Deserialize)] struct Regular { owes: u32 }
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar;
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = Regular;
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self) }
    /// /// `<<if owes() > 10>>` in a Yarn file.
    /// fn function(&mut self, ctx: &mut Ctx<Self>, call: &DialogueCall) -> Result<Option<Value>> {
    ///     match call.name.as_str() {
    ///         "owes" => Ok(Some(Value::Number(ctx.player(call.player)?.owes as f32))),
    ///         _ => Ok(None),
    ///     }
    /// }
    /// # }
    /// ```
    fn function(&mut self, ctx: &mut Ctx<Self>, call: &DialogueCall) -> Result<Option<dialogue::Value>> {
        Ok(None)
    }

    /// An order to move that the zone gave has ended.
    ///
    /// ```
    /// # use wod_zone::{Ctx, MoveEnd, Moved, Npc, Result, Zone};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar { keeper: Npc }
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self { keeper: Npc(7) }) }
    /// fn moved(&mut self, ctx: &mut Ctx<Self>, moved: Moved) -> Result {
    ///     match moved.end {
    ///         MoveEnd::Arrived => ctx.emote(moved.npc, "wipes the table"),
    ///         _ => ctx.say(moved.npc, "Mind the chair, please."),
    ///     }
    /// }
    /// # }
    /// ```
    fn moved(&mut self, ctx: &mut Ctx<Self>, moved: Moved) -> Result {
        Ok(())
    }

    /// Somebody came into, or left, the radius of a sensor. Ghosts, from beyond a border, are not felt.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Result, Sensed, Zone};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar { keeper: Npc }
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self { keeper: Npc(7) }) }
    /// /// He bears a sensor, set by [`Ctx::set_sensor`].
    /// fn sensor(&mut self, ctx: &mut Ctx<Self>, sensed: Sensed) -> Result {
    ///     if sensed.inside { ctx.face(self.keeper, sensed.subject) } else { Ok(()) }
    /// }
    /// # }
    /// ```
    fn sensor(&mut self, ctx: &mut Ctx<Self>, sensed: Sensed) -> Result {
        Ok(())
    }

    /// Somebody, or nobody any more, has the entity in sight: pause what nobody sees.
    ///
    /// ```
    /// # use wod_zone::{Ctx, EntityId, Npc, Result, TimerId, Zone};
    /// # use std::time::Duration;
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar { crackle: Option<TimerId> }
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self { crackle: None }) }
    /// /// The fire crackles only while somebody looks.
    /// fn observed(&mut self, ctx: &mut Ctx<Self>, _fire: EntityId, by_anyone: bool) -> Result {
    ///     match self.crackle.take() {
    ///         Some(crackle) if !by_anyone => ctx.cancel(crackle),
    ///         None if by_anyone => self.crackle = Some(ctx.every(Duration::from_secs(7), ())?),
    ///         unchanged => self.crackle = unchanged,
    ///     }
    ///     Ok(())
    /// }
    /// # }
    /// ```
    fn observed(&mut self, ctx: &mut Ctx<Self>, entity: EntityId, by_anyone: bool) -> Result {
        Ok(())
    }

    /// An NPC's [`Behaviour`](crate::behaviour::Behaviour) has something to report.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Result, Zone};
    /// # use wod_zone::behaviour::Behaved;
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar;
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self) }
    /// /// He has caught somebody, and is not sorry.
    /// fn behaved(&mut self, ctx: &mut Ctx<Self>, bouncer: Npc, what: Behaved) -> Result {
    ///     match what {
    ///         Behaved::Caught(guest) => match ctx.as_player(guest) {
    ///             Some(guest) => ctx.send_through(guest, "street"),
    ///             None => Ok(()),
    ///         },
    ///         Behaved::Lost(..) => ctx.say(bouncer, "And stay out!"),
    ///         _ => Ok(()),
    ///     }
    /// }
    /// # }
    /// ```
    fn behaved(&mut self, ctx: &mut Ctx<Self>, npc: Npc, what: Behaved) -> Result {
        Ok(())
    }

    /// A timer of the zone is due.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Player, Result, Zone};
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// enum Timer { LastOrders, DebtIsDue { debtor: Player } }
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar { keeper: Npc }
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = Timer; type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self { keeper: Npc(7) }) }
    /// fn timer(&mut self, ctx: &mut Ctx<Self>, timer: Timer) -> Result {
    ///     match timer {
    ///         Timer::LastOrders => ctx.say(self.keeper, "Last orders."),
    ///         Timer::DebtIsDue { debtor } => ctx.whisper(self.keeper, debtor, "About what you owe."),
    ///     }
    /// }
    /// # }
    /// ```
    fn timer(&mut self, ctx: &mut Ctx<Self>, timer: Self::Timer) -> Result {
        Ok(())
    }

    /// Another zone's module wrote. Delivered exactly once.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Message, Npc, Result, Zone, decode};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar { keeper: Npc }
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self { keeper: Npc(7) }) }
    /// /// The streets tell who is on the way here, and why in a hurry.
    /// fn message(&mut self, ctx: &mut Ctx<Self>, message: &Message) -> Result {
    ///     if message.topic == "fugitive" {
    ///         let name: String = decode(&message.body)?;
    ///         ctx.say(self.keeper, format!("I have not seen {name}, and neither have you."))?;
    ///     }
    ///     Ok(())
    /// }
    /// # }
    /// ```
    fn message(&mut self, ctx: &mut Ctx<Self>, message: &Message) -> Result {
        Ok(())
    }

    /// What became of a message that this zone sent.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, OrderId, Result, Zone};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar { keeper: Npc }
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self { keeper: Npc(7) }) }
    /// /// The runner comes back.
    /// fn receipt(&mut self, ctx: &mut Ctx<Self>, _order: OrderId, delivered: bool) -> Result {
    ///     ctx.emote(self.keeper, if delivered { "gets a nod" } else { "gets a letter back, unopened" })
    /// }
    /// # }
    /// ```
    fn receipt(&mut self, ctx: &mut Ctx<Self>, order: OrderId, delivered: bool) -> Result {
        Ok(())
    }

    /// An operator asks (`wod ask`); the text is the answer, and so is an error's.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Error, Result, Zone};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar;
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self) }
    /// /// `wod ask old-town.bar guests`
    /// fn admin(&mut self, ctx: &mut Ctx<Self>, _operator: &str, question: &str) -> Result<String> {
    ///     match question {
    ///         "guests" => Ok(ctx.players().map(|player| ctx.name(player)).collect::<Vec<_>>().join(", ")),
    ///         _ => Err(Error::Other("ask for `guests`".into())),
    ///     }
    /// }
    /// # }
    /// ```
    fn admin(&mut self, ctx: &mut Ctx<Self>, operator: &str, question: &str) -> Result<String> {
        Err(Error::Other(format!("{} answers no questions", Self::NAME)))
    }

    /// Settings changed; [`Ctx::config`] gives the new values already.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Result, Setting, Zone};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar { keeper: Npc }
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self { keeper: Npc(7) }) }
    /// # const CONFIG: &'static [Setting] = &[Setting::int("price", "Of a drink.", 3)];
    /// fn config(&mut self, ctx: &mut Ctx<Self>, changed: &[String]) -> Result {
    ///     if changed.iter().any(|name| name == "price") {
    ///         let line = format!("That is {} a drink now.", ctx.config_number("price"));
    ///         ctx.say(self.keeper, line)?;
    ///     }
    ///     Ok(())
    /// }
    /// # }
    /// ```
    fn config(&mut self, ctx: &mut Ctx<Self>, changed: &[String]) -> Result {
        Ok(())
    }

    /// Something that a later version of the host tells. Ignore what you don't know.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Result, Zone};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar;
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self) }
    /// fn other(&mut self, ctx: &mut Ctx<Self>, name: &str, json: &str) -> Result {
    ///     wod_zone::debug!(ctx, name = name, "a newer host tells {json}");
    ///     Ok(())
    /// }
    /// # }
    /// ```
    fn other(&mut self, ctx: &mut Ctx<Self>, name: &str, json: &str) -> Result {
        Ok(())
    }
}
