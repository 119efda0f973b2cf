//! The refs that keep commits of a branch from being rewritten.

use std::collections::HashSet;

use crate::names::{BranchName, CommitId};
use crate::repo::error::{Error, Result};
use crate::repo::gc::own_history::other_refs;
use crate::repo::history::walk::peel_to_commit;
use crate::repo::ids::commit_id;
use crate::repo::parts::Parts;

/// Returns the full names of the refs, except `branch`, that reach one of `commits`: sorted, and `HEAD` last if it is detached. Reads each
/// commit once, however many refs reach it.
pub(crate) fn refs_reaching(
    parts: &Parts,
    branch: &BranchName,
    commits: &HashSet<CommitId>,
) -> Result<Vec<String>> {
    let repo = parts.objects.handle_for("HEAD")?;
    // The commits that reach one of `commits`, and the other commits that were read.
    let (mut reaching, mut others) = (commits.clone(), HashSet::new());
    let mut names = Vec::new();
    for (name, target) in other_refs(parts, branch)? {
        let Some(tip) = peel_to_commit(&repo, target) else {
            continue;
        };
        let tip = commit_id(&tip);
        let is_known = |id| Ok::<_, Error>(reaching.contains(&id) || others.contains(&id));
        let new = parts.objects.unknown_history(tip, usize::MAX, is_known)?;
        for node in new.into_iter().flatten() {
            let reaches = node.parents.iter().any(|id| reaching.contains(id));
            let set = if reaches { &mut reaching } else { &mut others };
            set.insert(node.id);
        }
        if reaching.contains(&tip) {
            names.push(name.to_string());
        }
    }
    Ok(names)
}
