//! Decides whether a newer component is compatible with an older one, from the types of their imports and exports.
//!
//! The rules are the [subtyping](https://github.com/WebAssembly/component-model/blob/main/design/mvp/Subtyping.md) rules for component
//! types as `wasmparser` and Wasmtime implement them: an instance may export more than is required; everything else must be equal,
//! including the names of parameters and the order of fields. Interfaces may have different versions if these are compatible, such as
//! `0.2.0` and `0.2.3`.

use super::pairs::pairs;
use super::reasons::{Reasons, SubjectNames};
use crate::wasm::wit::{Member, WitError, WitWorld, WorldItem};
use crate::wasm::{Error, Import, ItemKind, inspect};

/// Adds the differences between two components to `reasons`.
///
/// # Errors
/// The errors of [`inspect`].
pub(super) fn compare(old: &[u8], new: &[u8], reasons: &mut Reasons) -> Result<(), Error> {
    match (WitWorld::of(old), WitWorld::of(new)) {
        (Ok(old), Ok(new)) => compare_worlds(&old, &new, reasons),
        (Err(error), _) => not_comparable("older", &error, reasons),
        (_, Err(error)) => not_comparable("newer", &error, reasons),
    }
    compare_others(&others(old)?, &others(new)?, reasons);
    Ok(())
}

/// Adds the differences between the worlds of two components to `reasons`.
pub(super) fn compare_worlds(old: &WitWorld, new: &WitWorld, reasons: &mut Reasons) {
    for (old, new) in pair_items(&old.imports, &new.imports) {
        Side::Import.compare(old, new, reasons);
    }
    for (old, new) in pair_items(&old.exports, &new.exports) {
        Side::Export.compare(old, new, reasons);
    }
}

fn not_comparable(which: &str, error: &WitError, reasons: &mut Reasons) {
    reasons.breaking(&format!(
        "the types of the {which} module are not known: {error}"
    ));
}

type Pairs<'a, T> = Vec<(Option<&'a T>, Option<&'a T>)>;

fn pair_items<'a>(old: &'a [WorldItem], new: &'a [WorldItem]) -> Pairs<'a, WorldItem> {
    let is_same = |old: &WorldItem, new: &WorldItem| old.version == new.version;
    pairs(old, new, |item| item.key.as_str(), is_same)
}

/// The imports or the exports of a component. They are compared in opposite directions: the older module must import everything that the
/// newer one imports, and the newer module must export everything that the older one exports.
#[derive(Clone, Copy)]
enum Side {
    Import,
    Export,
}

impl Side {
    /// Adds the differences between two items of the same name. If one is `None`, that component does not have the item.
    fn compare(self, old: Option<&WorldItem>, new: Option<&WorldItem>, reasons: &mut Reasons) {
        let (old, new) = match (old, new) {
            (Some(old), Some(new)) => (old, new),
            (Some(old), None) => return self.removed(&describe(old), reasons),
            (None, Some(new)) => return self.added(&describe(new), reasons),
            (None, None) => return,
        };
        if old.kind != new.kind {
            let (old, new) = (describe(old), describe(new));
            return self.changed(&format!("{new}, not the {old}"), reasons);
        }
        if old.version != new.version {
            let version = old.version.as_deref().unwrap_or("none");
            reasons.compatible(&format!(
                "{} {} the {}, and {} the compatible version {version}",
                reasons.subject_names.new,
                self.verb(),
                describe(new),
                reasons.subject_names.old,
            ));
        }
        let is_same = |old: &Member, new: &Member| old.shape == new.shape;
        for (old, member) in pairs(&old.members, &new.members, |member| &*member.key, is_same) {
            self.compare_members(new, old, member, reasons);
        }
    }

    fn compare_members(
        self,
        item: &WorldItem,
        old: Option<&Member>,
        new: Option<&Member>,
        reasons: &mut Reasons,
    ) {
        let name = |member: &Member| describe_member(item, member);
        match (old, new) {
            (Some(old), None) => self.removed(&name(old), reasons),
            (None, Some(new)) => self.added(&name(new), reasons),
            (Some(old), Some(new)) if old.shape != new.shape => {
                let text = if old.text == new.text {
                    format!(
                        "{} as `{}`, in which a type has changed",
                        name(new),
                        new.text
                    )
                } else {
                    format!("{} as `{}`, not as `{}`", name(new), new.text, old.text)
                };
                self.changed(&text, reasons);
            }
            _ => {}
        }
    }

    fn removed(self, what: &str, reasons: &mut Reasons) {
        let SubjectNames { new, old } = reasons.subject_names;
        let verb = match self {
            Self::Import => "import",
            Self::Export => "export",
        };
        let text = format!("{new} does not {verb} the {what}, which {old} does");
        match self {
            Self::Import => reasons.compatible(&text),
            Self::Export => reasons.breaking(&text),
        }
    }

    fn added(self, what: &str, reasons: &mut Reasons) {
        let verb = self.verb();
        let SubjectNames { new, old } = reasons.subject_names;
        let text = format!("{new} {verb} the {what}, which {old} does not");
        match self {
            Self::Import => reasons.breaking(&text),
            Self::Export => reasons.compatible(&text),
        }
    }

    fn changed(self, what: &str, reasons: &mut Reasons) {
        reasons.breaking(&format!(
            "{} {} the {what}",
            reasons.subject_names.new,
            self.verb()
        ));
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Import => "imports",
            Self::Export => "exports",
        }
    }
}

fn describe(item: &WorldItem) -> String {
    format!("{} `{}`", item.kind.as_str(), item.full_name())
}

/// Returns the text that names a function or type in a reason. The text also names the interface, if the item is in one.
fn describe_member(item: &WorldItem, member: &Member) -> String {
    let kind = member.kind.as_str();
    if item.kind == member.kind {
        return format!("{kind} `{}`", member.name);
    }
    format!("{kind} `{}` of `{}`", member.name, item.full_name())
}

/// Returns the imports that WIT cannot express: core modules, components and values. Exports of these kinds are not returned: a component
/// with such an export has no WIT at all.
fn others(bytes: &[u8]) -> Result<Vec<Import>, Error> {
    let is_other = |import: &Import| {
        matches!(
            import.kind,
            ItemKind::Module | ItemKind::Component | ItemKind::Value
        )
    };
    let imports = inspect(bytes)?.imports.into_iter();
    Ok(imports.filter(is_other).collect())
}

/// Adds the differences between imports that WIT cannot express. Their types are not compared, so each of them is regarded as changed.
fn compare_others(old: &[Import], new: &[Import], reasons: &mut Reasons) {
    let is_same = |old: &Import, new: &Import| old.kind == new.kind;
    for pair in pairs(old, new, |import| import.name.as_str(), is_same) {
        let describe = |import: &Import| format!("{} `{}`", import.kind, import.name);
        match pair {
            (_, Some(new)) => reasons.breaking(&format!(
                "the newer module imports the {}, whose type is not compared",
                describe(new)
            )),
            (Some(old), None) => Side::Import.removed(&describe(old), reasons),
            (None, None) => {}
        }
    }
}
