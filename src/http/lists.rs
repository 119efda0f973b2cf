//! The lists of the API.

/// The routes of lists. The response follows from the URL and the commit alone, so the commit is its entity tag.
pub(super) const LISTS: [&str; 5] = [
    "/api/v1/modules",
    "/api/v1/modules/{*prefix}",
    "/api/v1/versions/{*path}",
    "/api/v1/commits",
    "/api/v1/commits/{*path}",
];
