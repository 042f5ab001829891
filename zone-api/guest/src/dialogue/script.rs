//! Branching dialogues: a tree of nodes in plain constants, which the SDK plays and remembers.
//!
//! A [`Script`] belongs in [`Zone::SCRIPTS`]; [`Ctx::talk`] opens it. The SDK says each node, checks each answer, sets flags
//! and goes on; [`Zone::chose`] hears of every answer, for what a tree can't say. Open dialogues and flags are part of the
//! saved state: a talk goes on after a crash, a swap or a move, and flags follow the player to other zones of the module. Of a
//! player beyond a border nothing is remembered, so she can't be talked to in a script.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::handle::{DialogueId, Npc, Player};
use crate::zone::{Command, ScriptSpot, Zone};

/// A dialogue. It begins at its first node.
///
/// ```
/// use wod_zone::dialogue::{Answer, Node, Script, When};
///
/// static DOOR: Script = Script::new("door", &[
///     Node::new("who", "Who is there, {name}?", &[
///         Answer::to("friend", "A friend.", "friend").sets(&["friendly"]),
///         Answer::to("again", "You know me.", "in").when(When::Has("friendly")),
///         Answer::end("nobody", "Nobody."),
///     ]),
///     Node::new("friend", "Everybody says that.", &[Answer::to("really", "Really.", "in")]),
///     Node::new("in", "Come in, then.", &[]),
/// ]);
/// DOOR.check().expect("every answer leads somewhere");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Script {
    /// Unique in the zone; open dialogues are saved with it, so it stays.
    pub name: &'static str,
    /// All that can be said.
    pub nodes: &'static [Node],
}

/// Something the NPC says.
///
/// ```
/// use wod_zone::dialogue::{Answer, Node, When};
/// const HELLO: Node = Node::new("hello", "You are new here, {name}.", &[Answer::end("yes", "Yes.")])
///     .instead(&[(When::Has("met"), "welcome back")]);
/// assert_eq!(HELLO.answers.len(), 1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Node {
    /// Unique in the script.
    pub id: &'static str,
    /// What it says. `{name}` is the player's name; other `{words}` are given to [`Ctx::talk_with`].
    pub text: &'static str,
    /// What can be answered; when none is offered, the talk is over.
    pub answers: &'static [Answer],
    /// The first of these that holds leads to that node instead.
    pub instead: &'static [(When, &'static str)],
}

/// Something the player can answer.
///
/// ```
/// use wod_zone::dialogue::{Answer, When};
/// const BARGAIN: &[Answer] = &[
///     Answer::to("accept", "A favour, then.", "sealed").sets(&["indebted"]),
///     Answer::to("haggle", "You owe me one already.", "haggled").when(When::Has("creditor")),
///     Answer::end("leave", "I was never here."),
/// ];
/// assert_eq!(BARGAIN[2].next, None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// Unique in the node.
    pub id: &'static str,
    /// What people read.
    pub text: &'static str,
    /// The node that follows; none: the talk is over.
    pub next: Option<&'static str>,
    /// When it is offered.
    pub when: When,
    /// Flags that it sets for the player.
    pub sets: &'static [&'static str],
}

