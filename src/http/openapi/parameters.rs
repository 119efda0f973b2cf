//! The parameters of operations: names in URLs, headers and query parameters.

use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{Object, ObjectBuilder, Required, Type};

use crate::http::extract::{ModuleHeaders, ReadConditions, ReadRevision, WriteHeaders};

/// A parameter: its name, its description, and a pattern for its value. Clients may check values against the pattern, so it matches every
/// value that the server accepts. It may also match values that the server rejects.
type ParameterText = (&'static str, &'static str, &'static str);

const TAGS: &str = r#"^(\*|((W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)?)$"#;
const PATH: &str = r"^[^\u0000-\u001f\u007f-\u009f\\]+$";
const REVISION: &str = r"^[^\u0000- \u007f?*\[\\]+$";
/// Printable ASCII in which every percent sign begins a percent escape.
const TEXT: &str = "^([!-$&-~]|%[0-9A-Fa-f]{2})([ -$&-~]|%[0-9A-Fa-f]{2})*$";

/// The parameters for the names in URLs.
const URL_PARAMETERS: [ParameterText; 9] = [
    (
        "name",
        "A path, hash or digest; slashes may be escaped as `%2F`",
        PATH,
    ),
    (
        "path",
        "A path, such as `tools/add.wasm`; slashes may be escaped as `%2F`",
        PATH,
    ),
    (
        "prefix",
        "The path of a directory; slashes may be escaped as `%2F`",
        PATH,
    ),
    (
        "hash",
        "A hash, or a digest with or without `sha256:`",
        "^([0-9a-fA-F]{40}|(sha256:)?[0-9a-fA-F]{64})$",
    ),
    (
        "commit",
        "A commit's id or its first digits, a branch, a tag, or another revision such as `main~2`; slashes are escaped as `%2F`",
        REVISION,
    ),
    (
        "branch",
        "A branch name that git accepts; slashes may be escaped as `%2F`",
        r"^[^\u0000- \u007f~^:?*\[\\]+$",
    ),
    (
        "tag",
        "A tag name that git accepts; slashes may be escaped as `%2F`",
        r"^[^\u0000- \u007f~^:?*\[\\]+$",
    ),
    (
        "index",
        "The number of a version; 0 is the oldest",
        "^[0-9]+$",
    ),
    (
        "id",
        "The id of an upload, as in its `Location`",
        "^[0-9A-Za-z]{32}$",
    ),
];

const BRANCH: ParameterText = (
    "Wasmstore-Branch",
    "The branch to read or write instead of the default branch; percent-encoded",
    "^[!-}]+$",
);

const MIN_GENERATION: ParameterText = (
    "Wasmstore-Min-Generation",
    "On a server that shares its store with others in a bucket: wait up to 5 seconds until the server has this generation of the store, and respond with 503 otherwise. With the `Wasmstore-Generation` of an earlier response, a client sees its own changes on every server",
    "^[0-9]+$",
);

const CONSISTENT: ParameterText = (
    "consistent",
    "On a server that shares its store with others in a bucket: with `true`, check the bucket first, so that the response contains every change that was acknowledged before, by any server. 503 if the bucket cannot be reached",
    "^(true|false)$",
);

const READ_HEADERS: [ParameterText; 1] = [(
    "Wasmstore-Commit",
    "The commit to read instead of the branch's tip: an id or its first digits, a branch, a tag, or another revision such as `main~2`; percent-encoded",
    "^[!-~]+$",
)];

/// The query parameters of reads. Two of them can be used instead of headers.
const READ_QUERY: [ParameterText; 3] = [
    CONSISTENT,
    (
        "branch",
        "The same as the header `Wasmstore-Branch`, for clients that cannot send headers. 400 if both are given and differ",
        r"^[^\u0000- \u007f~^:?*\[\\]+$",
    ),
    (
        "commit",
        "The same as the header `Wasmstore-Commit`, for clients that cannot send headers. 400 if both are given and differ",
        REVISION,
    ),
];

const WRITE_HEADERS: [ParameterText; 4] = [
    (
        "Wasmstore-Author",
        "The commit's author, as `Name <mail>`; percent-encoded",
        TEXT,
    ),
    (
        "Wasmstore-Message",
        "The commit message; percent-encoded",
        TEXT,
    ),
    IF_MATCH,
    IF_NONE_MATCH,
];

const MODULE_HEADERS: [ParameterText; 5] = [
    IF_MATCH,
    IF_NONE_MATCH,
    (
        "Range",
        "The range of the uncompressed bytes to send",
        "^bytes=([0-9]+-[0-9]*|-[0-9]+)$",
    ),
    (
        "If-Range",
        "Send the range only if the module has this entity tag, otherwise all bytes",
        "^[ -~]*$",
    ),
    (
        "Accept-Encoding",
        "The accepted compressed variants: `zstd`, `gzip`",
        "^[ -~]*$",
    ),
];

const IF_MATCH: ParameterText = (
    "If-Match",
    "Proceed only if the current entity tag is one of these, or with `*` if there is one at all; otherwise 412. The entity tag of a path is that of its module, the entity tag of a whole tree is the branch's tip in quotes. A module may also be named by its digest: `\"sha256:<64 hex digits>\"`",
    TAGS,
);

const IF_NONE_MATCH: ParameterText = (
    "If-None-Match",
    "Proceed only if the current entity tag is none of these, or with `*` if there is none at all; otherwise 304 for reads and 412 for writes. A module may also be named by its digest: `\"sha256:<64 hex digits>\"`",
    TAGS,
);

const PATH_CONDITION_HEADERS: [ParameterText; 2] = [
    (
        "Wasmstore-If-Match",
        "Proceed only if each of these paths has the module with the hash that follows it, or already the module that the request puts there; otherwise 412. Items are separated by commas; paths are percent-encoded",
        "^[ -+\\--~]+ \"?([0-9a-fA-F]{40}|[0-9a-fA-F]{64})\"? *(,[ -+\\--~]+ \"?([0-9a-fA-F]{40}|[0-9a-fA-F]{64})\"? *)*$",
    ),
    (
        "Wasmstore-If-None-Match",
        "Proceed only if nothing is at these paths, or already the module that the request puts there; otherwise 412. With `*`, at every path that the request puts a module at; 400 if it does not name them. Items are separated by commas; paths are percent-encoded",
        r"^[ -+\--~]+(,[ -+\--~]+)*$",
    ),
];

const UPLOAD_HEADERS: [ParameterText; 3] = [
    (
        "Content-Encoding",
        "The content coding of the body",
        "^(gzip|zstd|identity)$",
    ),
    (
        "Content-Digest",
        "The SHA-256 or SHA-512 of the body (RFC 9530); 400 if the body has another digest",
        "^sha-256=:[A-Za-z0-9+/]{43}=:$",
    ),
    REPR_DIGEST,
];

/// Describes the headers `Wasmstore-If-Match` and `Wasmstore-If-None-Match`, which only writes that change modules accept. The extractor
/// [`WriteHeaders`] parses them, but its own description does not contain them.
pub(in crate::http) struct PathConditionHeaders;

const REPR_DIGEST: ParameterText = (
    "Repr-Digest",
    "The SHA-256 or SHA-512 of the module as it is transferred (RFC 9530), the same as `Content-Digest` if the body is all of it; 400 if it has another digest",
    "^sha-256=:[A-Za-z0-9+/]{43}=:$",
);

const CHUNK_HEADERS: [ParameterText; 2] = [
    (
        "Content-Range",
        "The positions of the first and the last byte of the chunk in the module; 416 if the chunk does not continue the upload",
        r"^(bytes )?[0-9]+-[0-9]+(/([0-9]+|\*))?$",
    ),
    (
        "Content-Digest",
        "The SHA-256 or SHA-512 of the chunk (RFC 9530); 400 if it has another digest, and nothing of it is appended. A chunk with this header has at most 16 MiB",
        "^sha-256=:[A-Za-z0-9+/]{43}=:$",
    ),
];

/// Describes the headers of requests that upload modules.
pub(in crate::http) struct UploadHeaders;

/// Describes the headers of requests that append a chunk to an upload.
pub(in crate::http) struct ChunkHeaders;

/// The header with the digest of a module that is uploaded in chunks.
pub(in crate::http) struct RepresentationDigest;

impl IntoParams for ReadRevision {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut parameters = headers([BRANCH, MIN_GENERATION].iter().chain(&READ_HEADERS));
        let in_query = |text| parameter(ParameterIn::Query, Required::False, text);
        parameters.extend(READ_QUERY.iter().map(in_query));
        parameters
    }
}

