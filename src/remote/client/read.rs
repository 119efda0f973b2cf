//! What reads modules.

use std::io::Read as _;

use ureq::http::header::RANGE;

use super::download::Download;
use super::request::{Answer, Client};
use crate::names::{BranchName, ModuleHash, ModulePath, ModuleRef, TreePath};
use crate::remote::error::{Error, Result};
use crate::store::{At, Kind};
use crate::wire::{Info, Missing, ReceivedModules, escaped_path};

/// How many modules are asked for at once.
const PAGE: usize = 10_000;

/// A page of modules.
type Page = Answer<Vec<(ModulePath, ModuleHash)>>;
/// Some modules, and whether there are more.
type Listed = (Vec<(ModulePath, ModuleHash)>, bool);

impl Client {
    /// The module that `name` is, or has, in the tree at `at`, to be read.
    pub fn find(&self, at: &At, name: &ModuleRef) -> Result<Download<'_>> {
        let download = Download::begin(self, at, &format!("/module/{}", in_path(name)))?;
        match name {
            ModuleRef::Hash(wanted) if !download.is(wanted) => {
                Err(self.strange(format!("it sends another module than {wanted}")))
            }
            _ => Ok(download),
        }
    }

    /// The bytes of the module at a path, which is known to have that hash there.
    pub fn bytes(&self, at: &At, path: &ModulePath, hash: ModuleHash) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut download = self.find(at, &ModuleRef::Path(path.clone()))?;
        if download.hash != hash {
            return Err(self.strange(format!("it sends another module than {hash}")));
        }
        match download.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(error
                .downcast()
                .unwrap_or_else(|error| self.unreachable(&error))),
        }
    }

    /// The hash of the module that `name` is, or has, in the tree at `at`. `HEAD` would not say why there is none.
    pub fn hash(&self, at: &At, name: &ModuleRef) -> Result<ModuleHash> {
        let request = self.reading(&format!("/module/{}", in_path(name)), at);
        let answer = self.send(request.header(RANGE, "bytes=0-0"))?;
        let hash = answer.headers().get("wasmstore-hash");
        let hash = hash.and_then(|hash| hash.to_str().ok());
        self.parse(hash.unwrap_or_default(), ModuleHash::parse)
    }

    /// The same; `None` if there is none.
    pub fn hash_if_any(&self, at: &At, name: &ModuleRef) -> Result<Option<ModuleHash>> {
        match self.hash(at, name) {
            Ok(hash) => Ok(Some(hash)),
            Err(Error::Refused(refused)) if refused.kind() == Kind::NotFound => {
                match refused.missing {
                    Some(Missing::Module(_) | Missing::Folder(_)) => Ok(None),
                    _ => Err(Error::Refused(refused)),
                }
            }
            Err(other) => Err(other),
        }
    }

    /// What is in the module that `name` is, or has, in the tree at `at`.
    pub fn info(&self, at: &At, name: &ModuleRef) -> Result<Info> {
        let request = self.reading(&format!("/info/{}", in_path(name)), at);
        Ok(self.json(request)?.value)
    }

    /// Every module below the folder `prefix` in the tree at `at`, sorted by path.
    pub fn list(&self, at: &At, prefix: &TreePath) -> Result<Vec<(ModulePath, ModuleHash)>> {
        Ok(self.list_pages(at, prefix, usize::MAX)?.value)
    }

    /// The first of them, `count` or a page more; and whether there are others.
    pub fn list_some(&self, at: &At, prefix: &TreePath, count: usize) -> Result<Listed> {
        let page = self.list_pages(at, prefix, count)?;
        Ok((page.value, page.has_more))
    }

    /// The same, with the commit that they are of.
    fn list_pages(&self, at: &At, prefix: &TreePath, count: usize) -> Result<Page> {
        let mut all: Page = self.list_page(at, prefix, None)?;
        while all.has_more && all.value.len() < count {
            // All of them are of one commit.
            let at = all.commit.map_or_else(|| at.clone(), At::Commit);
            let last = all.value.last().map(|(path, _)| path);
            let page = self.list_page(&at, prefix, last)?;
            if page.value.first().map(|(path, _)| path) <= last {
                return Err(self.strange("a page does not go on where one ended".to_owned()));
            }
            all.value.extend(page.value);
            all.has_more = page.has_more;
        }
        Ok(all)
    }

    fn list_page(&self, at: &At, prefix: &TreePath, after: Option<&ModulePath>) -> Result<Page> {
        let mut path = format!("/modules{}?limit={PAGE}", below(prefix));
        if let Some(after) = after {
            path.push_str(&format!("&after={}", escaped_path(after.as_str())));
        }
        let page = self.json::<ReceivedModules>(self.reading(&path, at))?;
        Ok(Answer {
            value: page.value.0,
            commit: page.commit,
            has_more: page.has_more,
        })
    }

    /// The default branch.
    pub fn default_branch(&self) -> Result<BranchName> {
        let request = self.reading("/branch", &At::default());
        self.name(request, BranchName::parse)
    }

    /// All branches, sorted.
    pub fn branches(&self) -> Result<Vec<BranchName>> {
        let names = self.json::<Vec<String>>(self.reading("/branches", &At::default()))?;
        let names = names.value.iter();
        names
            .map(|name| self.parse(name, BranchName::parse))
            .collect()
    }
}

/// A name as it stands at the end of a URL.
pub(super) fn in_path(name: &ModuleRef) -> String {
    let name = name.to_string();
    escaped_path(name.trim_start_matches('/')).to_string()
}

/// A path as it stands at the end of a URL; nothing for the root.
pub(super) fn below(path: &TreePath) -> String {
    match path.is_root() {
        true => String::new(),
        false => format!("/{}", escaped_path(path.as_str())),
    }
}