/// A condition on a player's flags.
///
/// ```
/// use std::collections::BTreeSet;
/// use wod_zone::dialogue::When;
/// const WELCOME: When = When::All(&[When::Any(&[When::Has("invited"), When::Has("member")]), When::Lacks("banned")]);
/// let member = BTreeSet::from(["member".to_owned()]);
/// assert!(WELCOME.holds(&member) && !WELCOME.holds(&BTreeSet::new()));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum When {
    /// Holds.
    Always,
    /// The flag is set.
    Has(&'static str),
    /// The flag is not set.
    Lacks(&'static str),
    /// Each of these holds.
    All(&'static [When]),
    /// At least one of these holds.
    Any(&'static [When]),
}

impl Script {
    /// A script of these nodes; the first is where it begins.
    pub const fn new(name: &'static str, nodes: &'static [Node]) -> Self {
        Self { name, nodes }
    }

    /// Finds mistakes: no nodes, doubled ids, answers that lead nowhere. The SDK checks every script when a zone begins.
    pub fn check(&self) -> std::result::Result<(), String> {
        let wrong = |text: String| Err(format!("script `{}`: {text}", self.name));
        if self.nodes.is_empty() {
            return wrong("has no nodes".into());
        }
        let mut ids = BTreeSet::new();
        for node in self.nodes {
            if !ids.insert(node.id) {
                return wrong(format!("two nodes are called `{}`", node.id));
            }
            let answers: BTreeSet<_> = node.answers.iter().map(|answer| answer.id).collect();
            if answers.len() < node.answers.len() {
                return wrong(format!("two answers of `{}` have one id", node.id));
            }
            let leads = node.answers.iter().filter_map(|answer| answer.next);
            for target in leads.chain(node.instead.iter().map(|(_, target)| *target)) {
                if self.node(target).is_none() {
                    return wrong(format!("`{}` leads to `{target}`, which does not exist", node.id));
                }
            }
        }
        Ok(())
    }

    fn node(&self, id: &str) -> Option<&'static Node> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// The node that is really said when `id` is asked for. Ends after as many detours as there are nodes.
    fn settle(&self, id: &str, flags: &BTreeSet<String>) -> Option<&'static Node> {
        let mut node = self.node(id)?;
        for _ in self.nodes {
            match node.instead.iter().find(|(when, _)| when.holds(flags)) {
                Some((_, other)) => node = self.node(other)?,
                None => return Some(node),
            }
        }
        Some(node)
    }
}

impl Node {
    /// A node with these answers.
    pub const fn new(id: &'static str, text: &'static str, answers: &'static [Answer]) -> Self {
        Self { id, text, answers, instead: &[] }
    }

    /// Leads elsewhere under a condition: `.instead(&[(When::Has("met"), "welcome-back")])`.
    #[must_use]
    pub const fn instead(mut self, instead: &'static [(When, &'static str)]) -> Self {
        self.instead = instead;
        self
    }

    fn offers(&self, flags: &BTreeSet<String>) -> impl Iterator<Item = &'static Answer> {
        self.answers.iter().filter(|answer| answer.when.holds(flags))
    }
}

impl Answer {
    /// Leads to the node `next`.
    pub const fn to(id: &'static str, text: &'static str, next: &'static str) -> Self {
        Self { id, text, next: Some(next), when: When::Always, sets: &[] }
    }

    /// Ends the talk.
    pub const fn end(id: &'static str, text: &'static str) -> Self {
        Self { id, text, next: None, when: When::Always, sets: &[] }
    }

    /// Is offered only when this holds.
    #[must_use]
    pub const fn when(mut self, when: When) -> Self {
        self.when = when;
        self
    }

    /// Sets these flags for the player.
    #[must_use]
    pub const fn sets(mut self, flags: &'static [&'static str]) -> Self {
        self.sets = flags;
        self
    }
}

impl When {
    /// Whether it holds for these flags.
    pub fn holds(&self, flags: &BTreeSet<String>) -> bool {
        match self {
            Self::Always => true,
            Self::Has(flag) => flags.contains(*flag),
            Self::Lacks(flag) => !flags.contains(*flag),
            Self::All(all) => all.iter().all(|when| when.holds(flags)),
            Self::Any(any) => any.iter().any(|when| when.holds(flags)),
        }
    }
}

/// A script that a player is in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct OpenDialogue {
    pub(crate) player: Player,
    npc: Npc,
    script: String,
    node: String,
    words: BTreeMap<String, String>,
}

