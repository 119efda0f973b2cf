//! Lists the imports and exports of a world, with each function and type in them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wit_parser::{
    IndexMap, InterfaceId, Resolve, TypeOwner, WorldId, WorldItem as ParsedItem, WorldKey,
};

use super::WitError;
use super::decode::{Decoded, Root};
use super::isolate::isolated;
use super::member::{Member, Members};
use super::shape::{InlineNames, Shape, Shapes};
use super::skeleton::Skeleton;

/// The maximum number of functions and types that a world may import and export. All of WASI has about 1,000.
const MEMBERS_MAX: usize = 100_000;

/// The imports and exports of a module, as WIT describes them. For a WIT package, the interfaces and worlds of the package are listed as
/// exports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::wasm) struct WitWorld {
    pub imports: Vec<WorldItem>,
    pub exports: Vec<WorldItem>,
}

/// An import or export of a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::wasm) struct WorldItem {
    /// The name by which the imports and exports of two modules are matched. Of the version, it contains only the part that must be equal
    /// in compatible versions: `0.2` in `wasi:io/streams@0.2`.
    pub key: String,
    pub kind: WitItemKind,
    /// The package that defines the item, as `namespace:name`; `None` if the item is not in a package.
    pub package: Option<String>,
    pub name: String,
    /// The version of the package that defines the item.
    pub version: Option<String>,
    /// The functions and types of an interface. If the item is itself a function, type or world, the only member is the item.
    pub members: Vec<Member>,
}

/// The kind of an import or export in WIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WitItemKind {
    /// An interface.
    Interface,
    /// A function, or a method of a resource. An import or export of this kind is not in an interface.
    Function,
    /// A type. An import or export of this kind is not in an interface.
    Type,
    /// A world in a package.
    World,
}

impl WitWorld {
    /// Decodes the imports and exports of a module from its bytes.
    ///
    /// # Errors
    /// If the module has no WIT; the error is the reason.
    pub(in crate::wasm) fn of(bytes: &[u8]) -> Result<Self, WitError> {
        isolated(|| {
            let decoded = Decoded::exactly(&Skeleton::of(bytes)?)?;
            Self::of_decoded(&decoded)
        })
    }

    /// Lists the imports and exports in the decoded WIT of a module. May panic, like [`Decoded::of`].
    pub(in crate::wasm) fn of_decoded(decoded: &Decoded) -> Result<Self, WitError> {
        let resolve = &decoded.resolve;
        check_members(resolve)?;
        let inline = inline_names(resolve);
        let shapes = Shapes::of(resolve, &inline);
        let mut lister = Lister {
            resolve,
            renamed: &decoded.renamed,
            members: Members::new(resolve, &shapes),
        };
        match decoded.root {
            Root::Component(world) | Root::EmbeddedWorld(world) => Ok(Self {
                imports: lister.items(&resolve.worlds[world].imports, world)?,
                exports: lister.items(&resolve.worlds[world].exports, world)?,
            }),
            Root::Package(package) => {
                let package = &resolve.packages[package];
                let interfaces = package.interfaces.values();
                let mut exports = interfaces
                    .map(|id| lister.interface(None, *id))
                    .collect::<Result<Vec<_>, _>>()?;
                for world in package.worlds.values() {
                    exports.push(lister.world(*world)?);
                }
                Ok(Self {
                    imports: Vec::new(),
                    exports,
                })
            }
        }
    }
}

impl WorldItem {
    /// Returns the name as in WIT, with the package and the version, such as `wasi:io/streams@0.2.1`.
    pub(in crate::wasm) fn full_name(&self) -> String {
        let mut name = self.name.clone();
        if let Some(package) = &self.package {
            name.insert(0, '/');
            name.insert_str(0, package);
        }
        if let Some(version) = &self.version {
            name.push('@');
            name.push_str(version);
        }
        name
    }

    /// Returns the text of the item if it is a function or type outside of an interface; `None` for interfaces and worlds.
    pub(in crate::wasm) fn own_type(&self) -> Option<&Arc<str>> {
        match self.kind {
            WitItemKind::Function | WitItemKind::Type => Some(&self.members.first()?.text),
            WitItemKind::Interface | WitItemKind::World => None,
        }
    }
}

impl WitItemKind {
    /// Returns the name of the kind: `interface`, `function`, `type` or `world`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interface => "interface",
            Self::Function => "function",
            Self::Type => "type",
            Self::World => "world",
        }
    }
}

/// Lists the imports and exports of worlds.
struct Lister<'a> {
    resolve: &'a Resolve,
    renamed: &'a HashSet<InterfaceId>,
    members: Members<'a>,
}

