//! [`Book`]: what writers wrote, compiled. `wod zone build` makes it of a zone's `.yarn` files and packs it with the component.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The name under which the book is packed: what the host is asked for when the zone opens.
///
/// ```
/// use wod_zone::dialogue::{Book, CONTENT};
/// // What a test of a zone packs beside it: see the testkit's `content`.
/// let packed = (CONTENT, Book::default().encode()?);
/// assert_eq!(packed.0, "dialogue");
/// # Ok::<(), wod_zone::Error>(())
/// ```
pub const CONTENT: &str = "dialogue";
/// Format of the packed book.
const FORMAT: u32 = 1;

/// All dialogues of a zone.
///
/// ```
/// use std::collections::BTreeMap;
/// use wod_zone::dialogue::{Book, BookNode, Part, Step, Value};
/// let line = Step::Line(vec![Part::Words("Who sends you?".to_owned())], 0);
/// let nodes = BTreeMap::from([("Door".to_owned(), BookNode { steps: vec![line], print: 1 })]);
/// let book = Book::new(nodes, BTreeMap::from([("$trusted".to_owned(), Value::Flag(false))]));
/// assert_eq!(book.node("Door")?.steps.len(), 1);
/// assert_eq!(Book::decode(&book.encode()?)?, book);
/// # Ok::<(), wod_zone::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Book {
    format: u32,
    /// By name.
    pub nodes: BTreeMap<String, Node>,
    /// What variables are before anybody sets them, by name with its `$`.
    pub variables: BTreeMap<String, Value>,
}

/// Something that can be talked through, from its first step on.
///
/// ```
/// use wod_zone::dialogue::{BookNode, Part, Step};
/// let line = |text: &str| Step::Line(vec![Part::Words(text.to_owned())], 0);
/// let farewell = BookNode { steps: vec![line("Mind the step."), line("And the sun."), Step::End], print: 7 };
/// assert_eq!(farewell.steps[2], Step::End);
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Node {
    /// In order; a jump names one by its index.
    pub steps: Vec<Step>,
    /// Another number for other steps: whether a talk that was saved may go on at the step where it stood.
    pub print: u64,
}

/// One step of a node, of a machine with a stack of [`Value`]s: [`Talk`](super::Talk) takes them.
///
/// ```
/// use wod_zone::dialogue::{BookNode, Step};
/// /// Which of the module's functions a node calls.
/// fn functions(node: &BookNode) -> Vec<&str> {
///     let calls = node.steps.iter().filter_map(|step| match step {
///         Step::Call(name) => Some(name.as_str()),
///         _ => None,
///     });
///     calls.collect()
/// }
/// let steps = vec![Step::Call("gossip".to_owned()), Step::Drop, Step::End];
/// assert_eq!(functions(&BookNode { steps, print: 1 }), ["gossip"]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Step {
    /// Says a line, with the last so many values of the stack, which are taken off it.
    Line(Vec<Part>, u32),
    /// Gives the module a command: its words, with so many values.
    Command(Vec<Vec<Part>>, u32),
    /// Offers an answer.
    Offer(Offer),
    /// Waits for one of the answers that were offered, and puts the step that it leads to on the stack.
    Ask,
    /// Goes to a step.
    Jump(u32),
    /// Goes to the step on top of the stack, which stays there.
    JumpBack,
    /// Goes to a step unless the top of the stack, which stays there, is true.
    Unless(u32),
    /// Puts a value on the stack.
    Push(Value),
    /// Puts a variable on the stack.
    Load(String),
    /// Sets a variable to the top of the stack, which stays there.
    Store(String),
    /// Takes the top off the stack.
    Drop,
    /// Takes a count and so many values, and puts what the function makes of them on the stack.
    Call(String),
    /// Goes on in the node whose name is on top of the stack.
    Enter,
    /// Ends the talk.
    End,
}

/// An answer on offer.
///
/// ```
/// use wod_zone::dialogue::{Offer, Part};
/// /// `-> I have {0} coins.`, which leads to step 12.
/// let offer = Offer {
///     id: "line:coins".to_owned(),
///     text: vec![Part::Words("I have ".to_owned()), Part::Value(0), Part::Words(" coins.".to_owned())],
///     values: 1,
///     to: 12,
///     conditional: false,
/// };
/// assert_eq!(offer.text.iter().map(ToString::to_string).collect::<String>(), "I have {0} coins.");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// Unique in the node, and the same as long as the writer keeps the line.
    pub id: String,
    /// What people read.
    pub text: Vec<Part>,
    /// So many values are in it.
    pub values: u32,
    /// Where it leads.
    pub to: u32,
    /// Whether a condition is on the stack, below the values: unless it is true the answer is not offered.
    pub conditional: bool,
}

/// A piece of a text.
///
/// ```
/// use wod_zone::dialogue::Part;
/// let text = [Part::Words("It is ".to_owned()), Part::Value(0), Part::Words(" below.".to_owned())];
/// assert_eq!(text.map(|part| part.to_string()).concat(), "It is {0} below.");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Part {
    /// As the writer wrote it.
    Words(String),
    /// The value of this index.
    Value(u32),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(words) => words.fmt(f),
            Self::Value(index) => write!(f, "{{{index}}}"),
        }
    }
}

/// What dialogues reckon with.
///
/// ```
/// use wod_zone::dialogue::Value;
/// // What `Zone::function` gives a dialogue to reckon with.
/// let debt = Value::from(3.0);
/// assert_eq!((debt.to_string(), Value::from("the prince").to_string()), ("3".to_owned(), "the prince".to_owned()));
/// assert_ne!(Value::from(true), debt);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// A number.
    Number(f32),
    /// A text.
    Text(String),
}

impl Book {
    /// A book of these nodes and variables.
    pub fn new(nodes: BTreeMap<String, Node>, variables: BTreeMap<String, Value>) -> Self {
        Self { format: FORMAT, nodes, variables }
    }

    /// As it is packed: MessagePack.
    pub fn encode(&self) -> crate::Result<Vec<u8>> {
        crate::encode(self)
    }

    /// Reads what [`Book::encode`] made.
    pub fn decode(bytes: &[u8]) -> crate::Result<Self> {
        let book: Self = crate::decode(bytes)?;
        match book.format {
            FORMAT => Ok(book),
            other => {
                Err(format!("the dialogues are packed in format {other}, this SDK reads {FORMAT}: build them anew")
                    .into())
            }
        }
    }

    /// A node, or an error that names those there are.
    pub fn node(&self, name: &str) -> crate::Result<&Node> {
        self.nodes.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.nodes.keys().map(String::as_str).collect();
            format!("there is no dialogue node `{name}`; there are: {}", known.join(", ")).into()
        })
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<f32> for Value {
    fn from(number: f32) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
