//! The store's support for the OCI registry (`oci/`): a consistent view of its records and a branch, writes that change both in one step,
//! and the uploaded blobs that no manifest names yet.
//!
//! The records are the files in the tree of `refs/oci/records`. Only `oci/` knows their meaning.

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
