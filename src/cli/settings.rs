//! The global options and the environment, resolved where a command needs them.

use std::cell::RefCell;
use std::ffi::OsString;
use std::path::PathBuf;

use super::args::{GlobalArgs, ReadArgs, WriteArgs};
use super::color::When;
use super::exit::{Error, Result};
use super::progress;
use super::store_location::StoreLocation;
use crate::config::{ClientLimits, Options};
use crate::names::{self, Author, BranchName};
use crate::remote::{Client, StoreOperations};
use crate::store::{Change, ObjectFormat, Precondition, Revision, Store};

/// Where the store is, if nobody says so: below the home folder.
const DEFAULT_ROOT: &str = ".wasmstore";

/// What the flags say, and behind them the environment. Everything is looked up when it is asked for, so that a malformed
/// variable disturbs only those commands that use it.
pub(super) struct Settings {
    globals: GlobalArgs,
    looked_at: RefCell<Option<Revision>>,
}

impl Settings {
    /// Settings from the flags given.
    pub fn new(globals: GlobalArgs) -> Self {
        Self {
            globals,
            looked_at: RefCell::default(),
        }
    }

    /// Where the store is.
    ///
    /// # Errors
    /// Nothing names it, and there is no home folder; the variable names no server where it begins as a URL.
    pub fn location(&self) -> Result<StoreLocation> {
        if let Some(place) = &self.globals.root {
            return Ok(place.clone());
        }
        if let Some(root) = variable("WASMSTORE_ROOT") {
            return Ok(StoreLocation::parse(root.into())?);
        }
        let home = variable("HOME").map(PathBuf::from);
        Ok(StoreLocation::Directory(
            home.ok_or(Error::NoHome)?.join(DEFAULT_ROOT),
        ))
    }

    /// The folder of the store.
    ///
    /// # Errors
    /// It is served elsewhere; as for [`place`](Self::place).
    pub fn root(&self) -> Result<PathBuf> {
        match self.location()? {
            StoreLocation::Directory(root) => Ok(root),
            StoreLocation::Server(url) => Err(Error::Elsewhere(url)),
        }
    }

    /// The branch to work on; `None` is the store's default one.
    pub fn branch(&self) -> Result<Option<BranchName>> {
        flag_or_variable(&self.globals.branch, "WASMSTORE_BRANCH", BranchName::parse)
    }

    /// What a read looks at.
    pub fn at(&self, reading: &ReadArgs) -> Result<Revision> {
        Ok(self.looking(match reading.commit {
            Some(commit) => Revision::Commit(commit),
            None => Revision::Branch(self.branch()?),
        }))
    }

    /// Remembers what a read looks at, so that a failure can be told with what there is instead.
    pub fn looking(&self, at: Revision) -> Revision {
        *self.looked_at.borrow_mut() = Some(at.clone());
        at
    }

    /// What the command looked at, or worked on.
    pub fn looked_at(&self) -> Option<Revision> {
        let looked_at = self.looked_at.borrow().clone();
        looked_at.or_else(|| Some(Revision::Branch(self.branch().ok()?)))
    }

    /// Where a change goes and what its commit says.
    pub fn change(&self, writing: WriteArgs) -> Result<Change> {
        Ok(Change {
            branch: self.branch()?,
            author: flag_or_variable(&self.globals.author, "WASMSTORE_AUTHOR", Author::parse)?,
            message: writing.message,
            precondition: Precondition::default(),
        })
    }

    /// Opens the store to read. A missing one reads as empty, and nothing is created.
    pub fn open(&self) -> Result<Box<dyn StoreOperations>> {
        self.any(Self::open_local)
    }

    /// Opens the store to change it, creating a missing one. Whatever can be wrong with the arguments has to be found before.
    pub fn open_or_create(&self) -> Result<Box<dyn StoreOperations>> {
        self.any(Self::open_or_create_local)
    }

    /// Opens the store to change what is in it. Where there is none, nothing is, and nothing is created.
    pub fn open_existing(&self) -> Result<Box<dyn StoreOperations>> {
        self.any(Self::open_existing_local)
    }

    fn any(&self, local: impl FnOnce(&Self) -> Result<Store>) -> Result<Box<dyn StoreOperations>> {
        match self.location()? {
            StoreLocation::Directory(_) => Ok(Box::new(local(self)?)),
            StoreLocation::Server(url) => {
                let key = text_variable("WASMSTORE_KEY")?;
                let client = Client::new(url, key.as_deref(), ClientLimits::default())?;
                Ok(Box::new(client))
            }
        }
    }

    /// Opens the store as [`open`](Self::open) does, which has to be in a folder here.
    pub fn open_local(&self) -> Result<Store> {
        let store = Store::open(&self.root()?, Options::default())?;
        Ok(self.telling(store))
    }

    /// The same as [`open_or_create`](Self::open_or_create) does.
    pub fn open_or_create_local(&self) -> Result<Store> {
        let (options, format) = (Options::default(), ObjectFormat::default());
        let store = Store::open_or_create(&self.root()?, options, format)?;
        Ok(self.telling(store))
    }

    /// The same as [`open_existing`](Self::open_existing) does.
    pub fn open_existing_local(&self) -> Result<Store> {
        match self.open_local()?.object_format() {
            Some(_) => self.open_or_create_local(),
            None => Err(Error::NoStore(self.root()?)),
        }
    }

    /// Has progress shown when the store brings its index up.
    fn telling(&self, mut store: Store) -> Store {
        let bar = progress::bar(self, "index");
        store.on_catch_up(move |done, all| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
            if done == all {
                bar.finish_and_clear();
            }
        });
        store
    }

    /// When to color.
    pub fn color(&self) -> When {
        self.globals.color
    }

    /// Whether to tell nothing but errors on standard error.
    pub fn is_quiet(&self) -> bool {
        self.globals.quiet
    }
}

/// An environment variable; an empty one counts as unset.
pub(super) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// An environment variable that is text; an empty one counts as unset.
pub(super) fn text_variable(name: &'static str) -> Result<Option<String>> {
    let text = |value: OsString| value.into_string().map_err(|_| Error::Variable(name));
    variable(name).map(text).transpose()
}

fn flag_or_variable<T: Clone>(
    flag: &Option<T>,
    name: &'static str,
    parse: impl FnOnce(&str) -> Result<T, names::Error>,
) -> Result<Option<T>> {
    if flag.is_some() {
        return Ok(flag.clone());
    }
    Ok(text_variable(name)?
        .map(|value| parse(&value))
        .transpose()?)
}
