//! What goes into a zone's step and what comes out, and the journal entry that keeps both.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wod_protocol::bus::{BorderFrame, GatewayInput, Traveller, ZoneFrame, ZoneStream};
use wod_protocol::client::TagValue;
use wod_protocol::ids::{Digest, EntityId, Epoch, GatewayId, Generation, Hop, HostId, Sub, Tick, ZoneNo};
use wod_protocol::record::Place;

use crate::module::{Event, Fault, LogLevel, Saved};

/// Version of the simulation's own rules. Another version takes a zone over only at a snapshot.
pub const SIM_VERSION: u32 = 9;

/// Something that reached the zone since its last tick. The order within a tick is the journal's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// This process is the zone's owner from now on; the first input of every ownership.
    Owned {
        /// Its fencing epoch.
        epoch: Epoch,
        /// Itself.
        host: HostId,
        /// What happened before.
        how: Took,
    },
    /// The zone slept until this tick; the first input of a tick that follows a sleep.
    Woke {
        /// The tick that begins now; at most the one that [`crate::zone::Sleep::Until`] named, and none that the zone could not
        /// sleep through.
        tick: Tick,
    },
    /// From a gateway.
    Gateway {
        /// Which.
        gateway: GatewayId,
        /// What.
        input: GatewayInput,
    },
    /// A gateway is dead: its connections are lost.
    GatewayLost(GatewayId),
    /// From another zone.
    Stream(ZoneStream),
    /// What a neighbouring zone shows of itself.
    Border(Box<BorderFrame>),
    /// The store answers a request.
    Store {
        /// The request's number.
        request: u64,
        /// What it says.
        answer: StoreAnswer,
    },
    /// Replace the module at this tick boundary, or give a zone without one its first. The zone counts generations.
    Swap {
        /// The new module.
        digest: Digest,
        /// Ticks until it is settled; 0: at once.
        probation: u32,
    },
    /// The version before takes over what the running one saves.
    RollBack,
    /// Stop telling the module anything, so that it can be rewound to before the last swap.
    Suspend {
        /// Answered by [`Effects::answers`] under this number: the tick from which on it was told nothing, or why not.
        request: u64,
        /// Whether that may lose or double things which have left the zone since.
        accept_loss: bool,
    },
    /// The version before, as it stands after living through what happened since: what [`crate::zone::Retrace::finish`] gave.
    Rewound {
        /// Opaque; the state of the module and of what it has spawned.
        parts: Bytes,
    },
    /// The module failed too often: the zone goes on without it.
    Shelve {
        /// Which; meanwhile it may have been replaced.
        generation: Generation,
        /// What it has saved; none: nothing could be had.
        saved: Option<Saved>,
        /// For operators.
        why: String,
    },
    /// A rebuilt instance of the current module stands ready; what it missed is told again.
    Rebuilt,
    /// An operator sets the module's settings (these keys; others stay).
    Config {
        /// Answered by [`Effects::answers`] under this number: done, or which key is unknown or of another type.
        request: u64,
        /// Keys and their new values.
        values: Vec<(String, TagValue)>,
    },
    /// An operator asks the module.
    Ask {
        /// Answered by [`Effects::answers`] under this number.
        request: u64,
        /// Who asks.
        operator: String,
        /// What.
        text: String,
    },
    /// An operator mutes a player who is here, or lets her be heard again.
    Mute {
        /// Answered by [`Effects::answers`] under this number: done, or that she is not here.
        request: u64,
        /// Who.
        name: String,
        /// For so many milliseconds of game time; 0: not at all.
        ms: u64,
        /// For her to read; may be empty.
        reason: String,
    },
    /// An operator does something to a player, or looks at her.
    Player {
        /// Answered by [`Effects::answers`] under this number: a [`PlayerAnswer`] as JSON.
        request: u64,
        /// Who.
        sub: Sub,
        /// What.
        act: PlayerAct,
    },
    /// The store has lost the last it was told: who is here, and who has left lately and where to, is told to it again.
    StoreLost,
    /// Per mille of real time the zone runs at from now on, 100 to 1000.
    Dilation(u16),
    /// What the zone leaves out from now on, because it can't hold its tick.
    Degrade(Degradation),
}

/// What an operator does to a player in the zone that has her.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlayerAct {
    /// Give her this name. Whose it is, the operator has made sure of.
    Rename(String),
    /// Log her out, and tell her why.
    Kick(String),
    /// Tell all of her.
    Show,
}

/// What the zone says to a [`PlayerAct`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum PlayerAnswer {
    /// It is so from this tick on.
    Done,
    /// All of her, without her session.
    Shown {
        /// When.
        tick: Tick,
        /// The same in milliseconds of game time.
        game_ms: u64,
        /// She, where she stands.
        player: Box<Traveller>,
    },
    /// She is on her way to that zone.
    Elsewhere(ZoneNo),
    /// She is not here, or not any more.
    NotHere,
}

/// What a zone that is too full leaves out; each level includes those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum Degradation {
    /// All is told at once.
    #[default]
    None,
    /// Moves of those who have nobody near are told every fourth tick.
    FarMoves,
    /// Rosters show the 24 nearest, whose moves are told every other tick.
    Rosters,
}

impl Input {
    /// Whether it gives the zone another module. At most one such input a tick.
    pub fn replaces_module(&self) -> bool {
        matches!(self, Self::Swap { .. } | Self::RollBack | Self::Rewound { .. })
    }
}

/// How an owner came to its zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Took {
    /// The zone never ran before.
    Fresh,
    /// From snapshot and journal, after an owner was lost.
    Recovered,
    /// From an owner that handed it over.
    Migrated,
}

