//! The names in a store that complete a word: paths, branches, tags, commits, mirrors and logins.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use clap::Command;

use super::candidate::Candidate;
use super::candidate_kind::CandidateKind;
use super::position::Position;
use crate::cli::args::GlobalArgs;
use crate::cli::change_report::{ID_DIGITS, short_id};
use crate::cli::color::ColorChoice;
use crate::cli::exit::{Error, Result};
use crate::cli::logins::Logins;
use crate::cli::root_setting::RootSetting;
use crate::cli::settings::Settings;
use crate::cli::store_location::StoreLocation;
use crate::config::{MirrorLimits, Options};
use crate::names::{BranchName, TreePath};
use crate::remote::{Mirrors, StoreOperations};
use crate::store::{LogSelection, Revision, Store};

/// The maximum number of candidates of each kind.
const NAMES_MAX: usize = 300;
/// The number of newest commits in which ids that begin with the word are searched, and the maximum number of ids that are offered.
const RECENT_COMMITS: usize = 200;
const COMMITS_MAX: usize = 20;
/// The minimum number of digits in a word for completing it to commit ids.
const DIGITS_MIN: usize = 2;

/// A search for the names that complete a value.
pub(super) struct NameSearch {
    settings: Settings,
    /// The revision in whose tree paths are searched.
    revision: Revision,
    value: String,
    /// Whether a word that begins with `-` is an option, so that a path with this beginning needs a leading slash.
    needs_slash: bool,
}

impl NameSearch {
    /// Creates a search with the global options before the cursor, for names that begin with `value`.
    ///
    /// # Errors
    /// A global option, or the environment variable that replaces it, is malformed.
    pub fn new(
        command_line: fn() -> Command,
        position: &Position<'_>,
        value: &str,
    ) -> Result<Self> {
        let root = position
            .value("root")
            .map(|root| RootSetting::parse(root.into()));
        let branch = position.value("branch").map(BranchName::parse);
        let globals = GlobalArgs {
            root: root.transpose()?,
            key_file: position.value("key_file").map(PathBuf::from),
            branch: branch.transpose()?,
            author: None,
            json: false,
            verbose: 0,
            quiet: true,
            color: ColorChoice::Never,
        };
        let settings = Settings::new(globals, command_line, None);
        let tree = match position.command_name.as_str() {
            "diff" => position.value("new"),
            _ => position.value("commit"),
        };
        let branch = settings.branch()?;
        let revision = match tree {
            Some(name) => Revision::parse(name)?.on_branch(branch),
            None => Revision::Branch(branch),
        };
        Ok(Self {
            settings,
            revision,
            value: value.to_owned(),
            needs_slash: !position.only_values_follow,
        })
    }

    /// Searches names of a kind and sends them. If the search fails, sends an empty list. Returns an error if the receiver was dropped.
    pub fn send(&self, kind: CandidateKind, sender: &Sender<Vec<Candidate>>) -> Result<(), ()> {
        let found = match kind {
            CandidateKind::Files | CandidateKind::MarkedFiles | CandidateKind::LocalDirectories => {
                return Ok(());
            }
            CandidateKind::Paths => self.paths(),
            CandidateKind::Directories => self.paths().map(|mut paths| {
                paths.retain(|path| path.value.ends_with('/'));
                paths
            }),
            CandidateKind::Branches => self.branches(),
            CandidateKind::Tags => self.tags(),
            CandidateKind::Commits => self.commits(),
            CandidateKind::Mirrors => self.mirrors(),
            CandidateKind::Logins => logins(),
            CandidateKind::Servers => servers(),
        };
        let mut found = found.unwrap_or_default();
        found.retain(|candidate| candidate.value.starts_with(&self.value));
        found.truncate(NAMES_MAX);
        sender.send(found).map_err(drop)
    }

    /// Opens the store for reading. If it is a local copy of a store in a bucket, does not contact the bucket, so the names may be
    /// outdated.
    fn open(&self) -> Result<Box<dyn StoreOperations>> {
        match self.settings.location()? {
            StoreLocation::Directory(_) => Ok(Box::new(self.open_local()?)),
            StoreLocation::Server(_) => self.settings.open(),
        }
    }

    fn open_local(&self) -> Result<Store> {
        let root = self.settings.root()?;
        Ok(Store::open(&root, Options::of_store(&root)?)?)
    }

    /// Finds the entries of the directory that the value names up to its last slash, or of the root if it has no slash.
    fn paths(&self) -> Result<Vec<Candidate>> {
        let (directory, beginning) = match self.value.rfind('/') {
            Some(slash) => self.value.split_at(slash + 1),
            None => ("", self.value.as_str()),
        };
        let path = TreePath::parse(directory)?;
        let names = self
            .open()?
            .entry_names(&self.revision, &path, beginning, NAMES_MAX)?;
        let found = names.into_iter().map(|name| {
            let is_flag = self.needs_slash && directory.is_empty() && name.starts_with('-');
            let slash = if is_flag { "/" } else { "" };
            Candidate::new(format!("{slash}{directory}{name}"), "")
        });
        Ok(found.collect())
    }

    fn branches(&self) -> Result<Vec<Candidate>> {
        let branches = self.open()?.branches()?;
        Ok(branches
            .iter()
            .map(|branch| Candidate::new(branch.as_str(), "branch"))
            .collect())
    }

    fn tags(&self) -> Result<Vec<Candidate>> {
        let tags = self.open()?.tags()?;
        Ok(tags
            .iter()
            .map(|tag| Candidate::new(tag.name.as_str(), &tag.message))
            .collect())
    }

    /// Finds recent commits whose ids begin with the word.
    fn commits(&self) -> Result<Vec<Candidate>> {
        let digits = self.value.as_str();
        let mut found = Vec::new();
        if digits.len() < DIGITS_MIN || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(found);
        }
        let tip = Revision::Branch(self.settings.branch()?);
        self.open()?
            .log(&tip, &LogSelection::newest(RECENT_COMMITS), &mut |commit| {
                if commit.commit.starts_with(digits) {
                    // If the word is longer than a shortened id, it can only become the whole id.
                    let id = if digits.len() > ID_DIGITS {
                        commit.commit.clone()
                    } else {
                        short_id(&commit.commit)
                    };
                    found.push(Candidate::new(id, &commit.message));
                }
                if found.len() < COMMITS_MAX {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            })?;
        Ok(found)
    }

    fn mirrors(&self) -> Result<Vec<Candidate>> {
        let mirrors = Mirrors::new(Arc::new(self.open_local()?), MirrorLimits::default())?;
        let list = mirrors.list()?;
        Ok(list
            .iter()
            .map(|mirror| Candidate::new(mirror.name.as_str(), mirror.url.to_string()))
            .collect())
    }
}

fn logins() -> Result<Vec<Candidate>> {
    let logins = Logins::read()?;
    let named = logins.iter().filter_map(|login| {
        Some(Candidate::new(
            format!("@{}", login.name()?),
            login.url().to_string(),
        ))
    });
    Ok(named.collect())
}

fn servers() -> Result<Vec<Candidate>, Error> {
    let logins = Logins::read()?;
    Ok(logins
        .iter()
        .map(|login| Candidate::new(login.url().to_string(), login.name().unwrap_or_default()))
        .collect())
}
