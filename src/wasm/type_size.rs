//! Computes the sizes of component types, on which the cost of validation depends.

use std::collections::HashMap;

use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentEntityType, ComponentValType,
};
use wasmparser::types::TypesRef;
use wasmparser::{
    CanonicalFunction, ComponentExternalKind, ComponentInstance, ComponentTypeRef, Payload,
    Validator,
};

/// The cost of comparing one part of a type, or of copying the part to replace the resources in it, in units of fuel.
const PART: u64 = 20;
/// The maximum number of parts of a type; a part that occurs several times is counted each time. `wasmparser` rejects larger types.
const SIZE_MAX: u64 = 1_000_000;

/// The sizes of the types of a component. The size of a type is the number of its parts; a part that occurs several times is counted each
/// time. The cost depends on this size, because `wasmparser` compares the types of an instance's arguments part by part, and copies the
/// types of the instance's exports.
#[derive(Default)]
pub(super) struct TypeSizes {
    known: HashMap<ComponentAnyTypeId, u64>,
}

impl TypeSizes {
    /// Returns the estimated cost of validating the types to which a payload refers, in units of fuel (about a nanosecond of one core).
    pub(super) fn of_payload(&mut self, payload: &Payload<'_>, validator: &Validator) -> u64 {
        let Some(types) = validator.types(0) else {
            return 0;
        };
        let size = match payload {
            Payload::ComponentInstanceSection(section) => {
                let instances = section.clone().into_iter().map_while(Result::ok);
                self.sum(instances, |sizes, instance| {
                    sizes.of_instance(types, &instance)
                })
            }
            Payload::ComponentCanonicalSection(section) => {
                let functions = section.clone().into_iter().map_while(Result::ok);
                self.sum(functions, |sizes, function| {
                    sizes.of_function(types, &function)
                })
            }
            Payload::ComponentImportSection(section) => {
                let imports = section.clone().into_iter().map_while(Result::ok);
                self.sum(imports, |sizes, import| sizes.of_import(types, import.ty))
            }
            Payload::ComponentExportSection(section) => {
                let exports = section.clone().into_iter().map_while(Result::ok);
                self.sum(exports, |sizes, export| {
                    sizes.of_item(types, export.kind, export.index)
                })
            }
            _ => 0,
        };
        size.saturating_mul(PART)
    }

    fn sum<T>(
        &mut self,
        items: impl Iterator<Item = T>,
        mut size: impl FnMut(&mut Self, T) -> u64,
    ) -> u64 {
        items.fold(0, |sum: u64, item| sum.saturating_add(size(self, item)))
    }

    fn of_instance(&mut self, types: TypesRef<'_>, instance: &ComponentInstance<'_>) -> u64 {
        match instance {
            ComponentInstance::Instantiate {
                component_index, ..
            } => self.of_item(types, ComponentExternalKind::Component, *component_index),
            ComponentInstance::FromExports(exports) => self.sum(exports.iter(), |sizes, export| {
                sizes.of_item(types, export.kind, export.index)
            }),
        }
    }

    fn of_function(&mut self, types: TypesRef<'_>, function: &CanonicalFunction) -> u64 {
        match function {
            CanonicalFunction::Lift { type_index, .. } => self.of_type(types, *type_index),
            CanonicalFunction::Lower { func_index, .. } => {
                self.of_item(types, ComponentExternalKind::Func, *func_index)
            }
            _ => 1,
        }
    }

    fn of_import(&mut self, types: TypesRef<'_>, ty: ComponentTypeRef) -> u64 {
        match ty {
            ComponentTypeRef::Func(index)
            | ComponentTypeRef::Instance(index)
            | ComponentTypeRef::Component(index) => self.of_type(types, index),
            _ => 1,
        }
    }

