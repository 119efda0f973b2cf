//! The OCI registry: repositories, tags, manifests and referrers on top of the store (OCI distribution specification 1.1). It is
//! independent of HTTP.
//!
//! The default branch decides which module a tag has; the records in `refs/oci/records` contain the manifest with which the tag was pushed.
//! Tag `T` of repository `R` has the module at `R/T.wasm`; the module at `R.wasm`, or at `R`, has the tags `latest` and `<default branch>`
//! of `R`. A pull of a tag gets the manifest with which the tag was pushed, as long as the only layer of that manifest is the module of the
//! tag. Otherwise it gets another pushed manifest with that layer, or a synthesised one, which the registry makes from the module. So every
//! module can be pulled even if no client pushed it, a rollback restores the earlier digest, and removing the module removes the tag.
//!
//! `records.rs` has the layout of `refs/oci/records`, `synthesized.rs` makes the manifest of a module that was not pushed, and
//! `tag_path.rs` maps tags to paths.

mod all_synthesized;
mod attach;
mod blobs;
mod branches;
mod catalog;
mod delete;
mod error;
mod keeper;
mod layers;
mod manifest;
mod manifest_digests;
mod module_name;
mod named_digests;
mod prepared_push;
mod prune;
mod pull;
mod push;
mod records;
mod referrers;
mod registry;
mod removal;
mod repository_records;
mod signature_tag;
mod synthesized;
mod tag_path;
mod tags;
mod touched;
mod verify;

pub use blobs::FoundBlob;
pub use error::{Error, ErrorCode, Result};
pub use keeper::keep_records;
pub use manifest::{Descriptor, IMAGE_INDEX, IMAGE_MANIFEST, Manifest};
pub use module_name::OciModule;
pub use pull::FoundManifest;
pub use push::{MANIFEST_BYTES_MAX, ManifestPush, PushedManifest};
pub use referrers::ReferrersPage;
pub use registry::Registry;
pub use tags::TagsPage;