impl<Z: Zone> Ctx<'_, Z> {
    /// Opens a script between a player and an NPC, at its beginning. A talk of the two that is open begins anew.
    ///
    /// ```
    /// # use wod_zone::dialogue::Script;
    /// # use wod_zone::{Ctx, Interaction, Npc, Result, Zone};
    /// fn interacted<Z: Zone>(ctx: &mut Ctx<Z>, door: &'static Script, doorkeeper: Npc, interaction: &Interaction) -> Result {
    ///     ctx.face(doorkeeper, interaction.player())?;
    ///     ctx.talk(interaction.player(), doorkeeper, door)?;
    ///     Ok(())
    /// }
    /// ```
    pub fn talk(&mut self, player: Player, npc: Npc, script: &'static Script) -> Result<DialogueId> {
        self.talk_with(player, npc, script, &[])
    }

    /// As [`Ctx::talk`], with words for the texts: `("debt", "three favours")` fills `{debt}`.
    ///
    /// ```
    /// # use wod_zone::dialogue::{Answer, Node, Script};
    /// # use wod_zone::{Ctx, Npc, Player, Result, Zone};
    /// static DEBT: Script =
    ///     Script::new("debt", &[Node::new("due", "{name}, you owe me {debt}.", &[Answer::end("soon", "Soon.")])]);
    ///
    /// fn collect<Z: Zone>(ctx: &mut Ctx<Z>, collector: Npc, debtor: Player) -> Result {
    ///     ctx.talk_with(debtor, collector, &DEBT, &[("debt", "three favours")])?;
    ///     Ok(())
    /// }
    /// ```
    pub fn talk_with(
        &mut self,
        player: Player,
        npc: Npc,
        script: &'static Script,
        words: &[(&str, &str)],
    ) -> Result<DialogueId> {
        let begin = script.nodes.first().ok_or_else(|| Error::Other(format!("script `{}` is empty", script.name)))?;
        let mut words: BTreeMap<String, String> =
            words.iter().map(|(word, text)| ((*word).to_owned(), (*text).to_owned())).collect();
        words.insert("name".into(), self.name(player).to_owned());
        let same = |open: &OpenDialogue| open.player == player && open.npc == npc;
        let known = self.memory.core.dialogues.iter().find(|(_, open)| same(open)).map(|(id, _)| *id);
        let id = known.unwrap_or_else(|| self.memory.core.token().into());
        let open = OpenDialogue { player, npc, script: script.name.into(), node: String::new(), words };
        self.say_node(id, open, script, begin.id)?;
        Ok(id)
    }

    /// Says something with answers of the zone's own making; [`Zone::chose`] gets the answer, with `at` none. No answers: the
    /// talk is over with it.
    ///
    /// ```
    /// # use wod_zone::{Ctx, DialogueId, Npc, Player, Result, Zone};
    /// /// Answers that no script could know: everybody else in the room.
    /// fn whom_do_you_accuse<Z: Zone>(ctx: &mut Ctx<Z>, prince: Npc, witness: Player) -> Result<DialogueId> {
    ///     let others: Vec<_> = ctx.players().filter(|player| *player != witness).collect();
    ///     let answers: Vec<_> = others.iter().map(|player| (player.to_string(), ctx.name(*player).to_owned())).collect();
    ///     let answers: Vec<_> = answers.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
    ///     ctx.ask(witness, prince, "Whom do you accuse?", &answers)
    /// }
    /// ```
    pub fn ask(&mut self, player: Player, npc: Npc, text: &str, answers: &[(&str, &str)]) -> Result<DialogueId> {
        let id: DialogueId = self.memory.core.token().into();
        let answers = answers.iter().map(|(id, text)| ((*id).to_owned(), (*text).to_owned())).collect();
        self.host.say_dialogue(player.id(), id.into(), npc.id(), text.to_owned(), answers)?;
        Ok(id)
    }

    /// Ends a dialogue.
    ///
    /// ```
    /// # use wod_zone::{Ctx, DialogueId, Npc, Player, Result, Zone};
    /// fn siren<Z: Zone>(ctx: &mut Ctx<Z>, dealer: Npc, client: Player, talk: DialogueId) -> Result {
    ///     ctx.close_dialogue(client, talk)?;
    ///     ctx.emote(dealer, "is gone before the siren is near")
    /// }
    /// ```
    pub fn close_dialogue(&mut self, player: Player, dialogue: DialogueId) -> Result {
        self.memory.core.dialogues.remove(&dialogue);
        self.memory.core.talks.remove(&dialogue);
        Ok(self.host.close_dialogue(player.id(), dialogue.into())?)
    }

    /// Says a node (or what stands in its stead) and keeps the dialogue open while it has answers.
    fn say_node(&mut self, id: DialogueId, mut open: OpenDialogue, script: &Script, node: &str) -> Result {
        let flags = self.memory.players.get(&open.player).map(|slot| slot.flags.clone()).unwrap_or_default();
        let node = script
            .settle(node, &flags)
            .ok_or_else(|| Error::Other(format!("script `{}` has no node `{node}`", script.name)))?;
        let answers: Vec<_> =
            node.offers(&flags).map(|answer| (answer.id.to_owned(), fill(answer.text, &open.words))).collect();
        let over = answers.is_empty();
        self.host.say_dialogue(open.player.id(), id.into(), open.npc.id(), fill(node.text, &open.words), answers)?;
        if over {
            self.memory.core.dialogues.remove(&id);
        } else {
            open.node = node.id.to_owned();
            self.memory.core.dialogues.insert(id, open);
        }
        Ok(())
    }

    /// Plays an answer. Gives where it was given: none when the dialogue is no script's; an error refuses the command.
    pub(crate) fn answer(
        &mut self,
        command: Command,
        dialogue: DialogueId,
        option: Option<&str>,
    ) -> Result<Option<ScriptSpot>> {
        let Some(open) =
            self.memory.core.dialogues.get(&dialogue).filter(|open| open.player == command.player).cloned()
        else {
            return Ok(None);
        };
        let spot = ScriptSpot { npc: open.npc, script: open.script.clone(), node: open.node.clone() };
        let script = Z::SCRIPTS.iter().find(|script| script.name == open.script);
        let here = script.and_then(|script| Some((*script, script.node(&open.node)?)));
        let (Some((script, node)), Some(option)) = (here, option) else {
            // She turned away, or a newer version does not know what was said.
            self.memory.core.dialogues.remove(&dialogue);
            self.host.close_dialogue(command.player.id(), dialogue.into())?;
            return Ok(Some(spot));
        };
        let flags = self.memory.players.get(&command.player).map(|slot| &slot.flags);
        let chosen = flags.and_then(|flags| node.offers(flags).find(|answer| answer.id == option));
        let Some(chosen) = chosen else {
            return Err(Error::to_player("That is no answer to this."));
        };
        for flag in chosen.sets {
            self.set_flag(command.player, flag)?;
        }
        match chosen.next {
            Some(next) => self.say_node(dialogue, open, script, next)?,
            None => self.close_dialogue(command.player, dialogue)?,
        }
        Ok(Some(spot))
    }
}

