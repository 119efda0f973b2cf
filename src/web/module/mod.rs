//! The screen of a module, one file per card.

mod get_it;
mod interface;
mod largest;
mod metadata;
mod page;
mod versions;

pub use page::{ModulePage, VersionRow};
