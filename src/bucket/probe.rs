//! Checks whether conditional writes of the object store are atomic.

use std::fmt;
use std::time::Duration;

use object_store::path::Path;
use object_store::{
    GetOptions, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, UpdateVersion,
};

use super::client::{EtagStyle, styled};
use super::counters::RequestKind;
use super::handle::Bucket;
use super::request_failure::RequestFailure;
use super::state::random_hex;
use crate::repo::Result;

/// The prefix of the keys of the objects that probes write.
pub(super) const PREFIX: &str = "probe/";

/// The number of attempts of a request, or of the checks with one writer, before the bucket is reported as unreachable.
const ATTEMPTS: u32 = 3;

/// The pause between two of the [`ATTEMPTS`].
const PAUSE: Duration = Duration::from_millis(300);

/// How thoroughly a probe checks that conditional writes to the bucket are atomic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeScope {
    /// Used when a server starts: one race of 32 writers that create an object, and one of 32 writers that replace an object.
    Quick,
    /// Used by the command `bucket probe`: up to 20 races of each kind, with 64 writers each, as many as fit into 20 s. Some object stores
    /// let a second writer succeed only in a few of many races.
    Full,
}

/// The result of a probe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeReport {
    /// The checks, in the order in which they were made.
    pub checks: Vec<ProbeCheck>,
}

/// One check of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeCheck {
    /// What the check does, for example `create an absent object`.
    pub name: String,
    /// The observed result, for example `created`.
    pub observed: String,
    /// Whether the object store behaved as it must if several machines share a store in it.
    pub is_passed: bool,
}

impl ProbeReport {
    /// Returns whether every check was passed.
    pub fn is_atomic(&self) -> bool {
        self.checks.iter().all(|check| check.is_passed)
    }

    fn push(&mut self, name: &str, is_passed: bool, observed: impl Into<String>) {
        self.checks.push(ProbeCheck {
            name: name.to_owned(),
            observed: observed.into(),
            is_passed,
        });
    }
}

/// Writes one line per check.
impl fmt::Display for ProbeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            let mark = if check.is_passed { "ok  " } else { "FAIL" };
            writeln!(f, "{mark} {}: {}", check.name, check.observed)?;
        }
        Ok(())
    }
}

impl Bucket {
    /// Checks whether conditional writes are atomic. The objects of the checks are below `probe/` and are deleted afterwards.
    ///
    /// # Errors
    /// `Unreachable` if requests fail, so that the checks have no result.
    pub fn probe(&self, scope: ProbeScope) -> Result<ProbeReport> {
        let directory = format!("{PREFIX}{}", random_hex::<16>());
        let result = self.probe_below(&directory, scope);
        if let Ok(keys) = self.client.list(&directory) {
            for (key, _) in keys {
                // An object that cannot be deleted uses only a few bytes, so an error is ignored.
                let _ = self.client.delete(&key);
            }
        }
        result.map_err(|failure| self.unreachable(failure.reason()))
    }

    fn probe_below(
        &self,
        directory: &str,
        scope: ProbeScope,
    ) -> Result<ProbeReport, RequestFailure> {
        let mut attempt = 0;
        let mut report = until_known(|| {
            attempt += 1;
            self.probe_sequence(&format!("{directory}/{attempt}"))
        })?;
        // If a check with one writer fails, the bucket is unsuitable anyway, so the races are skipped.
        if report.is_atomic() {
            self.probe_races(directory, scope, &mut report)?;
        }
        Ok(report)
    }

