//! `wod dialogue FILE`: plays Yarn dialogues in the terminal, as players will read them.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::PathBuf;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use wod_zone::Error;
use wod_zone::dialogue::{Book, Said, Talk, Teller, Value};

use crate::exit::{Exit, Failure, Outcome};
use crate::output;

/// Arguments of `wod dialogue`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A Yarn file, or a folder of them (all of a zone's, so that they may jump to each other)
    #[arg(value_name = "FILE")]
    path: PathBuf,
    /// Where to begin [default: the first node of the first file]
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// What `player()` says
    #[arg(long, value_name = "NAME", default_value = "Ann")]
    player: String,
    /// What `npc()` says, and whose name is left out before lines
    #[arg(long, value_name = "NAME", default_value = "")]
    npc: String,
    /// Value of a variable (`$met=true`) or of a function of the module (`gossip=Nobody.`); again for more
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, Value)>,
    /// Chance: the same number, the same dice
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Only compile, and list the nodes and what they ask of the module
    #[arg(long)]
    check: bool,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let sources = wod_dialogue::read(&self.path).map_err(|error| {
            let error = anyhow::Error::new(error);
            Failure::new(Exit::NotFound, error).hint("name a .yarn file, or the folder of a zone's")
        })?;
        let book = wod_dialogue::compile(&sources).map_err(|error| Failure::new(Exit::Failed, error))?;
        if self.check {
            return check(&book);
        }
        let first = sources.iter().find_map(|source| source.text.lines().find_map(|line| line.strip_prefix("title:")));
        let node = self.node.or_else(|| first.map(|title| title.trim().to_owned()));
        let node = node.ok_or_else(|| Failure::text(Exit::NotFound, format!("{}: no node", self.path.display())))?;
        if let Err(error) = book.node(&node) {
            return Err(Failure::text(Exit::NotFound, error.to_string()));
        }
        let stdin = std::io::stdin();
        let (player, npc) = (self.player, self.npc);
        let known = self.set.into_iter().collect();
        let chance = StdRng::seed_from_u64(self.seed);
        let mut stage = Stage { player, npc, known, chance, input: stdin.lock(), output: std::io::stdout() };
        Ok(play(&book, &node, &mut stage)?)
    }
}

fn check(book: &Book) -> Outcome {
    let (commands, functions) = wod_dialogue::asked_of_the_module(book);
    let list = |names: Vec<String>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    output::line(format_args!("nodes:     {}", list(book.nodes.keys().cloned().collect())));
    output::line(format_args!("variables: {}", list(book.variables.keys().cloned().collect())));
    output::line(format_args!("commands:  {}", list(commands)));
    output::line(format_args!("functions: {}", list(functions)));
    Ok(())
}

/// `$met=true` → (`$met`, true).
fn setting(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, such as $met=true")?;
    Ok((name.to_owned(), value_of(value)))
}

/// `true` and `false` are flags, what reads as a number is one, everything else is a text.
fn value_of(text: &str) -> Value {
    match (text, text.parse::<f32>()) {
        ("true", _) => Value::Flag(true),
        ("false", _) => Value::Flag(false),
        (_, Ok(number)) => Value::Number(number),
        _ => Value::Text(text.to_owned()),
    }
}

/// A terminal in the place of zone and player.
struct Stage<I, O> {
    player: String,
    npc: String,
    /// Variables, and what functions of the module give.
    known: BTreeMap<String, Value>,
    chance: StdRng,
    input: I,
    output: O,
}

/// Plays until the talk is over or the input ends.
fn play(book: &Book, node: &str, stage: &mut Stage<impl BufRead, impl Write>) -> anyhow::Result<()> {
    let (mut talk, mut said) = Talk::begin(book, node, stage)?;
    loop {
        show(&said, &mut stage.output)?;
        let Some(waiting) = talk else { break };
        let Some(answer) = stage.ask("> ")? else { break };
        let chosen = answer.parse::<usize>().ok().and_then(|number| said.answers.get(number.checked_sub(1)?));
        let Some((id, _)) = chosen else {
            writeln!(stage.output, "a number from 1 to {}, please; end the input to leave", said.answers.len())?;
            talk = Some(waiting);
            said.text.clear();
            continue;
        };
        let way = waiting.way(book, id).map_err(|lost| anyhow::anyhow!("the answer `{id}`: {lost:?}"))?;
        (talk, said) = way.go(book, stage)?;
    }
    let variables = stage.known.iter().filter(|(name, _)| name.starts_with('$'));
    let variables: Vec<String> = variables.map(|(name, value)| format!("{name} = {value}")).collect();
    if !variables.is_empty() {
        writeln!(stage.output, "\nIt is remembered: {}", variables.join(", "))?;
    }
    Ok(())
}

