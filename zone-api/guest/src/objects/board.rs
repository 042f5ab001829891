//! Notice boards: players pin notes to them, for everybody to read.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::ctx::{Ctx, Spawn};
use crate::error::{Error, Result};
use crate::handle::{Object, Player};
use crate::objects::{REACH_METRES, no_verb};
use crate::types::Point;
use crate::zone::{Interaction, Zone};

/// Most notes on a board; the oldest makes room.
///
/// ```
/// use wod_zone::objects::{BOARD_NOTES, NOTES_EACH};
/// // So many people at least can have their say.
/// assert_eq!(BOARD_NOTES / NOTES_EACH, 21);
/// ```
pub const BOARD_NOTES: usize = 64;
/// Most notes of one player on a board; the oldest of hers makes room.
///
/// ```
/// use wod_zone::objects::NOTES_EACH;
/// let rules = format!("{NOTES_EACH} notes each. The house reads them too.");
/// assert!(rules.starts_with('3'));
/// ```
pub const NOTES_EACH: usize = 3;
/// Longest note, Unicode scalar values.
///
/// ```
/// use wod_zone::objects::NOTE_CHARS;
/// /// What the zone itself suggests to pin up must fit.
/// fn fits(note: &str) -> bool {
///     note.chars().count() <= NOTE_CHARS
/// }
/// assert!(fits("Seen under the bridge: a man without a shadow. Ask for Ada."));
/// ```
pub const NOTE_CHARS: usize = 200;
/// Notes in one event: eight of the longest are under its 8 KiB.
const PAGE: usize = 8;

/// A notice board, to be given to [`Ctx::add_board`].
///
/// ```
/// use wod_zone::Point;
/// use wod_zone::objects::Board;
/// let board = Board::new("Notices", Point::new(4.0, 2.0)).reach(3.0);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "give it to `Ctx::add_board`"]
pub struct Board {
    name: String,
    at: Point,
    reach: f32,
}

/// What is on a board.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct BoardState {
    /// The oldest first.
    notes: VecDeque<Note>,
    /// The number of the last.
    last: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    number: u64,
    by: Player,
    /// Her name when she wrote it.
    name: String,
    text: String,
    written_ms: u64,
}

/// The event `board`.
#[derive(Serialize)]
struct Page<'a> {
    board: Object,
    page: usize,
    pages: usize,
    notes: Vec<Shown<'a>>,
}

#[derive(Serialize)]
struct Shown<'a> {
    note: u64,
    by: &'a str,
    yours: bool,
    age_s: u64,
    text: &'a str,
}

#[derive(Default, Deserialize)]
struct Read {
    #[serde(default)]
    page: usize,
}

#[derive(Deserialize)]
struct Post {
    text: String,
}

#[derive(Deserialize)]
struct Remove {
    note: u64,
}

impl Board {
    /// An empty board of this name.
    pub fn new(name: &str, at: Point) -> Self {
        Self { name: name.to_owned(), at, reach: REACH_METRES }
    }

    /// To be read and written from at most so many metres; [`REACH_METRES`] unless set.
    pub fn reach(mut self, metres: f32) -> Self {
        self.reach = metres;
        self
    }
}

impl BoardState {
    fn post(&mut self, by: Player, name: &str, text: &str, now_ms: u64) -> Result {
        let text = text.trim();
        if text.is_empty() || text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(Error::to_player("A note is a line of text."));
        }
        if text.chars().count() > NOTE_CHARS {
            return Err(Error::to_player(format!("A note has no more than {NOTE_CHARS} characters.")));
        }
        if self.notes.iter().filter(|note| note.by == by).count() >= NOTES_EACH
            && let Some(oldest) = self.notes.iter().position(|note| note.by == by)
        {
            self.notes.remove(oldest);
        }
        if self.notes.len() >= BOARD_NOTES {
            self.notes.pop_front();
        }
        self.last += 1;
        let (name, text) = (name.to_owned(), text.to_owned());
        self.notes.push_back(Note { number: self.last, by, name, text, written_ms: now_ms });
        Ok(())
    }

    fn remove(&mut self, by: Player, number: u64) -> Result {
        match self.notes.iter().position(|note| note.number == number) {
            Some(index) if self.notes[index].by == by => {
                self.notes.remove(index);
                Ok(())
            }
            Some(_) => Err(Error::to_player("That note is somebody else's.")),
            None => Err(Error::to_player("That note is not there any more.")),
        }
    }

    fn page(&self, board: Object, reader: Player, page: usize, now_ms: u64) -> Page<'_> {
        let pages = self.notes.len().div_ceil(PAGE).max(1);
        let page = page.min(pages - 1);
        let shown = |note: &'_ Note| (note.number, now_ms.saturating_sub(note.written_ms) / 1000, note.by == reader);
        let notes = self.notes.iter().rev().skip(page * PAGE).take(PAGE).map(|note| {
            let (number, age_s, yours) = shown(note);
            Shown { note: number, by: &note.name, yours, age_s, text: &note.text }
        });
        Page { board, page, pages, notes: notes.collect() }
    }
}

