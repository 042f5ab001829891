//! Two players trade: each lays things on the table, both accept, and both have what was agreed, or nothing has happened.
//!
//! Offer the verbs [`TRADE`] and [`GIVE`] on players ([`Ctx::offer_trade`]), name them in [`Zone::VERBS`], and hand what
//! players do with them to [`Ctx::deal`]. The SDK does the rest: it minds the time, who leaves, who walks away, whose connection is lost.
//!
//! ```
//! # use serde::{Deserialize, Serialize};
//! # use wod_zone::goods::{Carries, Purse};
//! use wod_zone::trade::{Dealt, GIVE, TRADE};
//! use wod_zone::{Ctx, EnterReason, Error, Interaction, Player, Result, Zone};
//!
//! # #[derive(Default, Serialize, Deserialize)]
//! # #[serde(default)]
//! # struct Visitor { purse: Purse }
//! # impl Carries for Visitor {
//! #     fn purse(&self) -> &Purse { &self.purse }
//! #     fn purse_mut(&mut self) -> &mut Purse { &mut self.purse }
//! # }
//! # #[derive(Serialize, Deserialize)]
//! # struct Docks { deals: u32 }
//! impl Zone for Docks {
//!     const NAME: &'static str = "docks";
//!     const VERBS: &'static [&'static str] = &[TRADE, GIVE];
//!     type Timer = ();
//!     type Player = Visitor;
//! #   fn open(_ctx: &mut Ctx<Self>) -> Result<Self> { Ok(Self { deals: 0 }) }
//!
//!     fn entered(&mut self, ctx: &mut Ctx<Self>, player: Player, _how: EnterReason) -> Result {
//!         ctx.offer_trade(player)
//!     }
//!
//!     fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
//!         match ctx.deal(interaction)? {
//!             Some(Dealt::Traded { .. }) => self.deals += 1,
//!             Some(_) => {}
//!             None => return Err(Error::to_player("Nobody here does that.")),
//!         }
//!         Ok(())
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! # The rules
//!
//! - What is offered stays with its owner to the very end; meanwhile it can be neither given away nor offered elsewhere.
//! - A player is in one trade at a time. It takes place within [`TRADE_METRES`].
//! - A change of either offer voids both acceptances. Who accepts names the `turn` that she saw, so nothing is slipped in between.
//! - An unanswered question lapses after [`ASK_SECONDS`], a trade after [`IDLE_SECONDS`] without a change. After a question that was
//!   declined, called off or not answered, the same player can't be asked by the same again before [`ASK_PAUSE`].
//! - It ends when one of the two leaves the zone in whatever way, is too far away, or loses her connection (noticed within
//!   [`LOOK_SECONDS`], and whenever the other does something). A swap of the module, a crash, a move of the zone leave it open.
//!
//! # What clients send
//!
//! `trade` on the other player, with one of these as `args`:
//!
//! | `args` | |
//! |---|---|
//! | none, or `{"do": "ask"}` | asks her to trade; agrees, if she has asked; otherwise: tell me again how it stands |
//! | `{"do": "offer", "things": [{"id": "5f0c…", "count": 3}, {"id": "77e2…"}]}` | all that you offer from now on, at most [`THINGS_AT_ONCE`](crate::goods::THINGS_AT_ONCE) |
//! | `{"do": "accept", "turn": 4}` | as it stands in that turn |
//! | `{"do": "cancel"}` | no (more) |
//!
//! `give` on the other player, with `{"things": [{"id": "5f0c…", "count": 3}]}`, hands them over at once.
//!
//! # What clients are told
//!
//! The event `trade` (reliable) to both, after every change, each from her own side:
//!
//! ```json
//! {"trade": 12, "with": 68719476740, "name": "Bob", "state": "open", "turn": 4,
//!  "yours": {"things": [{"id": "5f0c…", "kind": "coin", "count": 3}], "accepted": true},
//!  "theirs": {"things": [], "accepted": false}}
//! ```
//!
//! | `state` | |
//! |---|---|
//! | `asking`, `asked` | you wait for her answer; she waits for yours |
//! | `open` | as above |
//! | `done` | both have what was agreed; the event `goods` has told what that makes of the purse |
//! | `ended` | nothing has changed hands. `why`: `declined`, `cancelled`, `left`, `too_far`, `away`, `timed_out`, `reset` |
//!
//! A client that comes to another zone forgets the trade: what happened to it meanwhile may not reach it.
//!
//! Those near see a gift and a trade that is done as the event `seen` (see [`verbs`](crate::verbs)).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::goods::{Pick, ThingId};
use crate::handle::{Player, TimerId, Token};
use crate::types::Verb;

#[cfg(doc)]
use crate::{Ctx, Zone};

mod deal;

pub use deal::Dealt;

