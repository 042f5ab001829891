//! [`Talk`]: where one player is in a [`Book`], and the machine that takes its steps.
//!
//! The steps are those that Yarn Spinner's compiler emits (its virtual machine:
//! <https://github.com/YarnSpinnerTool/YarnSpinner/blob/main/YarnSpinner/VirtualMachine.cs>). Yarn's own runtime for Rust keeps
//! where it is in a `Dialogue` that can't be saved; a talk here is a few strings that outlive crash, swap and move.

use serde::{Deserialize, Serialize};

use super::book::{Book, Node, Offer, Part, Step, Value};
use super::functions;
use crate::error::{Error, Result};

/// Most steps between two waits for an answer: a dialogue that takes more runs in a circle.
const STEPS: u32 = 10_000;
/// Most values on the stack.
const STACK: usize = 256;
/// Lines are gathered to pages of so many characters; whatever is longer waits behind [`CONTINUE`].
const PAGE_CHARS: usize = 600;
/// Longest text of one page, characters: the host takes no more. The rest is cut off.
const TEXT_CHARS: usize = 2000;
/// Most answers on offer at once: the host takes no more.
const ANSWERS: usize = 16;
/// The answer that turns the page.
///
/// ```
/// use wod_zone::dialogue::{CONTINUE, Said};
/// /// Whether there is nothing to decide: a client may turn the page by itself.
/// fn is_long_speech(said: &Said) -> bool {
///     matches!(said.answers.as_slice(), [(id, _)] if id == CONTINUE)
/// }
/// ```
pub const CONTINUE: &str = "continue";

/// What a talk asks of the world about it.
///
/// ```
/// use std::collections::BTreeMap;
/// use wod_zone::dialogue::{Teller, Value};
/// use wod_zone::{Error, Result};
///
/// /// A rehearsal without a zone: it remembers variables, and knows one function and no command.
/// #[derive(Default)]
/// struct Rehearsal(BTreeMap<String, Value>);
///
/// impl Teller for Rehearsal {
///     fn variable(&mut self, name: &str) -> Option<Value> {
///         self.0.get(name).cloned()
///     }
///     fn set_variable(&mut self, name: &str, value: Value) -> Result {
///         self.0.insert(name.to_owned(), value);
///         Ok(())
///     }
///     fn function(&mut self, name: &str, _values: &[Value]) -> Result<Option<Value>> {
///         Ok((name == "player").then(|| Value::from("Ann")))
///     }
///     fn command(&mut self, name: &str, _words: &[String]) -> Result {
///         Err(Error::Other(format!("nobody rehearses `{name}`")))
///     }
///     fn random(&mut self) -> u64 {
///         4
///     }
///     fn speaker(&self) -> String {
///         "Marek".to_owned()
///     }
/// }
/// assert_eq!(Rehearsal::default().function("player", &[]), Ok(Some(Value::from("Ann"))));
/// ```
pub trait Teller {
    /// A variable's value, if anybody has set it.
    fn variable(&mut self, name: &str) -> Option<Value>;
    /// Sets a variable.
    fn set_variable(&mut self, name: &str, value: Value) -> Result;
    /// A function of the module's; none: it has none of this name.
    fn function(&mut self, name: &str, values: &[Value]) -> Result<Option<Value>>;
    /// A command to the module: its name and its words. [`Error::ToPlayer`] is said as a line; another error ends the talk.
    fn command(&mut self, name: &str, words: &[String]) -> Result;
    /// A number from the zone's generator.
    fn random(&mut self) -> u64;
    /// Whose lines they are: `Marguerite: Good evening.` is said without the name by Marguerite.
    fn speaker(&self) -> String;
}

