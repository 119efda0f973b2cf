//! The difference between two modules, as JSON.

use serde::{Deserialize, Serialize};

use super::item_diff::{ExportDiff, ImportDiff, NamesDiff, ProducerDiff, SectionDiff};
use crate::store::{
    Comparison, Compatibility, ItemChange, ModuleDiff, ModuleKind, SectionChange, Verdict,
};

/// An upper bound on the size of one item of a list without its texts, in bytes of JSON.
const ITEM_BYTES: usize = 96;

/// The differences between two modules. The lists contain only differences.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ModuleDiff)]
pub struct ModuleDiffJson {
    /// Whether the newer module can replace the older one: `same`, `compatible` or `breaking`.
    #[schema(value_type = String, pattern = "^(same|compatible|breaking)$", required = false)]
    verdict: Compatibility,
    #[schema(required = false)]
    reasons: ReasonsJson,
    #[schema(required = false)]
    size: SizesDiffJson,
    #[schema(required = false)]
    kind: KindsJson,
    /// The imports that differ, with their types.
    #[schema(required = false)]
    imports: Vec<ImportDiff>,
    /// The exports that differ, with their types.
    #[schema(required = false)]
    exports: Vec<ExportDiff>,
    #[schema(required = false)]
    custom_sections: NamesDiff,
    /// The tools that only one of the modules names as its producer, or whose versions differ.
    #[schema(required = false)]
    producers: Vec<ProducerDiff>,
    /// The kinds of sections, and the names of custom sections, whose total sizes differ.
    #[schema(required = false)]
    sections: Vec<SectionDiff>,
    /// The number of differences that the lists leave out because there are too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schema(required = false)]
    left_out: usize,
}

/// The reasons for a verdict, one sentence each. Each of the two lists has at most 100.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = VerdictReasons)]
pub struct ReasonsJson {
    /// The differences that break users of the older module.
    breaking: Vec<String>,
    /// The differences that do not break users of the older module.
    compatible: Vec<String>,
    /// The number of breaking and compatible differences that are not listed.
    left_out: usize,
}

/// The sizes of two modules, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = SizesDiff)]
pub struct SizesDiffJson {
    /// The size of the older module, in bytes.
    pub old: u64,
    /// The size of the newer module, in bytes.
    pub new: u64,
}

/// The kinds of two modules.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = KindsDiff)]
pub struct KindsJson {
    /// `module` or `component`.
    #[schema(value_type = String)]
    old: ModuleKind,
    /// `module` or `component`.
    #[schema(value_type = String)]
    new: ModuleKind,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl From<&ModuleDiff> for ModuleDiffJson {
    fn from(
        ModuleDiff {
            verdict,
            comparison,
        }: &ModuleDiff,
    ) -> Self {
        let Comparison {
            kind,
            size_bytes,
            imports,
            exports,
            custom_sections,
            producers,
            sections,
        } = comparison;
        Self {
            verdict: verdict.compatibility,
            reasons: ReasonsJson {
                breaking: verdict.breaking.clone(),
                compatible: verdict.compatible.clone(),
                left_out: verdict.left_out,
            },
            size: SizesDiffJson {
                old: size_bytes.0,
                new: size_bytes.1,
            },
            kind: KindsJson {
                old: kind.0,
                new: kind.1,
            },
            imports: imports.iter().map(ImportDiff::from).collect(),
            exports: exports.iter().map(ExportDiff::from).collect(),
            custom_sections: NamesDiff::new(custom_sections),
            producers: producers.iter().map(ProducerDiff::from).collect(),
            sections: sections.iter().map(SectionDiff::from).collect(),
            left_out: 0,
        }
    }
}

impl ModuleDiffJson {
    /// Returns the differences; `None` if the JSON does not list all of them.
    pub(super) fn into_diff(self) -> Option<ModuleDiff> {
        if self.left_out > 0 {
            return None;
        }
        let custom = |name, is_new: bool| {
            item(
                None,
                name,
                (!is_new).then(String::new),
                is_new.then(String::new),
            )
        };
        let NamesDiff { added, removed } = self.custom_sections;
        let added = added.into_iter().map(|name| custom(name, true));
        let removed = removed.into_iter().map(|name| custom(name, false));
        let mut custom_sections: Vec<_> = added.chain(removed).collect();
        custom_sections.sort_by(|a, b| a.name.cmp(&b.name));
        let comparison = Comparison {
            kind: (self.kind.old, self.kind.new),
            size_bytes: (self.size.old, self.size.new),
            imports: (self.imports.into_iter())
                .map(|import| item(import.module, import.name, import.old, import.new))
                .collect(),
            exports: (self.exports.into_iter())
                .map(|export| item(export.interface, export.name, export.old, export.new))
                .collect(),
            custom_sections,
            producers: (self.producers.into_iter())
                .map(|tool| item(tool.field, tool.name, tool.old, tool.new))
                .collect(),
            sections: (self.sections.into_iter())
                .map(|section| SectionChange {
                    kind: section.kind,
                    name: section.name,
                    old: section.old,
                    new: section.new,
                })
                .collect(),
        };
        let verdict = Verdict {
            compatibility: self.verdict,
            breaking: self.reasons.breaking,
            compatible: self.reasons.compatible,
            left_out: self.reasons.left_out,
        };
        Some(ModuleDiff {
            verdict,
            comparison,
        })
    }

    /// Removes differences until the remaining ones take at most about `bytes_max` bytes of JSON.
    pub(super) fn cut(&mut self, bytes_max: usize) {
        let mut left = bytes_max;
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let mut cut = 0;
        cut += cut_list(&mut self.imports, &mut left, |import| {
            length(&import.module) + import.name.len() + length(&import.old) + length(&import.new)
        });
        cut += cut_list(&mut self.exports, &mut left, |export| {
            length(&export.interface)
                + export.name.len()
                + length(&export.old)
                + length(&export.new)
        });
        cut += cut_list(&mut self.custom_sections.added, &mut left, String::len);
        cut += cut_list(&mut self.custom_sections.removed, &mut left, String::len);
        cut += cut_list(&mut self.producers, &mut left, |tool| {
            length(&tool.field) + tool.name.len() + length(&tool.old) + length(&tool.new)
        });
        cut += cut_list(&mut self.sections, &mut left, |section| {
            length(&section.name)
        });
        self.left_out += cut;
    }
}

/// Truncates a list to its first items that together fit into `left` bytes, and subtracts their size from `left`. Returns the number of
/// removed items.
fn cut_list<T>(list: &mut Vec<T>, left: &mut usize, length: impl Fn(&T) -> usize) -> usize {
    let fitting = list.iter().map_while(|item| {
        *left = left.checked_sub(ITEM_BYTES + length(item))?;
        Some(())
    });
    let count = fitting.count();
    let cut = list.len() - count;
    list.truncate(count);
    cut
}

fn item(
    group: Option<String>,
    name: String,
    old: Option<String>,
    new: Option<String>,
) -> ItemChange {
    ItemChange {
        group: group.map(Into::into),
        name,
        old: old.map(Into::into),
        new: new.map(Into::into),
    }
}
