//! Every identifier and counter is its own type, so that an epoch can't be passed where a tick is meant.

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// The following number. Panics on overflow, which no counter of ours reaches in a server's life.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub std::sync::Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }
    };
}

number!(
    /// An entity, unique in the whole world and never used twice: zone number × 2³⁶ + the zone's own counter. Below 2⁵³.
    EntityId(u64)
);
number!(
    /// A zone's number in the world file, 1..=65535. Part of every entity id the zone hands out, so it never changes.
    ZoneNo(u16)
);
number!(
    /// Fencing epoch of a zone's lease: grows with every new owner, never repeats.
    Epoch(u64)
);
number!(
    /// How many times the module of a zone was replaced, from 0.
    Generation(u32)
);
number!(
    /// A zone's clock: ticks since the zone began. The nominal length is `1000 / tick_hz` ms.
    Tick(u64)
);
number!(
    /// Position of an entry in a zone's journal, from 1, without gaps.
    JournalIndex(u64)
);
number!(
    /// Number of a client's command within its session, from 1 without gaps (protocol: `seq`).
    Seq(u64)
);
number!(
    /// Number of a reliable message to a player, from 1 without gaps (protocol: `n`).
    MsgNo(u64)
);
number!(
    /// Number of a client's `move` within its session (protocol: `m`).
    MoveNo(u64)
);
number!(
    /// Number of the last correction or jump of a player (protocol: `c`).
    CorrectionNo(u64)
);
number!(
    /// A session, random, below 2⁵³: one login of one player until logout, over any number of connections.
    SessionId(u64)
);
number!(
    /// One connection of a session. The zone hands these out, growing; inputs of an older attachment are void.
    AttachNo(u32)
);
number!(
    /// Chosen by a gateway for one attach request, so that a repeated request is one attachment. Random.
    Nonce(u64)
);
number!(
    /// How many hand-offs a player has behind her: of two avatars the one with the higher count is the real one.
    Hop(u64)
);
number!(
    /// Chosen by a module, unique among its own pending things of that kind.
    Token(u64)
);

name!(
    /// A zone's name in the world file: `region.zone`, lower case, digits, `-` and `_`.
    ZoneName
);
name!(
    /// A gateway process, unique among those alive.
    GatewayId
);
name!(
    /// A zone host process, unique among those alive.
    HostId
);
name!(
    /// Who a player is for ever: the `sub` of her ticket, or `guest:{folded name}`.
    Sub
);

impl EntityId {
    /// Bits of the zone's own counter in an id.
    pub const COUNTER_BITS: u32 = 36;

    /// The `counter`th id of a zone. The counter stays below 2³⁶ (68 billion entities of one zone).
    pub fn new(zone: ZoneNo, counter: u64) -> Self {
        debug_assert!(counter < 1 << Self::COUNTER_BITS);
        Self((u64::from(zone.0) << Self::COUNTER_BITS) | counter)
    }
}

/// A module file's or map's content address: BLAKE3, 32 bytes, shown as 64 hex digits. In JSON such a text, in MessagePack bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serde_bytes::serialize(&self.0, serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
            return Self::parse(&text).ok_or_else(|| serde::de::Error::custom("a digest is 64 hex digits"));
        }
        serde_bytes::deserialize(deserializer).map(Self)
    }
}

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Reads 64 hex digits; none when the text is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        blake3::Hash::from_hex(text).ok().map(|hash| Self(*hash.as_bytes()))
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Digest({self})")
    }
}
