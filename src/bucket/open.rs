//! Opens the object store that a URL names.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientConfigKey, ClientOptions, ObjectStore, RetryConfig};
use tokio_rustls::rustls::crypto::ring;

use super::directory::LockedDirectory;
use super::logged_requests::LoggedConnector;
use super::options::BucketTiming;
use super::url::{BucketPrefix, BucketUrl};
use crate::repo::{Error, Result};

/// The timeout for connecting to the object store.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A transfer of a pack fails if the object store sends nothing for this long. There is no limit on the whole transfer.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// The two clients for the object store of a bucket.
#[derive(Clone, Debug)]
pub(super) struct Stores {
    /// The client for everything but the manifest. It repeats failed requests: the content of a key never changes, so it does not matter
    /// how often it is written.
    pub(super) packs: Arc<dyn ObjectStore>,
    /// The client for the manifest and for probes. It sends each request once. `object_store` would repeat a conditional write whose
    /// response was lost, and then report that the condition is not satisfied although the write was made.
    pub(super) manifest: Arc<dyn ObjectStore>,
}

/// Whether a client repeats requests.
#[derive(Clone, Copy)]
enum Repeats {
    Packs,
    Never,
}

/// Opens the object store of a bucket. Of several settings with the same meaning, the first is used.
pub(super) fn open(
    url: &BucketUrl,
    settings: &[(String, String)],
    timing: &BucketTiming,
) -> Result<Stores> {
    if let BucketUrl::Directory(directory) = url {
        let store = Arc::new(open_directory(url, directory)?);
        return Ok(Stores {
            packs: store.clone(),
            manifest: store,
        });
    }
    if matches!(url, BucketUrl::S3(_)) && is_blocked_http(settings) {
        return Err(Error::NotAStore {
            root: PathBuf::from(url.to_string()),
            reason: "its endpoint has no TLS; AWS_ALLOW_HTTP=true allows that".to_owned(),
        });
    }
    // reqwest is built without a TLS implementation, so one is installed for the process. This fails if another part of the process has
    // installed one already, which reqwest then uses.
    let _ = ring::default_provider().install_default();
    let build = |repeats| match url {
        BucketUrl::S3(location) => s3(
            location,
            settings,
            client_options(repeats, timing),
            retries(repeats),
        ),
        BucketUrl::Gcs(location) => gcs(
            location,
            settings,
            client_options(repeats, timing),
            retries(repeats),
        ),
        BucketUrl::Azure(location) => azure(
            location,
            settings,
            client_options(repeats, timing),
            retries(repeats),
        ),
        BucketUrl::Directory(_) => unreachable!("BUG: directories were opened above"),
    };
    let build = |repeats| {
        build(repeats).map_err(|error| Error::NotAStore {
            root: PathBuf::from(url.to_string()),
            reason: format!("its settings are invalid: {error}"),
        })
    };
    Ok(Stores {
        packs: build(Repeats::Packs)?,
        manifest: build(Repeats::Never)?,
    })
}

fn open_directory(url: &BucketUrl, directory: &PathBuf) -> Result<LockedDirectory> {
    // This creates only the last directory of the path, so that a mistyped URL does not create a bucket in an unexpected location.
    if let Err(source) = fs::create_dir(directory)
        && source.kind() != io::ErrorKind::AlreadyExists
    {
        return Err(Error::Io {
            action: "create",
            path: directory.clone(),
            source,
        });
    }
    LockedDirectory::open(directory).map_err(|error| Error::NotAStore {
        root: PathBuf::from(url.to_string()),
        reason: error.to_string(),
    })
}

fn client_options(repeats: Repeats, timing: &BucketTiming) -> ClientOptions {
    let options = ClientOptions::new().with_connect_timeout(CONNECT_TIMEOUT);
    match repeats {
        Repeats::Packs => options
            .with_timeout_disabled()
            .with_read_timeout(IDLE_TIMEOUT),
        Repeats::Never => options.with_timeout(timing.request),
    }
}

fn retries(repeats: Repeats) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: match repeats {
            Repeats::Packs => 3,
            Repeats::Never => 0,
        },
        retry_timeout: Duration::from_secs(10),
    }
}

