//! What players do with the verbs `trade` and `give`, and what comes of it.

use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::goods::{Carries, Pick, Trouble, check_picks};
use crate::handle::{Player, Token};
use crate::parts::Watch;
use crate::trade::{ASK_PAUSE, End, GIVE, LOOK, Laid, Side, Stage, TRADE, TRADE_METRES, Trade};
use crate::zone::{Interaction, Zone};

/// What a player's `trade` or `give` came to.
///
/// ```
/// use wod_zone::trade::Dealt;
/// use wod_zone::{Ctx, Npc, Result, Zone};
/// /// The harbour master hears of every deal, and of no talk.
/// fn overhear<Z: Zone>(ctx: &mut Ctx<Z>, master: Npc, dealt: Dealt) -> Result {
///     match dealt {
///         Dealt::Traded { player, with } => {
///             let line = format!("{} and {}, and no receipt.", ctx.name(player), ctx.name(with));
///             ctx.say(master, line)
///         }
///         Dealt::Given { .. } => ctx.emote(master, "raises an eyebrow"),
///         Dealt::Talked => Ok(()),
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dealt {
    /// Something was asked, offered, accepted by one, or called off; nothing has changed hands.
    Talked,
    /// Both accepted: each has what was agreed.
    Traded {
        /// Who accepted last.
        player: Player,
        /// The other.
        with: Player,
    },
    /// Handed over.
    Given {
        /// Who gave.
        player: Player,
        /// To whom.
        to: Player,
    },
}

/// The args of `trade`.
#[derive(Debug, Default, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Wish {
    #[default]
    Ask,
    Offer {
        things: Vec<Pick>,
    },
    Accept {
        turn: u32,
    },
    Cancel,
}

/// The args of `give`.
#[derive(Debug, Deserialize)]
struct Gift {
    things: Vec<Pick>,
}

/// The event `trade`.
#[derive(Serialize)]
struct Told<'a> {
    trade: Token,
    with: Player,
    name: &'a str,
    state: &'a str,
    turn: u32,
    yours: Table<'a>,
    theirs: Table<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<End>,
}

#[derive(Serialize)]
struct Table<'a> {
    things: &'a [Laid],
    accepted: bool,
}

