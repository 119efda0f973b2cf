//! Decodes the WIT of a module.

use std::collections::{BTreeMap, HashMap, HashSet};

use wit_component::DecodedWasm;
use wit_parser::{InterfaceId, PackageId, Resolve, WorldId, WorldItem, WorldKey};

use super::WitError;
use super::separate::separate;
use super::skeleton::Skeleton;

/// The decoded WIT of a module.
pub(in crate::wasm) struct Decoded {
    /// All packages, interfaces and types to which the module refers.
    pub resolve: Resolve,
    /// The world or package that the module describes.
    pub root: Root,
    /// The exported interfaces that [`Decoded::separated`] keeps apart from imported interfaces of the same name. The world exports them
    /// under generated names.
    pub renamed: HashSet<InterfaceId>,
}

/// The world or package that a module describes in WIT.
#[derive(Clone, Copy, Debug)]
pub(in crate::wasm) enum Root {
    /// The world that the component implements.
    Component(WorldId),
    /// The world for which a core module was written, from a custom section in which tools embed it.
    EmbeddedWorld(WorldId),
    /// A package that is encoded as a component.
    Package(PackageId),
}

impl Decoded {
    /// Decodes the WIT of a module. May panic or recurse deeply; call it in [`isolated`](super::isolate::isolated).
    ///
    /// # Errors
    /// The errors of [`Skeleton::of`]; [`WitError::Undecodable`].
    pub(in crate::wasm) fn of(bytes: &[u8]) -> Result<Self, WitError> {
        Self::of_skeleton(&Skeleton::of(bytes)?)
    }

    /// Decodes the WIT in a skeleton, a copy of the parts of a module on which its WIT depends. If the component both imports and exports
    /// an interface, the result has two interfaces: one with the items that the component imports, and one with the items that it exports.
    /// [`of_skeleton`](Self::of_skeleton) would merge them.
    ///
    /// Returns `None` if the component does not both import and export any interface: the result would then be the same as the result of
    /// `of_skeleton`. May panic or recurse deeply.
    ///
    /// # Errors
    /// As for [`Decoded::of`].
    pub(super) fn separated(skeleton: &Skeleton) -> Result<Option<Self>, WitError> {
        let separated = match skeleton {
            Skeleton::Component(skeleton) => separate(skeleton)?,
            Skeleton::Module(_) => None,
        };
        let Some(separated) = separated else {
            return Ok(None);
        };
        let mut decoded = Self::of_skeleton(&Skeleton::Component(separated.component))?;
        decoded.restore_names(&separated.names);
        Ok(Some(decoded))
    }

    /// Gives each exported interface that was renamed the name and package of the imported interface. The keys of `names` are the new
    /// names, and the values are the original names.
    fn restore_names(&mut self, names: &BTreeMap<String, String>) {
        let Root::Component(world) = self.root else {
            return;
        };
        let world = &self.resolve.worlds[world];
        let imported: HashMap<String, InterfaceId> = world
            .imports
            .keys()
            .filter_map(|key| match key {
                WorldKey::Interface(id) => Some((self.resolve.id_of(*id)?, *id)),
                WorldKey::Name(_) => None,
            })
            .collect();
        let exported = world.exports.iter().filter_map(|(key, item)| {
            let (WorldKey::Name(label), WorldItem::Interface { id, .. }) = (key, item) else {
                return None;
            };
            Some((*id, *imported.get(names.get(label)?)?))
        });
        let pairs: Vec<_> = exported.collect();
        for (exported, imported) in pairs {
            let imported = &self.resolve.interfaces[imported];
            let (name, package) = (imported.name.clone(), imported.package);
            let interface = &mut self.resolve.interfaces[exported];
            (interface.name, interface.package) = (name, package);
            self.renamed.insert(exported);
        }
    }

    /// Decodes the WIT in a skeleton, with separate interfaces for an import and an export of the same name: calls
    /// [`separated`](Self::separated), or [`of_skeleton`](Self::of_skeleton) if there are no such interfaces.
    pub(in crate::wasm) fn exactly(skeleton: &Skeleton) -> Result<Self, WitError> {
        match Self::separated(skeleton)? {
            Some(decoded) => Ok(decoded),
            None => Self::of_skeleton(skeleton),
        }
    }

    /// Decodes the WIT in a skeleton.
    pub(super) fn of_skeleton(skeleton: &Skeleton) -> Result<Self, WitError> {
        let (resolve, root) = match skeleton {
            Skeleton::Component(skeleton) => {
                let decoded = wit_component::decode(skeleton).map_err(WitError::undecodable)?;
                match decoded {
                    DecodedWasm::Component(resolve, world) => (resolve, Root::Component(world)),
                    DecodedWasm::WitPackage(resolve, package) => (resolve, Root::Package(package)),
                }
            }
            Skeleton::Module(skeleton) => {
                let (_, embedded) =
                    wit_component::metadata::decode(skeleton).map_err(WitError::undecodable)?;
                (embedded.resolve, Root::EmbeddedWorld(embedded.world))
            }
        };
        Ok(Self {
            resolve,
            root,
            renamed: HashSet::new(),
        })
    }

    /// Returns the package that the module describes. If the module describes a world, returns the package that contains the world.
    ///
    /// # Errors
    /// [`WitError::Undecodable`] if the world has no package.
    pub(super) fn main_package(&self) -> Result<PackageId, WitError> {
        match self.root {
            Root::Package(package) => Ok(package),
            Root::Component(world) | Root::EmbeddedWorld(world) => self.resolve.worlds[world]
                .package
                .ok_or_else(|| WitError::undecodable("the world has no package")),
        }
    }
}
