//! Computes digests of the structure of WIT types. Types of different modules can be compared by their digests.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};
use wit_parser::{
    Function, Handle, InterfaceId, Resolve, Type, TypeDef, TypeDefKind, TypeId, TypeOwner,
};

/// A digest of the structure of a type or function. Two shapes are equal if and only if the component model accepts one type or function
/// for the other. Therefore the names of fields, cases and parameters are part of the digest, and the names of aliases are not. A resource
/// is identified by its interface and its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wasm) struct Shape([u8; 32]);

/// The shapes (digests of the structure) of all types of a [`Resolve`].
pub(super) struct Shapes {
    /// The [`Shape`] of each type, by the index of the type in the [`Resolve`].
    types: Vec<Shape>,
}

/// The names of the interfaces that are defined inline within a world, and so have no name of their own. Each value is the name under which
/// the world imports or exports the interface.
pub(super) type InlineNames<'a> = HashMap<InterfaceId, &'a str>;

impl Shapes {
    /// Computes the shapes (digests of the structure) of all types. The shape of each type is computed only once, because a million types
    /// may refer to it. A type refers only to earlier types.
    pub(super) fn of(resolve: &Resolve, inline: &InlineNames<'_>) -> Self {
        let mut shapes = Self {
            types: Vec::with_capacity(resolve.types.len()),
        };
        for (_, ty) in resolve.types.iter() {
            let shape = shapes.define(resolve, inline, ty);
            shapes.types.push(shape);
        }
        shapes
    }

    fn define(&self, resolve: &Resolve, inline: &InlineNames<'_>, ty: &TypeDef) -> Shape {
        let hash = ShapeHasher::new(ty.kind.as_str());
        match &ty.kind {
            TypeDefKind::Type(aliased) => return self.of_type(aliased),
            TypeDefKind::Resource => hash
                .text(&owner_name(resolve, inline, ty.owner))
                .text(ty.name.as_deref().unwrap_or_default()),
            TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => {
                hash.shape(self.of_id(*id))
            }
            TypeDefKind::Record(record) => record.fields.iter().fold(hash, |hash, field| {
                hash.text(&field.name).shape(self.of_type(&field.ty))
            }),
            TypeDefKind::Variant(variant) => variant.cases.iter().fold(hash, |hash, case| {
                self.optional(hash.text(&case.name), case.ty.as_ref())
            }),
            TypeDefKind::Enum(cases) => {
                let cases = cases.cases.iter();
                cases.fold(hash, |hash, case| hash.text(&case.name))
            }
            TypeDefKind::Flags(flags) => {
                let flags = flags.flags.iter();
                flags.fold(hash, |hash, flag| hash.text(&flag.name))
            }
            TypeDefKind::Tuple(tuple) => {
                let types = tuple.types.iter();
                types.fold(hash, |hash, ty| hash.shape(self.of_type(ty)))
            }
            TypeDefKind::Option(ty) | TypeDefKind::List(ty) => hash.shape(self.of_type(ty)),
            TypeDefKind::FixedLengthList(ty, length) => {
                hash.shape(self.of_type(ty)).text(&length.to_string())
            }
            TypeDefKind::Map(key, value) => {
                hash.shape(self.of_type(key)).shape(self.of_type(value))
            }
            TypeDefKind::Result(result) => {
                let hash = self.optional(hash, result.ok.as_ref());
                self.optional(hash, result.err.as_ref())
            }
            TypeDefKind::Future(ty) | TypeDefKind::Stream(ty) => self.optional(hash, ty.as_ref()),
            TypeDefKind::Unknown => hash,
        }
        .finish()
    }

    pub(super) fn of_type(&self, ty: &Type) -> Shape {
        match ty {
            Type::Id(id) => self.of_id(*id),
            primitive => ShapeHasher::new(primitive_name(primitive)).finish(),
        }
    }

    /// Returns the [`Shape`] of a type. It has been computed already, because `Resolve` lists each type after the types to which it refers.
    /// If it has not been computed, returns a shape that no other type has.
    pub(super) fn of_id(&self, id: TypeId) -> Shape {
        let unknown = || ShapeHasher::new("unknown").text(&id.index().to_string());
        let known = self.types.get(id.index()).copied();
        known.unwrap_or_else(|| unknown().finish())
    }

    pub(super) fn of_function(&self, function: &Function) -> Shape {
        let is_async = function.kind.is_async();
        let hash = ShapeHasher::new(if is_async { "async func" } else { "func" });
        let hash = function.params.iter().fold(hash, |hash, parameter| {
            hash.text(&parameter.name)
                .shape(self.of_type(&parameter.ty))
        });
        self.optional(hash.text("result"), function.result.as_ref())
            .finish()
    }

    fn optional(&self, hash: ShapeHasher, ty: Option<&Type>) -> ShapeHasher {
        match ty {
            Some(ty) => hash.text("some").shape(self.of_type(ty)),
            None => hash.text("none"),
        }
    }
}

impl Shape {
    /// Returns the shape of a list, from the names and the shapes of its items.
    pub(super) fn of_list<'a>(items: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        let hash = ShapeHasher::new("list");
        items
            .into_iter()
            .fold(hash, |hash, (name, shape)| hash.text(name).shape(shape))
            .finish()
    }
}

/// Hashes the parts of a type. The length of each text is hashed before the text, so that different types never hash the same bytes.
struct ShapeHasher(Sha256);

impl ShapeHasher {
    fn new(kind: &str) -> Self {
        Self(Sha256::new()).text(kind)
    }

    fn text(mut self, text: &str) -> Self {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
        self
    }

    fn shape(mut self, shape: Shape) -> Self {
        self.0.update(shape.0);
        self
    }

    fn finish(self) -> Shape {
        Shape(self.0.finalize().into())
    }
}

/// Returns the name of the interface that defines a resource. The name contains only the part of the version on which compatibility
/// depends, such as `0.2`.
fn owner_name(resolve: &Resolve, inline: &InlineNames<'_>, owner: TypeOwner) -> String {
    let TypeOwner::Interface(id) = owner else {
        return "world".to_owned();
    };
    resolve
        .canonicalized_id_of(id)
        .or_else(|| inline.get(&id).map(|name| (*name).to_owned()))
        .unwrap_or_default()
}

fn primitive_name(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::S8 => "s8",
        Type::S16 => "s16",
        Type::S32 => "s32",
        Type::S64 => "s64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::ErrorContext => "error-context",
        Type::Id(_) => "id",
    }
}