/// Returns the settings whose names start with `prefix` and that this kind of object store knows. Of several settings with the same key,
/// returns the first. Skips a setting if `is_decided` returns true for its key, because the URL or this module sets it.
fn known_settings<K: std::str::FromStr + std::hash::Hash + Eq + Clone>(
    settings: &[(String, String)],
    prefix: &str,
    is_decided: impl Fn(&K) -> bool,
) -> Vec<(K, String)> {
    let mut seen = HashSet::new();
    let named = settings.iter().filter_map(|(name, value)| {
        let name = name.to_ascii_lowercase();
        let key = name.starts_with(prefix).then(|| name.parse::<K>().ok())??;
        Some((key, value.clone()))
    });
    named
        .filter(|(key, _)| !is_decided(key) && seen.insert(key.clone()))
        .collect()
}

/// Returns whether the endpoint has no TLS, and the settings do not allow that. Each request would fail.
fn is_blocked_http(settings: &[(String, String)]) -> bool {
    let allow = AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp);
    let known = known_settings(settings, "aws_", |_: &AmazonS3ConfigKey| false);
    let endpoint = s3_endpoint(settings);
    let is_http = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
    is_http && known.iter().all(|(key, _)| *key != allow)
}

fn s3_endpoint(settings: &[(String, String)]) -> Option<String> {
    let mut known = known_settings(settings, "aws_", |_: &AmazonS3ConfigKey| false).into_iter();
    known.find_map(|(key, value)| (key == AmazonS3ConfigKey::Endpoint).then_some(value))
}

/// Returns a text that differs for buckets with the same URL in different object stores: the URL and, if the settings have one, the endpoint.
pub(super) fn location(url: &BucketUrl, settings: &[(String, String)]) -> String {
    match (url, s3_endpoint(settings)) {
        (BucketUrl::S3(_), Some(endpoint)) => format!("{url} at {endpoint}"),
        _ => url.to_string(),
    }
}

fn s3(
    location: &BucketPrefix,
    settings: &[(String, String)],
    options: ClientOptions,
    retries: RetryConfig,
) -> object_store::Result<Arc<dyn ObjectStore>> {
    let is_decided = |key: &AmazonS3ConfigKey| {
        matches!(
            key,
            AmazonS3ConfigKey::Bucket
                | AmazonS3ConfigKey::ConditionalPut
                | AmazonS3ConfigKey::DisableBulkDelete
        )
    };
    let mut builder = AmazonS3Builder::new()
        .with_client_options(options)
        .with_retry(retries)
        .with_http_connector(LoggedConnector::default());
    for (key, value) in known_settings(settings, "aws_", is_decided) {
        builder = builder.with_config(key, value);
    }
    // The builder uses path-style URLs by default, as many object stores need. Deleting several objects in one request must be disabled,
    // because not every object store supports it.
    let store = builder
        .with_bucket_name(&location.bucket)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_disable_bulk_delete(true)
        .build()?;
    Ok(Arc::new(PrefixStore::new(store, location.prefix.as_str())))
}

fn gcs(
    location: &BucketPrefix,
    settings: &[(String, String)],
    options: ClientOptions,
    retries: RetryConfig,
) -> object_store::Result<Arc<dyn ObjectStore>> {
    let is_decided = |key: &GoogleConfigKey| matches!(key, GoogleConfigKey::Bucket);
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_client_options(options)
        .with_retry(retries)
        .with_http_connector(LoggedConnector::default());
    for (key, value) in known_settings(settings, "google_", is_decided) {
        builder = builder.with_config(key, value);
    }
    let store = builder.with_bucket_name(&location.bucket).build()?;
    Ok(Arc::new(PrefixStore::new(store, location.prefix.as_str())))
}

fn azure(
    location: &BucketPrefix,
    settings: &[(String, String)],
    options: ClientOptions,
    retries: RetryConfig,
) -> object_store::Result<Arc<dyn ObjectStore>> {
    let is_decided = |key: &AzureConfigKey| {
        matches!(
            key,
            AzureConfigKey::ContainerName | AzureConfigKey::Client(ClientConfigKey::Timeout)
        )
    };
    let mut builder = MicrosoftAzureBuilder::new()
        .with_client_options(options)
        .with_retry(retries)
        .with_http_connector(LoggedConnector::default());
    for (key, value) in known_settings(settings, "azure_", is_decided) {
        builder = builder.with_config(key, value);
    }
    let store = builder.with_container_name(&location.bucket).build()?;
    Ok(Arc::new(PrefixStore::new(store, location.prefix.as_str())))
}

#[cfg(test)]
mod tests;
