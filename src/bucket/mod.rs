//! The shared state of a store on several machines, in an object store: a manifest, which the machines replace by compare-and-swap, and the
//! packs that it names.
//!
//! A bucket has these objects, below the prefix of its URL:
//!
//! | key | content |
//! |---|---|
//! | `manifest` | the state: refs, packs, generation. The only object that ever changes |
//! | `packs/<generation>-pack-<checksum>.pack`, `.idx` | a git pack and its index |
//! | `refs/<generation>-<sha256>` | most refs, in git's packed-refs format; the manifest has those that changed since |
//! | `probe/…` | temporary objects of a probe, which checks whether conditional writes are atomic |
//!
//! A generation is the number of swaps so far; `<generation>` is the generation of the state that the object was made for. A key is used
//! for one content only, so only `manifest` is ever overwritten.
//!
//! # A swap
//! 1. The packs are uploaded ([`Authority::keep`](crate::repo::Authority::keep)).
//! 2. The manifest is replaced if it still has the ETag of the state that the change was decided on. The new manifest contains a random
//!    batch id.
//! 3. On any response other than success, the manifest is read. If it contains the batch id, the swap was made. If it does not contain the
//!    batch id and its ETag has changed, the swap was not made and never will be. If the ETag is unchanged, the request may still be on its
//!    way, so the same bytes are sent again: the first request to arrive replaces the manifest, and the condition of the others then fails.
//!
//! # Deleting without clocks
//! The manifest contains a generation that is called the floor. A key that the manifest does not name may be deleted at any time if its
//! generation is below the floor. A swap therefore never adds a pack with a key below the floor; it uploads the pack again with a newer
//! key.

mod authority;
mod client;
mod counters;
mod credentials;
mod directory;
mod handle;
mod init;
mod logged_requests;
mod manifest;
mod open;
mod options;
mod packs;
mod probe;
mod races;
mod reads;
mod repeat;
mod request_failure;
mod snapshot;
mod state;
mod status;
mod swap;
mod sweep;
mod url;
mod verify;

pub use credentials::{settings_of_profile, with_profile};
pub use handle::{Bucket, BucketIdentity};
pub use init::NewStore;
pub use logged_requests::CLIENT_LOG_TARGET;
pub use manifest::PeerKeyHex;
pub use options::{BucketOptions, BucketTiming};
pub use probe::{ProbeCheck, ProbeReport, ProbeScope};
pub use status::{BucketObjects, BucketStatus};
pub use url::{BucketUrl, InvalidBucketUrl};
pub use verify::BucketFinding;

#[cfg(test)]
#[path = "../../tests/support/faulty_bucket.rs"]
mod faulty_bucket;
#[cfg(test)]
#[path = "../../tests/support/odd_bucket.rs"]
mod odd_bucket;
#[cfg(test)]
mod tests;
