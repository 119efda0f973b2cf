//! The names that come from outside, parsed once and valid ever after.
//!
//! Every type here is made only by its `parse` (or from a part that is valid already), so whoever holds one need not
//! check it again. Whatever is accepted can stand in a repository: stock `git fsck --strict` finds no fault with it.
//! The room knows rules and nothing else: whether the thing named exists is for others to say.

mod author;
mod branch;
mod digest;
mod dotgit;
mod error;
mod hex;
mod id;
mod message;
mod mirror;
mod path;
mod ref_name;
mod reference;
mod remote_url;
mod segment;
mod server_url;
mod tree_path;

pub use author::Author;
pub use branch::BranchName;
pub use digest::Digest;
pub use error::Error;
pub use id::{CommitId, ModuleHash, ObjectId};
pub use message::Message;
pub use mirror::MirrorName;
pub use path::ModulePath;
pub use ref_name::{RefName, TagName};
pub use reference::{HashRef, ModuleRef};
pub use remote_url::{RemoteUrl, redact};
pub use segment::is_legal_segment;
pub use server_url::ServerUrl;
pub use tree_path::TreePath;
