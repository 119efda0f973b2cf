//! The JSON shapes that the HTTP API and the command line share (API.md).
//!
//! Layer 3: names and the store's types in, what goes over the wire out, and back again for a client.

mod changes;
mod collected;
mod commit;
mod difference;
mod escape;
mod event;
mod info;
mod modules;
mod problem;
pub mod schema;
mod text;
mod verified;

pub use changes::{Changes, ReceivedChanges};
pub use collected::Collected;
pub use commit::{Commit, PathCommit, ShownCommit};
pub use difference::Difference;
pub use escape::{escaped, escaped_path, escaped_value};
pub use event::{ReceivedEvent, TEXT_BYTES_MAX, event_texts, wrapped_event_texts};
pub use info::Info;
pub use modules::{Modules, ReceivedModules};
pub use problem::{Missing, Problem};
pub use text::Text;
pub use verified::Verified;
