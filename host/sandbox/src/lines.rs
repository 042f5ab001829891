//! Where in its sources a module's code is: a table that `wod zone build` makes of the compiler's debug information and packs
//! beside the code (custom section [`SECTION`]), so that a fault names function, file and line wherever the module runs.
//!
//! It takes the place of DWARF, which is some ten times larger and would have to be interpreted, whoever wrote it, on a worker
//! that ticks zones. This is three sorted lists, checked when the module is loaded and searched in microseconds.
//!
//! The section, numbers as LEB128: [`VERSION`]; how many texts, each its length and its UTF-8; how many spots, each function,
//! file (numbers of texts), line, and the spot it is inlined at (its number and one, smaller than its own; 0: none); how many
//! rows, each its distance from the row before in bytes of the file, and its spot (its number and one; 0: nothing is known).

use std::collections::BTreeMap;

/// Name of the section. It is none of the content: it belongs to the code.
pub const SECTION: &str = "wod-lines";
/// Largest section, bytes.
pub const SECTION_BYTES: usize = 4 << 20;
const VERSION: u64 = 1;
/// Most functions that are inlined into each other at one spot; those further out are left out.
const INLINED: usize = 16;

/// Why a table can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinesError {
    /// Over [`SECTION_BYTES`].
    #[error("over {SECTION_BYTES} bytes")]
    TooLarge,
    /// Of a later version of this program.
    #[error("of an unknown version")]
    Version,
    /// Damaged.
    #[error("damaged")]
    Damaged,
}

/// A line of source code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot<'a> {
    /// The function's name as people write it.
    pub function: &'a str,
    /// The source file.
    pub file: &'a str,
    /// Its line, from 1; 0: not known.
    pub line: u32,
}

/// The table, ready to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineTable {
    texts: String,
    /// Where in `texts` each ends.
    ends: Vec<u32>,
    spots: Vec<Stored>,
    /// From which byte of the file on which spot (its number and one), in order.
    rows: Vec<(u32, u32)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Stored {
    function: u32,
    file: u32,
    line: u32,
    /// Its number and one; 0: none.
    inlined_at: u32,
}

impl LineTable {
    /// Reads the section.
    ///
    /// # Errors
    /// Where anything in it refers to what is not there.
    pub fn decode(section: &[u8]) -> Result<Self, LinesError> {
        if section.len() > SECTION_BYTES {
            return Err(LinesError::TooLarge);
        }
        let mut reader = Reader { rest: section };
        if reader.number()? != VERSION {
            return Err(LinesError::Version);
        }
        let (mut texts, mut ends) = (String::new(), Vec::new());
        for _ in 0..reader.count()? {
            texts.push_str(reader.text()?);
            ends.push(texts.len() as u32);
        }
        let mut spots = Vec::new();
        for number in 0..reader.count()? {
            let [function, file, line, inlined_at] =
                [reader.small()?, reader.small()?, reader.small()?, reader.small()?];
            let known = |text: u32| (text as usize) < ends.len();
            if !known(function) || !known(file) || inlined_at as usize > number {
                return Err(LinesError::Damaged);
            }
            spots.push(Stored { function, file, line, inlined_at });
        }
        let (mut rows, mut at) = (Vec::new(), 0_u32);
        for _ in 0..reader.count()? {
            at = at.checked_add(reader.small()?).ok_or(LinesError::Damaged)?;
            let spot = reader.small()?;
            if spot as usize > spots.len() {
                return Err(LinesError::Damaged);
            }
            rows.push((at, spot));
        }
        if reader.rest.is_empty() { Ok(Self { texts, ends, spots, rows }) } else { Err(LinesError::Damaged) }
    }

    /// What the code at this byte of the module's file was written as: innermost first, then what it is inlined into. Nothing
    /// where nothing is known.
    pub fn at(&self, offset: usize) -> impl Iterator<Item = Spot<'_>> {
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        let row = self.rows.partition_point(|(from, _)| *from <= offset).checked_sub(1);
        let first = row.map_or(0, |row| self.rows[row].1);
        let stored = |number: u32| number.checked_sub(1).map(|index| &self.spots[index as usize]);
        // Termination: what a spot is inlined at has a smaller number, which was checked.
        let chain = std::iter::successors(stored(first), move |spot| stored(spot.inlined_at));
        chain.take(INLINED).map(|spot| Spot {
            function: self.text(spot.function),
            file: self.text(spot.file),
            line: spot.line,
        })
    }

    fn text(&self, number: u32) -> &str {
        let index = number as usize;
        let begin = index.checked_sub(1).map_or(0, |before| self.ends[before]) as usize;
        &self.texts[begin..self.ends[index] as usize]
    }
}

/// Makes the section.
#[derive(Debug, Default)]
pub struct LineTableBuilder {
    numbers: BTreeMap<String, u32>,
    texts: Vec<String>,
    known: BTreeMap<Stored, u32>,
    spots: Vec<Stored>,
    rows: BTreeMap<u32, u32>,
}

