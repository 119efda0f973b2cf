//! The routes of the API that return lists.

/// The routes that return lists. Their responses depend only on the URL and the commit, so the commit id is used as the entity tag.
pub(super) const LISTS: [&str; 5] = [
    "/api/v1/modules",
    "/api/v1/modules/{*prefix}",
    "/api/v1/versions/{*path}",
    "/api/v1/commits",
    "/api/v1/commits/{*path}",
];
