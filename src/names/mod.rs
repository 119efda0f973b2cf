//! The names that users and clients supply: paths, branches, hashes, authors, messages, URLs and patterns. Each is parsed once and valid from
//! then on.
//!
//! A value of one of these types can only be created by `parse` or from parts that are already valid, so no caller checks it again. Every
//! accepted name may be stored in a repository: stock `git fsck --strict` accepts it. This subsystem does not know whether a file or ref
//! with the name exists. `parse` also accepts some names that must not be added to a repository, so that existing files and refs with such
//! names can be read and removed. A caller that adds a name must check it with [`check_new_segment`], [`BranchName::check_new`] or
//! [`RefName::check_new`].

mod author;
mod branch;
mod cutoff;
mod destination;
mod digest;
mod display;
mod dotgit;
mod error;
mod glob;
mod glob_syntax;
mod hex;
mod id;
mod login_name;
mod message;
mod mirror;
mod module_pattern;
mod nearest_name;
mod oci;
mod path;
mod portable;
mod ref_name;
mod reference;
mod remote_url;
mod revision;
mod segment;
mod server_url;
mod short_name;
mod trailers;
mod tree_path;
mod tree_pattern;
mod url_credentials;

pub use author::Author;
pub use branch::BranchName;
pub use cutoff::Cutoff;
pub use destination::Destination;
pub use digest::Digest;
pub use display::{escape, is_display_control, printable, printable_excerpt};
pub use error::Error;
pub use glob::Glob;
pub use id::{CommitId, ModuleHash, ObjectId};
pub use login_name::LoginName;
pub use message::Message;
pub use mirror::MirrorName;
pub use module_pattern::ModulePattern;
pub use nearest_name::nearest;
pub use oci::{ManifestRef, OciDigest, OciTag, RepositoryName};
pub use path::ModulePath;
pub use portable::{SimilarNames, check_portable_segment};
pub use ref_name::{RefName, TagName};
pub use reference::{HashRef, ModuleRef};
pub use remote_url::{RemoteUrl, redact};
pub use revision::{RevisionBase, RevisionName, RevisionStep, is_abbreviated_id};
pub use segment::{check_new_segment, is_legal_segment};
pub use server_url::{ServerUrl, address_without_scheme, invalid_store_location};
pub use trailers::{separator as trailer_separator, with_trailer};
pub use tree_path::TreePath;
pub use tree_pattern::TreePattern;
pub use url_credentials::UrlCredentials;