    /// Returns the number of parts of an item's type, or 1 if the item does not exist.
    fn of_item(&mut self, types: TypesRef<'_>, kind: ComponentExternalKind, index: u32) -> u64 {
        let id = match kind {
            ComponentExternalKind::Func if index < types.component_function_count() => {
                ComponentAnyTypeId::Func(types.component_function_at(index))
            }
            ComponentExternalKind::Instance if index < types.component_instance_count() => {
                ComponentAnyTypeId::Instance(types.component_instance_at(index))
            }
            ComponentExternalKind::Component if index < types.component_count() => {
                ComponentAnyTypeId::Component(types.component_at(index))
            }
            ComponentExternalKind::Type => return self.of_type(types, index),
            _ => return 1,
        };
        self.of_id(types, id)
    }

    fn of_type(&mut self, types: TypesRef<'_>, index: u32) -> u64 {
        if index < types.component_type_count() {
            self.of_id(types, types.component_any_type_at(index))
        } else {
            1
        }
    }

    /// Returns the size of a type: the number of its parts. The recursion is not deep, because `wasmparser` limits the depth of types.
    fn of_id(&mut self, types: TypesRef<'_>, id: ComponentAnyTypeId) -> u64 {
        if let Some(size) = self.known.get(&id) {
            return *size;
        }
        let size = match id {
            ComponentAnyTypeId::Resource(_) => 0,
            ComponentAnyTypeId::Defined(id) => self.of_defined(types, &types[id]),
            ComponentAnyTypeId::Func(id) => {
                let ty = &types[id];
                let params = ty.params.iter().map(|(_, ty)| *ty);
                self.of_values(types, params.chain(ty.result))
            }
            ComponentAnyTypeId::Instance(id) => {
                let exports = types[id].exports.values();
                self.sum(exports, |sizes, item| sizes.of_entity(types, item.ty))
            }
            ComponentAnyTypeId::Component(id) => {
                let ty = &types[id];
                let items = ty.imports.values().chain(ty.exports.values());
                self.sum(items, |sizes, item| sizes.of_entity(types, item.ty))
            }
        };
        let size = size.saturating_add(1).min(SIZE_MAX);
        self.known.insert(id, size);
        size
    }

    fn of_entity(&mut self, types: TypesRef<'_>, ty: ComponentEntityType) -> u64 {
        match ty {
            ComponentEntityType::Module(id) => {
                let ty = &types[id];
                (ty.imports.len() + ty.exports.len()) as u64
            }
            ComponentEntityType::Func(id) => self.of_id(types, ComponentAnyTypeId::Func(id)),
            ComponentEntityType::Value(ty) => self.of_values(types, [ty]),
            ComponentEntityType::Type { created, .. } => self.of_id(types, created),
            ComponentEntityType::Instance(id) => {
                self.of_id(types, ComponentAnyTypeId::Instance(id))
            }
            ComponentEntityType::Component(id) => {
                self.of_id(types, ComponentAnyTypeId::Component(id))
            }
        }
    }

    fn of_defined(&mut self, types: TypesRef<'_>, ty: &ComponentDefinedType) -> u64 {
        match ty {
            ComponentDefinedType::Record(ty) => self.of_values(types, ty.fields.values().copied()),
            ComponentDefinedType::Variant(ty) => {
                self.of_values(types, ty.cases.values().filter_map(|case| case.ty))
            }
            ComponentDefinedType::Tuple(ty) => self.of_values(types, ty.types.iter().copied()),
            ComponentDefinedType::List { element: ty, .. }
            | ComponentDefinedType::FixedLengthList { element: ty, .. }
            | ComponentDefinedType::Option { ty, .. } => self.of_values(types, [*ty]),
            ComponentDefinedType::Map { key, value, .. } => self.of_values(types, [*key, *value]),
            ComponentDefinedType::Result { ok, err, .. } => {
                self.of_values(types, ok.iter().chain(err).copied())
            }
            ComponentDefinedType::Flags(names) | ComponentDefinedType::Enum(names) => {
                names.len() as u64
            }
            _ => 1,
        }
    }

    fn of_values(
        &mut self,
        types: TypesRef<'_>,
        values: impl IntoIterator<Item = ComponentValType>,
    ) -> u64 {
        self.sum(values.into_iter(), |sizes, ty| match ty {
            ComponentValType::Primitive(_) => 1,
            ComponentValType::Type(id) => sizes.of_id(types, ComponentAnyTypeId::Defined(id)),
        })
    }
}
