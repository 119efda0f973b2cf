//! The two places where a store may be.

use crate::remote::client::Client;
use crate::store::Store;

/// A store, wherever it is.
#[expect(clippy::large_enum_variant, reason = "there is one of them")]
pub enum AnyStore {
    /// In a folder of this machine.
    Local(Store),
    /// Behind a server.
    Served(Client),
}