impl LineTableBuilder {
    /// From this byte of the file on, the code is this: innermost first, then what it is inlined into; empty: nothing is known.
    pub fn add(&mut self, offset: u32, chain: &[Spot<'_>]) {
        let mut outer = 0;
        for spot in chain.iter().take(INLINED).rev() {
            let stored = Stored {
                function: self.number(spot.function),
                file: self.number(spot.file),
                line: spot.line,
                inlined_at: outer,
            };
            let spots = &mut self.spots;
            outer = *self.known.entry(stored).or_insert_with(|| {
                spots.push(stored);
                spots.len() as u32
            });
        }
        self.rows.insert(offset, outer);
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The section's bytes: the same for the same rows in the same order. `moved`: added to every offset.
    pub fn encode(&self, moved: u32) -> Vec<u8> {
        let mut section = Vec::new();
        let mut put = |number: u64| put_number(&mut section, number);
        put(VERSION);
        put(self.texts.len() as u64);
        for text in &self.texts {
            put_number(&mut section, text.len() as u64);
            section.extend_from_slice(text.as_bytes());
        }
        let mut put = |number: u32| put_number(&mut section, u64::from(number));
        put(self.spots.len() as u32);
        for Stored { function, file, line, inlined_at } in &self.spots {
            [*function, *file, *line, *inlined_at].into_iter().for_each(&mut put);
        }
        // A row that says what the one before it says is left out.
        let mut last = 0;
        let rows: Vec<_> =
            self.rows.iter().filter(|(_, spot)| std::mem::replace(&mut last, **spot) != **spot).collect();
        put(rows.len() as u32);
        let mut before = 0;
        for (offset, spot) in rows {
            let at = offset.saturating_add(moved);
            put(at - before);
            put(*spot);
            before = at;
        }
        section
    }

    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.texts.len() as u32;
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }
}

fn put_number(section: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        section.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    section.push(number as u8);
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn number(&mut self) -> Result<u64, LinesError> {
        let mut number = 0_u64;
        for shift in (0..63).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(LinesError::Damaged)?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(LinesError::Damaged)
    }

    fn small(&mut self) -> Result<u32, LinesError> {
        u32::try_from(self.number()?).map_err(|_| LinesError::Damaged)
    }

    /// Of things that take at least a byte each: never more than there is room for.
    fn count(&mut self) -> Result<usize, LinesError> {
        let count = usize::try_from(self.number()?).map_err(|_| LinesError::Damaged)?;
        if count > self.rest.len() { Err(LinesError::Damaged) } else { Ok(count) }
    }

    fn text(&mut self) -> Result<&'a str, LinesError> {
        let length = self.count()?;
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        std::str::from_utf8(text).map_err(|_| LinesError::Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Spot<'_> = Spot { function: "hunt::step", file: "src/hunt.rs", line: 12 };
    const TICK: Spot<'_> = Spot { function: "Streets::tick", file: "src/lib.rs", line: 40 };
    const SAVE: Spot<'_> = Spot { function: "Streets::save", file: "src/lib.rs", line: 90 };

    fn table() -> Vec<u8> {
        let mut builder = LineTableBuilder::default();
        builder.add(30, &[SAVE]);
        builder.add(10, &[STEP, TICK]);
        builder.add(12, &[STEP, TICK]);
        builder.add(20, &[TICK]);
        builder.add(25, &[]);
        builder.encode(1000)
    }

    fn at(table: &LineTable, offset: usize) -> Vec<Spot<'_>> {
        table.at(offset).collect()
    }

    #[test]
    fn a_byte_of_code_is_what_the_row_at_or_before_it_says() {
        let table = LineTable::decode(&table()).expect("a table");
        assert!(at(&table, 1009).is_empty());
        for inlined in [1010, 1012, 1019] {
            assert_eq!(at(&table, inlined), [STEP, TICK]);
        }
        assert_eq!(at(&table, 1020), [TICK]);
        assert!(at(&table, 1025).is_empty());
        assert_eq!(at(&table, usize::MAX), [SAVE]);
        // 10, 20, 25 and 30: 12 says nothing new.
        assert_eq!(table.rows.len(), 4);
    }

    #[test]
    fn an_empty_table_knows_nothing() {
        let table = LineTable::decode(&LineTableBuilder::default().encode(0)).expect("a table");
        assert!(at(&table, 5).is_empty());
    }

    #[test]
    fn a_damaged_table_is_refused_or_answers_something() {
        let whole = table();
        for end in 0..whole.len() {
            assert!(LineTable::decode(&whole[..end]).is_err(), "cut off at {end}");
        }
        assert_eq!(LineTable::decode(&[&whole[..], &[0]].concat()), Err(LinesError::Damaged));
        assert_eq!(LineTable::decode(&vec![0; SECTION_BYTES + 1]), Err(LinesError::TooLarge));
        assert_eq!(LineTable::decode(&[9]), Err(LinesError::Version));
        for index in 0..whole.len() {
            for byte in 0..=255 {
                let mut damaged = whole.clone();
                damaged[index] = byte;
                if let Ok(table) = LineTable::decode(&damaged) {
                    assert!((900..1100).all(|offset| table.at(offset).count() <= INLINED));
                }
            }
        }
    }

    #[test]
    fn a_table_that_claims_to_be_huge_takes_no_memory() {
        // 2^40 texts.
        assert_eq!(LineTable::decode(&[1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20]), Err(LinesError::Damaged));
    }
}
