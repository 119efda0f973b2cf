//! Fetches objects from another repository without updating refs: git-ls-remote(1), git-fetch(1).

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

use super::clone::{STORE_REFS, is_of_store};
use super::error::Error;
use super::program::Git;
use super::secret_config::SecretConfig;
use crate::names::{ObjectId, RemoteUrl};

/// The maximum number of object ids in one git-fetch command. The ids are command-line arguments, and the operating system limits the total
/// length of all arguments.
const OBJECTS_MAX: usize = 256;

/// The arguments of git before the URL, for a fetch. With these arguments, git stores the objects as packs, does not write any other files,
/// and does not start maintenance.
const FETCH: [&str; 14] = [
    "-c",
    "fetch.unpackLimit=1",
    "-c",
    "maintenance.auto=false",
    "-c",
    "fetch.writeCommitGraph=false",
    "fetch",
    "--quiet",
    "--no-write-fetch-head",
    "--no-tags",
    "--no-recurse-submodules",
    "--no-auto-maintenance",
    "--refmap=",
    "--",
];

/// The refs that another repository advertises. Refs of kinds that a store does not use are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdvertisedRefs {
    /// The full name of the ref to which `HEAD` points, if that ref exists: the default branch.
    pub head: Option<String>,
    /// The branches, the tags and `refs/oci/records`: the full name of each ref, and the id to which it points.
    pub refs: Vec<(String, ObjectId)>,
}

/// The repository to clone or to fetch from, and the options for connecting to it.
#[derive(Clone, Copy, Debug)]
pub struct FetchSource<'f> {
    /// The URL of the other repository. It may contain credentials.
    pub url: &'f RemoteUrl,
    /// A header for git's HTTP requests, `Name: value`. It may contain a secret.
    pub header: Option<&'f str>,
    /// The time limit of one git command.
    pub limit: Duration,
}

impl FetchSource<'_> {
    /// Returns the configuration that makes git send `header`, and the credentials in `url`.
    pub(super) fn secrets(&self) -> SecretConfig {
        let config = SecretConfig::of_url(self.url);
        match self.header {
            Some(header) => config.with_header(self.url, header),
            None => config,
        }
    }
}

impl Git {
    /// Returns the refs that the repository `source` advertises.
    ///
    /// # Errors
    /// If the source is not a repository or cannot be reached (the error text may contain secrets of the URL); if git is missing, or takes
    /// longer than `source.limit`.
    pub fn advertised_refs(&self, source: &FetchSource<'_>) -> Result<AdvertisedRefs, Error> {
        let plain_url = source.url.without_credentials();
        let args = ["ls-remote", "--symref", "--", &plain_url, "HEAD"];
        let args: Vec<&OsStr> = args.iter().chain(&STORE_REFS).map(OsStr::new).collect();
        let stdout = self.run_on_source(None, "ls-remote", &args, source)?;
        let mut advertised = AdvertisedRefs::default();
        for line in stdout.lines() {
            let Some((target, name)) = line.split_once('\t') else {
                continue;
            };
            match (target.strip_prefix("ref: "), ObjectId::parse(target)) {
                (Some(branch), _) if name == "HEAD" => advertised.head = Some(branch.to_owned()),
                // `<name>^{}` is the object to which an annotated tag points. git lists it in addition to the tag itself.
                (None, Some(id)) if is_of_store(name) && !name.ends_with("^{}") => {
                    advertised.refs.push((name.to_owned(), id));
                }
                _ => {}
            }
        }
        Ok(advertised)
    }

    /// Fetches the objects `ids` and all objects that are reachable from them, and stores them in packs of this repository. Does not create
    /// or update refs.
    ///
    /// # Errors
    /// As for [`advertised_refs`](Self::advertised_refs); if the source no longer has one of the objects.
    pub fn fetch_objects(&self, source: &FetchSource<'_>, ids: &[ObjectId]) -> Result<(), Error> {
        let plain_url = source.url.without_credentials();
        for chunk in ids.chunks(OBJECTS_MAX) {
            let hex_ids: Vec<OsString> = chunk.iter().map(|id| id.to_string().into()).collect();
            let args: Vec<&OsStr> = FETCH
                .iter()
                .map(OsStr::new)
                .chain([OsStr::new(&*plain_url)])
                .chain(hex_ids.iter().map(OsString::as_os_str))
                .collect();
            self.run_on_source(Some(self.git_dir()), "fetch", &args, source)?;
        }
        Ok(())
    }

    fn run_on_source(
        &self,
        git_dir: Option<&Path>,
        name: &'static str,
        args: &[&OsStr],
        source: &FetchSource<'_>,
    ) -> Result<String, Error> {
        let command = self.start(git_dir, name, args, &source.secrets(), source.limit)?;
        let output = command.finish(&mut || ())?;
        if output.is_success {
            Ok(output.stdout)
        } else {
            Err(output.failure(name))
        }
    }
}
