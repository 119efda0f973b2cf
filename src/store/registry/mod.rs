//! The store's support for the OCI registry (`oci/`): one view of its records and of the default branch, one write that changes both, and
//! the blobs that no manifest names yet.
//!
//! The records are the tree of `refs/oci/records`. Only `oci/` knows their meaning.

mod draft;
mod keeper;
mod manifests;
mod records_edit;
mod uploads;
mod view;
mod write;

pub use draft::RegistryDraft;
pub use keeper::RecordKeeper;
pub use records_edit::RecordsEdit;
pub use uploads::BlobUpload;
pub use view::{RegistryError, RegistryView};
pub use write::RegistryWrite;
