//! Finds what matched the terms of a search query in the modules of a page.

use std::collections::{HashMap, HashSet};

use super::query::{Condition, Query, Term};
use crate::index::{ItemEntry, ItemKind, Reader};
use crate::names::ModuleHash;
use crate::store::error::Result;
use crate::store::facts::{ModuleFacts, items};

/// The maximum cost of finding what matched in the modules of one page. The cost of a module is the size of its facts, in bytes of JSON,
/// for each term that must be compared with them. With the facts of most modules, this is enough for more than 1,000 modules.
pub(super) const MATCHING_COST_MAX: u64 = 16 << 20;

/// The maximum total length of the texts of one page, in bytes. A few large modules at many paths would otherwise make a page of many MiB.
pub const MATCHED_BYTES_MAX: usize = 1 << 20;

/// The maximum number of texts that are listed for each term, and for all terms of a module.
const TERM_TEXTS_MAX: usize = 4;
const TEXTS_MAX: usize = 16;

/// The maximum length of a name, a version or a text from the metadata, in characters.
const NAME_CHARS_MAX: usize = 160;

/// What matched the terms of a query in a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MatchedTerms {
    /// What matched, in the order of the terms: `export run`, `import wasi:http/types@0.2.3`, `crate tokio 1.38.0`, `size 1200 bytes`. At
    /// most four texts for each term, and 16 in all. The texts come from the module and may contain any characters.
    pub texts: Vec<String>,
    /// The number of further items that match.
    pub left_out: usize,
}

/// Finds what matched the terms of a query, with one lookup in the index for each module.
pub(super) struct TermMatcher<'q> {
    /// The terms that the facts about a module show.
    terms: Vec<&'q Term>,
    /// What matched in the modules so far: many paths may have the same module.
    known: HashMap<ModuleHash, MatchedTerms>,
    cost: u64,
    /// The total length of the texts that were returned, in bytes.
    text_bytes: usize,
}

impl<'q> TermMatcher<'q> {
    pub fn new(query: &'q Query) -> Self {
        // A negated term matches nothing in the module, and a path is in the result anyway.
        let terms = query.terms.iter().filter(|term| !term.is_negated);
        let terms = terms.filter(|term| !matches!(term.condition, Condition::Path(_)));
        Self {
            terms: terms.collect(),
            known: HashMap::new(),
            cost: 0,
            text_bytes: 0,
        }
    }

    /// Returns whether no further module should be looked up for the same page.
    pub fn is_exhausted(&self) -> bool {
        self.cost >= MATCHING_COST_MAX || self.text_bytes >= MATCHED_BYTES_MAX
    }

    /// Returns what matched in a module; nothing if the index does not have the facts about it.
    pub fn matched_in(&mut self, index: &Reader, hash: ModuleHash) -> Result<MatchedTerms> {
        if self.terms.is_empty() {
            return Ok(MatchedTerms::default());
        }
        let matched = match self.known.get(&hash) {
            Some(matched) => matched.clone(),
            None => self.look_up(index, hash)?,
        };
        self.text_bytes += matched.texts.iter().map(String::len).sum::<usize>();
        Ok(matched)
    }

    fn look_up(&mut self, index: &Reader, hash: ModuleHash) -> Result<MatchedTerms> {
        let stored = index.facts(hash)?;
        let decoded = stored.as_deref().and_then(ModuleFacts::decode_counted);
        let matched = match decoded {
            Some((facts, json_bytes)) => {
                self.cost += json_bytes * self.terms.len() as u64;
                matched(&self.terms, &facts)
            }
            None => MatchedTerms::default(),
        };
        self.known.insert(hash, matched.clone());
        Ok(matched)
    }
}

fn matched(terms: &[&Term], facts: &ModuleFacts) -> MatchedTerms {
    let items = items(facts);
    let (mut matched, mut seen) = (MatchedTerms::default(), HashSet::new());
    for term in terms {
        let mut listed = 0;
        for text in texts(&term.condition, &items, facts) {
            if seen.contains(&text) {
                continue;
            }
            if listed < TERM_TEXTS_MAX && matched.texts.len() < TEXTS_MAX {
                matched.texts.push(text.clone());
                listed += 1;
            } else {
                matched.left_out += 1;
            }
            seen.insert(text);
        }
    }
    matched
}

