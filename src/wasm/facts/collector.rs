//! Collects the facts about a module from the payloads that the parser of `wasmparser` returns.

use std::panic::{AssertUnwindSafe, catch_unwind};

use wasmparser::types::TypesRef;
use wasmparser::{Encoding, Payload, WasmFeatures};

use super::core_module::CoreModule;
use super::function::{FUNCTIONS_BYTES_MAX, FunctionSize};
use super::group::Groups;
use super::item_lists::ItemLists;
use super::largest::Largest;
use super::metadata::MetadataCollector;
use super::model::Facts;
use super::requirements::{ComponentFeatures, CoreFeatures, Requirements};
use super::section::Sections;
use super::segment::{SEGMENTS_BYTES_MAX, SegmentSize};
use crate::wasm::ModuleKind;
use crate::wasm::core_item::CoreItem;
use crate::wasm::skip::SkippedSection;

/// Collects facts from the payloads of a module or component, and of the modules and components nested in it. The payloads must be added in
/// their order in the binary.
#[derive(Debug)]
pub(in crate::wasm) struct FactsCollector {
    /// A stack with the kind (module or component) of everything that is being read: the outermost first, the innermost last.
    encodings: Vec<Encoding>,
    kind: Option<ModuleKind>,
    items: ItemLists,
    sections: Sections,
    functions: Largest<FunctionSize>,
    groups: Groups,
    segments: Largest<SegmentSize>,
    metadata: MetadataCollector,
    /// The functions of the core module that is being read; `None` outside of core modules.
    module: Option<CoreModule>,
    /// The features that the core module that is being read requires, without the features that only its function bodies require.
    module_features: CoreFeatures,
    /// The features that the components, nested or not, require.
    component_features: ComponentFeatures,
    /// The features that the core modules that have been read completely require, without the features that only their function bodies
    /// require.
    used: WasmFeatures,
    /// The number of nested core modules, at any depth, of which at least the header has been read.
    nested_modules: u32,
    /// While a name section is being skipped, the number of bytes that remain until its contents start; otherwise `None`.
    names_start: Option<usize>,
}

impl FactsCollector {
    pub(in crate::wasm) fn new() -> Self {
        Self {
            encodings: Vec::new(),
            kind: None,
            items: ItemLists::new(),
            sections: Sections::new(),
            functions: Largest::default(),
            groups: Groups::default(),
            segments: Largest::default(),
            metadata: MetadataCollector::new(),
            module: None,
            module_features: CoreFeatures::new(),
            component_features: ComponentFeatures::new(),
            used: WasmFeatures::empty(),
            nested_modules: 0,
            names_start: None,
        }
    }

    /// Calls `add` with the collector. If `add` panics, sets the collector to `None`: the module then has no facts, but its validation
    /// continues.
    pub(in crate::wasm) fn add(collector: &mut Option<Self>, add: impl FnOnce(&mut Self)) {
        let Some(facts) = collector else { return };
        if catch_unwind(AssertUnwindSafe(|| add(facts))).is_err() {
            *collector = None;
        }
    }

    /// Adds a payload that was validated. `offset` is the payload's offset in the module. `data` has the bytes of the payload; if the
    /// payload is a section that is read in parts, `data` has only the first bytes. `types` are the types of the module or component that
    /// is being read.
    pub(in crate::wasm) fn payload(
        &mut self,
        payload: &Payload<'_>,
        offset: u64,
        data: &[u8],
        types: Option<TypesRef<'_>>,
    ) {
        // Most payloads are function bodies. Only their sizes are collected here, so they are handled first.
        if let (Payload::CodeSectionEntry(_), Some(module)) = (payload, &mut self.module) {
            return module.body(data.len());
        }
        if let Payload::Version { encoding, .. } = payload {
            self.start(*encoding);
        }
        if let [encoding] = self.encodings[..] {
            self.sections.payload(encoding, payload, offset);
        }
        let contents = contents(payload, data);
        if self.module.is_some() {
            self.core(payload, contents);
        } else {
            self.component_features.payload(payload, contents, types);
            if self.encodings.len() == 1 {
                self.items.component(payload);
            }
        }
        match payload {
            Payload::CustomSection(section) => self.custom(section.name(), section.data()),
            Payload::End(_) => self.end(),
            _ => {}
        }
    }

    fn start(&mut self, encoding: Encoding) {
        let is_outermost = self.encodings.is_empty();
        self.encodings.push(encoding);
        match encoding {
            Encoding::Module if is_outermost => {
                self.kind = Some(ModuleKind::Module);
                self.module = Some(CoreModule::new(None));
            }
            Encoding::Module => {
                self.module = Some(CoreModule::new(Some(self.nested_modules)));
                self.nested_modules += 1;
            }
            Encoding::Component if is_outermost => {
                self.kind = Some(ModuleKind::Component);
            }
            Encoding::Component => {}
        }
    }

