//! Decodes the WIT of a module.

use wit_component::DecodedWasm;
use wit_parser::{PackageId, Resolve, WorldId};

use super::WitError;
use super::skeleton::Skeleton;

/// The WIT of a module.
pub(in crate::wasm) struct Decoded {
    /// All packages, interfaces and types.
    pub resolve: Resolve,
    /// What the module describes.
    pub root: Root,
}

/// What a module describes in WIT.
#[derive(Clone, Copy, Debug)]
pub(in crate::wasm) enum Root {
    /// The world that the component implements.
    Component(WorldId),
    /// The world that is embedded in a core module, for which it was written.
    EmbeddedWorld(WorldId),
    /// A package that is encoded as a component.
    Package(PackageId),
}

impl Decoded {
    /// Decodes the WIT of a module. May panic or recurse deeply; call it in [`isolated`](super::isolate::isolated).
    ///
    /// # Errors
    /// Those of [`Skeleton::of`], or [`WitError::Undecodable`].
    pub(in crate::wasm) fn of(bytes: &[u8]) -> Result<Self, WitError> {
        match Skeleton::of(bytes)? {
            Skeleton::Component(skeleton) => {
                let decoded = wit_component::decode(&skeleton).map_err(WitError::undecodable)?;
                Ok(match decoded {
                    DecodedWasm::Component(resolve, world) => Self {
                        resolve,
                        root: Root::Component(world),
                    },
                    DecodedWasm::WitPackage(resolve, package) => Self {
                        resolve,
                        root: Root::Package(package),
                    },
                })
            }
            Skeleton::Module(skeleton) => {
                let (_, embedded) =
                    wit_component::metadata::decode(&skeleton).map_err(WitError::undecodable)?;
                Ok(Self {
                    resolve: embedded.resolve,
                    root: Root::EmbeddedWorld(embedded.world),
                })
            }
        }
    }

    /// Returns the package that contains the world, or that is the root.
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
