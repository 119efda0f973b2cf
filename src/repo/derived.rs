//! Checking what is derived from the repository.

use std::fs;
use std::path::Path;

use super::error::{Error, Result, chain};
use super::open::Repository;
use super::packs::remove_if_there;
use super::verify::Fault;
use crate::git::Git;

impl Repository {
    /// Compares checked-out files with their names, and has git check its commit-graph; tells what is wrong, and removes it if that is
    /// wanted. Returns how much was wrong.
    ///
    /// # Errors
    /// What is wrong cannot be removed.
    pub fn verify_derived(&self, remove: bool, tell: &mut dyn FnMut(Fault)) -> Result<usize> {
        let mut wrong = self.wrong_files();
        wrong.extend(self.wrong_graph());
        let count = wrong.len();
        for fault in wrong {
            if remove {
                remove_if_there(Path::new(&fault.subject))?;
            }
            tell(fault);
        }
        Ok(count)
    }

    /// Checked-out files that do not have what their names say.
    fn wrong_files(&self) -> Vec<Fault> {
        let Some(format) = self.format() else {
            return Vec::new();
        };
        let files = fs::read_dir(self.files_dir())
            .into_iter()
            .flatten()
            .flatten();
        let wrong = files.filter_map(|file| {
            let path = file.path();
            let bytes = fs::read(&path).ok()?;
            let hash = gix::objs::compute_hash(format, gix::objs::Kind::Blob, &bytes).ok()?;
            let is_named = path
                .file_stem()
                .is_some_and(|stem| *stem == *hash.to_string());
            (!is_named).then(|| Fault {
                subject: path.display().to_string(),
                location: None,
                reason: format!("its content is that of module {hash}"),
            })
        });
        wrong.collect()
    }

    /// git's commit-graph, if git finds it wrong.
    fn wrong_graph(&self) -> Option<Fault> {
        let graph = self.root().join("objects/info/commit-graph");
        if !graph.exists() {
            return None;
        }
        let checked = Git::find(self.root())?.verify_commit_graph();
        let error = Error::from(checked.err()?);
        Some(Fault {
            subject: graph.display().to_string(),
            location: None,
            reason: chain(&error),
        })
    }
}
