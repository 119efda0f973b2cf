//! Getting the objects of another repository without moving a ref: git-ls-remote(1), git-fetch(1).

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

use super::program::{Error, Git};
use crate::names::{ObjectId, RemoteUrl};

/// How many objects are asked for at a time: they are arguments.
const WANTS_MAX: usize = 256;

/// The variable that a header goes to git in, where no list of processes shows it.
const HEADER: &str = "WASMSTORE_REPLICA_HEADER";

/// How objects are fetched: as packs, and without anything that is done by the way.
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

/// What another repository has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advertised {
    /// The full name of the default branch's ref, if that exists.
    pub head: Option<String>,
    /// Full names of branches and tags, and what they point to.
    pub refs: Vec<(String, ObjectId)>,
}

/// A repository to follow.
#[derive(Clone, Copy, Debug)]
pub struct Followed<'f> {
    /// Where it is.
    pub url: &'f RemoteUrl,
    /// A header for it, `Name: value`; it may be a secret.
    pub header: Option<&'f str>,
    /// How long one run of git may take.
    pub limit: Duration,
}

impl Git {
    /// What a repository has.
    ///
    /// # Errors
    /// It cannot be reached, or is none; secrets of the URL may be in the text. git is missing or takes too long.
    pub fn advertised(&self, from: &Followed<'_>) -> Result<Advertised, Error> {
        let url = from.url.secret();
        let args = [
            "ls-remote",
            "--symref",
            "--",
            url,
            "HEAD",
            "refs/heads/*",
            "refs/tags/*",
        ];
        let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        let stdout = self.follow(None, "ls-remote", &args, from)?;
        let mut advertised = Advertised::default();
        for line in stdout.lines() {
            let Some((what, name)) = line.split_once('\t') else {
                continue;
            };
            match (what.strip_prefix("ref: "), ObjectId::parse(what)) {
                (Some(branch), _) if name == "HEAD" => advertised.head = Some(branch.to_owned()),
                // What a tag leads to is told beside it, as `<name>^{}`.
                (None, Some(id)) if name != "HEAD" && !name.ends_with("^{}") => {
                    advertised.refs.push((name.to_owned(), id));
                }
                _ => {}
            }
        }
        Ok(advertised)
    }

    /// Fetches objects, with all that they reach, into packs of the repository. No ref leads to them yet.
    ///
    /// # Errors
    /// As for [`advertised`](Self::advertised); one of them is not there any more.
    pub fn fetch_objects(&self, from: &Followed<'_>, ids: &[ObjectId]) -> Result<(), Error> {
        for ids in ids.chunks(WANTS_MAX) {
            let ids: Vec<OsString> = ids.iter().map(|id| id.to_string().into()).collect();
            let args = FETCH.iter().map(OsStr::new);
            let args = args.chain([OsStr::new(from.url.secret())]);
            let args: Vec<&OsStr> = args.chain(ids.iter().map(OsString::as_os_str)).collect();
            self.follow(Some(self.git_dir()), "fetch", &args, from)?;
        }
        Ok(())
    }

    fn follow(
        &self,
        git_dir: Option<&Path>,
        name: &'static str,
        args: &[&OsStr],
        from: &Followed<'_>,
    ) -> Result<String, Error> {
        let mut all = Vec::new();
        let options = header_options(from.url);
        all.extend(from.header.iter().flat_map(|_| &options).map(OsStr::new));
        all.extend(args);
        let header = from.header.map(|header| (HEADER, OsStr::new(header)));
        let run = self.start_with(git_dir, name, &all, header, from.limit)?;
        let said = run.finish(&mut || ())?;
        match said.is_success {
            true => Ok(said.stdout),
            false => Err(said.failure(name)),
        }
    }
}

/// Has the header sent to that URL alone: it may be a secret, and curl would repeat it to whomever a redirect names.
fn header_options(url: &RemoteUrl) -> [String; 3] {
    let url = url.secret();
    [
        "-c".to_owned(),
        "http.followRedirects=false".to_owned(),
        format!("--config-env=http.{url}.extraHeader={HEADER}"),
    ]
}
