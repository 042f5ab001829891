//! What the SDK remembers beside the zone's own state, and how all of it is saved.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::behaviour::{Alarm, Behaved, Hours, Mind};
use crate::dialogue::OpenDialogue;
use crate::error::{Error, Result};
use crate::handle::{DialogueId, Npc, Player, Token};
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

/// Decodes what [`encode`] made. For [`Zone::migrate`] and message bodies.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    Ok(rmp_serde::from_slice(bytes)?)
}

/// Everything the SDK keeps for a zone of type `Z`.
pub(crate) struct Memory<Z: Zone> {
    /// What does not depend on the zone's types.
    pub(crate) core: Core,
    /// The players who are here.
    pub(crate) players: BTreeMap<Player, PlayerSlot<Z::Player>>,
    /// Players whose state was handed out for change in this call, encoded as it was before.
    pub(crate) touched: BTreeMap<Player, Vec<u8>>,
    /// What behaviours have to report in this call.
    pub(crate) reports: Vec<(Npc, Behaved)>,
}

impl<Z: Zone> Default for Memory<Z> {
    fn default() -> Self {
        Self { core: Core::default(), players: BTreeMap::new(), touched: BTreeMap::new(), reports: Vec::new() }
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
    /// NPCs that the SDK moves.
    pub(crate) minds: BTreeMap<Npc, Mind>,
    /// Entities that somebody has in sight.
    pub(crate) watched: BTreeSet<Npc>,
    /// The timer for the hours of schedules.
    pub(crate) hours: Option<Hours>,
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
}

/// A player who is here.
pub(crate) struct PlayerSlot<P> {
    /// Her name.
    pub(crate) name: String,
    /// What scripts know of her.
    pub(crate) flags: BTreeSet<String>,
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
    /// The zone's own part.
    state: ByteBuf,
}

impl<P: Default + Serialize + DeserializeOwned> PlayerSlot<P> {
    /// A player of whom nothing is known.
    pub(crate) fn unknown(name: String) -> Self {
        Self { name, flags: BTreeSet::new(), state: P::default() }
    }

    /// What is kept of her.
    pub(crate) fn encode<Z: Zone<Player = P>>(&self) -> Result<Vec<u8>> {
        let state = ByteBuf::from(encode(&self.state)?);
        encode(&PlayerImage { schema: Z::SCHEMA, flags: self.flags.clone(), state })
    }

    /// She comes, with what was kept of her.
    pub(crate) fn decode<Z: Zone<Player = P>>(name: String, bytes: &[u8]) -> Result<Self> {
        let image: PlayerImage = decode(bytes)?;
        let state = match image.schema {
            schema if schema == Z::SCHEMA => decode(&image.state)?,
            schema => Z::migrate_player(schema, &image.state)?,
        };
        Ok(Self { name, flags: image.flags, state })
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
                sdk @ (Pending::Mind(..) | Pending::Hours) => sdk,
            };
            kept.insert(token, pending);
        }
        self.timers = kept;
        Ok(())
    }
}