impl Lister<'_> {
    fn items(
        &mut self,
        items: &IndexMap<WorldKey, ParsedItem>,
        world: WorldId,
    ) -> Result<Vec<WorldItem>, WitError> {
        let list = items.iter().map(|(key, item)| match (key, item) {
            (WorldKey::Name(name), ParsedItem::Interface { id, .. }) => {
                let label = (!self.renamed.contains(id)).then_some(name.as_str());
                self.interface(label, *id)
            }
            (WorldKey::Interface(id), _) => self.interface(None, *id),
            (WorldKey::Name(_), ParsedItem::Function(function)) => {
                let member = self.members.function(function)?;
                Ok(freestanding(member))
            }
            (WorldKey::Name(name), ParsedItem::Type { id, .. }) => {
                let member = self.members.ty(name, *id, TypeOwner::World(world))?;
                Ok(freestanding(member))
            }
        });
        list.collect()
    }

    /// Returns an interface with its functions and types. `label` is the name under which a world imports or exports the interface, if it
    /// is not the interface's own name.
    fn interface(&mut self, label: Option<&str>, id: InterfaceId) -> Result<WorldItem, WitError> {
        let interface = &self.resolve.interfaces[id];
        let mut members = Vec::with_capacity(interface.types.len() + interface.functions.len());
        for (name, ty) in &interface.types {
            members.push(self.members.ty(name, *ty, TypeOwner::Interface(id))?);
        }
        for function in interface.functions.values() {
            members.push(self.members.function(function)?);
        }
        let own_key = self.resolve.canonicalized_id_of(id);
        let package = interface.package.filter(|_| interface.name.is_some());
        let package = package.map(|package| &self.resolve.packages[package].name);
        let name = label.or(interface.name.as_deref()).unwrap_or_default();
        // An interface with a label is matched by its label alone, so the package is not part of its name.
        let package = package.filter(|_| label.is_none());
        Ok(WorldItem {
            key: label.map_or(own_key.unwrap_or_default(), str::to_owned),
            kind: WitItemKind::Interface,
            package: package.map(|package| format!("{}:{}", package.namespace, package.name)),
            name: name.to_owned(),
            version: package.and_then(|package| Some(package.version.as_ref()?.to_string())),
            members,
        })
    }

    /// Returns a world of a package as one item. The shape of the item, a digest of its structure, is computed from all imports and exports
    /// of the world.
    fn world(&mut self, id: WorldId) -> Result<WorldItem, WitError> {
        let world = &self.resolve.worlds[id];
        let mut parts = Vec::new();
        for (direction, items) in [("import", &world.imports), ("export", &world.exports)] {
            for item in self.items(items, id)? {
                let members = item.members.iter();
                let shape = Shape::of_list(members.map(|member| (&*member.key, member.shape)));
                parts.push((format!("{direction} {}", item.key), shape));
            }
        }
        parts.sort_by(|(left, _), (right, _)| left.cmp(right));
        let shape = Shape::of_list(parts.iter().map(|(name, shape)| (&**name, *shape)));
        let package = world
            .package
            .map(|package| &self.resolve.packages[package].name);
        Ok(WorldItem {
            key: world.name.clone(),
            kind: WitItemKind::World,
            package: package.map(|package| format!("{}:{}", package.namespace, package.name)),
            name: world.name.clone(),
            version: package.and_then(|package| Some(package.version.as_ref()?.to_string())),
            members: vec![Member {
                kind: WitItemKind::World,
                key: world.name.as_str().into(),
                name: world.name.as_str().into(),
                text: "world".into(),
                shape,
            }],
        })
    }
}

/// Converts a function or type that is not in an interface to an item with a single member.
fn freestanding(member: Member) -> WorldItem {
    WorldItem {
        key: member.key.to_string(),
        kind: member.kind,
        package: None,
        name: member.name.to_string(),
        version: None,
        members: vec![member],
    }
}

/// Returns an error if the interfaces and worlds have more than [`MEMBERS_MAX`] functions and types.
fn check_members(resolve: &Resolve) -> Result<(), WitError> {
    let interfaces = resolve.interfaces.iter();
    let in_interfaces =
        interfaces.map(|(_, interface)| interface.types.len() + interface.functions.len());
    let worlds = resolve.worlds.iter();
    let in_worlds = worlds.map(|(_, world)| world.imports.len() + world.exports.len());
    let members = in_interfaces.chain(in_worlds).sum();
    if members > MEMBERS_MAX {
        return Err(WitError::TooManyMembers {
            members,
            members_max: MEMBERS_MAX,
        });
    }
    Ok(())
}

/// Returns the names of the interfaces that are defined within a world, as [`InlineNames`] describes.
fn inline_names(resolve: &Resolve) -> InlineNames<'_> {
    let mut names = HashMap::new();
    for (_, world) in resolve.worlds.iter() {
        for (key, item) in world.imports.iter().chain(&world.exports) {
            if let (WorldKey::Name(name), ParsedItem::Interface { id, .. }) = (key, item) {
                names.insert(*id, name.as_str());
            }
        }
    }
    names
}
