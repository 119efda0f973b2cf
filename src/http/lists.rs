//! The list routes of the API.

/// The routes that return lists. Their responses depend on nothing but the URL and the commit, so the commit id is the entity tag.
pub(super) const LISTS: [&str; 5] = [
    "/api/v1/modules",
    "/api/v1/modules/{*prefix}",
    "/api/v1/versions/{*path}",
    "/api/v1/commits",
    "/api/v1/commits/{*path}",
];
