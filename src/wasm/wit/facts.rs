//! The WIT of a module, in a form of limited size that the store saves and the server sends to clients.

use serde::{Deserialize, Serialize};

use super::WitError;
use super::decode::{Decoded, Root};
use super::isolate::isolated;
use super::skeleton::Skeleton;
use super::text;
use super::world::{WitItemKind, WitWorld, WorldItem};

/// The maximum length of [`WitFacts::text`], in bytes. The WIT of a component that imports all of WASI has about 100 KB.
const TEXT_BYTES_MAX: usize = 512 << 10;
/// The maximum total length of the names and texts in [`WitFacts::imports`] and [`WitFacts::exports`], in bytes.
const ITEMS_BYTES_MAX: usize = 256 << 10;
/// The length of the JSON of an item, or of a member of an item, without its names and texts, in bytes.
const ITEM_BYTES: usize = 32;

/// The WIT of a component, of a package that is encoded as a component, or of a core module in which a world is embedded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WitFacts {
    /// The kind of the module from which the WIT was read.
    pub source: WitSource,
    /// The WIT text, as `wasm-tools component wit` prints it. It has at most 512 KiB; a longer text is cut at the end of a line.
    pub text: String,
    /// Whether `text` was longer and is cut.
    pub text_is_cut: bool,
    /// The imports of the world, in order.
    pub imports: Vec<WitItem>,
    /// The exports of the world, in order. For a package, its interfaces and worlds.
    pub exports: Vec<WitItem>,
    /// The number of functions and types that are not in `imports` and `exports`, because the names and texts in these lists have at most
    /// 256 KiB in total. An item that is not listed is counted as one, in addition to its functions and types.
    pub left_out: usize,
}

/// The kind of a module with WIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WitSource {
    /// A component. The WIT describes the world that it implements.
    Component,
    /// A core module. The WIT describes the world for which it was written, from a custom section in which tools embed it.
    Module,
    /// A WIT package that is encoded as a component.
    Package,
}

/// An import or export of a world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WitItem {
    /// Whether the item is an interface, a function, a type or a world.
    pub kind: WitItemKind,
    /// The package that defines the item, as `namespace:name`; `None` if the item is defined in the world itself.
    pub package: Option<String>,
    /// The name of the interface, function or type.
    pub name: String,
    /// The version of the package that defines the item.
    pub version: Option<String>,
    /// The functions and types of an interface. For any other item, only the item itself.
    pub members: Vec<WitMember>,
}

/// A function or a type in WIT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WitMember {
    /// The name of the function or type. A method has the name of its resource as a prefix: `counter.increment`.
    pub name: String,
    /// The definition on one line, such as `func(by: u32) -> u32` or `enum color { red, green }`. If it is longer than 4 KiB, it is cut and
    /// ends with `…`.
    pub text: String,
}

impl WitItem {
    /// Returns the name under which a component imports or exports the item, such as `wasi:io/streams@0.2.1`, or only `name` if the item
    /// has no package.
    pub fn full_name(&self) -> String {
        let package = self.package.as_ref().map(|package| format!("{package}/"));
        let version = self.version.as_ref().map(|version| format!("@{version}"));
        let (package, version) = (package.unwrap_or_default(), version.unwrap_or_default());
        format!("{package}{}{version}", self.name)
    }

    /// Returns whether the item is an interface.
    pub fn is_interface(&self) -> bool {
        matches!(self.kind, WitItemKind::Interface)
    }
}

impl WitFacts {
    /// Reads the WIT of a valid module. The size of the result, the work and the memory are limited.
    ///
    /// # Errors
    /// The reason why the module has no WIT. A module without WIT is not invalid: it may be a core module, or a component that WIT cannot
    /// express.
    pub fn of(bytes: &[u8]) -> Result<Self, WitError> {
        isolated(|| {
            let skeleton = Skeleton::of(bytes)?;
            let decoded = Decoded::of_skeleton(&skeleton)?;
            // This step runs on a thread of its own, so that a panic ends only this step. If it fails, the lists are made from `decoded`,
            // in which an interface that is both imported and exported is merged into one.
            let separated = isolated(|| {
                let separated = Decoded::separated(&skeleton)?;
                separated.as_ref().map(WitWorld::of_decoded).transpose()
            });
            let world = match separated {
                Ok(Some(world)) => world,
                Err(error @ WitError::NoThread(_)) => return Err(error),
                Ok(None) | Err(_) => WitWorld::of_decoded(&decoded)?,
            };
            let main = decoded.main_package()?;
            let (text, text_is_cut) = text::print(&decoded.resolve, main, TEXT_BYTES_MAX)?;
            let mut budget = ListBudget {
                bytes: ITEMS_BYTES_MAX,
                left_out: 0,
            };
            Ok(Self {
                source: match decoded.root {
                    Root::Component(_) => WitSource::Component,
                    Root::EmbeddedWorld(_) => WitSource::Module,
                    Root::Package(_) => WitSource::Package,
                },
                text,
                text_is_cut,
                exports: budget.admit_all(world.exports),
                imports: budget.admit_all(world.imports),
                left_out: budget.left_out,
            })
        })
    }
}

/// The limit on the lists of items, and the number of items that were omitted because of it.
struct ListBudget {
    bytes: usize,
    left_out: usize,
}

impl ListBudget {
    fn admit_all(&mut self, items: Vec<WorldItem>) -> Vec<WitItem> {
        let items = items.into_iter();
        items.filter_map(|item| self.admit(item)).collect()
    }

    fn admit(&mut self, item: WorldItem) -> Option<WitItem> {
        let lengths =
            [&item.package, &item.version].map(|text| text.as_ref().map_or(0, String::len));
        if !self.take(item.name.len() + lengths.iter().sum::<usize>()) {
            self.left_out += item.members.len();
            return None;
        }
        let members = item.members.into_iter();
        let members = members.filter(|member| self.take(member.name.len() + member.text.len()));
        let members = members.map(|member| WitMember {
            name: member.name.to_string(),
            text: member.text.to_string(),
        });
        Some(WitItem {
            kind: item.kind,
            package: item.package,
            name: item.name,
            version: item.version,
            members: members.collect(),
        })
    }

    /// Subtracts `bytes` from the bytes that are left, and returns whether there were enough. If not, no bytes are left, so that all
    /// following items are omitted, too.
    fn take(&mut self, bytes: usize) -> bool {
        let left = self.bytes.checked_sub(bytes + ITEM_BYTES);
        self.bytes = left.unwrap_or(0);
        self.left_out += usize::from(left.is_none());
        left.is_some()
    }
}
