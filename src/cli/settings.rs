//! The global arguments and the environment variables. A variable is read when a command needs it.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use super::args::{GlobalArgs, ReadArgs, WriteArgs};
use super::bucket::open_if_copy;
use super::color::ColorChoice;
use super::environment::{text_variable, variable};
use super::exit::{Error, Result};
use super::output::print_note;
use super::progress::Progress;
use super::root_setting::RootSetting;
use super::shell_word::shell_word;
use super::store_location::StoreLocation;
use crate::config::Options;
use crate::names::{self, Author, BranchName};
use crate::oci::keep_records;
use crate::remote::{StoreOperations, user_identity};
use crate::store::{Change, ObjectFormat, Revision, Store};

/// The default directory of the store, relative to the home directory.
const DEFAULT_ROOT: &str = ".wasmstore";

/// The global arguments. An environment variable replaces an argument that is not given. Variables are read only when they are needed, so
/// that a malformed variable affects only the commands that use it.
pub(super) struct Settings {
    globals: GlobalArgs,
    command_line: fn() -> clap::Command,
    command_name: Option<String>,
    revision: RefCell<Option<Revision>>,
    /// The directory that the command has read as an empty store, because there is no store in it; `None` if there is no such directory.
    missing_root: RefCell<Option<PathBuf>>,
}

impl Settings {
    /// Creates settings from the global arguments. `command_line` returns clap's definition of the whole command line, and `command_name`
    /// is the command that runs.
    pub fn new(
        globals: GlobalArgs,
        command_line: fn() -> clap::Command,
        command_name: Option<String>,
    ) -> Self {
        Self {
            globals,
            command_line,
            command_name,
            revision: RefCell::default(),
            missing_root: RefCell::default(),
        }
    }

    /// Returns clap's definition of the whole command line, for manual pages and completions.
    pub fn command_line(&self) -> clap::Command {
        (self.command_line)()
    }

    /// Returns a function that builds clap's definition of the whole command line.
    pub fn command_line_factory(&self) -> fn() -> clap::Command {
        self.command_line
    }

    /// Returns the location of the store.
    ///
    /// # Errors
    /// There is no `--root`, no `WASMSTORE_ROOT` and no home directory; `WASMSTORE_ROOT` is malformed; there is no login with the given
    /// name.
    pub fn location(&self) -> Result<StoreLocation> {
        if let Some(root) = &self.globals.root {
            return root.clone().locate();
        }
        if let Some(root) = variable("WASMSTORE_ROOT") {
            return RootSetting::parse(root.into())?.locate();
        }
        let home = variable("HOME").map(PathBuf::from).ok_or(Error::NoHome)?;
        Ok(StoreLocation::Directory(home.join(DEFAULT_ROOT)))
    }

    /// Returns the directory of the store.
    ///
    /// # Errors
    /// The store is on a server; the errors of [`location`](Self::location).
    pub fn root(&self) -> Result<PathBuf> {
        match self.location()? {
            StoreLocation::Directory(root) => Ok(root),
            StoreLocation::Server(url) => Err(Error::NeedsDirectory(url)),
        }
    }

    /// Returns ` --root VALUE` with the value of this command's `--root`, to append to a command that the user can copy. Empty if the flag
    /// is not given.
    pub fn root_flag(&self) -> String {
        match &self.globals.root {
            Some(root) => format!(" --root {}", shell_word(&root.to_string())),
            None => String::new(),
        }
    }

    /// Returns the path of the file that `--key-file` names.
    pub fn key_file(&self) -> Option<&Path> {
        self.globals.key_file.as_deref()
    }

    /// Returns the name of the command that runs.
    pub fn command_name(&self) -> Option<&str> {
        self.command_name.as_deref()
    }

    /// Returns the branch to work on; `None` means the store's default branch.
    pub fn branch(&self) -> Result<Option<BranchName>> {
        flag_or_variable(&self.globals.branch, "WASMSTORE_BRANCH", BranchName::parse)
    }

    /// Returns the revision to read from: the commit of `--commit`, or the branch to work on. Remembers the revision for hints.
    pub fn revision(&self, read: &ReadArgs) -> Result<Revision> {
        Ok(self.remember(match &read.commit {
            Some(commit) => commit.clone().on_branch(self.branch()?),
            None => Revision::Branch(self.branch()?),
        }))
    }

    /// Remembers the revision that a command reads from, so that a hint can suggest names that exist in it. Returns the revision.
    pub fn remember(&self, revision: Revision) -> Revision {
        *self.revision.borrow_mut() = Some(revision.clone());
        revision
    }

    /// Returns the revision that was last passed to [`remember`](Self::remember). If there is none, returns the branch that the command
    /// uses; `None` if the branch's name is malformed.
    pub fn remembered_revision(&self) -> Option<Revision> {
        let revision = self.revision.borrow().clone();
        revision.or_else(|| Some(Revision::Branch(self.branch().ok()?)))
    }

    /// Returns the branch, the author and the message for a command that changes the store.
    pub fn change(&self, write: WriteArgs) -> Result<Change> {
        Ok(Change {
            branch: self.branch()?,
            author: self.author()?,
            message: write.message,
            ..Change::default()
        })
    }

