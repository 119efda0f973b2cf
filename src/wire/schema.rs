//! What the descriptions of the shapes say of the strings in them.

use std::borrow::Cow;

use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Declares strings of a form. They have no values: they only describe.
macro_rules! strings {
    ($($name:ident, $description:literal, $pattern:literal, $example:literal;)+) => {
        $(
            #[doc = concat!("The form of: ", $description)]
            #[derive(Clone, Copy, Debug)]
            pub enum $name {}

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    let schema = ObjectBuilder::new()
                        .schema_type(Type::String)
                        .description(Some($description))
                        .pattern(Some($pattern))
                        .examples([$example]);
                    Schema::from(schema).into()
                }
            }

            impl ToSchema for $name {
                fn name() -> Cow<'static, str> {
                    stringify!($name).into()
                }
            }
        )+
    };
}

/// The form of: a version of a path, as the pair of its hash and its oldest commit.
#[derive(Clone, Copy, Debug)]
pub enum Version {}

impl PartialSchema for Version {
    fn schema() -> RefOr<Schema> {
        // A tuple's schema would tell the two apart, which too few generators of clients understand.
        let schema = ArrayBuilder::new()
            .description(Some("A version: its hash, and its oldest commit."))
            .items(Ref::from_schema_name(Hash::name()))
            .min_items(Some(2))
            .max_items(Some(2));
        Schema::from(schema).into()
    }
}

impl ToSchema for Version {
    fn name() -> Cow<'static, str> {
        "Version".into()
    }
}

strings! {
    Hash,
        "A module's hash, its git blob id: 40 digits, or 64 in a SHA-256 store.",
        "^([0-9a-f]{40}|[0-9a-f]{64})$",
        "357f72da7a0db8add83699082fd51d46bf3352fb";
    Digest,
        "The SHA-256 of a module's bytes.",
        "^sha256:[0-9a-f]{64}$",
        "sha256:f61fd62f57c41269c3c23f360eeaf1090b1db9c38651106674d48bc65dba88ba";
    CommitHash,
        "A commit's id: 40 digits, or 64 in a SHA-256 store.",
        "^([0-9a-f]{40}|[0-9a-f]{64})$",
        "84d24bf0e2efdb27c575013d8e72d80882ae56d0";
}
