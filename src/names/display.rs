//! Characters that control a terminal instead of being printed.

/// Returns whether `c` is a control character (C0, DEL or C1), or changes the direction of the text around it (the property `Bidi_Control`
/// of Unicode). On a terminal, such a character can forge or hide output.
pub fn is_display_control(c: char) -> bool {
    c.is_control() || is_bidi_control(c)
}

/// Returns whether `c` has the property `Bidi_Control` (Unicode Character Database, PropList.txt).
pub(super) fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns the text with an escape sequence of Rust, such as `\n` or `\u{202e}`, in place of each character for which
/// [`is_display_control`] returns true.
pub fn printable(text: &str) -> String {
    escape(text, is_display_control)
}

/// The maximum number of characters of a name in [`printable_excerpt`].
const EXCERPT_CHARS: usize = 200;

/// Returns the text as [`printable`] does, cut if it is long: names from requests may have any length, and errors repeat them.
pub fn printable_excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT_CHARS) {
        Some((end, _)) => format!("{}…", printable(&text[..end])),
        None => printable(text),
    }
}

/// Returns the text with an escape sequence of Rust in place of each character for which `is_escaped` returns true.
pub fn escape(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_escaped(c) {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_bidi_controls_are_escaped() {
        assert_eq!(
            printable("a\nb\u{1b}[31m\u{9b}ä\t\u{202e}\u{2069}\u{61c}\u{200f}"),
            r"a\nb\u{1b}[31m\u{9b}ä\t\u{202e}\u{2069}\u{61c}\u{200f}"
        );
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let whole = "ä".repeat(EXCERPT_CHARS);
        assert_eq!(printable_excerpt(&whole), whole);
        assert_eq!(
            printable_excerpt(&format!("{whole}\n")),
            format!("{whole}…")
        );
        assert_eq!(printable_excerpt("a\n"), "a\\n");
    }

    #[test]
    fn exactly_the_control_and_bidi_control_characters_are_display_controls() {
        let count = ('\0'..=char::MAX)
            .filter(|c| is_display_control(*c))
            .count();
        assert_eq!(count, 32 + 1 + 32 + 12);
        for c in [
            '\u{a0}', '\u{200b}', '\u{200d}', '\u{2065}', '\u{206a}', 'א',
        ] {
            assert!(!is_display_control(c), "{c:?}");
        }
    }
}
