//! From Yarn Spinner's instructions to the book's steps.

use std::collections::{BTreeMap, HashMap};

use wod_zone::dialogue::{Offer, Part, Step, Value};
use yarnspinner_compiler::prelude::StringInfo;
use yarnspinner_core::prelude::{Instruction, LineId, Node, OpCode, Operand, OperandValue};

/// Longest line, and longest answer, characters.
const LINE_CHARS: usize = 500;
/// Most answers of one choice.
const ANSWERS: usize = 16;

/// What became of a node.
pub(crate) struct Lowered {
    pub(crate) steps: Vec<Step>,
    pub(crate) mistakes: Vec<(At, String)>,
}

/// Where in a node.
pub(crate) enum At {
    /// A line of the file, counted from 1.
    Line(usize),
    /// What the compiler made of a line.
    Step(usize),
}

/// Functions that every dialogue has (`wod_zone::dialogue`), besides operators.
const KNOWN: [&str; 18] = [
    "visited",
    "visited_count",
    "random",
    "random_range",
    "dice",
    "round",
    "round_places",
    "floor",
    "ceil",
    "inc",
    "dec",
    "decimal",
    "int",
    "string",
    "number",
    "bool",
    "player",
    "npc",
];

/// Whether the module is not asked for this function.
pub(crate) fn is_known(function: &str) -> bool {
    KNOWN.contains(&function) || ["Number.", "String.", "Bool."].iter().any(|kind| function.starts_with(kind))
}

pub(crate) fn steps(node: &Node, lines: &HashMap<LineId, StringInfo>, nodes: &BTreeMap<String, Node>) -> Lowered {
    let mut lowering = Lowering { node, lines, nodes, ids: BTreeMap::new(), answers: 0, mistakes: Vec::new() };
    let steps = node.instructions.iter().enumerate().map(|(at, instruction)| lowering.step(at, instruction)).collect();
    Lowered { steps, mistakes: lowering.mistakes }
}

/// A number for these steps: FNV-1a (64 bits) of their encoding. Landon Curt Noll, <http://www.isthe.com/chongo/tech/comp/fnv/>.
pub(crate) fn print(steps: &[Step]) -> u64 {
    fnv(format!("{steps:?}").as_bytes())
}

fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// An operand as a value; none: it has none.
pub(crate) fn value(operand: &Operand) -> Option<Value> {
    Some(match operand.value.as_ref()? {
        OperandValue::StringValue(text) => Value::Text(text.clone()),
        OperandValue::BoolValue(flag) => Value::Flag(*flag),
        OperandValue::FloatValue(number) => Value::Number(*number),
    })
}

struct Lowering<'a> {
    node: &'a Node,
    lines: &'a HashMap<LineId, StringInfo>,
    nodes: &'a BTreeMap<String, Node>,
    /// How often an answer without a tag was met by these words.
    ids: BTreeMap<u64, u32>,
    /// Of the choice at hand.
    answers: usize,
    mistakes: Vec<(At, String)>,
}

