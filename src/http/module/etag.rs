//! Entity tags (RFC 9110, section 8.8.3), and what requests ask of them (section 13).

use axum::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};

use crate::http::error::{Failure, Result};
use crate::http::module::encodings::Coding;
use crate::names::ModuleHash;
use crate::store::{EntityTags, Precondition};

/// The entity tag of a module in plain or compressed form.
pub(in crate::http) fn of_module(hash: ModuleHash, coding: Option<Coding>) -> String {
    match coding {
        None => format!("\"{hash}\""),
        Some(coding) => format!("\"{hash}-{}\"", coding.name()),
    }
}

/// The entity tag of what a client has that is answered 304: of the compressed form if it names that, else of the plain one.
pub(in crate::http) fn of_held(headers: &HeaderMap, hash: ModuleHash) -> String {
    let tag = of_module(hash, Coding::accepted(headers));
    let mut lists = headers.get_all(IF_NONE_MATCH).iter();
    match lists.any(|list| list.to_str().is_ok_and(|list| list.contains(&tag))) {
        true => tag,
        false => of_module(hash, None),
    }
}

/// What a change asks for.
///
/// # Errors
/// 400 if a header is malformed.
pub(in crate::http) fn precondition(headers: &HeaderMap) -> Result<Precondition> {
    Ok(Precondition {
        if_match: tags(headers, &IF_MATCH, Comparison::Strong)?,
        if_none_match: tags(headers, &IF_NONE_MATCH, Comparison::Weak)?,
    })
}

/// What a read of something that is there, with the tag `now`, comes to.
pub(in crate::http) enum Read {
    /// It is answered.
    Modified,
    /// The client has it: 304.
    NotModified,
}

/// Compares a read's conditions with the tag of what is there.
///
/// # Errors
/// 412 if `If-Match` does not hold; 400 if a header is malformed.
pub(in crate::http) fn compare(headers: &HeaderMap, now: &str) -> Result<Read> {
    let Precondition {
        if_match,
        if_none_match,
    } = precondition(headers)?;
    let if_match = Precondition {
        if_match,
        if_none_match: None,
    };
    if if_match.check(Some(now)).is_err() {
        let detail = format!("the precondition failed: it is {now}");
        return Err(Failure::new(StatusCode::PRECONDITION_FAILED, detail));
    }
    let if_none_match = Precondition {
        if_match: None,
        if_none_match,
    };
    Ok(match if_none_match.check(Some(now)) {
        Ok(()) => Read::Modified,
        Err(_) => Read::NotModified,
    })
}

/// How tags are compared (RFC 9110, section 8.8.3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// A weak tag equals nothing.
    Strong,
    /// A weak tag equals a strong one of the same content.
    Weak,
}

fn tags(
    headers: &HeaderMap,
    name: &HeaderName,
    comparison: Comparison,
) -> Result<Option<EntityTags>> {
    let malformed = || Failure::malformed(format!("{name} is malformed"));
    let mut tags = None;
    for value in headers.get_all(name) {
        let value = value.to_str().map_err(|_| malformed())?.trim();
        let list = match value {
            "*" => return Ok(Some(EntityTags::Any)),
            list => parse(list, comparison).ok_or_else(malformed)?,
        };
        tags.get_or_insert_with(Vec::new).extend(list);
    }
    Ok(tags.map(EntityTags::OneOf))
}

/// The tags of a list, without what tells compressed forms apart: they are the same module.
fn parse(mut list: &str, comparison: Comparison) -> Option<Vec<String>> {
    let mut tags = Vec::new();
    loop {
        list = list.trim_start_matches([' ', '\t', ',']);
        if list.is_empty() {
            return Some(tags);
        }
        let (is_weak, quoted) = match list.strip_prefix("W/") {
            Some(quoted) => (true, quoted),
            None => (false, list),
        };
        let (tag, rest) = quoted.strip_prefix('"')?.split_once('"')?;
        let rest = rest.trim_start_matches([' ', '\t']);
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
        if !is_weak || comparison == Comparison::Weak {
            tags.push(without_coding(tag).to_owned());
        }
        list = rest;
    }
}

fn without_coding(tag: &str) -> &str {
    let (module, suffix) = tag.rsplit_once('-').unwrap_or((tag, ""));
    match Coding::ALL.iter().any(|coding| coding.name() == suffix) {
        true => module,
        false => tag,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_tags_are_read() {
        for (list, strong, weak) in [
            (r#""a""#, Some(vec!["a"]), Some(vec!["a"])),
            (
                r#""a", W/"b" ,"c-gzip""#,
                Some(vec!["a", "c"]),
                Some(vec!["a", "b", "c"]),
            ),
            (
                r#""a-zstd",,"b-br""#,
                Some(vec!["a", "b-br"]),
                Some(vec!["a", "b-br"]),
            ),
            ("", Some(vec![]), Some(vec![])),
            ("a", None, None),
            (r#""a"#, None, None),
            (r#""a" "b""#, None, None),
            (r#"w/"a""#, None, None),
            (r#""a", *"#, None, None),
        ] {
            let parsed = |comparison| parse(list, comparison);
            let owned = |tags: Vec<&str>| tags.into_iter().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(parsed(Comparison::Strong), strong.map(owned), "{list}");
            assert_eq!(parsed(Comparison::Weak), weak.map(owned), "{list}");
        }
    }
}
