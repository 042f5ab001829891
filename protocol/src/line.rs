//! What a line of chat may be made of.
//!
//! A line stands among others' lines on a screen: it must not look like two, write over its neighbours or hide words. So control
//! characters (line breaks among them) refuse it, and characters that show nothing but change how the rest is read are taken out:
//! the zero-width ones, marks that turn the direction of writing, fillers, tags. The joiners U+200C and U+200D and the variation
//! selectors stay: scripts and emoji are written with them.

use crate::limits::CHAT_CHARS;

/// Why a text is no line of chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadLine {
    /// Over [`CHAT_CHARS`] Unicode scalar values, invisible ones not counted.
    #[error("a line has at most {CHAT_CHARS} characters")]
    TooLong,
    /// A control character, or one that ends a line.
    #[error("a line has no control characters")]
    Control,
    /// Nothing that can be seen.
    #[error("there is nothing in that line")]
    Empty,
}

/// The line that is heard when this text is said.
///
/// # Errors
/// When it is no line.
pub fn clean(text: &str) -> Result<String, BadLine> {
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err(BadLine::Control);
    }
    let line: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    if line.chars().count() > CHAT_CHARS {
        return Err(BadLine::TooLong);
    }
    if line.chars().all(|c| c.is_whitespace() || is_joiner(c)) {
        return Err(BadLine::Empty);
    }
    Ok(line)
}

/// Shows nothing by itself, but what stands beside it otherwise: legitimate inside words and emoji.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}')
}

/// Shows nothing, and is in nobody's way of writing: of Unicode's format characters and default ignorable ones all but the
/// joiners. Not control characters.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}'
            | '\u{34F}'
            // Marks, embeddings, overrides and isolates of the direction of writing.
            | '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
            // Zero-width space, word joiner, invisible operators, byte order mark.
            | '\u{200B}' | '\u{2060}'..='\u{2065}' | '\u{FEFF}'
            // Deprecated format characters, interlinear annotation.
            | '\u{206A}'..='\u{206F}' | '\u{FFF0}'..='\u{FFFB}'
            // Fillers of Hangul, inherent vowels of Khmer, Mongolian selectors, the empty Braille cell.
            | '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}' | '\u{2800}'
            // Shorthand and musical format controls, tags and the supplement of variation selectors.
            | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_the_writing_or_shows_nothing_is_taken_out() {
        assert_eq!(clean("pay \u{202E}01\u{202C} coins\u{200B}").as_deref(), Ok("pay 01 coins"));
        assert_eq!(clean("\u{FEFF}a\u{2066}b\u{2069}c\u{AD}\u{E0041}").as_deref(), Ok("abc"));
        assert_eq!(clean("\u{3164}Bob\u{2800}").as_deref(), Ok("Bob"));
    }

    #[test]
    fn every_script_and_every_emoji_stays_as_it_is() {
        for text in ["Grüße, мир, 世界!", "می\u{200C}خواهم", "👩\u{200D}🚀 ❤\u{FE0F}", "שלום", "e\u{301}"]
        {
            assert_eq!(clean(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_could_look_like_another_line_is_refused() {
        for text in ["a\nb", "a\u{2028}b", "a\u{2029}", "\u{1b}[2J", "\u{85}", "\0"] {
            assert_eq!(clean(text), Err(BadLine::Control), "{text:?}");
        }
    }

    #[test]
    fn a_line_that_shows_nothing_is_none() {
        for text in ["", "  ", "\u{200B}\u{202E}", " \u{200D}\u{FE0F}", "\u{3000}"] {
            assert_eq!(clean(text), Err(BadLine::Empty), "{text:?}");
        }
    }

    #[test]
    fn the_length_counts_what_is_left() {
        let longest = "🌒".repeat(CHAT_CHARS);
        assert_eq!(clean(&format!("{longest}\u{200B}")), Ok(longest.clone()));
        assert_eq!(clean(&format!("{longest}.")), Err(BadLine::TooLong));
    }
}
