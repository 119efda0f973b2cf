//! The parts of a module by size, as a tree: sections, the crates or namespaces in them, and their functions.

use std::collections::BTreeMap;

use super::format::count;
use super::text::plain;
use crate::store::{Facts, FunctionSize, SectionKind, SegmentSize};

/// The maximum number of listed parts of the module, of each section, and of each crate or namespace.
const LIMITS: [usize; 3] = [24, 24, 12];

/// The number of largest parts that are listed even if they are small.
const PARTS_MIN: usize = 6;

/// A part is small if its size is less than the size of the module divided by this number. Small parts are combined into one part.
const SHARE: u64 = 400;

/// The maximum length of a name, in characters.
const NAME_CHARS: usize = 160;

/// A part of a module, such as a section, a crate or a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// The name of the part, such as `custom section name` or the name of a function.
    pub label: String,
    /// The size in bytes.
    pub bytes: u64,
    /// The CSS class that colours the part.
    pub class: &'static str,
    /// The parts below this one, largest first.
    pub parts: Vec<Part>,
}

/// Returns the tree of a module. The number of its parts is limited, however many functions the module has.
pub(super) fn of(facts: &Facts) -> Part {
    let mut modules = 0..;
    let has_nested =
        { facts.sections.items.iter() }.any(|section| section.kind == SectionKind::Component);
    let mut sections = Vec::new();
    for section in &facts.sections.items {
        let (label, class) = match &section.name {
            Some(name) => (
                format!("custom section {}", plain(name, NAME_CHARS)),
                "k-custom",
            ),
            None => (
                section.kind.as_str().replace('-', " "),
                class_of(section.kind),
            ),
        };
        let mut part = Part {
            label,
            bytes: section.size_bytes,
            class,
            parts: Vec::new(),
        };
        match section.kind {
            SectionKind::Code => part.parts = code(facts, facts.functions.items.iter().collect()),
            SectionKind::Data => part.parts = data(&facts.data_segments.items),
            // If the component contains components, the index of a function's core module does not tell which section contains that module.
            SectionKind::CoreModule if !has_nested => {
                let module = modules.next();
                let of_module = |function: &&FunctionSize| function.module == module;
                let functions: Vec<_> = facts.functions.items.iter().filter(of_module).collect();
                part.label = format!("core module {}", module.unwrap_or(0));
                part.parts = code(facts, functions);
            }
            _ => {}
        }
        add(&mut sections, part);
    }
    let mut whole = Part {
        label: facts.kind.as_str().to_owned(),
        bytes: facts.size_bytes,
        class: "k-rest",
        parts: sections,
    };
    limit(&mut whole, facts.size_bytes / SHARE, &LIMITS);
    whole
}

/// Adds a section. Sections with the same label and without parts become one part: a component may have many sections of one kind.
fn add(sections: &mut Vec<Part>, part: Part) {
    let same = |other: &&mut Part| other.label == part.label && other.parts.is_empty();
    match sections
        .iter_mut()
        .find(same)
        .filter(|_| part.parts.is_empty())
    {
        Some(other) => other.bytes += part.bytes,
        None => sections.push(part),
    }
}

fn class_of(kind: SectionKind) -> &'static str {
    match kind {
        SectionKind::Code => "k-code",
        SectionKind::Data => "k-data",
        SectionKind::Custom => "k-custom",
        SectionKind::CoreModule | SectionKind::Component => "k-module",
        SectionKind::Type | SectionKind::Import | SectionKind::Export | SectionKind::Function => {
            "k-types"
        }
        _ => "k-rest",
    }
}

/// Returns a part for each crate or namespace, which contains its functions, and a part for each function that belongs to no crate or
/// namespace.
fn code(facts: &Facts, functions: Vec<&FunctionSize>) -> Vec<Part> {
    let mut groups: BTreeMap<&str, Vec<&FunctionSize>> = BTreeMap::new();
    let mut others = Vec::new();
    for function in functions {
        match function.group() {
            Some(group) => groups.entry(group).or_default().push(function),
            None => others.push(function_part(function)),
        }
    }
    let mut parts: Vec<Part> = groups
        .into_iter()
        .map(|(name, functions)| group_part(facts, name, &functions))
        .collect();
    parts.append(&mut others);
    parts
}

fn group_part(facts: &Facts, name: &str, functions: &[&FunctionSize]) -> Part {
    let listed: u64 = functions.iter().map(|function| function.size_bytes).sum();
    // The sum of the group includes functions that are too small to be listed. In a component, it also includes functions of other core
    // modules, so it is not used.
    let is_whole = functions.iter().all(|function| function.module.is_none());
    let sum = facts.groups.items.iter().find(|group| group.name == name);
    let bytes = sum
        .filter(|_| is_whole)
        .map_or(listed, |group| group.size_bytes.max(listed));
    Part {
        label: plain(name, NAME_CHARS),
        bytes,
        class: "k-code",
        parts: functions
            .iter()
            .map(|function| function_part(function))
            .collect(),
    }
}

/// Returns the name of a function in the source code, or its index if it has no name.
pub(super) fn function_label(function: &FunctionSize) -> String {
    let name = function.demangled_name().or_else(|| function.name.clone());
    match name {
        Some(name) => plain(&name, NAME_CHARS),
        None => format!("function {}", function.index),
    }
}

fn function_part(function: &FunctionSize) -> Part {
    Part {
        label: function_label(function),
        bytes: function.size_bytes,
        class: "k-code",
        parts: Vec::new(),
    }
}

fn data(segments: &[SegmentSize]) -> Vec<Part> {
    let part = |segment: &SegmentSize| Part {
        label: match segment.address {
            Some(address) => format!("segment {} at {address:#x}", segment.index),
            None => format!("segment {}", segment.index),
        },
        bytes: segment.size_bytes,
        class: "k-data",
        parts: Vec::new(),
    };
    segments.iter().map(part).collect()
}

/// Sorts the parts by size. Replaces the parts that are small or exceed the maximum number by one part that has the rest of the size.
/// `limits` are the maximum numbers of parts of this level and of the levels below.
fn limit(part: &mut Part, bytes_min: u64, limits: &[usize]) {
    let Some((parts_max, below)) = limits.split_first() else {
        return;
    };
    part.parts
        .sort_by(|a, b| (b.bytes, &a.label).cmp(&(a.bytes, &b.label)));
    // Keeps the first parts even if they are small, because users want to see the largest parts.
    let is_large = |(nth, part): &(usize, &Part)| {
        part.bytes > 0 && (*nth < PARTS_MIN || *nth < *parts_max && part.bytes >= bytes_min)
    };
    let kept = part.parts.iter().enumerate().take_while(is_large).count();
    let cut = part.parts.len() - kept;
    part.parts.truncate(kept);
    let explained: u64 = part.parts.iter().map(|part| part.bytes).sum();
    let rest = part.bytes.saturating_sub(explained);
    for part in &mut part.parts {
        limit(part, bytes_min, below);
    }
    if kept > 0 && rest > 0 && (rest >= bytes_min || cut > 0) {
        let label = match cut {
            0 => "everything else".to_owned(),
            cut => format!("{} smaller parts or more", count(cut as u64)),
        };
        part.parts.push(Part {
            label,
            bytes: rest,
            class: part.class,
            parts: Vec::new(),
        });
    }
}
