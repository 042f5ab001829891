//! Compiles writers' Yarn files into the [`Book`] that a zone's component carries. The language is Yarn Spinner's 2, by its own
//! compiler; what is laid over it is said at [`wod_zone::dialogue`].
//!
//! Every mistake is collected, with its file and line, so that a writer mends them in one go.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use wod_zone::dialogue::{Book, BookNode, Step};
use yarnspinner_compiler::prelude::{Compilation, Compiler, Diagnostic, File};
use yarnspinner_core::prelude::Library;

mod lower;

/// Most steps of a node: a step's number travels among values that are floats.
const STEPS: usize = 65_536;

/// A Yarn file's name, as it is named in mistakes, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// What is wrong, where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// The file.
    pub file: String,
    /// Counted from 1; 0: the file as a whole.
    pub line: usize,
    /// What, and what to do.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.what),
            line => write!(f, "{}:{line}: {}", self.file, self.what),
        }
    }
}

/// Why there is no book.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// A file can't be read.
    #[error("can't read {}", .0.display())]
    Read(PathBuf, #[source] std::io::Error),
    /// The files are wrong.
    #[error("the dialogues have {} mistake(s):{}", .0.len(), .0.iter().map(|mistake| format!("\n  {mistake}")).collect::<String>())]
    Mistakes(Vec<Mistake>),
}

/// Reads one Yarn file, or every one of a folder (not of folders in it), in order of name. Mistakes name them by their path.
pub fn read(path: &Path) -> Result<Vec<Source>, CompileError> {
    let failed = |error| CompileError::Read(path.to_owned(), error);
    let mut files = Vec::new();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).map_err(failed)? {
            files.push(entry.map_err(failed)?.path());
        }
        files.retain(|file| file.extension().is_some_and(|extension| extension == "yarn"));
        files.sort();
    } else {
        files.push(path.to_owned());
    }
    let source = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).map_err(|error| CompileError::Read(file.clone(), error))?;
        Ok(Source { name: file.display().to_string(), text })
    };
    files.into_iter().map(source).collect()
}

/// Compiles the files of one zone, which may jump to each other's nodes.
pub fn compile(sources: &[Source]) -> Result<Book, CompileError> {
    let mut compiler = Compiler::new();
    compiler.extend_library(Library::standard_library());
    let mut heads = BTreeMap::new();
    for source in sources {
        let head = head_lines(&source.text);
        heads.insert(source.name.as_str(), head);
        let text: String = source.text.split_inclusive('\n').skip(head).collect();
        compiler.add_file(File { file_name: source.name.clone(), source: text });
    }
    let compiled = compiler.compile().map_err(|error| error.0.iter().map(told).collect());
    let book = compiled.and_then(|compilation| book(&compilation));
    book.map_err(|mut mistakes: Vec<Mistake>| {
        for mistake in mistakes.iter_mut().filter(|mistake| mistake.line > 0) {
            mistake.line += heads.get(mistake.file.as_str()).copied().unwrap_or(0);
        }
        mistakes.sort();
        mistakes.dedup();
        CompileError::Mistakes(mistakes)
    })
}

/// Reads and compiles: [`read`], then [`compile`].
pub fn book_of(path: &Path) -> Result<Book, CompileError> {
    compile(&read(path)?)
}

/// Empty lines and comments before the first node, which Yarn's grammar does not know.
fn head_lines(text: &str) -> usize {
    text.lines().take_while(|line| line.trim().is_empty() || line.trim_start().starts_with("//")).count()
}

fn told(diagnostic: &Diagnostic) -> Mistake {
    Mistake {
        file: diagnostic.file_name.clone().unwrap_or_default(),
        line: diagnostic.range.as_ref().map_or(0, |range| range.start.line + 1),
        what: diagnostic.message.clone(),
    }
}

fn book(compilation: &Compilation) -> Result<Book, Vec<Mistake>> {
    let Some(program) = &compilation.program else {
        return Ok(Book::default());
    };
    let (mut nodes, mut found) = (BTreeMap::new(), Vec::new());
    for (name, node) in &program.nodes {
        let debug = compilation.debug_info.get(name);
        let file = debug.map(|info| info.file_name.clone()).unwrap_or_default();
        let lowered = lower::steps(node, &compilation.string_table, &program.nodes);
        for (at, what) in lowered.mistakes {
            let line = match at {
                lower::At::Line(line) => line,
                lower::At::Step(step) => {
                    let position = debug.and_then(|info| info.line_positions.get(&step).copied().flatten());
                    position.map_or(0, |position| position.line + 1)
                }
            };
            found.push(Mistake { file: file.clone(), line, what });
        }
        if lowered.steps.len() > STEPS {
            let what = format!("the node `{name}` has more than {STEPS} steps: split it");
            found.push(Mistake { file, line: 0, what });
        }
        let print = lower::print(&lowered.steps);
        nodes.insert(name.clone(), BookNode { steps: lowered.steps, print });
    }
    let mut variables = BTreeMap::new();
    for (name, operand) in &program.initial_values {
        if let Some(value) = lower::value(operand) {
            variables.insert(name.clone(), value);
        }
    }
    if found.is_empty() { Ok(Book::new(nodes, variables)) } else { Err(found) }
}

/// Commands and functions that the book asks its module for, for whoever checks it: names, in order.
pub fn asked_of_the_module(book: &Book) -> (Vec<String>, Vec<String>) {
    let (mut commands, mut functions) = (Vec::new(), Vec::new());
    for step in book.nodes.values().flat_map(|node| &node.steps) {
        match step {
            Step::Command(words, _) => {
                commands.extend(words.first().map(|word| word.iter().map(ToString::to_string).collect()));
            }
            Step::Call(name) if !lower::is_known(name) => functions.push(name.clone()),
            _ => {}
        }
    }
    for names in [&mut commands, &mut functions] {
        names.sort();
        names.dedup();
    }
    (commands, functions)
}

#[cfg(test)]
mod tests;
