//! What the SDK remembers beside the zone's own state, and how all of it is saved.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::behaviour::{Alarm, Behaved, Hours, Mind};
use crate::call::Call;
use crate::dialogue::{Book, Open, OpenDialogue, Opening, Value};
use crate::error::{Error, Result};
use crate::handle::{DialogueId, Npc, Player, Token};
use crate::parts::{Parts, Watch};
use crate::zone::Zone;

/// Version of [`Image`], the frame around a zone's saved state.
const IMAGE: u32 = 1;

/// Encodes a value as the SDK stores it: MessagePack with named fields, so that `#[serde(default)]` and new fields work.
///
/// ```
/// let bytes = wod_zone::encode(&vec![1, 2, 3])?;
/// assert_eq!(wod_zone::decode::<Vec<u32>>(&bytes)?, [1, 2, 3]);
/// # Ok::<(), wod_zone::Error>(())
/// ```
pub fn encode(value: &impl Serialize) -> Result<Vec<u8>> {
    Ok(rmp_serde::to_vec_named(value)?)
}

/// Decodes what [`encode`] made. For [`Zone::migrate`] and message bodies. While it does, every number, text or list in it takes 32
/// bytes beside what it is decoded to.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Rumour { about: String, #[serde(default)] believed: bool }
/// let bytes = wod_zone::encode(&std::collections::BTreeMap::from([("about", "the prince")]))?;
/// let rumour: Rumour = wod_zone::decode(&bytes)?;
/// assert_eq!((rumour.about.as_str(), rumour.believed), ("the prince", false));
/// # Ok::<(), wod_zone::Error>(())
/// ```
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    // By way of a tree: MessagePack is then read by one function instead of one for each type, which was two thirds of a module.
    let tree: ciborium::Value = rmp_serde::from_slice(bytes)?;
    tree.deserialized().map_err(|error| Error::State(error.to_string()))
}

/// Everything the SDK keeps for a zone of type `Z`.
pub(crate) struct Memory<Z: Zone> {
    /// What does not depend on the zone's types.
    pub(crate) core: Core,
    /// The players who are here.
    pub(crate) players: BTreeMap<Player, PlayerSlot<Z::Player>>,
    /// Players whose state was handed out for change in this call, encoded as it was before.
    pub(crate) touched: BTreeMap<Player, Vec<u8>>,
    /// The zone's dialogues, once somebody has spoken. Not saved: they are the module's.
    pub(crate) book: Option<Arc<Book>>,
    /// Talks that begin when the running handler has returned.
    pub(crate) opening: VecDeque<Opening>,
    /// What behaviours have to report in this call.
    pub(crate) reports: Vec<(Npc, Behaved)>,
    /// The call that is being handled.
    pub(crate) call: Call,
}

impl<Z: Zone> Default for Memory<Z> {
    fn default() -> Self {
        Self {
            core: Core::default(),
            players: BTreeMap::new(),
            touched: BTreeMap::new(),
            book: None,
            opening: VecDeque::new(),
            reports: Vec::new(),
            call: Call::default(),
        }
    }
}

/// The part of the memory that does not depend on the zone's types. Saved as it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Core {
    /// The last token given out.
    pub(crate) last_token: u64,
    /// Pending timers.
    pub(crate) timers: BTreeMap<Token, Pending>,
    /// Scripts that players are in.
    pub(crate) dialogues: BTreeMap<DialogueId, OpenDialogue>,
    /// Talks of the book that players are in.
    pub(crate) talks: BTreeMap<DialogueId, Open>,
    /// What dialogues know of the zone: variables named `$zone_…`.
    pub(crate) variables: BTreeMap<String, Value>,
    /// NPCs that the SDK moves.
    pub(crate) minds: BTreeMap<Npc, Mind>,
    /// Entities that somebody has in sight.
    pub(crate) watched: BTreeSet<Npc>,
    /// The timer for the hours of schedules.
    pub(crate) hours: Option<Hours>,
    /// Trades, deeds in progress, objects.
    pub(crate) parts: Parts,
}

impl Core {
    /// A token that was never used before in this zone.
    pub(crate) fn token(&mut self) -> Token {
        self.last_token += 1;
        Token(self.last_token)
    }
}

/// A pending timer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Pending {
    /// The zone's, with its value encoded.
    Zone {
        /// The value.
        value: ByteBuf,
        /// Whether it comes again.
        every: bool,
    },
    /// An NPC's behaviour waits for this.
    Mind(Npc, Alarm),
    /// Schedules wait for an hour.
    Hours,
    /// A part of the SDK has an eye on this.
    Part(Watch),
}

