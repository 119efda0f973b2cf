//! The answers that are a module's bytes.

use std::collections::BTreeMap;

use utoipa::openapi::{Content, Header, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, PartialSchema};

use super::shared::string;
use crate::wire::schema::{DigestSchema, HashSchema};

/// All bytes of a module, a part of them, or that the client has them.
pub(in crate::http) struct Bytes;

impl IntoResponses for Bytes {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let whole = described(cached("The module's bytes"));
        let part = described(cached("A part of the module's bytes"));
        let range = "Which part of how many bytes it is";
        let part = part.header("Content-Range", header(range, r"^bytes \d+-\d+/\d+$"));
        let none = cached("The client has the module");
        let all = [("200", whole), ("206", part), ("304", none)];
        all.into_iter()
            .map(|(status, response)| (status.to_owned(), response.build().into()))
            .collect()
    }
}

fn cached(description: &str) -> ResponseBuilder {
    let tag = "The module's hash in quotes, with `-gzip` or `-zstd` in them if it is compressed";
    ResponseBuilder::new()
        .description(description)
        .header("ETag", header(tag, r#"^"[0-9a-f]{40,64}(-gzip|-zstd)?"$"#))
        .header("Cache-Control", Header::default())
        .header("Vary", Header::default())
}

fn described(response: ResponseBuilder) -> ResponseBuilder {
    let digest = "The SHA-256 of all bytes (RFC 9530), if they are not compressed";
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
            header("How they are compressed", "^(gzip|zstd)$"),
        )
        .header("Accept-Ranges", header("Parts can be asked for", "^bytes$"))
}

fn header(description: &str, pattern: &str) -> Header {
    let header = Header::new(string(pattern));
    Header::builder()
        .schema(header.schema)
        .description(Some(description))
        .build()
}