impl IntoParams for ReadConditions {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        headers(&[IF_NONE_MATCH])
    }
}

impl IntoParams for WriteHeaders {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        headers([BRANCH, MIN_GENERATION].iter().chain(&WRITE_HEADERS))
    }
}

impl IntoParams for ModuleHeaders {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        headers(&MODULE_HEADERS)
    }
}

impl IntoParams for PathConditionHeaders {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        headers(&PATH_CONDITION_HEADERS)
    }
}

impl IntoParams for ChunkHeaders {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        headers(&CHUNK_HEADERS)
    }
}

impl IntoParams for RepresentationDigest {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        headers(&[REPR_DIGEST])
    }
}

impl IntoParams for UploadHeaders {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        headers(&UPLOAD_HEADERS)
    }
}

/// Returns the parameter for the header `If-None-Match`.
pub(super) fn if_none_match() -> Parameter {
    parameter(ParameterIn::Header, Required::False, &IF_NONE_MATCH)
}

fn headers(texts: impl IntoIterator<Item = &'static ParameterText>) -> Vec<Parameter> {
    let header = |text| parameter(ParameterIn::Header, Required::False, text);
    texts.into_iter().map(header).collect()
}

/// Returns the parameters for the names in URLs.
pub(super) fn in_urls() -> impl Iterator<Item = Parameter> {
    URL_PARAMETERS
        .iter()
        .map(|text| parameter(ParameterIn::Path, Required::True, text))
}

fn parameter(location: ParameterIn, required: Required, text: &ParameterText) -> Parameter {
    let (name, description, pattern) = *text;
    ParameterBuilder::new()
        .name(name)
        .parameter_in(location)
        .required(required)
        .description(Some(description))
        .schema(Some(string_schema(pattern)))
        .build()
}

/// Returns the schema of a string that matches a pattern.
pub(super) fn string_schema(pattern: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .build()
}