/// The verb that everything about a trade goes by.
///
/// ```
/// use wod_zone::trade::{GIVE, TRADE};
/// /// A zone's verbs: its own, and these.
/// const VERBS: &[&str] = &["greet", TRADE, GIVE];
/// assert_eq!(VERBS[1], "trade");
/// ```
pub const TRADE: &str = "trade";
/// The verb that hands something over.
///
/// ```
/// use wod_zone::Verb;
/// use wod_zone::trade::{GIVE, TRADE_METRES};
/// // Here people give, and don't haggle.
/// let verbs = [Verb::new(GIVE, "Give alms", TRADE_METRES)];
/// assert_eq!(verbs[0].id, "give");
/// ```
pub const GIVE: &str = "give";
/// How near the two must stand, m.
///
/// ```
/// use wod_zone::trade::TRADE_METRES;
/// use wod_zone::{Ctx, Player, Zone};
/// fn can_trade<Z: Zone>(ctx: &Ctx<Z>, buyer: Player, seller: Player) -> bool {
///     ctx.distance(buyer, seller).is_some_and(|metres| metres <= TRADE_METRES)
/// }
/// ```
pub const TRADE_METRES: f32 = 5.0;
/// How long a question waits for its answer, s.
///
/// ```
/// use std::time::Duration;
/// use wod_zone::trade::ASK_SECONDS;
/// // The lookout whistles when whoever was asked should have answered.
/// let whistle = Duration::from_secs(ASK_SECONDS);
/// assert_eq!(whistle.as_secs(), 30);
/// ```
pub const ASK_SECONDS: u64 = 30;
/// How long a trade may stand without a change, s.
///
/// ```
/// use wod_zone::trade::{ASK_SECONDS, IDLE_SECONDS};
/// let rules = format!("{ASK_SECONDS} s to say yes, {IDLE_SECONDS} s between offers.");
/// assert_eq!(rules, "30 s to say yes, 120 s between offers.");
/// ```
pub const IDLE_SECONDS: u64 = 120;
/// How often the SDK looks whether both are still there, s.
///
/// ```
/// use std::time::Duration;
/// use wod_zone::trade::LOOK_SECONDS;
/// // By then a trade has ended from which somebody was dragged away.
/// let noticed = Duration::from_secs(LOOK_SECONDS);
/// assert!(noticed < Duration::from_secs(2));
/// ```
pub const LOOK_SECONDS: u64 = 1;

/// After a question that was declined, called off or not answered, the same player is not asked the same again before so long.
///
/// ```
/// use wod_zone::trade::ASK_PAUSE;
/// let hint = format!("Ask again in {} s.", ASK_PAUSE.as_secs());
/// assert_eq!(hint, "Ask again in 10 s.");
/// ```
pub const ASK_PAUSE: Duration = Duration::from_secs(10);

const ASK: Duration = Duration::from_secs(ASK_SECONDS);
const IDLE: Duration = Duration::from_secs(IDLE_SECONDS);
const LOOK: Duration = Duration::from_secs(LOOK_SECONDS);

/// The verbs of a player with whom others may trade.
///
/// ```
/// # use wod_zone::{Ctx, Player, Result, Verb, Zone};
/// fn equip<Z: Zone>(ctx: &mut Ctx<Z>, player: Player) -> Result {
///     let mut verbs = wod_zone::trade::trade_verbs();
///     verbs.push(Verb::new("greet", "Greet", 3.0));
///     ctx.set_verbs(player, verbs)
/// }
/// ```
pub fn trade_verbs() -> Vec<Verb> {
    vec![Verb::new(TRADE, "Trade", TRADE_METRES), Verb::new(GIVE, "Give", TRADE_METRES)]
}

/// Every trade that is open in a zone. A player is in one of them at most.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Trades {
    open: BTreeMap<Token, Trade>,
}

/// Two players about to exchange something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Trade {
    /// Who asked, and whom.
    sides: [Side; 2],
    stage: Stage,
    /// Counts the changes of offers.
    turn: u32,
    /// When something changed last, ms of game time.
    changed_ms: u64,
    /// When it is looked at next.
    look: Option<TimerId>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Side {
    player: Player,
    offer: Vec<Laid>,
    accepted: bool,
}

/// A thing on the table: as many of it as are offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Laid {
    id: ThingId,
    kind: String,
    /// None of what does not stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    Asked,
    Open,
}

/// Why a trade came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    Declined,
    Cancelled,
    Left,
    TooFar,
    Away,
    TimedOut,
    /// The zone was set back to an older state.
    Reset,
}

impl Trades {
    /// The trade that a player is in.
    fn of(&self, player: Player) -> Option<(Token, &Trade)> {
        let mut mine = self.open.iter().filter(|(_, trade)| trade.side_of(player).is_some());
        mine.next().map(|(id, trade)| (*id, trade))
    }

