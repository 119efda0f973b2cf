//! The refs that git must not advertise.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use gix::bstr::ByteSlice;

use crate::repo::error::Result;
use crate::repo::refs::list::RefList;
use crate::repo::refs::lock::HEAD;
use crate::repo::refs::stamp::RefsStamp;
use crate::repo::refs::store::RefStore;

/// How long a listing without broken refs remains valid if no ref changes. If another program damages a file in place or deletes an object,
/// this is noticed only after this time.
const UNBROKEN_MAX: Duration = Duration::from_secs(5);

/// The time at which the last listing began, and the metadata of the refs that it recorded; `None` if it found a broken ref. This saves
/// repeated listings: with many refs, a listing takes much longer than the start of git.
#[derive(Default)]
pub(crate) struct LastUnbroken(Mutex<Option<(Instant, RefsStamp)>>);

impl RefStore {
    /// Returns the values of `transfer.hideRefs` (git-config(1)) that hide every broken ref and no other. git advertises broken refs, and
    /// each client fails when it requests their objects. While there are broken refs, each call checks all refs again, because a repaired
    /// ref that is still hidden would look like a deleted ref to clients.
    ///
    /// # Errors
    /// The refs cannot be listed.
    pub fn hidden_from_git(&self) -> Result<Vec<String>> {
        // The mutex is held during the listing, so that concurrent requests share one listing.
        let last = &self.last_unbroken.0;
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_valid =
            |(at, stamp): &(Instant, RefsStamp)| at.elapsed() < UNBROKEN_MAX && stamp.is_current();
        if last.as_ref().is_some_and(is_valid) {
            return Ok(Vec::new());
        }
        let start = Instant::now();
        let list = self.list("refs/")?;
        let mut patterns = hide_patterns(&list);
        let default = self.default_branch().map(|branch| branch.full_ref());
        if default.is_ok_and(|default| list.broken.iter().any(|it| it.name == default)) {
            // HEAD is hidden, too: it leads to the default branch, so git would advertise HEAD with the same invalid value.
            patterns.push(HEAD.to_owned());
        }
        *last = list.broken.is_empty().then_some((start, list.stamp));
        Ok(patterns)
    }
}

/// Returns a pattern for each broken ref. A pattern also applies to all names below its name, and the last matching pattern decides. So
/// each pattern that hides `a` is followed by patterns that show the refs below `a/`: `a` may be a file that is not a ref, and `a/b` a
/// packed ref.
fn hide_patterns(list: &RefList) -> Vec<String> {
    let broken: HashSet<&str> = list.broken.iter().map(|it| it.name.as_str()).collect();
    let is_below = |name: &str| {
        let mut ends = name.match_indices('/').map(|(end, _)| end);
        ends.any(|end| broken.contains(&name[..end]))
    };
    let shown = list.refs.iter().filter_map(|(name, _)| name.to_str().ok());
    let shown = shown.filter(|name| !broken.is_empty() && is_below(name));
    // The patterns are sorted by ref name, and a name sorts before the names below it.
    let mut patterns: BTreeMap<&str, String> =
        shown.map(|name| (name, format!("!{name}"))).collect();
    // This filter leaves out the entry `packed-refs`, which stands for a malformed line of that file. No pattern would help: git fails
    // because of the line.
    let hidden = broken.iter().filter(|name| name.starts_with("refs/"));
    patterns.extend(hidden.map(|name| (*name, (*name).to_owned())));
    patterns.into_values().collect()
}

#[cfg(test)]
mod tests;
