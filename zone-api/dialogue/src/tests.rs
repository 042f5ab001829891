#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use wod_zone::Result;
use wod_zone::dialogue::{Said, Talk, Teller, Value};

use super::*;

fn source(text: &str) -> Source {
    Source { name: "bar.yarn".to_owned(), text: text.to_owned() }
}

fn book(text: &str) -> Book {
    compile(&[source(text)]).unwrap_or_else(|error| panic!("{error}"))
}

fn mistakes_of(text: &str) -> Vec<String> {
    match compile(&[source(text)]) {
        Err(CompileError::Mistakes(mistakes)) => mistakes.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

/// A player named Ann before Marek, whose dice fall on what is said here.
#[derive(Default)]
struct Stage {
    variables: BTreeMap<String, Value>,
    commands: Vec<String>,
    chance: u64,
}

impl Teller for Stage {
    fn variable(&mut self, name: &str) -> Option<Value> {
        self.variables.get(name).cloned()
    }

    fn set_variable(&mut self, name: &str, value: Value) -> Result {
        self.variables.insert(name.to_owned(), value);
        Ok(())
    }

    fn function(&mut self, name: &str, values: &[Value]) -> Result<Option<Value>> {
        Ok(match name {
            "player" => Some("Ann".into()),
            "sum" => Some(Value::Text(format!("{values:?}"))),
            _ => None,
        })
    }

    fn command(&mut self, name: &str, words: &[String]) -> Result {
        self.commands.push(format!("{name}({})", words.join("|")));
        Ok(())
    }

    fn random(&mut self) -> u64 {
        self.chance
    }

    fn speaker(&self) -> String {
        "Marek".to_owned()
    }
}

/// Plays from `node` on, giving these answers by their text; all that was said.
fn played(book: &Book, stage: &mut Stage, node: &str, answers: &[&str]) -> Vec<Said> {
    let (mut talk, said) = Talk::begin(book, node, stage).unwrap();
    let mut heard = vec![said];
    for answer in answers {
        let offered = &heard.last().unwrap().answers;
        let (id, _) =
            offered.iter().find(|(_, text)| text == answer).unwrap_or_else(|| panic!("`{answer}`: {heard:?}"));
        let way = talk.take().unwrap().way(book, id).unwrap();
        let (next, said) = way.go(book, stage).unwrap();
        talk = next;
        heard.push(said);
    }
    assert_eq!(talk.is_none(), heard.last().unwrap().answers.is_empty());
    heard
}

fn texts(said: &Said) -> Vec<&str> {
    said.answers.iter().map(|(_, text)| text.as_str()).collect()
}

const DOOR: &str = r#"
title: Doorkeeper
---
<<declare $trusted = false>>
<<declare $zone_knocks = 0>>
<<set $zone_knocks += 1>>
<<if $trusted>>
    Marek: {player()}. Go in.
    <<open_door "the salon" {$zone_knocks}>>
<<else>>
    The salon is for friends, {player()}.
    That was knock {$zone_knocks}.
    -> Is it {1 + 1} degrees? <<if $zone_knocks > 1>>
        It is. #line:it-is
    -> Marguerite sends me. #line:sent
        <<set $trusted = true>>
        <<jump Doorkeeper>>
    -> Good night.
    <<if visited("Doorkeeper")>>
        Again: good night.
    <<endif>>
<<endif>>
===
"#;

#[test]
fn a_talk_branches_counts_remembers_and_commands() {
    let (book, mut stage) = (book(DOOR), Stage::default());
    let heard = played(&book, &mut stage, "Doorkeeper", &["Good night."]);
    assert_eq!(heard[0].text, "The salon is for friends, Ann.\nThat was knock 1.");
    assert_eq!(texts(&heard[0]), ["Marguerite sends me.", "Good night."]);
    assert_eq!(heard[1].text, "");

    let heard = played(&book, &mut stage, "Doorkeeper", &["Is it 2 degrees?"]);
    assert_eq!(texts(&heard[0]), ["Is it 2 degrees?", "Marguerite sends me.", "Good night."]);
    assert_eq!(heard[1].text, "It is.\nAgain: good night.");

    let heard = played(&book, &mut stage, "Doorkeeper", &["Marguerite sends me."]);
    assert_eq!(heard[1], Said { text: "Ann. Go in.".into(), answers: Vec::new() });
    assert_eq!(stage.commands, ["open_door(the salon|4)"]);
    assert_eq!(stage.variables["$trusted"], Value::Flag(true));
}

#[test]
fn an_answer_keeps_its_id_while_its_words_or_its_tag_stay() {
    let ids = |text: &str| -> Vec<String> {
        let heard = played(&book(text), &mut Stage::default(), "A", &[]);
        heard[0].answers.iter().map(|(id, _)| id.clone()).collect()
    };
    let before = ids("title: A\n---\n-> Yes.\n-> No. #line:no\n-> Yes.\n===\n");
    let after = ids("title: A\n---\nA new line.\n-> Perhaps.\n-> Yes.\n-> Never! #line:no\n-> Yes.\n===\n");
    assert_eq!(before, after[1..]);
    assert_eq!(before[1], "no");
    assert_eq!(before[2], format!("{}-2", before[0]));
}

#[test]
fn every_function_of_the_standard_library_answers() {
    let line = "title: A\n---\n{round(2.5)} {round_places(1.26, 1)} {floor(1.9)} {ceil(1.1)} {inc(1.5)} {dec(1.5)} \
                {int(-1.7)} {string(1)} {number(\"2\")} {bool(\"true\")} {dice(6)} {random_range(3, 5)} {random()} \
                {7 % 4} {-(2)} {\"a\" + \"b\"} {not true} {true xor true} {1 <= 1} {visited_count(\"A\")} {decimal(1.5)}\n===\n";
    let mut stage = Stage { chance: 7, ..Stage::default() };
    let heard = played(&book(line), &mut stage, "A", &[]);
    assert_eq!(heard[0].text, "3 1.3 1 2 2 1 -1 1 2 true 2 4 0 3 -2 ab false false true 0 0.5");
}

#[test]
fn mistakes_have_file_line_and_what_to_do() {
    let found = mistakes_of("title: A\n---\nfine\n<<jump Nowhere>>\n===\n");
    assert_eq!(found, ["bar.yarn:4: there is no node `Nowhere` to jump to; there is `A`"]);
    let found = mistakes_of("// A word\n\n// before.\ntitle: A\n---\nfine\n<<jump Nowhere>>\n===\n");
    assert_eq!(found, ["bar.yarn:7: there is no node `Nowhere` to jump to; there is `A`"]);
    let found = mistakes_of("title: A\n---\n-> A [b]bold[/b] word\n===\n");
    assert_eq!(found, ["bar.yarn:3: `[` begins markup, which players don't see: write `\\[`"]);
    let found = mistakes_of("title: A\n---\n<<set $y = \"a\" + 1>>\n===\ntitle: B\n---\n<<if true>>\n===\n");
    assert!(
        found.iter().any(|what| what.starts_with("bar.yarn:3: ") && what.contains("must be the same")),
        "{found:?}"
    );
    assert!(found.iter().any(|what| what.contains("<<endif>>")), "{found:?}");
    let found = mistakes_of("title: A\n---\nfine\n===\ntitle: A\n---\nagain\n===\n");
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn brackets_braces_and_quotes_can_be_said() {
    let heard = played(&book("title: A\n---\n\\[{1}\\] \\{0\\} \\\\ \"x\"\n===\n"), &mut Stage::default(), "A", &[]);
    assert_eq!(heard[0].text, "[1] 1 \\ \"x\"");
}

#[test]
fn what_the_module_is_asked_for_is_known() {
    let (commands, functions) = asked_of_the_module(&book(DOOR));
    assert_eq!((commands, functions), (vec!["open_door".to_owned()], Vec::new()));
    let (_, functions) = asked_of_the_module(&book("title: A\n---\n{mood(1, \"x\")} {player()}\n===\n"));
    assert_eq!(functions, ["mood"]);
}

#[test]
fn a_folder_is_one_book_and_a_packed_book_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yarn"), "title: A\n---\n<<jump B>>\n===\n").unwrap();
    std::fs::write(folder.path().join("b.yarn"), "title: B\n---\nHere.\n===\n").unwrap();
    std::fs::write(folder.path().join("notes.txt"), "not Yarn").unwrap();
    let book = book_of(folder.path()).unwrap();
    let book = Book::decode(&book.encode().unwrap()).unwrap();
    assert_eq!(played(&book, &mut Stage::default(), "A", &[])[0].text, "Here.");
    assert!(matches!(book_of(&folder.path().join("none.yarn")), Err(CompileError::Read(..))));
}
