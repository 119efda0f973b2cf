//! Moves refs outside of a batch, on one disk or in a shared repository. The caller must hold `refs.lock`.

use crate::names::{BranchName, RefName};
use crate::repo::authority::{PackFiles, RefUpdate, Swap};
use crate::repo::error::{Error, Result};
use crate::repo::ids::shared_id;
use crate::repo::publish::write_txn::WriteTxn;
use crate::repo::refs::lock::OUTSIDE_MAX;

impl WriteTxn<'_> {
    /// Moves, creates or deletes a ref. The object `new` must be durable already, or be part of this transaction.
    ///
    /// # Errors
    /// `Moved` if the ref is not at `old`, or if another machine has changed the shared state; `Busy`; `Unconfirmed`.
    pub(crate) fn move_ref(
        &mut self,
        name: &RefName,
        old: Option<gix::ObjectId>,
        new: Option<gix::ObjectId>,
    ) -> Result<()> {
        if !self.is_shared() {
            return self.parts.refs.swap(name, old, new, OUTSIDE_MAX);
        }
        let update = RefUpdate {
            name: name.clone(),
            old: old.map(|id| shared_id(&id)),
            new: new.map(|id| shared_id(&id)),
        };
        self.swap_refs(vec![update], None, name.clone())
    }

    /// Applies all updates to the state that all servers share, and makes `head` its default branch if it is given, or changes nothing.
    ///
    /// # Errors
    /// `Moved`, which names the ref `name`, if another server has changed the shared state; `Unconfirmed` if it is unknown whether the
    /// change was made; `Unreachable` if the shared state cannot be read or written.
    pub(crate) fn swap_refs(
        &mut self,
        updates: Vec<RefUpdate>,
        head: Option<BranchName>,
        name: RefName,
    ) -> Result<()> {
        self.sync()?;
        let swap = Swap {
            updates,
            head,
            added: self.objects.packs.iter().map(PackFiles::from).collect(),
            ..Swap::default()
        };
        if !self.parts.swap(&swap)? {
            return Err(Error::Moved(name));
        }
        self.objects.packs.clear();
        Ok(())
    }
}
