//! `/auth`: checks what an API key allows.

use crate::http::openapi::Problems;

/// Returns 200 if the key allows the method of this request
#[utoipa::path(method(get, head, post, put, delete), path = "/auth", tag = "admin",
    responses((status = 200, description = "The key allows the method"), Problems))]
pub(in crate::http) async fn auth() {}
