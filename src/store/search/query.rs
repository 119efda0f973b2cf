//! The search query and its parser.
//!
//! ```text
//! query   = term *( space term )
//! term    = [ "-" ] ( key ":" name [ version ] / "size" bound / "path:" glob / words )
//! key     = "kind" / "import" / "export" / "needs" / "crate" / "producer" / "license"
//! version = "@" requirement / ( "<" / "<=" / ">" / ">=" / "=" ) version
//! words   = word / <"> any text <">
//! ```
//!
//! All terms must hold. A `-` in front of a term negates it.

use std::fmt;
use std::ops::RangeInclusive;

use super::item_pattern::ItemPattern;
use super::size_bound::size_bound;
use super::term_faults::{value_fault, without_spaces, word_fault};
use crate::index::ItemKind;
use crate::names::Glob;

/// The maximum length of a query, in bytes.
pub(super) const QUERY_BYTES_MAX: usize = 4096;

/// The maximum number of terms of a query.
pub(super) const TERMS_MAX: usize = 64;

/// A parsed search query. A module is found if all terms hold.
#[derive(Clone, Debug)]
pub struct Query {
    text: String,
    pub(super) terms: Vec<Term>,
}

/// Displays the query as the user wrote it.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A term of a query.
#[derive(Clone, Debug)]
pub(super) struct Term {
    pub is_negated: bool,
    pub condition: Condition,
}

/// The condition of a term, without the negation.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    /// The module has an item of this kind that matches the pattern.
    Item(ItemKind, ItemPattern),
    /// The size of the module, in bytes, is in this range.
    Size(RangeInclusive<u64>),
    /// The glob matches the path of the module.
    Path(Glob),
    /// The words are in the path, or in the name, description or authors in the module's metadata.
    Words(String),
}

/// The error for a malformed query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed query: {fault}")]
pub struct QueryError {
    /// The query. Its end is cut off if it is too long.
    pub query: String,
    /// The byte offset of the fault in the query.
    pub offset: usize,
    /// A description of the fault, for the user.
    pub fault: String,
}

/// The number of characters of the query that an error shows before and after the fault.
const SHOWN_CHARS: usize = 60;

impl QueryError {
    /// Returns the error for a query or pattern that is too long.
    pub(super) fn too_long(text: &str) -> Self {
        let mut ends = (0..=QUERY_BYTES_MAX).rev();
        let end = ends.find(|end| text.is_char_boundary(*end));
        let start = &text[..end.unwrap_or_default()];
        Self {
            query: start.to_owned(),
            offset: start.len(),
            fault: format!(
                "it has {} bytes, and {QUERY_BYTES_MAX} are allowed",
                text.len()
            ),
        }
    }

    /// Returns the position of the fault in the query in characters, counted from 1.
    pub fn position(&self) -> usize {
        self.query[..self.offset].chars().count() + 1
    }

    /// Returns the text of the query around the fault, and a line with a caret that points to the fault.
    pub fn excerpt(&self) -> [String; 2] {
        let (before, after) = self.query.split_at(self.offset);
        // Replaces tabs and control characters, because they would shift the caret.
        let shown = |c: char| if c.is_control() { ' ' } else { c };
        let start = before.chars().count().saturating_sub(SHOWN_CHARS);
        let before: String = before.chars().skip(start).map(shown).collect();
        let after: String = after.chars().take(SHOWN_CHARS).map(shown).collect();
        let indent = " ".repeat(before.chars().count());
        [format!("{before}{after}"), format!("{indent}^")]
    }
}

impl Query {
    /// Parses a query.
    ///
    /// # Errors
    /// The query is malformed, empty, longer than 4,096 bytes, or has more than 64 terms.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if text.len() > QUERY_BYTES_MAX {
            return Err(QueryError::too_long(text));
        }
        let mut parser = Parser {
            text,
            offset: 0,
            previous: "",
        };
        let mut terms = Vec::new();
        while parser.skip_space() {
            if terms.len() == TERMS_MAX {
                return Err(
                    parser.error(parser.offset, format!("it has more than {TERMS_MAX} terms"))
                );
            }
            let start = parser.offset;
            terms.push(parser.term()?);
            parser.previous = &text[start..parser.offset];
        }
        if terms.is_empty() {
            return Err(parser.error(0, "it has no terms".to_owned()));
        }
        Ok(Self {
            text: text.to_owned(),
            terms,
        })
    }
}

struct Parser<'q> {
    text: &'q str,
    offset: usize,
    /// The text of the term before the current one; empty before the first.
    previous: &'q str,
}

impl<'q> Parser<'q> {
    fn error(&self, offset: usize, fault: String) -> QueryError {
        QueryError {
            query: self.text.to_owned(),
            offset,
            fault,
        }
    }