/// A player who is here.
pub(crate) struct PlayerSlot<P> {
    /// Her name.
    pub(crate) name: String,
    /// What scripts know of her.
    pub(crate) flags: BTreeSet<String>,
    /// What dialogues know of her.
    pub(crate) variables: BTreeMap<String, Value>,
    /// What the zone knows of her.
    pub(crate) state: P,
}

/// What is kept of a player, wherever she is.
#[derive(Debug, Serialize, Deserialize)]
struct PlayerImage {
    /// [`Zone::SCHEMA`] of the writer.
    schema: u32,
    /// What scripts know of her.
    #[serde(default)]
    flags: BTreeSet<String>,
    /// What dialogues know of her.
    #[serde(default)]
    variables: BTreeMap<String, Value>,
    /// The zone's own part.
    state: ByteBuf,
}

impl<P: Default + Serialize + DeserializeOwned> PlayerSlot<P> {
    /// A player of whom nothing is known.
    pub(crate) fn unknown(name: String) -> Self {
        Self { name, flags: BTreeSet::new(), variables: BTreeMap::new(), state: P::default() }
    }

    /// What is kept of her.
    pub(crate) fn encode<Z: Zone<Player = P>>(&self) -> Result<Vec<u8>> {
        let state = ByteBuf::from(encode(&self.state)?);
        let (flags, variables) = (self.flags.clone(), self.variables.clone());
        encode(&PlayerImage { schema: Z::SCHEMA, flags, variables, state })
    }

    /// She comes, with what was kept of her.
    pub(crate) fn decode<Z: Zone<Player = P>>(name: String, bytes: &[u8]) -> Result<Self> {
        let image: PlayerImage = decode(bytes)?;
        let state = match image.schema {
            schema if schema == Z::SCHEMA => decode(&image.state)?,
            schema => Z::migrate_player(schema, &image.state)?,
        };
        Ok(Self { name, flags: image.flags, variables: image.variables, state })
    }
}

/// A whole saved zone.
#[derive(Serialize, Deserialize)]
struct Image {
    /// [`IMAGE`].
    sdk: u32,
    /// The author's struct.
    zone: ByteBuf,
    /// The SDK's own.
    core: Core,
    /// Name and [`PlayerImage`] of everybody here.
    players: BTreeMap<Player, (String, ByteBuf)>,
}

/// The bytes of a zone and its memory.
pub(crate) fn save<Z: Zone>(zone: &Z, memory: &Memory<Z>) -> Result<Vec<u8>> {
    let mut players = BTreeMap::new();
    for (player, slot) in &memory.players {
        players.insert(*player, (slot.name.clone(), ByteBuf::from(slot.encode::<Z>()?)));
    }
    encode(&Image { sdk: IMAGE, zone: ByteBuf::from(encode(zone)?), core: memory.core.clone(), players })
}

/// A zone and its memory out of what any version saved under `schema`.
pub(crate) fn load<Z: Zone>(schema: u32, bytes: &[u8]) -> Result<(Z, Memory<Z>)> {
    let image: Image = decode(bytes)?;
    if image.sdk != IMAGE {
        return Err(Error::State(format!("saved by SDK format {}, this one reads {IMAGE}", image.sdk)));
    }
    let zone = match schema {
        same if same == Z::SCHEMA => decode(&image.zone)?,
        other => Z::migrate(other, &image.zone)?,
    };
    let mut memory = Memory { core: image.core, ..Memory::default() };
    if schema != Z::SCHEMA {
        memory.core.migrate_timers::<Z>(schema)?;
    }
    for (player, (name, bytes)) in image.players {
        memory.players.insert(player, PlayerSlot::decode::<Z>(name, &bytes)?);
    }
    Ok((zone, memory))
}

impl Core {
    /// Reads every timer's value of another schema and writes it in this one.
    fn migrate_timers<Z: Zone>(&mut self, schema: u32) -> Result {
        let mut kept = BTreeMap::new();
        for (token, pending) in std::mem::take(&mut self.timers) {
            let pending = match pending {
                Pending::Zone { value, every } => match Z::migrate_timer(schema, &value)? {
                    Some(timer) => Pending::Zone { value: ByteBuf::from(encode(&timer)?), every },
                    None => continue,
                },
                sdk @ (Pending::Mind(..) | Pending::Hours | Pending::Part(_)) => sdk,
            };
            kept.insert(token, pending);
        }
        self.timers = kept;
        Ok(())
    }
}
