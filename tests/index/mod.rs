//! The version index: its results match the history, even when its files are damaged, deleted or replaced.

mod damage;
mod lookups;
mod processes;
