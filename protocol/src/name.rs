//! Players' names: which are good, and which could be taken for each other.
//!
//! The one rule for guests, tickets and renames. A good name is in one script, or in one of the mixtures that Unicode's TS #39 calls
//! highly restrictive (Latin beside Japanese, Chinese or Korean), of characters that it allows in identifiers. Two names are too
//! alike when they differ only in case, or when they look alike (its confusables) as they are written or in lower case: `Ann`, `ANN`, `Аnn`
//! with a Cyrillic А; `Ian` and `lan`; `Bob` and `B0b`. An index of [`index_keys`] keeps them apart: a player holds every key of her name,
//! and who would share one with her is refused.
//!
//! The tables are those of the crates that `Cargo.lock` pins. Newer ones may give some name another key. Keys once taken stay
//! taken (a player's record lists them), and the missing one is taken when she logs in next.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use unicode_security::GeneralSecurityProfile as _;
use unicode_security::mixed_script::AugmentedScriptSet;
use unicode_security::skeleton;

use crate::limits::NAME_CHARS;
use crate::record::fold_name;

/// What may stand between letters, one at a time.
const JOINTS: [char; 3] = [' ', '\'', '-'];
/// Accents, vowel signs and tone marks over one letter, beyond those that normalisation makes part of it.
const MARKS: usize = 2;
/// Keys of looks begin so: no name does, so they are never mistaken for a name's spelling.
const LOOKS: char = ' ';

/// What is wrong with a name, and how to mend it, for the person who chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameFlaw {
    /// Too short or too long.
    #[error("a name has {} to {} characters", NAME_CHARS.start(), NAME_CHARS.end())]
    Length,
    /// A character that has no place in a name: a control, an invisible or a direction mark, a symbol, a letter out of use.
    #[error("a name has no U+{:04X} in it: use letters, digits 0 to 9, and single spaces, apostrophes or hyphens between them", *.0 as u32)]
    Character(char),
    /// A space, apostrophe or hyphen at the end, or two of them together.
    #[error("spaces, apostrophes and hyphens of a name stand one by one between letters")]
    Joint,
    /// Marks without a letter, or too many on one.
    #[error("a letter of a name carries at most {MARKS} marks besides its own accents")]
    Marks,
    /// Only digits.
    #[error("a name has at least one letter")]
    NoLetter,
    /// Letters of scripts that are easily taken for each other.
    #[error("the letters of a name are of one script; Latin may stand beside Japanese, Chinese or Korean")]
    Scripts,
}

/// A name as it is kept and shown: compatibility forms become plain ones, accents part of their letters (NFKC), a typographic
/// apostrophe a plain one; without spaces around.
pub fn canonical(name: &str) -> String {
    let plain: String = name.nfkc().map(|c| if c == '\u{2019}' { '\'' } else { c }).collect();
    plain.trim().to_owned()
}

/// The [`canonical`] form of a good name.
///
/// # Errors
/// The first flaw of one that is not.
pub fn check_name(name: &str) -> Result<String, NameFlaw> {
    // Whatever is longer than any name is not normalised: a stranger may have sent it.
    if name.len() > 16 * NAME_CHARS.end() {
        return Err(NameFlaw::Length);
    }
    let name = canonical(name);
    if !NAME_CHARS.contains(&name.chars().count()) {
        return Err(NameFlaw::Length);
    }
    // As after a joint: the first must be a letter or a digit.
    let (mut joint, mut marks) = (true, 0);
    for c in name.chars() {
        let mark = is_combining_mark(c);
        let is_joint = JOINTS.contains(&c);
        if !is_joint && !is_allowed(c, mark) {
            return Err(NameFlaw::Character(c));
        }
        if is_joint && joint {
            return Err(NameFlaw::Joint);
        }
        marks = if mark { marks + 1 } else { 0 };
        if marks > MARKS || (mark && joint) {
            return Err(NameFlaw::Marks);
        }
        joint = is_joint;
    }
    if joint {
        return Err(NameFlaw::Joint);
    }
    if !name.chars().any(char::is_alphabetic) {
        return Err(NameFlaw::NoLetter);
    }
    if is_in_one_script(&name) { Ok(name) } else { Err(NameFlaw::Scripts) }
}