/// Puts words into a text: `{name}` becomes the word of that name; a word that is not known stays as it is written.
fn fill(text: &str, words: &BTreeMap<String, String>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        match after.split_once('}') {
            Some((word, tail)) if words.contains_key(word) => {
                filled.push_str(&words[word]);
                rest = tail;
            }
            _ => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_fill_a_text_and_unknown_ones_stay() {
        let words = BTreeMap::from([("name".to_owned(), "Ann".to_owned())]);
        assert_eq!(fill("Evening, {name}. {debt}? {", &words), "Evening, Ann. {debt}? {");
    }

    #[test]
    fn a_script_whose_answer_leads_nowhere_is_told_by_name() {
        static BROKEN: Script = Script::new("broken", &[Node::new("a", "?", &[Answer::to("x", "x", "gone")])]);
        assert_eq!(BROKEN.check(), Err("script `broken`: `a` leads to `gone`, which does not exist".into()));
    }

    #[test]
    fn a_node_gives_way_to_the_first_that_holds_and_circles_end() {
        static SCRIPT: Script = Script::new(
            "s",
            &[
                Node::new("hello", "", &[]).instead(&[(When::Has("met"), "again")]),
                Node::new("again", "", &[]),
                Node::new("round", "", &[]).instead(&[(When::Always, "round")]),
            ],
        );
        let met = BTreeSet::from(["met".to_owned()]);
        assert_eq!(SCRIPT.settle("hello", &BTreeSet::new()).map(|node| node.id), Some("hello"));
        assert_eq!(SCRIPT.settle("hello", &met).map(|node| node.id), Some("again"));
        assert_eq!(SCRIPT.settle("round", &met).map(|node| node.id), Some("round"));
    }

    #[test]
    fn conditions_combine() {
        let flags = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        assert!(When::All(&[When::Has("a"), When::Lacks("c")]).holds(&flags));
        assert!(!When::Any(&[When::Has("c"), When::Lacks("b")]).holds(&flags));
    }
}