fn show(said: &Said, output: &mut impl Write) -> std::io::Result<()> {
    if !said.text.is_empty() {
        writeln!(output, "\n{}", said.text)?;
    }
    for (number, (_, text)) in said.answers.iter().enumerate() {
        writeln!(output, "  {} {text}", number + 1)?;
    }
    Ok(())
}

impl<I: BufRead, O: Write> Stage<I, O> {
    /// A line of the input; none: it has ended.
    fn ask(&mut self, question: &str) -> std::io::Result<Option<String>> {
        write!(self.output, "{question}")?;
        self.output.flush()?;
        let mut line = String::new();
        let ended = self.input.read_line(&mut line)? == 0;
        Ok((!ended).then(|| line.trim().to_owned()))
    }
}

/// What goes wrong at the terminal, as the SDK's error.
fn broken(error: std::io::Error) -> Error {
    Error::Other(format!("the terminal: {error}"))
}

impl<I: BufRead, O: Write> Teller for Stage<I, O> {
    fn variable(&mut self, name: &str) -> Option<Value> {
        self.known.get(name).cloned()
    }

    fn set_variable(&mut self, name: &str, value: Value) -> wod_zone::Result {
        self.known.insert(name.to_owned(), value);
        Ok(())
    }

    /// What `--set` says; what it does not, whoever plays is asked for, once.
    fn function(&mut self, name: &str, values: &[Value]) -> wod_zone::Result<Option<Value>> {
        let own = match name {
            "player" => Some(Value::Text(self.player.clone())),
            "npc" => Some(Value::Text(self.npc.clone())),
            _ => self.known.get(name).cloned(),
        };
        if own.is_some() {
            return Ok(own);
        }
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        let question = format!("the module's {name}({}) gives: ", values.join(", "));
        let answer = self.ask(&question).map_err(broken)?;
        let value = answer.as_deref().map(value_of);
        self.known.extend(value.clone().map(|value| (name.to_owned(), value)));
        Ok(value)
    }

    fn command(&mut self, name: &str, words: &[String]) -> wod_zone::Result {
        let words: Vec<String> = std::iter::once(name.to_owned()).chain(words.iter().cloned()).collect();
        writeln!(self.output, "  <<{}>>", words.join(" ")).map_err(broken)
    }

    fn random(&mut self) -> u64 {
        self.chance.next_u64()
    }

    fn speaker(&self) -> String {
        self.npc.clone()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    const YARN: &str = "title: Bar
---
Bea: Evening, {player()}. It is {hour()} o'clock.
-> A glass. <<if $money > 0>>
    <<pour \"red wine\">>
    <<set $money -= 1>>
    <<jump Bar>>
-> Nothing.
    Then sit.
===
";

    fn played(input: &str, known: &[(&str, Value)]) -> String {
        let source = wod_dialogue::Source { name: "bar.yarn".into(), text: YARN.into() };
        let book = wod_dialogue::compile(&[source]).unwrap();
        let mut stage = Stage {
            player: "Ann".into(),
            npc: "Bea".into(),
            known: known.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            chance: StdRng::seed_from_u64(1),
            input: input.as_bytes(),
            output: Vec::new(),
        };
        play(&book, "Bar", &mut stage).unwrap();
        String::from_utf8(stage.output).unwrap()
    }

    #[test]
    fn a_dialogue_is_played_by_numbers_and_shows_its_commands() {
        let text = played("1\nwhat\n1\n", &[("$money", Value::Number(1.0)), ("hour", Value::Number(9.0))]);
        let expected = "
Evening, Ann. It is 9 o'clock.
  1 A glass.
  2 Nothing.
>   <<pour red wine>>

Evening, Ann. It is 9 o'clock.
  1 Nothing.
> a number from 1 to 1, please; end the input to leave
  1 Nothing.
> 
Then sit.

It is remembered: $money = 0
";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_the_module_would_say_is_asked_for_once_and_an_ended_input_ends_the_talk() {
        let text = played("7\n", &[("$money", Value::Number(1.0))]);
        assert!(text.starts_with("the module's hour() gives: \nEvening, Ann. It is 7 o'clock."), "{text}");
    }

    #[test]
    fn settings_are_read_by_how_they_look() {
        assert_eq!(setting("$met=true"), Ok(("$met".into(), Value::Flag(true))));
        assert_eq!(setting("$n=1.5"), Ok(("$n".into(), Value::Number(1.5))));
        assert_eq!(setting("gossip=a=b"), Ok(("gossip".into(), Value::Text("a=b".into()))));
        assert!(setting("met").is_err());
    }
}
