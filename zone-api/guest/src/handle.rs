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
    ///
    /// ```
    /// use wod_zone::{EntityId, Npc, Player};
    /// // What was perceived may be anybody: handles compare with it, and become it.
    /// let seen = EntityId(42);
    /// assert!(Player(42) == seen && EntityId::from(Npc(7)) != seen);
    /// ```
    EntityId
);
number!(
    /// A number that stands for a timer, a dialogue, an order or a request between module and host.
    ///
    /// ```
    /// use wod_zone::{TimerId, Token};
    /// // What the host counts by; authors hold it as the typed handle that it stands for.
    /// let dawn = TimerId::from(Token(3));
    /// assert_eq!(Token::from(dawn), Token(3));
    /// ```
    Token
);

macro_rules! entity {
    ($(#[$doc:meta])* $name:ident) => {
        number!($(#[$doc])* $name);

        impl $name {
            /// The entity behind the handle.
            ///
            /// ```
            /// use wod_zone::{EntityId, Player};
            /// assert_eq!(Player(42).id(), EntityId(42));
            /// ```
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
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use wod_zone::Player;
    /// // Good as a key of the zone's state: she has the same number whenever she comes back.
    /// let mut favours: BTreeMap<Player, u32> = BTreeMap::new();
    /// *favours.entry(Player(42)).or_default() += 1;
    /// assert_eq!(favours[&Player(42)], 1);
    /// ```
    Player
);
entity!(
    /// A character of this module.
    ///
    /// ```
    /// use wod_zone::{Ctx, Interaction, Npc, Result, Zone};
    /// fn interacted<Z: Zone>(ctx: &mut Ctx<Z>, fence: Npc, interaction: &Interaction) -> Result {
    ///     if fence == interaction.target {
    ///         ctx.say(fence, "Show me what you have. Quickly.")?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    Npc
);
entity!(
    /// A thing of this module.
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    /// use wod_zone::{Ctx, Object, Result, Spawn, Zone};
    /// /// Kept in the zone's state: the lamp is the same one after a swap.
    /// #[derive(Serialize, Deserialize)]
    /// struct Corner { lamp: Object }
    /// fn light<Z: Zone>(ctx: &mut Ctx<Z>) -> Result<Corner> {
    ///     Ok(Corner { lamp: ctx.spawn_object(Spawn::new("Street lamp", ctx.place("corner")?.at))? })
    /// }
    /// ```
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
    ///
    /// ```
    /// use wod_zone::{Ctx, TimerId, Zone};
    /// /// The doorbell is answered: nobody waits for it any more.
    /// fn answered<Z: Zone>(ctx: &mut Ctx<Z>, impatience: &mut Option<TimerId>) {
    ///     if let Some(timer) = impatience.take() {
    ///         ctx.cancel(timer);
    ///     }
    /// }
    /// ```
    TimerId
);
pending!(
    /// An order to move, or a message on its way; its end is told once.
    ///
    /// ```
    /// use wod_zone::{Ctx, Npc, OrderId, Result, Zone};
    /// /// Kept, to know in `Zone::moved` which errand has ended.
    /// fn send_courier<Z: Zone>(ctx: &mut Ctx<Z>, courier: Npc) -> Result<OrderId> {
    ///     ctx.go_to(courier, "drop", 0.5)
    /// }
    /// ```
    OrderId
);
pending!(
    /// An operator's question, to be answered by [`Ctx::reply`](crate::Ctx::reply).
    ///
    /// ```
    /// use wod_zone::{Ctx, RequestId, Result, Token, Zone};
    /// fn report<Z: Zone>(ctx: &mut Ctx<Z>, asked: Token) -> Result {
    ///     ctx.reply(RequestId::from(asked), "the vault is closed")
    /// }
    /// ```
    RequestId
);
pending!(
    /// A dialogue with one player.
    ///
    /// ```
    /// use wod_zone::{Ctx, DialogueId, Npc, Player, Result, Zone};
    /// /// The alarm goes: what they were about to say stays unsaid.
    /// fn break_off<Z: Zone>(ctx: &mut Ctx<Z>, player: Player, talk: DialogueId) -> Result {
    ///     ctx.close_dialogue(player, talk)
    /// }
    /// ```
    DialogueId
);
