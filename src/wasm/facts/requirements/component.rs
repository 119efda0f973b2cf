//! Determines the WebAssembly features that the sections of a component require.

use wasmparser::names::ComponentName;
use wasmparser::types::TypesRef;
use wasmparser::{
    ComponentDefinedType, ComponentExport, ComponentExternName, ComponentExternalKind,
    ComponentFuncType, ComponentImport, ComponentInstance, ComponentType, ComponentTypeDeclaration,
    ComponentTypeRef, ComponentValType, CoreType, InstanceTypeDeclaration, ModuleTypeDeclaration,
    Payload, PrimitiveValType, ValType, WasmFeatures,
};

use super::canonical::of_canonical;
use super::core::CoreFeatures;
use super::encoding::{all, decodes, each_item, of_section};

/// Collects the features that components require.
#[derive(Debug)]
pub(in crate::wasm) struct ComponentFeatures {
    used: WasmFeatures,
}

/// The features that `wasmparser` needs to decode some encodings of types.
const TYPES: [WasmFeatures; 2] = [WasmFeatures::GC, WasmFeatures::MEMORY64];
/// The two features that allow options after the name of an import or export, such as a version suffix. A decoder needs one of them to
/// decode such a name.
const NAME_OPTIONS: WasmFeatures = WasmFeatures::CM_IMPLEMENTS.union(WasmFeatures::CM_CANON_NAMES);

impl ComponentFeatures {
    pub(in crate::wasm) fn new() -> Self {
        Self {
            used: WasmFeatures::COMPONENT_MODEL,
        }
    }

    /// Returns the features of the payloads so far.
    pub(in crate::wasm) fn used(&self) -> WasmFeatures {
        self.used
    }

