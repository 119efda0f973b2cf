//! The version index: what it answers is what the history says, whatever happens to its files.

mod damage;
mod lookups;
mod processes;