impl<Z: Zone> Ctx<'_, Z>
where
    Z::Player: Carries,
{
    /// Lets others trade with a player, and give her things: she offers the verbs [`TRADE`] and [`GIVE`], and no others. For
    /// [`Zone::entered`]; a player with further verbs has them from [`trade_verbs`](crate::trade::trade_verbs).
    ///
    /// ```
    /// # use wod_zone::goods::Carries;
    /// # use wod_zone::{Ctx, Player, Result, Zone};
    /// fn entered<Z: Zone<Player: Carries>>(ctx: &mut Ctx<Z>, player: Player) -> Result {
    ///     ctx.offer_trade(player)?;
    ///     ctx.tell_purse(player)
    /// }
    /// ```
    pub fn offer_trade(&mut self, player: Player) -> Result {
        self.set_verbs(player, super::trade_verbs())
    }

    /// Deals with an interaction by [`TRADE`] or [`GIVE`] with a player. None: it was another verb.
    ///
    /// ```
    /// # use wod_zone::goods::Carries;
    /// # use wod_zone::trade::Dealt;
    /// # use wod_zone::{Ctx, Error, Interaction, Result, Zone};
    /// fn interacted<Z: Zone<Player: Carries>>(ctx: &mut Ctx<Z>, deals: &mut u32, interaction: &Interaction) -> Result {
    ///     match ctx.deal(interaction)? {
    ///         Some(Dealt::Traded { .. } | Dealt::Given { .. }) => *deals += 1,
    ///         Some(Dealt::Talked) => {}
    ///         None => return Err(Error::to_player("Nobody here does that.")),
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// What the player reads when it can't be done, and why.
    pub fn deal(&mut self, interaction: &Interaction) -> Result<Option<Dealt>> {
        let verb = interaction.verb.as_str();
        if !matches!(verb, TRADE | GIVE) {
            return Ok(None);
        }
        let player = interaction.player();
        let with = self.as_player(interaction.target).filter(|with| self.is_staying(*with) && *with != player);
        let with = with.ok_or_else(|| Error::to_player("Nobody is there for that."))?;
        if verb == GIVE {
            let gift: Gift = interaction.args_as()?;
            return self.give(player, with, &gift.things).map(Some);
        }
        let wish: Option<Wish> = interaction.args_as()?;
        let dealt = match wish.unwrap_or_default() {
            Wish::Ask => self.ask_to_trade(player, with),
            Wish::Offer { things } => self.lay_out(player, with, things),
            Wish::Accept { turn } => self.accept(player, with, turn),
            Wish::Cancel => self.call_off(player, with),
        };
        dealt.map(Some)
    }

    fn give(&mut self, player: Player, to: Player, things: &[Pick]) -> Result<Dealt> {
        if things.is_empty() {
            return Err(Error::to_player("Nothing is no gift."));
        }
        if self.distance(player, to).is_none_or(|metres| metres > TRADE_METRES) {
            return Err(Error::to_player("You are too far apart."));
        }
        self.transfer(player, to, things)?;
        let text = format!("hands something to {}", self.name(to));
        let told = self.show_deed(player, to, &text);
        self.untold(player, "seen", told);
        Ok(Dealt::Given { player, to })
    }

    fn ask_to_trade(&mut self, player: Player, with: Player) -> Result<Dealt> {
        let now_ms = self.game_ms();
        let trades = &mut self.memory.core.parts.trades;
        if let Some((id, trade)) = trades.of(player).map(|(id, trade)| (id, trade.clone())) {
            if !trade.is_between(player, with) {
                return Err(Error::to_player("You are trading with somebody else."));
            }
            if trade.stage == Stage::Asked && trade.sides[1].player == player {
                if let Some(trade) = trades.open.get_mut(&id) {
                    trade.agree(now_ms);
                }
                self.tell_both(id);
                return Ok(Dealt::Talked);
            }
            self.show_trade_again(player);
            return Ok(Dealt::Talked);
        }
        if trades.of(with).is_some() {
            return Err(Error::to_player(format!("{} is trading with somebody else.", self.name(with))));
        }
        let trade = Trade::new(player, with, now_ms);
        if let Some(end) = self.why_over(&trade) {
            return Err(Error::to_player(end.words()));
        }
        self.check_cooldown(player, &pause_for(with))?;
        let id = self.memory.core.token();
        self.memory.core.parts.trades.open.insert(id, trade);
        if let Err(error) = self.look_again(id) {
            self.memory.core.parts.trades.open.remove(&id);
            return Err(error);
        }
        self.tell_both(id);
        Ok(Dealt::Talked)
    }

    fn lay_out(&mut self, player: Player, with: Player, things: Vec<Pick>) -> Result<Dealt> {
        let (id, side) = self.trade_between(player, with)?;
        check_picks(&things)?;
        let purse = self.player(player)?.purse();
        let mut offer = Vec::with_capacity(things.len());
        for pick in things {
            let thing = purse.get(pick.id).ok_or(Trouble::NotThere)?;
            let count = pick.count.unwrap_or(thing.count());
            if count == 0 || count > thing.count() {
                return Err(Trouble::TooFew.into());
            }
            let count = thing.is_stack().then_some(count);
            offer.push(Laid { id: pick.id, kind: thing.kind().to_owned(), count });
        }
        let now_ms = self.game_ms();
        if let Some(trade) = self.memory.core.parts.trades.open.get_mut(&id) {
            trade.offer(side, offer, now_ms);
        }
        self.tell_both(id);
        Ok(Dealt::Talked)
    }

    fn accept(&mut self, player: Player, with: Player, turn: u32) -> Result<Dealt> {
        let (id, side) = self.trade_between(player, with)?;
        let now_ms = self.game_ms();
        let Some(trade) = self.memory.core.parts.trades.open.get_mut(&id) else { return Ok(Dealt::Talked) };
        if trade.turn != turn {
            return Err(Error::to_player("The offer has changed. Look again."));
        }
        if trade.is_empty() {
            return Err(Error::to_player("Nothing is on the table."));
        }
        if !trade.accept(side, now_ms) {
            self.tell_both(id);
            return Ok(Dealt::Talked);
        }
        self.conclude(id, player, with)
    }

    /// Both have accepted.
    fn conclude(&mut self, id: Token, player: Player, with: Player) -> Result<Dealt> {
        let Some(mut trade) = self.memory.core.parts.trades.open.remove(&id) else { return Ok(Dealt::Talked) };
        let [a, b] = &trade.sides;
        // With the trade off the table, its things are free to go.
        if let Err(error) = self.exchange(a.player, &a.picks(), b.player, &b.picks()) {
            trade.void(self.game_ms());
            self.memory.core.parts.trades.open.insert(id, trade);
            self.tell_both(id);
            return Err(error);
        }
        if let Some(look) = trade.look {
            self.cancel(look);
        }
        for side in [0, 1] {
            self.tell_side(id, &trade, side, "done", None);
        }
        let text = format!("and {} exchange something", self.name(with));
        let told = self.show_deed(player, with, &text);
        self.untold(player, "seen", told);
        Ok(Dealt::Traded { player, with })
    }

    fn call_off(&mut self, player: Player, with: Player) -> Result<Dealt> {
        let mine = self.memory.core.parts.trades.of(player).filter(|(_, trade)| trade.is_between(player, with));
        let (id, trade) = mine.ok_or_else(no_trade)?;
        let declined = trade.stage == Stage::Asked && trade.sides[1].player == player;
        self.end_trade(id, if declined { End::Declined } else { End::Cancelled });
        Ok(Dealt::Talked)
    }

    /// The open trade of these two, and which side the first is. One that is over by now ends.
    fn trade_between(&mut self, player: Player, with: Player) -> Result<(Token, usize)> {
        let mine = self.memory.core.parts.trades.of(player).filter(|(_, trade)| trade.is_between(player, with));
        let (id, trade) = mine.ok_or_else(no_trade)?;
        if let Some(end) = self.why_over(trade) {
            self.end_trade(id, end);
            return Err(Error::to_player(end.words()));
        }
        if trade.stage == Stage::Asked {
            return Err(Error::to_player("The question is not answered yet."));
        }
        Ok((id, trade.side_of(player).unwrap_or_default()))
    }
}

