//! The OCI registry: repositories, tags, manifests and referrers on top of the store (OCI distribution specification 1.1). It does not know
//! HTTP.
//!
//! The default branch decides which module a tag is; the records in `refs/oci/records` decide with which manifest it was pushed. Tag `T` of
//! repository `R` is the module at `R/T.wasm`; the module at `R.wasm`, or at `R`, is `R:latest`, and `R:<default branch>`. A tag that was
//! pushed is served with its manifest as long as the layer of that manifest is the module. Otherwise another pushed manifest with that layer
//! is served, or a synthesised one. So every module can be pulled without a push, a rollback brings the earlier digest back, and removing
//! the module removes the tag.
//!
//! `records.rs` has the layout of `refs/oci/records`, `synthesized.rs` the manifest of a module that was not pushed, `tag_path.rs` the path of a tag.
//! The other files have one operation each.

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
