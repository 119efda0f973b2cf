//! The packs of this repository that the shared state does not have: the packs of a push or a batch that is not published yet, or whose
//! swap failed.

use crate::repo::error::Result;
use crate::repo::packs::pack::{Pack, all_packs_in};
use crate::repo::parts::Parts;

/// The local packs that the shared state does not have, each with its index.
pub(crate) struct UnnamedPacks(Vec<(Pack, gix_pack::index::File)>);

impl UnnamedPacks {
    /// Returns a pack in this list that contains the object; `None` if none does.
    pub(crate) fn pack_with(&self, id: &gix::oid) -> Option<&Pack> {
        let found = self.0.iter().find(|(_, index)| index.lookup(id).is_some());
        found.map(|(pack, _)| pack)
    }
}

impl Parts {
    /// Lists the local packs that the shared state does not have.
    pub(crate) fn unnamed_packs(&self) -> Result<UnnamedPacks> {
        let format = self.objects.handle_for("HEAD")?.object_hash();
        let named = std::sync::Arc::clone(&self.following.lock().named);
        let mut unnamed = Vec::new();
        for pack in all_packs_in(self.root())? {
            if !named.contains(&pack.checksum())
                && let Some(index) = pack.index(format)?
            {
                unnamed.push((pack, index));
            }
        }
        Ok(UnnamedPacks(unnamed))
    }
}
