//! Describes the responses whose body is the bytes of a module.

use std::collections::BTreeMap;

use utoipa::openapi::{Content, Header, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, PartialSchema};

use super::parameters::string_schema;
use crate::wire::schema::{DigestSchema, HashSchema};

/// The responses to a request for a module: 200 with all bytes, 206 with a range of them, and 304.
pub(in crate::http) struct ModuleBytes;

impl IntoResponses for ModuleBytes {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let whole = with_content(cacheable("The module's bytes"));
        let range = header(
            "The range, and the size of the module",
            r"^bytes \d+-\d+/\d+$",
        );
        let part = with_content(cacheable("The requested range of the module's bytes"))
            .header("Content-Range", range);
        let not_modified = cacheable("The client already has the module");
        [("200", whole), ("206", part), ("304", not_modified)]
            .into_iter()
            .map(|(status, response)| (status.to_owned(), response.build().into()))
            .collect()
    }
}

fn cacheable(description: &str) -> ResponseBuilder {
    ResponseBuilder::new()
        .description(description)
        .header("ETag", entity_tag())
        .header("Cache-Control", Header::default())
        .header("Vary", Header::default())
}

/// Returns the header `ETag`. Modules and lists share one component for it.
pub(super) fn entity_tag() -> Header {
    let tag = "The module's hash in quotes, to which a compressed variant adds `-gzip` or `-zstd`; for a list, the commit in quotes";
    header(tag, r#"^"[0-9a-f]{40,64}(-gzip|-zstd)?"$"#)
}

fn with_content(response: ResponseBuilder) -> ResponseBuilder {
    let digest = "The SHA-256 of all bytes (RFC 9530). Absent if they are compressed";
    response
        .content("application/wasm", Content::default())
        .header("Wasmstore-Hash", Header::new(HashSchema::schema()))
        .header("Wasmstore-Digest", Header::new(DigestSchema::schema()))
        .header(
            "Repr-Digest",
            header(digest, "^sha-256=:[A-Za-z0-9+/=]{44}:$"),
        )
        .header(
            "Content-Encoding",
            header(
                "The coding in which the bytes are compressed",
                "^(gzip|zstd)$",
            ),
        )
        .header(
            "Accept-Ranges",
            header("Ranges can be requested", "^bytes$"),
        )
}

fn header(description: &str, pattern: &str) -> Header {
    let header = Header::new(string_schema(pattern));
    Header::builder()
        .schema(header.schema)
        .description(Some(description))
        .build()
}