/// Where a player is in a book, between what was said and what she answers.
///
/// ```
/// # use std::collections::BTreeMap;
/// # use wod_zone::dialogue::{BookNode, Offer, Part, Step, Value};
/// # use wod_zone::Result;
/// use wod_zone::dialogue::{Book, Talk, Teller};
///
/// # struct Rehearsal;
/// # impl Teller for Rehearsal {
/// #     fn variable(&mut self, _: &str) -> Option<Value> { None }
/// #     fn set_variable(&mut self, _: &str, _: Value) -> Result { Ok(()) }
/// #     fn function(&mut self, _: &str, _: &[Value]) -> Result<Option<Value>> { Ok(None) }
/// #     fn command(&mut self, _: &str, _: &[String]) -> Result { Ok(()) }
/// #     fn random(&mut self) -> u64 { 4 }
/// #     fn speaker(&self) -> String { "Marek".to_owned() }
/// # }
/// # let words = |text: &str| vec![Part::Words(text.to_owned())];
/// # let offer = Offer { id: "in".into(), text: words("Let me in."), values: 0, to: 4, conditional: false };
/// # let steps = vec![Step::Line(words("Well?"), 0), Step::Offer(offer), Step::Ask, Step::JumpBack, Step::Line(words("No."), 0)];
/// # let book = Book::new(BTreeMap::from([("Door".to_owned(), BookNode { steps, print: 1 })]), BTreeMap::new());
/// let (talk, said) = Talk::begin(&book, "Door", &mut Rehearsal)?;
/// assert_eq!(said.text, "Well?");
///
/// // Saved, and gone on with tomorrow.
/// let talk = talk.expect("it waits for an answer");
/// assert_eq!(talk.node(), "Door");
/// let way = talk.way(&book, "in").expect("it is on offer");
/// let (talk, said) = way.go(&book, &mut Rehearsal)?;
/// assert_eq!((talk, said.text.as_str()), (None, "No."));
/// # Ok::<(), wod_zone::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Talk {
    node: String,
    print: u64,
    stack: Vec<Value>,
    answers: Vec<Answer>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Answer {
    id: String,
    to: u32,
}

/// What is said now.
///
/// ```
/// use wod_zone::dialogue::Said;
/// /// As a terminal shows it.
/// fn page(said: &Said) -> String {
///     let answers = said.answers.iter().enumerate();
///     answers.fold(said.text.clone(), |page, (index, (_, text))| format!("{page}\n  {}: {text}", index + 1))
/// }
/// let said = Said { text: "Well?".into(), answers: vec![("in".into(), "Let me in.".into())] };
/// assert_eq!(page(&said), "Well?\n  1: Let me in.");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said {
    /// The lines, one below the other.
    pub text: String,
    /// Id and text of each answer; none: the talk is over.
    pub answers: Vec<(String, String)>,
}

/// Why an answer was not taken.
///
/// ```
/// use wod_zone::dialogue::{Book, Lost, Talk};
/// /// Whether a talk that was saved yesterday still makes sense with today's text.
/// fn is_still_good(talk: &Talk, today: &Book, answer: &str) -> bool {
///     talk.way(today, answer) != Err(Lost::TakenBack)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// It was not on offer: the talk waits on.
    NotOffered,
    /// The writer has taken it back meanwhile: the talk is over.
    TakenBack,
}

impl Talk {
    /// Begins at a node. Gives where it waits (none: it is over) and what was said.
    pub fn begin(book: &Book, node: &str, teller: &mut dyn Teller) -> Result<(Option<Self>, Said)> {
        Run::at(book, node, 0, Vec::new(), teller)?.run()
    }

    /// The node that it is in.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Where this answer leads, in this book, which may be a newer one than the talk began with.
    pub fn way(&self, book: &Book, answer: &str) -> std::result::Result<Way, Lost> {
        let offered = self.answers.iter().find(|offered| offered.id == answer).ok_or(Lost::NotOffered)?;
        let node = book.nodes.get(&self.node).ok_or(Lost::TakenBack)?;
        if node.print == self.print {
            let mut stack = self.stack.clone();
            if answer != CONTINUE {
                stack.push(Value::Number(offered.to as f32));
            }
            return Ok(Way { node: self.node.clone(), to: offered.to, stack });
        }
        // Another text about it; the answer leads where it leads now.
        let same = |step: &Step| match step {
            Step::Offer(offer) if offer.id == answer => Some(offer.to),
            _ => None,
        };
        let to = node.steps.iter().find_map(same).ok_or(Lost::TakenBack)?;
        Ok(Way { node: self.node.clone(), to, stack: vec![Value::Number(to as f32)] })
    }
}