    /// Adds the features of a payload of a component. `contents` are the bytes of the section without its header, and `types` are the types
    /// of the component.
    pub(in crate::wasm) fn payload(
        &mut self,
        payload: &Payload<'_>,
        contents: &[u8],
        types: Option<TypesRef<'_>>,
    ) {
        match payload {
            Payload::CoreTypeSection(section) => {
                let without = all(&TYPES) - self.used;
                if !each_item(section, contents, without, |ty| self.core_type(&ty)) {
                    of_section::<CoreType<'_>>(contents, &TYPES, &mut self.used);
                }
            }
            Payload::ComponentTypeSection(section) => {
                let without = (all(&TYPES) | NAME_OPTIONS) - self.used;
                if !each_item(section, contents, without, |ty| self.ty(&ty)) {
                    of_section::<ComponentType<'_>>(contents, &TYPES, &mut self.used);
                    self.options(decodes::<ComponentType<'_>>(contents, NAME_OPTIONS));
                }
            }
            Payload::ComponentInstanceSection(section) => {
                let has_plain_names = each_item(section, contents, NAME_OPTIONS, |instance| {
                    if let ComponentInstance::FromExports(exports) = instance {
                        exports.iter().for_each(|export| self.export(export));
                    }
                });
                self.options(has_plain_names);
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section.clone().into_iter().map_while(Result::ok) {
                    self.used |= of_canonical(&function, types);
                }
            }
            Payload::ComponentStartSection { .. } => self.used |= WasmFeatures::CM_VALUES,
            Payload::ComponentImportSection(section) => {
                let has_plain_names = each_item(section, contents, NAME_OPTIONS, |import| {
                    self.import(&import);
                });
                self.options(has_plain_names);
            }
            Payload::ComponentExportSection(section) => {
                let has_plain_names = each_item(section, contents, NAME_OPTIONS, |export| {
                    self.export(&export);
                });
                self.options(has_plain_names);
            }
            _ => {}
        }
    }

    /// Adds a feature that allows options in names, unless the section that was just read can be decoded without [`NAME_OPTIONS`], as
    /// `decodes_without` says. A section may use the encoding with options even if no name in it has an option.
    fn options(&mut self, decodes_without: bool) {
        if !decodes_without && !self.used.intersects(NAME_OPTIONS) {
            self.used |= WasmFeatures::CM_IMPLEMENTS;
        }
    }

    fn core_type(&mut self, ty: &CoreType<'_>) {
        let mut module = CoreFeatures::new();
        match ty {
            CoreType::Rec(group) => module.group(group),
            CoreType::Module(declarations) => {
                for declaration in declarations {
                    match declaration {
                        ModuleTypeDeclaration::Type(group) => module.group(group),
                        ModuleTypeDeclaration::Import(import) => module.import(import),
                        ModuleTypeDeclaration::Export { ty, .. } => module.item(*ty),
                        ModuleTypeDeclaration::OuterAlias { .. } => module.outer_type(),
                    }
                }
            }
        }
        self.used |= module.used();
    }

    /// Adds the features of a type. The recursion is not deep, because `wasmparser` limits the depth of types.
    fn ty(&mut self, ty: &ComponentType<'_>) {
        match ty {
            ComponentType::Defined(ty) => self.defined(ty),
            ComponentType::Func(ty) => self.function(ty),
            ComponentType::Component(declarations) => {
                for declaration in declarations {
                    match declaration {
                        ComponentTypeDeclaration::CoreType(ty) => self.core_type(ty),
                        ComponentTypeDeclaration::Type(ty) => self.ty(ty),
                        ComponentTypeDeclaration::Alias(_) => {}
                        ComponentTypeDeclaration::Export { name, ty } => self.item(name, ty),
                        ComponentTypeDeclaration::Import(import) => self.import(import),
                    }
                }
            }
            ComponentType::Instance(declarations) => {
                for declaration in declarations {
                    match declaration {
                        InstanceTypeDeclaration::CoreType(ty) => self.core_type(ty),
                        InstanceTypeDeclaration::Type(ty) => self.ty(ty),
                        InstanceTypeDeclaration::Alias(_) => {}
                        InstanceTypeDeclaration::Export { name, ty } => self.item(name, ty),
                    }
                }
            }
            ComponentType::Resource { rep, .. } => {
                if *rep == ValType::I64 {
                    self.used |= WasmFeatures::CM64;
                }
            }
        }
    }

    fn defined(&mut self, ty: &ComponentDefinedType<'_>) {
        match ty {
            ComponentDefinedType::Primitive(ty) => self.primitive(*ty),
            ComponentDefinedType::Record(fields) => {
                fields.iter().for_each(|(_, ty)| self.value(*ty))
            }
            ComponentDefinedType::Variant(cases) => {
                cases
                    .iter()
                    .filter_map(|case| case.ty)
                    .for_each(|ty| self.value(ty));
            }
            ComponentDefinedType::List(ty) | ComponentDefinedType::Option(ty) => self.value(*ty),
            ComponentDefinedType::Map(key, value) => {
                self.used |= WasmFeatures::CM_MAP;
                self.value(*key);
                self.value(*value);
            }
            ComponentDefinedType::FixedLengthList(ty, _) => {
                self.used |= WasmFeatures::CM_FIXED_LENGTH_LISTS;
                self.value(*ty);
            }
            ComponentDefinedType::Tuple(types) => types.iter().for_each(|ty| self.value(*ty)),
            ComponentDefinedType::Result { ok, err } => {
                ok.iter().chain(err).for_each(|ty| self.value(*ty));
            }
            ComponentDefinedType::Future(ty) | ComponentDefinedType::Stream(ty) => {
                self.used |= WasmFeatures::CM_ASYNC;
                ty.iter().for_each(|ty| self.value(*ty));
            }
            ComponentDefinedType::Flags(_)
            | ComponentDefinedType::Enum(_)
            | ComponentDefinedType::Own(_)
            | ComponentDefinedType::Borrow(_) => {}
        }
    }

    fn function(&mut self, ty: &ComponentFuncType<'_>) {
        if ty.async_ {
            self.used |= WasmFeatures::CM_ASYNC;
        }
        ty.params.iter().for_each(|(_, ty)| self.value(*ty));
        ty.result.iter().for_each(|ty| self.value(*ty));
    }

    fn value(&mut self, ty: ComponentValType) {
        self.used |= of_value(ty);
    }

    fn primitive(&mut self, ty: PrimitiveValType) {
        self.used |= of_primitive(ty);
    }

    fn import(&mut self, import: &ComponentImport<'_>) {
        self.item(&import.name, &import.ty);
    }

    fn export(&mut self, export: &ComponentExport<'_>) {
        self.name(&export.name);
        if let ComponentExternalKind::Value = export.kind {
            self.used |= WasmFeatures::CM_VALUES;
        }
        if let Some(ty) = &export.ty {
            self.reference(ty);
        }
    }

    fn item(&mut self, name: &ComponentExternName<'_>, ty: &ComponentTypeRef) {
        self.name(name);
        self.reference(ty);
    }

    fn reference(&mut self, ty: &ComponentTypeRef) {
        if let ComponentTypeRef::Value(ty) = ty {
            self.used |= WasmFeatures::CM_VALUES;
            self.value(*ty);
        }
    }

    fn name(&mut self, name: &ComponentExternName<'_>) {
        if name.version_suffix.is_some() {
            self.used |= WasmFeatures::CM_CANON_NAMES;
        }
        if name.implements.is_some() || name.external_id.is_some() {
            self.used |= WasmFeatures::CM_IMPLEMENTS;
        }
        for name in [Some(name.name), name.implements].into_iter().flatten() {
            let is_nested = name.split([':', '/']).count() > 3;
            let features = [
                (is_nested, WasmFeatures::CM_NESTED_NAMES),
                (name.contains("et]"), WasmFeatures::CM_ACCESSORS),
            ];
            for (is_possible, feature) in features {
                let without = WasmFeatures::all() - feature;
                if is_possible && ComponentName::new_with_features(name, 0, without).is_err() {
                    self.used |= feature;
                }
            }
        }
    }
}

pub(super) fn of_value(ty: ComponentValType) -> WasmFeatures {
    match ty {
        ComponentValType::Primitive(ty) => of_primitive(ty),
        ComponentValType::Type(_) => WasmFeatures::empty(),
    }
}

fn of_primitive(ty: PrimitiveValType) -> WasmFeatures {
    match ty {
        PrimitiveValType::ErrorContext => WasmFeatures::CM_ERROR_CONTEXT,
        _ => WasmFeatures::empty(),
    }
}