    fn end(&mut self) {
        self.encodings.pop();
        let Some(module) = self.module.take() else {
            return;
        };
        let features = std::mem::replace(&mut self.module_features, CoreFeatures::new());
        self.used |= features.used();
        let name = module.finish(&mut self.functions, &mut self.groups);
        if self.encodings.is_empty()
            && let Some(name) = name
        {
            self.metadata.module_name(&name);
        }
    }

    /// Adds a payload of the core module that is being read. `contents` are the bytes of the section without its header. Each item in a
    /// section is decoded only once.
    fn core(&mut self, payload: &Payload<'_>, contents: &[u8]) {
        let Some(module) = &mut self.module else {
            return;
        };
        module.payload(payload);
        self.module_features.payload(payload);
        let is_outermost = self.encodings.len() == 1;
        let start = payload.as_section().map_or(0, |(_, range)| range.start);
        let mut segments = 0..;
        CoreItem::each(payload, |offset, item| {
            let position = usize::try_from(offset - start).unwrap_or(usize::MAX);
            let bytes = contents.get(position..).unwrap_or_default();
            self.module_features.add(&item, bytes);
            module.add(&item);
            if let (CoreItem::Data(data), Some(index)) = (&item, segments.next()) {
                let segment = SegmentSize::new(module.number(), index, data);
                self.segments.push(segment);
            }
            if is_outermost {
                self.items.add(item);
            }
        });
    }

    fn custom(&mut self, name: &str, data: &[u8]) {
        if self.encodings.len() == 1 {
            self.metadata.outermost(name, data);
        }
        self.metadata.any(name, data);
        if let Some(module) = &mut self.module
            && name == "name"
            && module.start_names()
        {
            module.names(data, &mut self.groups);
        }
    }

    /// Returns the features that the core module that is being read requires, without the features that only its function bodies require.
    pub(in crate::wasm) fn module_features(&self) -> WasmFeatures {
        self.module_features.used()
    }

    /// Adds a custom section that is skipped, because its contents are too long to be in memory at once. The caller then passes the bytes
    /// of the section to [`skipped`](Self::skipped).
    pub(in crate::wasm) fn skips(&mut self, section: &SkippedSection<'_>) {
        if self.encodings.len() == 1 {
            let (offset, size_bytes) = (section.offset, section.section_bytes);
            self.sections.custom(section.name, offset, size_bytes);
        }
        self.metadata.too_long(section.name);
        let names = self.module.as_mut().filter(|_| section.name == "name");
        let starts = names.is_some_and(CoreModule::start_names);
        self.names_start = starts.then_some(section.contents_start);
    }

    /// Receives the next bytes of a section that is not validated, beginning with the section's id. The names of functions are read from
    /// them if it is the name section.
    pub(in crate::wasm) fn skipped(&mut self, bytes: &[u8]) {
        let Some(start) = &mut self.names_start else {
            return;
        };
        let before = bytes.len().min(*start);
        *start -= before;
        if let Some(module) = &mut self.module {
            module.names(&bytes[before..], &mut self.groups);
        }
    }

    /// Returns the collected facts. `size_bytes` is the size of the module, and `in_bodies` are the features that its function bodies
    /// require. Returns `None` if no payload was added.
    pub(in crate::wasm) fn finish(self, size_bytes: u64, in_bodies: WasmFeatures) -> Option<Facts> {
        let kind = self.kind?;
        let mut used = self.used | in_bodies;
        if kind == ModuleKind::Component {
            used |= self.component_features.used();
        }
        let (imports, exports) = self.items.finish();
        Some(Facts {
            kind,
            size_bytes,
            requires: Requirements::of(used),
            imports,
            exports,
            sections: self.sections.finish(),
            functions: self.functions.finish(FUNCTIONS_BYTES_MAX),
            groups: self.groups.finish(),
            data_segments: self.segments.finish(SEGMENTS_BYTES_MAX),
            metadata: self.metadata.finish(),
        })
    }
}

/// Returns the contents of a section without its header. `data` has the bytes of the payload. Returns an empty slice if the payload is not
/// a section, or if the section is read in parts.
fn contents<'d>(payload: &Payload<'_>, data: &'d [u8]) -> &'d [u8] {
    let length = payload.as_section().and_then(|(_, range)| {
        let length = range.end.checked_sub(range.start)?;
        usize::try_from(length).ok()
    });
    let start = length.and_then(|length| data.len().checked_sub(length));
    start.map_or(&[], |start| &data[start..])
}