/// Where an answer leads.
///
/// ```
/// use wod_zone::Result;
/// use wod_zone::dialogue::{Book, Said, Talk, Teller, Way};
/// /// Plays on, and keeps where the talk waits.
/// fn play_on(way: Way, book: &Book, stage: &mut dyn Teller, waiting: &mut Option<Talk>) -> Result<Said> {
///     let (talk, said) = way.go(book, stage)?;
///     *waiting = talk;
///     Ok(said)
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Way {
    node: String,
    to: u32,
    stack: Vec<Value>,
}

impl Way {
    /// Goes there. Gives as [`Talk::begin`].
    pub fn go(self, book: &Book, teller: &mut dyn Teller) -> Result<(Option<Talk>, Said)> {
        Run::at(book, &self.node, self.to, self.stack, teller)?.run()
    }
}

/// The machine, from one wait to the next.
struct Run<'a> {
    book: &'a Book,
    name: &'a str,
    node: &'a Node,
    at: usize,
    stack: Vec<Value>,
    teller: &'a mut dyn Teller,
    answers: Vec<Answer>,
    said: Said,
}

/// Whether the machine goes on.
enum Flow {
    On,
    Waits,
    Over,
}

impl<'a> Run<'a> {
    fn at(book: &'a Book, name: &str, at: u32, stack: Vec<Value>, teller: &'a mut dyn Teller) -> Result<Self> {
        let (node, name) = (book.node(name)?, book.nodes.get_key_value(name).map_or("", |(name, _)| name));
        Ok(Self { book, name, node, at: at as usize, stack, teller, answers: Vec::new(), said: Said::default() })
    }

    fn run(mut self) -> Result<(Option<Talk>, Said)> {
        for _ in 0..STEPS {
            let Some(step) = self.node.steps.get(self.at) else {
                return Ok((None, self.over()));
            };
            self.at += 1;
            match self.take(step).map_err(|error| self.located(&error))? {
                Flow::On => {}
                Flow::Over => return Ok((None, self.over())),
                Flow::Waits => {
                    let talk = Talk {
                        node: self.name.to_owned(),
                        print: self.node.print,
                        stack: self.stack,
                        answers: self.answers,
                    };
                    return Ok((Some(talk), self.said));
                }
            }
        }
        Err(self.located(&format!("{STEPS} steps without an answer: it runs in a circle").into()))
    }

    fn over(self) -> Said {
        Said { text: self.said.text, answers: Vec::new() }
    }

    fn located(&self, error: &Error) -> Error {
        Error::Other(format!("dialogue node `{}`, step {}: {error}", self.name, self.at))
    }

    fn take(&mut self, step: &'a Step) -> Result<Flow> {
        match step {
            Step::Line(text, values) => return self.say(text, *values),
            Step::Command(words, values) => self.command(words, *values)?,
            Step::Offer(offer) => self.offer(offer)?,
            Step::Ask if self.answers.is_empty() => return Ok(Flow::Over),
            Step::Ask => return Ok(Flow::Waits),
            Step::Jump(to) => self.at = *to as usize,
            Step::JumpBack => match self.top()? {
                Value::Number(to) => self.at = *to as usize,
                other => return Err(format!("`{other}` is no step").into()),
            },
            Step::Unless(to) => match self.top()? {
                Value::Flag(true) => {}
                Value::Flag(false) => self.at = *to as usize,
                other => return Err(format!("`{other}` is neither true nor false").into()),
            },
            Step::Push(value) => self.push(value.clone())?,
            Step::Load(name) => {
                let value = self.teller.variable(name).or_else(|| self.book.variables.get(name).cloned());
                self.push(value.ok_or_else(|| format!("nothing is known of `{name}`"))?)?;
            }
            Step::Store(name) => {
                let value = self.top()?.clone();
                self.teller.set_variable(name, value)?;
            }
            Step::Drop => {
                self.pop()?;
            }
            Step::Call(name) => self.call(name)?,
            Step::Enter => {
                let name = self.pop()?.to_string();
                let (known, node) =
                    self.book.nodes.get_key_value(&name).ok_or_else(|| format!("there is no node `{name}`"))?;
                (self.name, self.node, self.at) = (known, node, 0);
                self.stack.clear();
            }
            Step::End => return Ok(Flow::Over),
        }
        Ok(Flow::On)
    }

