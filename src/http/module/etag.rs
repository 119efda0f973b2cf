//! Entity tags (RFC 9110, section 8.8.3) and conditional requests (section 13).

use axum::http::HeaderMap;
use axum::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};

use crate::http::error::{Failure, Result};
use crate::http::module::encodings::Coding;
use crate::names::{Digest, ModuleHash};
use crate::store::{EntityTags, Precondition};

/// Returns the entity tag of a module, or of its compressed variant in this coding.
pub(in crate::http) fn of_module(hash: ModuleHash, coding: Option<Coding>) -> String {
    match coding {
        None => format!("\"{hash}\""),
        Some(coding) => format!("\"{hash}-{}\"", coding.name()),
    }
}

/// Returns the entity tag for a 304 response: the tag of the compressed variant that the client prefers, if `If-None-Match` contains it;
/// otherwise the tag of the module.
pub(in crate::http) fn of_not_modified(headers: &HeaderMap, hash: ModuleHash) -> String {
    let variant_tag = of_module(hash, Coding::preferred(headers));
    let mut lists = headers.get_all(IF_NONE_MATCH).iter();
    if lists.any(|list| list.to_str().is_ok_and(|list| list.contains(&variant_tag))) {
        variant_tag
    } else {
        of_module(hash, None)
    }
}

/// Parses the headers `If-Match` and `If-None-Match` of a request.
///
/// # Errors
/// 400 if a header is malformed.
pub(in crate::http) fn precondition(headers: &HeaderMap) -> Result<Precondition> {
    Ok(Precondition {
        if_match: parse_tags(headers, &IF_MATCH, TagComparison::Strong)?,
        if_none_match: parse_tags(headers, &IF_NONE_MATCH, TagComparison::Weak)?,
    })
}

/// Whether the client of a conditional request already has the current module.
pub(in crate::http) enum Freshness {
    /// The client does not have the current module, so the response contains the module.
    Modified,
    /// The client has the current module, so the response is 304.
    NotModified,
}

/// Evaluates `If-Match` and `If-None-Match` of a request that reads. `current` is the entity tag without quotes.
///
/// # Errors
/// 412 if the current tag is not in `If-Match`; 400 if a header is malformed.
pub(in crate::http) fn evaluate(headers: &HeaderMap, current: &str) -> Result<Freshness> {
    evaluate_names(precondition(headers)?, &[current])
}

/// Evaluates the conditions of a request that reads a module. They may also name the module by its digest. Returns `None` if they do, and
/// the digest is not known yet.
///
/// # Errors
/// As for [`evaluate`].
pub(in crate::http) fn evaluate_module(
    headers: &HeaderMap,
    hash: ModuleHash,
    digest: Option<Digest>,
) -> Result<Option<Freshness>> {
    let precondition = precondition(headers)?;
    let hash = hash.to_string();
    if !precondition.has_digest() {
        return evaluate_names(precondition, &[&hash]).map(Some);
    }
    let Some(digest) = digest else {
        return Ok(None);
    };
    evaluate_names(precondition, &[&hash, &digest.to_string()]).map(Some)
}

/// Evaluates conditions against the names of the current value, its entity tag first.
fn evaluate_names(precondition: Precondition, names: &[&str]) -> Result<Freshness> {
    let Precondition {
        if_match,
        if_none_match,
    } = precondition;
    let if_match = Precondition {
        if_match,
        if_none_match: None,
    };
    if_match.check(names)?;
    let if_none_match = Precondition {
        if_match: None,
        if_none_match,
    };
    Ok(match if_none_match.check(names) {
        Ok(()) => Freshness::Modified,
        Err(_) => Freshness::NotModified,
    })
}

/// How entity tags are compared (RFC 9110, section 8.8.3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum TagComparison {
    /// The strong comparison: a weak tag is never equal to another tag.
    Strong,
    /// The weak comparison: tags with the same text are equal, even if one or both are weak.
    Weak,
}

fn parse_tags(
    headers: &HeaderMap,
    name: &HeaderName,
    comparison: TagComparison,
) -> Result<Option<EntityTags>> {
    let malformed = || Failure::malformed(format!("{name} is malformed"));
    let mut tags = None;
    for value in headers.get_all(name) {
        let list = match value.to_str().map_err(|_| malformed())?.trim() {
            "*" => return Ok(Some(EntityTags::Any)),
            list => parse_list(list, comparison).ok_or_else(malformed)?,
        };
        tags.get_or_insert_with(Vec::new).extend(list);
    }
    Ok(tags.map(EntityTags::OneOf))
}

/// Parses a list of entity tags. Removes the suffix of compressed variants, because all variants of a module stand for the same module.
fn parse_list(mut list: &str, comparison: TagComparison) -> Option<Vec<String>> {
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
        list = rest.trim_start_matches([' ', '\t']);
        if !list.is_empty() && !list.starts_with(',') {
            return None;
        }
        if !is_weak || comparison == TagComparison::Weak {
            tags.push(normalized(tag));
        }
    }
}

/// Returns a tag without the suffix of a compressed variant. A digest may have any letter case.
fn normalized(tag: &str) -> String {
    let tag = without_coding(tag);
    match tag.strip_prefix("sha256:") {
        Some(digits) => format!("sha256:{}", digits.to_ascii_lowercase()),
        None => tag.to_owned(),
    }
}

fn without_coding(tag: &str) -> &str {
    let (module, suffix) = tag.rsplit_once('-').unwrap_or((tag, ""));
    if Coding::ALL.iter().any(|coding| coding.name() == suffix) {
        module
    } else {
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_tags_are_parsed() {
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
            (
                r#""sha256:AB","AB""#,
                Some(vec!["sha256:ab", "AB"]),
                Some(vec!["sha256:ab", "AB"]),
            ),
            ("", Some(vec![]), Some(vec![])),
            ("a", None, None),
            (r#""a"#, None, None),
            (r#""a" "b""#, None, None),
            (r#"w/"a""#, None, None),
            (r#""a", *"#, None, None),
        ] {
            let parsed = |comparison| parse_list(list, comparison);
            let owned = |tags: Vec<&str>| tags.into_iter().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(parsed(TagComparison::Strong), strong.map(owned), "{list}");
            assert_eq!(parsed(TagComparison::Weak), weak.map(owned), "{list}");
        }
    }
}
