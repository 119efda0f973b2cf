//! `/auth`.

use crate::http::openapi::Problems;

/// Returns 200 if the key allows this method
#[utoipa::path(method(get, head, post, put, delete), path = "/auth", tag = "admin",
    responses((status = 200, description = "The key allows the method"), Problems))]
pub(in crate::http) async fn auth() {}
