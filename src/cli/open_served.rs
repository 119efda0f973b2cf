//! Opens the store of a server: an ordinary local store, the local copy of a store in a bucket, or a replica of a store on another server.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bucket::{check_atomic, open_bucket, open_copy};
use super::config::ServerArgs;
use super::exit::{Error, Result};
use super::sd_notify::ServiceManager;
use crate::bucket::{Bucket, BucketUrl, ProbeScope};
use crate::config::Options;
use crate::http::{PeerKey, PeerKeySource, ServerOptions};
use crate::oci::keep_records;
use crate::remote::{BucketFollower, Replica};
use crate::store::{ErrorKind, ObjectFormat, Store, chain};

/// How long a server that has no local copy of the store tries to reach the bucket before it fails.
const REACH_MAX: Duration = Duration::from_secs(30);
/// The pause between two attempts to reach the bucket.
const REACH_PAUSE: Duration = Duration::from_secs(1);

/// Opens the store that the server serves, and sets the fields of `serve_options` that depend on the kind of the store.
pub(super) fn open_served(
    server: &ServerArgs,
    root: &Path,
    serve_options: &mut ServerOptions,
    service_manager: &ServiceManager,
) -> Result<Arc<Store>> {
    let options = server.limits.options(Options::of_store(root)?);
    if let Some(url) = &server.bucket.bucket {
        return open_copy_of_bucket(server, url, root, serve_options);
    }
    let Some((primary, changes)) = server.replica.primary()? else {
        let mut store = Store::open_or_create(root, options, ObjectFormat::default())?;
        store.charge_validation_to(serve_options.memory.clone());
        keep_records(&mut store);
        // Fails if the store is a replica or a copy of a store in a bucket: without `--replica-of` or `--bucket`, the server would serve
        // outdated data.
        store.ensure_writable()?;
        return Ok(Arc::new(store));
    };
    service_manager.notify_status(&format!("waiting for the primary {}", primary.url));
    let replica = Arc::new(Replica::open(root, options, primary)?);
    let store = Arc::clone(replica.store());
    serve_options.replica = Some((replica, changes));
    Ok(store)
}

/// Opens the local copy of a store in a bucket. The commits and modules that the copy lacks are downloaded in the background, after the
/// server has begun to listen.
fn open_copy_of_bucket(
    server: &ServerArgs,
    url: &BucketUrl,
    root: &Path,
    serve_options: &mut ServerOptions,
) -> Result<Arc<Store>> {
    let options = server.limits.options(Options::of_store(root)?);
    let bucket_options =
        server
            .bucket
            .options(&server.addresses(), server.tls.is_some(), &server.base_path)?;
    let writer = bucket_options.writer.clone().unwrap_or_default();
    let bucket = open_bucket(url, bucket_options)?;
    let is_newly_probed =
        !Store::is_bucket_probed(root, bucket.location())? && is_found_atomic(&bucket)?;
    let mut store = open_copy_patiently(root, options, &bucket)?;
    store.charge_validation_to(serve_options.memory.clone());
    keep_records(&mut store);
    store.ensure_writable()?;
    if is_newly_probed {
        store.note_bucket_probed(bucket.location())?;
    }
    let store = Arc::new(store);
    let poll = server.bucket.bucket_poll.0;
    let follower = BucketFollower::new(Arc::clone(&store), writer, poll);
    serve_options.bucket = Some(Arc::new(follower));
    // The secret that the servers of the bucket share is in the bucket's manifest. This function must not block, so it returns `None` until
    // the manifest has been read for the first time. `identity` alone would send a request then.
    serve_options.peer_key = Some(PeerKeySource::new(move || {
        bucket.last_known()?;
        let identity = bucket.identity().ok()?;
        Some(PeerKey::new(identity.peer_key.0))
    }));
    Ok(store)
}

/// Checks that the conditional writes of the bucket are atomic. A server does this only until it has succeeded for its copy: the races of the
/// check take some object stores many seconds, in which the server cannot serve. Returns `false` if the bucket cannot be reached, because
/// the server can still serve an existing copy.
///
/// # Errors
/// The conditional writes are not atomic.
fn is_found_atomic(bucket: &Bucket) -> Result<bool> {
    match check_atomic(bucket, ProbeScope::Quick) {
        Err(Error::Store(error)) if error.kind() == ErrorKind::Busy => {
            tracing::warn!(
                error = chain(&error),
                "cannot check whether the conditional writes of the bucket are atomic"
            );
            Ok(false)
        }
        checked => checked.map(|()| true),
    }
}

/// Opens the local copy of the store in the bucket. If there is no copy yet and the bucket cannot be reached, retries for [`REACH_MAX`]:
/// one lost response must not make the start fail.
fn open_copy_patiently(root: &Path, options: Options, bucket: &Arc<Bucket>) -> Result<Store> {
    let begun = Instant::now();
    loop {
        match open_copy(root, options, Arc::clone(bucket)) {
            Err(Error::Store(error))
                if error.kind() == ErrorKind::Busy && begun.elapsed() < REACH_MAX =>
            {
                tracing::warn!(error = chain(&error), "cannot reach the bucket; retrying");
                std::thread::sleep(REACH_PAUSE);
            }
            opened => return opened,
        }
    }
}