    fn say(&mut self, text: &[Part], values: u32) -> Result<Flow> {
        let line = fill(text, self.last(values)?);
        let speaker = self.teller.speaker();
        let line = line.strip_prefix(&speaker).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&line);
        let page = self.said.text.chars().count() + line.chars().count();
        if !self.said.text.is_empty() && page > PAGE_CHARS {
            self.at -= 1;
            self.answers = vec![Answer { id: CONTINUE.to_owned(), to: self.at as u32 }];
            self.said.answers = vec![(CONTINUE.to_owned(), "…".to_owned())];
            return Ok(Flow::Waits);
        }
        self.add(line);
        self.stack.truncate(self.stack.len() - values as usize);
        Ok(Flow::On)
    }

    fn add(&mut self, line: &str) {
        if !self.said.text.is_empty() {
            self.said.text.push('\n');
        }
        let room = TEXT_CHARS.saturating_sub(self.said.text.chars().count());
        self.said.text.extend(line.chars().take(room));
    }

    fn command(&mut self, words: &[Vec<Part>], values: u32) -> Result {
        let last = self.last(values)?;
        let filled: Vec<String> = words.iter().map(|word| fill(word, last)).collect();
        self.stack.truncate(self.stack.len() - values as usize);
        let (name, words) = filled.split_first().ok_or("an empty command")?;
        match self.teller.command(name, words) {
            Err(Error::ToPlayer(line)) => {
                self.add(&line);
                Ok(())
            }
            done => done,
        }
    }

    fn offer(&mut self, offer: &Offer) -> Result {
        let text = fill(&offer.text, self.last(offer.values)?);
        self.stack.truncate(self.stack.len() - offer.values as usize);
        let holds = !offer.conditional || matches!(self.pop()?, Value::Flag(true));
        if holds && self.answers.len() < ANSWERS {
            self.answers.push(Answer { id: offer.id.clone(), to: offer.to });
            self.said.answers.push((offer.id.clone(), text));
        }
        Ok(())
    }

    fn call(&mut self, name: &str) -> Result {
        let count = match self.pop()? {
            Value::Number(count) => count as u32,
            other => return Err(format!("`{other}` is no count").into()),
        };
        let values = self.last(count)?.to_vec();
        self.stack.truncate(self.stack.len() - values.len());
        let value = match functions::call(self.teller, name, &values)? {
            Some(value) => value,
            None => self.teller.function(name, &values)?.ok_or_else(|| {
                let values: Vec<String> = values.iter().map(ToString::to_string).collect();
                format!("nobody knows a function `{name}({})`", values.join(", "))
            })?,
        };
        self.push(value)
    }

    fn push(&mut self, value: Value) -> Result {
        if self.stack.len() == STACK {
            return Err(format!("more than {STACK} values on the stack").into());
        }
        self.stack.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Result<Value> {
        self.stack.pop().ok_or_else(empty)
    }

    fn top(&self) -> Result<&Value> {
        self.stack.last().ok_or_else(empty)
    }

    /// The last so many values, which stay.
    fn last(&self, count: u32) -> Result<&[Value]> {
        let from = self.stack.len().checked_sub(count as usize).ok_or_else(empty)?;
        Ok(&self.stack[from..])
    }
}

