//! Opens buckets (S3 and other object stores) with settings from environment variables, and opens local copies of stores in buckets.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::environment::{text_variable, variable};
use super::exit::{Error, Result};
use super::home::expand;
use crate::bucket::{
    Bucket, BucketOptions, BucketUrl, ProbeScope, settings_of_profile, with_profile,
};
use crate::config::Options;
use crate::store::{self, BucketMark, Store};

/// The prefixes of the environment variables that configure the access to an object store.
const PREFIXES: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];
/// The configuration files of the AWS command line. Each entry is the variable that can name the file, and the file's default path. The
/// settings of the first file take precedence.
const AWS_FILES: [(&str, &str); 2] = [
    ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
    ("AWS_CONFIG_FILE", "~/.aws/config"),
];

/// Opens a bucket. Sends no request.
///
/// # Errors
/// A variable is not UTF-8; the settings are invalid.
pub(super) fn open_bucket(url: &BucketUrl, options: BucketOptions) -> Result<Arc<Bucket>> {
    let bucket = Bucket::open(url, &settings()?, options);
    Ok(Arc::new(bucket.map_err(store::Error::from)?))
}

/// Checks that the conditional writes of a bucket are atomic.
///
/// # Errors
/// The conditional writes are not atomic; the bucket cannot be reached.
pub(super) fn check_atomic(bucket: &Bucket, scope: ProbeScope) -> Result<()> {
    let report = bucket.probe(scope).map_err(store::Error::from)?;
    if report.is_atomic() {
        return Ok(());
    }
    for line in report.to_string().lines() {
        tracing::error!("{line}");
    }
    Err(Error::NotAtomic(bucket.url().to_owned()))
}

/// Opens the local copy, at `root`, of the store in a bucket. If there is no copy, creates an empty one. An existing copy is opened even
/// if the bucket cannot be reached.
///
/// # Errors
/// There is no copy yet, and the bucket cannot be reached or has no store; the store at `root` is not a copy of the one in this bucket.
pub(super) fn open_copy(root: &Path, options: Options, bucket: Arc<Bucket>) -> Result<Store> {
    let found = Store::bucket_mark_of(root)?;
    let (mark, format) = match (bucket.identity(), found) {
        (Ok(identity), _) => {
            let mark = BucketMark {
                url: bucket.url().to_owned(),
                store: identity.store,
            };
            (mark, identity.object_format)
        }
        (Err(error), Some(mark))
            if mark.url == bucket.url() && !Store::is_remains_of_copy(root)? =>
        {
            let error = store::Error::from(error);
            // A copy whose creation was interrupted has no object format. Only the bucket knows it.
            let Some(format) = Store::open(root, options)?.object_format() else {
                return Err(error.into());
            };
            tracing::warn!(
                error = store::chain(&error),
                "cannot reach the bucket; using the local copy as it is"
            );
            (mark, format)
        }
        (Err(error), _) => return Err(store::Error::from(error).into()),
    };
    Ok(Store::open_shared(root, options, bucket, &mark, format)?)
}

/// Opens the store at `root` together with its bucket, if it is a copy of a store in a bucket. Returns `None` for any other store.
///
/// # Errors
/// As for [`open_copy`].
pub(super) fn open_if_copy(root: &Path, options: Options) -> Result<Option<Store>> {
    let Some(mark) = Store::bucket_mark_of(root)? else {
        return Ok(None);
    };
    let url = BucketUrl::parse(&mark.url)?;
    let bucket = open_bucket(&url, BucketOptions::default())?;
    let store = open_copy(root, options, bucket)?;
    if let Err(error) = store.follow() {
        tracing::warn!(
            error = store::chain(&error),
            "cannot read the bucket; the local copy may be old"
        );
    }
    Ok(Some(store))
}

/// Returns the environment variables that configure an object store, followed by the settings of the AWS profile that `AWS_PROFILE`
/// selects.
fn settings() -> Result<Vec<(String, String)>> {
    let mut variables = Vec::new();
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        if PREFIXES.iter().any(|prefix| name.starts_with(prefix)) && !value.is_empty() {
            let value = value.into_string();
            let value = value.map_err(|_| {
                Error::Usage("an environment variable AWS_*, GOOGLE_* or AZURE_* is not UTF-8")
            })?;
            variables.push((name.to_owned(), value));
        }
    }
    let profile = text_variable("AWS_PROFILE")?.unwrap_or_else(|| "default".to_owned());
    let mut settings = Vec::new();
    for (name, default) in AWS_FILES {
        let path = variable(name).map_or_else(|| PathBuf::from(default), PathBuf::from);
        let text = expand(path)
            .ok()
            .and_then(|path| fs::read_to_string(path).ok());
        settings.extend(settings_of_profile(&text.unwrap_or_default(), &profile));
    }
    Ok(with_profile(variables, settings))
}
