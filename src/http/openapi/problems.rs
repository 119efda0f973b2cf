//! What may go wrong, by what is asked.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use utoipa::openapi::{
    ContentBuilder, Header, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type,
};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use crate::wire::Problem;

/// What an answer with one of these statuses means. Each of them is a component, called by its canonical reason.
const MEANINGS: [(u16, &str); 15] = [
    (400, "The request is malformed, or the module is invalid"),
    (401, "A valid key is needed"),
    (
        403,
        "The key does not allow it, or the page's origin may not",
    ),
    (404, "There is none"),
    (408, "The body comes too slowly"),
    (409, "It conflicts with what is there; nothing is changed"),
    (412, "A precondition does not hold; nothing is changed"),
    (413, "The module is too large"),
    (
        415,
        "The body is neither plain nor compressed with gzip or zstd",
    ),
    (416, "The range lies outside of the module"),
    (
        426,
        "It is a WebSocket; connect with version 13 of that protocol",
    ),
    (431, "The request's head is too large"),
    (500, "The server failed; its log tells more of this request"),
    (503, "The server is busy or stopping; try again"),
    (507, "The disk is full"),
];

/// Declares sets of what may go wrong.
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
    /// What every request may be answered that cannot be done.
    Problems = [];
    /// What a read may be answered too.
    ReadProblems = [404];
    /// What a read of a module may be answered too.
    ModuleProblems = [404, 412, 416];
    /// What a change of the branches may be answered too.
    BranchProblems = [404, 409, 507];
    /// What a change on a branch may be answered too.
    ChangeProblems = [404, 409, 412, 507];
    /// What one who comes to watch may be answered too.
    WatchProblems = [404, 426];
    /// What an upload may be answered too.
    UploadProblems = [404, 408, 409, 412, 413, 415, 507];
}

fn references(also: &[u16]) -> BTreeMap<String, RefOr<Response>> {
    let statuses = [400, 401, 403, 431, 500, 503].iter().chain(also);
    let reference = |status: &u16| {
        let reference = Ref::from_response_name(component(*status));
        (status.to_string(), reference.into())
    };
    statuses.map(reference).collect()
}

/// The components that the sets refer to.
pub(super) fn components() -> impl Iterator<Item = (String, RefOr<Response>)> {
    MEANINGS.into_iter().map(|(status, meaning)| {
        let line = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "One line; none where a body would be taken for something else",
            ));
        let line = ContentBuilder::new().schema(Some(line)).build();
        let document = Ref::from_schema_name(Problem::name());
        let document = ContentBuilder::new().schema(Some(document)).build();
        let response = ResponseBuilder::new()
            .description(meaning)
            .content("text/plain", line)
            .content("application/problem+json", document);
        let response = match status {
            401 => response.header("WWW-Authenticate", Header::default()),
            415 => response.header("Accept-Encoding", Header::default()),
            426 => response.header("Upgrade", Header::default()),
            503 => response.header("Retry-After", Header::new(u16::schema())),
            _ => response,
        };
        (component(status), response.build().into())
    })
}

/// The canonical reason as one word.
fn component(status: u16) -> String {
    let status = StatusCode::from_u16(status).expect("BUG: a status");
    let reason = status.canonical_reason().expect("BUG: no reason is known");
    reason.replace(' ', "")
}