fn empty() -> Error {
    "nothing is left on the stack".into()
}

/// A text with its values in their places.
fn fill(text: &[Part], values: &[Value]) -> String {
    let mut filled = String::new();
    for part in text {
        match part {
            Part::Words(words) => filled.push_str(words),
            Part::Value(index) => filled.extend(values.get(*index as usize).map(ToString::to_string)),
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use std::collections::BTreeMap;

    use super::*;

    /// Remembers variables and commands; `mood` is 2.
    #[derive(Default)]
    struct Notes {
        variables: BTreeMap<String, Value>,
        commands: Vec<String>,
    }

    impl Teller for Notes {
        fn variable(&mut self, name: &str) -> Option<Value> {
            self.variables.get(name).cloned()
        }

        fn set_variable(&mut self, name: &str, value: Value) -> Result {
            self.variables.insert(name.to_owned(), value);
            Ok(())
        }

        fn function(&mut self, name: &str, _values: &[Value]) -> Result<Option<Value>> {
            Ok((name == "mood").then_some(Value::Number(2.0)))
        }

        fn command(&mut self, name: &str, words: &[String]) -> Result {
            self.commands.push(format!("{name}({})", words.join("|")));
            if name == "pay" { Err(Error::to_player("Your pockets are empty.")) } else { Ok(()) }
        }

        fn random(&mut self) -> u64 {
            u64::MAX
        }

        fn speaker(&self) -> String {
            "Ada".to_owned()
        }
    }

    fn book(nodes: &[(&str, u64, Vec<Step>)]) -> Book {
        let node = |(name, print, steps): &(&str, u64, Vec<Step>)| {
            ((*name).to_owned(), Node { steps: steps.clone(), print: *print })
        };
        Book::new(nodes.iter().map(node).collect(), BTreeMap::new())
    }

    fn offer(id: &str, to: u32) -> Step {
        Step::Offer(Offer { id: id.to_owned(), text: words(&format!("{id}?")), values: 0, to, conditional: false })
    }

    fn words(text: &str) -> Vec<Part> {
        vec![Part::Words(text.to_owned())]
    }

    fn line(text: &str) -> Step {
        Step::Line(words(text), 0)
    }

    /// Two answers; each says its name.
    fn crossroads(print: u64, extra: Option<Step>) -> Book {
        let shift = u32::from(extra.is_some());
        let mut steps: Vec<Step> = extra.into_iter().collect();
        steps.extend([
            line("Where to?"),
            offer("left", 5 + shift),
            offer("right", 7 + shift),
            Step::Ask,
            Step::JumpBack,
            line("Left."),
            Step::End,
            line("Right."),
        ]);
        book(&[("crossroads", print, steps)])
    }

    fn answered(talk: &Talk, book: &Book, answer: &str) -> Said {
        talk.way(book, answer).expect("on offer").go(book, &mut Notes::default()).expect("it goes on").1
    }

    #[test]
    fn an_answer_leads_where_it_says() {
        let book = crossroads(1, None);
        let (talk, said) = Talk::begin(&book, "crossroads", &mut Notes::default()).unwrap();
        assert_eq!(said.text, "Where to?");
        assert_eq!(said.answers, [("left".into(), "left?".into()), ("right".into(), "right?".into())]);
        let talk = talk.expect("it waits");
        assert_eq!(answered(&talk, &book, "right").text, "Right.");
        assert_eq!(talk.way(&book, "up"), Err(Lost::NotOffered));
    }

    #[test]
    fn an_answer_outlives_the_text_around_it_and_ends_the_talk_when_it_was_taken_back() {
        let (talk, _) = Talk::begin(&crossroads(1, None), "crossroads", &mut Notes::default()).unwrap();
        let talk: Talk = crate::decode(&crate::encode(&talk.expect("it waits")).unwrap()).unwrap();
        let newer = crossroads(2, Some(line("A sign.")));
        assert_eq!(answered(&talk, &newer, "right").text, "Right.");
        let without = book(&[("crossroads", 3, vec![line("A wall.")])]);
        assert_eq!(talk.way(&without, "right"), Err(Lost::TakenBack));
        assert_eq!(talk.way(&book(&[]), "right"), Err(Lost::TakenBack));
    }

    #[test]
    fn values_fill_lines_and_commands_and_are_not_read_again() {
        let steps = vec![
            Step::Push(Value::Text("{1}".into())),
            Step::Push(Value::Number(2.5)),
            Step::Line(
                vec![Part::Words("Ada: ".into()), Part::Value(0), Part::Words(" and ".into()), Part::Value(1)],
                2,
            ),
            Step::Push(Value::Text("two words".into())),
            Step::Command(vec![words("give"), vec![Part::Value(0)], words("x")], 1),
        ];
        let mut notes = Notes::default();
        let (talk, said) = Talk::begin(&book(&[("a", 1, steps)]), "a", &mut notes).unwrap();
        assert_eq!((talk, said.text.as_str()), (None, "{1} and 2.5"));
        assert_eq!(notes.commands, ["give(two words|x)"]);
    }

    #[test]
    fn a_command_that_refuses_in_words_is_read_and_the_talk_goes_on() {
        let steps = vec![Step::Command(vec![words("pay")], 0), line("Never mind.")];
        let (_, said) = Talk::begin(&book(&[("a", 1, steps)]), "a", &mut Notes::default()).unwrap();
        assert_eq!(said.text, "Your pockets are empty.\nNever mind.");
    }

    #[test]
    fn long_speeches_turn_pages() {
        let long = "word ".repeat(80);
        let steps = vec![line(&long), line(&long), line("The end.")];
        let book = book(&[("a", 1, steps)]);
        let (talk, said) = Talk::begin(&book, "a", &mut Notes::default()).unwrap();
        assert_eq!((said.text.as_str(), said.answers.len()), (long.as_str(), 1));
        let rest = answered(&talk.expect("it waits"), &book, CONTINUE);
        assert_eq!(rest, Said { text: format!("{long}\nThe end."), answers: Vec::new() });
    }

    #[test]
    fn what_runs_in_a_circle_or_makes_no_sense_is_told_with_its_place() {
        let fails = |steps: Vec<Step>| {
            Talk::begin(&book(&[("a", 1, steps)]), "a", &mut Notes::default()).expect_err("it fails").to_string()
        };
        assert!(fails(vec![Step::Jump(0)]).contains("circle"));
        assert!(fails(vec![Step::Push(Value::Flag(true)), Step::Jump(0)]).contains("values on the stack"));
        assert_eq!(fails(vec![line("."), Step::Drop]), "dialogue node `a`, step 2: nothing is left on the stack");
        let call = vec![Step::Push(Value::Number(1.0)), Step::Push(Value::Number(1.0)), Step::Call("fly".into())];
        assert!(fails(call).contains("nobody knows a function `fly(1)`"));
        assert!(fails(vec![Step::Push("Nowhere".into()), Step::Enter]).contains("there is no node `Nowhere`"));
    }

    #[test]
    fn variables_have_the_writers_value_until_one_is_set() {
        let steps = vec![
            Step::Load("$n".into()),
            Step::Push(Value::Number(1.0)),
            Step::Push(Value::Number(2.0)),
            Step::Call("Number.Add".into()),
            Step::Store("$n".into()),
            Step::Drop,
        ];
        let mut book = book(&[("a", 1, steps)]);
        book.variables.insert("$n".into(), Value::Number(40.0));
        let mut notes = Notes::default();
        for expected in [41.0, 42.0] {
            Talk::begin(&book, "a", &mut notes).unwrap();
            assert_eq!(notes.variables["$n"], Value::Number(expected));
        }
    }
}