/// What needs no purse: the SDK does it by itself.
impl<Z: Zone> Ctx<'_, Z> {
    /// Ends the trade that a player is in, if any: for a zone that wants her things free at once.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Player, Zone};
    /// fn arrested<Z: Zone>(ctx: &mut Ctx<Z>, player: Player) {
    ///     ctx.end_trade_of(player);
    /// }
    /// ```
    pub fn end_trade_of(&mut self, player: Player) {
        self.end_trade_because(player, End::Cancelled);
    }

    pub(crate) fn end_trade_because(&mut self, player: Player, end: End) {
        if let Some(id) = self.memory.core.parts.trades.of(player).map(|(id, _)| id) {
            self.end_trade(id, end);
        }
    }

    /// All of them, in a zone that was set back.
    pub(crate) fn end_all_trades(&mut self) {
        let all: Vec<Token> = self.memory.core.parts.trades.open.keys().copied().collect();
        all.into_iter().for_each(|id| self.end_trade(id, End::Reset));
    }

    /// Time to look whether both are still there.
    pub(crate) fn look_at_trade(&mut self, id: Token) -> Result {
        let Some(trade) = self.memory.core.parts.trades.open.get(&id) else { return Ok(()) };
        match self.why_over(trade) {
            Some(end) => {
                self.end_trade(id, end);
                Ok(())
            }
            None => self.look_again(id),
        }
    }

    /// She is back: her client may have lost sight of the trade.
    pub(crate) fn show_trade_again(&mut self, player: Player) {
        if let Some((id, trade)) = self.memory.core.parts.trades.of(player).map(|(id, trade)| (id, trade.clone())) {
            let side = trade.side_of(player).unwrap_or_default();
            self.tell_side(id, &trade, side, trade.state_for(side), None);
        }
    }

    fn look_again(&mut self, id: Token) -> Result {
        let look = self.watch(LOOK, Watch::Trade(id))?;
        if let Some(trade) = self.memory.core.parts.trades.open.get_mut(&id) {
            trade.look = Some(look);
        }
        Ok(())
    }

    fn end_trade(&mut self, id: Token, end: End) {
        let Some(trade) = self.memory.core.parts.trades.open.remove(&id) else { return };
        if let Some(look) = trade.look {
            self.cancel(look);
        }
        // Who does not want to trade is not asked again at once.
        if trade.stage == Stage::Asked && matches!(end, End::Declined | End::Cancelled | End::TimedOut) {
            let [asks, asked] = trade.players();
            self.start_cooldown(asks, &pause_for(asked), ASK_PAUSE);
        }
        for side in [0, 1] {
            self.tell_side(id, &trade, side, "ended", Some(end));
        }
    }

    /// Why the two can't trade (any more); none: they can.
    fn why_over(&self, trade: &Trade) -> Option<End> {
        let [a, b] = trade.players();
        let (Some(a), Some(b)) = (self.staying(a), self.staying(b)) else { return Some(End::Left) };
        if [&a, &b].iter().any(|view| view.is_away()) {
            return Some(End::Away);
        }
        if a.at.distance(b.at) > TRADE_METRES {
            return Some(End::TooFar);
        }
        (self.game_ms() >= trade.lapses_ms()).then_some(End::TimedOut)
    }

    fn tell_both(&mut self, id: Token) {
        if let Some(trade) = self.memory.core.parts.trades.open.get(&id).cloned() {
            for side in [0, 1] {
                self.tell_side(id, &trade, side, trade.state_for(side), None);
            }
        }
    }

    /// Tells one of the two how the trade stands: also who has just crossed the border, if she is in sight.
    fn tell_side(&mut self, id: Token, trade: &Trade, side: usize, state: &str, why: Option<End>) {
        let [mine, others] = [&trade.sides[side], &trade.sides[1 - side]];
        if self.entity(mine.player).is_none() {
            return;
        }
        let told = Told {
            trade: id,
            with: others.player,
            name: self.name(others.player),
            state,
            turn: trade.turn,
            yours: table(mine),
            theirs: table(others),
            why,
        };
        let (player, data) = (mine.player, serde_json::to_string(&told).map_err(Error::from));
        let told = data.and_then(|data| self.tell_json(player, "trade", data));
        self.untold(player, "trade", told);
    }
}

fn table(side: &Side) -> Table<'_> {
    Table { things: &side.offer, accepted: side.accepted }
}

fn pause_for(asked: Player) -> String {
    format!("{TRADE} {asked}")
}

fn no_trade() -> Error {
    Error::to_player("You are not trading.")
}
