//! The pages of the web UI: renders HTML from the data that the store returns.
//!
//! This is part of layer 4, next to [`http`](crate::http), which parses requests, reads the store, and sends the pages that are rendered
//! here. Nothing here reads the store or uses HTTP. Each screen is a file with a struct that holds the data of the screen, and a function
//! that renders it; [`layout`] puts the frame around every screen.
//!
//! Text from modules and commits must go through [`text`], which shows control and bidirectional characters as escapes; `maud` escapes
//! HTML. A page has no inline script or style, so that the Content-Security-Policy that `http` sends can forbid both: scripts and styles
//! are in the files of [`assets`].

mod action_links;
mod actions;
pub mod assets;
pub mod branches;
pub mod change_form;
pub mod change_preview;
pub mod change_texts;
pub mod changes;
pub mod commit;
pub mod compare;
pub mod directory;
pub mod error_page;
mod format;
pub mod history;
mod icicle;
pub mod lanes;
pub mod layout;
pub mod links;
pub mod module;
pub mod picker;
pub mod search;
pub mod sign_in;
mod size_tree;
mod sparkline;
pub mod status;
pub mod tags;
pub mod text;
pub mod upload;
mod wit_text;

pub use layout::{Section, page};
pub use links::{Place, Rights, Site};
pub use maud::Markup;
