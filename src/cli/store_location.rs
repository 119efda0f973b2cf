//! The location of a store.

use std::path::PathBuf;

use crate::names::ServerUrl;

/// The location of a store: a local directory, or a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StoreLocation {
    /// A local directory.
    Directory(PathBuf),
    /// The URL of a server.
    Server(ServerUrl),
}
