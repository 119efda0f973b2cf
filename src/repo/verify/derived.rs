//! Checking what is derived from the repository.

use std::fs;
use std::path::PathBuf;

use crate::git::{self, Git};
use crate::repo::error::{Error, Result, chain};
use crate::repo::fs::remove_if_there;
use crate::repo::repository::Repository;
use crate::repo::verify::check::{Check, Fault};

impl Repository {
    /// Compares checked-out files with their names, and has git check its commit-graph; tells what is wrong, and removes it if that is
    /// wanted.
    ///
    /// # Errors
    /// What is wrong cannot be removed.
    pub fn verify_derived(
        &self,
        _: &Check,
        remove: bool,
        tell: &mut dyn FnMut(Fault),
    ) -> Result<()> {
        for (file, hash) in self.wrong_files() {
            tell(Fault {
                subject: file.display().to_string(),
                location: None,
                reason: format!("its content is that of module {hash}"),
            });
            if remove {
                remove_if_there(&file)?;
            }
        }
        if let Some(reason) = self.wrong_graph() {
            tell(Fault {
                subject: "commit-graph".to_owned(),
                location: None,
                reason,
            });
            if remove {
                self.remove_commit_graph()?;
            }
        }
        Ok(())
    }

    /// Checked-out files that do not have what their names say, and what they have.
    fn wrong_files(&self) -> Vec<(PathBuf, gix::ObjectId)> {
        let Some(format) = self.parts.objects.format() else {
            return Vec::new();
        };
        let files = fs::read_dir(self.files_dir())
            .into_iter()
            .flatten()
            .flatten();
        let wrong = files.filter_map(|file| {
            let path = file.path();
            // What is being written has another name still.
            let named = path.file_stem()?.to_str()?;
            let named = gix::ObjectId::from_hex(named.as_bytes()).ok()?;
            let bytes = fs::read(&path).ok()?;
            let hash = gix::objs::compute_hash(format, gix::objs::Kind::Blob, &bytes).ok()?;
            (hash != named).then_some((path, hash))
        });
        wrong.collect()
    }

    /// What git finds wrong with its commit-graph.
    fn wrong_graph(&self) -> Option<String> {
        let info = self.root().join("objects/info");
        let graphs = ["commit-graph", "commit-graphs"].map(|name| info.join(name));
        if !graphs.iter().any(|graph| graph.exists()) {
            return None;
        }
        match Git::find(self.root())?.verify_commit_graph() {
            Err(error @ git::Error::Failed { .. }) => Some(chain(&Error::from(error))),
            Err(error) => {
                tracing::warn!(%error, "the commit-graph was not checked");
                None
            }
            Ok(()) => None,
        }
    }
}
