//! The work of the registry in `gc`, `verify` and `reindex`.

use super::error::{Error, Result};
use super::registry::Registry;
use crate::store::{self, RecordKeeper, Store, StoreFault};

/// Makes a store maintain the records of the OCI registry, too: a `gc` then removes records that are no longer needed (`prune.rs`), a
/// verification checks the records (`verify.rs`), and a `reindex` adds the digests of the manifests that the registry itself makes to the
/// store's index (`all_synthesized.rs`).
pub fn keep_records(store: &mut Store) {
    let keep_days = store.options().manifests.keep_days;
    store.set_record_keeper(Keeper { keep_days });
}

struct Keeper {
    keep_days: u64,
}

impl RecordKeeper for Keeper {
    fn prune(&self, store: &Store) -> store::Result<()> {
        // Uploaded blobs are files outside of the repository, so the `gc` continues if they cannot be removed.
        if let Err(error) = store.remove_expired_blobs() {
            let error = store::chain(&error);
            tracing::warn!(error, "could not remove expired uploads");
        }
        store_result(Registry::default().prune(store, self.keep_days)).map(drop)
    }

    fn reindex(&self, store: &Store) -> store::Result<()> {
        let registry = Registry::default();
        store_result(store.read_registry(|_| {
            let views = store.registry_views(&store.readable_registry_tips()?)?;
            registry.all_synthesized(&views, &mut |_| {})
        }))
    }

    fn verify(&self, store: &Store, report: &mut dyn FnMut(StoreFault)) -> store::Result<()> {
        let faults = store_result(super::verify::faults(store))?;
        faults.into_iter().for_each(report);
        Ok(())
    }
}

fn store_result<T>(result: Result<T>) -> store::Result<T> {
    result.map_err(|error| match error {
        Error::Store(error) => error,
        error => store::Error::Output(std::io::Error::other(error)),
    })
}