/// What was not a function of the inputs. Journaled with them; a replay obeys it and runs without deadlines.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// How the module's call of this tick went.
    pub call: CallOutcome,
    /// How the swap of this tick went; none: there was none.
    pub swap: Option<Result<(), Fault>>,
    /// The rebuilt instance took over.
    pub rebuilt: bool,
    /// The zone was without a module when this tick's events were to be told, though no call failed: its `save` failed (for
    /// a swap, or for a snapshot since the tick before), it was suspended, or the rebuilt instance was not to be had.
    pub lost: bool,
    /// How the call went that judged what players said. After a fault the lines were heard as they were.
    #[serde(default)]
    pub filter: CallOutcome,
}

impl Outcome {
    /// Whether a call of the module failed in this tick.
    pub fn is_fault(&self) -> bool {
        [&self.call, &self.filter].into_iter().any(|call| *call != CallOutcome::Fine)
    }
}

/// How the module's call of a tick went.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum CallOutcome {
    /// There was nothing to tell it, or it came through.
    #[default]
    Fine,
    /// It failed: its commands are void, its instance is gone. The event it was handling is left out, the others are told to its
    /// rebuilt successor; where no event is known, half of them first, and so on until one is left, which is left out.
    Fault(Fault),
}

/// What the zone wants of the store. Repeated until answered: every one is idempotent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum StoreRequest {
    /// Bring this player into this zone, if she is nowhere (or already was to be brought here): compare-and-set her record to
    /// [`wod_protocol::record::Place::Zone`] with one hop more. A new one is made with `new_id`, after her name was reserved.
    Claim {
        /// Who.
        sub: Sub,
        /// Her name, should she be new.
        name: String,
        /// Whether she is a guest.
        guest: bool,
        /// Her entity id, should she be new.
        new_id: EntityId,
    },
    /// Her record says from now on that she is in this zone (she came from another). Refused by a higher hop.
    Arrived(Box<Traveller>),
    /// She is in that place, as the store should know: should it have lost that, by her hop count, it is told again.
    Present(Box<Traveller>, Place),
    /// She is nowhere from now on, and this is all of her. A guest's record and name are deleted.
    Offline(Box<Traveller>),
    /// Who bears this name, and where is she?
    FindName(String),
}

/// The store's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum StoreAnswer {
    /// She is this zone's now. New: she was made just now.
    Claimed {
        /// She, as her record had her. `hop` counts this hand-off.
        player: Box<Traveller>,
        /// Whether she was made just now.
        new: bool,
    },
    /// She is in that zone.
    Elsewhere(ZoneNo),
    /// Somebody else has that name.
    NameTaken,
    /// Done (also: it had been done before).
    Stored,
    /// Done; until then her record had her in that other zone, by an earlier hand-off than the one this zone knows.
    Moved(ZoneNo),
    /// Her record has that higher hop count: this avatar is not the real one any more.
    Outdated(Hop),
    /// Bears the name.
    Found {
        /// Her avatar.
        id: EntityId,
        /// Her zone; none: offline.
        zone: Option<ZoneNo>,
    },
    /// Nobody has that name.
    NotFound,
}

/// What a tick sets off. Leaves the process only after the tick's journal entry is durable.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Effects {
    /// To gateways.
    pub frames: Vec<(GatewayId, ZoneFrame)>,
    /// To other zones (routed by `to`).
    pub streams: Vec<ZoneStream>,
    /// To neighbouring zones (routed by `to`).
    pub borders: Vec<BorderFrame>,
    /// To the store, by request number.
    pub store: Vec<(u64, StoreRequest)>,
    /// To operators, by request number.
    pub answers: Vec<(u64, Result<String, String>)>,
    /// What the module logged and measured, and faults. Not part of the effects' hash.
    pub reports: Vec<Report>,
    /// True when losing this tick would break a promise even if it had no inputs (a numbered message, an item, an answer).
    pub binding: bool,
}

/// Something operators see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Report {
    /// The module logged a line.
    Log(LogLevel, String, Vec<(String, String)>),
    /// Lines over the limit were dropped.
    LogDropped(u32),
    /// The module counted.
    Count(String, u64),
    /// The module set a gauge.
    Gauge(String, f64),
    /// The module observed a value.
    Observe(String, f64),
    /// The module failed while it handled this event.
    Fault(Fault, Option<Event>),
    /// A player's verb has brought the module down once too often: she can't use it until the module is replaced.
    Blocked {
        /// Who.
        player: EntityId,
        /// Which; an option of a dialogue is `choose OPTION`, what the module judges of her words `say a line`.
        verb: String,
    },
}

/// One tick in a zone's journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// [`SIM_VERSION`] of the writer.
    pub sim: u32,
    /// The tick. Ticks between two entries had no inputs and are stepped without any.
    pub tick: Tick,
    /// The writer's epoch.
    pub epoch: Epoch,
    /// The module that was called; none: the zone had none.
    pub module: Option<Digest>,
    /// Its generation.
    pub generation: Generation,
    /// In order.
    pub inputs: Vec<Input>,
    /// What a replay must obey.
    pub outcome: Outcome,
    /// XXH3 of the encoded effects, without reports: a replay that differs says so.
    pub effects_hash: u64,
}

impl Entry {
    /// The bytes a journal keeps.
    pub fn encode(&self) -> Vec<u8> {
        rmp_serde::to_vec(self).expect("an entry has no unserialisable value")
    }

    /// Reads what [`Entry::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, rmp_serde::decode::Error> {
        let mut decoder = rmp_serde::Deserializer::from_read_ref(bytes);
        decoder.set_max_depth(wod_protocol::limits::DECODE_DEPTH);
        Self::deserialize(&mut decoder)
    }
}
