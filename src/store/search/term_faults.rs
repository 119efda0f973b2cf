//! Finds the terms that are well-formed, but with which a query cannot find what its author means. They are errors, because an empty result
//! would be believed.

use super::item_pattern::ItemPattern;
use super::size_bound::is_unit;
use crate::index::ItemKind;
use crate::names::nearest;
use crate::wasm::{ModuleKind, requirement_names};

/// The keys that are followed by a colon.
const KEYS: [&str; 9] = [
    "kind", "import", "export", "needs", "crate", "producer", "license", "licence", "path",
];

/// The characters with which the bound of a size or version begins.
const OPERATORS: [char; 3] = ['<', '>', '='];

/// Returns the fault of a value of `kind:` or `needs:` that no module can have: the values of these keys are a closed list.
pub(super) fn value_fault(kind: ItemKind, pattern: &ItemPattern) -> Option<String> {
    let (key, values) = match kind {
        ItemKind::Kind => {
            let kinds = [ModuleKind::Component, ModuleKind::Module];
            ("kind", kinds.map(|kind| kind.as_str().to_owned()).to_vec())
        }
        ItemKind::Needs => ("needs", requirement_names()),
        _ => return None,
    };
    if values.iter().any(|value| pattern.matches(value, "")) {
        return None;
    }
    let names: Vec<_> = values.iter().map(String::as_str).collect();
    Some(match nearest(&pattern.to_string(), &names) {
        Some(value) => {
            format!("`{pattern}` is not a value of `{key}:`: did you mean `{key}:{value}`?")
        }
        None => format!(
            "`{pattern}` is not a value of `{key}:`, which are {}",
            values.join(", ")
        ),
    })
}

/// Returns the fault of a word without quotes. `previous` is the term before it, and `next` the text after it.
pub(super) fn word_fault(previous: &str, word: &str, next: &str) -> Option<String> {
    if ["AND", "OR", "NOT"].contains(&word) {
        return Some(format!(
            "`{word}` is not an operator: all terms must hold, and a `-` in front of a term negates it; \
             put the word in quotes to search for it"
        ));
    }
    if is_unit(word) && is_size(previous) {
        return Some(without_spaces(previous, word, ""));
    }
    if word.starts_with(OPERATORS) && !previous.is_empty() {
        return Some(without_spaces(previous, word, next));
    }
    let key_end = word.find(OPERATORS)?;
    let (key, rest) = word.split_at(key_end);
    let value = rest.trim_start_matches(OPERATORS);
    (KEYS.contains(&key) && !value.is_empty()).then(|| {
        format!(
            "a `:` follows `{key}`: write `{key}:{value}`, or put the text in quotes to search for it"
        )
    })
}

/// Returns the fault of a bound with spaces around its operator. `text` begins with the operator; if nothing follows it there, `next`, the
/// text after it, begins with the value.
pub(super) fn without_spaces(before: &str, text: &str, next: &str) -> String {
    let value = match text.trim_start_matches(OPERATORS) {
        "" => next.split_whitespace().next().unwrap_or_default(),
        _ => "",
    };
    format!("a bound has no spaces: write `{before}{text}{value}`")
}

fn is_size(term: &str) -> bool {
    let bound = term.trim_start_matches('-').strip_prefix("size");
    bound.is_some_and(|bound| bound.starts_with(OPERATORS) || bound.starts_with(':'))
}
