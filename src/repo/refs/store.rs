//! The refs of a repository.

use std::path::Path;
use std::sync::Arc;

use crate::repo::objects::db::ObjectDb;
use crate::repo::refs::durable_tips::DurableTips;
use crate::repo::refs::hidden::LastUnbroken;
use crate::repo::refs::list::LoggedRefs;
use crate::repo::refs::reuse::LastListings;

/// Reads and updates refs. Reading is in `read.rs`, updating in `update.rs`.
pub struct RefStore {
    pub(in crate::repo) objects: Arc<ObjectDb>,
    pub(crate) durable_tips: DurableTips,
    pub(in crate::repo::refs) logged: LoggedRefs,
    pub(in crate::repo::refs) last_unbroken: LastUnbroken,
    pub(in crate::repo::refs) last_listings: LastListings,
}

impl RefStore {
    pub(crate) fn new(objects: Arc<ObjectDb>) -> Self {
        Self {
            durable_tips: DurableTips::new(objects.root()),
            objects,
            logged: LoggedRefs::default(),
            last_unbroken: LastUnbroken::default(),
            last_listings: LastListings::default(),
        }
    }

    pub(in crate::repo::refs) fn root(&self) -> &Path {
        self.objects.root()
    }
}