    fn rest(&self) -> &'q str {
        &self.text[self.offset..]
    }

    /// Skips white space. Returns whether any text follows.
    fn skip_space(&mut self) -> bool {
        self.offset = self.text.len() - self.rest().trim_start().len();
        !self.rest().is_empty()
    }

    fn take_if(&mut self, start: &str) -> bool {
        let is_next = self.rest().starts_with(start);
        if is_next {
            self.offset += start.len();
        }
        is_next
    }

    fn term(&mut self) -> Result<Term, QueryError> {
        let is_negated = self.take_if("-");
        Ok(Term {
            is_negated,
            condition: self.condition()?,
        })
    }

    fn condition(&mut self) -> Result<Condition, QueryError> {
        if self.rest().starts_with("size") && self.rest()[4..].starts_with(['<', '>', '=', ':']) {
            self.offset += "size".len();
            let (offset, value) = self.value()?;
            let bound = size_bound(&value).map_err(|fault| {
                let next = self.rest().trim_start();
                let is_cut = ["<", "<=", ">", ">=", "="].contains(&value.as_str());
                if is_cut && next.starts_with(|c: char| c.is_ascii_digit()) {
                    return self.error(offset, without_spaces("size", &value, next));
                }
                self.error(offset, fault)
            });
            return bound.map(Condition::Size);
        }
        let start = self.offset;
        let end = self.rest().find(|c: char| !c.is_ascii_lowercase());
        let word = end.map_or("", |end| &self.rest()[..end]);
        if word.is_empty() || !self.rest()[word.len()..].starts_with(':') {
            return self.words();
        }
        self.offset += word.len() + 1;
        let kind = match word {
            "licence" => ItemKind::License,
            "path" => {
                let (offset, value) = self.value()?;
                let glob =
                    Glob::parse(&value).map_err(|error| self.error(offset, error.to_string()))?;
                return Ok(Condition::Path(glob));
            }
            other => {
                let kind = ItemKind::ALL
                    .into_iter()
                    .find(|kind| kind.as_str() == other);
                kind.ok_or_else(|| self.error(start, format!(
                    "`{other}:` is not a key: kind, import, export, needs, crate, producer, license, path and size are; \
                     put the text in quotes to search for it"
                )))?
            }
        };
        self.item(kind)
    }

    fn item(&mut self, kind: ItemKind) -> Result<Condition, QueryError> {
        let (offset, value) = self.value()?;
        let pattern = ItemPattern::parse_value(&value)
            .map_err(|(at, fault)| self.error(offset + at, fault))?;
        // Names of producers and licences are stored in lower case.
        let pattern = match kind {
            ItemKind::Producer | ItemKind::License => pattern.into_lowercase(),
            _ => pattern,
        };
        if let Some(fault) = value_fault(kind, &pattern) {
            return Err(self.error(offset, fault));
        }
        Ok(Condition::Item(kind, pattern))
    }

    fn words(&mut self) -> Result<Condition, QueryError> {
        let is_quoted = self.rest().starts_with('"');
        let (offset, value) = self.value()?;
        if !is_quoted && let Some(fault) = word_fault(self.previous, &value, self.rest()) {
            return Err(self.error(offset, fault));
        }
        if !value.chars().any(char::is_alphanumeric) {
            return Err(self.error(offset, "there is no word to search for".to_owned()));
        }
        Ok(Condition::Words(value))
    }

    /// Parses a value: a text in quotes, or the text up to the next space. Returns the offset of the value and the value without quotes.
    fn value(&mut self) -> Result<(usize, String), QueryError> {
        let start = self.offset;
        if self.take_if("\"") {
            let Some(length) = self.rest().find('"') else {
                return Err(self.error(start, "the quote has no end".to_owned()));
            };
            let value = &self.rest()[..length];
            self.offset += length + 1;
            if !self.rest().is_empty() && !self.rest().starts_with(char::is_whitespace) {
                return Err(
                    self.error(self.offset, "a space is missing after the quote".to_owned())
                );
            }
            return Ok((start + 1, value.to_owned()));
        }
        let length = self
            .rest()
            .find(char::is_whitespace)
            .unwrap_or(self.rest().len());
        let value = &self.rest()[..length];
        if let Some(at) = value.find('"') {
            return Err(self.error(
                start + at,
                "a quote begins inside a value: put the whole value in quotes".to_owned(),
            ));
        }
        if value.is_empty() {
            return Err(self.error(start, "a value is missing".to_owned()));
        }
        self.offset += length;
        Ok((start, value.to_owned()))
    }
}

#[cfg(test)]
mod tests;
