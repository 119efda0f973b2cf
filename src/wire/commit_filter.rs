//! The filter of a list of commits, as query parameters.

use super::percent_encoding::encode_query_value;
use crate::names::Cutoff;
use crate::store::CommitFilter;

/// Returns the query parameters of a filter, each with a leading `&`.
pub fn commit_filter_query(filter: &CommitFilter) -> String {
    let author = filter.author.as_ref().map(|author| match author.mail() {
        "" => author.name().to_owned(),
        _ => author.to_string(),
    });
    let since = filter.since_s.map(|since| Cutoff::At(since).to_string());
    [("author", author), ("since", since)]
        .into_iter()
        .filter_map(|(name, value)| Some(format!("&{name}={}", encode_query_value(&value?))))
        .collect()
}