    /// Makes the checks that need only one writer, with objects whose keys start with `key`.
    fn probe_sequence(&self, key: &str) -> Result<ProbeReport, RequestFailure> {
        let mut report = ProbeReport::default();
        let (key, absent) = (
            Path::from(format!("{key}-a")),
            Path::from(format!("{key}-b")),
        );
        let first = self.probe_put(&key, "first", PutMode::Create)?;
        report.push("create an absent object", true, "created");
        let again = condition(self.probe_put(&key, "second", PutMode::Create))?;
        report.push("create an existing object", again.is_err(), shown(&again));
        let mut replaced = Err(String::new());
        for style in [EtagStyle::Quoted, EtagStyle::Unquoted] {
            replaced =
                condition(self.probe_put(&key, "third", PutMode::Update(styled(&first, style))))?;
            if replaced.is_ok() {
                self.client.set_etag_style(style);
                break;
            }
        }
        let style = self.client.etag_style();
        let observed = match (&replaced, style) {
            (Ok(_), EtagStyle::Unquoted) => {
                "replaced; the store accepts only ETags without quotation marks".to_owned()
            }
            (other, _) => shown(other),
        };
        report.push(
            "replace an object with its ETag",
            replaced.is_ok(),
            observed,
        );
        let outdated = PutMode::Update(styled(&first, style));
        let outdated = condition(self.probe_put(&key, "fourth", outdated))?;
        report.push(
            "replace an object with an outdated ETag",
            outdated.is_err(),
            shown(&outdated),
        );
        let created =
            condition(self.probe_put(&absent, "fifth", PutMode::Update(styled(&first, style))))?;
        report.push(
            "replace an absent object",
            created.is_err(),
            shown(&created),
        );
        let (content, version) = self.probe_get(&key)?;
        report.push(
            "read the object",
            content == "third",
            format!("the content is {content:?}"),
        );
        let unchanged = self.probe_is_unchanged(&key, &styled(&version, style))?;
        let observed = match unchanged {
            true => "not modified",
            // The object store ignored `If-None-Match`. That costs only bandwidth, so the check is passed.
            false => "sent again, so that each check for changes downloads the manifest",
        };
        report.push("read the object if its ETag has changed", true, observed);
        Ok(report)
    }

    /// Finds out whether the object store accepts ETags with or without quotation marks, and records the result for later requests. Returns
    /// the reason if it cannot find out.
    pub(super) fn find_etag_style(&self) -> Result<(), String> {
        let directory = format!("{PREFIX}{}", random_hex::<16>());
        let found = self.probe_sequence(&directory);
        for suffix in ["-a", "-b"] {
            let _ = self.client.delete(&format!("{directory}{suffix}"));
        }
        let report = found.map_err(|failure| failure.reason().to_owned())?;
        match report.checks.iter().find(|check| !check.is_passed) {
            None => Ok(()),
            Some(failed) => {
                self.client.set_etag_style(EtagStyle::Untested);
                Err(format!("{}: {}", failed.name, failed.observed))
            }
        }
    }

    pub(super) fn probe_put(
        &self,
        key: &Path,
        text: &str,
        mode: PutMode,
    ) -> Result<UpdateVersion, RequestFailure> {
        let payload = PutPayload::from(text.to_owned());
        let store = &self.client.stores.manifest;
        self.client.request_once(RequestKind::Probe, async {
            store
                .put_opts(key, payload, PutOptions::from(mode))
                .await
                .map(UpdateVersion::from)
        })
    }

    pub(super) fn probe_get(&self, key: &Path) -> Result<(String, UpdateVersion), RequestFailure> {
        self.client.request_once(RequestKind::Probe, async {
            let found = self.client.stores.manifest.get(key).await?;
            let version = UpdateVersion {
                e_tag: found.meta.e_tag.clone(),
                version: found.meta.version.clone(),
            };
            let content = found.bytes().await?;
            Ok((String::from_utf8_lossy(&content).into_owned(), version))
        })
    }

    fn probe_is_unchanged(
        &self,
        key: &Path,
        version: &UpdateVersion,
    ) -> Result<bool, RequestFailure> {
        let options = GetOptions {
            if_none_match: version.e_tag.clone(),
            ..GetOptions::default()
        };
        self.client.request_once(RequestKind::Probe, async {
            match self.client.stores.manifest.get_opts(key, options).await {
                Ok(_) => Ok(false),
                Err(object_store::Error::NotModified { .. }) => Ok(true),
                Err(error) => Err(error),
            }
        })
    }
}

/// Calls `attempt` again while its result is unknown, up to `ATTEMPTS` times.
pub(super) fn until_known<T>(
    mut attempt: impl FnMut() -> Result<T, RequestFailure>,
) -> Result<T, RequestFailure> {
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(RequestFailure::Unknown(_)) => std::thread::sleep(PAUSE),
            known => return known,
        }
    }
    attempt()
}

/// Returns `Ok(Err(reason))` if the condition of a write was not satisfied, and `Err` for a failure that says nothing about the condition.
fn condition(
    result: Result<UpdateVersion, RequestFailure>,
) -> Result<Result<UpdateVersion, String>, RequestFailure> {
    match result {
        Ok(version) => Ok(Ok(version)),
        Err(RequestFailure::Condition(reason)) => Ok(Err(reason)),
        Err(RequestFailure::NotFound) => Ok(Err("the object does not exist".to_owned())),
        Err(failure) => Err(failure),
    }
}

fn shown(result: &Result<UpdateVersion, String>) -> String {
    match result {
        Ok(_) => "accepted".to_owned(),
        Err(reason) => format!("rejected ({reason})"),
    }
}

#[cfg(test)]
mod tests;
