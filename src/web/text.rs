//! Renders text from modules and commits, which may contain any characters.

use maud::{Markup, PreEscaped, html};

use crate::names::is_display_control;

/// Returns whether a character is shown as an escape, because it changes how the text around it is shown, or because it is invisible, so
/// that two different names would look the same. The joiners U+200C and U+200D are not shown as escapes, because some scripts and emoji
/// need them.
fn is_hidden(c: char) -> bool {
    let is_invisible = matches!(
        c,
        '\u{ad}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
    );
    is_invisible || is_display_control(c)
}

/// Renders text on one line. Shows control and invisible characters as escapes, and isolates the direction of the text from the text around
/// it.
pub fn shown(text: &str) -> Markup {
    html! { bdi { (escaped(text)) } }
}

/// Renders text like [`shown`], cut to `chars_max` characters.
pub fn shown_cut(text: &str, chars_max: usize) -> Markup {
    match text.char_indices().nth(chars_max) {
        None => shown(text),
        Some((end, _)) => html! { bdi { (escaped(&text[..end])) "…" } },
    }
}

/// Renders a sentence like [`shown_cut`], with text between backticks as code.
pub fn sentence(text: &str, chars_max: usize) -> Markup {
    let (kept, is_cut) = match text.char_indices().nth(chars_max) {
        None => (text, false),
        Some((end, _)) => (&text[..end], true),
    };
    html! {
        bdi {
            @for (nth, part) in kept.split('`').enumerate() {
                @if nth % 2 == 0 { (escaped(part)) } @else { code { (shown(part)) } }
            }
            @if is_cut { "…" }
        }
    }
}

/// Renders text of several lines. Newlines and tabs are kept.
pub fn shown_lines(text: &str) -> Markup {
    let mut markup = String::with_capacity(text.len());
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let content = line.strip_suffix('\n').unwrap_or(line);
        markup.push_str(&escaped(content.strip_suffix('\r').unwrap_or(content)).0);
        if line.ends_with('\n') && lines.peek().is_some() {
            markup.push('\n');
        }
    }
    PreEscaped(markup)
}

/// Renders text. Writes hidden characters, such as control characters, as highlighted escapes. Unlike [`shown`], adds no element around the
/// text.
pub(super) fn escaped(text: &str) -> Markup {
    if !text.contains(is_hidden) {
        return html! { (text) };
    }
    let mut rest = text;
    let mut markup = String::with_capacity(text.len() + 64);
    while let Some(at) = rest.find(is_hidden) {
        let (before, after) = rest.split_at(at);
        let mut chars = after.chars();
        let control: String = { chars.by_ref() }
            .take(1)
            .flat_map(char::escape_default)
            .collect();
        markup.push_str(&html! { (before) span.ctrl { (control) } }.0);
        rest = chars.as_str();
    }
    markup.push_str(&html! { (rest) }.0);
    PreEscaped(markup)
}

/// Returns text for an attribute or a title, with escapes that are not highlighted, cut to `chars_max` characters.
pub fn plain(text: &str, chars_max: usize) -> String {
    let printable = crate::names::escape(text, is_hidden);
    match printable.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &printable[..end]),
        None => printable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_controls_are_shown() {
        assert_eq!(
            shown("<b>\u{202e}x\n&").0,
            "<bdi>&lt;b&gt;<span class=\"ctrl\">\\u{202e}</span>x<span class=\"ctrl\">\\n</span>&amp;</bdi>"
        );
        assert_eq!(shown_cut("äbc", 2).0, "<bdi>äb…</bdi>");
        assert_eq!(
            shown_lines("a\r\n\u{1b}[1m\n").0,
            "a\n<span class=\"ctrl\">\\u{1b}</span>[1m"
        );
        assert_eq!(plain("a\u{202e}b", 3), "a\\u…");
        assert_eq!(
            sentence("no `<f>` in `g", 10).0,
            "<bdi>no <code><bdi>&lt;f&gt;</bdi></code> i…</bdi>"
        );
        assert_eq!(
            plain("a\u{200b}\u{feff}\u{e0041}b\u{200d}", 99),
            "a\\u{200b}\\u{feff}\\u{e0041}b\u{200d}"
        );
        assert_eq!(
            shown("a\u{200b}").0,
            "<bdi>a<span class=\"ctrl\">\\u{200b}</span></bdi>"
        );
    }
}