fn is_allowed(c: char, mark: bool) -> bool {
    c.identifier_allowed() && (mark || c.is_alphabetic() || c.is_ascii_digit())
}

/// Whether all letters have a script in common, or, Latin ones aside, are written together in Japanese, Chinese or Korean.
fn is_in_one_script(name: &str) -> bool {
    let (mut all, mut besides_latin) = (AugmentedScriptSet::default(), AugmentedScriptSet::default());
    for c in name.chars().filter(|c| !JOINTS.contains(c)) {
        all.intersect_with(AugmentedScriptSet::for_char(c));
        if !c.is_ascii_alphabetic() && !is_latin(c) {
            besides_latin.intersect_with(AugmentedScriptSet::for_char(c));
        }
    }
    !all.is_empty() || besides_latin.hanb || besides_latin.jpan || besides_latin.kore
}

fn is_latin(c: char) -> bool {
    let mut with_latin = AugmentedScriptSet::for_char('a');
    with_latin.intersect_with(AugmentedScriptSet::for_char(c));
    !with_latin.is_empty()
}

/// Under which keys an index of names holds this one: nobody may have a name that shares one with hers. The first is its spelling
/// ([`fold_name`]), by which it is looked up, the others its looks.
pub fn index_keys(name: &str) -> Vec<String> {
    let canonical = canonical(name);
    let looks = [looks_of(&canonical.to_lowercase()), looks_of(&canonical)];
    let mut keys = vec![fold_name(name)];
    for key in looks {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

fn looks_of(name: &str) -> String {
    let looks: String = skeleton(name).collect();
    format!("{LOOKS}{}", looks.to_lowercase())
}

/// Under which keys somebody who is called so may be found, the likeliest first.
pub fn lookup_keys(name: &str) -> Vec<String> {
    let (canonical, raw) = (fold_name(&canonical(name)), fold_name(name));
    // A name of before there was a canonical form stands under its own.
    if canonical == raw { vec![canonical] } else { vec![canonical, raw] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_alike(a: &str, b: &str) -> bool {
        let keys = index_keys(a);
        index_keys(b).iter().any(|key| keys.contains(key))
    }

    #[test]
    fn names_of_many_peoples_are_good() {
        let names = [
            "Ann",
            "Al",
            "O'Hara",
            "Jean-Luc",
            "Änn van der Berg",
            "Ngô Bảo Châu",
            "Ольга",
            "Ωμέγα",
            "李小龙",
            "さくらちゃん",
            "Tokyo太郎",
            "김연아",
            "מרים",
            "فاطمة",
            "अनुष्का",
            "สมชาย",
            "Agent 47",
            "B0b",
            "DJ Żółw",
        ];
        for name in names {
            assert_eq!(check_name(name).as_deref(), Ok(name), "{name}");
        }
        assert_eq!(check_name("  Ａｎｎ\u{a0}Ｌｅｅ ").as_deref(), Ok("Ann Lee"), "full-width letters are letters");
        assert_eq!(check_name("O\u{2019}Hara").as_deref(), Ok("O'Hara"));
        assert_eq!(check_name("Zoe\u{308}").as_deref(), Ok("Zo\u{eb}"));
    }

    #[test]
    fn a_bad_name_is_refused_for_what_is_wrong_with_it() {
        let bad = [
            ("A", NameFlaw::Length),
            ("", NameFlaw::Length),
            ("                ", NameFlaw::Length),
            ("aaaaaaaaaaaaaaaaaaaaaaaaa", NameFlaw::Length),
            ("A\u{7}B", NameFlaw::Character('\u{7}')),
            ("An\u{200b}n", NameFlaw::Character('\u{200b}')),
            ("An\u{200d}n", NameFlaw::Character('\u{200d}')),
            ("An\u{202e}n", NameFlaw::Character('\u{202e}')),
            ("An\u{ad}n", NameFlaw::Character('\u{ad}')),
            ("Ann\u{fe0f}", NameFlaw::Character('\u{fe0f}')),
            ("An\u{3164}n", NameFlaw::Character('\u{1160}')),
            ("Ann_Lee", NameFlaw::Character('_')),
            ("Ann😀", NameFlaw::Character('😀')),
            ("Ann/Lee", NameFlaw::Character('/')),
            ("Ann\nLee", NameFlaw::Character('\n')),
            ("-Ann", NameFlaw::Joint),
            ("Ann-", NameFlaw::Joint),
            ("Ann  Lee", NameFlaw::Joint),
            ("O' Hara", NameFlaw::Joint),
            ("\u{302}Ann", NameFlaw::Marks),
            ("q\u{302}\u{303}\u{304}q", NameFlaw::Marks),
            ("12345", NameFlaw::NoLetter),
            ("\u{410}nn", NameFlaw::Scripts),
            ("\u{3b1}nn", NameFlaw::Scripts),
            ("Ann\u{5d0}", NameFlaw::Scripts),
            ("\u{410}\u{3b2}", NameFlaw::Scripts),
        ];
        for (name, flaw) in bad {
            assert_eq!(check_name(name), Err(flaw), "{name:?}");
        }
        assert_eq!(check_name(&"Z\u{308}".repeat(1 << 20)), Err(NameFlaw::Length));
    }

    #[test]
    fn names_that_look_alike_share_a_key() {
        let alike = [
            ("Ann", "ann"),
            ("ÄNN", "änn"),
            ("Ann", "\u{410}nn"),
            ("ANNA", "\u{391}\u{39d}\u{39d}\u{391}"),
            ("COCA", "\u{421}\u{41e}\u{421}\u{410}"),
            ("Ian", "lan"),
            ("Ian", "1an"),
            ("bob", "B0b"),
            ("Bernard", "Bemard"),
            ("O'Hara", "O\u{2019}Hara"),
            ("Ann", "Ａｎｎ"),
            ("Ann", "An\u{200b}n"),
        ];
        for (a, b) in alike {
            assert!(are_alike(a, b) && are_alike(b, a), "{a} {b}: {:?} {:?}", index_keys(a), index_keys(b));
        }
        for (a, b) in [("Ann", "Anna"), ("Ella", "Elia"), ("Nina", "Vina"), ("Ann", "Änn"), ("Ann Lee", "AnnLee")] {
            assert!(!are_alike(a, b), "{a} {b}: {:?} {:?}", index_keys(a), index_keys(b));
        }
    }

    #[test]
    fn a_name_is_held_by_its_spelling_as_it_always_was_and_by_its_looks() {
        assert_eq!(index_keys("Ann"), ["ann", " ann"]);
        assert_eq!(index_keys("Ian"), ["ian", " ian", " lan"]);
        assert_eq!(lookup_keys(" ANN "), ["ann"]);
        assert_eq!(lookup_keys("Ａｎｎ"), ["ann", "ａｎｎ"]);
    }

    /// Should this fail after an upgrade of the crates, then names of today may have other keys than players hold (see the head of this
    /// file): read Unicode's list of changed confusables, then put the new digest here.
    #[test]
    fn the_tables_are_those_of_unicode_that_this_was_written_with() {
        let mut looks = blake3::Hasher::new();
        for c in ('!'..='\u{2ffff}').filter(|c| c.is_alphanumeric() && c.identifier_allowed()) {
            looks.update(looks_of(&c.to_string()).as_bytes());
        }
        let expected = "b0a46f49cd6e74dfd3828bee5b6420e0850ad749d9308b30365cfbbe276b8617";
        assert_eq!(looks.finalize().to_hex().as_str(), expected);
    }
}
