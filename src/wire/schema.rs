//! OpenAPI schemas of the strings and pairs in the JSON types.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Declares a type for each schema of a string. The types have no values: they exist only to implement `ToSchema`.
macro_rules! strings {
    ($($type:ident, $name:literal, $description:literal, $pattern:literal, $example:literal;)+) => {
        $(
            #[doc = concat!("The schema of a string: ", $description)]
            #[derive(Clone, Copy, Debug, Serialize)]
            pub enum $type {}

            impl PartialSchema for $type {
                fn schema() -> RefOr<Schema> {
                    let schema = ObjectBuilder::new()
                        .schema_type(Type::String)
                        .description(Some($description))
                        .pattern(Some($pattern))
                        .examples([$example]);
                    Schema::from(schema).into()
                }
            }

            impl ToSchema for $type {
                fn name() -> Cow<'static, str> {
                    $name.into()
                }
            }
        )+
    };
}

/// The schema of a version of a path: the pair of its hash and its oldest commit.
#[derive(Clone, Copy, Debug)]
pub enum VersionSchema {}

impl PartialSchema for VersionSchema {
    fn schema() -> RefOr<Schema> {
        // A tuple schema would describe the two items separately, but few client generators support it.
        let schema = ArrayBuilder::new()
            .description(Some("A version: its hash, and its oldest commit."))
            .items(Ref::from_schema_name(HashSchema::name()))
            .min_items(Some(2))
            .max_items(Some(2));
        Schema::from(schema).into()
    }
}

impl ToSchema for VersionSchema {
    fn name() -> Cow<'static, str> {
        "Version".into()
    }
}

strings! {
    HashSchema,
        "Hash",
        "A module's hash, its git blob id: 40 digits, or 64 in a SHA-256 store.",
        "^([0-9a-f]{40}|[0-9a-f]{64})$",
        "357f72da7a0db8add83699082fd51d46bf3352fb";
    DigestSchema,
        "Digest",
        "The SHA-256 of a module's bytes.",
        "^sha256:[0-9a-f]{64}$",
        "sha256:f61fd62f57c41269c3c23f360eeaf1090b1db9c38651106674d48bc65dba88ba";
    CommitHashSchema,
        "CommitHash",
        "A commit's id: 40 digits, or 64 in a SHA-256 store.",
        "^([0-9a-f]{40}|[0-9a-f]{64})$",
        "84d24bf0e2efdb27c575013d8e72d80882ae56d0";
}
