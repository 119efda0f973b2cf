//! The version index: its results match the history, even when its files are damaged, deleted or replaced.

mod damage;
mod few_trees;
mod lookups;
mod processes;
