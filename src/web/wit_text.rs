//! Syntax highlighting for WIT, and for types in the WebAssembly text format.

use maud::{Markup, PreEscaped, html};

use super::text::escaped;

/// The keywords that are highlighted.
const KEYWORDS: [&str; 24] = [
    "package",
    "world",
    "interface",
    "import",
    "export",
    "include",
    "use",
    "func",
    "type",
    "record",
    "variant",
    "enum",
    "flags",
    "resource",
    "static",
    "constructor",
    "async",
    "as",
    "with",
    "param",
    "result",
    "mut",
    "shared",
    "ref",
];

/// The names of types that are highlighted.
const TYPES: [&str; 35] = [
    "u8",
    "u16",
    "u32",
    "u64",
    "s8",
    "s16",
    "s32",
    "s64",
    "f32",
    "f64",
    "i8",
    "i16",
    "i32",
    "i64",
    "v128",
    "char",
    "bool",
    "string",
    "list",
    "option",
    "tuple",
    "future",
    "stream",
    "own",
    "borrow",
    "error-context",
    "funcref",
    "externref",
    "anyref",
    "eqref",
    "memory",
    "table",
    "global",
    "tag",
    "map",
];

/// Renders WIT, or a type in the text format, with keywords, types, comments and versions highlighted.
pub(super) fn highlighted(text: &str) -> Markup {
    let mut markup = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while !rest.is_empty() {
        let (class, length) = next_token(rest);
        let (token, after) = rest.split_at(length);
        match class {
            Some(class) => markup.push_str(&html! { span class=(class) { (lines(token)) } }.0),
            None => markup.push_str(&lines(token).0),
        }
        rest = after;
    }
    PreEscaped(markup)
}

/// Renders text with escapes, but keeps its newlines.
fn lines(token: &str) -> Markup {
    let escaped: Vec<String> = token.split('\n').map(|line| escaped(line).0).collect();
    PreEscaped(escaped.join("\n"))
}

/// Returns the CSS class and the length of the token at the start of a text. The text must not be empty.
fn next_token(text: &str) -> (Option<&'static str>, usize) {
    if text.starts_with("//") {
        return (Some("c"), text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return (Some("c"), text.find("*/").map_or(text.len(), |end| end + 2));
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let word_length = |text: &str| text.find(|c| !is_word(c)).unwrap_or(text.len());
    if let Some(version) = text.strip_prefix('@') {
        let is_version = |c: char| is_word(c) || c == '.' || c == '+';
        return (
            Some("p"),
            1 + version.find(|c| !is_version(c)).unwrap_or(version.len()),
        );
    }
    // In WIT, a `%` before a keyword makes it a name.
    if let Some(name) = text.strip_prefix('%') {
        return (None, 1 + word_length(name));
    }
    match word_length(text) {
        0 => {
            let is_start = |c: char| is_word(c) || matches!(c, '/' | '@' | '%');
            let mut chars = text.char_indices().skip(1);
            (
                None,
                chars
                    .find(|(_, c)| is_start(*c))
                    .map_or(text.len(), |(at, _)| at),
            )
        }
        length => (word_class(&text[..length]), length),
    }
}

fn word_class(word: &str) -> Option<&'static str> {
    if KEYWORDS.contains(&word) {
        Some("k")
    } else {
        TYPES.contains(&word).then_some("ty")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_comments_and_versions_are_marked() {
        for (text, markup) in [
            (
                "package a:b@1.0;",
                "<span class=\"k\">package</span> a:b<span class=\"p\">@1.0</span>;",
            ),
            (
                "use %use as x/y",
                "<span class=\"k\">use</span> %use <span class=\"k\">as</span> x/y",
            ),
            (
                "list<u8> // <x>\nü",
                "<span class=\"ty\">list</span>&lt;<span class=\"ty\">u8</span>&gt; <span class=\"c\">// &lt;x&gt;</span>\nü",
            ),
            ("/* a\n", "<span class=\"c\">/* a\n</span>"),
            ("a / b", "a / b"),
        ] {
            assert_eq!(highlighted(text).0, markup);
        }
    }
}
