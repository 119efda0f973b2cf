//! The first-parent history of a branch as stock git reads it: every commit with its changes.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::support::store::git;

/// The value of a path after a commit: the hash of the module, or `None` if the commit removed it.
pub type PathValue = Option<String>;

pub struct Commit {
    pub id: String,
    pub changes: Vec<(String, PathValue)>,
}

/// The first-parent history of one branch, oldest commit first.
pub struct FirstParentHistory {
    root: PathBuf,
    branch: String,
    pub commits: Vec<Commit>,
    positions: HashMap<String, usize>,
    values: HashMap<String, Vec<(usize, PathValue)>>,
}

impl FirstParentHistory {
    /// Creates a history of which nothing has been read.
    pub fn unread(root: &Path, branch: &str) -> Self {
        Self {
            root: root.to_owned(),
            branch: format!("refs/heads/{branch}"),
            commits: Vec::new(),
            positions: HashMap::new(),
            values: HashMap::new(),
        }
    }

    /// Reads the whole history.
    pub fn read(root: &Path, branch: &str) -> Self {
        let mut history = Self::unread(root, branch);
        history.extend();
        history
    }

    /// Reads the new commits, and returns their positions. Panics if they do not continue the history that was read before.
    pub fn extend(&mut self) -> Range<usize> {
        let first_new = self.commits.len();
        let mut last = self.tip().unwrap_or_default().to_owned();
        let mut args = "log --first-parent --reverse --raw -r --no-abbrev --no-renames".to_owned();
        args.push_str(&format!(" --format=commit:%H:%P {}", self.branch));
        if !last.is_empty() {
            args.push_str(&format!(" ^{last}"));
        }
        let log = git(&self.root, &args.split(' ').collect::<Vec<_>>());
        for line in log.lines().filter(|line| !line.is_empty()) {
            if let Some(commit) = line.strip_prefix("commit:") {
                let (id, parents) = commit.split_once(':').unwrap();
                let parent = parents.split(' ').next().unwrap();
                assert_eq!(
                    parent, last,
                    "{}: commits before {id} are lost",
                    self.branch
                );
                self.push(id);
                last = id.to_owned();
            } else {
                self.change(line);
            }
        }
        let tip = git(&self.root, &["rev-parse", &self.branch]);
        assert_eq!(
            tip.trim(),
            last,
            "{}: its newest commits are lost",
            self.branch
        );
        first_new..self.commits.len()
    }

    /// Returns the newest commit.
    pub fn tip(&self) -> Option<&str> {
        self.commits.last().map(|commit| commit.id.as_str())
    }

    /// Returns the position of a commit.
    pub fn position(&self, commit: &str) -> Option<usize> {
        self.positions.get(commit).copied()
    }

    /// Returns the value of a path as of a commit.
    pub fn value(&self, path: &str, position: usize) -> Option<&str> {
        let values = self.values.get(path)?;
        let after = values.partition_point(|(at, _)| *at <= position);
        values[..after].last()?.1.as_deref()
    }

    /// Returns all values of a path, oldest first.
    pub fn values(&self, path: &str) -> Vec<Option<&str>> {
        let values = self.values.get(path).map_or(&[][..], Vec::as_slice);
        values.iter().map(|(_, value)| value.as_deref()).collect()
    }

    /// Returns the modules as of the newest commit.
    pub fn modules(&self) -> BTreeMap<&str, &str> {
        self.values
            .iter()
            .filter_map(|(path, values)| {
                let value = values.last().unwrap().1.as_deref();
                Some((path.as_str(), value?))
            })
            .collect()
    }

    fn push(&mut self, id: &str) {
        self.positions.insert(id.to_owned(), self.commits.len());
        self.commits.push(Commit {
            id: id.to_owned(),
            changes: Vec::new(),
        });
    }

    /// Adds a change of the newest commit, in the raw format of git-diff-tree(1).
    fn change(&mut self, line: &str) {
        let (meta, path) = line.split_once('\t').unwrap();
        let fields: Vec<_> = meta.split(' ').collect();
        let value = (fields[4] != "D").then(|| fields[3].to_owned());
        let commit = self.commits.last_mut().unwrap();
        commit.changes.push((path.to_owned(), value.clone()));
        let values = self.values.entry(path.to_owned()).or_default();
        values.push((self.commits.len() - 1, value));
    }
}
