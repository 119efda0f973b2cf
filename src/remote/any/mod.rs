//! A store, wherever it is: in a folder here, or served elsewhere. The same verbs, answers and errors.

mod change;
mod history;
mod read;
mod store;

pub use read::Found;
pub use store::AnyStore;
