//! Commits the modules that were kept for a preview.

use super::change::Change;
use super::commit_messages as message;
use super::error::{Error, Result};
use super::open::Store;
use super::preview::kept_as;
use crate::names::{Digest, ModuleHash, ModulePath, TreePath};
use crate::repo::{Published, TreeNode, UploadArea, chain};

/// A module that was uploaded for a preview and is not committed yet, and the path at which a write will put it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedModule {
    /// The path at which the module is put.
    pub path: ModulePath,
    /// The digest of the module.
    pub digest: Digest,
    /// The module that must still be at the path; `None` if there must be none.
    pub replaced: Option<ModuleHash>,
}

impl Store {
    /// Commits modules that were uploaded earlier, for a preview: puts each at its path, all in one commit. Makes no commit if all paths
    /// have these modules already.
    ///
    /// # Errors
    /// The uploaded file of a module no longer exists; a path has another module than `PlannedModule::replaced` says; the errors of
    /// [`put`](Self::put). If there is an error, the branch is unchanged.
    pub fn put_kept(&self, change: &Change, modules: &[PlannedModule]) -> Result<Published<()>> {
        self.check_free(change, modules.iter().map(|module| &module.path))?;
        let mut entries = Vec::with_capacity(modules.len());
        let mut txn = None;
        for module in modules {
            let mut upload = self.validate_kept(&module.digest, &module.path)?;
            if txn.is_none() {
                txn = Some(self.begin()?);
            }
            let txn = txn.as_mut().expect("BUG: set above");
            let hash = txn.add_blob(&mut upload.spool)?;
            self.note_validated(hash, &upload.info, upload.facts.take());
            entries.push((module.path.clone(), hash));
        }
        let txn = txn.map_or_else(|| self.begin(), Ok)?;
        self.publish(txn, change, |draft| {
            for (module, (path, hash)) in modules.iter().zip(&entries) {
                let current = match draft.node(path.as_tree_path())? {
                    Some(TreeNode::Module(current)) => Some(current),
                    _ => None,
                };
                // Another user may have committed the same bytes. That is accepted, because nothing is lost.
                if current != module.replaced && current != Some(*hash) {
                    let current = format!("{path} was changed after you looked at it");
                    return Err(Error::PreconditionFailed { current });
                }
            }
            draft.set(&entries)?;
            let message = || message::import(&common_directory(modules));
            Ok((change.commit_if_changed(draft, Vec::new(), message), ()))
        })
    }

    /// Deletes the files of a preview, after a write has committed its `modules`: the file of its text, and the files of the modules.
    /// Otherwise the files would take up space until they expire. If a file cannot be deleted, that is only logged.
    pub fn forget_kept(&self, text: &Digest, modules: &[PlannedModule]) {
        for digest in modules.iter().map(|module| &module.digest).chain([text]) {
            if let Err(error) = self
                .blob_uploads
                .remove_blob(&UploadArea::Previews, &kept_as(digest))
            {
                tracing::warn!(%digest, error = chain(&error), "could not remove a preview file of a committed upload");
            }
        }
    }
}

/// Returns the path of the module if there is only one; otherwise the innermost directory that contains all modules.
fn common_directory(modules: &[PlannedModule]) -> TreePath {
    let mut paths = modules.iter().map(|module| module.path.as_tree_path());
    let Some(first) = paths.next() else {
        return TreePath::root();
    };
    let mut common: Vec<&str> = first.segments().collect();
    for path in paths {
        let same = common.iter().zip(path.segments());
        let count = same.take_while(|(own, other)| *own == other).count();
        common.truncate(count);
    }
    TreePath::parse(&common.join("/")).unwrap_or_default()
}
