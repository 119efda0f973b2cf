//! The most recently completed uploads in chunks.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::names::{BranchName, ModuleHash, ModulePath};
use crate::store::{Published, UploadArea};

/// The number of uploads that are remembered.
const COMPLETED_MAX: usize = 1_000;

/// The path of a module, and the branch that the request names.
type Target = (ModulePath, Option<BranchName>);

/// The results of the most recently completed uploads. If the response to the last request of an upload is lost, the client repeats the
/// request and gets the result from here, although the upload itself was removed.
#[derive(Default)]
pub(in crate::http) struct CompletedUploads(Mutex<VecDeque<CompletedUpload>>);

struct CompletedUpload {
    area: UploadArea,
    id: String,
    target: Target,
    published: Published<ModuleHash>,
}

impl CompletedUploads {
    /// Returns the result of the upload `id` in `area`; `None` if no such upload was completed, or if its last request named another
    /// target.
    pub fn find(
        &self,
        (area, id): (&UploadArea, &str),
        target: &Target,
    ) -> Option<Published<ModuleHash>> {
        let uploads = self.uploads();
        let found = uploads.iter().rev().find(|completed| {
            completed.id == id && completed.area == *area && completed.target == *target
        });
        found.map(|completed| completed.published.clone())
    }

    /// Remembers the result of an upload, and forgets the oldest one if there are too many.
    pub fn insert(
        &self,
        (area, id): (&UploadArea, &str),
        target: Target,
        published: Published<ModuleHash>,
    ) {
        let mut uploads = self.uploads();
        if uploads.len() == COMPLETED_MAX {
            uploads.pop_front();
        }
        uploads.push_back(CompletedUpload {
            area: area.clone(),
            id: id.to_owned(),
            target,
            published,
        });
    }

    fn uploads(&self) -> MutexGuard<'_, VecDeque<CompletedUpload>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_results_are_remembered_for_their_user_and_target() {
        let uploads = CompletedUploads::default();
        let (own, other) = (UploadArea::Modules([1; 16]), UploadArea::Modules([2; 16]));
        let target = |path: &str| (path.parse().unwrap(), None);
        let published = |n: u8| Published {
            branch: None,
            commit: None,
            has_moved: true,
            value: ModuleHash::from_bytes(&[n; 20]).unwrap(),
        };
        for n in 0..=COMPLETED_MAX {
            uploads.insert((&own, &n.to_string()), target("a"), published(n as u8));
        }
        assert_eq!(uploads.find((&own, "0"), &target("a")), None);
        assert_eq!(uploads.find((&own, "1"), &target("a")), Some(published(1)));
        assert_eq!(uploads.find((&own, "1"), &target("b")), None);
        assert_eq!(uploads.find((&other, "1"), &target("a")), None);
    }
}