    /// Returns the author of commits, from `--author`, `WASMSTORE_AUTHOR`, or git's `user.name` and `user.email`. `None` means the store's
    /// default author.
    fn author(&self) -> Result<Option<Author>> {
        let given = flag_or_variable(&self.globals.author, "WASMSTORE_AUTHOR", Author::parse)?;
        if given.is_some() || self.has_server_key()? {
            return Ok(given);
        }
        // git's configuration may contain a name that `Author` rejects. The user did not give it to this command, so it is not an error.
        Ok(user_identity().and_then(|identity| Author::parse(&identity).ok()))
    }

    /// Returns the author that `--author` names. A command that reads uses this author as a filter.
    pub fn author_flag(&self) -> Option<&Author> {
        self.globals.author.as_ref()
    }

    /// Returns whether the command sends an API key to a server. A key may be bound to an author, and then the server refuses commits by
    /// any other author.
    fn has_server_key(&self) -> Result<bool> {
        match self.location()? {
            StoreLocation::Server(url) => Ok(self.key_for(&url)?.is_some()),
            StoreLocation::Directory(_) => Ok(false),
        }
    }

    /// Opens the store for reading. If there is no store, creates nothing, and reads see an empty store.
    pub fn open(&self) -> Result<Box<dyn StoreOperations>> {
        self.open_any(Self::open_local)
    }

    /// Opens the store for writing. If there is no store, creates one. The caller must validate all arguments first, so that a command with
    /// an invalid argument does not create a store.
    pub fn open_or_create(&self) -> Result<Box<dyn StoreOperations>> {
        self.open_any(Self::open_or_create_local)
    }

    /// Opens an existing store for writing. Fails if there is none.
    pub fn open_existing(&self) -> Result<Box<dyn StoreOperations>> {
        self.open_any(Self::open_existing_local)
    }

    fn open_any(
        &self,
        open_local: impl FnOnce(&Self) -> Result<Store>,
    ) -> Result<Box<dyn StoreOperations>> {
        match self.location()? {
            StoreLocation::Directory(_) => Ok(Box::new(open_local(self)?)),
            StoreLocation::Server(url) => {
                let key = self.key_for(&url)?;
                Ok(Box::new(self.client(url, key.as_ref())?))
            }
        }
    }

    /// Opens the store like [`open`](Self::open). Fails if the store is on a server. If there is no store, remembers that for
    /// [`missing_root`](Self::missing_root).
    pub fn open_local(&self) -> Result<Store> {
        let root = self.root()?;
        let options = Options::of_store(&root)?;
        let mut store = match open_if_copy(&root, options)? {
            Some(copy) => copy,
            None => Store::open(&root, options)?,
        };
        keep_records(&mut store);
        *self.missing_root.borrow_mut() = store.object_format().is_none().then_some(root);
        Ok(self.with_index_progress(store))
    }

    /// Returns the directory that the command has read as an empty store, because there is no store in it.
    pub fn missing_root(&self) -> Option<PathBuf> {
        self.missing_root.borrow().clone()
    }

    /// Opens the store like [`open_or_create`](Self::open_or_create). Fails if the store is on a server.
    pub fn open_or_create_local(&self) -> Result<Store> {
        let root = self.root()?;
        let options = Options::of_store(&root)?;
        let mut store = match open_if_copy(&root, options)? {
            Some(copy) => copy,
            None => self.open_or_create_at(&root, options)?,
        };
        keep_records(&mut store);
        Ok(self.with_index_progress(store))
    }

    /// Opens a store, or creates it. Prints the directory of a new store, because it may not be the directory that the user expected.
    fn open_or_create_at(&self, root: &Path, options: Options) -> Result<Store> {
        let is_missing = !root.join("HEAD").exists();
        let store = Store::open_or_create(root, options, ObjectFormat::default())?;
        if is_missing && !self.is_quiet() {
            print_note(&format!("created a store at {}", root.display()));
        }
        Ok(store)
    }

    /// Opens the store like [`open_existing`](Self::open_existing). Fails if the store is on a server.
    pub fn open_existing_local(&self) -> Result<Store> {
        let root = self.root()?;
        match Store::open(&root, Options::of_store(&root)?)?.object_format() {
            Some(_) => self.open_or_create_local(),
            None => Err(Error::NoStore(root)),
        }
    }

    /// Returns the store, which from now on shows a progress bar while it updates its version index.
    fn with_index_progress(&self, mut store: Store) -> Store {
        let bar = self.progress().bar("index");
        store.on_catch_up(move |done, all| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
            if done == all {
                bar.finish_and_clear();
            }
        });
        store
    }

    /// Returns a factory for progress bars, which are hidden with `--quiet`.
    pub fn progress(&self) -> Progress {
        Progress::new(self.globals.quiet)
    }

    /// Returns the value of `--color`.
    pub fn color(&self) -> ColorChoice {
        self.globals.color
    }

    /// Returns whether `--quiet` was given, so that only errors may be printed to standard error.
    pub fn is_quiet(&self) -> bool {
        self.globals.quiet
    }
}

fn flag_or_variable<T: Clone>(
    flag: &Option<T>,
    name: &'static str,
    parse: impl FnOnce(&str) -> Result<T, names::Error>,
) -> Result<Option<T>> {
    if flag.is_some() {
        return Ok(flag.clone());
    }
    let value = text_variable(name)?;
    Ok(value.map(|value| parse(&value)).transpose()?)
}
