//! Puts several modules at their paths, in one commit.

use super::change::Change;
use super::commit_messages as message;
use super::error::Result;
use super::modules_upload::ModulesUpload;
use super::open::Store;
use super::path_conditions::PathConditions;
use super::precondition::PreconditionSubject;
use crate::names::{ModuleHash, ModulePath, TreePath};
use crate::repo::{Published, WriteTxn};

impl Store {
    /// Begins to put several modules below `directory`. The caller writes their bytes to the returned upload, and passes it to
    /// [`finish_put_modules`](Self::finish_put_modules).
    ///
    /// # Errors
    /// Unknown branch; the branch's tip does not meet the precondition of the change.
    pub fn begin_put_modules(
        &self,
        change: &Change,
        directory: &TreePath,
    ) -> Result<ModulesUpload> {
        self.refuse_early(change, || self.check_precondition(change, None))?;
        Ok(self.modules_upload(directory))
    }

    /// Puts the modules of a completed upload at their paths. Makes no commit if all paths have these modules already. Returns the modules,
    /// sorted by path, and the branch's tip.
    ///
    /// # Errors
    /// A condition does not hold, or names a path that the upload does not contain; a path is a directory or lies below a module; unknown
    /// branch. If there is an error, nothing is changed.
    pub fn finish_put_modules(
        &self,
        change: &Change,
        conditions: &PathConditions,
        upload: ModulesUpload,
    ) -> Result<Published<Vec<(ModulePath, ModuleHash)>>> {
        conditions.check_paths(upload.paths())?;
        self.check_free(change, upload.paths())?;
        if upload.paths().next().is_none() {
            return self.published_nothing(change);
        }
        let directory = upload.directory().clone();
        let mut txn = self.begin()?;
        let modules = upload.add_to(self, &mut txn)?;
        self.publish_modules(txn, change, (&directory, conditions), modules)
    }

    /// Publishes modules that are stored as blobs: puts them at their paths in one commit.
    pub(super) fn publish_modules(
        &self,
        txn: WriteTxn<'_>,
        change: &Change,
        (directory, conditions): (&TreePath, &PathConditions),
        modules: Vec<(ModulePath, ModuleHash)>,
    ) -> Result<Published<Vec<(ModulePath, ModuleHash)>>> {
        let published = self.publish(txn, change, |draft| {
            change.check_put(self, draft, PreconditionSubject::Branch, &modules)?;
            conditions.check(draft, &modules)?;
            draft.set(&modules)?;
            let message = || message::import(directory);
            Ok((change.commit_if_changed(draft, Vec::new(), message), ()))
        })?;
        Ok(published.with_value(modules))
    }

    /// Returns the result of a write that contains no modules.
    pub(super) fn published_nothing(
        &self,
        change: &Change,
    ) -> Result<Published<Vec<(ModulePath, ModuleHash)>>> {
        let (branch, commit) = self.branch_and_tip(change)?;
        Ok(Published {
            branch: Some(branch),
            commit,
            has_moved: false,
            value: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::config::Options;
    use crate::names::ModuleRef;
    use crate::repo::ObjectFormat;
    use crate::store::{ErrorKind, PathCondition, Revision};

    fn store(dir: &Path) -> Store {
        Store::open_or_create(dir, Options::default(), ObjectFormat::Sha1).unwrap()
    }

    fn module(text: &str) -> Vec<u8> {
        wat::parse_str(text).unwrap()
    }

    const EMPTY: &str = "(module)";
    const OTHER: &str = "(module (func))";

    fn put(
        store: &Store,
        conditions: &PathConditions,
        files: &[(&str, &str)],
    ) -> Result<Published<Vec<(ModulePath, ModuleHash)>>> {
        let change = Change::default();
        let mut upload = store.begin_put_modules(&change, &"m".parse().unwrap())?;
        for (name, text) in files {
            upload.begin(name)?;
            for piece in module(text).chunks(3) {
                upload.write(piece)?;
            }
            upload.end()?;
        }
        store.finish_put_modules(&change, conditions, upload)
    }

    #[test]
    fn modules_are_committed_together_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let none = PathConditions::default();
        let tip = || store.snapshot(&Revision::default()).unwrap();
        let before = tip();
        let published = put(&store, &none, &[("z", EMPTY), ("d/a", OTHER)]).unwrap();
        let commit = store.commit(published.commit.unwrap()).unwrap();
        assert_eq!(
            (commit.parents, &*commit.message),
            (vec![before], "Import /m")
        );
        let paths: Vec<_> = published
            .value
            .iter()
            .map(|(path, _)| path.as_str())
            .collect();
        assert_eq!(paths, ["m/d/a", "m/z"]);
        let name = ModuleRef::Path(paths[0].parse().unwrap());
        let found = store.find(&Revision::default(), &name).unwrap();
        assert!(*found.bytes == module(OTHER));

        let again = put(&store, &none, &[("z", EMPTY)]).unwrap();
        assert!(!again.has_moved && again.value.len() == 1);
        assert!(!put(&store, &none, &[]).unwrap().has_moved);
        let tip_now = tip();
        for (files, expected) in [
            ([("n", EMPTY), ("../a", EMPTY)], "cannot accept ../a"),
            ([("n", EMPTY), ("", EMPTY)], "cannot accept "),
            (
                [("n", EMPTY), ("/n/", EMPTY)],
                "two modules would be at /m/n",
            ),
            ([("n", EMPTY), ("n/o", EMPTY)], "/m/n/o"),
            ([("n", EMPTY), ("d", EMPTY)], "/m/d"),
        ] {
            let error = put(&store, &none, &files).unwrap_err();
            assert!(error.to_string().contains(expected), "{files:?}: {error}");
            assert_eq!(tip(), tip_now);
        }
    }

    #[test]
    fn each_path_has_its_condition() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let absent = PathConditions::all_absent();
        put(&store, &absent, &[("a", EMPTY)]).unwrap();
        // Putting the same bytes again is not a conflict, so a job may run twice.
        assert!(
            put(&store, &absent, &[("a", EMPTY), ("b", EMPTY)])
                .unwrap()
                .has_moved
        );
        let error = put(&store, &absent, &[("c", EMPTY), ("a", OTHER)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Precondition);
        assert!(error.to_string().contains("at /m/a is"), "{error}");

        let hash = |text| {
            put(&store, &PathConditions::default(), &[("h", text)])
                .unwrap()
                .value[0]
                .1
        };
        let (empty, other) = (hash(EMPTY), hash(OTHER));
        let expecting = |path: &str, hash| PathConditions {
            others_absent: false,
            paths: BTreeMap::from([(path.parse().unwrap(), PathCondition::Module(hash))]),
        };
        let files = [("a", OTHER), ("new", OTHER)];
        put(&store, &expecting("m/a", other), &files).unwrap_err();
        let error = put(&store, &expecting("a", empty), &files).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
        assert!(
            put(&store, &expecting("m/a", empty), &files)
                .unwrap()
                .has_moved
        );
    }
}
