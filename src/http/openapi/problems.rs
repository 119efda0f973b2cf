//! The error responses of each kind of operation.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use utoipa::openapi::{
    ContentBuilder, Header, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type,
};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use crate::wire::Problem;

/// The descriptions of the error responses. Each is a component whose name is the reason phrase of the status.
const DESCRIPTIONS: [(u16, &str); 16] = [
    (400, "The request is malformed, or the module is invalid"),
    (401, "A valid key is needed"),
    (
        403,
        "The key does not allow the request, or the web origin is not allowed",
    ),
    (404, "Not found"),
    (408, "The body arrives too slowly"),
    (
        409,
        "The request conflicts with the store's content; nothing is changed",
    ),
    (412, "A precondition does not hold; nothing is changed"),
    (413, "The body is too large"),
    (
        415,
        "The body has a media type that the endpoint does not accept, or a content coding other than gzip and zstd",
    ),
    (
        416,
        "The range is outside of the module, or the chunk does not continue the upload",
    ),
    (
        426,
        "The endpoint is a WebSocket; connect with version 13 of the protocol",
    ),
    (429, "Too many wrong keys came from this address"),
    (431, "The head of the request is too large"),
    (500, "The server failed; the cause is in its log"),
    (
        503,
        "The server is busy or stopping, or cannot reach the bucket of its store; try again",
    ),
    (507, "The disk is full"),
];

/// Declares sets of error responses. Each set contains the listed statuses, and the statuses that every operation can return.
macro_rules! problems {
    ($($(#[$doc:meta])+ $name:ident = $statuses:expr;)+) => {
        $(
            $(#[$doc])+
            pub(in crate::http) struct $name;

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    references(&$statuses)
                }
            }
        )+
    };
}

problems! {
    /// The errors that every operation can have.
    Problems = [];
    /// The errors of operations that read.
    ReadProblems = [404];
    /// The errors of operations that read, and that return 409 if the history contains no change to undo.
    HistoryProblems = [404, 409];
    /// The errors of operations that send a module.
    ModuleProblems = [404, 412, 416];
    /// The errors of operations that create, delete or select a branch.
    BranchProblems = [404, 409, 507];
    /// The errors of operations that write.
    WriteProblems = [404, 409, 412, 507];
    /// The errors of the watch endpoint.
    WatchProblems = [404, 426];
    /// The errors of operations that read but have a request body.
    WorldProblems = [404, 408, 413, 415];
    /// The errors of operations that write, and that have a request body with modules or names of modules.
    BodyProblems = [404, 408, 409, 412, 413, 415, 507];
    /// Errors of requests that begin an upload in chunks.
    UploadBeginProblems = [404, 409, 412, 413, 507];
    /// Errors of requests that append a chunk to an upload.
    ChunkProblems = [404, 408, 413, 415, 416, 507];
    /// Errors of requests that complete an upload in chunks.
    CompletionProblems = [404, 408, 409, 412, 413, 415, 416, 507];
}

fn references(also: &[u16]) -> BTreeMap<String, RefOr<Response>> {
    let statuses = [400, 401, 403, 429, 431, 500, 503].iter().chain(also);
    let reference = |status: &u16| {
        let reference = Ref::from_response_name(component_name(*status));
        (status.to_string(), reference.into())
    };
    statuses.map(reference).collect()
}

/// Returns the components to which the sets of error responses refer.
pub(super) fn components() -> impl Iterator<Item = (String, RefOr<Response>)> {
    DESCRIPTIONS.into_iter().map(|(status, description)| {
        let line = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "One line of text; empty where clients would mistake the body for a result",
            ));
        let text = ContentBuilder::new().schema(Some(line)).build();
        let problem = Ref::from_schema_name(Problem::name());
        let json = ContentBuilder::new().schema(Some(problem)).build();
        let base = ResponseBuilder::new()
            .description(description)
            .content("text/plain", text)
            .content("application/problem+json", json);
        let response = match status {
            401 => base.header("WWW-Authenticate", Header::default()),
            415 => base.header("Accept-Encoding", Header::default()),
            426 => base.header("Upgrade", Header::default()),
            503 => base.header("Retry-After", Header::new(u16::schema())),
            _ => base,
        };
        (component_name(status), response.build().into())
    })
}

/// Returns the name of the component for a status: the reason phrase without spaces.
fn component_name(status: u16) -> String {
    let reason = StatusCode::from_u16(status)
        .expect("BUG: the status is valid")
        .canonical_reason()
        .expect("BUG: the status has a reason phrase");
    reason.replace(' ', "")
}