/// Returns the texts for what matches a term in a module.
fn texts(condition: &Condition, items: &[ItemEntry], facts: &ModuleFacts) -> Vec<String> {
    match condition {
        Condition::Item(kind, pattern) => {
            let items = items
                .iter()
                .filter(|item| item.kind == *kind && pattern.matches(&item.name, &item.version));
            items.map(item_text).collect()
        }
        Condition::Size(_) => vec![format!("size {} bytes", facts.facts.size_bytes)],
        Condition::Path(_) => Vec::new(),
        Condition::Words(words) => {
            let metadata = &facts.facts.metadata;
            let texts = [
                ("name", &metadata.name),
                ("description", &metadata.description),
                ("authors", &metadata.authors),
            ];
            let words = words.to_lowercase();
            let texts = texts.into_iter().filter_map(|(field, text)| {
                let text = text.as_deref()?;
                // The index also finds words with other accents or separators. They are not shown.
                let has_words = text.to_lowercase().contains(&words);
                has_words.then(|| format!("{field} {}", cut(text)))
            });
            texts.collect()
        }
    }
}

fn item_text(item: &ItemEntry) -> String {
    let kind = item.kind.as_str();
    let before_version = match item.kind {
        ItemKind::Import | ItemKind::Export => "@",
        _ => " ",
    };
    let name = cut(&item.name);
    if item.version.is_empty() {
        format!("{kind} {name}")
    } else {
        format!("{kind} {name}{before_version}{}", cut(&item.version))
    }
}

/// Returns the text, or its start and an ellipsis if it is long.
fn cut(text: &str) -> String {
    match text.char_indices().nth(NAME_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::ByteBudget;

    fn facts_of(text: &str) -> ModuleFacts {
        let hash = "da4d0da524e6863ebc3c49ab81fcf1f0cc1d2b08".parse().unwrap();
        let bytes = wat::parse_str(text).unwrap();
        ModuleFacts::of(hash, &bytes, &ByteBudget::new(1 << 30)).unwrap()
    }

    fn matched_by(query: &str, facts: &ModuleFacts) -> MatchedTerms {
        let query = Query::parse(query).unwrap();
        matched(&TermMatcher::new(&query).terms, facts)
    }

    #[test]
    fn each_term_lists_what_it_matched() {
        let facts = facts_of(
            r#"(module $Parser (import "wasi:http/types@0.2.3" "get" (func)) (import "env" "memory" (memory 1 2 shared))
                (func (export "run")) (func (export "stop")))"#,
        );
        let size = format!("size {} bytes", facts.facts.size_bytes);
        for (query, expected) in [
            ("export:run", &["export run"][..]),
            ("-export:x path:**", &[]),
            (
                "export:* import:wasi:http@0.2",
                &[
                    "export run",
                    "export stop",
                    "import wasi:http/types.get@0.2.3",
                ],
            ),
            ("export:run export:r*", &["export run"]),
            (
                "needs:threads kind:module",
                &["needs threads", "kind module"],
            ),
            ("size>1", &[&size]),
            ("parser", &["name Parser"]),
        ] {
            let matched = matched_by(query, &facts);
            assert_eq!(matched.texts, expected, "{query}");
            assert_eq!(matched.left_out, 0, "{query}");
        }
    }

    #[test]
    fn a_term_that_matches_much_leaves_room_for_the_others() {
        let exports: String = (0..100)
            .map(|n| format!(r#"(func (export "{n:03}{}"))"#, "ä".repeat(500)))
            .collect();
        let facts = facts_of(&format!("(module {exports})"));
        let matched = matched_by("export:* kind:module", &facts);
        assert_eq!(matched.texts.len(), 5);
        assert_eq!(matched.left_out, 96);
        assert_eq!(
            matched.texts[3].chars().count(),
            "export ".len() + NAME_CHARS_MAX + 1
        );
        assert_eq!(matched.texts[4], "kind module");
        let many = (0..9)
            .map(|n| format!("export:{n:03}* export:{n:02}* "))
            .collect::<String>();
        assert_eq!(matched_by(&many, &facts).texts.len(), TEXTS_MAX);
    }
}
