//! Finds the components that fit a WIT world.

use std::ops::ControlFlow;

use super::error::{Error, Result};
use super::open::Store;
use super::revision::Revision;
use crate::index::{ItemKind, NameFilter, NameRange, Reader};
use crate::names::{ModuleHash, ModulePath, ModuleRef, TreePath};
use crate::repo::chain;
use crate::wasm::{ModuleKind, TargetWorld, WitError, is_component};

/// The definition of a world: a text in WIT or a binary WIT package, and the name of the world in it.
#[derive(Clone, Debug)]
pub struct WorldSource {
    /// The WIT text or the binary WIT package.
    pub bytes: Vec<u8>,
    /// The name of the world; `None` if the definition has only one world.
    pub name: Option<String>,
    world: TargetWorld,
}

impl WorldSource {
    /// Parses the definition of a world. The length of the definition, and the time and memory for parsing it, are limited.
    ///
    /// # Errors
    /// The errors of [`TargetWorld::parse`].
    pub fn parse(bytes: Vec<u8>, name: Option<String>) -> Result<Self, WitError> {
        let world = TargetWorld::parse(&bytes, name.as_deref())?;
        Ok(Self { bytes, name, world })
    }
}

/// The result of checking a module against a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorldCheck {
    /// A path of the module.
    pub path: ModulePath,
    /// The hash of the module.
    pub hash: ModuleHash,
    /// The reasons why the module does not fit, one sentence each; empty if it fits.
    pub reasons: Vec<String>,
}

/// The modules to check against a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorldScope {
    /// The module at a path. It is checked even if it is a core module.
    Module(ModulePath, ModuleHash),
    /// The modules below a directory that may be components. The second value is the last path that was looked at, if the directory has
    /// more modules after it.
    Directory(Vec<(ModulePath, ModuleHash)>, Option<ModulePath>),
}

/// Modules that may be components, the last path that was looked at, and whether there are more modules after it.
type Candidates = (Vec<(ModulePath, ModuleHash)>, Option<ModulePath>, bool);

impl Store {
    /// Returns the modules to check. If `scope` is a module, returns it. If `scope` is a directory, returns at most `count` modules below
    /// it that may be components, starting after the path `after`; if there are more, also the last path that was looked at.
    ///
    /// Pass a revision that [`as_of`](Self::as_of) resolved.
    ///
    /// # Errors
    /// There is nothing at `scope`.
    pub fn world_scope(
        &self,
        revision: &Revision,
        scope: &TreePath,
        after: Option<&ModulePath>,
        count: usize,
    ) -> Result<WorldScope> {
        let walk = |index: Option<&Reader>| self.candidates(revision, scope, after, count, index);
        let has_tree = self.read(revision, |resolved| Ok(resolved.tree.is_some()))?;
        let walked = if has_tree {
            self.with_index(|index| walk(Some(index)))
        } else {
            // A store that does not exist has no index either, so walks an empty tree.
            walk(None)
        };
        let (candidates, last, has_more) = match walked {
            Err(Error::Index(_)) => walk(None)?,
            walked => walked?,
        };
        if last.is_none()
            && after.is_none()
            && let Ok(path) = ModulePath::try_from(scope.clone())
        {
            let hash = self.hash(revision, &ModuleRef::Path(path.clone()))?;
            return Ok(WorldScope::Module(path, hash));
        }
        Ok(WorldScope::Directory(candidates, last.filter(|_| has_more)))
    }

    /// Returns at most `count` modules below `scope` that may be components, the last path that was looked at, and whether there are more.
    /// Without an index, every module may be a component.
    fn candidates(
        &self,
        revision: &Revision,
        scope: &TreePath,
        after: Option<&ModulePath>,
        count: usize,
        index: Option<&Reader>,
    ) -> Result<Candidates> {
        let core_modules = index.map(|index| {
            index.modules_with_item(&NameFilter {
                kind: ItemKind::Kind,
                ranges: &[NameRange::of_name(ModuleKind::Module.as_str())],
                accepts_name: &|name| name == ModuleKind::Module.as_str(),
                accepts_version: &|_| true,
            })
        });
        let core_modules = core_modules.transpose()?;
        let is_core_module = |hash| match index.zip(core_modules.as_ref()) {
            Some((index, core_modules)) => index.is_in(core_modules, hash),
            None => Ok(false),
        };
        let (mut candidates, mut last, mut failed) = (Vec::new(), None, None);
        let has_more = self.list_after(revision, scope, after, |path, hash| {
            match is_core_module(hash) {
                Ok(true) => {}
                Ok(false) if candidates.len() < count => candidates.push((path.clone(), hash)),
                Ok(false) => return ControlFlow::Break(()),
                Err(error) => {
                    failed = Some(Error::from(error));
                    return ControlFlow::Break(());
                }
            }
            last = Some(path);
            ControlFlow::Continue(())
        })?;
        failed.map_or(Ok((candidates, last, has_more)), Err)
    }

    /// Checks a module against a world.
    ///
    /// # Errors
    /// The module cannot be read.
    pub fn check_world(
        &self,
        world: &WorldSource,
        path: ModulePath,
        hash: ModuleHash,
    ) -> Result<WorldCheck> {
        let bytes = self.bytes(hash)?;
        // Does not parse a core module, because it fits no world.
        let misfits = if is_component(&bytes) {
            world.world.misfits(&bytes)
        } else {
            Err(WitError::CoreModule)
        };
        Ok(WorldCheck {
            path,
            hash,
            reasons: misfits.unwrap_or_else(|error| vec![chain(&error)]),
        })
    }
}