impl Lowering<'_> {
    fn step(&mut self, at: usize, instruction: &Instruction) -> Step {
        let opcode = OpCode::try_from(instruction.opcode);
        let operand = |index: usize| instruction.operands.get(index).and_then(value);
        let text = |index| match operand(index) {
            Some(Value::Text(text)) => text,
            _ => String::new(),
        };
        let count = |index| match operand(index) {
            Some(Value::Number(count)) => count as u32,
            _ => 0,
        };
        match opcode {
            Ok(OpCode::JumpTo) => Step::Jump(self.label(&text(0))),
            Ok(OpCode::Jump) => Step::JumpBack,
            Ok(OpCode::RunLine) => Step::Line(self.line(&text(0), count(1)), count(1)),
            Ok(OpCode::RunCommand) => Step::Command(self.words(at, &text(0), count(1)), count(1)),
            Ok(OpCode::AddOption) => {
                self.offer(at, &text(0), &text(1), count(2), operand(3) == Some(Value::Flag(true)))
            }
            Ok(OpCode::ShowOptions) => {
                self.answers = 0;
                Step::Ask
            }
            Ok(OpCode::PushString) => Step::Push(Value::Text(text(0))),
            Ok(OpCode::PushFloat | OpCode::PushBool) => match operand(0) {
                Some(value) => Step::Push(value),
                None => self.unknown(at, instruction),
            },
            Ok(OpCode::JumpIfFalse) => Step::Unless(self.label(&text(0))),
            Ok(OpCode::Pop) => Step::Drop,
            Ok(OpCode::CallFunc) => Step::Call(text(0)),
            Ok(OpCode::PushVariable) => Step::Load(text(0)),
            Ok(OpCode::StoreVariable) => Step::Store(text(0)),
            Ok(OpCode::Stop) => Step::End,
            Ok(OpCode::RunNode) => {
                self.check_jump(at);
                Step::Enter
            }
            Ok(OpCode::PushNull) | Err(_) => self.unknown(at, instruction),
        }
    }

    fn unknown(&mut self, at: usize, instruction: &Instruction) -> Step {
        self.mistakes
            .push((At::Step(at), format!("Yarn's compiler made something that is not known here: {instruction:?}")));
        Step::End
    }

    /// A jump to a node that is named, not reckoned, must find it.
    fn check_jump(&mut self, at: usize) {
        let before = at.checked_sub(1).map(|before| &self.node.instructions[before]);
        let Some(named) = before.filter(|before| before.opcode == OpCode::PushString as i32) else { return };
        let Some(Value::Text(name)) = named.operands.first().and_then(value) else { return };
        if !self.nodes.contains_key(&name) {
            let known: Vec<String> = self.nodes.keys().map(|node| format!("`{node}`")).collect();
            let what = format!("there is no node `{name}` to jump to; there is {}", known.join(", "));
            self.mistakes.push((At::Step(at), what));
        }
    }

    /// The compiler names each place it jumps to within a node.
    fn label(&self, name: &str) -> u32 {
        self.node.labels.get(name).copied().and_then(|at| u32::try_from(at).ok()).unwrap_or(u32::MAX)
    }

    fn line(&mut self, id: &str, values: u32) -> Vec<Part> {
        let Some(info) = self.lines.get(&LineId(id.to_owned())) else {
            return Vec::new();
        };
        let mut wrong = |what: String| self.mistakes.push((At::Line(info.line_number), what));
        if info.text.chars().count() > LINE_CHARS {
            wrong(format!("longer than {LINE_CHARS} characters: make two lines of it"));
        }
        match parts(&info.text, values) {
            Ok(parts) => parts,
            Err(what) => {
                wrong(what);
                Vec::new()
            }
        }
    }

    fn offer(&mut self, at: usize, line: &str, label: &str, values: u32, conditional: bool) -> Step {
        self.answers += 1;
        if self.answers == ANSWERS + 1 {
            self.mistakes.push((At::Step(at), format!("more than {ANSWERS} answers to choose from")));
        }
        let text = self.line(line, values);
        Step::Offer(Offer { id: self.id(line), text, values, to: self.label(label), conditional })
    }

    /// The writer's own tag, or a number of the words: the answer is the same as long as they are.
    fn id(&mut self, line: &str) -> String {
        let tag = line.strip_prefix("line:").unwrap_or(line);
        match self.lines.get(&LineId(line.to_owned())) {
            Some(info) if info.is_implicit_tag => {
                let words = fnv(info.text.as_bytes());
                let again = self.ids.entry(words).and_modify(|count| *count += 1).or_insert(1);
                let id = format!("{:08x}", words >> 32);
                if *again > 1 { format!("{id}-{again}") } else { id }
            }
            _ => tag.to_owned(),
        }
    }

    /// A command's words; what stands in double quotes is one, `\"` and `\\` in it are the sign alone.
    fn words(&mut self, at: usize, command: &str, values: u32) -> Vec<Vec<Part>> {
        let (mut words, mut word, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
        let mut signs = command.chars();
        while let Some(sign) = signs.next() {
            match sign {
                '"' => (quoted, begun) = (!quoted, true),
                '\\' if quoted => word.extend(signs.next()),
                sign if sign.is_whitespace() && !quoted => {
                    if begun {
                        words.push(std::mem::take(&mut word));
                    }
                    begun = false;
                }
                sign => {
                    word.push(sign);
                    begun = true;
                }
            }
        }
        if begun {
            words.push(word);
        }
        if quoted {
            self.mistakes.push((At::Step(at), "a quote is not closed".to_owned()));
        }
        words.into_iter().map(|word| placed(&word, values)).collect()
    }
}

/// A line's text: brackets, which are markup in Yarn, must be written `\[`: nobody would see what they mark.
fn parts(text: &str, values: u32) -> Result<Vec<Part>, String> {
    let mut plain = String::with_capacity(text.len());
    let mut signs = text.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => match signs.next() {
                Some(bracket @ ('[' | ']')) => plain.push(bracket),
                Some(other) => plain.extend(['\\', other]),
                None => plain.push('\\'),
            },
            '[' | ']' => return Err(format!("`{sign}` begins markup, which players don't see: write `\\{sign}`")),
            sign => plain.push(sign),
        }
    }
    Ok(placed(&plain, values))
}

/// A text with its values' places.
fn placed(text: &str, values: u32) -> Vec<Part> {
    let (mut parts, mut words, mut rest) = (Vec::new(), String::new(), text);
    while let Some((before, after)) = rest.split_once('{') {
        words.push_str(before);
        let place = after.split_once('}').and_then(|(index, tail)| Some((index.parse::<u32>().ok()?, tail)));
        match place.filter(|(index, _)| *index < values) {
            Some((index, tail)) => {
                if !words.is_empty() {
                    parts.push(Part::Words(std::mem::take(&mut words)));
                }
                parts.push(Part::Value(index));
                rest = tail;
            }
            None => {
                words.push('{');
                rest = after;
            }
        }
    }
    words.push_str(rest);
    if !words.is_empty() {
        parts.push(Part::Words(words));
    }
    parts
}