impl<Z: Zone> Ctx<'_, Z> {
    /// Adds a notice board: an object that people read and write.
    ///
    /// ```
    /// # use wod_zone::objects::Board;
    /// # use wod_zone::{Ctx, Result, Zone};
    /// fn open<Z: Zone>(ctx: &mut Ctx<Z>) -> Result {
    ///     let at = ctx.place("gate")?.at;
    ///     ctx.add_board(Board::new("Notices", at))?;
    ///     Ok(())
    /// }
    /// ```
    pub fn add_board(&mut self, board: Board) -> Result<Object> {
        let mut spawn = Spawn::new(&board.name, board.at);
        for (verb, label) in [("read", "Read"), ("post", "Pin a note"), ("remove", "Take a note off")] {
            spawn = spawn.verb(verb, label, board.reach);
        }
        let object = self.spawn_object(spawn)?;
        self.memory.core.parts.objects.boards.insert(object, BoardState::default());
        Ok(object)
    }

    /// Takes every note of a player off every board: for moderators.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Player, Zone};
    /// fn banned<Z: Zone>(ctx: &mut Ctx<Z>, player: Player) {
    ///     ctx.clear_notes_of(player);
    /// }
    /// ```
    pub fn clear_notes_of(&mut self, player: Player) {
        for board in self.memory.core.parts.objects.boards.values_mut() {
            board.notes.retain(|note| note.by != player);
        }
    }

    pub(super) fn use_board(&mut self, interaction: &Interaction, object: Object) -> Result {
        let player = interaction.player();
        let (name, now_ms) = (self.name(player).to_owned(), self.game_ms());
        let Some(board) = self.memory.core.parts.objects.boards.get_mut(&object) else { return Ok(()) };
        let page = match interaction.verb.as_str() {
            "read" => interaction.args_as::<Option<Read>>()?.unwrap_or_default().page,
            "post" => {
                let Post { text } = interaction.args_as()?;
                board.post(player, &name, &text, now_ms)?;
                0
            }
            "remove" => {
                let Remove { note } = interaction.args_as()?;
                board.remove(player, note)?;
                0
            }
            verb => return Err(no_verb(interaction.target, verb)),
        };
        let shown = serde_json::to_string(&board.page(object, player, page, now_ms))?;
        self.tell_json(player, "board", shown)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    const ANN: Player = Player(1);

    #[test]
    fn a_board_keeps_a_few_notes_of_each_and_not_too_many_of_all() {
        let mut board = BoardState::default();
        for index in 0..5 {
            board.post(ANN, "Ann", &format!("note {index}"), 0).unwrap();
        }
        let texts: Vec<&str> = board.notes.iter().map(|note| note.text.as_str()).collect();
        assert_eq!(texts, ["note 2", "note 3", "note 4"]);
        for index in 0..2 * BOARD_NOTES as u64 {
            board.post(Player(100 + index), "Somebody", "here", 0).unwrap();
        }
        assert_eq!(board.notes.len(), BOARD_NOTES);
        assert!(board.notes.iter().all(|note| note.by != ANN));
    }

    #[test]
    fn a_note_is_a_text_of_bounded_length_and_only_its_writer_takes_it_off() {
        let mut board = BoardState::default();
        for bad in [String::new(), "  \n ".into(), "bell\u{7}".into(), "x".repeat(NOTE_CHARS + 1)] {
            assert!(board.post(ANN, "Ann", &bad, 0).is_err(), "{bad:?}");
        }
        board.post(ANN, "Ann", &"ü".repeat(NOTE_CHARS), 0).unwrap();
        assert!(board.remove(Player(2), 1).is_err());
        board.remove(ANN, 1).unwrap();
        assert!(board.remove(ANN, 1).is_err());
    }

    #[test]
    fn the_longest_page_is_within_an_event() {
        let mut board = BoardState::default();
        for index in 0..20 {
            board.post(Player(index), &"\u{1f702}".repeat(24), &"\u{1f702}".repeat(NOTE_CHARS), 0).unwrap();
        }
        let page = board.page(Object(9_007_199_254_740_991), ANN, 7, 1_000_000_000);
        assert_eq!((page.page, page.pages, page.notes.len()), (2, 3, 4));
        let json = serde_json::to_string(&board.page(Object(1), ANN, 0, 0)).unwrap();
        assert!(json.len() < 8 * 1024, "{}", json.len());
        let quotes = BoardState { notes: VecDeque::new(), last: 0 };
        assert_eq!(quotes.page(Object(1), ANN, 3, 0).pages, 1);
    }
}
