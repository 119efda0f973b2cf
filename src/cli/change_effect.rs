//! Describes in words how many modules a change added, updated and removed. The words are part of the report of the change.

use super::first_changes::{CHANGES_MAX, visit_first_changes};
use super::settings::Settings;
use crate::names::CommitId;
use crate::remote::StoreOperations;
use crate::store::{PathChange, Published};

/// The numbers of modules that a change added, updated and removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    added: usize,
    updated: usize,
    removed: usize,
}

/// Returns words such as `removed 10 modules` for a change. `from` is the tip of the branch before the change; `None` means the first
/// parent of the commit. Returns `None` if the branch has not moved, if no report is printed, or if the store cannot be read, for example
/// because the key does not allow reads. A failed read is not an error, because the change itself has succeeded.
pub(super) fn effect<T>(
    store: &dyn StoreOperations,
    settings: &Settings,
    published: &Published<T>,
    from: Option<CommitId>,
) -> Option<String> {
    if settings.is_quiet() {
        return None;
    }
    let mut counts = Counts::default();
    visit_changes(store, published, from, &mut |change| counts.add(&change))?;
    Some(counts.words())
}

/// Calls `visit` for each module that a change added, updated or removed, up to one more than [`CHANGES_MAX`]. `from` is as for [`effect`].
/// Returns `None` if the branch has not moved, or if the store cannot be read.
pub(super) fn visit_changes<T>(
    store: &dyn StoreOperations,
    published: &Published<T>,
    from: Option<CommitId>,
    visit: &mut dyn FnMut(PathChange),
) -> Option<()> {
    let commit = published.commit.filter(|_| published.has_moved)?;
    let from = match from {
        Some(from) => from,
        None => {
            let parents = store.commit(commit).ok()?.parents;
            CommitId::parse(parents.first()?).ok()?
        }
    };
    visit_first_changes(store, (from, commit), visit).ok()?;
    Some(())
}

impl Counts {
    fn add(&mut self, change: &PathChange) {
        match (change.old, change.new) {
            (None, _) => self.added += 1,
            (Some(_), Some(_)) => self.updated += 1,
            (Some(_), None) => self.removed += 1,
        }
    }

    fn all(self) -> usize {
        self.added + self.updated + self.removed
    }

    fn words(self) -> String {
        let modules = if self.all() == 1 { "module" } else { "modules" };
        if self.all() > CHANGES_MAX {
            return format!("changed more than {CHANGES_MAX} modules");
        }
        let numbers = [
            ("added", self.added),
            ("updated", self.updated),
            ("removed", self.removed),
        ];
        let parts = numbers.into_iter().filter(|(_, number)| *number > 0);
        let parts: Vec<_> = parts
            .map(|(verb, number)| format!("{verb} {number}"))
            .collect();
        match parts.as_slice() {
            [] => "changed no module".to_owned(),
            parts => format!("{} {modules}", parts.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_happened_is_said() {
        let words = |added, updated, removed| {
            Counts {
                added,
                updated,
                removed,
            }
            .words()
        };
        assert_eq!(words(0, 0, 1), "removed 1 module");
        assert_eq!(words(2, 0, 10), "added 2, removed 10 modules");
        assert_eq!(words(0, 0, 0), "changed no module");
        assert_eq!(words(CHANGES_MAX, 1, 0), "changed more than 10000 modules");
    }
}
