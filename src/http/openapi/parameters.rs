//! What requests say: the names in their URLs, and their headers.

use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};

use super::shared::string;
use crate::http::extract::{Changing, Reading, Wanted};

/// A name, what it is, and the form it has: a pattern that takes whatever the server takes, since clients check by it, and some of
/// what it refuses.
type Named = (&'static str, &'static str, &'static str);

const TAGS: &str = r#"^(\*|((W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)?)$"#;
const PATH: &str = r"^[^\u0000-\u001f\u007f-\u009f\\]+$";
const COMMIT: &str = "^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$";
/// Printable ASCII in which a percent sign only escapes.
const TEXT: &str = "^([!-$&-~]|%[0-9A-Fa-f]{2})([ -$&-~]|%[0-9A-Fa-f]{2})*$";

/// The names in URLs. Where slashes are in them, they may be sent as they are or as `%2F`.
const IN_URLS: [Named; 7] = [
    (
        "name",
        "A path, hash or digest; slashes as they are or as `%2F`",
        PATH,
    ),
    (
        "path",
        "A path, such as `tools/add.wasm`; slashes as they are or as `%2F`",
        PATH,
    ),
    (
        "prefix",
        "The path of a folder; slashes as they are or as `%2F`",
        PATH,
    ),
    (
        "hash",
        "A hash, or a digest with or without `sha256:`",
        "^([0-9a-fA-F]{40}|(sha256:)?[0-9a-fA-F]{64})$",
    ),
    ("commit", "A commit's id", COMMIT),
    (
        "branch",
        "A branch, as git takes it; slashes as they are or as `%2F`",
        r"^[^\u0000- \u007f~^:?*\[\\]+$",
    ),
    ("index", "A version's number; 0 is the oldest", "^[0-9]+$"),
];

const BRANCH: Named = (
    "Wasmstore-Branch",
    "Work on this branch instead of the default one; percent-encoded",
    "^[!-}]+$",
);

const READING: [Named; 1] = [(
    "Wasmstore-Commit",
    "Answer as of this commit instead of the branch's newest",
    COMMIT,
)];

const CHANGING: [Named; 4] = [
    (
        "Wasmstore-Author",
        "Who makes the change, as `Name <mail>`; percent-encoded",
        TEXT,
    ),
    (
        "Wasmstore-Message",
        "What the commit says; percent-encoded",
        TEXT,
    ),
    IF_MATCH,
    IF_NONE_MATCH,
];

const WANTED: [Named; 5] = [
    IF_MATCH,
    IF_NONE_MATCH,
    (
        "Range",
        "Answer only these bytes of the plain form",
        "^bytes=([0-9]+-[0-9]*|-[0-9]+)$",
    ),
    (
        "If-Range",
        "Answer the range only if the module has this tag, otherwise all bytes",
        "^[ -~]*$",
    ),
    (
        "Accept-Encoding",
        "Answer a compressed form: `zstd`, `gzip`",
        "^[ -~]*$",
    ),
];

const IF_MATCH: Named = (
    "If-Match",
    "Only what has one of these tags, with `*` whatever is there; otherwise 412. The tag of a path is its module's, that of a whole tree the branch's commit in quotes",
    TAGS,
);

const IF_NONE_MATCH: Named = (
    "If-None-Match",
    "Only what has none of these tags, with `*` only what is not there; otherwise a read is answered 304, a change 412",
    TAGS,
);

const ENCODING: [Named; 1] = [(
    "Content-Encoding",
    "How the body is compressed",
    "^(gzip|zstd|identity)$",
)];

/// The header of uploads.
pub(in crate::http) struct Encoding;

impl IntoParams for Reading {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        headers([BRANCH].iter().chain(&READING))
    }
}

impl IntoParams for Changing {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        headers([BRANCH].iter().chain(&CHANGING))
    }
}

impl IntoParams for Wanted {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        headers(&WANTED)
    }
}

impl IntoParams for Encoding {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        headers(&ENCODING)
    }
}

fn headers(named: impl IntoIterator<Item = &'static Named>) -> Vec<Parameter> {
    let header = |named| parameter(ParameterIn::Header, Required::False, named);
    named.into_iter().map(header).collect()
}

/// The parameters for the names in URLs.
pub(super) fn in_urls() -> impl Iterator<Item = Parameter> {
    IN_URLS
        .iter()
        .map(|named| parameter(ParameterIn::Path, Required::True, named))
}

fn parameter(place: ParameterIn, required: Required, named: &Named) -> Parameter {
    let (name, description, pattern) = *named;
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(description))
        .schema(Some(string(pattern)))
        .build()
}
