//! Checks whether the targets of refs exist.

use std::fs;
use std::io;

use gix::bstr::BString;
use gix::refs::Target;

use crate::repo::error::{Error, Result};
use crate::repo::objects::copies::loose_path;
use crate::repo::objects::find::{exists, try_find_header};
use crate::repo::refs::list::Found;
use crate::repo::refs::read::SYMBOLIC_MAX;
use crate::repo::refs::reuse::Reuse;
use crate::repo::refs::store::RefStore;

impl RefStore {
    /// Marks a ref as broken if it leads to an object or a ref that does not exist, or to a broken ref.
    ///
    /// # Errors
    /// An I/O error, because of which it is unknown whether a target exists.
    pub(in crate::repo::refs) fn check_targets(
        &self,
        repo: &gix::Repository,
        found: &mut Found,
        reuse: &mut Reuse,
    ) -> Result<()> {
        let mut again = None;
        for target in found.values_mut() {
            let Ok(existing) = target else { continue };
            if let Target::Object(id) = existing
                && reuse.is_existing(id)
            {
                continue;
            }
            if is_found(repo, existing) {
                if let Target::Object(id) = existing {
                    reuse.record_existing(id);
                }
                continue;
            }
            // While another process repacks, an object may be invisible for a moment. A new handle lists the packs again.
            let again = match &again {
                Some(repo) => repo,
                None => again.insert(self.objects.handle_for("refs")?),
            };
            if let Some(reason) = self.why_missing(again, existing)? {
                *target = Err(reason);
            }
        }
        mark_symbolic(found);
        Ok(())
    }

    /// Returns the reason why the target of a ref does not exist; `None` if it exists.
    fn why_missing(&self, repo: &gix::Repository, target: &Target) -> Result<Option<String>> {
        let (found, reason) = match target {
            Target::Object(id) if id.is_null() => {
                return Ok(Some("it has the id zero".to_owned()));
            }
            Target::Object(id) => {
                // If the file of a loose object cannot be examined, gix reports the object as missing.
                let path = loose_path(self.root(), id);
                match fs::metadata(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(Error::io("read", path)(error));
                    }
                    _ => {}
                }
                (
                    try_find_header(repo, *id).map(|found| found.is_some()),
                    format!("it points to object {id}, which is missing"),
                )
            }
            Target::Symbolic(to) => (
                repo.try_find_reference(to.as_bstr())
                    .map(|found| found.is_some()),
                format!("it names {}, which does not exist", to.as_bstr()),
            ),
        };
        match found.map_err(Error::database("read the target of a ref")) {
            Ok(true) => Ok(None),
            Err(error) if error.io_kind().is_some() => Err(error),
            Ok(false) | Err(_) => Ok(Some(reason)),
        }
    }
}

/// Returns whether the target of a ref exists and can be read.
fn is_found(repo: &gix::Repository, target: &Target) -> bool {
    match target {
        Target::Object(id) => exists(repo, id),
        Target::Symbolic(to) => matches!(repo.try_find_reference(to.as_bstr()), Ok(Some(_))),
    }
}

/// Marks a symbolic ref as broken if it leads to a broken ref.
fn mark_symbolic(found: &mut Found) {
    for _ in 0..SYMBOLIC_MAX {
        let leads_to_broken = |target: &Result<Target, String>| match target {
            Ok(Target::Symbolic(to)) => matches!(found.get(to.as_bstr()), Some(Err(_))),
            _ => false,
        };
        let marked = found.iter().filter(|(_, target)| leads_to_broken(target));
        let marked: Vec<BString> = marked.map(|(name, _)| name.clone()).collect();
        if marked.is_empty() {
            return;
        }
        for name in marked {
            if let Some(Ok(Target::Symbolic(to))) = found.get(&name) {
                let reason = format!("it names {}, which is broken", to.as_bstr());
                found.insert(name, Err(reason));
            }
        }
    }
}