    /// How many of a thing its owner has on offer.
    pub(crate) fn offered(&self, owner: Player, thing: ThingId) -> u32 {
        let Some((_, trade)) = self.of(owner) else { return 0 };
        let side = trade.side_of(owner).map(|side| &trade.sides[side]);
        let laid = side.and_then(|side| side.offer.iter().find(|laid| laid.id == thing));
        laid.map_or(0, |laid| laid.count.unwrap_or(1))
    }
}

impl Side {
    fn picks(&self) -> Vec<Pick> {
        self.offer.iter().map(|laid| Pick { id: laid.id, count: laid.count }).collect()
    }
}

impl End {
    /// What a player reads whose doing found it out.
    fn words(self) -> &'static str {
        match self {
            Self::Declined | Self::Cancelled | Self::Reset => "The trade is off.",
            Self::Left => "The other has gone.",
            Self::TooFar => "You are too far apart.",
            Self::Away => "The other is not listening now.",
            Self::TimedOut => "That took too long.",
        }
    }
}

impl Trade {
    fn new(asks: Player, asked: Player, now_ms: u64) -> Self {
        let sides = [asks, asked].map(|player| Side { player, offer: Vec::new(), accepted: false });
        Self { sides, stage: Stage::Asked, turn: 0, changed_ms: now_ms, look: None }
    }

    /// Which of the two a player is.
    fn side_of(&self, player: Player) -> Option<usize> {
        self.sides.iter().position(|side| side.player == player)
    }

    fn players(&self) -> [Player; 2] {
        [self.sides[0].player, self.sides[1].player]
    }

    fn is_between(&self, a: Player, b: Player) -> bool {
        self.players() == [a, b] || self.players() == [b, a]
    }

    fn agree(&mut self, now_ms: u64) {
        (self.stage, self.changed_ms) = (Stage::Open, now_ms);
    }

    /// Another offer of one side: what was accepted before is void.
    fn offer(&mut self, side: usize, offer: Vec<Laid>, now_ms: u64) {
        self.sides[side].offer = offer;
        self.void(now_ms);
    }

    /// Nobody has accepted what is on the table now.
    fn void(&mut self, now_ms: u64) {
        self.sides.iter_mut().for_each(|side| side.accepted = false);
        (self.turn, self.changed_ms) = (self.turn + 1, now_ms);
    }

    /// One side accepts. True: now both have.
    fn accept(&mut self, side: usize, now_ms: u64) -> bool {
        self.sides[side].accepted = true;
        self.changed_ms = now_ms;
        self.sides.iter().all(|side| side.accepted)
    }

    fn is_empty(&self) -> bool {
        self.sides.iter().all(|side| side.offer.is_empty())
    }

    /// How it stands, as one side sees it.
    fn state_for(&self, side: usize) -> &'static str {
        match (self.stage, side) {
            (Stage::Open, _) => "open",
            (Stage::Asked, 0) => "asking",
            (Stage::Asked, _) => "asked",
        }
    }

    /// When it lapses, if nothing changes, ms of game time.
    fn lapses_ms(&self) -> u64 {
        let patience = match self.stage {
            Stage::Asked => ASK,
            Stage::Open => IDLE,
        };
        self.changed_ms.saturating_add(patience.as_millis() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: Player = Player(1);
    const BOB: Player = Player(2);

    fn laid(id: u128, count: u32) -> Laid {
        Laid { id: ThingId::of(id), kind: "coin".into(), count: Some(count) }
    }

    #[test]
    fn a_changed_offer_voids_both_acceptances_and_is_another_turn() {
        let mut trade = Trade::new(ANN, BOB, 0);
        trade.agree(10);
        trade.offer(0, vec![laid(1, 3)], 20);
        assert!(!trade.accept(0, 30) && trade.turn == 1);
        trade.offer(1, vec![laid(2, 1)], 40);
        assert_eq!((trade.turn, trade.sides[0].accepted), (2, false));
        assert!(!trade.accept(1, 50) && trade.accept(0, 60));
    }

    #[test]
    fn what_is_offered_counts_for_its_owner_alone() {
        let mut trade = Trade::new(ANN, BOB, 0);
        trade.offer(0, vec![laid(1, 3)], 0);
        let trades = Trades { open: BTreeMap::from([(Token(5), trade)]) };
        assert_eq!(trades.offered(ANN, ThingId::of(1)), 3);
        assert_eq!(trades.offered(BOB, ThingId::of(1)), 0);
        assert_eq!(trades.offered(Player(3), ThingId::of(1)), 0);
    }

    #[test]
    fn a_question_lapses_sooner_than_a_trade() {
        let mut trade = Trade::new(ANN, BOB, 1000);
        assert_eq!(trade.lapses_ms(), 1000 + ASK_SECONDS * 1000);
        trade.agree(2000);
        assert_eq!(trade.lapses_ms(), 2000 + IDLE_SECONDS * 1000);
    }
}
