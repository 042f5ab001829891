//! Handles: small copyable names of things that live in the host.

use serde::{Deserialize, Serialize};

use crate::types::Goal;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// Any entity: unique in the whole world, for its whole life. Below 2⁵³.
    EntityId
);
number!(
    /// A number that stands for a timer, a dialogue, an order or a request between module and host.
    Token
);

macro_rules! entity {
    ($(#[$doc:meta])* $name:ident) => {
        number!($(#[$doc])* $name);

        impl $name {
            /// The entity behind the handle.
            pub fn id(self) -> EntityId {
                EntityId(self.0)
            }
        }

        impl From<$name> for EntityId {
            fn from(handle: $name) -> Self {
                Self(handle.0)
            }
        }

        impl From<$name> for Goal {
            fn from(handle: $name) -> Self {
                Self::Entity(handle.id())
            }
        }

        impl PartialEq<EntityId> for $name {
            fn eq(&self, other: &EntityId) -> bool {
                self.0 == other.0
            }
        }
    };
}

entity!(
    /// A person's avatar. The same number in every zone, for ever.
    Player
);
entity!(
    /// A character of this module.
    Npc
);
entity!(
    /// A thing of this module.
    Object
);

macro_rules! pending {
    ($(#[$doc:meta])* $name:ident) => {
        number!($(#[$doc])* $name);

        impl From<Token> for $name {
            fn from(token: Token) -> Self {
                Self(token.0)
            }
        }

        impl From<$name> for Token {
            fn from(id: $name) -> Self {
                Self(id.0)
            }
        }
    };
}

pending!(
    /// A pending timer of [`Ctx::after`](crate::Ctx::after) or [`Ctx::every`](crate::Ctx::every).
    TimerId
);
pending!(
    /// An order to move, or a message on its way; its end is told once.
    OrderId
);
pending!(
    /// An operator's question, to be answered by [`Ctx::reply`](crate::Ctx::reply).
    RequestId
);
pending!(
    /// A dialogue with one player.
    DialogueId
);
