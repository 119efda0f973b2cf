//! The JSON shapes that the HTTP API and the command line share (API.md).
//!
//! Layer 3: names and the store's types in, what goes over the wire out.

mod changes;
mod collected;
mod commit;
mod difference;
mod event;
mod info;
mod modules;
pub mod schema;
mod text;
mod verified;

pub use changes::Changes;
pub use collected::Collected;
pub use commit::{Commit, ShownCommit};
pub use difference::Difference;
pub use event::{TEXT_BYTES_MAX, event_texts, wrapped_event_texts};
pub use info::Info;
pub use modules::Modules;
pub use text::Text;
pub use verified::Verified;
